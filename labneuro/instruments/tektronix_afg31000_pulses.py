"""An AFG31000 output as the pulse generator of a bench."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.instruments import shutdown
from labneuro.instruments.arbitrary_waveform import round_up, sample
from labneuro.instruments.guard import Guard
from labneuro.instruments.roles import PulseGenerator
from labneuro.instruments.stress import GENERATOR, Levels

if TYPE_CHECKING:
    from labneuro.instruments.arbitrary_waveform import SampledWaveform
    from labneuro.instruments.roles import Waveform
    from labneuro.instruments.tektronix_afg31000 import (
        TektronixAFG31000,
        TektronixAFG31000Channel,
    )
    from labneuro.safety import Limits

_CHANNELS = {"ch1": 1, "ch2": 2}


class Afg31000PulseGenerator(PulseGenerator):
    """One output of an AFG31000 that plays a waveform once for each trigger.

    Levels are set as an amplitude about an offset of 0 V, so the output rests at 0 V
    also while one waveform replaces another. The external trigger is taken on its
    falling edge, the first one of a source meter's low trigger pulse.

    Parameters
    ----------
    driver : TektronixAFG31000
        The instrument.
    channel : str
        ``"ch1"`` or ``"ch2"``.
    limits : Limits or Guard
        What may be set at most; checked before anything is sent.

    Raises
    ------
    BenchConfigError
        If there is no such channel.
    """

    def __init__(
        self, driver: TektronixAFG31000, channel: str, limits: Limits | Guard
    ) -> None:
        if channel not in _CHANNELS:
            raise BenchConfigError(
                f"roles: {channel!r} is no channel of {driver.name}; ch1 or ch2"
            )
        self.driver = driver
        self.channel: TektronixAFG31000Channel = driver.channels[_CHANNELS[channel]]
        self.guard = Guard.of(limits)
        self.limits = self.guard.limits
        self._where = f"{driver.name} {channel}"
        self._loaded: SampledWaveform | None = None

    def load(self, waveform: Waveform) -> None:
        """Make `waveform` the answer to the next triggers; 0 V before and after.

        Points that the generator already holds are not sent again, nor are settings
        that stay. The first waveform finds the output switched off.

        Parameters
        ----------
        waveform : Waveform
            Levels within the limits; see `arbitrary_waveform.sample` for the rest.

        Raises
        ------
        LimitError
            If a level is beyond the limits or the waveform does not fit.
        InstrumentError
            If the instrument reports an error.
        """
        levels = Levels(GENERATOR, waveform.segments)
        self.guard.check(levels, self._where)
        points = sample(waveform)
        self.guard.load(levels, self._where)
        held, self._loaded = self._loaded, None
        if held is None:
            self._prepare()
        if held is None or not np.array_equal(held.codes, points.codes):
            self.channel.upload(points)
        if held is None:
            self.channel.shape = "edit_memory"
        if held is None or held.frequency != points.frequency:
            self.channel.frequency = points.frequency
        if held is None or held.amplitude != points.amplitude:
            self.channel.amplitude = points.amplitude
        if held is None:
            self._limit()
            self._wait_for_triggers()
        self.driver.check_errors()
        self._loaded = points

    def output_on(self) -> None:
        """Switch the output on; it rests at 0 V until a trigger.

        Raises
        ------
        InstrumentError
            If no waveform is loaded or the instrument reports an error.
        """
        if self._loaded is None:
            raise InstrumentError(f"{self._where}: load a waveform first")
        self.guard.switch_on(GENERATOR)
        self.channel.output_enabled = True
        self.driver.check_errors()

    def fire(self) -> None:
        """Play the waveform once now, by a command in place of the trigger line.

        Raises
        ------
        InstrumentError
            If the instrument reports an error.
        """
        self.guard.trigger(1, self._where)
        self.driver.trigger()
        self.driver.check_errors()

    def make_safe(self) -> None:
        """Stop the burst, switch the output off, and read that back.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm that the output is off.
        """
        channel = self.channel
        self._loaded = None
        shutdown.make_safe(
            self._where,
            (
                ("device clear", self.driver.device_clear),
                ("output off", lambda: setattr(channel, "output_enabled", False)),
                ("abort", self.driver.abort),
            ),
            lambda: channel.output_enabled is False,
        )
        self.guard.release(GENERATOR)

    def _prepare(self) -> None:
        """Free levels from old settings, with the output off."""
        channel = self.channel
        channel.output_enabled = False
        channel.load_resistance = math.inf
        channel.inverted = False
        channel.amplitude_unit = "VPP"
        channel.release_limits()
        channel.offset = 0.0

    def _limit(self) -> None:
        """Let the instrument refuse what is beyond the limits, too.

        Models differ in their widest level; a limit beyond it is the instrument's own.
        """
        if self.limits.voltage < self.channel.high_limit:
            # Rounded as amplitudes are: a level at the limit must not be refused.
            limit = round_up(self.limits.voltage)
            self.channel.high_limit = limit
            self.channel.low_limit = -limit

    def _wait_for_triggers(self) -> None:
        """Play one burst of one waveform for each external trigger."""
        channel, driver = self.channel, self.driver
        channel.burst_mode = "triggered"
        channel.burst_cycles = 1
        channel.burst_delay = 0.0
        channel.burst_enabled = True
        driver.trigger_slope = "negative"
        driver.trigger_source = "external"
