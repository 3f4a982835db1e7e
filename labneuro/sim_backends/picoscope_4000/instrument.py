"""A PicoScope 4824: eight inputs of 12 bits that capture one block at a time.

What an input sees passes the instrument's bandwidth, is sampled, quantised and clipped
at its range. A block begins with the first edge of the trigger after it was armed.

References
----------
PicoScope 4000 Series (A API) Programmer's Guide, ps4000apg.en: block mode, channels,
simple trigger. The data sheet of the 4824 was not found: 80 MS/s, 20 MHz, 12 bits,
256 MS and 1 Mohm are the figures of the maker's product page; the noise is chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.sim_backends.base import BenchInstrument
from labneuro.sim_backends.sampling import Filter, SignalPath

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.sim_backends.base import Surroundings

    Counts = NDArray[np.int16]

RANGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Full scale in V by the number of PICO_X1_PROBE_10MV and following."""
FASTEST = 12.5e-9
"""Shortest sample interval in s; timebase n is n + 1 of them."""
MEMORY = 256_000_000
"""Samples that all channels of a block share."""
FULL_SCALE = 32767
"""Count at the end of a range, whatever the resolution."""
_STEP = 16  # counts of one code of 12 bits
_BANDWIDTH = 20e6  # Hz
_NOISE = 5e-4  # of the range, rms; chosen
_AC_CORNER = 1.0  # Hz; chosen


@dataclass
class Input:
    """Settings of one input.

    Attributes
    ----------
    enabled, dc : bool
    range : float
        Full scale in V.
    offset : float
        Analogue offset in V, added before the conversion.
    """

    enabled: bool = True
    dc: bool = True
    range: float = 5.0
    offset: float = 0.0


@dataclass(frozen=True)
class Trigger:
    """A simple trigger.

    Attributes
    ----------
    source : str, optional
        Input or ``"external"``; None triggers at once.
    threshold : int
        In counts of the source's range.
    direction : str
        ``"rising"``, ``"falling"`` or ``"either"``.
    delay : int
        Sample intervals from the edge to the trigger.
    automatic : float
        Time in s after which it triggers by itself; 0 waits for ever.
    """

    source: str | None = None
    threshold: int = 0
    direction: str = "rising"
    delay: int = 0
    automatic: float = 0.0


@dataclass
class Block:
    """One block, armed or captured.

    Attributes
    ----------
    before, after : int
        Samples before and from the trigger.
    interval : float
        Sample interval in s.
    armed : float
        Bench time in s from which a trigger counts.
    counts : dict of str to ndarray of int16
        What was captured, once it is complete.
    clipped : dict of str to bool
        Which inputs left their range.
    """

    before: int
    after: int
    interval: float
    armed: float
    counts: dict[str, Counts] = field(default_factory=dict)
    clipped: dict[str, bool] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the block has been captured."""
        return bool(self.counts)


class PicoScope4824(BenchInstrument):
    """A simulated PicoScope 4824; its vendor library drives it."""

    inputs: ClassVar[tuple[str, ...]] = ("a", "b", "c", "d", "e", "f", "g", "h")
    trigger_inputs: ClassVar[tuple[str, ...]] = ("external",)
    variant: ClassVar[str] = "4824"

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.settings = {name: Input() for name in self.inputs}
        self.trigger = Trigger()
        self.block: Block | None = None
        self._paths = {name: SignalPath() for name in self.inputs}
        self._edges: list[float] = []

    def longest_block(self) -> int:
        """Return how many samples a block may have with the present inputs."""
        return MEMORY // max(1, sum(one.enabled for one in self.settings.values()))

    def arm(self, before: int, after: int, interval: float) -> None:
        """Start to capture a block."""
        self._edges = []
        for name, one in self.settings.items():
            self._paths[name].settle()
            if one.enabled:
                self.probes[name].start()
        armed = self.clock.now + before * interval
        self.block = Block(before, after, interval, armed)

    def stop(self) -> None:
        """Stop capturing; a complete block stays."""
        for probe in self.probes.values():
            probe.stop()
        if self.block is not None and not self.block.complete:
            self.block = None

    def trigger_in(self, line: str) -> None:
        """Take an edge on the external trigger input."""
        self._edges.append(self.clock.now)

    def update(self) -> bool:
        """Look for the trigger in what the inputs have seen; whether all is captured.

        Returns
        -------
        bool
            True once the block is complete.
        """
        block = self.block
        if block is None or block.complete:
            return block is not None
        start = self._trigger_time(block)
        if start is None or start + block.after * block.interval > self.clock.now:
            return False
        self._capture(block, start - block.before * block.interval)
        return True

    def _trigger_time(self, block: Block) -> float | None:
        trigger = self.trigger
        if trigger.source is None:
            return block.armed
        found = [time for time in self._edge_times(trigger) if time >= block.armed]
        if found:
            return found[0] + trigger.delay * block.interval
        if trigger.automatic and self.clock.now >= block.armed + trigger.automatic:
            return block.armed + trigger.automatic
        return None

    def _edge_times(self, trigger: Trigger) -> list[float]:
        source = trigger.source
        if source not in self.settings or not self.settings[source].enabled:
            return self._edges
        one = self.settings[source]
        level = trigger.threshold / FULL_SCALE * one.range - one.offset
        signal = self._paths[source].passed(*self.probes[source].trace(), _filter(one))
        times, rising = signal.crossings(level, self.clock.now)
        if trigger.direction == "rising":
            times = times[rising]
        elif trigger.direction == "falling":
            times = times[~rising]
        return [float(time) for time in times]

    def _capture(self, block: Block, begin: float) -> None:
        count = block.before + block.after
        for name, one in self.settings.items():
            if not one.enabled:
                continue
            times, volts = self.probes[name].trace()
            signal = self._paths[name].passed(times, volts, _filter(one))
            seen = signal.samples(begin, block.interval, count) + one.offset
            if self.noise:
                noise = self.generator.standard_normal(count)
                seen += _NOISE * one.range * noise
            codes = np.rint(seen / one.range * (FULL_SCALE / _STEP)) * _STEP
            block.clipped[name] = bool((np.abs(codes) > FULL_SCALE).any())
            limited = np.clip(codes, -FULL_SCALE, FULL_SCALE)
            block.counts[name] = limited.astype(np.int16)
            self.probes[name].stop()


def _filter(one: Input) -> Filter:
    slow = math.inf if one.dc else 1.0 / (2.0 * math.pi * _AC_CORNER)
    return Filter(1.0 / (2.0 * math.pi * _BANDWIDTH), slow)
