"""Compiled core of an array of perovskite computing units: all nodes solved at once.

Unknown are the voltages of the nodes on which the array's terminals lie. Newton's
method on Kirchhoff's current law; its linear systems are solved by star-mesh
elimination, in which conductances are only added, so that a node that hangs on 1e-16 S
is as exact as one that is driven. The circuit's co-content is convex: a step is cut
until the directional derivative has not overshot, so it converges from anywhere.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numpy as np
from numba import njit

from labneuro.devices.diode import diode_point

# Columns of a unit's elements: M1 and M2 in S, I0 of D1 and D2 in A, n VT, Rs.
_G1, _G2, _I1, _I2, _A, _RS = range(6)
ELEMENTS = 6
BRANCHES = 3
"""Branches of a unit: M1, D1, M2 parallel to D2."""
_BALANCE = 1e-11  # of the currents that meet at a node
_LEAST = 1e-24  # A, some electrons a day: sources that are all off end here
_ROUNDING = 2e-15  # of the terms that are subtracted at a node
# Rows of the work space, one column a node.
_SURPLUS, _ALLOWED, _EARTH, _STEP = range(4)
_ROWS = 4
_MOST_STEPS = 2000  # some ten, as a rule
_CLOSEST = 1e-15  # shares of a step


@njit(cache=True)
def _branch(kind, voltage, e):  # pragma: no cover  compiled
    """Return current in A and slope in S of one branch of a unit."""
    if kind == 0:
        return e[_G1] * voltage, e[_G1]
    sign, saturation, beside = 1.0, e[_I1], 0.0
    if kind == BRANCHES - 1:
        sign, saturation, beside = -1.0, e[_I2], e[_G2]
    # One place for both diodes: compiled functions are copied to where they are called.
    current, slope = diode_point(sign * voltage, saturation, e[_A], e[_RS])
    return sign * current + beside * voltage, slope + beside


@njit(cache=True)
def node_volts(volts, node):  # pragma: no cover  compiled
    """Return the voltage of a node in V; -1 is ground."""
    return volts[node] if node >= 0 else 0.0


@njit(cache=True)
def _around(
    between, ground, injected, volts, work, links
):  # pragma: no cover  compiled
    """Begin the balance of every node with the circuit around the array."""
    for n in range(volts.size):
        surplus = injected[n] - ground[n] * volts[n]
        terms = abs(injected[n]) + ground[n] * abs(volts[n])
        for m in range(volts.size):
            surplus -= between[n, m] * (volts[n] - volts[m])
            terms += between[n, m] * (abs(volts[n]) + abs(volts[m]))
            links[n, m] = between[n, m]
        work[_SURPLUS, n] = surplus
        work[_ALLOWED, n] = _LEAST + _ROUNDING * terms
        work[_EARTH, n] = ground[n]


@njit(cache=True)
def _join(a, b, slope, work, links):  # pragma: no cover  compiled
    """Add a branch's slope between two nodes, of which one may be ground."""
    if a == b:
        return
    if a >= 0 and b >= 0:
        links[a, b] += slope
        links[b, a] += slope
    else:
        work[_EARTH, max(a, b)] += slope


@njit(cache=True)
def _kirchhoff(  # pragma: no cover  compiled
    ends, elements, between, ground, injected, volts, work, links
):
    """Fill surplus, tangents and tolerance of each node; return whether all balance."""
    _around(between, ground, injected, volts, work, links)
    for k in range(elements.shape[0]):
        for kind in range(BRANCHES):
            a, b = ends[k, kind], ends[k, kind + 1]
            first, second = node_volts(volts, a), node_volts(volts, b)
            current, slope = _branch(kind, first - second, elements[k])
            left = _BALANCE * abs(current)
            left += _ROUNDING * slope * (abs(first) + abs(second))
            if a >= 0:
                work[_SURPLUS, a] -= current
                work[_ALLOWED, a] += left
            if b >= 0:
                work[_SURPLUS, b] += current
                work[_ALLOWED, b] += left
            _join(a, b, slope, work, links)
    worst = 0.0
    for n in range(volts.size):
        worst = max(worst, abs(work[_SURPLUS, n]) - work[_ALLOWED, n])
    return worst <= 0.0


@njit(cache=True)
def _eliminate(k, work, links):  # pragma: no cover  compiled
    """Take node k out: its star becomes the mesh of those after it."""
    count = links.shape[0]
    total = work[_EARTH, k]
    for m in range(k + 1, count):
        total += links[k, m]
    for n in range(k + 1, count):
        share = links[n, k] / total
        if share > 0.0:
            work[_EARTH, n] += share * work[_EARTH, k]
            work[_STEP, n] += share * work[_STEP, k]
            for m in range(k + 1, count):
                links[n, m] += share * links[k, m]
            links[n, n] = 0.0
    work[_EARTH, k] = total


@njit(cache=True)
def _newton_step(work, links):  # pragma: no cover  compiled
    """Fill the step that balances the tangents; return its slope of the co-content."""
    count = links.shape[0]
    for n in range(count):
        work[_STEP, n] = work[_SURPLUS, n]
    for k in range(count):
        _eliminate(k, work, links)
    slope = 0.0
    for k in range(count - 1, -1, -1):
        value = work[_STEP, k]
        for m in range(k + 1, count):
            value += links[k, m] * work[_STEP, m]
        work[_STEP, k] = value / work[_EARTH, k]
        slope += work[_STEP, k] * work[_SURPLUS, k]
    return slope


@njit(cache=True)
def solve_nodes(  # pragma: no cover  compiled
    ends, elements, between, ground, injected, volts
):
    """Find the node voltages, from those given; return whether Kirchhoff's law holds.

    Parameters
    ----------
    ends : ndarray of int, shape (units, 4)
        Nodes of word line, configure lines 1 and 2 and bit line; -1 is ground.
    elements : ndarray, shape (units, 6)
        See :class:`~labneuro.devices.pcu_cell.CellElements`.
    between, ground, injected : ndarray
        Of the circuit around; see :class:`~labneuro.devices.port_mesh.PortMesh`.
    volts : ndarray, shape (nodes,)
        In V; the result replaces it.
    """
    count = volts.size
    work, links = np.zeros((_ROWS, count)), np.empty((count, count))
    trial = np.empty(count)
    start, low, high, share = -1.0, 0.0, 0.0, 0.0
    for _ in range(_MOST_STEPS):
        for n in range(count):
            trial[n] = volts[n] + share * work[_STEP, n]
        if _kirchhoff(ends, elements, between, ground, injected, trial, work, links):
            volts[:] = trial
            return True
        ahead = 0.0
        for n in range(count):
            ahead += work[_SURPLUS, n] * work[_STEP, n]
        short = share == 1.0 and ahead >= 0.0
        if short or abs(ahead) <= 0.5 * start or high - low <= _CLOSEST:
            volts[:] = trial
            start = _newton_step(work, links)
            low, high, share = 0.0, 1.0, 1.0
        else:
            low, high = (share, high) if ahead > 0.0 else (low, share)
            share = 0.5 * (low + high)
    return False


@njit(cache=True)
def branch_currents(ends, elements, volts):  # pragma: no cover  compiled
    """Return voltage and current of M1, D1 and the pair, each of shape (units, 3)."""
    drops = np.empty((elements.shape[0], BRANCHES))
    currents = np.empty_like(drops)
    for k in range(elements.shape[0]):
        for kind in range(BRANCHES):
            first = node_volts(volts, ends[k, kind])
            drops[k, kind] = first - node_volts(volts, ends[k, kind + 1])
            currents[k, kind], _ = _branch(kind, drops[k, kind], elements[k])
    return drops, currents
