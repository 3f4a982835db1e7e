"""The functions of the vendor's ps4000a library on simulated instruments.

An object of :class:`SimulatedPs4000a` stands where the binding ``picosdk.ps4000a``
has its ``ps4000a``: the same names, the same arguments, results through pointers, a
status as return value. Only block mode with a simple trigger is there.

References
----------
PicoScope 4000 Series (A API) Programmer's Guide, ps4000apg.en, and the declarations in
the public binding picosdk 1.1.
"""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.sim_backends.picoscope_4000 import instrument
from labneuro.sim_backends.picoscope_4000.instrument import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.sim_backends.picoscope_4000.instrument import PicoScope4824
    from labneuro.sim_backends.turn import MessageLock

OK, NOT_FOUND, INVALID_HANDLE, INVALID_PARAMETER = 0, 3, 12, 13
INVALID_TIMEBASE, INVALID_VOLTAGE_RANGE, INVALID_CHANNEL = 14, 15, 16
INVALID_TRIGGER_CHANNEL, NO_SAMPLES_AVAILABLE = 17, 37
TOO_MANY_SAMPLES, INVALID_INFO = 72, 34
_EXTERNAL = 8
_DIRECTIONS = {2: "rising", 3: "falling", 4: "either"}
_MOST_TIMEBASE = 2**32 - 1
_POLL = 1e-3  # s of bench time that a client lets pass between two polls
_INFO = {
    0: "simulated",
    1: "3.0",
    2: "1",
    5: "01Jan26",
    6: "1.0",
    7: "1",
    8: "1",
    9: "1.0.0.0",
    10: "1.0.0.0",
}
_VARIANT, _SERIAL = 3, 4


def _set(pointer: Any, value: float) -> None:  # noqa: ANN401  whatever ctypes.byref gives
    """Write through a pointer, as a C function does."""
    pointer._obj.value = value  # noqa: SLF001  how ctypes keeps what byref points to


class SimulatedPs4000a:
    """The library of one simulated bench.

    Parameters
    ----------
    units : mapping of str to PicoScope4824
        The instruments by serial number.
    lock : MessageLock
        Of the bench.
    """

    def __init__(self, units: Mapping[str, PicoScope4824], lock: MessageLock) -> None:
        self._units = units
        self._lock = lock
        self._open: dict[int, str] = {}
        self._buffers: dict[tuple[int, int], tuple[Any, int]] = {}
        names = [name for name in dir(self) if name.startswith("_ps_")]
        for name in names:
            self._publish(name.removeprefix("_ps_"), getattr(self, name))

    def _publish(self, name: str, function: Any) -> None:  # noqa: ANN401  any signature
        def locked(*arguments: Any) -> int:  # noqa: ANN401  as C has them
            with self._lock:
                found: int = function(*arguments)
                return found

        setattr(self, f"ps4000a{name}", locked)

    def _unit(self, handle: Any) -> PicoScope4824 | None:  # noqa: ANN401  int or c_int16
        serial = self._open.get(int(getattr(handle, "value", handle)))
        return None if serial is None else self._units[serial]

    def _ps_OpenUnit(self, handle: Any, serial: bytes | None) -> int:  # noqa: ANN401, N802  the vendor's
        wanted = None if serial is None else bytes(serial).decode()
        free = [one for one in self._units if one not in self._open.values()]
        matching = [one for one in free if wanted in (None, one)]
        if not matching:
            _set(handle, 0)
            return NOT_FOUND
        number = max(self._open, default=0) + 1
        self._open[number] = matching[0]
        _set(handle, number)
        return OK

    def _ps_CloseUnit(self, handle: Any) -> int:  # noqa: ANN401, N802  the vendor's
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        unit.stop()
        del self._open[int(getattr(handle, "value", handle))]
        return OK

    def _ps_GetUnitInfo(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        text: Any,  # noqa: ANN401  a buffer
        length: int,
        needed: Any,  # noqa: ANN401  a pointer
        info: int,
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        serial = self._open[int(getattr(handle, "value", handle))]
        found = {**_INFO, _VARIANT: unit.variant, _SERIAL: serial}.get(int(info))
        if found is None:
            return INVALID_INFO
        content = found.encode() + b"\0"
        _set(needed, len(content))
        text[: min(len(content), int(length))] = content[: int(length)]
        return OK

    def _ps_MaximumValue(self, handle: Any, value: Any) -> int:  # noqa: ANN401, N802  the vendor's
        if self._unit(handle) is None:
            return INVALID_HANDLE
        _set(value, instrument.FULL_SCALE)
        return OK

    def _ps_SetChannel(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        channel: int,
        enabled: int,
        coupling: int,
        range_number: int,
        offset: float,
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        if not 0 <= channel < len(unit.inputs):
            return INVALID_CHANNEL
        if not 0 <= range_number < len(instrument.RANGES):
            return INVALID_VOLTAGE_RANGE
        one = unit.settings[unit.inputs[channel]]
        one.enabled, one.dc = bool(enabled), bool(coupling)
        one.range = instrument.RANGES[range_number]
        one.offset = float(getattr(offset, "value", offset))
        return OK

    def _ps_SetSimpleTrigger(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        enable: int,
        source: int,
        threshold: int,
        direction: int,
        delay: int,
        automatic: int,
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        if not enable:
            unit.trigger = Trigger()
            return OK
        names = {**dict(enumerate(unit.inputs)), _EXTERNAL: "external"}
        if source not in names:
            return INVALID_TRIGGER_CHANNEL
        if direction not in _DIRECTIONS or abs(threshold) > instrument.FULL_SCALE:
            return INVALID_PARAMETER
        unit.trigger = Trigger(
            names[source],
            int(threshold),
            _DIRECTIONS[direction],
            int(delay),
            1e-3 * int(automatic),
        )
        return OK

    def _ps_GetTimebase2(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        timebase: int,
        samples: int,
        interval: Any,  # noqa: ANN401  a pointer
        most: Any,  # noqa: ANN401  a pointer
        segment: int,
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        if not 0 <= timebase <= _MOST_TIMEBASE or segment != 0:
            return INVALID_TIMEBASE
        _set(interval, (timebase + 1) * instrument.FASTEST * 1e9)
        longest = unit.longest_block()
        _set(most, longest)
        return TOO_MANY_SAMPLES if samples > longest else OK

    def _ps_RunBlock(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        before: int,
        after: int,
        timebase: int,
        indisposed: Any,  # noqa: ANN401  a pointer or None
        segment: int,
        *_callback: object,
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        if segment != 0 or before < 0 or after < 0 or before + after == 0:
            return INVALID_PARAMETER
        if before + after > unit.longest_block():
            return TOO_MANY_SAMPLES
        interval = (timebase + 1) * instrument.FASTEST
        unit.arm(int(before), int(after), interval)
        if indisposed is not None:
            _set(indisposed, math.ceil(1e3 * (before + after) * interval))
        return OK

    def _ps_IsReady(self, handle: Any, ready: Any) -> int:  # noqa: ANN401, N802  the vendor's
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        unit.clock.advance(_POLL)
        _set(ready, int(unit.update()))
        return OK

    def _ps_SetDataBuffer(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        channel: int,
        buffer: Any,  # noqa: ANN401  a pointer
        length: int,
        segment: int,
        mode: int,
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        if not 0 <= channel < len(unit.inputs):
            return INVALID_CHANNEL
        if segment != 0 or mode != 0:
            return INVALID_PARAMETER
        number = int(getattr(handle, "value", handle))
        self._buffers[number, channel] = (buffer, int(length))
        return OK

    def _ps_GetValues(  # noqa: N802  the vendor's
        self,
        handle: Any,  # noqa: ANN401  int or c_int16
        start: int,
        samples: Any,  # noqa: ANN401  a pointer
        ratio: int,
        mode: int,
        segment: int,
        overflow: Any,  # noqa: ANN401  a pointer
    ) -> int:
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        if ratio not in (0, 1) or mode != 0 or segment != 0:
            return INVALID_PARAMETER
        block = unit.block
        if block is None or not block.complete:
            return NO_SAMPLES_AVAILABLE
        wanted = int(samples._obj.value)  # noqa: SLF001  what byref points to
        count = min(wanted, block.before + block.after - int(start))
        number = int(getattr(handle, "value", handle))
        flags = 0
        for channel, name in enumerate(unit.inputs):
            if (number, channel) in self._buffers and name in block.counts:
                buffer, length = self._buffers[number, channel]
                part = block.counts[name][start : start + min(count, length)]
                _copy(part, buffer)
                flags |= block.clipped[name] << channel
        _set(samples, count)
        _set(overflow, ctypes.c_int16(flags).value)
        return OK

    def _ps_Stop(self, handle: Any) -> int:  # noqa: ANN401, N802  the vendor's
        unit = self._unit(handle)
        if unit is None:
            return INVALID_HANDLE
        unit.stop()
        return OK


def _copy(counts: np.ndarray[Any, np.dtype[np.int16]], buffer: Any) -> None:  # noqa: ANN401  a pointer
    target = getattr(buffer, "_obj", buffer)
    source = np.ascontiguousarray(counts, dtype=np.int16)
    ctypes.memmove(target, source.ctypes.data, source.nbytes)
