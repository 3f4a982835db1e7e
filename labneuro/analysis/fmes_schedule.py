"""What a run did to an FMES synapse, instant by instant, played on the branch model.

A schedule is a list of pieces of time, each with a constant source behind a resistance;
in some of them the voltmeter or the ammeter integrates. Playing it on given parameters
predicts every reading at its own instant, with the exact solution where the branches
are linear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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
_NO_PULSE = -1
_MOST_READINGS = 600  # of one sweep or learning train that enter the fit
_FEW_PULSES = 50
_MOST_GROUPS = 50  # of pulses of a long train that share one factor


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
    pulse: int = _NO_PULSE
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
    group : ndarray of int, shape (pulses,)
        Pulses of one group get the same factor when noise is propagated.
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
    group: NDArray[np.int64]
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
        memory = memory_of([parameters], 0)
        level, series, duration, pulse, reading = self.segments
        lived = duration
        if factor is not None:
            during = np.append(factor, 1.0)[pulse.astype(np.int64)]
            lived = duration * during
        beside = np.where((series > 0.0) & (series < OPEN), series + path, series)
        out = np.empty(int(np.count_nonzero(reading)))
        _play(memory, level, beside, lived, reading.astype(np.int64), out)
        return out[self.keep] + self.volts / (self.resistance + path)

    def sensitivity(
        self, parameters: FmesParameters, path: float = 0.0, together: int = 1
    ) -> NDArray[np.float64]:
        """Return what one standard deviation of pulse noise does to the readings.

        Parameters
        ----------
        parameters : FmesParameters
            The device.
        path : float
            As for :meth:`predict`.
        together : int
            Pulses of a long train that are moved at once, to save time.

        Returns
        -------
        ndarray, shape (kept, groups)
            Derivatives by the logarithm of each group's factor, over the root of the
            pulses in it: the pulses of a group vary independently.
        """
        step = 1e-3  # small enough for one side: the answer is smooth
        quiet = self.predict(parameters, path)
        columns = []
        # Pairs and single pulses stay apart: only long trains are worth it.
        few = len(self.group) <= _FEW_PULSES
        group = self.group // (1 if few else together)
        for number, size in enumerate(np.bincount(group)):
            change = np.where(group == number, step, 0.0)
            upper = self.predict(parameters, path, np.exp(change))
            columns.append((upper - quiet) / (step * math.sqrt(size)))
        return np.column_stack(columns)


@njit(cache=True)
def _read(m, level, series, reading):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    if reading == CURRENT:
        return device_current(m.charge[0], m.branches[0], m.parameter[0, 0], level)
    return volts_of(m, 0, level * series, series)


@njit(cache=True)
def _play(m, level, series, lived, reading, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Fill the readings: averages over their segments by Simpson's rule."""
    count = 0
    for k in range(level.shape[0]):
        source = level[k] * series[k] if series[k] > 0.0 else level[k]
        if reading[k] == NOTHING:
            follow(m, 0, source, 0.0, series[k], lived[k])
            continue
        value = _read(m, level[k], series[k], reading[k])
        follow(m, 0, source, 0.0, series[k], 0.5 * lived[k])
        value += 4.0 * _read(m, level[k], series[k], reading[k])
        follow(m, 0, source, 0.0, series[k], 0.5 * lived[k])
        value += _read(m, level[k], series[k], reading[k])
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
        (0.0, timing.period - timing.width, _NO_PULSE),
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
        pulse = 0 if level != 0.0 else _NO_PULSE
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
                Segment(0.0, beside, timing.aperture, _NO_PULSE, VOLTAGE),
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
            Segment(0.0, beside, timing.aperture, _NO_PULSE, VOLTAGE),
        ]
    both = np.column_stack((learning.peak, learning.voltage))
    values = np.concatenate([both[trained].reshape(-1), both[~trained, 1]])
    every = max(1, math.ceil(2 * pulses / _MOST_READINGS)) | 1  # odd: peaks and rests
    kept = np.concatenate(
        [np.arange(0, 2 * pulses, every), np.arange(2 * pulses, len(values))]
    )
    group = np.arange(pulses) * min(pulses, _MOST_GROUPS) // pulses
    yield _block(
        learning, "LearnForget", segments, values[kept][None], kept=kept, group=group
    )


def _block(
    piece: Piece,
    protocol: str,
    segments: Sequence[Segment],
    measured: NDArray[np.float64],
    *,
    kept: NDArray[np.int64] | None = None,
    volts: NDArray[np.float64] | None = None,
    sweep: Sweep | None = None,
    group: NDArray[np.int64] | None = None,
) -> Block:
    columns = tuple(
        np.array(column, dtype=np.float64) for column in zip(*segments, strict=True)
    )
    pulses = int(columns[3].max()) + 1
    return Block(
        key=f"{protocol} {piece.path}",
        name=protocol,
        segments=columns,
        group=np.arange(pulses) if group is None else group,
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
