"""Driver of the Agilent (Keysight) B1500A semiconductor device analyzer.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, chapter 4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labneuro.errors import InstrumentError
from labneuro.instruments.base import VisaInstrument

if TYPE_CHECKING:
    from collections.abc import Iterable

SLOTS = 10
LARGEST_VOLTAGE = 200.0
"""In V: that of the HPSMU; smaller modules refuse it themselves."""
LARGEST_CURRENT = 1.0
"""In A: that of the HPSMU."""
LONGEST_MESSAGE = 200
"""Characters; the instrument's input buffer holds 256."""

# Code and full scale in V of the voltage ranges, in A of the current ranges.
_VOLTAGE_RANGES = (
    (5, 0.5),
    (20, 2.0),
    (50, 5.0),
    (200, 20.0),
    (400, 40.0),
    (1000, 100.0),
    (2000, 200.0),
)
_CURRENT_RANGES = tuple((code, float(f"1e{code - 20}")) for code in range(9, 21))
_ROUNDING = 1.0 + 1e-9


def voltage_range(voltage: float) -> int:
    """Return the code of the lowest voltage range that holds a voltage in V.

    Examples
    --------
    >>> voltage_range(-3.0), voltage_range(20.0)
    (50, 200)
    """
    return _lowest(_VOLTAGE_RANGES, voltage, "V")


def current_range(current: float) -> int:
    """Return the code of the lowest current range that holds a current in A.

    Examples
    --------
    >>> current_range(1e-6), current_range(-2e-6)
    (14, 15)
    """
    return _lowest(_CURRENT_RANGES, current, "A")


def _lowest(ranges: tuple[tuple[int, float], ...], value: float, unit: str) -> int:
    for code, extent in ranges:
        if abs(value) <= extent * _ROUNDING:
            return code
    raise ValueError(f"{value!r} {unit} is beyond the largest range of a B1500A")


def messages(commands: Iterable[str]) -> list[str]:
    """Join commands to as few messages as the instrument's input buffer allows.

    Examples
    --------
    >>> messages(["CN 1", "DV 1,0,1"])
    ['CN 1;DV 1,0,1']
    """
    joined: list[str] = []
    for command in commands:
        if joined and len(joined[-1]) + 1 + len(command) <= LONGEST_MESSAGE:
            joined[-1] += f";{command}"
        else:
            joined.append(command)
    return joined


def _parse_error(reply: str) -> tuple[int, str]:
    """Split what ``ERRX?`` answers into code and message."""
    match = re.match(r'\s*([+-]?\d+)\s*,\s*"(.*)"\s*\Z', reply)
    if match is None:
        raise InstrumentError(f"{reply!r} is no answer to ERRX?")
    return int(match[1]), match[2]


def _parse_modules(reply: str) -> dict[int, str]:
    """Return the module in each slot that has one, from the answer to ``UNT? 0``."""
    models = [entry.partition(",")[0] for entry in reply.strip().split(";")]
    return {slot: model for slot, model in enumerate(models, 1) if model != "0"}


class B1500ASmu(Channel):
    """One source/monitor unit; its number is that of its slot."""

    def _learned(self, kind: int, header: str) -> str:
        """Return the numbers after `header` and the channel in the learn answer."""
        reply = self.ask(f"*LRN? {kind}")
        match = re.search(rf"(?:\A|;)\s*{header}\s*{self.id},([^;]+)", reply)
        if match is None:
            raise InstrumentError(
                f"{self.parent.name}: {reply!r} does not tell {header} of {self.id}"
            )
        return match[1].strip()

    @property
    def output_enabled(self) -> bool:
        """Control the output switch; switching on begins at 0 V and 100 uA."""
        reply = self.ask("*LRN? 0")
        return str(self.id) in reply.strip().removeprefix("CN").split(",")

    @output_enabled.setter
    def output_enabled(self, state: bool) -> None:
        strict_discrete_set(state, (True, False))
        self.write(f"CN {self.id}" if state else f"CL {self.id}")

    @property
    def state(self) -> str:
        """Get the present source as the command that sets it, or ``"CL"`` and slot."""
        return str(self.ask(f"*LRN? {self.id}")).strip()

    @property
    def filter_enabled(self) -> bool:
        """Control the output filter of the SMU."""
        for part in self.ask("*LRN? 30").strip().split(";"):
            state, *channels = part.removeprefix("FL").split(",")
            if not channels or str(self.id) in channels:
                return bool(int(state))
        raise InstrumentError(f"{self.parent.name}: *LRN? 30 lacks channel {self.id}")

    @filter_enabled.setter
    def filter_enabled(self, state: bool) -> None:
        self.write(f"FL {int(strict_discrete_set(state, (True, False)))},{self.id}")

    @property
    def series_resistor_enabled(self) -> bool:
        """Control the series resistor of 1 Mohm."""
        return bool(int(self._learned(53, "SSR")))

    @series_resistor_enabled.setter
    def series_resistor_enabled(self, state: bool) -> None:
        self.write(f"SSR {self.id},{int(strict_discrete_set(state, (True, False)))}")

    @property
    def converter(self) -> int:
        """Control the A/D converter: 0 high-speed, 1 high-resolution."""
        return int(self._learned(55, "AAD"))

    @converter.setter
    def converter(self, value: int) -> None:
        self.write(f"AAD {self.id},{strict_discrete_set(value, (0, 1))}")

    @property
    def operation(self) -> int:
        """Control what is measured: 0 compliance side, 1 I, 2 V, 3 force side, 4 both.

        It counts in the measurements that ``MM`` names, not in spot measurements.
        """
        return int(self._learned(46, "CMM"))

    @operation.setter
    def operation(self, value: int) -> None:
        self.write(f"CMM {self.id},{strict_discrete_set(value, (0, 1, 2, 3, 4))}")

    @property
    def current_ranging(self) -> int:
        """Control the current range's code: 0 auto, above at least, below fixed."""
        return int(self._learned(32, "RI"))

    @current_ranging.setter
    def current_ranging(self, code: int) -> None:
        known = {0, *(one for one, _ in _CURRENT_RANGES)}
        strict_discrete_set(abs(code), sorted(known))
        self.write(f"RI {self.id},{code}")

    @property
    def voltage_ranging(self) -> int:
        """Control the voltage range's code: 0 auto, above at least, below fixed."""
        return int(self._learned(32, "RV"))

    @voltage_ranging.setter
    def voltage_ranging(self, code: int) -> None:
        known = {0, *(one for one, _ in _VOLTAGE_RANGES)}
        strict_discrete_set(abs(code), sorted(known))
        self.write(f"RV {self.id},{code}")

    def force_voltage(
        self, level: float, compliance: float, range_code: int = 0
    ) -> None:
        """Source a voltage at once.

        Parameters
        ----------
        level : float
            In V, -200 to 200; the module may hold less.
        compliance : float
            Largest current in A, up to 1.
        range_code : int
            Lowest output range to be used; 0 is automatic.
        """
        strict_range(level, (-LARGEST_VOLTAGE, LARGEST_VOLTAGE))
        strict_range(compliance, (0.0, LARGEST_CURRENT))
        self.write(f"DV {self.id},{range_code},{level:.7g},{compliance:.7g}")

    def force_current(
        self, level: float, compliance: float, range_code: int = 0
    ) -> None:
        """Source a current at once.

        Parameters
        ----------
        level : float
            In A, -1 to 1; the module may hold less.
        compliance : float
            Largest voltage in V, up to 200.
        range_code : int
            Lowest output range to be used; 0 is automatic.
        """
        strict_range(level, (-LARGEST_CURRENT, LARGEST_CURRENT))
        strict_range(compliance, (0.0, LARGEST_VOLTAGE))
        self.write(f"DI {self.id},{range_code},{level:.7g},{compliance:.7g}")


class AgilentB1500A(VisaInstrument):
    """An Agilent B1500A, programmed in FLEX commands.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.
    """

    safe_messages = ("AB", "DZ", "CL")  # abort, 0 V everywhere, every output off
    smus = Instrument.MultiChannelCreator(
        B1500ASmu, list(range(1, SLOTS + 1)), prefix="smu"
    )

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str = "Agilent B1500A",
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        super().__init__(adapter, name, **connection)

    next_error = Instrument.measurement(
        "ERRX?",
        """Get the oldest error as code and message and take it from the queue; code 0
        means that the queue is empty.""",
        cast=str,
        maxsplit=0,
        get_process=_parse_error,
    )

    modules = Instrument.measurement(
        "UNT? 0",
        """Get the modules as a dict from slot number to model.""",
        cast=str,
        maxsplit=0,
        get_process=_parse_modules,
    )

    data_count = Instrument.measurement(
        "NUB?",
        """Get how many data wait in the output buffer.""",
        cast=int,
    )

    trigger_mode = Instrument.setting(
        "TM %d",
        """Set which event starts a measurement, 1 to 4; 3 is an external trigger.""",
        validator=strict_discrete_set,
        values=(1, 2, 3, 4),
    )

    auto_calibration = Instrument.setting(
        "CM %d",
        """Set whether the instrument calibrates itself every 30 minutes.""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    time_stamps = Instrument.setting(
        "TSC %d",
        """Set whether measured data come with time stamps.""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
    )

    def clear_errors(self) -> None:
        """Empty the error queue."""
        self.ask("ERR?")

    def clear(self) -> None:
        """Empty the error queue and the data buffer; there is no ``*CLS``."""
        self.write("BC")
        self.clear_errors()

    def reset(self) -> None:
        """Bring all settings to their defaults; outputs off."""
        self.write("*RST")

    def abort(self) -> None:
        """Stop the measurement or the program that runs; outputs stay as they are."""
        self.write("AB")

    def send(self, commands: Iterable[str]) -> None:
        """Send commands in as few messages as possible."""
        for message in messages(commands):
            self.write(message)

    def read_data(self, count: int, duration: float = 0.0) -> bytes:
        """Read `count` bytes of measured data.

        Parameters
        ----------
        count : int
            Number of bytes.
        duration : float
            How long the instrument measures, in s; added to the time-out.

        Raises
        ------
        InstrumentError
            If the data do not come in time; with the errors of the instrument's queue.
        """
        try:
            with self.patience(duration):
                content = self.read_bytes(count)
        except InstrumentError as error:
            raise InstrumentError(
                f"{self.name}: no measured data ({self._explain(error)})"
            ) from error
        if len(content) != count:
            raise InstrumentError(
                f"{self.name}: {len(content)} bytes of measured data, not {count}"
            )
        return content

    def _explain(self, error: InstrumentError) -> str:
        """Ask the instrument why it did not answer."""
        try:
            self.device_clear()
            errors = self.errors
        except InstrumentError:
            return f"{error}; its error queue cannot be read either"
        return "; ".join(errors) or str(error)
