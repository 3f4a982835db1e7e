"""When the trigger conditions are met: edges and pulse widths.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapter 31 (:TRIGger), and
User's Guide, chapter 10 (Triggers): a pulse-width trigger comes at the pulse's end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.settings import trigger_level
from labneuro.sim_backends.sampling import Filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.record import Plan
    from labneuro.sim_backends.keysight_msox3000.settings import Trigger
    from labneuro.sim_backends.sampling import Signal, SignalPath

    Array = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_REJECT = 1.0 / (2.0 * math.pi * datasheet.TRIGGER_REJECT)
_COUPLED = 1.0 / (2.0 * math.pi * datasheet.AC_COUPLING)
_MOST_LINE_PERIODS = 1_000_000
_NONE = np.empty(0)


def trigger_signal(path: SignalPath, signal: Signal, trigger: Trigger) -> Signal:
    """Return what the trigger sees of an input: after its own coupling and rejects.

    Parameters
    ----------
    path : SignalPath
        The trigger's filter.
    signal : Signal
        What the screen shows.
    trigger : Trigger
        The settings.
    """
    fast, slow = signal.filter.fast, signal.filter.slow
    if trigger.high_frequency_reject or trigger.reject == "HFR":
        fast = _REJECT
    if trigger.coupling == "LFR" or trigger.reject == "LFR":
        slow = _REJECT
    elif trigger.coupling == "AC":
        slow = min(slow, _COUPLED)
    wanted = Filter(fast, slow)
    if wanted == signal.filter:
        return signal
    if fast == slow:
        # Both rejects at one corner: no double pole here, so a hair's breadth apart.
        wanted = Filter(fast, slow * (1.0 + 1e-6))
    return path.passed(signal.times, signal.volts, wanted)


def candidates(
    scope: KeysightMsox3104T,
    plan: Plan,
    signal: Signal | None,
    edges: list[float],
    since: float,
    now: float,
) -> Array:
    """Return the bench times at which the trigger condition is met.

    Parameters
    ----------
    scope : KeysightMsox3104T
        For the line frequency.
    plan : Plan
        The acquisition's settings.
    signal : Signal, optional
        What the trigger sees of its input.
    edges : list of float
        Edges at the external input in s.
    since, now : float
        The stretch to look through in s; the end belongs to it.

    Returns
    -------
    ndarray
        Ascending times in s.
    """
    source = plan.trigger_source
    if plan.settings.trigger.mode not in ("EDGE", "GLIT"):
        return _NONE
    if source == "EXT":
        times = np.array(edges, dtype=np.float64)
    elif source == "LINE":
        times = _line(scope.line_frequency, since, now)
    elif signal is not None:
        times = _met(plan, source, signal, now)
    else:
        times = _NONE
    return times[(times > since) & (times <= now)]


def _line(frequency: float, since: float, now: float) -> Array:
    last = math.floor(now * frequency)
    first = max(math.floor(since * frequency), last - _MOST_LINE_PERIODS)
    return np.arange(first, last + 1) / frequency


def _met(plan: Plan, source: str, signal: Signal, now: float) -> Array:
    settings = plan.settings
    gain = plan.gain(source)
    level = trigger_level(settings, source) / gain
    times, rising = signal.crossings(level, now)
    if gain < 0.0:
        rising = ~rising
    if settings.trigger.mode == "GLIT":
        return _pulses(settings.trigger, times, rising, float(signal.times[0]))
    return _edges(settings.trigger.slope, times, rising)


def _edges(slope: str, times: Array, rising: Flags) -> Array:
    if slope == "POS":
        return times[rising]
    return times[~rising] if slope == "NEG" else times


def _pulses(trigger: Trigger, times: Array, rising: Flags, begin: float) -> Array:
    """Return the ends of the pulses whose width qualifies.

    The width of a pulse that was there from the begin is only known to be longer than
    what was seen of it.
    """
    ends = rising if trigger.polarity == "NEG" else ~rising
    stops = np.flatnonzero(ends)
    starts = np.where(stops > 0, times[stops - 1], begin)
    widths = times[stops] - starts
    whole = stops > 0
    if trigger.qualifier == "GRE":
        fits = widths > trigger.greater_than
    elif trigger.qualifier == "LESS":
        fits = whole & (widths < trigger.less_than)
    else:
        fits = whole & (widths > trigger.range_shortest)
        fits &= widths < trigger.range_longest
    return times[stops[fits]]
