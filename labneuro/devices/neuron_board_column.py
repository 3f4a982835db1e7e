"""A column of synapses behind a neuron board, compiled.

The column is one source to the board: the sum of its conductances, and their mean
voltage. While no synapse is beyond a threshold, whatever the threshold switch does, an
interval is one step. Else it is divided so that node 1 moves by no more than a few mV
in a piece, and every synapse is programmed at the voltage of the middle of the piece.
Node 1 never falls while synapses are programmed: a set draws it to an input above it,
a reset frees it from one below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from labneuro.devices.neuron_board_solver import (
    CONDUCTANCE,
    READ_OUT,
    advance,
    equivalent,
    node_voltages,
    set_clock,
)
from labneuro.devices.neuron_board_switch import G_ON
from labneuro.devices.rs_synapse import (
    EVENT,
    FACTOR,
    GATE,
    RESET,
    SET,
    G,
    direction,
    gate_share,
    program,
    tendency,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.rs_synapse import RsSynapsePopulation

# What is known of a board's column: the highest and lowest input in V; the lowest set,
# reset and gate threshold in V; the highest gate threshold; whether a synapse may be
# beyond a threshold; the gate in V.
(
    HIGHEST,
    LOWEST,
    SET_REACH,
    RESET_REACH,
    GATE_REACH,
    ALL_OPEN,
    BUSY,
    GATE_NOW,
) = range(8)
_LONGEST = 20e-6  # s; a piece in which the switch may begin or end the programming
_DRIFT = 5e-3  # V; by which node 1 may move in a piece
_HALFWAY = 0.5  # of the way of a set to its threshold that a piece may cover
_SHORTEST = 1e-9  # s
_LANES = 4  # sums side by side, which a processor adds at once


class Columns(NamedTuple):
    """The arrays of all synapses, board by board.

    Attributes
    ----------
    state, parameter, stream : ndarray
        Those of an :class:`~labneuro.devices.rs_synapse.RsSynapsePopulation`.
    known : ndarray, shape (boards, 8)
        What is known of each board's column.
    """

    state: NDArray[np.float64]
    parameter: NDArray[np.float64]
    stream: NDArray[np.uint64]
    known: NDArray[np.float64]


def columns_of(synapses: RsSynapsePopulation, boards: int) -> Columns:
    """Return the arrays of synapses that are divided among boards.

    Parameters
    ----------
    synapses : RsSynapsePopulation
        Board by board; shares its arrays with what is returned.
    boards : int
        How many.
    """
    parameter = synapses.parameter.reshape(boards, -1, synapses.parameter.shape[1])
    lowest = parameter.min(axis=1)
    known = np.zeros((boards, GATE_NOW + 1))
    known[:, SET_REACH] = lowest[:, SET]
    known[:, RESET_REACH] = lowest[:, RESET]
    known[:, GATE_REACH] = lowest[:, GATE]
    known[:, ALL_OPEN] = parameter[:, :, GATE].max(axis=1)
    return Columns(synapses.state, synapses.parameter, synapses.stream, known)


@njit(cache=True, error_model="numpy")
def _column(r, volts, factor):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return what a board's column of synapses is: its conductance in S, its voltage.

    In a fixed order, so that the sum is the same everywhere; several sums side by side.
    """
    inputs = volts.shape[0]
    whole = inputs - inputs % _LANES
    g0, g1, g2, g3 = 0.0, 0.0, 0.0, 0.0
    i0, i1, i2, i3 = 0.0, 0.0, 0.0, 0.0
    for k in range(0, whole, _LANES):
        first = CONDUCTANCE + k
        g0 += r[first]
        g1 += r[first + 1]
        g2 += r[first + 2]
        g3 += r[first + 3]
        i0 += r[first] * volts[k]
        i1 += r[first + 1] * volts[k + 1]
        i2 += r[first + 2] * volts[k + 2]
        i3 += r[first + 3] * volts[k + 3]
    for k in range(whole, inputs):
        g0 += r[CONDUCTANCE + k]
        i0 += r[CONDUCTANCE + k] * volts[k]
    total = (g0 + g1) + (g2 + g3)
    current = (i0 + i1) + (i2 + i3)
    return total, (factor * current / total if total > 0.0 else 0.0)


@njit(cache=True, error_model="numpy")
def _connect(r, s, p, gate, known):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Put the synapses' conductances into a board's row; 0 where the cell is open."""
    mixed = known[GATE_REACH] < gate <= known[ALL_OPEN]
    for k in range(s.shape[0]):
        r[CONDUCTANCE + k] = s[k, G] if gate > known[GATE_REACH] else 0.0
        if mixed and gate_share(p[k], gate) <= 0.0:
            r[CONDUCTANCE + k] = 0.0


@njit(cache=True, error_model="numpy")
def _end_events(s):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Note that no synapse is beyond a threshold any more."""
    for k in range(s.shape[0]):
        s[k, EVENT] = 0.0


@njit(cache=True, error_model="numpy", inline="always")
def _asleep(event, across, known):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return whether a synapse is within all thresholds, and has been."""
    return event == 0.0 and -known[RESET_REACH] <= across <= known[SET_REACH]


@njit(cache=True, error_model="numpy")
def _may_begin(s, p, volts, factor, gate, nodes):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return whether a synapse moves with the switch open or with it closed."""
    for k in range(s.shape[0]):
        share = gate_share(p[k], gate)
        for node in nodes:
            if tendency(s[k, G], p[k], factor * volts[k] - node, share)[1] > 0.0:
                return True
    return False


@njit(cache=True, error_model="numpy")
def _piece(s, p, volts, factor, gate, total, nodes, known, left):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the length of a piece in s, and by how much node 1 moves in it, in V.

    And whether anything is to be done to a synapse. `nodes`: node 1 now, with the
    switch open, and with it closed.
    """
    potential, rate, headroom = 0.0, 0.0, 0.0
    awake = False
    for k in range(s.shape[0]):
        across = factor * volts[k] - nodes[0]
        if _asleep(s[k, EVENT], across, known):
            continue
        share = gate_share(p[k], gate)
        target, pace = tendency(s[k, G], p[k], across, share)
        if pace > 0.0:
            moved = (target - s[k, G]) * across / total
            potential += moved
            rate += moved * pace * s[k, FACTOR]
            headroom = max(headroom, across - p[k, SET])
            awake = True
        elif s[k, EVENT] != direction(p[k], across, share):
            awake = True
    allowed = min(_DRIFT, _HALFWAY * headroom) if headroom > 0.0 else _DRIFT
    piece, drift = left, min(potential, rate * left)
    if drift > allowed:
        drift = allowed
        piece = max(drift / rate, min(_SHORTEST, left))
    differ = abs(nodes[1] - nodes[2]) > _DRIFT
    if differ and piece > _LONGEST and _may_begin(s, p, volts, factor, gate, nodes[1:]):
        drift *= _LONGEST / piece
        piece = _LONGEST
    return piece, drift, awake


@njit(cache=True, error_model="numpy")
def _program(r, s, p, volts, factor, gate, node, duration, drawn, known):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Program a board's synapses at a constant node 1, exactly."""
    for k in range(s.shape[0]):
        across = factor * volts[k] - node
        if _asleep(s[k, EVENT], across, known):
            continue
        share = gate_share(p[k], gate)
        program(s[k], p[k], across, share, duration, drawn, k)
        r[CONDUCTANCE + k] = s[k, G] if share > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _node_range(r, one):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return node 1 now, with the switch open, and with it closed, in V."""
    source, total = equivalent(r, one)
    node, _ = node_voltages(r, one)
    closed = source / (1.0 + 1.0 / (total * (r[READ_OUT] + 1.0 / r[G_ON])))
    return (node, source, closed), total


@njit(cache=True, error_model="numpy", inline="always")
def _calm(nodes, factor, known):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return whether no synapse is beyond a threshold, switch open or closed."""
    low, high = min(nodes[1], nodes[2]), max(nodes[1], nodes[2])
    highest, lowest = factor * known[HIGHEST], factor * known[LOWEST]
    return highest - low <= known[SET_REACH] and high - lowest <= known[RESET_REACH]


@njit(cache=True, error_model="numpy", inline="always")
def _live(r, stream, i, s, p, drawn, volts, factor, gate, duration, loose, known, one):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Let one board and its synapses live at constant inputs and gate."""
    left = duration
    while left > 0.0:
        first = r[CONDUCTANCE]
        conducting = gate > known[GATE_REACH]
        joined, mean = _column(r, volts, factor) if conducting else (0.0, 0.0)
        r[CONDUCTANCE], one[0] = joined, mean
        nodes, total = _node_range(r, one)
        calm = not conducting or _calm(nodes, factor, known)
        piece, drift, awake = left, 0.0, False
        if not calm:
            piece, drift, awake = _piece(
                s, p, volts, factor, gate, total, nodes, known, left
            )
        advance(r, stream, i, one, piece, loose)
        r[CONDUCTANCE] = first
        if awake:
            node = nodes[0] + 0.5 * drift
            _program(r, s, p, volts, factor, gate, node, piece, drawn, known)
        elif calm and known[BUSY] > 0.0:
            _end_events(s)
        known[BUSY] = 0.0 if calm else 1.0
        left = left - piece if piece < left else 0.0


@njit(cache=True, error_model="numpy")
def live_all(m, columns, volts, factor, gates, durations, loose, fresh):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let boards and their synapses live at `factor` times the inputs, each as long.

    `fresh`: the boards' rows may not know the conductances.
    """
    inputs = volts.shape[1]
    one = np.empty(1)
    for i in range(m.row.shape[0]):
        if durations[i] <= 0.0:
            continue
        first = i * inputs
        last = first + inputs
        s, p = columns.state[first:last], columns.parameter[first:last]
        known = columns.known[i]
        if fresh or gates[i] != known[GATE_NOW]:
            _connect(m.row[i], s, p, gates[i], known)
            known[GATE_NOW] = gates[i]
        _live(
            m.row[i],
            m.stream,
            i,
            s,
            p,
            columns.stream[first:last],
            volts[i],
            factor,
            gates[i],
            durations[i],
            loose,
            known,
            one,
        )


@njit(cache=True, error_model="numpy")
def clock_all(m, volts, factor, high, spiked):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let all boards' latches see the clock's level; note which of them spike."""
    one = np.empty(1)
    for i in range(m.row.shape[0]):
        r = m.row[i]
        first = r[CONDUCTANCE]
        if high == 0.0:  # only then do the latches look at node 2
            r[CONDUCTANCE], one[0] = _column(r, volts[i], factor)
        if set_clock(r, one, high):
            spiked[i] = True
        r[CONDUCTANCE] = first
