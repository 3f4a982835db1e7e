"""All settings of the oscilloscope, and how they are put into a setup block.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide: the defaults are those of
``*RST`` (chapter 5) and of the sample responses of each subsystem's query.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import ScpiError


@dataclass
class Channel:
    """An analog channel.

    Attributes
    ----------
    range, offset : float
        V over the screen and V at its centre, both as shown (probe included).
    probe : float
        Attenuation that the oscilloscope corrects for.
    skew : float
        In s.
    """

    display: bool = False
    range: float = 40.0
    offset: float = 0.0
    coupling: str = "DC"
    impedance: str = "ONEM"
    bandwidth_limit: bool = False
    invert: bool = False
    vernier: bool = False
    label: str = ""
    units: str = "VOLT"
    probe: float = 1.0
    skew: float = 0.0
    signal_type: str = "SING"
    protection: str = "NORM"


@dataclass
class Digital:
    """A digital channel; the threshold belongs to its pod."""

    display: bool = False
    label: str = ""
    position: int = 0


@dataclass
class Pod:
    """Eight digital channels; `threshold` in V."""

    threshold: float = 1.4
    size: str = "SMAL"
    family: str = "TTL"


@dataclass
class Timebase:
    """Horizontal settings; `range`, `position` and those of the window in s."""

    mode: str = "MAIN"
    range: float = 1e-3
    position: float = 0.0
    reference: str = "CENT"
    vernier: bool = False
    window_range: float = 1e-4
    window_position: float = 0.0


@dataclass
class Trigger:
    """Trigger settings; `levels` in V by source, times in s."""

    mode: str = "EDGE"
    sweep: str = "AUTO"
    holdoff: float = 60e-9
    noise_reject: bool = False
    high_frequency_reject: bool = False
    source: str = "CHAN1"
    slope: str = "POS"
    coupling: str = "DC"
    reject: str = "OFF"
    pulse_source: str = "CHAN1"
    polarity: str = "POS"
    qualifier: str = "LESS"
    less_than: float = 30e-9
    greater_than: float = 10e-9
    range_longest: float = 30e-9
    range_shortest: float = 10e-9
    levels: dict[str, float] = field(default_factory=dict)


@dataclass
class Acquire:
    """Acquisition settings."""

    type: str = "NORM"
    mode: str = "RTIM"
    count: int = 8
    complete: int = 100
    segments: int = 2
    segment: int = 1


@dataclass
class WaveformOutput:
    """What ``:WAVeform:DATA?`` sends; 0 points are as many as there are."""

    source: str = "CHAN1"
    format: str = "BYTE"
    byte_order: str = "MSBF"
    unsigned: bool = True
    points: int = 1000
    points_mode: str = "NORM"
    view: str = "MAIN"
    subsource: str = "NONE"


@dataclass
class Function:
    """The math waveform; 0 as scale means that it fits itself."""

    display: bool = False
    operation: str = "ADD"
    source1: str = "CHAN1"
    source2: str = "CHAN2"
    range: float = 0.0
    offset: float = 0.0
    center: float = 5e5
    span: float = 1e6
    window: str = "HANN"
    vertical_type: str = "DEC"


@dataclass
class Measure:
    """Measurement settings; thresholds in percent or V."""

    source1: str = "CHAN1"
    source2: str = "CHAN2"
    statistics: str = "ON"
    show: bool = True
    threshold_mode: str = "PERC"
    lower: float = 10.0
    middle: float = 50.0
    upper: float = 90.0


@dataclass
class Settings:
    """Everything that ``*RST`` resets and ``*SAV`` saves."""

    channels: list[Channel] = field(
        default_factory=lambda: [
            Channel(display=number == 1, label=str(number))
            for number in range(1, datasheet.ANALOG_CHANNELS + 1)
        ]
    )
    digital: list[Digital] = field(
        default_factory=lambda: [
            Digital(label=f"D{number}") for number in range(datasheet.DIGITAL_CHANNELS)
        ]
    )
    pods: list[Pod] = field(default_factory=lambda: [Pod(), Pod()])
    timebase: Timebase = field(default_factory=Timebase)
    trigger: Trigger = field(default_factory=Trigger)
    acquire: Acquire = field(default_factory=Acquire)
    waveform: WaveformOutput = field(default_factory=WaveformOutput)
    function: Function = field(default_factory=Function)
    measure: Measure = field(default_factory=Measure)
    stored: dict[str, Any] = field(default_factory=dict)


def dump(settings: Settings) -> bytes:
    """Write settings as a setup block's content: printable, without line feeds."""
    return json.dumps(asdict(settings), separators=(",", ":")).encode("ascii")


def load(content: bytes) -> Settings:
    """Read what :func:`dump` wrote.

    Raises
    ------
    ScpiError
        -161 if it is anything else.
    """
    try:
        return _rebuild(Settings(), json.loads(content))
    except (ValueError, TypeError, KeyError) as error:
        raise ScpiError(syntax.INVALID_BLOCK_DATA) from error


def _rebuild(default: Any, value: Any) -> Any:  # noqa: ANN401  any dataclass of these
    """Fill a dataclass from a dict of the same shape and types."""
    if hasattr(default, "__dataclass_fields__"):
        names = {one.name for one in fields(default)}
        if set(value) != names:
            raise ValueError("other settings")
        return type(default)(
            **{name: _rebuild(getattr(default, name), value[name]) for name in names}
        )
    if isinstance(default, list):
        return [_rebuild(one, other) for one, other in zip(default, value, strict=True)]
    if isinstance(default, dict):
        return dict(value)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise TypeError("another type")
    return value


def trigger_level(settings: Settings, source: str) -> float:
    """Return the trigger level of a source in V; a digital one's is its threshold."""
    if source.startswith("DIG"):
        pod = int(source[3:]) // datasheet.POD_CHANNELS
        return settings.pods[pod].threshold
    return settings.trigger.levels.get(source, 0.0)
