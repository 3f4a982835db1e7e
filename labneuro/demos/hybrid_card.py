"""What the hybrid neuron's cards say about the figures that the paper quotes.

Device models alone, without instruments or circuits around them other than series
resistors, driven as the recipes drive them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.censored import Intervals
from labneuro.analysis.threshold_switch_data import (
    FiringTimes,
    SwitchingVoltages,
    TrainCounts,
    switching_of,
)
from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.lateral_inhibition import LateralInhibitionArray
from labneuro.devices.neuron_board import PAPER_CLOCK, NeuronBoardPopulation
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.neuron_board_solver import NODES
from labneuro.devices.threshold_switch import ThresholdSwitchPopulation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.devices.lateral_inhibition import LateralInhibitionParameters
    from labneuro.devices.learning_board import LearningBoardParameters
    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.threshold_switch import ThresholdSwitchParameters

    Array = NDArray[np.float64]

_DEVICES = 200  # alike, each with a rate of its own
_SEED = 0
_STEP = 10e-6  # s, in which times are known
_LONGEST = 3e-3  # s, watched at the monitor voltage
_BOARDS, _PERIODS = 50, 200
_RECORDED = 60  # periods; some spikes
_SHOWN_VOLTAGE = 1.8  # V, of Figure 3b
_SAMPLE = 0.1e-6  # s
_SERIES = 20e3  # ohm, at the source meter; its switching current in A
_SWITCHING_CURRENT = 2e-6


def load_switch() -> ThresholdSwitchParameters:
    """Return the shipped card of the single device."""
    found: ThresholdSwitchParameters = load_parameters(
        "threshold_switch", load_card("threshold-switch"), "threshold-switch"
    )
    return found


def _series_current(
    devices: ThresholdSwitchPopulation, volts: float, ohm: float
) -> Array:
    return np.asarray(volts / (ohm + 1.0 / devices.conductance))


def switching_voltages_of_card(levels: Array, dwell: float) -> SwitchingVoltages:
    """Return threshold and hold voltages of the card's device in a sweep.

    Parameters
    ----------
    levels : ndarray, shape (points,)
        Source voltages in V, up and down.
    dwell : float
        Time at each in s.
    """
    devices = ThresholdSwitchPopulation([load_switch()] * _DEVICES, _SEED)
    columns = []
    for volts in levels:
        devices.advance(float(volts), _SERIES, dwell)
        columns.append(_series_current(devices, float(volts), _SERIES))
    return switching_of(np.stack(columns, axis=1), levels, _SWITCHING_CURRENT)


def _first_time(done: Callable[[], NDArray[np.bool_]], longest: float) -> Intervals:
    """Advance until the end; return when each device was done first."""
    high = np.full(_DEVICES, np.inf)
    for step in range(1, round(longest / _STEP) + 1):
        new = done() & np.isinf(high)
        high[new] = step * _STEP
    low = np.where(np.isinf(high), longest, high - _STEP)
    return Intervals.of(low, high)


def firing_times_of_card(like: FiringTimes) -> FiringTimes:
    """Return single pulses of the card's device, driven as in a run.

    Parameters
    ----------
    like : FiringTimes
        The run: its amplitudes, width, currents and series resistance.
    """
    levels = np.unique(like.amplitude)
    parts = [_pulses(float(level), like) for level in levels]
    integration, relaxation = (
        Intervals.of(
            np.concatenate([part[kind].low for part in parts]),
            np.concatenate([part[kind].high for part in parts]),
        )
        for kind in (0, 1)
    )
    return FiringTimes(
        np.repeat(levels, _DEVICES),
        integration,
        relaxation,
        like.width,
        like.series_resistance,
        like.monitor_voltage,
        like.firing_current,
        like.relaxed_current,
        like.source_share,
    )


def _pulses(level: float, like: FiringTimes) -> tuple[Intervals, Intervals]:
    devices = ThresholdSwitchPopulation([load_switch()] * _DEVICES, _SEED)

    def advanced(volts: float) -> Array:
        source = volts * like.source_share
        devices.advance(source, like.series_resistance, _STEP)
        return _series_current(devices, source, like.series_resistance)

    fired = _first_time(lambda: advanced(level) > like.firing_current, like.width)
    relaxed = _first_time(
        lambda: advanced(like.monitor_voltage) < like.relaxed_current, _LONGEST
    )
    on = fired.ended
    return fired, Intervals.of(
        np.where(on, relaxed.low, 0.0), np.where(on, relaxed.high, np.inf)
    )


def train_counts_of_card(like: TrainCounts) -> TrainCounts:
    """Return trains of the card's device, driven as in a run.

    Parameters
    ----------
    like : TrainCounts
        The run: its amplitudes, pulses and series resistance.
    """
    levels = np.unique(like.amplitude)
    parts = [_train(float(level), like) for level in levels]
    first, refire, current = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return TrainCounts(
        np.repeat(levels, _DEVICES),
        first.astype(np.int64),
        refire.astype(np.int64),
        current,
        like.width,
        like.gap,
        like.pulses,
        like.series_resistance,
        like.monitor_voltage,
        like.source_share,
    )


def _train(level: float, like: TrainCounts) -> tuple[Array, Array, Array]:
    """Return first and next firing pulse and the current in the gap between them."""
    devices = ThresholdSwitchPopulation([load_switch()] * _DEVICES, _SEED)
    first, refire = np.zeros(_DEVICES), np.zeros(_DEVICES)
    current = np.full(_DEVICES, np.nan)
    source, monitor = (
        volts * like.source_share for volts in (level, like.monitor_voltage)
    )
    for number in range(1, like.pulses + 1):
        devices.advance(source, like.series_resistance, like.width)
        on = devices.bridge > 0.5  # noqa: PLR2004  half formed: the current has risen
        refire[on & (first > 0) & (refire == 0)] = number
        new = on & (first == 0)
        first[new] = number
        devices.advance(monitor, like.series_resistance, like.gap)
        gap = _series_current(devices, monitor, like.series_resistance)
        current[new] = gap[new]
    return first, refire, current


@dataclass(frozen=True, eq=False)
class BoardFigures:
    """What a neuron board did.

    Attributes
    ----------
    fired_on : dict of float to ndarray of int
        By amplitude in V: the pulses that the integrations took.
    gaps : dict of float to ndarray
        By amplitude: times between spikes in s.
    grounded, recovery : float
        At 1.8 V: how long node 1 is grounded, and from the end of the pulse that fired
        to the next one that reaches node 1, in s.
    width, height : float
        Of a spike, in s and V.
    correlation : float
        The lowest of a spike with the mean of the others.
    """

    fired_on: dict[float, NDArray[np.int64]]
    gaps: dict[float, Array]
    grounded: float
    recovery: float
    width: float
    height: float
    correlation: float


def board_figures_of_card(amplitudes: Sequence[float]) -> BoardFigures:
    """Return what the card's board does at pulses of some amplitudes in V."""
    mean: NeuronBoardParameters = load_parameters(
        "neuron_board", load_card("neuron-board"), "neuron-board"
    )
    fired_on, gaps = {}, {}
    for volts in amplitudes:
        boards = NeuronBoardPopulation([mean] * _BOARDS, _SEED)
        found = boards.run([volts, 0.0], _PERIODS)
        times = [np.flatnonzero(row) * PAPER_CLOCK.period for row in found.spikes]
        gaps[volts] = np.concatenate([np.diff(one) for one in times])
        fired = np.isfinite(found.fired_at)
        fired_on[volts] = np.argmax(fired, axis=1)[fired.any(axis=1)] + 1
    return BoardFigures(fired_on, gaps, *_recorded(mean))


def _recorded(mean: NeuronBoardParameters) -> tuple[float, float, float, float, float]:
    """Return what :class:`BoardFigures` tells from the nodes, watched at 1.8 V."""
    board = NeuronBoardPopulation([mean], _SEED)
    nodes = board.record([_SHOWN_VOLTAGE, 0.0], _RECORDED, _SAMPLE).T
    node_1, l2, spike = (nodes[NODES.index(name)] for name in ("node_1", "l2", "spike"))
    rises = np.flatnonzero(np.diff(spike) > 0.0)
    window = round(PAPER_CLOCK.period / _SAMPLE)
    shapes = np.array([spike[k : k + window] for k in rises[:-1]])
    driven = np.flatnonzero(node_1 > 0.5 * node_1.max())
    spikes = spike.sum() / len(rises)
    return (
        float(l2.sum() / len(rises)) * _SAMPLE,
        float(np.diff(driven).max()) * _SAMPLE,
        float(spikes) * _SAMPLE,
        mean.logic_high,
        float(np.corrcoef(shapes).min()),
    )


class LearningFigures(NamedTuple):
    """What two synapses did that learned in place.

    Attributes
    ----------
    before, after : tuple of float
        Conductances in S, of the driven and of the grounded synapse.
    rates : tuple of float
        Spikes per second, train by train.
    interrupted : bool
        Whether the last train ended between depression and potentiation.
    """

    before: tuple[float, float]
    after: tuple[float, float]
    rates: tuple[float, ...]
    interrupted: bool = False


def learning_figures_of_card(
    amplitude: float, trains: int, pulses: int
) -> LearningFigures:
    """Return what the card's synapses learn from trains without a rest in between.

    The neuron's rate has no noise.

    Parameters
    ----------
    amplitude : float
        Of the pulses at input 1 in V.
    trains, pulses : int
        How many, and of how many pulses.
    """
    mean: LearningBoardParameters = load_parameters(
        "learning_board", load_card("learning-board"), "learning-board"
    )
    # A few boards in a hundred draw a rate at which two equal synapses never fire.
    calm = replace(mean.board.switch, rate_noise=0.0)
    board = replace(mean.board, switch=calm)
    neuron = LearningNeurons([board], list(mean.synapses), _SEED)
    gate = np.array([mean.synapses[0].full_gate])
    before = neuron.conductance[0].copy()
    spikes = [
        sum(
            int(neuron.run_period([amplitude, 0.0], lambda _: gate)[0])
            for _ in range(pulses)
        )
        for _ in range(trains)
    ]
    after = neuron.conductance[0]
    return LearningFigures(
        (float(before[0]), float(before[1])),
        (float(after[0]), float(after[1])),
        tuple(count / (pulses * PAPER_CLOCK.period) for count in spikes),
    )


def gates_of_card(conditions: Sequence[Sequence[int]]) -> Array:
    """Return the array's outputs in V, shape (conditions, neurons).

    Parameters
    ----------
    conditions : sequence of sequence of int
        Neurons that have fired, from 1.
    """
    mean: LateralInhibitionParameters = load_parameters(
        "lateral_inhibition", load_card("lateral-inhibition"), "lateral-inhibition"
    )
    fired = np.zeros((len(conditions), int(mean.neurons)), dtype=bool)
    for row, winners in enumerate(conditions):
        fired[row, np.asarray(winners, dtype=int) - 1] = True
    return LateralInhibitionArray(mean).gates(fired)
