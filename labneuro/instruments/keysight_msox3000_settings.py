"""Settings of the Keysight InfiniiVision 3000 X-Series oscilloscopes (3000A, 3000T).

References
----------
Keysight, InfiniiVision 3000T X-Series Oscilloscopes Programmer's Guide: chapters 8
(:ACQuire), 12 (:CHANnel<n>), 29 (:TIMebase) and 31 (:TRIGger). Limits are those of the
MSO-X 3104T.
"""

from __future__ import annotations

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import (
    strict_discrete_set,
    strict_range,
)

from labneuro.instruments.base import VisaInstrument

ANALOG = ("CHAN1", "CHAN2", "CHAN3", "CHAN4")
"""Analog channels as sources."""
DIGITAL = tuple(f"DIG{number}" for number in range(16))
"""Digital channels as sources."""
_SWITCH = {True: 1, False: 0}


def whole_number(value: float, values: tuple[int, int]) -> int:
    """Return a whole number within bounds.

    Raises
    ------
    ValueError
        If it is none.
    """
    value = strict_range(value, values)
    if value != int(value):
        raise ValueError(f"Value of {value:g} is not a whole number")
    return int(value)


def _label(value: object, longest: int) -> str:
    """Let a label pass that the instrument can show.

    Raises
    ------
    ValueError
        If it is too long, holds a quotation mark or is no text.
    """
    if not isinstance(value, str) or len(value) > longest or '"' in value:
        raise ValueError(
            f"{value!r} is no label: at most {longest} characters, no quotation mark"
        )
    return value


class KeysightMSOX3000Channel(Channel):
    """One analog channel, 1 to 4."""

    display_enabled = Channel.control(
        ":CHANnel{ch}:DISPlay?",
        ":CHANnel{ch}:DISPlay %d",
        """Control whether the channel is acquired and shown.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    range = Channel.control(
        ":CHANnel{ch}:RANGe?",
        ":CHANnel{ch}:RANGe %.8g",
        """Control the height of the screen in V, 8 uV to 400 kV with any probe; the
        instrument checks it against the probe's attenuation.""",
        validator=strict_range,
        values=(8e-6, 400e3),
    )

    offset = Channel.control(
        ":CHANnel{ch}:OFFSet?",
        ":CHANnel{ch}:OFFSet %.8g",
        """Control the voltage at the screen's centre in V, at most 400 kV of either
        sign; the instrument takes the nearest one that it can.""",
        validator=strict_range,
        values=(-400e3, 400e3),
    )

    coupling = Channel.control(
        ":CHANnel{ch}:COUPling?",
        ":CHANnel{ch}:COUPling %s",
        """Control the input coupling, ``"AC"`` or ``"DC"``.""",
        validator=strict_discrete_set,
        values=("AC", "DC"),
        cast=str,
    )

    input_resistance = Channel.control(
        ":CHANnel{ch}:IMPedance?",
        ":CHANnel{ch}:IMPedance %s",
        """Control the input resistance in ohm, 50 or 1e6.""",
        validator=strict_discrete_set,
        values={50.0: "FIFT", 1e6: "ONEM"},
        map_values=True,
        cast=str,
    )

    bandwidth_limited = Channel.control(
        ":CHANnel{ch}:BWLimit?",
        ":CHANnel{ch}:BWLimit %d",
        """Control whether the bandwidth is limited to 20 MHz.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    inverted = Channel.control(
        ":CHANnel{ch}:INVert?",
        ":CHANnel{ch}:INVert %d",
        """Control whether the voltage is shown with the other sign.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    probe_attenuation = Channel.control(
        ":CHANnel{ch}:PROBe?",
        ":CHANnel{ch}:PROBe %.8g",
        """Control the probe's attenuation that the oscilloscope corrects for, 0.001 to
        10 000; range and offset follow it.""",
        validator=strict_range,
        values=(1e-3, 10e3),
    )

    skew = Channel.control(
        ":CHANnel{ch}:PROBe:SKEW?",
        ":CHANnel{ch}:PROBe:SKEW %.8g",
        """Control the delay that is corrected, in s, -100 to 100 ns.""",
        validator=strict_range,
        values=(-100e-9, 100e-9),
    )

    label = Channel.control(
        ":CHANnel{ch}:LABel?",
        ':CHANnel{ch}:LABel "%s"',
        """Control the channel's label, at most 10 characters.""",
        validator=_label,
        values=10,
        cast=str,
        maxsplit=0,
        get_process=lambda reply: reply.strip().strip('"'),
    )


class Msox3000Settings(VisaInstrument):
    """Channels, time base, acquisition and trigger of a 3000 X-Series oscilloscope."""

    channels = Instrument.MultiChannelCreator(KeysightMSOX3000Channel, [1, 2, 3, 4])

    time_range = Instrument.control(
        ":TIMebase:RANGe?",
        ":TIMebase:RANGe %.10g",
        """Control the length of the screen in s, 5 ns to 500 s.""",
        validator=strict_range,
        values=(5e-9, 500.0),
    )

    time_position = Instrument.control(
        ":TIMebase:POSition?",
        ":TIMebase:POSition %.10g",
        """Control the time from the trigger to the time reference, -500 to 500 s.""",
        validator=strict_range,
        values=(-500.0, 500.0),
    )

    time_reference = Instrument.control(
        ":TIMebase:REFerence?",
        ":TIMebase:REFerence %s",
        """Control where the time reference is: ``"left"`` (one division from the edge),
        ``"center"`` or ``"right"``.""",
        validator=strict_discrete_set,
        values={"left": "LEFT", "center": "CENT", "right": "RIGH"},
        map_values=True,
        cast=str,
    )

    time_mode = Instrument.control(
        ":TIMebase:MODE?",
        ":TIMebase:MODE %s",
        """Control the time mode: ``"main"``, ``"window"``, ``"xy"`` or ``"roll"``.""",
        validator=strict_discrete_set,
        values={"main": "MAIN", "window": "WIND", "xy": "XY", "roll": "ROLL"},
        map_values=True,
        cast=str,
    )

    acquisition_type = Instrument.control(
        ":ACQuire:TYPE?",
        ":ACQuire:TYPE %s",
        """Control how samples become points: ``"normal"``, ``"average"``,
        ``"high_resolution"`` or ``"peak"``.""",
        validator=strict_discrete_set,
        values={
            "normal": "NORM",
            "average": "AVER",
            "high_resolution": "HRES",
            "peak": "PEAK",
        },
        map_values=True,
        cast=str,
    )

    average_count = Instrument.control(
        ":ACQuire:COUNt?",
        ":ACQuire:COUNt %d",
        """Control how many acquisitions are averaged, 2 to 65536.""",
        validator=whole_number,
        values=(2, 65536),
        cast=int,
    )

    segmented = Instrument.control(
        ":ACQuire:MODE?",
        ":ACQuire:MODE %s",
        """Control whether the memory is divided into segments, one a trigger.""",
        validator=strict_discrete_set,
        values={False: "RTIM", True: "SEGM"},
        map_values=True,
        cast=str,
    )

    segment_count = Instrument.control(
        ":ACQuire:SEGMented:COUNt?",
        ":ACQuire:SEGMented:COUNt %d",
        """Control the number of segments, 2 to 1000.""",
        validator=whole_number,
        values=(2, 1000),
        cast=int,
    )

    segment = Instrument.control(
        ":ACQuire:SEGMented:INDex?",
        ":ACQuire:SEGMented:INDex %d",
        """Control the segment that is shown and sent, from 1.""",
        validator=whole_number,
        values=(1, 1000),
        cast=int,
    )

    sample_rate = Instrument.measurement(
        ":ACQuire:SRATe?", """Get the sample rate in samples/s."""
    )

    acquired_points = Instrument.measurement(
        ":ACQuire:POINts?", """Get the points of the last acquisition.""", cast=int
    )

    trigger_mode = Instrument.control(
        ":TRIGger:MODE?",
        ":TRIGger:MODE %s",
        """Control what triggers: ``"edge"`` or ``"pulse_width"``.""",
        validator=strict_discrete_set,
        values={"edge": "EDGE", "pulse_width": "GLIT"},
        map_values=True,
        cast=str,
    )

    trigger_sweep = Instrument.control(
        ":TRIGger:SWEep?",
        ":TRIGger:SWEep %s",
        """Control whether the oscilloscope triggers by itself after a while
        (``"auto"``) or waits (``"normal"``).""",
        validator=strict_discrete_set,
        values={"auto": "AUTO", "normal": "NORM"},
        map_values=True,
        cast=str,
    )

    trigger_holdoff = Instrument.control(
        ":TRIGger:HOLDoff?",
        ":TRIGger:HOLDoff %.8g",
        """Control the time from a trigger to the next one in s, 40 ns to 10 s.""",
        validator=strict_range,
        values=(40e-9, 10.0),
    )

    trigger_source = Instrument.control(
        ":TRIGger:EDGE:SOURce?",
        ":TRIGger:EDGE:SOURce %s",
        """Control the source of the edge trigger: ``"CHAN1"`` ..., ``"DIG0"`` ...,
        ``"EXT"`` or ``"LINE"``.""",
        validator=strict_discrete_set,
        values=(*ANALOG, *DIGITAL, "EXT", "LINE"),
        cast=str,
    )

    trigger_slope = Instrument.control(
        ":TRIGger:EDGE:SLOPe?",
        ":TRIGger:EDGE:SLOPe %s",
        """Control the edge: ``"positive"``, ``"negative"`` or ``"either"``.""",
        validator=strict_discrete_set,
        values={"positive": "POS", "negative": "NEG", "either": "EITH"},
        map_values=True,
        cast=str,
    )

    trigger_level = Instrument.control(
        ":TRIGger:EDGE:LEVel?",
        ":TRIGger:EDGE:LEVel %.8g",
        """Control the level of the present source in V, at most 400 kV of either sign;
        the instrument refuses one that is far off the screen.""",
        validator=strict_range,
        values=(-400e3, 400e3),
    )

    trigger_coupling = Instrument.control(
        ":TRIGger:EDGE:COUPling?",
        ":TRIGger:EDGE:COUPling %s",
        """Control the trigger's coupling: ``"AC"``, ``"DC"`` or ``"LFR"``.""",
        validator=strict_discrete_set,
        values=("AC", "DC", "LFR"),
        cast=str,
    )

    pulse_source = Instrument.control(
        ":TRIGger:GLITch:SOURce?",
        ":TRIGger:GLITch:SOURce %s",
        """Control the source of the pulse-width trigger.""",
        validator=strict_discrete_set,
        values=(*ANALOG, *DIGITAL),
        cast=str,
    )

    pulse_polarity = Instrument.control(
        ":TRIGger:GLITch:POLarity?",
        ":TRIGger:GLITch:POLarity %s",
        """Control the polarity of the pulses: ``"positive"`` or ``"negative"``.""",
        validator=strict_discrete_set,
        values={"positive": "POS", "negative": "NEG"},
        map_values=True,
        cast=str,
    )

    pulse_qualifier = Instrument.control(
        ":TRIGger:GLITch:QUALifier?",
        ":TRIGger:GLITch:QUALifier %s",
        """Control which widths count: ``"less"``, ``"greater"`` or ``"range"``.""",
        validator=strict_discrete_set,
        values={"less": "LESS", "greater": "GRE", "range": "RANG"},
        map_values=True,
        cast=str,
    )

    pulse_less_than = Instrument.control(
        ":TRIGger:GLITch:LESSthan?",
        ":TRIGger:GLITch:LESSthan %.8g",
        """Control the width below which pulses count, in s, 2 ns to 10 s.""",
        validator=strict_range,
        values=(2e-9, 10.0),
    )

    pulse_greater_than = Instrument.control(
        ":TRIGger:GLITch:GREaterthan?",
        ":TRIGger:GLITch:GREaterthan %.8g",
        """Control the width above which pulses count, in s, 2 ns to 10 s.""",
        validator=strict_range,
        values=(2e-9, 10.0),
    )
