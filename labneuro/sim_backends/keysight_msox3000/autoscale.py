"""What ``:AUToscale`` does: finds the channels that move and scales them.

The procedure is chosen (the guide describes only the outcome): each channel is watched
on its widest range for a tenth of a second; those that move are put on the screen with
the smallest 1-2-5 scale that holds them, the time base shows about two periods of the
first one, and that one triggers at its middle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T

_WATCHED = 0.1  # s
_LEAST_SIGNAL = 10e-3  # Vpp: less is no signal (User's Guide, Auto Scale)
_SHARE = 0.8  # of the screen that a signal may fill
_PERIODS = 2.0


def autoscale(scope: KeysightMsox3104T, sources: tuple[str, ...]) -> None:
    """Scale what moves.

    Parameters
    ----------
    scope : KeysightMsox3104T
        The instrument.
    sources : tuple of str
        Sources to look at; all analog channels if empty.
    """
    scope.acquisition.stop()
    names = [source for source in sources if source.startswith("CHAN")] or [
        f"CHAN{number}" for number in range(1, datasheet.ANALOG_CHANNELS + 1)
    ]
    seen = _watch(scope, names)
    active = [name for name in names if np.ptp(seen[name][1]) > _LEAST_SIGNAL]
    for name in active:
        _scale(scope, name, seen[name][1])
    if active:
        for number, channel in enumerate(scope.settings.channels, 1):
            channel.display = f"CHAN{number}" in active
        _time(scope, active[0], *seen[active[0]])
    scope.acquisition.arm("RUN")


def _watch(
    scope: KeysightMsox3104T, names: list[str]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    probes = {name: scope.probes[f"ch{name[4:]}"] for name in names}
    for probe in probes.values():
        probe.start()
    scope.clock.advance(_WATCHED)
    seen = {name: probe.trace() for name, probe in probes.items()}
    for probe in probes.values():
        probe.stop()
    return seen


def _scale(scope: KeysightMsox3104T, name: str, volts: NDArray[np.float64]) -> None:
    channel = scope.settings.channels[int(name[4:]) - 1]
    gain = -channel.probe if channel.invert else channel.probe
    low, high = sorted((float(volts.min()) * gain, float(volts.max()) * gain))
    needed = (high - low) / _SHARE / datasheet.VERTICAL_DIVISIONS
    smallest = datasheet.SMALLEST_RANGE * channel.probe
    channel.range = max(smallest, datasheet.VERTICAL_DIVISIONS * _round_up(needed))
    channel.range = min(channel.range, datasheet.LARGEST_RANGE * channel.probe)
    channel.offset = 0.5 * (high + low)
    scope.settings.trigger.levels[name] = channel.offset


def _time(
    scope: KeysightMsox3104T,
    name: str,
    times: NDArray[np.float64],
    volts: NDArray[np.float64],
) -> None:
    above = volts >= 0.5 * (volts.max() + volts.min())
    rises = times[1:][above[1:] & ~above[:-1]]
    trigger, base = scope.settings.trigger, scope.settings.timebase
    trigger.mode, trigger.source, trigger.slope = "EDGE", name, "POS"
    base.position, base.reference = 0.0, "CENT"
    if rises.size > 1:
        period = float(np.median(np.diff(rises)))
        scale = _round_up(_PERIODS * period / datasheet.DIVISIONS)
        base.range = min(
            max(datasheet.DIVISIONS * scale, datasheet.SHORTEST_TIME),
            datasheet.LONGEST_TIME,
        )


def _round_up(value: float) -> float:
    """Return the next step of 1, 2, 5.

    Examples
    --------
    >>> _round_up(0.3), _round_up(2.0)
    (0.5, 2.0)
    """
    decade = 10.0 ** math.floor(math.log10(value))
    steps = (step * decade for step in (1.0, 2.0, 5.0, 10.0))
    return next(step for step in steps if step >= value * (1.0 - 1e-9))
