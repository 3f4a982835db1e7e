"""Runs of the FMES synapse as its fits take them, by regulating resistance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.data.reader import RunFile
from labneuro.errors import FitError
from labneuro.units import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LINE_FREQUENCY = 50.0
"""In Hz; not in a run file. At 60 Hz a short reading is centred 2 us later."""
_UNFINISHED = 2  # readings of a half cycle below which nothing can be fitted


@dataclass(frozen=True)
class PulseTiming:
    """Shape of the pulses of a run.

    Attributes
    ----------
    current : float
        In A.
    width, period : float
        In s.
    aperture : float
        Integration time of a reading in s.
    """

    current: float
    width: float
    period: float
    aperture: float


@dataclass(frozen=True)
class Train:
    """Potentiation and depression beside one resistor, from a discharged device.

    Attributes
    ----------
    path : Path
        The run file.
    resistance : float
        In ohm, infinite for open.
    timing : PulseTiming
        Of the pulses.
    residual, peak : ndarray, shape (cycles, 2, pulses)
        Voltages in V, potentiation then depression.
    """

    path: Path
    resistance: float
    timing: PulseTiming
    residual: NDArray[np.float64]
    peak: NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Paired pulses beside one resistor, each pair from a discharged device.

    Attributes
    ----------
    path : Path
        The run file.
    resistance : float
        In ohm, infinite for open.
    timing : PulseTiming
        Of the pulses; the period is unused.
    interval : ndarray, shape (pairs,)
        From the end of the first pulse to the second, in s.
    first, second : ndarray, shape (pairs,)
        Voltages at the ends of the pulses in V.
    """

    path: Path
    resistance: float
    timing: PulseTiming
    interval: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """One staircase beside one resistor, from a discharged device.

    Attributes
    ----------
    path : Path
        The run file.
    resistance : float
        In ohm, infinite for open.
    rate : float
        In V/s.
    aperture : float
        Integration time of a reading in s.
    time, voltage, current : ndarray, shape (readings,)
        Begin of each reading in s, its level in V, current of both in A.
    """

    path: Path
    resistance: float
    rate: float
    aperture: float
    time: NDArray[np.float64]
    voltage: NDArray[np.float64]
    current: NDArray[np.float64]


@dataclass(frozen=True)
class Learning:
    """One train with switched resistors and the decay after it.

    Attributes
    ----------
    path : Path
        The run file.
    timing : PulseTiming
        Of the pulses.
    phase : ndarray, shape (readings,)
        Phase of the train, -1 in the decay.
    resistance : ndarray, shape (readings,)
        In ohm, infinite for open.
    time, voltage, peak : ndarray, shape (readings,)
        Begin of each reading in s; voltages in V, the peak NaN in the decay.
    """

    path: Path
    timing: PulseTiming
    phase: NDArray[np.int64]
    resistance: NDArray[np.float64]
    time: NDArray[np.float64]
    voltage: NDArray[np.float64]
    peak: NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """Single pulses of one intensity and width, each from a discharged device.

    Attributes
    ----------
    path : Path
        The run file.
    resistance : float
        In ohm, infinite for open.
    timing : PulseTiming
        Of the pulses.
    peak, residual : ndarray, shape (pulses,)
        Voltages in V.
    """

    path: Path
    resistance: float
    timing: PulseTiming
    peak: NDArray[np.float64]
    residual: NDArray[np.float64]


Piece = Train | Pairs | Sweep | Learning | Response


@dataclass(frozen=True)
class DeviceRuns:
    """What was measured on one device.

    Attributes
    ----------
    device_id : str
        The device.
    pieces : tuple
        Trains, pairs, sweeps, learning and responses, in order of the files.
    """

    device_id: str
    pieces: tuple[Piece, ...]

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the pieces of a kind."""
        return [piece for piece in self.pieces if isinstance(piece, kind)]


def label_of(resistance: float) -> str:
    """Return ``"500ohm"`` and so on, or ``"open"``: the end of parameter names."""
    return "open" if math.isinf(resistance) else f"{resistance:.10g}ohm"


def read_pieces(path: Path) -> tuple[str, tuple[Piece, ...]]:
    """Return the device of a run file and what was measured on it.

    Parameters
    ----------
    path : Path
        A finished run of one of :data:`PROTOCOLS`.

    Raises
    ------
    FitError
        If it is of another protocol or of another device model, or holds no reading.
    """
    with RunFile.open(path) as run:
        return run.device_id, pieces_of_run(run)


def pieces_of_run(run: RunFile) -> tuple[Piece, ...]:
    """Return what an open run file holds, resistor by resistor.

    Raises
    ------
    FitError
        If it is of another protocol or of another device model, or holds no reading.
    """
    if run.protocol not in _READERS:
        raise FitError(
            f"{run.path}: protocol {run.protocol!r} tells nothing of the FMES synapse; "
            f"allowed are {', '.join(_READERS)}"
        )
    if run.device_model != "fmes":
        raise FitError(
            f"{run.path}: its device is of model {run.device_model!r}, wanted 'fmes'"
        )
    pieces = tuple(_READERS[run.protocol](run))
    if not pieces:
        raise FitError(f"{run.path}: holds no whole step to fit")
    return pieces


def quantity(value: Any, unit: str) -> float:  # noqa: ANN401  a recipe's own types
    """Return a run's parameter in SI units; it is stored as text or as a number."""
    return parse(value, unit) if isinstance(value, str) else float(value)


def _timing(run: RunFile, *, period: bool = True) -> PulseTiming:
    given = run.parameters
    return PulseTiming(
        current=quantity(given["current"], "A"),
        width=quantity(given["width"], "s"),
        period=quantity(given["period"], "s") if period else math.nan,
        aperture=float(given["pulser"]["power_line_cycles"]) / LINE_FREQUENCY,
    )


def _steps(run: RunFile) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the readings of each step whose readings are all finite numbers."""
    readings = run.readings()
    for step in np.unique(readings["step"]):
        rows = readings["step"] == step
        yield {name: column[rows] for name, column in readings.items()}


def _trains(run: RunFile) -> Iterator[Train]:
    timing = _timing(run)
    pulses = int(run.parameters["pulses"])
    if pulses <= _UNFINISHED:
        raise FitError(
            f"{run.path}: pulses: {pulses}; a curve needs more than {_UNFINISHED}"
        )
    for rows in _steps(run):
        shape = -1, 2, pulses
        yield Train(
            run.path,
            float(rows["resistance"][0]),
            timing,
            np.asarray(rows["residual"], dtype=np.float64).reshape(shape),
            np.asarray(rows["peak"], dtype=np.float64).reshape(shape),
        )


def _pairs(run: RunFile) -> Iterator[Pairs]:
    timing = _timing(run, period=False)
    readings = run.readings()
    for resistance in np.unique(readings["resistance"]):
        rows = readings["resistance"] == resistance
        columns = (readings[name][rows] for name in ("interval", "first", "second"))
        yield Pairs(run.path, float(resistance), timing, *columns)


def _responses(run: RunFile) -> Iterator[Response]:
    pulser = run.parameters["pulser"]
    aperture = float(pulser["power_line_cycles"]) / LINE_FREQUENCY
    gap = quantity(run.parameters["gap"], "s")
    for rows in _steps(run):
        current, width = float(rows["current"][0]), float(rows["width"][0])
        timing = PulseTiming(current, width, width + gap, aperture)
        yield Response(
            run.path,
            float(rows["resistance"][0]),
            timing,
            rows["peak"],
            rows["residual"],
        )


def _sweeps(run: RunFile) -> Iterator[Sweep]:
    aperture = float(run.parameters["power_line_cycles"]) / LINE_FREQUENCY
    for rows in _steps(run):
        columns = (rows[name] for name in ("time", "voltage", "current"))
        yield Sweep(
            run.path,
            float(rows["resistance"][0]),
            float(rows["rate"][0]),
            aperture,
            *columns,
        )


def _learning(run: RunFile) -> Iterator[Learning]:
    timing = _timing(run)
    names = ("phase", "resistance", "time", "voltage", "peak")
    for rows in _steps(run):
        yield Learning(run.path, timing, *(rows[name] for name in names))


_READERS: dict[str, Callable[[RunFile], Iterator[Piece]]] = {
    "PotentiationDepression": _trains,
    "PairedPulse": _pairs,
    "CurrentVoltage": _sweeps,
    "LearnForget": _learning,
    "PulseResponse": _responses,
}
PROTOCOLS = tuple(_READERS)
"""The protocols whose runs the fit takes."""
