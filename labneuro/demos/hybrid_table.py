"""The figures that the hybrid-neuron paper quotes, beside cards and run files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from labneuro.analysis.neuron_board_data import (
    FiringRun,
    LearningRun,
    firing_run,
    learning_run,
)
from labneuro.analysis.neuron_board_tables import mean_interval
from labneuro.analysis.spikes import joined_shapes
from labneuro.analysis.threshold_switch_data import (
    FiringTimes,
    SwitchingVoltages,
    TrainCounts,
    firing_times,
    switching_voltages,
    train_counts,
)
from labneuro.data.reader import RunFile
from labneuro.demos import hybrid_card as card
from labneuro.demos.hybrid_card import BoardFigures, LearningFigures
from labneuro.errors import InputError
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_T = TypeVar("_T")
COLUMNS = ("figure", "quantity", "paper", "card", "measured over VISA")
_EDGE = 0.1  # of the pulse at each end, left out of the array's mean outputs
_HIGH = 1.5  # V; an output above this is high
_TRAIN_VOLTAGE, _PULSE_VOLTAGE, _BOARD_VOLTAGE = 1.1, 1.2, 1.8  # V, of 2e, 2c, 3b


@dataclass(frozen=True, eq=False)
class Gates:
    """Outputs of a lateral-inhibition array.

    Attributes
    ----------
    conditions : tuple of tuple of int
        Neurons that have fired, from 1.
    volts : ndarray, shape (conditions, neurons)
        Means during the pulse in V.
    """

    conditions: tuple[tuple[int, ...], ...]
    volts: Array


@dataclass(frozen=True, eq=False)
class Seen:
    """All that the table tells, of the cards or of run files.

    Attributes
    ----------
    switching, times, trains : SwitchingVoltages, FiringTimes, TrainCounts
        Of the single device.
    board, learning : BoardFigures, LearningFigures
        Of one neuron with resistors, and with two synapses.
    gates : Gates
        Of the lateral-inhibition array.
    """

    switching: SwitchingVoltages
    times: FiringTimes
    trains: TrainCounts
    board: BoardFigures
    learning: LearningFigures
    gates: Gates


def quoted_rows(runs: Mapping[str, Path]) -> list[tuple[str, ...]]:
    """Return the table of quoted figures, a row a figure.

    Parameters
    ----------
    runs : mapping of str to Path
        Run files by `threshold-switching`, `firing-pulse`, `pulse-train-firing`,
        `neuron-firing`, `synapse-learning`, `inhibition-truth`.

    Returns
    -------
    list of tuple of str
        As in `COLUMNS`.

    Raises
    ------
    InputError
        If a run lacks a condition that a figure is quoted at.
    """
    measured, cards = seen_in_runs(runs), seen_on_cards(runs)
    return [
        (figure, name, paper, tell(cards), tell(measured))
        for figure, name, paper, tell in _QUOTED
    ]


def seen_in_runs(runs: Mapping[str, Path]) -> Seen:
    """Return what the run files say; see :func:`quoted_rows`."""
    return Seen(
        _read(runs["threshold-switching"], switching_voltages),
        _read(runs["firing-pulse"], firing_times),
        _read(runs["pulse-train-firing"], train_counts),
        _board(_read(runs["neuron-firing"], firing_run)),
        _learning(_read(runs["synapse-learning"], learning_run)),
        _read(runs["inhibition-truth"], _gates),
    )


def seen_on_cards(runs: Mapping[str, Path]) -> Seen:
    """Return what the cards say, driven as in the runs; see :func:`quoted_rows`."""
    levels, dwell = _read(runs["threshold-switching"], _stairs)
    learned = _read(runs["synapse-learning"], learning_run)
    conditions = _read(runs["inhibition-truth"], _conditions)
    amplitudes = list(_read(runs["neuron-firing"], firing_run).spikes)
    trains = len({row.pulses for row in learned.rows if row.pulses})
    return Seen(
        card.switching_voltages_of_card(levels, dwell),
        card.firing_times_of_card(_read(runs["firing-pulse"], firing_times)),
        card.train_counts_of_card(_read(runs["pulse-train-firing"], train_counts)),
        card.board_figures_of_card(amplitudes),
        card.learning_figures_of_card(
            learned.amplitude, trains, learned.clocking.pulses
        ),
        Gates(conditions, card.gates_of_card(conditions)),
    )


def _read(path: Path, reader: Callable[[RunFile], _T]) -> _T:
    with RunFile.open(path) as run:
        return reader(run)


def _stairs(run: RunFile) -> tuple[Array, float]:
    """Return the source voltages of a cycle, and the time at each in s."""
    readings = run.readings()
    one = readings["step"] == readings["step"][0]
    levels = np.asarray(readings["voltage"][one], dtype=np.float64)
    return levels, float(np.median(np.diff(readings["time"][one])))


def _board(run: FiringRun) -> BoardFigures:
    fired_on = {
        volts: np.array(
            [
                one.pulses
                for one in run.integrations
                if one.amplitude == volts and np.isfinite(one.time_high)
            ],
            dtype=np.int64,
        )
        for volts in run.spikes
    }
    gaps = {
        volts: np.concatenate([np.diff(one) for one in trains])
        for volts, trains in run.spikes.items()
    }
    shapes = joined_shapes(list(run.shapes.values()))
    at = _key(run.spikes, _BOARD_VOLTAGE)
    return BoardFigures(
        fired_on,
        gaps,
        float(run.grounded[at].mean()),
        float(run.recovery[at].mean()),
        float(shapes.width.mean()),
        float(shapes.height.mean()),
        float(np.min(shapes.correlations())),
    )


def _key(by_amplitude: Mapping[float, object], volts: float) -> float:
    for one in by_amplitude:
        if np.isclose(one, volts):
            return one
    raise InputError(f"nothing was measured at {show(volts, 'V')}")


def _learning(run: LearningRun) -> LearningFigures:
    one, two = (
        [row for row in run.rows if row.synapse == synapse] for synapse in (1, 2)
    )
    seconds = run.clocking.pulses * run.clocking.period
    return LearningFigures(
        (one[0].conductance, two[0].conductance),
        (one[-1].conductance, two[-1].conductance),
        tuple(row.spikes / seconds for row in one if row.pulses),
        one[-1].interrupted,
    )


def _conditions(run: RunFile) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(int, one)) for one in run.parameters["conditions"])


def _gates(run: RunFile) -> Gates:
    readings, conditions = run.readings(), _conditions(run)
    names = sorted(name for name in readings if name.startswith("output_"))
    driven = readings["driven"]
    high = readings["time"][driven > 0.5 * float(driven.max())]
    share = (readings["time"] - high.min()) / (high.max() - high.min())
    within = (share > _EDGE) & (share < 1.0 - _EDGE)
    volts = [
        [
            float(readings[name][within & (readings["condition"] == number)].mean())
            for name in names
        ]
        for number in range(1, len(conditions) + 1)
    ]
    return Gates(conditions, np.array(volts))


# ---- what is told of each


def _volts(seen: Seen, name: str) -> str:
    values = getattr(seen.switching, name).middle
    return f"{values.mean():.3f} +- {values.std(ddof=1):.3f} V ({len(values)} cycles)"


def _one_pulse(seen: Seen) -> str:
    rows = np.isclose(seen.times.amplitude, _PULSE_VOLTAGE)
    on = rows & seen.times.fired
    if not on.any():
        raise InputError(f"no pulse of {show(_PULSE_VOLTAGE, 'V')} fired")
    milliseconds = 1e3 * seen.times.integration.middle[on]
    return (
        f"{on.sum()} of {rows.sum()}, after {milliseconds.mean():.2f} +- "
        f"{milliseconds.std():.2f} ms"
    )


def _by_level(amplitude: Array, tell: Callable[[NDArray[np.bool_]], str]) -> str:
    return ", ".join(tell(amplitude == level) for level in np.unique(amplitude))


def _integration(seen: Seen) -> str:
    found = seen.times.integration
    ends = np.where(found.ended, found.middle, np.inf)

    def median(rows: NDArray[np.bool_]) -> str:
        middle = float(np.median(ends[rows]))
        if not np.isfinite(middle):
            return f"above {1e3 * seen.times.width:g}"
        return f"{1e3 * middle:.2f}"

    return f"{_by_level(seen.times.amplitude, median)} ms (medians)"


def _relaxation(seen: Seen) -> str:
    found = seen.times.relaxation

    def mean(rows: NDArray[np.bool_]) -> str:
        values = found.middle[rows & found.ended]
        return f"{1e3 * values.mean():.2f}" if len(values) else "none fired"

    return f"{_by_level(seen.times.amplitude, mean)} ms (means)"


def _first_fire(seen: Seen) -> str:
    rows = np.isclose(seen.trains.amplitude, _TRAIN_VOLTAGE)
    return _shares(seen.trains.first_fire[rows])


def _shares(pulses: NDArray[np.int64]) -> str:
    """Return how often each number of pulses was seen, the most frequent first."""
    if not len(pulses):
        raise InputError("no firing was seen at an amplitude that the paper quotes")
    numbers, counts = np.unique(pulses, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    told = ", ".join(
        f"{'none' if numbers[k] == 0 else numbers[k]} in {counts[k]}" for k in order
    )
    return f"{told} (of {len(pulses)})"


def _mode(pulses: NDArray[np.int64]) -> str:
    return str(int(np.bincount(pulses).argmax())) if len(pulses) else "none"


def _train_modes(seen: Seen) -> str:
    first = seen.trains.first_fire
    modes = _by_level(seen.trains.amplitude, lambda rows: _mode(first[rows]))
    return f"{modes} (most often)"


def _after_first(seen: Seen) -> str:
    trains = seen.trains
    could = (trains.first_fire > 0) & (trains.first_fire < trains.pulses)
    if not could.any():
        raise InputError("no train fired before its last pulse")
    again = trains.refire[could] == trains.first_fire[could] + 1
    current = float(np.nanmean(trains.gap_current[could]))
    return (
        f"current again with the next pulse in {again.sum()} of {could.sum()}; "
        f"{show(current, 'A', digits=2)} at the end of the gap"
    )


def _fifth(seen: Seen) -> str:
    return _shares(seen.board.fired_on[_key(seen.board.fired_on, _BOARD_VOLTAGE)])


def _rates(seen: Seen) -> str:
    return ", ".join(_rate(gaps) for gaps in seen.board.gaps.values()) + " 1/s"


def _rate(gaps: Array) -> str:
    if not len(gaps):
        return "none"
    low, high = mean_interval(gaps)
    known = "" if low is None or high is None else f" ({1 / high:.0f}-{1 / low:.0f})"
    return f"{1.0 / gaps.mean():.0f}{known}"


def _spike(seen: Seen) -> str:
    return f"{seen.board.height:.3f} V, {1e6 * seen.board.width:.1f} us"


def _synapses(pair: Sequence[float]) -> str:
    return " and ".join(f"{1e6 * one:.4g}" for one in pair) + " uS"


def _after_learning(seen: Seen) -> str:
    told = _synapses(seen.learning.after)
    if seen.learning.interrupted:
        return f"{told} (last train interrupted before potentiation)"
    return told


def _learning_rates(seen: Seen) -> str:
    return ", ".join(f"{rate:.0f}" for rate in seen.learning.rates) + " 1/s"


def _nobody(seen: Seen) -> str:
    rows = [k for k, one in enumerate(seen.gates.conditions) if not one]
    if not rows:
        raise InputError("the array was not measured with nobody fired")
    volts = seen.gates.volts[rows]
    return (
        f"{(volts > _HIGH).sum()} of {volts.size} high, "
        f"{volts.min():.2f} to {volts.max():.2f} V"
    )


def _winners(seen: Seen) -> str:
    rows = [k for k, one in enumerate(seen.gates.conditions) if len(one) == 1]
    if not rows:
        raise InputError("the array was not measured with a winner")
    volts = seen.gates.volts[rows]
    own = np.zeros(volts.shape, dtype=bool)
    for row, place in enumerate(rows):
        own[row, seen.gates.conditions[place][0] - 1] = True
    right = ((volts > _HIGH) == own).all(axis=1).sum()
    return (
        f"so for {right} of {len(rows)}: {volts[own].mean():.2f} V, others "
        f"{max(volts[~own].mean(), 0.0):.2f} V"
    )


_QUOTED: tuple[tuple[str, str, str, Callable[[Seen], str]], ...] = (
    (
        "2b, S1",
        "threshold voltage of the sweeps",
        "a distribution; numbers not in the text",
        lambda seen: _volts(seen, "threshold"),
    ),
    (
        "2b, S1",
        "hold voltage of the sweeps",
        "a distribution; numbers not in the text",
        lambda seen: _volts(seen, "hold"),
    ),
    ("2c", "1.2 V, 1 ms", "fires within the pulse", _one_pulse),
    ("2d", "integration time, 1.0 V to 1.4 V", "falls", _integration),
    ("2d", "relaxation time, 1.0 V to 1.4 V", "rises", _relaxation),
    ("2e", "1.1 V, 250/250 us: pulses to fire", "4", _first_fire),
    ("2e", "after the first firing", "not relaxed: sub-threshold firing", _after_first),
    ("2f", "pulses to fire, 1.0 V to 1.4 V", "fall", _train_modes),
    ("3b", "1.8 V, 2 kHz: fires on pulse", "5", _fifth),
    (
        "3b",
        "refractory: node 1 at ground",
        "500 us",
        lambda seen: f"{1e6 * seen.board.grounded:.1f} us",
    ),
    (
        "3b",
        "from the pulse that fired to the next one",
        "500 us + 250 us",
        lambda seen: f"{1e6 * seen.board.recovery:.1f} us",
    ),
    ("3c, S5", "spike", "2.0 V, 250 us", _spike),
    (
        "3c, S5",
        "all spikes alike: lowest correlation with the others",
        "identical",
        lambda seen: f"{seen.board.correlation:.4f}",
    ),
    ("3d", "spikes per second, 1.4 V to 2.0 V (95 %)", "rise", _rates),
    (
        "S3c",
        "synapses S1 and S2 before learning",
        "about 400 uS",
        lambda seen: _synapses(seen.learning.before),
    ),
    (
        "S3c",
        "synapses S1 and S2 after learning",
        "about 980 and 42 uS",
        _after_learning,
    ),
    ("S3d", "spikes per second, train by train", "rise", _learning_rates),
    ("4d", "gates, nobody has fired", "all 3 V", _nobody),
    ("4d", "gates, neuron i has fired", "3 V at i, 0 V elsewhere", _winners),
)
