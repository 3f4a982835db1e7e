"""Driver of the Keysight InfiniiVision 3000 X-Series oscilloscopes (3000A, 3000T).

References
----------
Keysight, InfiniiVision 3000T X-Series Oscilloscopes Programmer's Guide: chapters 6
(root commands), 14 (:DISPlay), 22 (:MEASure), 28 (:SYSTem) and 34 (:WAVeform); the
settings are in :mod:`labneuro.instruments.keysight_msox3000_settings`.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import (
    strict_discrete_set,
)

from labneuro.errors import InstrumentError
from labneuro.instruments.keysight_msox3000_settings import (
    ANALOG,
    Msox3000Settings,
    whole_number,
)
from labneuro.instruments.keysight_msox3000_waveforms import (
    Preamble,
    ScopeWaveform,
    scaled,
)

_SWITCH = {True: 1, False: 0}
_ERROR = re.compile(r'^\s*([+-]?\d+)\s*,\s*"?(.*?)"?\s*$')
_INVALID = 9.9e37
_RUN_BIT = 1 << 3  # operation status condition register
_SLOWEST = 1e6  # bytes/s that a transfer makes at the least
_WAVEFORMS = (*ANALOG, "POD1", "POD2", "BUS1", "BUS2", "FUNC", "WMEM1", "WMEM2")
MEASUREMENTS = {
    "amplitude": "VAMPlitude",
    "average": "VAVerage",
    "base": "VBASe",
    "duty_cycle": "DUTYcycle",
    "fall_time": "FALLtime",
    "frequency": "FREQuency",
    "maximum": "VMAX",
    "minimum": "VMIN",
    "negative_width": "NWIDth",
    "overshoot": "OVERshoot",
    "peak_to_peak": "VPP",
    "period": "PERiod",
    "positive_width": "PWIDth",
    "preshoot": "PREShoot",
    "rise_time": "RISetime",
    "top": "VTOP",
}
"""Measurements by name: volts, seconds, hertz or percent."""


def _parse_error(reply: str) -> tuple[int, str]:
    """Split an error as the instrument sends it into code and message."""
    match = _ERROR.match(reply)
    if match is None:
        raise InstrumentError(f"{reply!r} is no answer to :SYSTem:ERRor?")
    return int(match[1]), match[2]


class KeysightMSOX3000(Msox3000Settings):
    """A Keysight InfiniiVision 3000 X-Series oscilloscope with four channels.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.
    """

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str = "Keysight MSO-X 3000",
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        super().__init__(adapter, name, **connection)

    waveform_source = Instrument.control(
        ":WAVeform:SOURce?",
        ":WAVeform:SOURce %s",
        """Control which waveform is sent, such as ``"CHAN1"``.""",
        validator=strict_discrete_set,
        values=_WAVEFORMS,
        cast=str,
    )

    waveform_points_mode = Instrument.control(
        ":WAVeform:POINts:MODE?",
        ":WAVeform:POINts:MODE %s",
        """Control which record is sent: ``"normal"``, ``"maximum"`` or ``"raw"``.""",
        validator=strict_discrete_set,
        values={"normal": "NORM", "maximum": "MAX", "raw": "RAW"},
        map_values=True,
        cast=str,
    )

    waveform_points = Instrument.control(
        ":WAVeform:POINts?",
        ":WAVeform:POINts %d",
        """Control the points of a transfer, at least 100; reads what will be sent.""",
        validator=whole_number,
        values=(100, 8_000_000),
        cast=int,
    )

    preamble = Instrument.measurement(
        ":WAVeform:PREamble?",
        """Get how codes become volts and seconds, a `Preamble`.""",
        cast=str,
        maxsplit=0,
        get_process=Preamble.read,
    )

    status_condition = Instrument.measurement(
        ":OPERegister:CONDition?",
        """Get the operation status condition register.""",
        cast=int,
    )

    trigger_event = Instrument.measurement(
        ":TER?",
        """Get whether a trigger has come since this was last read.""",
        values=_SWITCH,
        map_values=True,
    )

    armed_event = Instrument.measurement(
        ":AER?",
        """Get whether the trigger was armed since this was last read.""",
        values=_SWITCH,
        map_values=True,
    )

    next_error = Instrument.measurement(
        ":SYSTem:ERRor?",
        """Get the oldest error as code and message and take it from the queue; code 0
        means that the queue is empty.""",
        cast=str,
        maxsplit=0,
        get_process=_parse_error,
    )

    @property
    def is_running(self) -> bool:
        """Get whether the oscilloscope acquires or waits for a trigger."""
        return bool(self.status_condition & _RUN_BIT)

    def clear_errors(self) -> None:
        """Empty the error queue and clear the status registers."""
        self.clear()

    def reset(self) -> None:
        """Bring all settings to their defaults."""
        self.write("*RST")

    def run(self) -> None:
        """Acquire again and again."""
        self.write(":RUN")

    def stop(self) -> None:
        """Stop acquiring."""
        self.write(":STOP")

    def single(self) -> None:
        """Acquire once; does not wait for it."""
        self.write(":SINGle")

    def digitize(self, *sources: str) -> None:
        """Acquire once; the next query's answer comes when that is done.

        Parameters
        ----------
        *sources : str
            Such as ``"CHAN1"``; what is shown if none is given.
        """
        named = ",".join(strict_discrete_set(source, _WAVEFORMS) for source in sources)
        self.write(f":DIGitize {named}".rstrip())

    def force_trigger(self) -> None:
        """Trigger now."""
        self.write(":TRIGger:FORCe")

    def autoscale(self) -> None:
        """Find signals and scales."""
        self.write(":AUToscale")

    def measure(self, name: str, source: str) -> float:
        """Measure on what the screen shows.

        Parameters
        ----------
        name : str
            One of `MEASUREMENTS`.
        source : str
            Such as ``"CHAN1"``.

        Returns
        -------
        float
            In V, s, Hz or percent; NaN where the measurement cannot be made.
        """
        header = MEASUREMENTS[strict_discrete_set(name, MEASUREMENTS)]
        source = strict_discrete_set(source, _WAVEFORMS)
        value = float(self.ask(f":MEASure:{header}? {source}"))
        return float("nan") if value >= _INVALID else value

    def waveform(self, source: str, points: int | None = None) -> ScopeWaveform:
        """Fetch a channel as it was acquired.

        Parameters
        ----------
        source : str
            ``"CHAN1"`` to ``"CHAN4"``.
        points : int, optional
            Most points to fetch, evenly spaced; all if not given.

        Raises
        ------
        InstrumentError
            If nothing was acquired or the transfer is wrong.
        """
        self.waveform_source = strict_discrete_set(source, ANALOG)
        self.write(":WAVeform:FORMat BYTE;UNSigned 1")
        if points is None:
            self.write(":WAVeform:POINts MAXimum")
        else:
            self.waveform_points_mode = "raw"
            self.waveform_points = points
        scale = self.preamble
        if not scale.points:
            raise InstrumentError(f"{self.name}: {source} has no acquired points")
        with self.patience(scale.points / _SLOWEST):
            codes = np.frombuffer(self.ask_block(":WAVeform:DATA?"), dtype=np.uint8)
        if codes.size != scale.points:
            raise InstrumentError(
                f"{self.name}: {source} sent {codes.size} of {scale.points} points"
            )
        return scaled(codes, scale)

    def ask_block(self, query: str) -> bytes:
        """Send a query and read the block that answers it.

        Raises
        ------
        InstrumentError
            If the answer is no block of definite length.
        """
        self.write(query)
        start = self.read_bytes(2)
        if start[:1] != b"#" or not start[1:].isdigit() or start == b"#0":
            raise InstrumentError(f"{self.name}: {start!r} begins no block")
        digits = self.read_bytes(int(start[1:]))
        if not digits.isdigit():
            raise InstrumentError(f"{self.name}: {digits!r} is no block length")
        # The line feed that ends the message is read with it.
        return self.read_bytes(int(digits) + 1)[:-1]

    def screenshot(self, kind: str = "PNG") -> bytes:
        """Return the picture of the screen as a file's content.

        Parameters
        ----------
        kind : str
            ``"PNG"`` or ``"BMP"``.
        """
        kind = strict_discrete_set(kind, ("PNG", "BMP"))
        return self.ask_block(f":DISPlay:DATA? {kind},COLor")

    @property
    def setup(self) -> bytes:
        """Control all settings as a block that only the instrument understands."""
        return self.ask_block(":SYSTem:SETup?")

    @setup.setter
    def setup(self, content: bytes) -> None:
        self.write_bytes(b":SYSTem:SETup #8%08d%s\n" % (len(content), content))
