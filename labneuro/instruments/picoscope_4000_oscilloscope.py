"""A PicoScope 4000 as the oscilloscope of a bench."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.instruments.picoscope_4000 import CHANNELS
from labneuro.instruments.roles import Capture, Oscilloscope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.instruments.guard import Guard
    from labneuro.instruments.picoscope_4000 import PicoScope4000
    from labneuro.instruments.roles import ScopeTrigger, VerticalScale
    from labneuro.safety import Limits

POINTS = 20_000
"""Samples of a capture, as far as the sample interval allows."""
_POLL = 1e-3  # s


class PicoScope4000Oscilloscope(Oscilloscope):
    """A PicoScope that captures one block a trigger.

    Parameters
    ----------
    driver : PicoScope4000
        The instrument.
    channel : str
        Not used: the whole instrument fills the role.
    limits : Limits or Guard
        Not used: it has no output.
    """

    def __init__(
        self, driver: PicoScope4000, channel: str, limits: Limits | Guard
    ) -> None:
        del channel, limits
        self.driver = driver
        self._block: tuple[int, int, int, float] | None = None

    def configure(
        self,
        channels: Mapping[str, VerticalScale],
        *,
        duration: float,
        before_trigger: float,
        trigger: ScopeTrigger,
    ) -> None:
        """Choose what the next captures show; see the role.

        The screen's offset is not set but covered: the range holds both its ends.

        Raises
        ------
        BenchConfigError
            If there is no such channel.
        """
        for name in channels:
            if name not in CHANNELS:
                raise BenchConfigError(
                    f"{self.driver.name}: {name!r} is no channel; it has "
                    f"{', '.join(CHANNELS)}"
                )
        for name in CHANNELS:
            scale = channels.get(name)
            largest = abs(scale.offset) + 0.5 * scale.range if scale else 1.0
            largest /= self.probes.get(name, 1.0)
            self.driver.set_channel(
                name, enabled=scale is not None, largest_voltage=largest
            )
        level = trigger.level / self.probes.get(trigger.source, 1.0)
        self.driver.set_trigger(trigger.source, level, rising=trigger.rising)
        timebase, interval = self.driver.interval_near(duration / POINTS, POINTS)
        before = round(before_trigger / interval)
        after = max(1, round((duration - before_trigger) / interval))
        self._block = (before, after, timebase, interval)

    def arm(self) -> None:
        """Wait for one trigger from now on, once the time before it has been seen.

        Raises
        ------
        InstrumentError
            If nothing was configured.
        """
        if self._block is None:
            raise InstrumentError(f"{self.driver.name}: configure a capture first")
        self.driver.run_block(*self._block)
        before, _, _, interval = self._block
        self._let_pass(before * interval)

    def _let_pass(self, duration: float) -> None:
        """Let the samples before the trigger be taken: until then none counts."""
        for _ in range(int(duration / _POLL) + 1):
            self.driver.is_ready()
            time.sleep(_POLL)

    def captured(self) -> bool:
        """Whether the trigger has come and the block is complete."""
        return self.driver.is_ready()

    def fetch(self) -> Capture:
        """Return the block.

        Raises
        ------
        InstrumentError
            If none is complete.
        """
        seen, voltage, clipped = self.driver.values()
        at_tip = {
            name: volts * self.probes.get(name, 1.0) for name, volts in voltage.items()
        }
        return Capture(seen, at_tip, dict(clipped))

    def make_safe(self) -> None:
        """Stop capturing; it has no output."""
        self.driver.stop()
