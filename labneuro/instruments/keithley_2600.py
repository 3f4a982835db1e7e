"""Driver of the Keithley 2600 SourceMeter instruments (2636B and relatives).

References
----------
Keithley Series 2600B Reference Manual, 2600BS-901-01 Rev. C (2016), section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pymeasure.instruments import Instrument

from labneuro.errors import InstrumentError
from labneuro.instruments.base import VisaInstrument
from labneuro.instruments.keithley_2600_channels import (
    Keithley2600Channel,
    Keithley2612Channel,
    TriggerLine,
)
from labneuro.instruments.keithley_2600_scripts import SCRIPT, SCRIPT_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK_START, _BLOCK_END = b"#0", b"\n"


def _parse_error(reply: str) -> tuple[int, str]:
    """Split what ``errorqueue.next()`` prints into code and message."""
    code, _, rest = reply.partition("\t")
    try:
        return int(float(code)), rest.partition("\t")[0]
    except ValueError as error:
        raise InstrumentError(
            f"{reply!r} is no answer to print(errorqueue.next())"
        ) from error


class Keithley2600(VisaInstrument):
    """A Keithley 2600 SourceMeter instrument, programmed in TSP.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.

    Attributes
    ----------
    configured_by : dict of str to object
        By channel the role that has configured it last: a channel may fill several.
    """

    # One message a channel: the error of one that the model lacks stops its own only.
    safe_messages = (
        "abort",
        "smua.source.output = 0",
        "smub.source.output = 0",
        "smua.abort() smua.source.levelv = 0",
        "smub.abort() smub.source.levelv = 0",
    )
    smua = Instrument.ChannelCreator(Keithley2600Channel, "smua")
    smub = Instrument.ChannelCreator(Keithley2600Channel, "smub")
    trigger_lines = Instrument.MultiChannelCreator(
        TriggerLine, list(range(1, 15)), prefix="digio"
    )

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str = "Keithley 2600",
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        super().__init__(adapter, name, **connection)
        self._script_loaded = False
        self.configured_by: dict[str, object] = {}

    line_frequency = Instrument.measurement(
        "print(localnode.linefreq)",
        """Get the power-line frequency in Hz that integration times follow.""",
    )

    next_error = Instrument.measurement(
        "print(errorqueue.next())",
        """Get the oldest error as code and message and take it from the queue; code 0
        means that the queue is empty.""",
        cast=str,
        maxsplit=0,
        get_process=_parse_error,
    )

    def clear_errors(self) -> None:
        """Empty the error queue."""
        self.write("errorqueue.clear()")

    def reset(self) -> None:
        """Bring all settings to their defaults; outputs off."""
        self.write("reset()")

    def abort_script(self) -> None:
        """Stop the script that is running."""
        self.write("abort")

    def load_script(self) -> None:
        """Upload the measuring functions, once a session."""
        if not self._script_loaded:
            self.write(f"loadscript {SCRIPT_NAME}\n{SCRIPT}endscript")
            self.write(f"{SCRIPT_NAME}.run()")
            self.check_errors()
            self._script_loaded = True

    def ask_doubles(
        self, command: str, count: int, duration: float = 0.0
    ) -> NDArray[np.float64]:
        """Send a command and read the binary numbers of its response message.

        Parameters
        ----------
        command : str
            Makes the instrument print `count` numbers as little-endian doubles.
        count : int
            How many numbers.
        duration : float
            How long the instrument works before it answers, in s; added to the
            connection's time-out.

        Returns
        -------
        ndarray, shape (count,)
            The numbers.

        Raises
        ------
        InstrumentError
            If the instrument does not answer in time or answers something else; with
            the errors of its queue.
        """
        size = len(_BLOCK_START) + 8 * count + len(_BLOCK_END)
        self.write(command)
        try:
            with self.patience(duration):
                block = self.read_bytes(size)
        except InstrumentError as error:
            raise InstrumentError(
                f"{self.name}: no answer to {command!r} ({self._explain(error)})"
            ) from error
        if not (block.startswith(_BLOCK_START) and len(block) == size):
            raise InstrumentError(
                f"{self.name}: {command!r} gave {len(block)} bytes beginning with "
                f"{block[:16]!r}, not a block of {size} bytes"
            )
        return np.frombuffer(block, dtype="<f8", count=count, offset=len(_BLOCK_START))

    def _explain(self, error: InstrumentError) -> str:
        """Ask the instrument why it did not answer."""
        try:
            self.device_clear()
            errors = self.errors
        except InstrumentError:
            return f"{error}; its error queue cannot be read either"
        return "; ".join(errors) or str(error)


class Keithley2612(Keithley2600):
    """A Keithley 2612A or 2612B: as the others, with ranges from 100 nA."""

    smua = Instrument.ChannelCreator(Keithley2612Channel, "smua")
    smub = Instrument.ChannelCreator(Keithley2612Channel, "smub")
