"""What a run did to an FMES synapse, instant by instant, played on the branch model.

A schedule is a list of pieces of time, each with a constant source behind a resistance;
in some of them the voltmeter or the ammeter integrates. Playing it on given parameters
predicts every reading at its own instant, with the exact solution where the branches
are linear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from labneuro.analysis.fmes_runs import Learning, Pairs, Response, Sweep, Train
from labneuro.devices.fmes_branches import device_current
from labneuro.devices.fmes_population import OPEN, follow, memory_of, volts_of
from labneuro.instruments.keithley_2600_current_pulser import READING_ALLOWANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_runs import Piece, PulseTiming
    from labneuro.devices.fmes_parameters import FmesParameters

READING_OVERHEAD = 1 / 20_000 - 0.001 / 60
"""What a 2600B needs before it integrates, in s: 20 000 readings/s at 0.001 power-line
cycles of 60 Hz (SPEC-2600S, maximum measurement rates); that it comes first is taken
from no document."""
NOTHING, VOLTAGE, CURRENT = 0, 1, 2
_AFTER = READING_ALLOWANCE - READING_OVERHEAD  # s from the integration to the edge
NO_PULSE = -1
"""Number of a pulse where none is on."""
_MOST_READINGS = 600  # of one sweep or learning train that enter the fit


class Segment(NamedTuple):
    """A piece of time.

    Attributes
    ----------
    level : float
        Short-circuit current in A, or the source's voltage in V if `series` is 0.
    series : float
        Resistance beside the device in ohm; 0 is a voltage source.
    duration : float
        In s.
    pulse : int
        Number of the pulse that is on, -1 if none.
    reading : int
        What is read meanwhile.
    """

    level: float
    series: float
    duration: float
    pulse: int = NO_PULSE
    reading: int = NOTHING


@dataclass(frozen=True)
class Block:
    """A measurement that begins with a discharged device, and what it read.

    Attributes
    ----------
    key : str
        Which readings share their noise: the run file and what is read.
    name : str
        Protocol and resistance, for tables.
    segments : tuple of ndarray
        Levels, series, durations, pulses and readings.
    keep : ndarray of int
        Numbers of the predicted readings that were kept.
    volts : ndarray, shape (kept,)
        Across the resistor whose current the ammeter reads, too; 0 if none does, in V.
    resistance : float
        That resistor in ohm.
    rate : float
        Of a sweep in V/s, else NaN.
    measured : ndarray, shape (repeats, kept)
        Readings in V or A.
    """

    key: str
    name: str
    segments: tuple[NDArray[np.float64], ...]
    keep: NDArray[np.int64]
    volts: NDArray[np.float64]
    resistance: float
    rate: float
    measured: NDArray[np.float64]

    def predict(
        self,
        parameters: FmesParameters,
        path: float = 0.0,
        factor: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the readings without noise.

        Parameters
        ----------
        parameters : FmesParameters
            The device.
        path : float
            Resistance of relays and leads in series with every resistor, in ohm.
        factor : ndarray, shape (pulses,), optional
            How much longer than the clock says the device lives in each pulse.

        Returns
        -------
        ndarray, shape (kept,)
        """
        out = np.empty(int(np.count_nonzero(self.segments[4])))
        _play(memory_of([parameters], 0), *self.played(path, factor), out)
        return out[self.keep] + self.volts / (self.resistance + path)

    def played(
        self, path: float, factor: NDArray[np.float64] | None
    ) -> tuple[NDArray[Any], ...]:
        """Return levels, resistances beside, times lived through, and readings.

        Parameters
        ----------
        path, factor
            As for :meth:`predict`.
        """
        level, series, duration, pulse, reading = self.segments
        lived = duration
        if factor is not None:
            lived = duration * np.append(factor, 1.0)[pulse.astype(np.int64)]
        beside = np.where((series > 0.0) & (series < OPEN), series + path, series)
        return level, beside, lived, reading.astype(np.int64)

    def groups(self, most: int) -> NDArray[np.int64]:
        """Return which pulses share one factor, to save time.

        Parameters
        ----------
        most : int
            Groups at most; pairs and single pulses stay apart.

        Returns
        -------
        ndarray, shape (pulses,)
        """
        return np.arange(self.pulses) * min(self.pulses, most) // self.pulses

    @property
    def pulses(self) -> int:
        """Number of pulses; a staircase is one."""
        return int(self.segments[3].max()) + 1


@njit(cache=True)
def read_device(m, i, level, series, reading):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return what is read of device i of a population, in V or A."""
    if reading == CURRENT:
        return device_current(m.charge[i], m.branches[i], m.parameter[i, 0], level)
    return volts_of(m, i, level * series, series)


@njit(cache=True)
def _play(m, level, series, lived, reading, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Fill the readings: averages over their segments by Simpson's rule."""
    count = 0
    for k in range(level.shape[0]):
        source = level[k] * series[k] if series[k] > 0.0 else level[k]
        if reading[k] == NOTHING:
            follow(m, 0, source, 0.0, series[k], lived[k])
            continue
        value = read_device(m, 0, level[k], series[k], reading[k])
        follow(m, 0, source, 0.0, series[k], 0.5 * lived[k])
        value += 4.0 * read_device(m, 0, level[k], series[k], reading[k])
        follow(m, 0, source, 0.0, series[k], 0.5 * lived[k])
        value += read_device(m, 0, level[k], series[k], reading[k])
        out[count] = value / 6.0
        count += 1


def blocks_of(pieces: Sequence[Piece]) -> list[Block]:
    """Return the blocks of what was measured.

    Parameters
    ----------
    pieces : sequence
        Trains (their first cycle is used), pairs, sweeps, learning, responses.
    """
    return [block for piece in pieces for block in _MAKERS[type(piece)](piece)]


def train_block(train: Train, *, cycles: int = 1, residual_only: bool = False) -> Block:
    """Return the schedule of a train of potentiation and depression.

    Parameters
    ----------
    train : Train
        The train.
    cycles : int
        How many cycles are played, from the first.
    residual_only : bool
        Keep the readings at the ends of the periods alone.
    """
    timing, pulses = train.timing, train.residual.shape[2]
    segments: list[Segment] = []
    for number in range(cycles * 2 * pulses):
        sign = 1.0 if (number // pulses) % 2 == 0 else -1.0
        segments += _pulse(timing, train.resistance, sign, number)
    both = np.stack((train.peak[:cycles], train.residual[:cycles]), axis=-1).reshape(-1)
    kept = np.arange(len(both))[residual_only :: 1 + residual_only]
    return _block(
        train, "PotentiationDepression", segments, both[kept][None], kept=kept
    )


def _pulse(
    timing: PulseTiming, resistance: float, sign: float, number: int
) -> list[Segment]:
    """Return a pulse and its gap, each with a reading near its end."""
    series = min(resistance, OPEN)
    before = timing.aperture + _AFTER
    parts = []
    for level, duration, pulse in (
        (sign * timing.current, timing.width, number),
        (0.0, timing.period - timing.width, NO_PULSE),
    ):
        parts += [
            Segment(level, series, duration - before, pulse),
            Segment(level, series, timing.aperture, pulse, VOLTAGE),
            Segment(level, series, _AFTER, pulse),
        ]
    return parts


def _of_train(train: Train) -> Iterator[Block]:
    yield train_block(train)


def _of_pairs(pairs: Pairs) -> Iterator[Block]:
    for interval in np.unique(pairs.interval):
        rows = pairs.interval == interval
        timing = _with_gap(pairs.timing, float(interval))
        segments = [
            part
            for number in range(2)
            for part in _pulse(timing, pairs.resistance, 1.0, number)
        ]
        measured = np.column_stack((pairs.first[rows], pairs.second[rows]))
        peaks = np.array([0, 2])
        yield _block(pairs, "PairedPulse", segments, measured, kept=peaks)


def _of_response(response: Response) -> Iterator[Block]:
    segments = _pulse(response.timing, response.resistance, 1.0, 0)
    measured = np.column_stack((response.peak, response.residual))
    yield _block(response, "PulseResponse", segments, measured)


def _with_gap(timing: PulseTiming, gap: float) -> PulseTiming:
    return type(timing)(
        timing.current, timing.width, timing.width + gap, timing.aperture
    )


def _of_sweep(sweep: Sweep) -> Iterator[Block]:
    segments: list[Segment] = []
    # A level follows as soon as the reading before it has ended.
    waits = np.diff(sweep.time, prepend=2.0 * sweep.time[0] - sweep.time[1])
    for level, wait in zip(sweep.voltage, waits, strict=True):
        pulse = 0 if level != 0.0 else NO_PULSE
        segments += [
            Segment(float(level), 0.0, float(wait) - sweep.aperture, pulse),
            Segment(float(level), 0.0, sweep.aperture, pulse, CURRENT),
        ]
    count = len(sweep.voltage)
    every = max(1, math.ceil(count / _MOST_READINGS))
    kept = np.arange(every - 1, count, every)
    yield _block(
        sweep,
        "CurrentVoltage",
        segments,
        sweep.current[kept][None],
        kept=kept,
        volts=sweep.voltage[kept],
        sweep=sweep,
    )


def _of_learning(learning: Learning) -> Iterator[Block]:
    timing = learning.timing
    trained = learning.phase >= 0
    pulses = int(np.count_nonzero(trained))
    before = timing.aperture + _AFTER
    segments: list[Segment] = []
    for row in range(len(learning.time)):
        beside = min(float(learning.resistance[row]), OPEN)
        wait = float(learning.time[row] - learning.time[max(row - 1, 0)])
        if not trained[row]:
            segments += [
                Segment(0.0, beside, wait - timing.aperture),
                Segment(0.0, beside, timing.aperture, NO_PULSE, VOLTAGE),
            ]
            continue
        # The reading before ended shortly before its period; relays take time.
        lead = wait - timing.period + _AFTER if row else 0.0
        gap = timing.period - timing.width
        segments += [
            Segment(0.0, beside, lead),
            Segment(timing.current, beside, timing.width - before, row),
            Segment(timing.current, beside, timing.aperture, row, VOLTAGE),
            Segment(timing.current, beside, _AFTER, row),
            Segment(0.0, beside, gap - before),
            Segment(0.0, beside, timing.aperture, NO_PULSE, VOLTAGE),
        ]
    both = np.column_stack((learning.peak, learning.voltage))
    values = np.concatenate([both[trained].reshape(-1), both[~trained, 1]])
    every = max(1, math.ceil(2 * pulses / _MOST_READINGS)) | 1  # odd: peaks and rests
    kept = np.concatenate(
        [np.arange(0, 2 * pulses, every), np.arange(2 * pulses, len(values))]
    )
    yield _block(learning, "LearnForget", segments, values[kept][None], kept=kept)


def _block(
    piece: Piece,
    protocol: str,
    segments: Sequence[Segment],
    measured: NDArray[np.float64],
    *,
    kept: NDArray[np.int64] | None = None,
    volts: NDArray[np.float64] | None = None,
    sweep: Sweep | None = None,
) -> Block:
    columns = tuple(
        np.array(column, dtype=np.float64) for column in zip(*segments, strict=True)
    )
    return Block(
        key=f"{protocol} {piece.path}",
        name=protocol,
        segments=columns,
        keep=np.arange(measured.shape[1]) if kept is None else kept,
        volts=np.zeros(measured.shape[1]) if volts is None else volts,
        resistance=math.inf if sweep is None else sweep.resistance,
        rate=math.nan if sweep is None else sweep.rate,
        measured=np.asarray(measured, dtype=np.float64),
    )


_MAKERS: dict[type, Callable[..., Iterator[Block]]] = {
    Train: _of_train,
    Pairs: _of_pairs,
    Sweep: _of_sweep,
    Learning: _of_learning,
    Response: _of_response,
}
