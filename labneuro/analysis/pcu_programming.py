"""What incremental step pulses tell of M1: whether they converge, and the step law.

A pulse of amplitude V and width w moves ln G towards its upper or lower bound: what is
left to move shrinks by ``exp(-w rate (exp((|V| - dead zone) / scale) - 1))``.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figure 2b, "Electrical Characterization".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from labneuro.counting import wilson_interval
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Readings = Mapping[str, NDArray[np.generic]]
    Row = dict[str, float | str | None]

LAW = (
    ("multistate_rate", "1/s"),
    ("multistate_dead_zone", "V"),
    ("multistate_voltage", "V"),
    ("multistate_low", "S"),
    ("multistate_high", "S"),
)
"""Parameters of the step law and their units."""
_ROUNDS = 5
_FEWEST = 20
_LARGEST_EXPONENT = 60.0
_SMALLEST = 1e-4  # V above the dead zone: a smooth start


@dataclass(frozen=True)
class Programmings:
    """Each programming of a run in a row.

    Attributes
    ----------
    unit : ndarray of int, shape (programmings,)
        Row and column.
    target, reached, before : ndarray, shape (programmings,)
        Conductance wanted, read last and read first, in S.
    pulses, overshoots : ndarray of int, shape (programmings,)
        Pulses sent, and how often the direction turned.
    tolerance : float
        Relative.
    """

    unit: NDArray[np.int64]
    target: Array
    reached: Array
    before: Array
    pulses: NDArray[np.int64]
    overshoots: NDArray[np.int64]
    tolerance: float

    @property
    def success(self) -> NDArray[np.bool_]:
        """Whether the last reading was within the tolerance."""
        # The instrument compares currents: a reading at the edge is rounded here.
        return np.abs(self.reached / self.target - 1.0) <= self.tolerance * (1 + 1e-9)

    @property
    def upward(self) -> NDArray[np.bool_]:
        """Whether the programming began below its target."""
        return self.before < self.target


def programmings(readings: Readings, tolerance: float) -> Programmings:
    """Gather the programmings of an IncrementalStepPulse run.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Its readings.
    tolerance : float
        As the run had it.
    """
    step = np.asarray(readings["step"])
    ends = np.flatnonzero(np.append(np.diff(step) != 0, True))
    begins = np.concatenate([[0], ends[:-1] + 1])
    conductance = np.asarray(readings["conductance"], dtype=np.float64)
    amplitude = np.asarray(readings["amplitude"], dtype=np.float64)
    turns = [
        int(np.count_nonzero(np.diff(np.sign(amplitude[first + 1 : last + 1]))))
        for first, last in zip(begins, ends, strict=True)
    ]
    return Programmings(
        np.asarray(readings["unit"], dtype=np.int64)[ends],
        np.asarray(readings["target"], dtype=np.float64)[ends],
        conductance[ends],
        conductance[begins],
        np.asarray(ends - begins, dtype=np.int64),
        np.array(turns, dtype=np.int64),
        tolerance,
    )


def joined_programmings(parts: Sequence[Programmings]) -> Programmings:
    """Return the programmings of several runs as one; the widest tolerance is kept.

    Parameters
    ----------
    parts : sequence of Programmings
        At least one.
    """
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("unit", "target", "reached", "before", "pulses", "overshoots")
    }
    return Programmings(**columns, tolerance=max(part.tolerance for part in parts))


def programming_rows(device: str, found: Programmings) -> list[Row]:
    """Return convergence statistics: all, by direction, by unit, by target.

    Parameters
    ----------
    device : str
        Its name.
    found : Programmings
        Of its runs.
    """
    groups: list[tuple[str, NDArray[np.bool_]]] = [
        ("all", np.ones(len(found.unit), dtype=bool)),
        ("up", found.upward),
        ("down", ~found.upward),
    ]
    groups += [(f"unit {one}", found.unit == one) for one in np.unique(found.unit)]
    groups += [(f"{t:g} S", found.target == t) for t in np.unique(found.target)]
    rows: list[Row] = []
    for name, chosen in groups:
        count = int(np.count_nonzero(chosen))
        if not count:
            continue
        reached = int(np.count_nonzero(found.success[chosen]))
        low, high = wilson_interval(reached, count)
        pulses = found.pulses[chosen]
        rows.append(
            {
                "device": device,
                "group": name,
                "programmings": float(count),
                "reached": float(reached),
                "share_low": float(low),
                "share_high": float(high),
                "pulses_mean": float(pulses.mean()),
                "pulses_median": float(np.median(pulses)),
                "pulses_largest": float(pulses.max()),
                "overshoots_mean": float(found.overshoots[chosen].mean()),
                "tolerance": found.tolerance,
            }
        )
    return rows


def weight_noise(found: Programmings) -> float:
    """Return the standard deviation of reached weights, in shares of the largest."""
    good = found.success
    error = (found.reached - found.target)[good] / found.target.max()
    return float(np.sqrt(np.mean(error**2)))


@dataclass(frozen=True)
class StepLaw:
    """The step law of one unit's M1.

    Attributes
    ----------
    values, errors : ndarray, shape (5,)
        In the order of :data:`LAW`, and one standard deviation each.
    pulses : int
        Pulses fitted.
    pulse_noise : float
        Relative standard deviation of a pulse's step.
    """

    values: Array
    errors: Array
    pulses: int
    pulse_noise: float


def _moved(logs: Array, before: Array, amplitude: Array, width: float) -> Array:
    """Return ln G after pulses, from ln G before."""
    rate, dead_zone, scale = np.exp(logs[:3])
    beyond = np.abs(amplitude) - dead_zone
    beyond = 0.5 * (beyond + np.hypot(beyond, _SMALLEST))
    strength = np.expm1(np.minimum(beyond / scale, _LARGEST_EXPONENT))
    bound = np.where(amplitude > 0, logs[4], logs[3])
    return np.asarray(bound + (before - bound) * np.exp(-width * rate * strength))


def fit_step_law(readings: Readings, width: float) -> StepLaw:
    """Fit the step law to all pulses of one unit.

    A step's variance is that of two readings and, in proportion to the step, that of
    the pulse; both are estimated from the residuals of small and large steps.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Of one unit: its readings of IncrementalStepPulse runs, in order.
    width : float
        Of a pulse in s.

    Raises
    ------
    FitError
        If there are too few pulses.
    """
    after = np.flatnonzero(np.asarray(readings["pulse"], dtype=np.int64) > 0)
    if len(after) < _FEWEST:
        raise FitError(
            f"the step law needs {_FEWEST} pulses of a unit, not {len(after)}"
        )
    log = np.log(np.asarray(readings["conductance"], dtype=np.float64))
    before, now = log[after - 1], log[after]
    amplitude = np.asarray(readings["amplitude"], dtype=np.float64)[after]
    step = np.abs(now - before)
    reach = 0.3  # of ln G beyond what was seen: where the search begins
    logs = np.array(
        [np.log(0.1), np.log(0.15), np.log(0.15), log.min() - reach, log.max() + reach]
    )
    read, pulse = 3e-3, 0.1
    for _ in range(_ROUNDS):
        deviation = np.hypot(read, pulse * step)
        found = optimize.least_squares(
            lambda x, sigma=deviation: (
                (_moved(x, before, amplitude, width) - now) / sigma
            ),
            logs,
            loss="soft_l1",
            x_scale=(0.3, 0.1, 0.1, 0.3, 0.3),
        )
        logs = found.x
        fitted = _moved(logs, before, amplitude, width)
        step = np.abs(fitted - before)
        miss = np.abs(now - fitted)
        small = step <= np.quantile(step, 0.3)
        read = max(1.4826 * float(np.median(miss[small])), 1e-5)
        large = step > 5.0 * read
        if np.count_nonzero(large) >= _FEWEST // 2:
            pulse = 1.4826 * float(np.median(miss[large] / step[large]))
    covariance = np.linalg.pinv(found.jac.T @ found.jac)
    values = np.exp(logs)
    errors = values * np.sqrt(np.diag(covariance))
    return StepLaw(values, errors, len(after), pulse)
