"""What noise of each pulse does to later readings of an FMES synapse.

The state of the device is the charge of its branches. Over every piece of time, what a
small change of each charge, and of the time that the device lives through, makes of
the charges at its end follows from playing that piece a few times. These small matrices
carry the change that a pulse makes to every reading after it: all pulses of a train
cost five plays and not one each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from labneuro.analysis.fmes_schedule import NO_PULSE, NOTHING, read_device
from labneuro.devices.fmes_branches import elastance
from labneuro.devices.fmes_parameters import BRANCHES
from labneuro.devices.fmes_population import follow, memory_of, prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.analysis.fmes_schedule import Block
    from labneuro.devices.fmes_parameters import FmesParameters

_CHANGE = 2e-4  # V, of each capacitance: above the solver's error, below a bend
_LONGER = 0.02  # of the logarithm of a factor: about its deviation


def sensitivity(
    block: Block,
    parameters: FmesParameters,
    path: float,
    group: NDArray[np.int64],
    factor: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return what one standard deviation of pulse noise does to the readings.

    Parameters
    ----------
    block : Block
        The measurement.
    parameters : FmesParameters
        The device.
    path : float
        Resistance of relays and leads in series with every resistor, in ohm.
    group : ndarray, shape (pulses,)
        From :meth:`Block.groups`.
    factor : ndarray, shape (pulses,), optional
        How much longer than the clock says the device lives in each pulse.

    Returns
    -------
    ndarray, shape (kept, groups)
        Derivatives by the logarithm of each group's factor, over the root of the
        pulses in it: the pulses of a group vary independently.
    """
    level, beside, lived, reading = block.played(path, factor)
    during = np.append(group, NO_PULSE)[block.segments[3].astype(np.int64)]
    size = np.sqrt(np.bincount(group))
    out = np.zeros((int(np.count_nonzero(reading)), len(size)))
    memory = memory_of([parameters] * (len(BRANCHES) + 2), 0)
    _respond(memory, level, beside, lived, reading, during, out)
    return out[block.keep] / size


@njit(cache=True)
def _respond(m, level, series, lived, reading, during, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Fill the derivatives of the readings, which are averages by Simpson's rule.

    Device 0 is the device, the next ones begin every piece with one charge changed,
    the last one lives longer.
    """
    carried = np.zeros((m.charge.shape[1], out.shape[1]))
    count = 0
    for k in range(level.shape[0]):
        source = level[k] * series[k] if series[k] > 0.0 else level[k]
        if reading[k] == NOTHING:
            _carry(m, source, series[k], lived[k], during[k], carried)
            continue
        _note(m, level[k], series[k], reading[k], 1.0 / 6.0, carried, out[count])
        _carry(m, source, series[k], 0.5 * lived[k], during[k], carried)
        _note(m, level[k], series[k], reading[k], 4.0 / 6.0, carried, out[count])
        _carry(m, source, series[k], 0.5 * lived[k], during[k], carried)
        _note(m, level[k], series[k], reading[k], 1.0 / 6.0, carried, out[count])
        count += 1


@njit(cache=True)
def _carry(m, source, series, lived, group, carried):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Advance the device, and what has been changed by each group of pulses."""
    size, last = carried.shape[0], m.charge.shape[0] - 1
    change = _spread(m, series)
    for i in range(1, last):
        follow(m, i, source, 0.0, series, lived)
    if group != NO_PULSE:
        follow(m, last, source, 0.0, series, lived * math.exp(_LONGER))
    follow(m, 0, source, 0.0, series, lived)
    step = np.empty((size, size))
    for j in range(size):
        step[:, j] = (m.charge[1 + j] - m.charge[0]) / change[j]
    carried[:] = step @ carried
    if group != NO_PULSE:
        carried[:, group] += (m.charge[last] - m.charge[0]) / _LONGER


@njit(cache=True)
def _spread(m, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Put every device where device 0 is, but one charge each; return by how much."""
    size, last = m.charge.shape[1], m.charge.shape[0] - 1
    for i in range(last + 1):  # so that states may be copied
        prepare(m, i, series)
    change = np.empty(size)
    for j in range(size):
        change[j] = _CHANGE / elastance(m.charge[0, j], m.branches[0, j])
    for i in range(1, last + 1):
        m.charge[i] = m.charge[0]
        m.state[i] = m.state[0]
    for j in range(size):
        m.charge[1 + j, j] += change[j]
    return change


@njit(cache=True)
def _note(m, level, series, reading, weight, carried, row):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Add what the changed charges do to one reading."""
    plain = read_device(m, 0, level, series, reading)
    for j in range(carried.shape[0]):
        change = _CHANGE / elastance(m.charge[0, j], m.branches[0, j])
        before = m.charge[0, j]
        m.charge[0, j] = before + change
        slope = (read_device(m, 0, level, series, reading) - plain) / change
        m.charge[0, j] = before
        for g in range(row.shape[0]):
            row[g] += weight * slope * carried[j, g]
