"""What the B1500A is set to measure: mode, sources, timing, data.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``MM``, ``WV``, ``WT``, ``PT``,
``MT``, ``ML``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.smu import Output

SPOT, STAIRCASE, PULSED_SPOT, PULSED_SWEEP, PULSED_BIAS = 1, 2, 3, 4, 5
SAMPLING, MULTI_CHANNEL = 10, 16
MODES = (
    SPOT,
    STAIRCASE,
    PULSED_SPOT,
    PULSED_SWEEP,
    PULSED_BIAS,
    SAMPLING,
    MULTI_CHANNEL,
)
_LOGARITHMIC, _DOUBLE = (2, 4), (3, 4)
ABORT = 2
AFTER_START = 1
POINTS_PER_DECADE = {2: 10, 3: 25, 4: 50, 5: 100, 6: 250, 7: 500}
DECADES = 11


class SweepSource(NamedTuple):
    """A staircase of one channel.

    Attributes
    ----------
    channel : int
        Its SMU.
    mode : int
        1 linear, 2 logarithmic, 3 and 4 the same there and back.
    output : Output
        The source at the start.
    stop : float
        In V or A.
    steps : int
        Number of steps, one way.
    power : float
        Power compliance in W; 0 is none.
    base : float
        Level between pulses in V or A, of a pulsed sweep.
    """

    channel: int
    mode: int
    output: Output
    stop: float
    steps: int
    power: float = 0.0
    base: float = 0.0

    def levels(self, mode: int = 0, steps: int = 0) -> list[float]:
        """Return all levels in order; `mode` and `steps` replace its own."""
        mode, steps = mode or self.mode, steps or self.steps
        start = self.output.level
        if mode in _LOGARITHMIC:
            one_way = np.geomspace(start, self.stop, steps)
        else:
            one_way = np.linspace(start, self.stop, steps)
        levels: list[float] = one_way.tolist()
        return levels + levels[::-1] if mode in _DOUBLE else levels


class PulseSource(NamedTuple):
    """A pulsed source: base and peak in V or A."""

    output: Output
    peak: float


class SampledSource(NamedTuple):
    """A source of a sampling measurement: base (in `output`) and bias."""

    output: Output
    bias: float


class SweepTiming(NamedTuple):
    """Times of ``WT`` in s."""

    hold: float = 0.0
    delay: float = 0.0
    step_delay: float = 0.0
    trigger_delay: float = 0.0
    measure_delay: float = 0.0


class PulseTiming(NamedTuple):
    """Times of ``PT`` in s; a trigger delay below 0 puts the reading at the end."""

    hold: float = 0.0
    width: float = 1e-3
    period: float = 10e-3
    trigger_delay: float = -1.0


class SampleTiming(NamedTuple):
    """Times of ``MT`` in s, and the number of samples."""

    bias_hold: float = 0.0
    interval: float = 2e-3
    number: int = 1000
    base_hold: float = 0.0


@dataclass
class Setup:
    """Settings of the mainframe that ``*RST`` brings back.

    Attributes
    ----------
    mode, channels : int, tuple of int
        ``MM``.
    form, data_mode : int
        ``FMT``.
    trigger_mode : int
        ``TM``.
    waits : dict
        ``WAT``: type to factor and offset in s.
    sweep, pulse_sweep, synchronous : SweepSource, optional
        ``WV``/``WI``, ``PWV``/``PWI``, ``WSV``/``WSI``.
    further : dict
        ``WNX``: source number to source.
    pulses : dict
        ``PV``/``PI`` by channel.
    samples : dict
        ``MV``/``MI`` by channel, in their order.
    ports : dict
        ``TGP``: port to terminal, polarity, type.
    limits : dict
        ``LIM``: kind to value.
    """

    mode: int = SPOT
    channels: tuple[int, ...] = ()
    form: int = 1
    data_mode: int = 0
    trigger_mode: int = 1
    auto_calibration: bool = True
    parallel: bool = False
    time_stamps: bool = False
    waits: dict[int, tuple[float, float]] = field(
        default_factory=lambda: {1: (1.0, 0.0), 2: (1.0, 0.0)}
    )
    abort: int = 1
    post: int = AFTER_START
    timing: SweepTiming = field(default_factory=SweepTiming)
    pulse_timing: PulseTiming = field(default_factory=PulseTiming)
    sample_timing: SampleTiming = field(default_factory=SampleTiming)
    sample_mode: int = 1
    sample_abort: int = 1
    sample_post: int = 2
    sweep: SweepSource | None = None
    pulse_sweep: SweepSource | None = None
    synchronous: SweepSource | None = None
    further: dict[int, SweepSource] = field(default_factory=dict)
    pulses: dict[int, PulseSource] = field(default_factory=dict)
    samples: dict[int, SampledSource] = field(default_factory=dict)
    ports: dict[int, tuple[int, int, int]] = field(
        default_factory=lambda: {-1: (1, 2, 1), -2: (2, 2, 1)}
    )
    gate_input: int = 1
    gate_outputs: dict[str, int] = field(default_factory=dict)
    step_trigger_case: int = 1
    limits: dict[int, float] = field(default_factory=lambda: {1: 200.0, 2: 1.0})

    def sample_times(self) -> list[tuple[int, float]]:
        """Return index from 1 and time in s after the first sample, of every sample."""
        timing = self.sample_timing
        if self.sample_mode == 1:
            return [(n + 1, n * timing.interval) for n in range(timing.number)]
        decade = POINTS_PER_DECADE[self.sample_mode]
        ratio = 10.0 ** (1.0 / decade)
        return [
            (n + 1, timing.interval * (ratio**n - 1.0)) for n in range(timing.number)
        ]
