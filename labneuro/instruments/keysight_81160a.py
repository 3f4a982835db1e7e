"""Driver of the Keysight (Agilent) 81160A pulse function arbitrary noise generator.

References
----------
Keysight, 81150A and 81160A User's Guide (p. 142 pulse period); PyMeasure 0.16,
``keysight81160A``, and its tests with the instrument, for limits and number formats.
Levels of the two-channel instrument into 50 ohm reach 5 V either way, of an open output
10 V. The number of points of an arbitrary waveform was not found for the 81160A: 131072
is kept to, well below the 524288 of the 81150A (PIEC).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labneuro.errors import InstrumentError
from labneuro.instruments.base import VisaInstrument

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_SCALE = 8191
"""The DAC value of the high level; that of the low level has the minus sign."""
POINTS = (2, 131_072)
"""Fewest and most points of an arbitrary waveform."""

_SWITCH = {True: 1, False: 0}
_SOURCE_RESISTANCE = 50.0
_ERROR = re.compile(r'^\s*([+-]?\d+)\s*,\s*"?(.*?)"?\s*$')
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,11}", re.ASCII)
_SHAPES = {
    "sine": "SIN",
    "square": "SQU",
    "ramp": "RAMP",
    "pulse": "PULS",
    "noise": "NOIS",
    "dc": "DC",
    "arbitrary": "USER",
}
_TRIGGERS = {
    "continuous": "IMM",
    "internal": "INT2",
    "external": "EXT",
    "manual": "MAN",
}


def _parse_error(reply: str) -> tuple[int, str]:
    """Split an error as the instrument sends it into code and message."""
    match = _ERROR.match(reply)
    if match is None:
        raise InstrumentError(f"{reply!r} is no answer to SYSTem:ERRor?")
    return int(match[1]), match[2]


def _upper(reply: str) -> str:
    """Write a name as the instrument keeps it."""
    return reply.strip().upper()


def _is_name(value: object, values: object) -> str:
    """Accept the name of a waveform: a letter, then 11 letters, digits, underscores."""
    if not (isinstance(value, str) and _NAME.fullmatch(value.upper())):
        raise ValueError(f"Value of {value!r} is no name of a waveform ({values})")
    return value


class Keysight81160AChannel(Channel):
    """One output, 1 or 2, with its complement.

    The limits of levels follow `load_resistance`: they are those into 50 ohm until it
    is set through this object.
    """

    shape = Channel.control(
        ":FUNC{ch}?",
        ":FUNC{ch} %s",
        """Control the waveform: ``"sine"``, ``"square"``, ``"ramp"``, ``"pulse"``,
        ``"noise"``, ``"dc"`` or ``"arbitrary"``.""",
        validator=strict_discrete_set,
        values=_SHAPES,
        map_values=True,
        cast=str,
    )

    waveform = Channel.control(
        ":FUNC{ch}:USER?",
        ":FUNC{ch}:USER %s",
        """Control the name of the arbitrary waveform, up to 12 characters.""",
        validator=_is_name,
        values="1 to 12 letters, digits, underscores",
        set_process=_upper,
        get_process=_upper,
        cast=str,
    )

    frequency = Channel.control(
        ":FREQ{ch}?",
        ":FREQ{ch} %.12g",
        """Control the repetition frequency in Hz, 1 uHz to 500 MHz.""",
        validator=strict_range,
        values=(1e-6, 500e6),
    )

    period = Channel.control(
        ":PULS:PER{ch}?",
        ":PULS:PER{ch} %.9g",
        """Control the period in s, 2 ns to 1e6; a single triggered pulse has none.""",
        validator=strict_range,
        values=(2e-9, 1e6),
    )

    amplitude = Channel.control(
        ":VOLT{ch}?",
        ":VOLT{ch} %.7g",
        """Control the peak-to-peak voltage in V, 50 mV to 5 V into 50 ohm.""",
        validator=strict_range,
        values=(0.05, 5.0),
        dynamic=True,
    )

    offset = Channel.control(
        ":VOLT{ch}:OFFS?",
        ":VOLT{ch}:OFFS %.7g",
        """Control the mean of high and low level in V, -5 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    high = Channel.control(
        ":VOLT{ch}:HIGH?",
        ":VOLT{ch}:HIGH %.7g",
        """Control the high level in V, -4.95 to 5 into 50 ohm.""",
        validator=strict_range,
        values=(-4.95, 5.0),
        dynamic=True,
    )

    low = Channel.control(
        ":VOLT{ch}:LOW?",
        ":VOLT{ch}:LOW %.7g",
        """Control the low level in V, -5 to 4.95 into 50 ohm.""",
        validator=strict_range,
        values=(-5.0, 4.95),
        dynamic=True,
    )

    amplitude_unit = Channel.control(
        ":VOLT{ch}:UNIT?",
        ":VOLT{ch}:UNIT %s",
        """Control the unit of amplitudes: ``"VPP"``, ``"VRMS"`` or ``"DBM"``.""",
        validator=strict_discrete_set,
        values=("VPP", "VRMS", "DBM"),
        cast=str,
    )

    high_limit = Channel.control(
        ":VOLT{ch}:LIM:HIGH?",
        ":VOLT{ch}:LIM:HIGH %.7g",
        """Control the highest level that may be set in V, -9.99 to 10.""",
        validator=strict_range,
        values=(-9.99, 10.0),
    )

    low_limit = Channel.control(
        ":VOLT{ch}:LIM:LOW?",
        ":VOLT{ch}:LIM:LOW %.7g",
        """Control the lowest level that may be set in V, -10 to 9.99.""",
        validator=strict_range,
        values=(-10.0, 9.99),
    )

    limits_enabled = Channel.control(
        ":VOLT{ch}:LIM:STAT?",
        ":VOLT{ch}:LIM:STAT %d",
        """Control whether the limits of the levels count.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    square_duty = Channel.control(
        ":FUNC{ch}:SQU:DCYC?",
        ":FUNC{ch}:SQU:DCYC %.9g",
        """Control the duty cycle of a square wave in %, 0.0001515 to 99.9998485.""",
        validator=strict_range,
        values=(0.0001515, 99.9998485),
    )

    ramp_symmetry = Channel.control(
        ":FUNC{ch}:RAMP:SYMM?",
        ":FUNC{ch}:RAMP:SYMM %.9g",
        """Control the share of the rise in a ramp in %, 0 to 100.""",
        validator=strict_range,
        values=(0.0, 100.0),
    )

    pulse_width = Channel.control(
        ":PULS:WIDT{ch}?",
        ":PULS:WIDT{ch} %.9g",
        """Control the time between the middles of a pulse's edges in s, 1.5 ns to
        1e6.""",
        validator=strict_range,
        values=(1.5e-9, 1e6),
    )

    pulse_duty = Channel.control(
        ":PULS:DCYC{ch}?",
        ":PULS:DCYC{ch} %.9g",
        """Control the duty cycle of a pulse in %, 0.15 to 99.99.""",
        validator=strict_range,
        values=(0.15, 99.99),
    )

    pulse_hold = Channel.control(
        ":PULS:HOLD{ch}?",
        ":PULS:HOLD{ch} %s",
        """Control what stays when the period changes: ``"width"`` or ``"duty"``.""",
        validator=strict_discrete_set,
        values={"width": "WIDT", "duty": "DCYC"},
        map_values=True,
        cast=str,
    )

    pulse_delay = Channel.control(
        ":PULS:DEL{ch}?",
        ":PULS:DEL{ch} %.9g",
        """Control the time from the trigger to the pulse in s, 0 to 1e6.""",
        validator=strict_range,
        values=(0.0, 1e6),
    )

    leading_edge = Channel.control(
        ":PULS:TRAN{ch}?",
        ":PULS:TRAN{ch} %.9g",
        """Control the leading edge, 10 % to 90 %, in s, 1 ns to 1000; the trailing
        edge follows until it is set itself.""",
        validator=strict_range,
        values=(1e-9, 1e3),
    )

    trailing_edge = Channel.control(
        ":PULS:TRAN{ch}:TRA?",
        ":PULS:TRAN{ch}:TRA %.9g",
        """Control the trailing edge, 90 % to 10 %, in s, 1 ns to 1000.""",
        validator=strict_range,
        values=(1e-9, 1e3),
    )

    trailing_follows = Channel.control(
        ":PULS:TRAN{ch}:TRA:AUTO?",
        ":PULS:TRAN{ch}:TRA:AUTO %d",
        """Control whether the trailing edge is as fast as the leading one.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    burst_enabled = Channel.control(
        ":BURS{ch}:STAT?",
        ":BURS{ch}:STAT %d",
        """Control whether a trigger starts several cycles; otherwise it starts one.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    burst_cycles = Channel.control(
        ":BURS{ch}:NCYC?",
        ":BURS{ch}:NCYC %d",
        """Control the cycles of a burst, 2 to 2 147 483 647.""",
        validator=strict_range,
        values=(2, 2_147_483_647),
        cast=int,
    )

    trigger_source = Channel.control(
        ":ARM:SOUR{ch}?",
        ":ARM:SOUR{ch} %s",
        """Control what starts the waveform: ``"continuous"`` (it runs by itself),
        ``"internal"`` (every `trigger_period`), ``"external"`` or ``"manual"``.""",
        validator=strict_discrete_set,
        values=_TRIGGERS,
        map_values=True,
        cast=str,
    )

    trigger_sense = Channel.control(
        ":ARM:SENS{ch}?",
        ":ARM:SENS{ch} %s",
        """Control whether an edge starts it (``"edge"``) or a level gates it
        (``"level"``).""",
        validator=strict_discrete_set,
        values={"edge": "EDGE", "level": "LEV"},
        map_values=True,
        cast=str,
    )

    trigger_period = Channel.control(
        ":ARM:PER{ch}?",
        ":ARM:PER{ch} %.9g",
        """Control the period of the internal trigger in s, 3.03 ns to 1e6.""",
        validator=strict_range,
        values=(3.03e-9, 1e6),
    )

    inverted = Channel.control(
        ":OUTP{ch}:POL?",
        ":OUTP{ch}:POL %s",
        """Control whether high and low level are exchanged.""",
        validator=strict_discrete_set,
        values={False: "NORM", True: "INV"},
        map_values=True,
        cast=str,
    )

    output_enabled = Channel.control(
        ":OUTP{ch}?",
        ":OUTP{ch} %d",
        """Control whether the output is connected.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    complement_enabled = Channel.control(
        ":OUTP{ch}:COMP?",
        ":OUTP{ch}:COMP %d",
        """Control whether the complementary output is connected.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    _load_setting = Channel.control(
        ":OUTP{ch}:LOAD?",
        ":OUTP{ch}:LOAD %.9g",
        """Control the load that levels are meant for in ohm, 0.3 to 1e6.""",
        validator=strict_range,
        values=(0.3, 1e6),
    )

    @property
    def load_resistance(self) -> float:
        """Control the load that levels are meant for in ohm, 0.3 to 1e6.

        The limits of all level settings follow it.
        """
        return float(self._load_setting)

    @load_resistance.setter
    def load_resistance(self, ohm: float) -> None:
        self._load_setting = ohm
        # 1 into 50 ohm, 2 into an open output: the divider of source and load.
        scale = 2.0 / (1.0 + _SOURCE_RESISTANCE / ohm)
        self.amplitude_values = (0.05 * scale, 5.0 * scale)
        self.offset_values = (-5.0 * scale, 5.0 * scale)
        self.high_values = (-4.95 * scale, 5.0 * scale)
        self.low_values = (-5.0 * scale, 4.95 * scale)

    @property
    def stored_waveforms(self) -> tuple[str, ...]:
        """Get the names of the waveforms in the non-volatile memory."""
        reply = str(self.ask(":DATA{ch}:NVOL:CAT?")).replace('"', "")
        return tuple(name.strip() for name in reply.split(",") if name.strip())

    def upload(self, codes: NDArray[np.integer[Any]]) -> None:
        """Write a waveform into the channel's volatile memory and choose it.

        Parameters
        ----------
        codes : ndarray of int, shape (points,)
            -8191 (low level) to 8191 (high level), 2 to 131072 points.

        Raises
        ------
        ValueError
            If there are too few or too many points or one is out of range.
        """
        if not POINTS[0] <= len(codes) <= POINTS[1]:
            raise ValueError(f"{len(codes)} points are not in range {POINTS}")
        if np.abs(codes).max() > FULL_SCALE:
            raise ValueError(f"a point is not in range [-{FULL_SCALE},{FULL_SCALE}]")
        content = codes.astype(">i2").tobytes()
        size = str(len(content))
        header = self.insert_id(f":DATA{{ch}}:DAC VOLATILE,#{len(size)}{size}")
        # The line feed ends the message where the connection has no END of its own.
        self.write_bytes(header.encode() + content + b"\n")
        self.waveform = "VOLATILE"

    def store_waveform(self, name: str) -> None:
        """Copy the volatile waveform to the non-volatile memory.

        Parameters
        ----------
        name : str
            A letter, then up to 11 letters, digits or underscores.
        """
        self.write(f":DATA{{ch}}:COPY {_upper(_is_name(name, 'a name'))},VOLATILE")

    def delete_waveform(self, name: str) -> None:
        """Delete a waveform from the non-volatile memory."""
        self.write(f":DATA{{ch}}:DEL {_upper(_is_name(name, 'a name'))}")


class Keysight81160A(VisaInstrument):
    """A Keysight 81160A with two outputs.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.
    """

    safe_messages = (":OUTP1 OFF", ":OUTP1:COMP OFF", ":OUTP2 OFF", ":OUTP2:COMP OFF")
    channels = Instrument.MultiChannelCreator(Keysight81160AChannel, [1, 2])

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str = "Keysight 81160A",
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        super().__init__(adapter, name, **connection)

    trigger_slope = Instrument.control(
        ":ARM:SLOP?",
        ":ARM:SLOP %s",
        """Control the edge of external triggers: ``"positive"``, ``"negative"`` or
        ``"either"``.""",
        validator=strict_discrete_set,
        values={"positive": "POS", "negative": "NEG", "either": "EITH"},
        map_values=True,
        cast=str,
    )

    trigger_level = Instrument.control(
        ":ARM:LEV?",
        ":ARM:LEV %.7g",
        """Control the threshold of the trigger input in V, -10 to 10.""",
        validator=strict_range,
        values=(-10.0, 10.0),
    )

    trigger_resistance = Instrument.control(
        ":ARM:IMP?",
        ":ARM:IMP %g",
        """Control the resistance of the trigger input in ohm: 50 or 10 000.""",
        validator=strict_discrete_set,
        values=(50.0, 10e3),
    )

    big_endian = Instrument.control(
        ":FORM:BORD?",
        ":FORM:BORD %s",
        """Control whether a block has the high byte of a point first.""",
        validator=strict_discrete_set,
        values={True: "NORM", False: "SWAP"},
        map_values=True,
        cast=str,
    )

    next_error = Instrument.measurement(
        ":SYST:ERR?",
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
        """Bring all settings to their defaults; outputs off, errors stay."""
        self.write("*RST")

    def trigger(self) -> None:
        """Trigger the channels whose source is ``"manual"``."""
        self.write("*TRG")
