"""Modulated and swept waves of the AFG31000.

References
----------
Modulation and sweep: source (b) of the limits. The formulas of the modulated waves are
those of function generators of this kind (a manual of PeakTech's P4105 has that of AM,
with the same 2.2); the maker's own text was not found.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.playing import Score, stretched
from labneuro.sim_backends.waveforms import Cycle, Jump

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.sim_backends.tektronix_afg31000.settings import Settings

    Array = NDArray[np.float64]

_MODULATORS = {"TRI": ("RAMP", 0.5, 1.0), "RAMP": ("RAMP", 1.0, 1.0)}
_MODULATORS |= {"NRAM": ("RAMP", 1.0, -1.0)}
_SIGMAS = 3.0  # of noise lie between its levels


def signal(
    shape: str,
    shares: Array | None,
    generator: np.random.Generator,
) -> Callable[[Array], Array]:
    """Return a wave between -1 and 1 by the place in its cycle.

    Parameters
    ----------
    shape : str
        Short form of a carrier's or of a modulating shape.
    shares : ndarray, optional
        Points of an arbitrary waveform, 0 to 1, if it is one.
    generator : numpy.random.Generator
        For noise.
    """
    if shares is not None:
        levels = 2.0 * shares - 1.0
        return lambda place: levels[(place % 1.0 * len(levels)).astype(np.int64)]
    if shape == "PRN":
        return lambda place: np.clip(
            generator.standard_normal(len(place)) / _SIGMAS, -1.0, 1.0
        )
    name, symmetry, sign = _MODULATORS.get(shape, (shape, 0.5, 1.0))
    return lambda place: sign * waveforms.shape_values(name, place % 1.0, symmetry)


class SlidingWave(Score):
    """A carrier whose frequency, phase or amplitude changes with time.

    Parameters
    ----------
    carrier : callable
        Wave by place in its cycle.
    levels : tuple of (float, float)
        Of the open output at -1 and at 1, in V.
    turn : float
        Phase in cycles.
    span : float
        Time in s in which frequency, phase or amplitude change as a whole.
    """

    def __init__(
        self,
        carrier: Callable[[Array], Array],
        levels: tuple[float, float],
        turn: float,
        span: float,
    ) -> None:
        self._carrier = carrier
        self._low, self._high = levels
        self._place = turn
        self._span = span

    @abstractmethod
    def frequency(self, times: Array) -> Array:
        """Return the frequency in Hz at bench times in s."""

    def turn(self, times: Array) -> Array | float:
        """Return what is added to the phase, in cycles."""
        return 0.0

    def envelope(self, times: Array) -> Array | float:
        """Return the amplitude as a share of the one that is set."""
        return 1.0

    def write(self, begin: float, jump: Jump) -> Cycle:
        """Write some steps of the wave, about a cycle."""
        step, frequency = self._step(begin)
        offsets = np.arange(waveforms.STEPS, dtype=np.float64) * step
        times: Array = begin + offsets + 0.5 * step
        place = self._place + np.cumsum(frequency) * step - 0.5 * frequency * step
        value = self._carrier(place + self.turn(times)) * self.envelope(times)
        levels = self._low + (self._high - self._low) * 0.5 * (value + 1.0)
        self._place = float(self._place + frequency.sum() * step) % 1.0
        length = waveforms.STEPS * step
        cycle = Cycle(length, waveforms.merged(offsets, levels))
        return stretched(cycle, jump.stretch(begin, length, waveforms.STEPS))

    def _step(self, begin: float) -> tuple[float, Array]:
        """Return the duration of a step, so that a cycle has enough, and frequencies.

        The first guess is the present cycle; where the frequency rises on the way, the
        steps are made shorter.
        """
        count = waveforms.STEPS
        now = abs(float(self.frequency(np.array([begin]))[0]))
        step = min(self._span, 1.0 / max(now, limits.LOWEST_FREQUENCY)) / count
        while True:
            places = np.arange(count, dtype=np.float64) + 0.5
            times: Array = begin + places * step
            frequency = self.frequency(times)
            cycles = float(np.abs(frequency).max()) * step * count
            if cycles <= 2.0:  # noqa: PLR2004  32 steps a cycle at least
                return step, frequency
            step /= cycles

    def go_back(self, begin: float, end: float) -> None:
        """Go back from the end of what was written to a bench time in s."""
        times = np.array([0.5 * (begin + end)])
        self._place -= float(self.frequency(times)[0]) * (end - begin)


class ModulatedWave(SlidingWave):
    """AM, FM, PM or FSK.

    Parameters
    ----------
    settings : Settings
        Of the channel.
    carrier, modulator : callable
        Waves by place in their cycles.
    levels : tuple of (float, float)
        Of the open output, in V.
    begin : float
        Bench time at which the modulating wave begins, in s.
    """

    def __init__(
        self,
        settings: Settings,
        carrier: Callable[[Array], Array],
        modulator: Callable[[Array], Array],
        levels: tuple[float, float],
        begin: float,
    ) -> None:
        self._settings = settings
        self._modulator = modulator
        self._began = begin
        self._mode = settings.run_mode
        kind = self._mode.lower()
        self._rate: float = getattr(settings, f"{kind}_rate")
        self._is_internal = getattr(settings, f"{kind}_source") == "INT"
        turn = settings.phase / (2.0 * math.pi)
        super().__init__(carrier, levels, turn, 1.0 / self._rate)

    def _modulation(self, times: Array) -> Array:
        if not self._is_internal:  # nothing is wired to the modulation input
            return np.zeros(len(times))
        return self._modulator((times - self._began) * self._rate)

    def frequency(self, times: Array) -> Array:
        """Return the carrier's frequency, moved by FM, or the two of FSK in turn."""
        settings = self._settings
        carrier = np.full(len(times), settings.frequency)
        if self._mode == "FM":
            return carrier + settings.fm_deviation * self._modulation(times)
        if self._mode == "FSK" and self._is_internal:
            hopped = (times - self._began) * self._rate % 1.0 >= 0.5  # noqa: PLR2004  half
            return np.where(hopped, settings.fsk_frequency, carrier)
        return carrier

    def turn(self, times: Array) -> Array | float:
        """Return what PM adds to the phase."""
        if self._mode != "PM":
            return 0.0
        return self._settings.pm_deviation / (2 * math.pi) * self._modulation(times)

    def envelope(self, times: Array) -> Array | float:
        """Return the amplitude that AM leaves: the whole of it at a depth of 120 %."""
        if self._mode != "AM":
            return 1.0
        depth = self._settings.am_depth / 100.0
        return (1.0 + depth * self._modulation(times)) / limits.LARGEST_MODULATION


class PulseWidthWave(Score):
    """A pulse whose width follows the modulating wave.

    Parameters
    ----------
    settings : Settings
        Of the channel.
    width : float
        Of the pulse that is not modulated, in s.
    modulator : callable
        Wave by place in its cycle.
    levels : tuple of (float, float)
        Of the open output, in V.
    begin : float
        Bench time at which the modulating wave begins, in s.
    """

    def __init__(
        self,
        settings: Settings,
        width: float,
        modulator: Callable[[Array], Array],
        levels: tuple[float, float],
        begin: float,
    ) -> None:
        self._settings = settings
        self._width = width
        self._modulator = modulator
        self._levels = levels
        self._began = begin

    def write(self, begin: float, jump: Jump) -> Cycle:
        """Write one pulse."""
        settings = self._settings
        period = 1.0 / settings.frequency
        width = self._width
        if settings.pwm_source == "INT":
            place = (begin - self._began) * settings.pwm_rate
            share = float(self._modulator(np.array([place]))[0])
            width += share * settings.pwm_deviation / 100.0 * period
        cycle = waveforms.pulse_cycle(
            period,
            *self._levels,
            width=width,
            delay=settings.delay,
            leading=settings.leading,
            trailing=settings.trailing,
        )
        return stretched(cycle, jump.stretch(begin, period, len(cycle.changes)))


class SweptWave(SlidingWave):
    """A carrier whose frequency runs from start to stop, holds and returns.

    Parameters
    ----------
    settings : Settings
        Of the channel.
    carrier : callable
        Wave by place in its cycle.
    levels : tuple of (float, float)
        Of the open output, in V.
    begin : float
        Bench time of the first sweep in s; infinite while it waits for a trigger, at
        the start frequency.
    every : float
        Time in s after which the sweep repeats; infinite for a single one.
    """

    def __init__(
        self,
        settings: Settings,
        carrier: Callable[[Array], Array],
        levels: tuple[float, float],
        begin: float,
        every: float,
    ) -> None:
        self._settings = settings
        self._began = begin
        self._every = every
        turn = settings.phase / (2.0 * math.pi)
        super().__init__(carrier, levels, turn, sweep_duration(settings))

    def frequency(self, times: Array) -> Array:
        """Return the frequency that the sweep has reached."""
        settings = self._settings
        since = times - self._began
        if math.isfinite(self._every):
            since = np.where(since >= 0.0, since % self._every, since)
        rising = np.clip(since / settings.sweep_time, 0.0, 1.0)
        back = since - settings.sweep_time - settings.hold_time
        if settings.return_time > 0.0:
            falling = np.clip(back / settings.return_time, 0.0, 1.0)
        else:
            falling = np.where(back > 0.0, 1.0, 0.0)
        share = rising - falling
        start, stop = settings.sweep_start, settings.sweep_stop
        if settings.spacing == "LOG":
            return np.asarray(start * (stop / start) ** share)
        return np.asarray(start + (stop - start) * share)

    def is_running(self, now: float) -> bool:
        """Return whether a sweep runs at a bench time in s."""
        return self._began <= now < self._began + sweep_duration(self._settings)

    def start(self, now: float, written: float) -> None:
        """Start a sweep at a bench time, the phase going on.

        Parameters
        ----------
        now : float
            In s.
        written : float
            Bench time up to which the wave has been written, in s.
        """
        self.go_back(now, written)
        self._began = now


def sweep_duration(settings: Settings) -> float:
    """Return the time of one sweep with hold and return, in s."""
    return settings.sweep_time + settings.hold_time + settings.return_time
