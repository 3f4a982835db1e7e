"""The table of a network's run: bursts by clock period, readings by synapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.data.layout import Axis, Column, Plot
from labneuro.protocols.network_bench import LAYER_INPUTS, NEURONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.protocols.network_bench import Burst

    Rows = Mapping[str, NDArray[np.generic]]

READING, TRAINING, INFERENCE = 0, 1, 2
"""Kinds of rows."""
NOBODY = 0
DIGITS = NEURONS
_SPIKES = tuple(f"spike_{k:02d}" for k in range(1, NEURONS + 1))
COLUMNS = (
    Column("step", "", "step of the plan", "i4"),
    Column("kind", "", "0 reading of a synapse, 1 training, 2 inference", "i1"),
    Column("layer", "", "layer that is read or watched", "i1"),
    Column("digit", "", "digit that is shown or taught, -1 in maps", "i1"),
    Column("event", "", "showing of the digit, from 1; 0 in maps, -1 in checks", "i4"),
    Column("noise", "", "pixels turned over", "i2"),
    Column("pulses", "", "input pulses of the burst, 0 in readings", "i4"),
    Column("period", "", "clock period from the first pulse's, 0 in readings", "i4"),
    Column("neuron", "", "neuron that is read or taught, from 1; else 0", "i2"),
    Column("input", "", "input of the synapse, from 1; else 0", "i2"),
    Column("current", "A", "current of a reading, NaN in bursts"),
    Column("conductance", "S", "conductance of a reading, NaN in bursts"),
    *(
        Column(name, "V", f"mean of {name} while the clock is high", "f4")
        for name in _SPIKES
    ),
)


class RowTable:
    """Rows of one step as they come in.

    Parameters
    ----------
    step : int
        Of the plan.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._parts: list[dict[str, NDArray[np.float64]]] = []

    def _add(self, count: int, **values: NDArray[np.float64] | float) -> None:
        part = {
            column.name: np.full(count, column.fill, dtype=np.float64)
            for column in COLUMNS
        }
        part["step"][:] = self._step
        for name, value in values.items():
            part[name][:] = value
        self._parts.append(part)

    def burst(self, burst: Burst, **values: float) -> None:
        """Add a burst: a row a clock period; `values` are of all of its rows."""
        spikes = dict(zip(_SPIKES, burst.levels.T, strict=True))
        periods = np.arange(float(len(burst.levels)))
        self._add(
            len(burst.levels), pulses=burst.pulses, period=periods, **spikes, **values
        )

    def reading(
        self, current: NDArray[np.float64], voltage: float, **values: float
    ) -> None:
        """Add the readings of a neuron's synapses.

        Parameters
        ----------
        current : ndarray, shape (inputs,)
            In A.
        voltage : float
            In V.
        **values : float
            Layer, neuron, and whatever else holds for all of them.
        """
        inputs = np.arange(1.0, len(current) + 1.0)
        self._add(
            len(current),
            kind=READING,
            input=inputs,
            current=current,
            conductance=current / voltage,
            **values,
        )

    def rows(self) -> dict[str, NDArray[np.generic]]:
        """Return all rows by column."""
        return {
            column.name: np.concatenate(
                [part[column.name] for part in self._parts]
            ).astype(column.storage)
            for column in COLUMNS
        }


def spike_levels(rows: Rows) -> NDArray[np.float64]:
    """Return the spike lines of some rows in V, shape (rows, neurons)."""
    return np.column_stack([np.asarray(rows[name], np.float64) for name in _SPIKES])


def spikes_in(levels: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Return who spikes in which clock period, shape (periods, neurons)."""
    return np.asarray(levels > level)


class FiringEvent(NamedTuple):
    """What a burst did.

    Attributes
    ----------
    spikes : ndarray of bool, shape (neurons,)
        Who spiked in the first period in which a spike met a pulse: this potentiates.
    interrupted : ndarray of bool, shape (neurons,)
        Who spiked after the last pulse: depressed, not potentiated.
    periods : int
        Periods with a spike that met a pulse.
    """

    spikes: NDArray[np.bool_]
    interrupted: NDArray[np.bool_]
    periods: int

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Who spiked with a pulse and did not fire again in the last one."""
        return np.asarray(self.spikes & ~self.interrupted)

    @property
    def winner(self) -> int:
        """The neuron that spiked alone, completely, from 1; 0 for nobody else."""
        alone = np.flatnonzero(self.spikes)
        if len(alone) == 1 and self.complete[alone[0]]:
            return int(alone[0]) + 1
        return NOBODY


def firing_event(spikes: NDArray[np.bool_], pulses: int) -> FiringEvent:
    """Return what happened in a burst.

    Parameters
    ----------
    spikes : ndarray of bool, shape (periods, neurons)
        The first period is that of the first pulse.
    pulses : int
        Of the burst.
    """
    met = spikes[:pulses]
    periods = np.flatnonzero(met.any(axis=1))
    first = met[periods[0]] if len(periods) else np.zeros(NEURONS, dtype=np.bool_)
    late = np.asarray(spikes[pulses:].any(axis=0))
    return FiringEvent(first, late, len(periods))


def select(rows: Rows, **values: float) -> dict[str, NDArray[np.generic]]:
    """Return the rows in which every named column has the given value."""
    there = np.ones(len(rows["step"]), dtype=np.bool_)
    for name, value in values.items():
        there &= np.asarray(rows[name]) == value
    return {name: np.asarray(column)[there] for name, column in rows.items()}


def count_spikes(rows: Rows, level: float) -> NDArray[np.float64]:
    """Return the spikes of an inference step, shape (digits, neurons).

    Spikes after the last pulse are not counted.
    """
    found = np.zeros((DIGITS, NEURONS))
    shown = np.asarray(rows["kind"]) == INFERENCE
    shown &= np.asarray(rows["period"]) < np.asarray(rows["pulses"])
    digits = np.asarray(rows["digit"])[shown]
    np.add.at(found, digits, spikes_in(spike_levels(rows)[shown], level))
    return found


def weights_plot(layer: int) -> Plot:
    """Return the plot of a layer's conductances before and after training."""
    names = {1: "first", 2: "second"}
    neurons, inputs = (np.arange(1.0, n + 1.0) for n in (NEURONS, LAYER_INPUTS[layer]))
    return Plot(
        name=f"{names[layer]}_layer",
        title=f"Conductances of the {names[layer]} layer before and after training",
        signal=Column("conductance", "S", "conductance at the reading voltage"),
        axes=(
            Axis(Column("map", "", "0 before, 1 after"), np.array([0.0, 1.0])),
            Axis(Column("neuron", "", "neuron"), neurons),
            Axis(Column("input", "", "input"), inputs),
        ),
        errors=False,
    )


def rates_plot(layer: int, noisy: Sequence[int]) -> Plot:
    """Return the plot of a layer's firing rates by noise, digit and neuron."""
    names = {1: "first", 2: "second"}
    return Plot(
        name=f"{names[layer]}_rates",
        title=f"Spikes per second of the {names[layer]} layer",
        signal=Column("rate", "1/s", "spikes per second"),
        axes=(
            Axis(Column("noise", "", "pixels turned over"), np.array(noisy, float)),
            Axis(Column("digit", "", "digit"), np.arange(float(DIGITS))),
            Axis(Column("neuron", "", "neuron"), np.arange(1.0, NEURONS + 1.0)),
        ),
        errors=False,
    )


def weight_maps(rows: Rows, layer: int) -> list[NDArray[np.float64]]:
    """Return a layer's conductances each time that it was read, NaN if not, in S.

    Parameters
    ----------
    rows : mapping of str to ndarray
        The readings table of a run.
    layer : int
        1 or 2.

    Returns
    -------
    list of ndarray, shape (neurons, inputs)
    """
    found = select(rows, kind=READING, layer=layer, digit=-1, event=0)
    maps = []
    for step in np.unique(np.asarray(found["step"])):
        one = select(found, step=step)
        values = np.full((NEURONS, LAYER_INPUTS[layer]), np.nan)
        places = (np.asarray(one[name], np.int64) - 1 for name in ("neuron", "input"))
        values[tuple(places)] = np.asarray(one["conductance"], dtype=np.float64)
        maps.append(values)
    return maps


def inference_counts(
    rows: Rows, level: float
) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Return spikes by layer and noise, each of shape (digits, neurons).

    Parameters
    ----------
    rows : mapping of str to ndarray
        The readings table of a run; of equal passes the last one counts.
    level : float
        A spike is above this, in V.
    """
    found = {}
    shown = select(rows, kind=INFERENCE)
    for step in np.unique(np.asarray(shown["step"])):
        one = select(shown, step=step)
        key = int(one["layer"][0]), int(one["noise"][0])
        found[key] = count_spikes(one, level)
    return found


def recognised(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for which digits the digit's own output neuron alone spikes most.

    Parameters
    ----------
    counts : ndarray, shape (digits, neurons)
        Spikes of the second layer.
    """
    own = np.diagonal(counts)
    best = counts.max(axis=1)
    alone = (counts == best[:, None]).sum(axis=1) == 1
    return np.asarray((own == best) & alone & (best > 0.0))
