"""What hysteresis and readings tell of M2, and what both memristors keep.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2b and 2c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Readings = Mapping[str, NDArray[np.generic]]
    Row = dict[str, float | str | None]

_SWEEP, _SET, _RESET, _SLOPE = range(4)
_HALF = 0.5


@dataclass(frozen=True)
class Switching:
    """M2 of one unit, over its cycles.

    Attributes
    ----------
    unit : int
        Row and column.
    set_voltage, reset_voltage : ndarray, shape (cycles,)
        Where the hysteresis switches, in V; NaN where it did not.
    on, off : ndarray, shape (cycles,)
        Currents at the read voltage in A, D2 included.
    high : ndarray, shape (cycles,)
        Conductance of the set state in S.
    low : ndarray, shape (cycles,)
        Conductance of the reset state in S: the slope, D2's current taken off.
    """

    unit: int
    set_voltage: Array
    reset_voltage: Array
    on: Array
    off: Array
    high: Array
    low: Array


def switching_of(readings: Readings, unit: int, emission: float) -> Switching:
    """Return what the cycles of a unit tell.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Of a ResistiveSwitching run.
    unit : int
        Row and column.
    emission : float
        n VT of the backward diode in V.

    Raises
    ------
    FitError
        If the run holds no cycle of the unit.
    """
    mine = np.asarray(readings["unit"]) == unit
    cycles = np.unique(np.asarray(readings["cycle"])[mine])
    if not cycles.size:
        raise FitError(f"no cycle of unit {unit}")
    columns: dict[str, list[float]] = {
        name: [] for name in ("set", "reset", "on", "off", "high", "low")
    }
    for cycle in cycles:
        here = mine & (np.asarray(readings["cycle"]) == cycle)
        volts, amps = {}, {}
        for kind in (_SWEEP, _SET, _RESET, _SLOPE):
            part = here & (np.asarray(readings["kind"]) == kind)
            volts[kind] = np.asarray(readings["voltage"], dtype=np.float64)[part]
            amps[kind] = np.asarray(readings["current"], dtype=np.float64)[part]
        on, off = float(amps[_SET][0]), float(amps[_RESET][0])
        # D2 in reverse adds its current to M2's in both states.
        low, leak = _slope(volts[_SLOPE], amps[_SLOPE], emission)
        volt = float(volts[_SET][0])
        high = (on - leak * -np.expm1(-volt / emission)) / volt
        columns["on"].append(on)
        columns["off"].append(off)
        columns["high"].append(high)
        columns["low"].append(low)
        setting, resetting = _edges(volts[_SWEEP], amps[_SWEEP], high)
        columns["set"].append(setting)
        columns["reset"].append(resetting)
    arrays = {name: np.array(values) for name, values in columns.items()}
    return Switching(
        unit,
        arrays["set"],
        arrays["reset"],
        arrays["on"],
        arrays["off"],
        arrays["high"],
        arrays["low"],
    )


def _slope(voltage: Array, current: Array, emission: float) -> tuple[float, float]:
    """Return G in S and I0 in A of ``I = G V + I0 (1 - exp(-V / n VT))``."""
    design = np.stack([voltage, -np.expm1(-voltage / emission)], axis=1)
    (conductance, leak), *_ = np.linalg.lstsq(design, current, rcond=None)
    return float(conductance), float(leak)


def _edges(voltage: Array, current: Array, high: float) -> tuple[float, float]:
    """Return where a hysteresis sets and resets, in V.

    It sets where the current first reaches half of the set state's; it resets where the
    current on the way down differs from that on the way back by less than that half:
    there D2 adds the same to both.
    """
    top, bottom = int(np.argmax(voltage)), int(np.argmin(voltage))
    up = slice(0, top + 1)
    on = np.flatnonzero((current[up] > _HALF * high * voltage[up]) & (voltage[up] > 0))
    down = np.arange(len(voltage))[(np.arange(len(voltage)) > top)]
    down = down[(down <= bottom) & (voltage[down] < 0)]
    order = np.argsort(voltage[bottom:])
    back = np.interp(voltage[down], voltage[bottom:][order], current[bottom:][order])
    extra = np.abs(current[down] - back)
    off = np.flatnonzero(extra < _HALF * high * np.abs(voltage[down]))
    return (
        float(voltage[up][on[0]]) if on.size else float("nan"),
        float(voltage[down][off[0]]) if off.size else float("nan"),
    )


def switching_rows(device: str, found: Switching) -> list[Row]:
    """Return a row a cycle.

    Parameters
    ----------
    device : str
        Its name.
    found : Switching
        Of one unit.
    """
    return [
        {
            "device": device,
            "unit": float(found.unit),
            "cycle": float(cycle),
            "set_voltage": _number(found.set_voltage[cycle]),
            "reset_voltage": _number(found.reset_voltage[cycle]),
            "on_current": float(found.on[cycle]),
            "off_current": float(found.off[cycle]),
            "terminal_ratio": float(found.on[cycle] / found.off[cycle]),
            "binary_high": float(found.high[cycle]),
            "binary_low": float(found.low[cycle]),
        }
        for cycle in range(len(found.on))
    ]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def retention_rows(device: str, memristor: str, readings: Readings) -> list[Row]:
    """Return how much each state of a Retention run has moved, a row a state.

    Parameters
    ----------
    device : str
        Its name.
    memristor : str
        ``"multistate"`` or ``"binary"``.
    readings : mapping of str to ndarray
        Of the run.
    """
    rows: list[Row] = []
    step = np.asarray(readings["step"])
    for one in np.unique(step):
        part = step == one
        time = np.asarray(readings["time"], dtype=np.float64)[part]
        current = np.asarray(readings["current"], dtype=np.float64)[part]
        if len(time) < 3:  # noqa: PLR2004  a line and its error
            raise FitError("a retention needs at least three readings of a state")
        (slope, offset), cov = np.polyfit(time, current / current.mean(), 1, cov=True)
        del offset
        rows.append(
            {
                "device": device,
                "memristor": memristor,
                "unit": float(np.asarray(readings["unit"])[part][0]),
                "state": float(np.asarray(readings["state"])[part][0]),
                "conductance": float(
                    current.mean() / np.asarray(readings["voltage"])[part][0]
                ),
                "duration": float(time[-1]),
                "change": float(slope * time[-1]),
                "change_error": float(np.sqrt(cov[0, 0]) * time[-1]),
                "deviation": float(current.std(ddof=1) / current.mean()),
            }
        )
    return rows
