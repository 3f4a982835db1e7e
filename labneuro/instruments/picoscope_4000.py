"""Driver for the PicoScope 4000 series (A API), by the vendor's SDK binding.

The binding is `picosdk.ps4000a`, or whatever offers its functions; every call returns a
status, and results come through pointers. Only block mode is used.

References
----------
PicoScope 4000 Series (A API) Programmer's Guide, ps4000apg.en.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.errors import InstrumentError, LimitError
from labneuro.instruments.base import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CHANNELS = ("a", "b", "c", "d", "e", "f", "g", "h")
RANGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Full scale in V by the number of the range."""
EXTERNAL = "external"
_EXTERNAL_NUMBER = 8
_RISING, _FALLING = 2, 3
_DC = 1
_CLOCK = 80e6  # Hz: timebase n is n + 1 periods on the 4824; the SDK tells the interval
_LONGEST_TEXT = 64
_INFO = {"version": 0, "variant": 3, "serial": 4}
_SEGMENT, _NO_RATIO = 0, 0

# The guide's status codes that a user can do something about.
_MEANINGS = {
    0x01: "too many units are open",
    0x03: "no unit with this serial number is connected",
    0x0C: "the unit is not open",
    0x0D: "a parameter is invalid",
    0x0E: "the timebase is not possible",
    0x0F: "the range is not possible",
    0x10: "the channel does not exist",
    0x11: "the trigger channel is not possible",
    0x25: "no samples are available",
    0x48: "too many samples for the memory",
    0x11A: "the power supply is not connected",
}


class PicoScope4000(Driver):
    """A PicoScope of the 4000 series.

    Parameters
    ----------
    serial : str
        Serial number as the unit reports it, such as ``"GO123/0456"``.
    library : object
        ``picosdk.ps4000a.ps4000a``, or an object with the same functions.
    name : str
        Its name in messages.

    Raises
    ------
    InstrumentError
        If the unit cannot be opened.
    """

    def __init__(
        self,
        serial: str,
        library: Any,  # noqa: ANN401  the binding has no types
        name: str = "PicoScope 4000",
    ) -> None:
        self.name = name
        self._library = library
        handle = ctypes.c_int16()
        self._call("OpenUnit", ctypes.byref(handle), serial.encode())
        self._handle = handle
        value = ctypes.c_int16()
        self._call("MaximumValue", self._handle, ctypes.byref(value))
        self.full_scale_count = value.value
        self._ranges: dict[str, float] = {}
        self._interval = 0.0
        self._before = self._count = 0

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, f"ps4000a{function}")(*arguments)
        if status:
            meaning = _MEANINGS.get(status, "see the maker's list of status codes")
            raise InstrumentError(
                f"{self.name}: ps4000a{function} failed with status {status:#x}: "
                f"{meaning}"
            )

    def _info(self, what: str) -> str:
        text = ctypes.create_string_buffer(_LONGEST_TEXT)
        needed = ctypes.c_int16()
        self._call(
            "GetUnitInfo",
            self._handle,
            text,
            _LONGEST_TEXT,
            ctypes.byref(needed),
            _INFO[what],
        )
        return text.value.decode("ascii", "replace")

    @property
    def identity(self) -> str:
        """Get maker, model, serial number and driver version."""
        parts = (self._info(what) for what in ("variant", "serial", "version"))
        return "Pico Technology,PicoScope " + ",".join(parts)

    @property
    def errors(self) -> list[str]:
        """Get the errors that wait: none, for every call has told its own."""
        return []

    def set_channel(
        self,
        channel: str,
        *,
        enabled: bool,
        largest_voltage: float = 5.0,
    ) -> None:
        """Switch an input on, DC coupled, on the range that holds a voltage.

        Parameters
        ----------
        channel : str
            ``"a"`` to ``"h"``.
        enabled : bool
            Whether it is captured.
        largest_voltage : float
            Largest magnitude in V that it must hold.

        Raises
        ------
        LimitError
            If no range holds the voltage.
        """
        number = self._number(channel)
        fitting = [one for one in RANGES if one >= largest_voltage * (1 - 1e-9)]
        if not fitting:
            raise LimitError(
                f"{self.name} {channel}: no range holds {largest_voltage:g} V; the "
                f"widest is {RANGES[-1]:g} V"
            )
        self._ranges.pop(channel, None)
        if enabled:
            self._ranges[channel] = fitting[0]
        self._call(
            "SetChannel",
            self._handle,
            number,
            int(enabled),
            _DC,
            RANGES.index(fitting[0]),
            ctypes.c_float(0.0),
        )

    @staticmethod
    def _number(channel: str) -> int:
        if channel not in CHANNELS:
            raise InstrumentError(
                f"{channel!r} is no channel of a PicoScope; {', '.join(CHANNELS)}"
            )
        return CHANNELS.index(channel)

    def set_trigger(self, source: str, level: float, *, rising: bool) -> None:
        """Trigger on an edge of an input or of the external trigger.

        Parameters
        ----------
        source : str
            An input that is on, or ``"external"``.
        level : float
            In V; beyond the input's range it is an error.
        rising : bool
            Whether the edge rises.
        """
        count, number = 0, _EXTERNAL_NUMBER
        if source != EXTERNAL:
            number = self._number(source)
            if source not in self._ranges:
                raise InstrumentError(f"{self.name}: trigger input {source} is off")
            if abs(level) > self._ranges[source]:
                raise LimitError(
                    f"{self.name}: trigger level {level:g} V is beyond the range of "
                    f"{self._ranges[source]:g} V of input {source}"
                )
            count = round(level / self._ranges[source] * self.full_scale_count)
        direction = _RISING if rising else _FALLING
        self._call("SetSimpleTrigger", self._handle, 1, number, count, direction, 0, 0)

    def interval_near(self, wanted: float, samples: int) -> tuple[int, float]:
        """Return the timebase whose sample interval is nearest to a wanted one.

        Parameters
        ----------
        wanted : float
            In s.
        samples : int
            Length of the block.

        Returns
        -------
        timebase : int
            Number for :meth:`run_block`.
        interval : float
            Its sample interval as the instrument tells it, in s.
        """
        timebase = max(0, round(wanted * _CLOCK) - 1)
        interval, most = ctypes.c_float(), ctypes.c_int32()
        self._call(
            "GetTimebase2",
            self._handle,
            timebase,
            samples,
            ctypes.byref(interval),
            ctypes.byref(most),
            _SEGMENT,
        )
        return timebase, interval.value * 1e-9

    def run_block(
        self, before: int, after: int, timebase: int, interval: float
    ) -> None:
        """Start to capture a block; returns at once.

        Parameters
        ----------
        before, after : int
            Samples before and from the trigger.
        timebase, interval
            As :meth:`interval_near` returns them.
        """
        self._interval, self._before, self._count = interval, before, before + after
        self._call(
            "RunBlock",
            self._handle,
            before,
            after,
            timebase,
            None,
            _SEGMENT,
            None,
            None,
        )

    def is_ready(self) -> bool:
        """Whether the block is complete."""
        ready = ctypes.c_int16()
        self._call("IsReady", self._handle, ctypes.byref(ready))
        return bool(ready.value)

    def values(
        self,
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]], Mapping[str, bool]]:
        """Return the block.

        Returns
        -------
        time : ndarray, shape (samples,)
            In s from the trigger.
        voltage : dict of str to ndarray, shape (samples,)
            In V, by input.
        clipped : dict of str to bool
            Which inputs left their range.
        """
        buffers = {}
        for channel in self._ranges:
            buffers[channel] = np.zeros(self._count, dtype=np.int16)
            pointer = buffers[channel].ctypes.data_as(ctypes.POINTER(ctypes.c_int16))
            self._call(
                "SetDataBuffer",
                self._handle,
                self._number(channel),
                pointer,
                self._count,
                _SEGMENT,
                _NO_RATIO,
            )
        samples, overflow = ctypes.c_uint32(self._count), ctypes.c_int16()
        self._call(
            "GetValues",
            self._handle,
            0,
            ctypes.byref(samples),
            0,
            _NO_RATIO,
            _SEGMENT,
            ctypes.byref(overflow),
        )
        count = samples.value
        time = np.arange(count, dtype=np.float64) - self._before
        time *= self._interval
        voltage = {
            channel: np.asarray(buffer[:count] * self._per_count(channel))
            for channel, buffer in buffers.items()
        }
        clipped = {
            channel: bool(overflow.value >> self._number(channel) & 1)
            for channel in buffers
        }
        return time, voltage, clipped

    def _per_count(self, channel: str) -> float:
        return self._ranges[channel] / self.full_scale_count

    def stop(self) -> None:
        """Stop capturing."""
        self._call("Stop", self._handle)

    def disconnect(self) -> None:
        """Close the unit."""
        self._call("CloseUnit", self._handle)
