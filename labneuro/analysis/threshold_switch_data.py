"""What the runs of a threshold switch say: times, counts and voltages, as intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.censored import Intervals
from labneuro.errors import FitError
from labneuro.units import parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.data.reader import RunFile

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FiringTimes:
    """Single pulses of one run.

    Attributes
    ----------
    amplitude : ndarray, shape (events,)
        In V, of the source.
    integration, relaxation : Intervals
        In s; a relaxation that does not follow a firing is from 0 to infinity.
    width : float
        Of the pulses in s.
    series_resistance : float
        In ohm.
    monitor_voltage : float
        In V.
    firing_current, relaxed_current : float
        Where the times end, in A.
    source_share : float
        What the inputs before the device leave of the source's voltage.
    """

    amplitude: Array
    integration: Intervals
    relaxation: Intervals
    width: float
    series_resistance: float
    monitor_voltage: float
    firing_current: float
    relaxed_current: float
    source_share: float = 1.0

    def share(self, conductance: float) -> float:
        """Return the part of the source's voltage across a device, from its siemens."""
        return self.source_share / (1.0 + self.series_resistance * conductance)

    @property
    def fired(self) -> NDArray[np.bool_]:
        """Which pulses fired."""
        return self.integration.ended


@dataclass(frozen=True, eq=False)
class TrainCounts:
    """Trains of one run.

    Attributes
    ----------
    amplitude : ndarray, shape (trains,)
        In V, of the source.
    first_fire, refire : ndarray of int, shape (trains,)
        Pulse that fired first, and the next one that fired; 0 none.
    gap_current : ndarray, shape (trains,)
        At the end of the gap after the first firing, in A.
    width, gap : float
        In s.
    pulses : int
        Of a train.
    series_resistance : float
        In ohm.
    monitor_voltage : float
        In V.
    source_share : float
        What the inputs before the device leave of the source's voltage.
    """

    amplitude: Array
    first_fire: NDArray[np.int64]
    refire: NDArray[np.int64]
    gap_current: Array
    width: float
    gap: float
    pulses: int
    series_resistance: float
    monitor_voltage: float
    source_share: float = 1.0

    def share(self, conductance: float) -> float:
        """Return the part of the source's voltage across a device, from its siemens."""
        return self.source_share / (1.0 + self.series_resistance * conductance)

    def intervals(self, rows: NDArray[np.bool_]) -> Intervals:
        """Return the counts of some trains: n pulses are between n - 1 and n."""
        count = self.first_fire[rows].astype(np.float64)
        low = np.where(count > 0, count - 1.0, self.pulses)
        return Intervals.of(low, np.where(count > 0, count, np.inf))


@dataclass(frozen=True, eq=False)
class SwitchingVoltages:
    """Cycles of one run.

    Attributes
    ----------
    threshold, hold : Intervals
        Source voltages between two stairs, in V: where the current rises above the
        switching current, and where it falls below it on the way back.
    never : int
        Cycles in which it did not switch.
    """

    threshold: Intervals
    hold: Intervals
    never: int


def firing_times(run: RunFile) -> FiringTimes:
    """Return the single pulses of a FiringPulse run."""
    readings = run.readings()
    rows = readings["fired"] >= 0
    fired = readings["fired"][rows] == 1
    low, high = (readings[f"relaxation_{end}"][rows] for end in ("low", "high"))
    return FiringTimes(
        amplitude=np.asarray(readings["amplitude"][rows], dtype=np.float64),
        integration=Intervals.of(
            readings["integration_low"][rows], readings["integration_high"][rows]
        ),
        relaxation=Intervals.of(
            np.where(fired, low, 0.0), np.where(fired, high, np.inf)
        ),
        width=_number(run, "width", "s"),
        series_resistance=_number(run, "series_resistance", "ohm"),
        monitor_voltage=_number(run, "monitor_voltage", "V"),
        firing_current=_number(run, "readout.firing_current", "A"),
        relaxed_current=_number(run, "readout.relaxed_current", "A"),
        source_share=_source_share(run),
    )


def train_counts(run: RunFile) -> TrainCounts:
    """Return the trains of a PulseTrainFiring run."""
    readings = run.readings()
    rows = readings["first_fire"] >= 0
    return TrainCounts(
        amplitude=np.asarray(readings["amplitude"][rows], dtype=np.float64),
        first_fire=readings["first_fire"][rows].astype(np.int64),
        refire=readings["refire"][rows].astype(np.int64),
        gap_current=np.asarray(readings["current"][rows], dtype=np.float64),
        width=_number(run, "width", "s"),
        gap=_number(run, "gap", "s"),
        pulses=round(_number(run, "pulses_each", "")),
        series_resistance=_number(run, "series_resistance", "ohm"),
        monitor_voltage=_number(run, "monitor_voltage", "V"),
        source_share=_source_share(run),
    )


def switching_voltages(run: RunFile) -> SwitchingVoltages:
    """Return threshold and hold voltage of each cycle of a ThresholdSwitching run.

    Raises
    ------
    FitError
        If no cycle switched.
    """
    readings = run.readings()
    cycles = len(np.unique(readings["step"]))
    current = np.reshape(readings["current"], (cycles, -1))
    levels = np.asarray(readings["voltage"][: current.shape[1]], dtype=np.float64)
    return switching_of(current, levels, _number(run, "switching_current", "A"))


def switching_of(current: Array, levels: Array, limit: float) -> SwitchingVoltages:
    """Return threshold and hold voltage of cycles.

    Parameters
    ----------
    current : ndarray, shape (cycles, points)
        In A.
    levels : ndarray, shape (points,)
        Source voltages in V, up and down.
    limit : float
        The device is on above this current, in A.

    Raises
    ------
    FitError
        If no cycle switched.
    """
    on = current > limit
    switched = on.any(axis=1)
    if not switched.any():
        raise FitError("no cycle switched; raise top or lower switching_current")
    on = on[switched]
    first = np.argmax(on, axis=1)
    last = on.shape[1] - 1 - np.argmax(on[:, ::-1], axis=1)
    after = np.minimum(last + 1, len(levels) - 1)
    return SwitchingVoltages(
        threshold=Intervals.of(levels[np.maximum(first - 1, 0)], levels[first]),
        hold=Intervals.of(levels[after], levels[last]),
        never=int((~switched).sum()),
    )


def _source_share(run: RunFile) -> float:
    """Return a run's source share; older runs took the whole voltage, and say none."""
    known = "source_share" in run.parameters
    return _number(run, "source_share", "") if known else 1.0


def _number(run: RunFile, key: str, unit: str) -> float:
    """Return a parameter of a run's protocol in SI units."""
    found: object = run.parameters
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            raise FitError(f"{run.path}: parameters: {key}: this key is missing")
        found = found[part]
    return float(found) if isinstance(found, int) else parse(found, unit)
