"""What the runs of a neuron board say: firings, spikes, their shapes, synapses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.spikes import (
    SpikeShapes,
    find_pulses,
    joined_shapes,
    silences,
    spike_shapes,
)
from labneuro.errors import FitError
from labneuro.units import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.data.reader import RunFile

    Array = NDArray[np.float64]
    Nodes = Mapping[str, NDArray[np.float64]]

FIRED_LEVEL = 0.25
"""The switch has fired where node 2 is above this, in V."""
_DRIVEN_SHARE = 0.5  # of node 1's level in pulses: above it node 1 is not grounded
_SYNAPSES = (1, 2)


@dataclass(frozen=True)
class Clocking:
    """Clock and pulses of a run.

    Attributes
    ----------
    period, delay, width : float
        Of the clock, from its rise to the pulse's, of the pulses. s
    quiet, pulses : int
        Periods without pulses before them, and with one.
    """

    period: float
    delay: float
    width: float
    quiet: int
    pulses: int

    def pulse_start(self, pulse: int) -> float:
        """Return when a pulse, from 0, begins, in s from the clock's first edge."""
        return (self.quiet + pulse) * self.period + self.delay


class Integration(NamedTuple):
    """One integration, from a relaxed switch to its firing or to the last pulse.

    Attributes
    ----------
    amplitude : float
        Of the pulses in V.
    pulses : int
        Pulses it took, the one that fired included; all of them if it did not fire.
    time_low, time_high : float
        In the last pulse, from its edge, between which two samples it fired, in s; the
        latter infinite if it did not.
    spiked : bool
        Whether a spike followed. A firing that begins after the clock has fallen is
        seen by no latch.
    """

    amplitude: float
    pulses: int
    time_low: float
    time_high: float
    spiked: bool


@dataclass(frozen=True, eq=False)
class FiringRun:
    """A NeuronFiring run.

    Attributes
    ----------
    clocking : Clocking
        Of all trains.
    share : float
        Of the amplitude: node 1 while the switch is off.
    integrations : tuple of Integration
        All that began with a relaxed switch.
    spikes : dict of float to list of ndarray
        Times of the spikes' rises in s, by amplitude, an array a train.
    shapes : dict of float to SpikeShapes
        By amplitude.
    grounded, recovery : dict of float to ndarray
        By amplitude: how long node 1 is grounded, as long as L2 is high, and from the
        end of a pulse that fired to the next one that reaches node 1, in s.
    disagreements : int
        Spikes that the second oscilloscope saw otherwise.
    """

    clocking: Clocking
    share: float
    integrations: tuple[Integration, ...]
    spikes: dict[float, list[Array]]
    shapes: dict[float, SpikeShapes]
    grounded: dict[float, Array]
    recovery: dict[float, Array]
    disagreements: int


class Learned(NamedTuple):
    """Readings of one synapse after one train.

    Attributes
    ----------
    pulses, synapse, spikes : int
        Input pulses so far, 1 or 2, spikes of the train.
    conductance, standard_error : float
        Mean and its error in S.
    interrupted : bool
        Whether the train ended between depression and potentiation: it fired in its
        last pulse, and no pulse came while node 1 was grounded.
    """

    pulses: int
    synapse: int
    spikes: int
    conductance: float
    standard_error: float
    interrupted: bool


@dataclass(frozen=True, eq=False)
class LearningRun:
    """A SynapseLearning run.

    Attributes
    ----------
    amplitude : float
        Of the pulses in V.
    clocking : Clocking
        Of all trains.
    rows : tuple of Learned
        Train by train, synapse by synapse.
    """

    amplitude: float
    clocking: Clocking
    rows: tuple[Learned, ...]


def number(run: RunFile, key: str, unit: str) -> float:
    """Return a parameter of a run's protocol in SI units.

    Raises
    ------
    FitError
        If it is missing.
    """
    found: object = run.parameters
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            raise FitError(f"{run.path}: parameters: {key}: this key is missing")
        found = found[part]
    return float(found) if isinstance(found, int | float) else parse(str(found), unit)


def clocking_of(run: RunFile) -> Clocking:
    """Return clock and pulses of a run."""
    return Clocking(
        period=number(run, "train.period", "s"),
        delay=number(run, "train.delay", "s"),
        width=number(run, "train.width", "s"),
        quiet=round(number(run, "train.quiet", "")),
        pulses=round(number(run, "train.pulses", "")),
    )


def firing_run(run: RunFile) -> FiringRun:
    """Return what a NeuronFiring run says.

    Raises
    ------
    FitError
        If it does not show nodes 1 and 2 and the spikes, or holds no train.
    """
    readings = run.readings()
    _need(run, readings, ("node_1", "node_2", "spike"))
    clocking, level = clocking_of(run), number(run, "spike_level", "V")
    trains = [
        _train(nodes, clocking, level)
        for nodes in _by_step(readings, np.ones(len(readings["step"]), dtype=bool))
    ]
    if not trains:
        raise FitError(f"{run.path}: no train was captured")
    volts = sorted({one.amplitude for one in trains})
    at = {one: [train for train in trains if train.amplitude == one] for one in volts}
    return FiringRun(
        clocking=clocking,
        share=_share(run),
        integrations=tuple(one for train in trains for one in train.integrations),
        spikes={one: [train.spikes for train in at[one]] for one in volts},
        shapes={one: joined_shapes([t.shapes for t in at[one]]) for one in volts},
        grounded={one: np.concatenate([t.grounded for t in at[one]]) for one in volts},
        recovery={one: np.concatenate([t.recovery for t in at[one]]) for one in volts},
        disagreements=sum(train.disagreements for train in trains),
    )


def _share(run: RunFile) -> float:
    """Return the share of the amplitude that node 1 gets while the switch is off."""
    second = number(run, "second_resistance", "ohm")
    first = number(run, "first_resistance", "ohm")
    return second / (number(run, "source_resistance", "ohm") + first + second)


class _Train(NamedTuple):
    """What one capture says; see :class:`FiringRun`."""

    amplitude: float
    integrations: list[Integration]
    spikes: Array
    shapes: SpikeShapes
    grounded: Array
    recovery: Array
    disagreements: int


def _need(run: RunFile, readings: Nodes, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in readings:
            raise FitError(f"{run.path}: readings: {name}: this node was not captured")


def _by_step(readings: Nodes, rows: NDArray[np.bool_]) -> list[dict[str, Array]]:
    """Return the chosen rows of each step."""
    step = readings["step"]
    return [
        {
            name: np.asarray(column[rows & (step == one)], dtype=np.float64)
            for name, column in readings.items()
        }
        for one in np.unique(step[rows])
    ]


def _train(nodes: Nodes, clocking: Clocking, level: float) -> _Train:
    time, spike = nodes["time"], nodes["spike"]
    amplitude = float(nodes["amplitude"][0])
    spikes = find_pulses(time, spike, level)
    fired = find_pulses(time, nodes["node_2"], FIRED_LEVEL).start
    shapes = spike_shapes(time, spike, spikes, 0.5 * clocking.period)
    latch = nodes.get("l2")
    grounded = find_pulses(time, latch, level).width if latch is not None else None
    again = nodes.get("spike_again")
    seen = len(spikes) if again is None else len(find_pulses(time, again, level))
    return _Train(
        amplitude,
        _integrations(time, amplitude, fired, spikes.start, clocking),
        spikes.start,
        shapes,
        np.empty(0) if grounded is None else grounded[np.isfinite(grounded)],
        _recovery(time, nodes["node_1"], spikes.start, clocking),
        abs(seen - len(spikes)),
    )


def _recovery(time: Array, node_1: Array, spikes: Array, clocking: Clocking) -> Array:
    """Return how long node 1 stays low from the end of the pulse that fired, in s.

    Only spikes after which a further pulse came count.
    """
    driven = [clocking.pulse_start(k) + 0.5 * clocking.width for k in range(2)]
    level = _DRIVEN_SHARE * float(np.interp(driven, time, node_1).max())
    pulses = find_pulses(time, node_1, level)
    # The pulse that fired is the last one before the spike.
    place = np.searchsorted(pulses.start, spikes) - 1
    ends = pulses.end[place[place >= 0]]
    found = silences(ends, pulses.start)
    return found[np.isfinite(found)]


def _integrations(
    time: Array, amplitude: float, fired: Array, spikes: Array, clocking: Clocking
) -> list[Integration]:
    """Return the integrations of a train that began with a relaxed switch."""
    period = clocking.period
    spiked_in = {round(float(one) / period) - clocking.quiet for one in spikes}
    found: list[Integration] = []
    begin: int | None = 0
    for moment in fired[np.isfinite(fired)]:
        pulse = math.floor((moment - clocking.pulse_start(0)) / period)
        spiked = pulse + 1 in spiked_in
        if begin is not None and begin <= pulse < clocking.pulses:
            place = int(np.searchsorted(time, moment))
            start = clocking.pulse_start(pulse)
            low, high = (float(time[k]) - start for k in (place - 1, place))
            taken = pulse - begin + 1
            found.append(
                Integration(
                    amplitude, taken, max(low, 0.0), min(high, clocking.width), spiked
                )
            )
        # Without a spike nothing lets the switch relax: what follows is not alike.
        begin = pulse + 2 if spiked else None
    if begin is not None and begin < clocking.pulses:
        whole = clocking.pulses - begin
        found.append(Integration(amplitude, whole, clocking.width, math.inf, False))
    return found


def learning_run(run: RunFile) -> LearningRun:
    """Return what a SynapseLearning run says.

    Raises
    ------
    FitError
        If a node is missing.
    """
    readings = run.readings()
    _need(run, readings, ("spike",))
    clocking, level = clocking_of(run), number(run, "spike_level", "V")
    rows: list[Learned] = []
    for part in _by_step(readings, np.ones(len(readings["step"]), dtype=bool)):
        points = part["synapse"] == 0
        spikes = find_pulses(part["time"][points], part["spike"][points], level).start
        last = [round(float(one) / clocking.period) - clocking.quiet for one in spikes]
        for synapse in _SYNAPSES:
            values = part["conductance"][part["synapse"] == synapse]
            error = math.nan
            if len(values) > 1:
                error = float(values.std(ddof=1)) / math.sqrt(len(values))
            rows.append(
                Learned(
                    pulses=round(float(part["pulses"][0])),
                    synapse=synapse,
                    spikes=len(spikes),
                    conductance=float(values.mean()),
                    standard_error=error,
                    interrupted=clocking.pulses in last,
                )
            )
    return LearningRun(number(run, "amplitude", "V"), clocking, tuple(rows))
