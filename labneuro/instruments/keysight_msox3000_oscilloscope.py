"""A 3000 X-Series oscilloscope as the oscilloscope of a bench."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.instruments import shutdown
from labneuro.instruments.roles import Capture, Oscilloscope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labneuro.instruments.guard import Guard
    from labneuro.instruments.keysight_msox3000 import KeysightMSOX3000
    from labneuro.instruments.roles import ScopeTrigger, VerticalScale
    from labneuro.safety import Limits

_CHANNELS = {f"ch{number}": number for number in range(1, 5)}
_SOURCES = {
    **{name: f"CHAN{number}" for name, number in _CHANNELS.items()},
    **{f"d{number}": f"DIG{number}" for number in range(16)},
    "external": "EXT",
}
_ARMING = 10.0  # s beyond the pre-trigger time that arming may take

MOST_SEGMENTS = 1000
"""Segments of a divided memory (User's Guide, segmented memory)."""

POINTS = 20_000
"""Most points of a capture: the memory holds 200 times as many, to no use here."""


class Msox3000Oscilloscope(Oscilloscope):
    """The analog channels of a 3000 X-Series oscilloscope.

    Channels keep their probe attenuation, input resistance and bandwidth limit; those
    that are captured are DC coupled. The screen is the capture.

    Parameters
    ----------
    driver : KeysightMSOX3000
        The instrument.
    channel : str
        Not used: the role is the whole instrument's.
    limits : Limits or Guard
        Not used: an oscilloscope puts nothing on its inputs.
    """

    def __init__(
        self, driver: KeysightMSOX3000, channel: str, limits: Limits | Guard
    ) -> None:
        self.driver = driver
        self.limits = limits
        self._where = f"{driver.name} {channel}".strip()
        self._captured: tuple[str, ...] = ()
        self._before = 0.0
        self._segments = 1
        self._armed = False

    def configure(
        self,
        channels: Mapping[str, VerticalScale],
        *,
        duration: float,
        before_trigger: float,
        trigger: ScopeTrigger,
    ) -> None:
        """Choose what the next captures show.

        Parameters
        ----------
        channels : mapping of str to VerticalScale
            ``"ch1"`` to ``"ch4"``; the others go off.
        duration : float
            Length of a capture in s.
        before_trigger : float
            Share of it that lies before the trigger, in s.
        trigger : ScopeTrigger
            Edge on a channel, on ``"d0"`` to ``"d15"`` or on ``"external"``.

        Raises
        ------
        BenchConfigError
            If there is no such channel or trigger source, or none is captured.
        InstrumentError
            If the instrument reports an error.
        """
        self._check(channels, trigger.source)
        driver = self.driver
        self._armed = False
        driver.stop()
        driver.clear()
        for name, number in _CHANNELS.items():
            self._set_channel(number, channels.get(name))
        driver.acquisition_type = "normal"
        driver.segmented = False
        self._segments = 1
        driver.time_mode = "main"
        driver.time_reference = "center"
        driver.time_range = duration
        driver.time_position = 0.5 * duration - before_trigger
        self._set_trigger(trigger)
        driver.check_errors()
        self._captured = tuple(channels)
        self._before = before_trigger

    def divide(self, segments: int) -> None:
        """Divide the memory: from now on a capture waits for that many triggers.

        Parameters
        ----------
        segments : int
            1 to 1000.

        Raises
        ------
        BenchConfigError
            If it is none of these.
        InstrumentError
            If the instrument reports an error.
        """
        if not 1 <= segments <= MOST_SEGMENTS:
            raise BenchConfigError(
                f"{self._where}: {segments} segments; 1 to {MOST_SEGMENTS}"
            )
        self._armed = False
        self.driver.segmented = segments > 1
        if segments > 1:
            self.driver.segment_count = segments
        self.driver.check_errors()
        self._segments = segments

    def _check(self, channels: Mapping[str, VerticalScale], source: str) -> None:
        for name in channels:
            if name not in _CHANNELS:
                raise BenchConfigError(
                    f"{self._where}: {name!r} is no channel; ch1 to ch4"
                )
        if not channels:
            raise BenchConfigError(f"{self._where}: no channel is captured")
        if source not in _SOURCES:
            raise BenchConfigError(
                f"{self._where}: {source!r} is no trigger source; ch1 to ch4, d0 to "
                "d15, external"
            )

    def _set_channel(self, number: int, scale: VerticalScale | None) -> None:
        channel = self.driver.channels[number]
        channel.display_enabled = scale is not None
        if scale is not None:
            channel.coupling = "DC"
            channel.probe_attenuation = self.probes.get(f"ch{number}", 1.0)
            channel.range = scale.range
            channel.offset = scale.offset

    def _set_trigger(self, trigger: ScopeTrigger) -> None:
        driver = self.driver
        driver.trigger_mode = "edge"
        driver.trigger_sweep = "normal"
        driver.trigger_source = _SOURCES[trigger.source]
        driver.trigger_slope = "positive" if trigger.rising else "negative"
        driver.trigger_coupling = "DC"
        driver.trigger_level = trigger.level

    def arm(self) -> None:
        """Wait for one trigger from now on; returns once the instrument is ready.

        Raises
        ------
        InstrumentError
            If nothing is configured or the instrument does not get ready.
        """
        if not self._captured:
            raise InstrumentError(f"{self._where}: configure it before it is armed")
        driver = self.driver
        driver.stop()
        # Both event registers forget what was before.
        driver.clear()
        driver.single()
        deadline = time.monotonic() + self._before + _ARMING
        while not driver.armed_event:
            if time.monotonic() > deadline:
                raise InstrumentError(f"{self._where}: the trigger does not get armed")
        driver.check_errors()
        self._armed = True

    def captured(self) -> bool:
        """Whether the trigger has come and the capture is complete."""
        return self._armed and not self.driver.is_running

    def fetch(self) -> Capture:
        """Return the capture.

        Raises
        ------
        InstrumentError
            If no trigger has come since it was armed.
        """
        if not self.captured():
            raise InstrumentError(f"{self._where}: no trigger has come")
        shown = {
            name: self.driver.waveform(_SOURCES[name], POINTS)
            for name in self._captured
        }
        self.driver.check_errors()
        return Capture(
            time=next(iter(shown.values())).time,
            voltage={name: one.voltage for name, one in shown.items()},
            clipped={name: one.clipped for name, one in shown.items()},
        )

    def fetch_segments(self) -> Iterator[Capture]:
        """Yield the capture of each trigger in turn; one if memory is not divided.

        Raises
        ------
        InstrumentError
            If not all triggers have come since it was armed.
        """
        for number in range(1, self._segments + 1):
            if self._segments > 1:
                self.driver.segment = number
            yield self.fetch()

    def make_safe(self) -> None:
        """Stop, and read back that it has stopped.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm it.
        """
        self._armed = False
        shutdown.make_safe(
            self._where,
            (("device clear", self.driver.device_clear), ("stop", self.driver.stop)),
            lambda: not self.driver.is_running,
        )
