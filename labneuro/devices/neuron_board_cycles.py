"""Whole firing cycles of a neuron board in closed form, compiled.

The loose setting's way through a run of equal clock periods. While the board
integrates, a period costs two products, and whether it fires is one comparison, for
where the bridge is half formed depends on the rate of integration alone. From the
moment of a firing follows all up to the end of the refractory period: the bridge closes
and thickens until the inputs fall, dissolves, is passed on by L1 and L2, and x
collapses with it. Such a cycle costs some ten logarithms and exponentials.

Approximations: around x = 1 the slope of x is constant over the microseconds in which
the bridge forms, during which it does not dissolve either; and what T1's resistance
leaves on node 1 raises x to first order. Whatever does not fit the scheme is left to
the event solver: boards with a depression module, a bridge that outlives the refractory
period.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from labneuro.devices.neuron_board_switch import (
    BRIDGE_WIDTH,
    BRIDGING_TIME,
    BRIDGING_VOLTAGE,
    BRIDGING_VOLTAGE_WIDTH,
    CLEARLY,
    COLLAPSE,
    COLLAPSE_TIME,
    FIRED,
    FIRED_AT,
    G_OFF,
    G_ON,
    INTEGRATION_WIDTH,
    LEAK_TIME,
    NOW,
    QUIET,
    RATE,
    RATE_NOISE,
    RELAXATION_TIME,
    STRONG_LATCH,
    THICKENING_TIME,
    THICKEST_BRIDGE,
    X,
    Y,
    steady,
)
from labneuro.devices.random_streams import normal
from labneuro.devices.threshold_switch import ON

_CLEAR = 7.0  # widths above which a transition is complete within 0.1 %
_FAR = 15.0  # widths of the integration below 1 where nothing bridges
_TINY = 1e-6
_NOTHING = 1e-9
_LONGEST = 2  # periods of the longest cycle beside the one of its firing
_FAINT = 0.02  # a bridge that makes a firing earlier by 0.03 widths at most
_LARGE = 30.0  # exponent beyond which 1 is nothing beside it
_LITTLE = 0.01  # x that may come from T1's resistance in a pulse


class Stretch(NamedTuple):
    """When a clock period is driven, in s from its begin.

    Attributes
    ----------
    rise, fall : float
        Begin and end of the inputs' pulses; they are equal where there is none.
    sample : float
        When the clock falls.
    period : float
        Of the clock.
    """

    rise: float
    fall: float
    sample: float
    period: float


class Cycle(NamedTuple):
    """What a board's firing cycles are made of, constant during a run.

    Attributes
    ----------
    rise, width, rest, period : float
        From the clock's rise to that of the inputs, of the pulses, from their end to
        the period's, and of the period. s
    kept_before, kept_driven, kept_after : float
        What is left of x in each stretch of a period, without drive.
    faded, faded_twice : float
        What is left of an open bridge after a period, and from a pulse's end to the end
        of the next period.
    drive, closed_drive : float
        Of x behind the pulses, with the bridge open and closed. 1/s
    refractory_drive, refractory_closed_drive : float
        The same while T1 is on. 1/s
    closing, closing_to : float
        Rate in 1/s at which a bridge closes under current, and what it tends to.
    thickening, thickening_to : float
        The same from y = 1 on.
    closed_after, collapses_after : float
        Times from a firing until y is 1 and until it is 0.8. s
    latest : float
        Time from the begin of a pulse, before which it must fire for L1 to see it. s
    opening : float
        Time in which a bridge thins from 0.8 to 0.5. s
    collapse : float
        Rate at which x collapses. 1/s
    highest : float
        y at the pulse's end beyond which x would not have collapsed before T1 is on, or
        the bridge would outlive the refractory period.
    """

    rise: float
    width: float
    rest: float
    period: float
    kept_before: float
    kept_driven: float
    kept_after: float
    faded: float
    faded_twice: float
    drive: float
    closed_drive: float
    refractory_drive: float
    refractory_closed_drive: float
    closing: float
    closing_to: float
    thickening: float
    thickening_to: float
    closed_after: float
    collapses_after: float
    latest: float
    opening: float
    collapse: float
    highest: float


class Aim(NamedTuple):
    """Where x goes at one rate factor.

    Attributes
    ----------
    target : float
        What x tends to during a pulse.
    width : float
        Time in which x passes the width of the firing condition. s
    doublings : float
        Bridging times by that width, inverted: how fast y follows x.
    delay : float
        From x = 1 to the firing; negative where it comes before. s
    fires_at : float
        x at the firing.
    near : float
        x below which there is no bridge to speak of.
    """

    target: float
    width: float
    doublings: float
    delay: float
    fires_at: float
    near: float


@njit(cache=True, error_model="numpy")
def stretch_of(program):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return when the period of a program is driven, and whether that is once.

    `program` has the rows of :meth:`~labneuro.devices.neuron_board.ClockProgram.pieces`
    and fits the scheme if the clock falls during the pulse.
    """
    now, driven, once = 0.0, 0.0, program[0, 2] > 0.0
    rise, fall, sample = np.inf, 0.0, 0.0
    for piece in range(program.shape[0]):
        end = now + program[piece, 0]
        if program[piece, 1] > 0.0:
            rise = min(rise, now)
            fall = end
            driven += program[piece, 0]
            once = once and program[piece, 1] == 1.0
        if program[piece, 2] > 0.0:
            sample = end
        now = end
    once = once and abs(fall - rise - driven) < _TINY * now
    return Stretch(rise, fall, sample, now), once and rise < sample <= fall


@njit(cache=True, error_model="numpy")
def _seen_after(r, source, series, read_out, threshold, pace, target):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the time from a firing until node 2 is above L1's threshold; inf: never.

    While the bridge closes, that is: not beyond y = 1.
    """
    left = source * read_out - threshold * series
    if left <= 0.0:
        return np.inf
    share = math.log(threshold / left / r[G_OFF]) / math.log(r[G_ON] / r[G_OFF])
    if share <= 0.5:  # noqa: PLR2004  the conductance's share at the firing itself
        return 0.0
    bridge = np.inf
    if share < 1.0:
        bridge = ON + r[BRIDGE_WIDTH] * math.log(share / (1.0 - share))
    return math.log((target - ON) / (target - bridge)) / pace if bridge < 1 else np.inf


@njit(cache=True, error_model="numpy")
def cycle_of(r, stretch, driven, refractory, read_out, threshold):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the constants of a board's cycles, and whether it fits the scheme.

    `driven` and `refractory` are the source in V and its series resistance in ohm, with
    the read-out resistance, behind which the switch lies during a pulse, with T1 off
    and on.
    """
    rise, fall, sample, period = stretch
    width, rest = fall - rise, period - fall
    source, series = driven
    drive, closed_drive, latch, _ = steady(r, source, series)
    idle_drive, idle_closed, _, relaxes = steady(r, refractory[0], refractory[1])
    fading = (1.0 - latch) / r[RELAXATION_TIME]
    thickening = latch / r[THICKENING_TIME]
    closing = latch / r[BRIDGING_TIME]
    pace = closing + thickening + fading
    target = (closing + thickening * r[THICKEST_BRIDGE]) / pace
    to = thickening * r[THICKEST_BRIDGE] / (thickening + fading)
    seen = _seen_after(r, source, series, read_out, threshold, pace, target)
    clear = r[BRIDGING_VOLTAGE] + _CLEAR * r[BRIDGING_VOLTAGE_WIDTH]
    silent = refractory[0] * read_out < threshold * refractory[1]
    leak, fade = r[LEAK_TIME], r[RELAXATION_TIME]
    faded_twice = math.exp(-(rest + period) / fade)
    fits = relaxes and silent and idle_drive * width * r[RATE] < _LITTLE
    fits = fits and latch > STRONG_LATCH and source > clear and seen < np.inf
    return Cycle(
        rise,
        width,
        rest,
        period,
        math.exp(-rise / leak),
        math.exp(-width / leak),
        math.exp(-rest / leak),
        math.exp(-period / fade),
        faded_twice,
        drive,
        closed_drive,
        idle_drive,
        idle_closed,
        pace,
        target,
        thickening + fading,
        to,
        math.log((target - ON) / (target - 1.0)) / pace,
        math.log((target - ON) / (target - COLLAPSE)) / pace,
        sample - rise - seen,
        fade * math.log(COLLAPSE / ON),
        1.0 / leak + 1.0 / r[COLLAPSE_TIME],
        min(COLLAPSE * math.exp(rest / fade), QUIET / faded_twice),
    ), fits and target > 1.0 and to > 1.0


@njit(cache=True, error_model="numpy", inline="always")
def _formed(exponent):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return ln(exp(exponent) - 1)."""
    return exponent if exponent > _LARGE else math.log(math.exp(exponent) - 1.0)


@njit(cache=True, error_model="numpy", inline="always")
def _begun(z):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return ln(1 + exp(z))."""
    return z if z > _LARGE else math.log1p(math.exp(z))


@njit(cache=True, error_model="numpy")
def _aim(r, cycle):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return where x goes at the present rate factor."""
    target = r[RATE] * cycle.drive * r[LEAK_TIME]
    near = 1.0 - _FAR * r[INTEGRATION_WIDTH]
    if target <= CLEARLY:
        return Aim(target, 0.0, 0.0, 0.0, np.inf, near)
    slope = (target - 1.0) / r[LEAK_TIME]
    width = r[INTEGRATION_WIDTH] / slope
    doublings = r[BRIDGING_TIME] / width
    delay = width * _formed(doublings * math.log(2.0))
    fires_at = target - (target - 1.0) * math.exp(-delay / r[LEAK_TIME])
    return Aim(target, width, doublings, delay, fires_at, min(near, fires_at))


@njit(cache=True, error_model="numpy")
def _fire_after(r, cycle, aim, start):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the time from the pulse's begin to the firing, in s.

    ``ln(1 - y)`` falls by ``ln(1 + exp(z)) / doublings`` as z, which is x - 1 in widths
    of the firing condition, rises. What an earlier pulse has left of a bridge counts.
    """
    reach = r[LEAK_TIME] * math.log((aim.target - start) / (aim.target - 1.0))
    plain = max(reach + aim.delay, 0.0)
    if start < aim.near and r[Y] < _FAINT:
        return plain
    bridge = r[Y] * math.exp(-(cycle.rise + plain) / r[RELAXATION_TIME])
    missing = math.log(2.0) + math.log1p(-bridge)
    begun = _begun((start - 1.0) / r[INTEGRATION_WIDTH])
    return max(reach + aim.width * _formed(aim.doublings * missing + begun), 0.0)


@njit(cache=True, error_model="numpy")
def _miss(r, cycle, aim, start, end):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Go through a period whose pulse ends just before a firing.

    x is `start` at the pulse's begin and `end` at its end; the bridge has begun.
    """
    fade, width = r[RELAXATION_TIME], r[INTEGRATION_WIDTH]
    grown = _begun((end - 1.0) / width) - _begun((start - 1.0) / width)
    left = r[Y] * math.exp(-(cycle.rise + cycle.width) / fade)
    bridge = 1.0 - (1.0 - left) * math.exp(-grown / max(aim.doublings, _TINY))
    r[Y] = bridge * math.exp(-cycle.rest / fade)
    r[X] = end * cycle.kept_after
    r[NOW] += cycle.period


@njit(cache=True, error_model="numpy", inline="always")
def _bridge_after(cycle, held):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the bridge when it has been under current for a time since its firing."""
    if held < cycle.closed_after:
        to = cycle.closing_to
        return to + (ON - to) * math.exp(-held * cycle.closing)
    to = cycle.thickening_to
    return to + (1.0 - to) * math.exp(-(held - cycle.closed_after) * cycle.thickening)


@njit(cache=True, error_model="numpy", inline="always")
def _rest(r, cycle, aim, held, bridge, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Set x to the end of the refractory period and draw the next rate.

    x collapses until the bridge has thinned to 0.8; in the refractory period the bridge
    counts as closed until it has thinned to 0.5, when the rate is drawn.
    """
    thinned = r[RELAXATION_TIME] * math.log(bridge / COLLAPSE)
    floor = r[RATE] * cycle.closed_drive / cycle.collapse
    x = floor + (aim.fires_at - floor) * math.exp(-held * cycle.collapse)
    x *= math.exp(-thinned * cycle.collapse - (cycle.rest - thinned) / r[LEAK_TIME])
    opened = thinned + cycle.opening - cycle.rest - cycle.rise
    closed = min(max(opened, 0.0), cycle.width)
    driven = r[RATE] * cycle.refractory_closed_drive * closed
    if r[RATE_NOISE] > 0.0:
        r[RATE] = math.exp(r[RATE_NOISE] * normal(stream, i))
    driven += r[RATE] * cycle.refractory_drive * (cycle.width - closed)
    r[X] = (x * cycle.kept_before + driven) * cycle.kept_driven * cycle.kept_after


@njit(cache=True, error_model="numpy", inline="always")
def _seen(r, cycle, aim, held, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Go to the refractory period's end; return for how many periods, 0: it cannot.

    The bridge is under current for `held` seconds of a pulse after it was half closed.
    x must have collapsed before T1 is on, and the bridge must be open afterwards.
    """
    bridge = _bridge_after(cycle, held)
    if bridge <= COLLAPSE or bridge >= cycle.highest:
        return 0
    _rest(r, cycle, aim, held, bridge, stream, i)
    r[Y] = bridge * cycle.faded_twice
    return 2


@njit(cache=True, error_model="numpy")
def _unseen(r, cycle, aim, held, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Go on from a firing too late for L1; return for how many periods, 0: it cannot.

    If the bridge is still closed when the next pulse begins, that one closes it anew
    and L1 sees it. Else the next rate has been drawn, and x starts from what the short
    time with a closed bridge has left.
    """
    bridge = _bridge_after(cycle, held)
    again = bridge * math.exp(-(cycle.rest + cycle.rise) / r[RELAXATION_TIME])
    if abs(again - ON) < r[BRIDGE_WIDTH]:
        return 0
    if again > ON:
        to = cycle.closing_to
        begun = math.log((to - ON) / (to - again)) / cycle.closing
        periods = _seen(r, cycle, aim, cycle.width + begun, stream, i)
        return periods + 1 if periods else 0
    # How far above 0.8 the bridge is, rounded off by the width of its transition.
    width = r[BRIDGE_WIDTH]
    above = width * _begun((bridge - COLLAPSE) / width) / COLLAPSE
    thinned = r[RELAXATION_TIME] * math.log1p(above)
    collapsing = max(held - cycle.collapses_after, 0.0) + thinned
    r[X] = aim.fires_at * math.exp(-collapsing / r[COLLAPSE_TIME]) * cycle.kept_after
    r[Y] = bridge * math.exp(-cycle.rest / r[RELAXATION_TIME])
    r[RATE] = math.exp(r[RATE_NOISE] * normal(stream, i))
    return 1


@njit(cache=True, error_model="numpy", inline="always")
def _fire(r, cycle, aim, delay, left, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Go through a firing and what follows; return for how many periods, 0: it cannot.

    `left` are the periods that there are.
    """
    moment = r[NOW] + cycle.rise + delay
    periods, held = 0, cycle.width - delay
    if left > _LONGEST:
        if delay <= cycle.latest:
            periods = _seen(r, cycle, aim, held, stream, i)
        elif cycle.latest >= 0.0:
            periods = _unseen(r, cycle, aim, held, stream, i)
    if periods > 0:
        r[FIRED] += 1.0
        r[FIRED_AT] = moment
        r[NOW] += periods * cycle.period
    return periods


@njit(cache=True, error_model="numpy", inline="always")
def _integrate(r, cycle, aim, periods):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Go through periods, at most `periods`, in which nothing bridges.

    Returns how many, and x at the end of the next pulse.
    """
    count, bridge = 0, r[Y]
    offset = aim.target * (1.0 - cycle.kept_driven)
    kept = cycle.kept_after * cycle.kept_before * cycle.kept_driven
    start = r[X]
    end = start * cycle.kept_before * cycle.kept_driven + offset
    while count < periods and end < aim.near:
        start = end * cycle.kept_after
        end = end * kept + offset
        bridge *= cycle.faded
        count += 1
    r[X] = start
    r[Y] = bridge if bridge > _NOTHING else 0.0
    r[NOW] += count * cycle.period
    return count, end


@njit(cache=True, error_model="numpy")
def run_cycles(r, cycle, stream, i, spikes, fired_at, first):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Run a board from period `first` on while the scheme fits.

    L1 must be low, the bridge open and a period at its end. Notes spikes and firings;
    returns the first period that has not been run, and whether L2 is high before it.
    """
    period, periods, after_spike = first, spikes.shape[0], False
    aim = _aim(r, cycle)
    while True:
        count, end = _integrate(r, cycle, aim, periods - period)
        period += count
        after_spike = after_spike and count == 0
        if period == periods or aim.target <= CLEARLY:
            break
        start = r[X] * cycle.kept_before
        delay = _fire_after(r, cycle, aim, start)
        if delay > cycle.width:
            _miss(r, cycle, aim, start, end)
            period += 1
            after_spike = False
            continue
        rate = r[RATE]
        count = _fire(r, cycle, aim, delay, periods - period, stream, i)
        if count == 0:
            break
        fired_at[period] = r[FIRED_AT]
        period += count
        after_spike = count > 1
        spikes[period - 1] = after_spike
        if r[RATE] != rate:
            aim = _aim(r, cycle)
    return period, after_spike
