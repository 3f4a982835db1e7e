"""The neuron board from one clock edge or input change to the next, compiled.

Between two such moments the circuit is a threshold switch behind one real source, for
every input is a conductance to a voltage, and T1 and the depression module are switches
that only a clock edge moves. So :func:`~labneuro.devices.neuron_board_switch.live`
covers each interval, whatever its length, and nothing is stepped through.

The latches sample at the edges of the clock: L1 takes node 2 at the falling edge, L2
takes L1 at the rising edge. T1 is on while L2 is high. The depression module lifts
node 1 while L1 is high and the clock is low, which is in the clock period before the
one in which T1 is on, for L1 rises at a falling edge and L2 follows at the next rising
one; in the second half of L1's time, T1 would hold node 1 down, so the module is off
while L2 is high.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from labneuro.devices.neuron_board_cycles import cycle_of, run_cycles, stretch_of
from labneuro.devices.neuron_board_parameters import CIRCUIT_UNITS
from labneuro.devices.neuron_board_switch import (
    FIRED,
    FIRED_AT,
    LEAK_TIME,
    QUIET,
    RATE,
    SETTING,
    SLOPES,
    STEP,
    SWITCH_SIZE,
    Y,
    growth,
    live,
    quiet_periods,
    skip_periods,
)
from labneuro.devices.random_streams import normal, streams
from labneuro.devices.threshold_switch import PARAMETER_NAMES, switch_conductance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters

# Columns of a board's row behind those of its switch: the circuit's parameters,
(
    _,
    _,
    READ_OUT,
    LATCH_THRESHOLD,
    _,
    _,
    _,
    _GROUND,
    _OPEN,
    _LIFT,
    _LIFT_RESISTANCE,
    _LIFTS,
) = range(SWITCH_SIZE, SWITCH_SIZE + len(CIRCUIT_UNITS))
# its digital state, and the conductances from its inputs to node 1.
L1, L2, CLOCK, SPIKES = range(_LIFTS + 1, _LIFTS + 5)
CONDUCTANCE = SPIKES + 1
_FIRST_STEP = 1e-7  # s
_FAINT = 0.02  # a bridge that makes a firing some 0.1 us earlier

NODES = ("node_1", "node_2", "clock", "l1", "l2", "spike", "inhibition")
"""What a record shows, in this order; the digital ones are 0 or 1."""


class Memory(NamedTuple):
    """The arrays of a population of boards.

    Attributes
    ----------
    row : ndarray, shape (boards, columns)
        Parameters, state and the conductances from the inputs.
    stream : ndarray of uint64, shape (boards,)
    """

    row: NDArray[np.float64]
    stream: NDArray[np.uint64]


def memory_of(
    boards: list[NeuronBoardParameters],
    conductance: NDArray[np.float64],
    seed: int,
) -> Memory:
    """Return the arrays of boards at rest with the clock low.

    Parameters
    ----------
    boards : list of NeuronBoardParameters
        The parameters of each board.
    conductance : ndarray, shape (boards, inputs)
        From the inputs to node 1, in S.
    seed : int
        Seed of the boards' random streams.
    """
    count = len(boards)
    row = np.zeros((count, CONDUCTANCE + conductance.shape[1]))
    for index, given in enumerate(boards):
        switch = [getattr(given.switch, name) for name in PARAMETER_NAMES]
        circuit = [getattr(given, name) for name in CIRCUIT_UNITS]
        row[index, : len(switch)] = switch
        row[index, SWITCH_SIZE : SWITCH_SIZE + len(circuit)] = circuit
    row[:, CONDUCTANCE:] = conductance
    row[:, SETTING:SLOPES] = np.nan  # nothing worked out yet
    row[:, FIRED_AT] = np.nan
    row[:, STEP] = _FIRST_STEP
    memory = Memory(row, streams(seed, count))
    for index, given in enumerate(boards):
        noise = given.switch.rate_noise * normal(memory.stream, index)
        row[index, RATE] = np.exp(noise)
    return memory


@njit(cache=True, error_model="numpy")
def equivalent(r, volts):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the source at node 1 of a board: its voltage in V, conductance in S."""
    total = 1.0 / r[_GROUND] if r[L2] > 0.0 else 1.0 / r[_OPEN]
    current = 0.0
    for k in range(volts.shape[0]):
        total += r[CONDUCTANCE + k]
        current += r[CONDUCTANCE + k] * volts[k]
    lifting = r[L1] > 0.0 and r[L2] == 0.0 and r[CLOCK] == 0.0
    if lifting and r[_LIFTS] > 0.0:
        total += 1.0 / r[_LIFT_RESISTANCE]
        current += r[_LIFT] / r[_LIFT_RESISTANCE]
    return current / total, total


@njit(cache=True, error_model="numpy")
def node_voltages(r, volts):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the voltages of node 1 and node 2 of a board, in V."""
    source, total = equivalent(r, volts)
    g = switch_conductance(r[Y], r)
    current = source * g / (1.0 + g * (1.0 / total + r[READ_OUT]))
    return source - current / total, current * r[READ_OUT]


@njit(cache=True, error_model="numpy")
def set_clock(r, volts, high):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let a board's latches see the clock's level; return whether a spike begins."""
    if high == r[CLOCK]:
        return False
    if high > 0.0:
        r[L2] = r[L1]
        r[SPIKES] += r[L2]
    else:
        _, node_2 = node_voltages(r, volts)
        r[L1] = 1.0 if node_2 > r[LATCH_THRESHOLD] else 0.0
    r[CLOCK] = high
    return high > 0.0 and r[L2] > 0.0


@njit(cache=True, error_model="numpy", inline="always")
def advance(r, stream, i, volts, duration, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let a board live at constant inputs and clock; stops exactly at `duration`."""
    source, total = equivalent(r, volts)
    live(r, stream, i, source, 1.0 / total + r[READ_OUT], duration, loose)


@njit(cache=True, error_model="numpy")
def advance_all(m, volts, duration, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let all boards live at constant inputs, shape (boards, inputs)."""
    for i in range(m.row.shape[0]):
        advance(m.row[i], m.stream, i, volts[i], duration, loose)


@njit(cache=True, error_model="numpy")
def set_clock_all(m, volts, high, spiked):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let all boards see the clock's level; note which of them spike."""
    for i in range(m.row.shape[0]):
        spiked[i] = set_clock(m.row[i], volts[i], high)


@njit(cache=True, error_model="numpy")
def nodes_all(m, volts, found):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Write node 1 and node 2 of all boards to `found`, shape (boards, 2)."""
    for i in range(m.row.shape[0]):
        found[i] = node_voltages(m.row[i], volts[i])


@njit(cache=True, error_model="numpy")
def _period_map(r, volts, program):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return how a period with both latches low moves x: factor, offset, rise."""
    factor, offset, rise = 1.0, 0.0, 0.0
    for piece in range(program.shape[0]):
        source, total = equivalent(r, volts[piece])
        target = growth(r, source, 1.0 / total + r[READ_OUT])
        duration = program[piece, 0] / r[LEAK_TIME]
        kept = math.exp(-duration)
        factor *= kept
        offset = target + (offset - target) * kept
        rise += target * duration
    return factor, offset, rise


@njit(cache=True, error_model="numpy", inline="always")
def _run_period(r, stream, i, volts, program, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Run one period; return whether the board spikes in it."""
    spiked = False
    for piece in range(program.shape[0]):
        # The latches see the inputs as they were before the edge.
        if set_clock(r, volts[piece - 1], program[piece, 2]):
            spiked = True
        advance(r, stream, i, volts[piece], program[piece, 0], loose)
    return spiked


@njit(cache=True, error_model="numpy")
def _cycle(r, stretch, volts):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the constants of a board's firing cycles, and whether it fits the scheme.

    The latches must be low; `volts` are those of the pulses.
    """
    source, total = equivalent(r, volts)
    r[L2] = 1.0
    grounded, grounded_total = equivalent(r, volts)
    r[L2] = 0.0
    driven = source, 1.0 / total + r[READ_OUT]
    refractory = abs(grounded), 1.0 / grounded_total + r[READ_OUT]
    found, fits = cycle_of(
        r, stretch, driven, refractory, r[READ_OUT], r[LATCH_THRESHOLD]
    )
    return found, fits and r[_LIFTS] == 0.0


@njit(cache=True, error_model="numpy")
def _pass_cycles(r, stream, i, found, spikes, fired_at, cycle):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Run whole firing cycles while they fit; return the next period."""
    if r[L1] > 0.0 or r[Y] >= QUIET:
        return cycle
    after, high = run_cycles(r, found, stream, i, spikes, fired_at, cycle)
    if after > cycle:
        r[L2] = 1.0 if high else 0.0
        r[SPIKES] += spikes[cycle:after].sum()
    return after


@njit(cache=True, error_model="numpy")
def _pass_quiet(r, period_map, period, cycles):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Pass periods, at most `cycles`, in which nothing bridges; return how many."""
    if r[L1] > 0.0 or r[L2] > 0.0:
        return 0
    factor, offset, rise = period_map
    count = min(quiet_periods(r, factor, offset, rise), cycles)
    if count > 0.0:
        skip_periods(r, factor, offset, count, period)
    return int(count)


@njit(cache=True, error_model="numpy")
def _run(r, stream, i, high_volts, program, loose, spikes, fired_at):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Run one board for as many periods as `spikes` is long."""
    cycles, cycle = spikes.shape[0], 0
    volts = np.outer(program[:, 1], high_volts)
    stretch, whole = stretch_of(program)
    latches = r[L1], r[L2]
    r[L1], r[L2] = 0.0, 0.0
    found, fits = _cycle(r, stretch, high_volts)
    period_map = _period_map(r, volts, program)
    r[L1], r[L2] = latches
    while cycle < cycles:
        near = False
        if r[CLOCK] == program[-1, 2]:
            if loose and whole and fits:
                cycle = _pass_cycles(r, stream, i, found, spikes, fired_at, cycle)
                near = _FAINT < r[Y] < QUIET
            cycle += _pass_quiet(r, period_map, stretch.period, cycles - cycle)
        if cycle == cycles:
            break
        before = r[FIRED]
        # Without whole cycles, the closed form of the firing knows of no bridge that a
        # pulse before has left.
        quick = loose and not near
        spikes[cycle] = _run_period(r, stream, i, volts, program, quick)
        if r[FIRED] > before:
            fired_at[cycle] = r[FIRED_AT]
        cycle += 1


@njit(cache=True, error_model="numpy")
def run_all(m, high_volts, program, loose, spikes, fired_at):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Repeat a clock period of constant pieces: duration, input factor, clock level.

    Notes of each board and period whether it spiked, and when it fired (the last time).
    """
    for i in range(m.row.shape[0]):
        _run(
            m.row[i],
            m.stream,
            i,
            high_volts[i],
            program,
            loose,
            spikes[i],
            fired_at[i],
        )


@njit(cache=True, error_model="numpy")
def _show(r, volts, shown):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Write a board's nodes, in the order of :data:`NODES`."""
    shown[0], shown[1] = node_voltages(r, volts)
    shown[2] = r[CLOCK]
    shown[3] = r[L1]
    shown[4] = r[L2]
    shown[5] = r[L2] * r[CLOCK]
    shown[6] = max(r[L1], r[L2])


@njit(cache=True, error_model="numpy")
def record(m, i, high_volts, program, cycles, interval, loose, rows):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Run board i and write its nodes every `interval` seconds."""
    pieces = program.shape[0]
    volts = np.outer(program[:, 1], high_volts)
    r = m.row[i]
    start, written = 0.0, 0
    for _ in range(cycles):
        for piece in range(pieces):
            set_clock(r, volts[piece - 1], program[piece, 2])
            end, now = start + program[piece, 0], start
            while now < end:
                sampling = written < rows.shape[0] and written * interval < end
                moment = max(written * interval, now) if sampling else end
                advance(r, m.stream, i, volts[piece], moment - now, loose)
                now = moment
                if sampling:
                    _show(r, volts[piece], rows[written])
                    written += 1
            start = end
