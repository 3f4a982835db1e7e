"""Branches of resistance and capacitance in parallel, behind a real source.

The compiled core of the FMES model. Between two terminals lie a leak and some branches,
each a resistance in series with a capacitance that may leak by itself. The state is the
charge of each capacitance. With the source's voltage s behind the series resistance Rs,
the branch conductances g and their sum G, terminal leak included, the terminal voltage
is ``u = (s + Rs sum(g v)) / (1 + Rs G)`` and the charges obey ``dq/dt = b s - K v``,
with K symmetric. This form holds for a voltage source (Rs = 0) and for a current source
(Rs = 1e15 ohm) alike.

Linear branches, ``v = q / C``, are solved exactly by the eigenvectors of the matrix
``C**-0.5 K C**-0.5``: no time stepping. Where ions crowd, ``v = sinh(k q / C) / k`` and
the capacitance falls as ``C / sqrt(1 + (k v)**2)``; where voltage opens more sites to
them, ``q = C (v + (n v)**2 v / 3)`` and it grows as ``C (1 + (n v)**2)``. Then Kaps and
Rentrop's stiffly usable fourth-order formula in Shampine's coefficients is stepped with
error control.

References
----------
L. F. Shampine, "Implementation of Rosenbrock methods", ACM Trans. Math. Softw. 8 (1982)
93-113.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Columns of a branch: conductance, capacitance and its leak, crowding, growth.
CONDUCTANCE, CAPACITANCE, LEAK, CROWDING, GROWTH = range(5)
BRANCH_SIZE = 5

_MOST_EXPONENT = 40.0  # of sinh: only trial steps get there
_ABSOLUTE_TOLERANCE = 1e-7  # V
_RELATIVE_TOLERANCE = 3e-6
_FIRST_STEP = 1e-5  # s
_SHORTEST_STEP = 1e-15  # s
_BEST_ERROR = 1e-3  # over the tolerance; a step is not lengthened for less
_MOST_ROTATIONS = 30  # sweeps; three branches need about five
_ROUNDING = 1e-17  # of an off-diagonal element against its diagonal ones
_SMALL = 1e-3  # below it the series of phi2 replaces a difference

# Shampine's coefficients of the Rosenbrock formula, gamma = 1/2.
_GAMMA = 0.5
_A21, _A31, _A32 = 2.0, 48.0 / 25.0, 6.0 / 25.0
_C21, _C31, _C32 = -8.0, 372.0 / 25.0, 12.0 / 5.0
_C41, _C42, _C43 = -112.0 / 125.0, -54.0 / 125.0, -2.0 / 5.0
_X2, _X3 = 1.0, 3.0 / 5.0  # times of the stages, and weights of the source's slope
_D1, _D2, _D3, _D4 = 0.5, -1.5, 121.0 / 50.0, 29.0 / 250.0
_B1, _B2, _B3, _B4 = 19.0 / 9.0, 0.5, 25.0 / 108.0, 125.0 / 108.0
_E1, _E2, _E4 = 17.0 / 54.0, 7.0 / 36.0, 125.0 / 108.0


@njit(cache=True)
def branch_voltage(charge, branch):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the voltage in V of one branch's capacitance at a charge in C."""
    linear = charge / branch[CAPACITANCE]
    n = branch[GROWTH]
    if n > 0.0:
        return 2.0 / n * np.sinh(np.arcsinh(1.5 * n * linear) / 3.0)
    k = branch[CROWDING]
    if k == 0.0:
        return linear
    return np.sinh(min(max(k * linear, -_MOST_EXPONENT), _MOST_EXPONENT)) / k


@njit(cache=True)
def elastance(charge, branch):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return dv/dq in V/C of one branch's capacitance at a charge in C."""
    inverse = 1.0 / branch[CAPACITANCE]
    n = branch[GROWTH]
    if n > 0.0:
        reduced = 2.0 * np.sinh(np.arcsinh(1.5 * n * charge * inverse) / 3.0)
        return inverse / (1.0 + reduced * reduced)
    k = branch[CROWDING]
    if k == 0.0:
        return inverse
    exponent = min(max(k * charge * inverse, -_MOST_EXPONENT), _MOST_EXPONENT)
    return np.cosh(exponent) * inverse


@njit(cache=True)
def terminal_voltage(charge, branches, leak, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the voltage in V between the terminals behind a real source."""
    pulled, total = 0.0, leak
    for i in range(branches.shape[0]):
        g = branches[i, CONDUCTANCE]
        total += g
        if g > 0.0:
            pulled += g * branch_voltage(charge[i], branches[i])
    return (source + series * pulled) / (1.0 + series * total)


@njit(cache=True)
def device_current(charge, branches, leak, voltage):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the current in A into the first terminal at a terminal voltage in V."""
    current = leak * voltage
    for i in range(branches.shape[0]):
        g = branches[i, CONDUCTANCE]
        if g > 0.0:
            current += g * (voltage - branch_voltage(charge[i], branches[i]))
    return current


@njit(cache=True)
def coupling(branches, leak, series, matrix, drive):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Fill K, shape (branches, branches), and b, shape (branches,), of dq/dt."""
    count = branches.shape[0]
    total = leak
    for i in range(count):
        total += branches[i, CONDUCTANCE]
    scale = 1.0 + series * total
    for i in range(count):
        g = branches[i, CONDUCTANCE]
        drive[i] = g / scale
        others = leak  # summed, not subtracted: a current source leaves only these
        for j in range(count):
            if j != i:
                others += branches[j, CONDUCTANCE]
                matrix[i, j] = -g * branches[j, CONDUCTANCE] * series / scale
        matrix[i, i] = branches[i, LEAK] + g * (1.0 + series * others) / scale


@njit(cache=True)
def find_modes(branches, leak, series, matrix, drive, rate, vector):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Fill the rates in 1/s and the eigenvectors of linear branches behind `series`."""
    coupling(branches, leak, series, matrix, drive)
    count = branches.shape[0]
    symmetric = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            root = np.sqrt(branches[i, CAPACITANCE] * branches[j, CAPACITANCE])
            symmetric[i, j] = matrix[i, j] / root
            vector[i, j] = 1.0 if i == j else 0.0
    for _ in range(_MOST_ROTATIONS):
        if not _rotate_all(symmetric, vector):
            break
    for i in range(count):
        rate[i] = symmetric[i, i]


@njit(cache=True)
def _rotate_all(symmetric, vector):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Do one cyclic Jacobi sweep; return whether anything was left to rotate.

    For matrices this small it is as exact as LAPACK and compiles faster.
    """
    count = symmetric.shape[0]
    moved = False
    for p in range(count - 1):
        for q in range(p + 1, count):
            off = symmetric[p, q]
            product = abs(symmetric[p, p] * symmetric[q, q])
            if off * off <= _ROUNDING * _ROUNDING * product:
                continue
            moved = True
            theta = 0.5 * (symmetric[q, q] - symmetric[p, p]) / off
            tangent = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
            if theta < 0.0:
                tangent = -tangent
            cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
            _rotate(symmetric, vector, p, q, cosine, tangent * cosine)
    return moved


@njit(cache=True)
def _rotate(symmetric, vector, p, q, cosine, sine):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for i in range(symmetric.shape[0]):
        left, right = symmetric[i, p], symmetric[i, q]
        symmetric[i, p] = cosine * left - sine * right
        symmetric[i, q] = sine * left + cosine * right
    for i in range(symmetric.shape[0]):
        left, right = symmetric[p, i], symmetric[q, i]
        symmetric[p, i] = cosine * left - sine * right
        symmetric[q, i] = sine * left + cosine * right
        left, right = vector[i, p], vector[i, q]
        vector[i, p] = cosine * left - sine * right
        vector[i, q] = sine * left + cosine * right


@njit(cache=True)
def phi1(x):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return (1 - exp(-x)) / x."""
    return 1.0 if x == 0.0 else -np.expm1(-x) / x


@njit(cache=True)
def phi2(x):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return (exp(-x) - 1 + x) / x**2."""
    if abs(x) < _SMALL:
        return 0.5 - x / 6.0 + x * x / 24.0 - x * x * x / 120.0
    return (1.0 - phi1(x)) / x


@njit(cache=True)
def advance_modes(charge, branches, drive, rate, vector, level, slope, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Advance linear branches exactly behind a source ``level + slope t``.

    Parameters
    ----------
    charge : ndarray, shape (branches,)
        In C, changed in place.
    branches : ndarray, shape (branches, 5)
        The branches.
    drive, rate, vector : ndarray
        From :func:`find_modes`.
    level, slope : float
        Source voltage in V at the beginning, and its change in V/s.
    duration : float
        In s.
    """
    count = charge.shape[0]
    after = np.zeros(count)
    for mode in range(count):
        amplitude, force = 0.0, 0.0
        for i in range(count):
            root = np.sqrt(branches[i, CAPACITANCE])
            amplitude += vector[i, mode] * charge[i] / root
            force += vector[i, mode] * drive[i] / root
        x = rate[mode] * duration
        amplitude *= np.exp(-x)
        amplitude += force * duration * level * phi1(x)
        if slope != 0.0:
            amplitude += force * duration * duration * slope * phi2(x)
        for i in range(count):
            after[i] += vector[i, mode] * amplitude * np.sqrt(branches[i, CAPACITANCE])
    for i in range(count):
        charge[i] = after[i]


@njit(cache=True)
def _flow(charge, branches, matrix, drive, source, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    count = charge.shape[0]
    for i in range(count):
        out[i] = drive[i] * source
    for j in range(count):
        volts = branch_voltage(charge[j], branches[j])
        for i in range(count):
            out[i] -= matrix[i, j] * volts


@njit(cache=True)
def _factorise(system):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Replace a matrix by its triangular factors.

    It is a unit plus a positive semidefinite times a positive diagonal: its leading
    minors are positive and no pivots need be sought.
    """
    count = system.shape[0]
    for k in range(count):
        for i in range(k + 1, count):
            system[i, k] /= system[k, k]
            for j in range(k + 1, count):
                system[i, j] -= system[i, k] * system[k, j]


@njit(cache=True)
def _solve(factors, right):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    count = right.shape[0]
    for i in range(count):
        for j in range(i):
            right[i] -= factors[i, j] * right[j]
    for i in range(count - 1, -1, -1):
        for j in range(i + 1, count):
            right[i] -= factors[i, j] * right[j]
        right[i] /= factors[i, i]


@njit(cache=True)
def _stage(charge, moved, branches, matrix, drive, source, system, before, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Solve one stage of the formula into `out`: the flow at `moved`, plus `before`."""
    _flow(moved, branches, matrix, drive, source, out)
    for i in range(charge.shape[0]):
        out[i] += before[i]
    _solve(system, out)


@njit(cache=True)
def _try_step(charge, branches, matrix, drive, source, slope, step, system, work):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Leave charges after a step in ``work[0]``; return error over tolerance."""
    count = charge.shape[0]
    for j in range(count):
        stiffness = elastance(charge[j], branches[j])
        for i in range(count):
            system[i, j] = matrix[i, j] * stiffness
        system[j, j] += 1.0 / (_GAMMA * step)
    _factorise(system)
    moved, before, k1, k2, k3, k4 = work
    for i in range(count):
        moved[i], before[i] = charge[i], _D1 * step * slope * drive[i]
    _stage(charge, moved, branches, matrix, drive, source, system, before, k1)
    for i in range(count):
        moved[i] = charge[i] + _A21 * k1[i]
        before[i] = _C21 * k1[i] / step + _D2 * step * slope * drive[i]
    level = source + _X2 * step * slope
    _stage(charge, moved, branches, matrix, drive, level, system, before, k2)
    for i in range(count):
        moved[i] = charge[i] + _A31 * k1[i] + _A32 * k2[i]
        before[i] = (_C31 * k1[i] + _C32 * k2[i]) / step
        before[i] += _D3 * step * slope * drive[i]
    level = source + _X3 * step * slope
    _stage(charge, moved, branches, matrix, drive, level, system, before, k3)
    for i in range(count):
        before[i] = (_C41 * k1[i] + _C42 * k2[i] + _C43 * k3[i]) / step
        before[i] += _D4 * step * slope * drive[i]
    level = source + _X3 * step * slope
    _stage(charge, moved, branches, matrix, drive, level, system, before, k4)
    worst = 0.0
    for i in range(count):
        moved[i] = charge[i] + _B1 * k1[i] + _B2 * k2[i] + _B3 * k3[i] + _B4 * k4[i]
        volts = branch_voltage(charge[i], branches[i])
        change = _E1 * k1[i] + _E2 * k2[i] + _E4 * k4[i]
        error = abs(change) * elastance(charge[i], branches[i])
        allowed = _ABSOLUTE_TOLERANCE + _RELATIVE_TOLERANCE * abs(volts)
        worst = max(worst, error / allowed)
    return worst


@njit(cache=True)
def advance_crowded(charge, branches, matrix, drive, source, slope, duration, step):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Advance branches of any kind behind ``source + slope t``, with error control.

    Parameters
    ----------
    charge : ndarray, shape (branches,)
        In C, changed in place.
    branches : ndarray, shape (branches, 5)
        The branches.
    matrix, drive : ndarray
        From :func:`coupling`.
    source, slope, duration : float
        Source voltage at the beginning in V, its change in V/s, time in s.
    step : float
        Proposal for the first step in s; 0 if there is none.

    Returns
    -------
    float
        Proposal for the next step in s.
    """
    count = charge.shape[0]
    system = np.empty((count, count))
    work = (
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count),
    )
    proposed = step if step > 0.0 else _FIRST_STEP
    left = duration
    while left > 0.0:
        taken = min(proposed, left)
        level = source + slope * (duration - left)
        error = _try_step(
            charge, branches, matrix, drive, level, slope, taken, system, work
        )
        accepted = error <= 1.0 or taken <= _SHORTEST_STEP
        if accepted:
            for i in range(count):
                charge[i] = work[0][i]
            left = 0.0 if taken == left else left - taken
        factor = 0.9 * max(error, _BEST_ERROR) ** -0.25
        wanted = max(taken * min(max(factor, 0.2), 4.0), _SHORTEST_STEP)
        # A step that was cut short at the end says nothing against the longer one.
        proposed = max(wanted, proposed) if accepted else wanted
    return proposed
