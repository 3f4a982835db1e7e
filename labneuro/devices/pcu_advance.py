"""Compiled core of an array of perovskite computing units: the memristors in time.

They are advanced by the exponential midpoint rule, exact at constant voltage, with its
distance to the exponential Euler rule as error control; the voltages come from a
solution of all nodes at each step's begin and middle.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numpy as np
from numba import njit

from labneuro.devices.pcu_memristors import (
    X,
    begin_pulse,
    calm_for,
    conductance_of,
    moved,
    wander,
)
from labneuro.devices.pcu_network import node_volts, solve_nodes

_TOLERANCE = 1e-5  # of a state, a step: distance of the two rules
_SHORTEST = 1e-12  # of the duration


@njit(cache=True)
def _set_conductances(tables, states, elements):  # pragma: no cover  compiled
    for kind in range(2):
        for k in range(elements.shape[0]):
            elements[k, kind] = conductance_of(tables[kind, k], states[kind, k])


@njit(cache=True)
def _memristor_volts(ends, volts, across):  # pragma: no cover  compiled
    for k in range(ends.shape[0]):
        across[0, k] = node_volts(volts, ends[k, 0]) - node_volts(volts, ends[k, 1])
        across[1, k] = node_volts(volts, ends[k, 2]) - node_volts(volts, ends[k, 3])


@njit(cache=True)
def find_point(  # pragma: no cover  compiled
    ends, elements, tables, states, between, ground, injected, volts, across
):
    """Solve the nodes with the memristors as they are; fill their voltages."""
    _set_conductances(tables, states, elements)
    found = solve_nodes(ends, elements, between, ground, injected, volts)
    _memristor_volts(ends, volts, across)
    return found


@njit(cache=True)
def calm_time(tables, states, across):  # pragma: no cover  compiled
    """Return for how long every conductance stays within about 2 %, in s."""
    result = np.inf
    for kind in range(2):
        for k in range(tables.shape[1]):
            time = calm_for(tables[kind, k], states[kind, k], across[kind, k])
            result = min(result, time)
    return result


@njit(cache=True)
def _moved_by(tables, states, begun, across, duration):  # pragma: no cover  compiled
    """Move every state from `begun`; return the largest change of where it stood."""
    change = 0.0
    for kind in range(2):
        for k in range(tables.shape[1]):
            s = states[kind, k]
            x = moved(tables[kind, k], s, begun[kind, k], across[kind, k], duration)
            change = max(change, abs(x - s[X]))
            s[X] = x
    return change


@njit(cache=True)
def _note(states, begun):  # pragma: no cover  compiled
    for kind in range(2):
        for k in range(states.shape[1]):
            begun[kind, k] = states[kind, k, X]


@njit(cache=True)
def _begin_pulses(tables, states, across, stream):  # pragma: no cover  compiled
    units = tables.shape[1]
    for kind in range(2):
        for k in range(units):
            index = kind * units + k
            begin_pulse(
                tables[kind, k], states[kind, k], across[kind, k], stream, index
            )


@njit(cache=True)
def _wander_all(tables, states, stream, duration):  # pragma: no cover  compiled
    units = tables.shape[1]
    for kind in range(2):
        for k in range(units):
            index = kind * units + k
            wander(tables[kind, k], states[kind, k], duration, stream, index)


@njit(cache=True)
def advance_units(  # pragma: no cover  compiled
    ends, elements, tables, states, stream, between, ground, injected, volts, duration
):
    """Let all memristors live behind the circuit; return whether every point was found.

    Parameters
    ----------
    tables : ndarray, shape (2, units, 12)
        Parameters of M1 and M2.
    states : ndarray, shape (2, units, 4)
        Their states.
    stream : ndarray of uint64, shape (2 units,)
        A random stream each.
    duration : float
        s; the other parameters are those of :func:`solve_nodes`.
    """
    units = elements.shape[0]
    across, middle = np.empty((2, units)), np.empty((2, units))
    begun = np.empty((2, units))
    around = (between, ground, injected, volts)
    left, step = duration, duration
    found, halfway = True, False
    while left > 0.0 and found:
        where = middle if halfway else across
        found = find_point(ends, elements, tables, states, *around, where)
        if halfway:
            _moved_by(tables, states, begun, across, step)
            error = _moved_by(tables, states, begun, middle, step) / _TOLERANCE
            if error > 1.0 and step > _SHORTEST * duration:
                _moved_by(tables, states, begun, across, 0.0)
            else:
                left = 0.0 if step == left else left - step
            step *= min(max(0.9 / np.sqrt(max(error, 1e-6)), 0.2), 5.0)
        else:
            _begin_pulses(tables, states, across, stream)
            step = min(step, left)
            _note(states, begun)
            _moved_by(tables, states, begun, across, 0.5 * step)
        halfway = not halfway
    _wander_all(tables, states, stream, duration)
    return found
