"""The threshold switch behind a constant source, from event to event.

The equations are those of :mod:`labneuro.devices.threshold_switch`. Most of the time
they have closed forms, because the conductance is constant and every sigmoid is 0 or 1:

- integrating: the bridge is open, x tends exponentially to ``rate sinh(V / V0) tx``;
- held: the bridge is closed, the current and with it the latch are constant, y tends
  exponentially to the thickness that latch and relaxation allow;
- relaxing: no current to speak of, y dissolves exponentially, x collapses above y = 0.8
  and fades below.

Only while the bridge forms or breaks under current are the equations integrated, with
error control (Dormand and Prince, order 5); the firing is located on a cubic between
the step's ends. With `loose`, the firing has a closed form as well: near x = 1 the
slope of x is taken as constant, and then y reaches 0.5 at
``wx / slope ln(2**(slope tset / wx) - 1)`` after x reaches 1.
"""

import math

import numpy as np
from numba import njit

from labneuro.devices.random_streams import normal
from labneuro.devices.threshold_switch import ON, switch_rates

# A board is one row of numbers: a single array is what compiled code passes on for
# nothing. First the switch's parameters, as `switch_rates` wants them.
(
    _G0,
    _V0,
    LEAK_TIME,
    BRIDGING_TIME,
    COLLAPSE_TIME,
    THICKENING_TIME,
    RELAXATION_TIME,
    THICKEST_BRIDGE,
    _IH,
    BRIDGING_VOLTAGE,
    BRIDGING_VOLTAGE_WIDTH,
    G_OFF,
    G_ON,
    INTEGRATION_WIDTH,
    BRIDGE_WIDTH,
    RATE_NOISE,
    _,
) = range(17)
# The switch's state: x, y, this firing's rate factor, the next step in s, firings, the
# clock in s, the last firing in s.
X, Y, RATE, STEP, FIRED, NOW, FIRED_AT = range(17, 24)
# What is constant behind a constant source, for the last few sources: source and series
# that it is for, the drive of x with the bridge open and closed, the ceiling of
# integration, the latch when closed, whether all relaxes.
SETTING = 24
_SOURCE, _SERIES, _OPEN, _CLOSED, _CEILING, _LATCH, _RELAXES = range(7)
SETTING_SIZE = 7
# The slopes of x and y at the seven stages of a step.
SLOPES = SETTING + 4 * SETTING_SIZE
SWITCH_SIZE = SLOPES + 14

_BY_STEPS, _INTEGRATING, _HELD, _RELAXING = range(4)
QUIET = 0.3  # bridge below which the device is off: conductance within 0.05 %
_CLOSED_BRIDGE = 0.9  # bridge above which the device is on, and x collapses
COLLAPSE = 0.8
UNTOUCHED = 1e-3  # bridge that may form unnoticed while x is below its ceiling
_WEAK_LATCH = 1e-6
STRONG_LATCH = 0.9
_FAR = 0.9  # below this x nothing bridges
_LITTLE = 2e-3  # an x whose collapse need not be followed closely
CLEARLY = 1.05  # where x must tend to for the closed form of the firing
_LARGEST_VOLTAGE = 3.0
_TOLERANCE = 2e-4  # of x and y a step
_FIRST_STEP = 1e-7  # s
_SHORTEST_STEP = 1e-12  # s
_TINY = 1e-9
_MANY = 50.0  # doublings beyond which 1 is nothing beside them
_CHANGE = 0.1  # of the conductance that counts as none
_QUICKEST = 0.005  # of the bridging time: no shorter piece is asked for
_CLEAR = 12.0  # widths of the bridge away from switching

_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_ERROR = np.array(
    [71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]
)


@njit(cache=True, error_model="numpy")
def _drive(volts, r):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    return r[_G0] * math.sinh(min(volts, _LARGEST_VOLTAGE) / r[_V0])


@njit(cache=True, error_model="numpy")
def _prepare(r, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Work out what is constant behind a source."""
    volts = source / (1.0 + series * r[G_OFF])
    closed = source / (1.0 + series * r[G_ON])
    latch = (closed * r[G_ON] / r[_IH]) ** 4
    bridging = 1.0 / (
        1.0
        + math.exp(
            -min((volts - r[BRIDGING_VOLTAGE]) / r[BRIDGING_VOLTAGE_WIDTH], 60.0)
        )
    )
    share = UNTOUCHED / r[RELAXATION_TIME] * r[BRIDGING_TIME] / bridging
    r[SETTING + _SOURCE] = source
    r[SETTING + _SERIES] = series
    r[SETTING + _OPEN] = _drive(volts, r)
    r[SETTING + _CLOSED] = _drive(closed, r)
    r[SETTING + _CEILING] = np.inf
    if share < 1.0:
        r[SETTING + _CEILING] = 1.0 + r[INTEGRATION_WIDTH] * math.log(
            share / (1.0 - share)
        )
    r[SETTING + _LATCH] = latch / (1.0 + latch)
    r[SETTING + _RELAXES] = 1.0 if latch < _WEAK_LATCH else 0.0


@njit(cache=True, error_model="numpy")
def _find(r, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return which setting is for a source, from memory where it is not new."""
    for c in range(SETTING, SLOPES, SETTING_SIZE):
        if r[c + _SOURCE] == source and r[c + _SERIES] == series:
            return c
    for j in range(SLOPES - 1, SETTING + SETTING_SIZE - 1, -1):
        r[j] = r[j - SETTING_SIZE]
    _prepare(r, source, series)
    return SETTING


@njit(cache=True, error_model="numpy")
def _phase(r, c, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return which closed form holds now, if any."""
    x, y = r[X], r[Y]
    if y < QUIET:
        return _INTEGRATING if x < r[c + _CEILING] or loose else _BY_STEPS
    if r[c + _RELAXES] > 0.0:
        turning = abs(y - COLLAPSE) < _CLOSED_BRIDGE - COLLAPSE
        unsafe = x > r[c + _CEILING] or (turning and x > _LITTLE)
        return _BY_STEPS if unsafe else _RELAXING
    if y > _CLOSED_BRIDGE or (loose and y > ON and r[c + _LATCH] > STRONG_LATCH):
        return _HELD
    return _BY_STEPS


@njit(cache=True, error_model="numpy", inline="always")
def _fire(r, moment):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    r[FIRED] += 1.0
    r[FIRED_AT] = moment


@njit(cache=True, error_model="numpy")
def _fire_delay(x, target, r):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the time until y passes 0.5, x tending to `target` above 1."""
    slope = (target - 1.0) / r[LEAK_TIME]
    width = r[INTEGRATION_WIDTH] / slope
    reach = r[LEAK_TIME] * math.log(max(target - x, _TINY) / (target - 1.0))
    doublings = r[BRIDGING_TIME] / width
    if doublings > _MANY:
        return max(reach + doublings * width * math.log(2.0), 0.0)
    return max(reach + width * math.log(2.0**doublings - 1.0), 0.0)


@njit(cache=True, error_model="numpy", inline="always")
def _grow(r, target, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Let x tend to a target while what there is of a bridge dissolves."""
    r[X] = target + (r[X] - target) * math.exp(-duration / r[LEAK_TIME])
    r[Y] = r[Y] * math.exp(-duration / r[RELAXATION_TIME]) if r[Y] > _TINY else 0.0


@njit(cache=True, error_model="numpy")
def _integrate(r, c, left, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Integrate with the bridge open; return the time used, negative for none."""
    x, ceiling = r[X], r[c + _CEILING]
    target = r[RATE] * r[c + _OPEN] * r[LEAK_TIME]
    if x < _FAR and target * left + x * r[LEAK_TIME] < _FAR * r[LEAK_TIME]:
        _grow(r, target, left)
        return left
    if loose and target > CLEARLY and r[c + _LATCH] > STRONG_LATCH:
        delay = _fire_delay(x, target, r)
        _grow(r, target, min(delay, left))
        if delay > left:
            return left
        r[Y] = ON + _TINY
        _fire(r, r[NOW] + delay)
        return delay
    if x >= ceiling:
        return -1.0
    used = left
    if target > ceiling:
        used = r[LEAK_TIME] * math.log((target - x) / (target - ceiling))
    _grow(r, target, min(used, left))
    if used < left:
        r[X] = ceiling
    return min(used, left)


@njit(cache=True, error_model="numpy")
def _hold(r, c, left):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Follow a closed bridge under current; return the time used."""
    y, latch = r[Y], r[c + _LATCH]
    fading = (1.0 - latch) / r[RELAXATION_TIME]
    pace = latch / r[THICKENING_TIME] + fading
    target = latch * r[THICKEST_BRIDGE] / r[THICKENING_TIME] / pace
    edge = 1.0
    if y < 1.0 or (y == 1.0 and target < 1.0):
        pace = latch / r[BRIDGING_TIME] + latch / r[THICKENING_TIME] + fading
        target = (
            latch
            * (1.0 / r[BRIDGING_TIME] + r[THICKEST_BRIDGE] / r[THICKENING_TIME])
            / pace
        )
        edge = 1.0 if target > y else _CLOSED_BRIDGE
    used = left
    beyond = (target - edge) * (edge - y) > 0.0
    if beyond:
        used = min(left, math.log((target - y) / (target - edge)) / pace)
    r[Y] = target + (y - target) * math.exp(-used * pace)
    if used < left:
        r[Y] = edge
    pace = 1.0 / r[LEAK_TIME] + 1.0 / r[COLLAPSE_TIME]
    target = r[RATE] * r[c + _CLOSED] / pace
    r[X] = target + (r[X] - target) * math.exp(-used * pace)
    return used


@njit(cache=True, error_model="numpy")
def _relax(r, c, left, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Let the bridge dissolve without current; return the time used."""
    y = r[Y]
    pace = 1.0 / r[LEAK_TIME]
    drive = r[c + _CLOSED]
    edge = ON
    if y > COLLAPSE:
        edge = COLLAPSE
        pace += 1.0 / r[COLLAPSE_TIME]
    elif y <= ON:
        edge = 0.0
        drive = r[c + _OPEN]
    until = r[RELAXATION_TIME] * math.log(y / edge) if edge > 0.0 else np.inf
    used = min(left, until)
    r[Y] = edge if until <= left else y * math.exp(-used / r[RELAXATION_TIME])
    target = r[RATE] * drive / pace
    r[X] = target + (r[X] - target) * math.exp(-used * pace)
    if y > ON >= r[Y]:
        r[RATE] = math.exp(r[RATE_NOISE] * normal(stream, i))
    return used


@njit(cache=True, error_model="numpy")
def _crossing(before, after, start, end, step):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return when a cubic from y, y' to y, y' over a step passes 0.5, in s."""
    low, high = 0.0, 1.0
    for _ in range(40):
        t = 0.5 * (low + high)
        u = 1.0 - t
        value = u * u * (1.0 + 2.0 * t) * before + t * t * (3.0 - 2.0 * t) * after
        value += step * t * u * (u * start - t * end)
        if value > ON:
            high = t
        else:
            low = t
    return high * step


@njit(cache=True, error_model="numpy")
def _try_step(r, source, series, step, first):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return x, y after a step and its error; slopes before stage `first` are known."""
    x, y = r[X], r[Y]
    for stage in range(first, 7):
        x, y = r[X], r[Y]
        for earlier in range(stage):
            x += step * _A[stage, earlier] * r[SLOPES + 2 * earlier]
            y += step * _A[stage, earlier] * r[SLOPES + 2 * earlier + 1]
        dx, dy = switch_rates(x, y, r[RATE], r, source, series)
        r[SLOPES + 2 * stage] = dx
        r[SLOPES + 2 * stage + 1] = dy
    error_x = 0.0
    error_y = 0.0
    for stage in range(7):
        error_x += step * _ERROR[stage] * r[SLOPES + 2 * stage]
        error_y += step * _ERROR[stage] * r[SLOPES + 2 * stage + 1]
    return x, y, max(abs(error_x), abs(error_y)) / _TOLERANCE


@njit(cache=True, error_model="numpy", inline="always")
def _take(r, x, y, step, done, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Take a step; note a firing, or draw the next one's rate after relaxing."""
    before = r[Y]
    r[X] = x
    r[Y] = y
    if before <= ON < y:
        moment = _crossing(before, y, r[SLOPES + 1], r[SLOPES + 13], step)
        _fire(r, r[NOW] + done + moment)
    elif y <= ON < before:
        r[RATE] = math.exp(r[RATE_NOISE] * normal(stream, i))


@njit(cache=True, error_model="numpy")
def _by_steps(r, c, left, loose, stream, i):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Integrate by steps until a closed form holds; return the time used."""
    source, series = r[c + _SOURCE], r[c + _SERIES]
    first, used = 0, 0.0
    while used < left:
        step = min(r[STEP], left - used)
        x, y, error = _try_step(r, source, series, step, first)
        first = 1
        if error <= 1.0 or step <= _SHORTEST_STEP:
            _take(r, x, y, step, used, stream, i)
            r[SLOPES] = r[SLOPES + 12]
            r[SLOPES + 1] = r[SLOPES + 13]
            used = left if step == left - used else used + step
        factor = 5.0 if error < 1e-4 else 0.9 * error**-0.2  # noqa: PLR2004  0.2**5 / 5
        proposed = step * min(max(factor, 0.2), 5.0)
        # A step that was cut short at the end says nothing against the longer one.
        r[STEP] = max(proposed, r[STEP]) if error <= 1.0 else proposed
        r[STEP] = max(r[STEP], _SHORTEST_STEP)
        if _phase(r, c, loose) != _BY_STEPS:
            break
    return used


@njit(cache=True, error_model="numpy")
def live(r, stream, i, source, series, duration, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let a device live behind a constant source; stops exactly at `duration`."""
    c = _find(r, abs(source), series)
    start, left = r[NOW], duration
    while left > 0.0:
        phase = _phase(r, c, loose)
        used = -1.0
        if phase == _INTEGRATING:
            used = _integrate(r, c, left, loose)
        elif phase == _HELD:
            used = _hold(r, c, left)
        elif phase == _RELAXING:
            used = _relax(r, c, left, stream, i)
        if used < 0.0:
            used = _by_steps(r, c, left, loose, stream, i)
        left -= used
        r[NOW] += used
    r[NOW] = start + duration


@njit(cache=True, error_model="numpy")
def steady(r, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return what is constant behind a source, before the rate factor.

    The drive of x with the bridge open and with it closed, in 1/s; the latch of the
    closed bridge, 0 to 1; whether its current is too small to hold any of it.
    """
    c = _find(r, abs(source), series)
    relaxes = r[c + _RELAXES] > 0.0
    return r[c + _OPEN], r[c + _CLOSED], r[c + _LATCH], relaxes


@njit(cache=True, error_model="numpy")
def growth(r, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return what x tends to with the bridge open, for a rate factor of 1."""
    return r[_find(r, abs(source), series) + _OPEN] * r[LEAK_TIME]


@njit(cache=True, error_model="numpy")
def quiet_periods(r, factor, offset, rise):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return for how many periods x stays so far below 1 that nothing bridges.

    A period turns x into ``factor x + rate offset`` and never raises it by more than
    ``rate rise``.
    """
    start = _FAR - r[RATE] * rise
    if r[Y] >= QUIET or r[X] >= start:
        return 0.0
    final = r[RATE] * offset / (1.0 - factor)
    if final <= start:
        return np.inf
    return math.floor(math.log((final - start) / (final - r[X])) / math.log(factor)) + 1


@njit(cache=True, error_model="numpy")
def skip_periods(r, factor, offset, count, period):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let x and y move over `count` quiet periods at once, exactly."""
    final = r[RATE] * offset / (1.0 - factor)
    r[X] = final + (r[X] - final) * factor**count
    r[Y] = (
        r[Y] * math.exp(-count * period / r[RELAXATION_TIME]) if r[Y] > _TINY else 0.0
    )
    r[NOW] += count * period


@njit(cache=True, error_model="numpy")
def steady_time(r, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return how long the conductance stays within about 10 % behind a source, in s."""
    c = _find(r, abs(source), series)
    dx, dy = switch_rates(r[X], r[Y], r[RATE], r, abs(source), series)
    quick = 0.05 * r[BRIDGING_TIME]
    distance = (r[Y] - ON) / r[BRIDGE_WIDTH]
    if abs(distance) < _CLEAR:
        share = 1.0 / (1.0 + math.exp(-distance))
        slope = math.log(r[G_ON] / r[G_OFF]) * share * (1.0 - share)
        widths = min(_CHANGE / max(slope, _TINY), 0.25)
        return max(
            widths * r[BRIDGE_WIDTH] / max(abs(dy), _TINY), _QUICKEST * r[BRIDGING_TIME]
        )
    far = abs(r[Y] - ON) - _CLEAR * r[BRIDGE_WIDTH]
    approach = -dy if distance > 0.0 else dy
    if _phase(r, c, False) == _INTEGRATING:
        until = (r[c + _CEILING] - r[X]) / dx if dx > 0.0 else np.inf
        return max(until, 0.5 * r[INTEGRATION_WIDTH] / max(abs(dx), _TINY))
    if distance < 0.0:
        until = min(
            far / max(approach, _TINY), r[INTEGRATION_WIDTH] / max(abs(dx), _TINY)
        )
        return max(0.5 * until, quick)
    return max(far / approach, quick) if approach > 0.0 else np.inf
