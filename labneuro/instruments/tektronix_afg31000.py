"""Driver of the Tektronix AFG31000 arbitrary function generators.

References
----------
Tektronix AFG31000 Series Programmer Manual (command names as in the AFG3000C Series);
tm_devices, driver AFG31K, for amplitude and offset limits. The limits are those of the
models with 10 Vpp into 50 ohm; the 150 and 250 MHz models have half of them and report
an error themselves. Limits of the pulse settings depend on model and firmware and are
not traced here, so the driver has none of them: pulses are played as waveforms.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import (
    joined_validators,
    strict_discrete_set,
    strict_range,
)

from labneuro.errors import InstrumentError
from labneuro.instruments.base import VisaInstrument

if TYPE_CHECKING:
    from labneuro.instruments.arbitrary_waveform import SampledWaveform

_SWITCH = {True: 1, False: 0}
_INFINITY = 9.9e37
_SOURCE_RESISTANCE = 50.0
_ERROR = re.compile(r'^\s*([+-]?\d+)\s*,\s*"?(.*?)"?\s*$')
_SHAPES = {
    "sine": "SIN",
    "square": "SQU",
    "pulse": "PULS",
    "ramp": "RAMP",
    "noise": "PRN",
    "dc": "DC",
    "edit_memory": "EMEM{ch}",
}
_number_or_infinity = joined_validators(strict_discrete_set, strict_range)


def _number(value: float) -> float:
    """Read the number that stands for infinity as infinity."""
    return math.inf if abs(value) >= _INFINITY else value


def _written(value: float) -> str:
    """Write a number, or the word for infinity."""
    return "INFinity" if math.isinf(value) else f"{value:.10g}"


def _shape_name(reply: str) -> str:
    """Name a shape from its short form; every edit memory is ``"edit_memory"``."""
    short = reply.strip().upper()
    for name, code in _SHAPES.items():
        if short.startswith(code.partition("{")[0]):
            return name
    return short


def _parse_error(reply: str) -> tuple[int, str]:
    """Split an error as the instrument sends it into code and message."""
    match = _ERROR.match(reply)
    if match is None:
        raise InstrumentError(f"{reply!r} is no answer to SYSTem:ERRor?")
    return int(match[1]), match[2]


class TektronixAFG31000Channel(Channel):
    """One output, 1 or 2.

    The limits of levels follow `load_resistance`: they are those into 50 ohm until it
    is set through this object.
    """

    shape = Channel.control(
        "SOURce{ch}:FUNCtion:SHAPe?",
        "SOURce{ch}:FUNCtion:SHAPe %s",
        """Control the waveform: ``"sine"``, ``"square"``, ``"pulse"``, ``"ramp"``,
        ``"noise"``, ``"dc"`` or ``"edit_memory"`` (the channel's own).""",
        validator=strict_discrete_set,
        values=tuple(_SHAPES),
        set_process=_SHAPES.get,
        get_process=_shape_name,
        cast=str,
    )

    frequency = Channel.control(
        "SOURce{ch}:FREQuency:FIXed?",
        "SOURce{ch}:FREQuency:FIXed %.12g",
        """Control the repetition frequency in Hz, 1 uHz to 250 MHz.""",
        validator=strict_range,
        values=(1e-6, 250e6),
    )

    amplitude = Channel.control(
        "SOURce{ch}:VOLTage:LEVel:IMMediate:AMPLitude?",
        "SOURce{ch}:VOLTage:LEVel:IMMediate:AMPLitude %.7g",
        """Control the peak-to-peak voltage in V, 1 mV to 10 V into 50 ohm.""",
        validator=strict_range,
        values=(1e-3, 10.0),
        dynamic=True,
    )

    offset = Channel.control(
        "SOURce{ch}:VOLTage:LEVel:IMMediate:OFFSet?",
        "SOURce{ch}:VOLTage:LEVel:IMMediate:OFFSet %.7g",
        """Control the mean of high and low level in V, -5 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    high = Channel.control(
        "SOURce{ch}:VOLTage:LEVel:IMMediate:HIGH?",
        "SOURce{ch}:VOLTage:LEVel:IMMediate:HIGH %.7g",
        """Control the high level in V, -5 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    low = Channel.control(
        "SOURce{ch}:VOLTage:LEVel:IMMediate:LOW?",
        "SOURce{ch}:VOLTage:LEVel:IMMediate:LOW %.7g",
        """Control the low level in V, -5 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    high_limit = Channel.control(
        "SOURce{ch}:VOLTage:LIMit:HIGH?",
        "SOURce{ch}:VOLTage:LIMit:HIGH %.7g",
        """Control the highest level that may be set in V, -5 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    low_limit = Channel.control(
        "SOURce{ch}:VOLTage:LIMit:LOW?",
        "SOURce{ch}:VOLTage:LIMit:LOW %.7g",
        """Control the lowest level that may be set in V, -5 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    amplitude_unit = Channel.control(
        "SOURce{ch}:VOLTage:UNIT?",
        "SOURce{ch}:VOLTage:UNIT %s",
        """Control the unit of amplitudes: ``"VPP"``, ``"VRMS"`` or ``"DBM"``.""",
        validator=strict_discrete_set,
        values=("VPP", "VRMS", "DBM"),
        cast=str,
    )

    burst_enabled = Channel.control(
        "SOURce{ch}:BURSt:STATe?",
        "SOURce{ch}:BURSt:STATe %d",
        """Control whether a trigger plays a burst; otherwise the output runs on.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    burst_mode = Channel.control(
        "SOURce{ch}:BURSt:MODE?",
        "SOURce{ch}:BURSt:MODE %s",
        """Control what starts and ends a burst: ``"triggered"`` or ``"gated"``.""",
        validator=strict_discrete_set,
        values={"triggered": "TRIG", "gated": "GAT"},
        map_values=True,
        cast=str,
    )

    burst_cycles = Channel.control(
        "SOURce{ch}:BURSt:NCYCles?",
        "SOURce{ch}:BURSt:NCYCles %s",
        """Control how often a burst repeats the waveform, 1 to 1 000 000 or inf.""",
        validator=_number_or_infinity,
        values=((math.inf,), (1, 1_000_000)),
        set_process=_written,
        get_process=_number,
    )

    burst_delay = Channel.control(
        "SOURce{ch}:BURSt:TDELay?",
        "SOURce{ch}:BURSt:TDELay %.10g",
        """Control the time from trigger to burst in s, 0 to 85.""",
        validator=strict_range,
        values=(0.0, 85.0),
    )

    inverted = Channel.control(
        "OUTPut{ch}:POLarity?",
        "OUTPut{ch}:POLarity %s",
        """Control whether the output is inverted.""",
        validator=strict_discrete_set,
        values={False: "NORM", True: "INV"},
        map_values=True,
        cast=str,
    )

    output_enabled = Channel.control(
        "OUTPut{ch}:STATe?",
        "OUTPut{ch}:STATe %d",
        """Control whether the output is connected.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    _load_setting = Channel.control(
        "OUTPut{ch}:IMPedance?",
        "OUTPut{ch}:IMPedance %s",
        """Control the load that levels are meant for in ohm, 1 to 10 000 or inf.""",
        validator=_number_or_infinity,
        values=((math.inf,), (1.0, 10e3)),
        set_process=_written,
        get_process=_number,
    )

    @property
    def load_resistance(self) -> float:
        """Control the load that levels are meant for in ohm, 1 to 10 000 or inf.

        The limits of all level settings follow it.
        """
        return float(self._load_setting)

    @load_resistance.setter
    def load_resistance(self, ohm: float) -> None:
        self._load_setting = ohm
        # 1 into 50 ohm, 2 into an open output: the divider of source and load.
        scale = 2.0 / (1.0 + _SOURCE_RESISTANCE / ohm)
        level = (-5.0 * scale, 5.0 * scale)
        self.amplitude_values = (1e-3 * scale, 10.0 * scale)
        self.offset_values = self.high_values = self.low_values = level
        self.high_limit_values = self.low_limit_values = level

    def release_limits(self) -> None:
        """Set the limits of high and low level as wide as the instrument has them."""
        self.write("SOURce{ch}:VOLTage:LIMit:HIGH MAXimum")
        self.write("SOURce{ch}:VOLTage:LIMit:LOW MINimum")

    def upload(self, points: SampledWaveform) -> None:
        """Write points into the channel's edit memory.

        Parameters
        ----------
        points : SampledWaveform
            2 to 131072 points.
        """
        command = self.insert_id("DATA:DATA EMEMory{ch},").encode()
        # The line feed ends the message where the connection has no END of its own.
        self.write_bytes(command + points.block + b"\n")


class TektronixAFG31000(VisaInstrument):
    """A Tektronix AFG31000 with two outputs.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.
    """

    safe_messages = ("OUTPut1:STATe OFF", "OUTPut2:STATe OFF", "ABORt")
    channels = Instrument.MultiChannelCreator(TektronixAFG31000Channel, [1, 2])

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str = "Tektronix AFG31000",
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        super().__init__(adapter, name, **connection)

    trigger_source = Instrument.control(
        "TRIGger:SEQuence:SOURce?",
        "TRIGger:SEQuence:SOURce %s",
        """Control what triggers bursts: ``"external"`` or ``"timer"``.""",
        validator=strict_discrete_set,
        values={"external": "EXT", "timer": "TIM"},
        map_values=True,
        cast=str,
    )

    trigger_slope = Instrument.control(
        "TRIGger:SEQuence:SLOPe?",
        "TRIGger:SEQuence:SLOPe %s",
        """Control the edge of external triggers: ``"positive"`` or ``"negative"``.""",
        validator=strict_discrete_set,
        values={"positive": "POS", "negative": "NEG"},
        map_values=True,
        cast=str,
    )

    trigger_interval = Instrument.control(
        "TRIGger:SEQuence:TIMer?",
        "TRIGger:SEQuence:TIMer %.10g",
        """Control the period of the trigger timer in s, 1 us to 500 s.""",
        validator=strict_range,
        values=(1e-6, 500.0),
    )

    next_error = Instrument.measurement(
        "SYSTem:ERRor:NEXT?",
        """Get the oldest error as code and message and take it from the queue; code 0
        means that the queue is empty.""",
        cast=str,
        maxsplit=0,
        get_process=_parse_error,
    )

    def clear_errors(self) -> None:
        """Empty the error queue; clears the status registers, too."""
        self.write("*CLS")

    def reset(self) -> None:
        """Bring all settings to their defaults; outputs off."""
        self.write("*RST")

    def trigger(self) -> None:
        """Trigger a burst as the external input would."""
        self.write("*TRG")

    def abort(self) -> None:
        """Reset the trigger system."""
        self.write("ABORt")
