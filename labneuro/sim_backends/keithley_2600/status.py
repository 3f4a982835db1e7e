"""The status registers of the Series 2600B.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F: p. 9-283 (measurement), p. 9-312 to
9-329 (sweeping, measuring, trigger overruns), p. 9-334 (questionable), Section 12;
Rev. B p. 7-255 (status byte), p. 7-285 to 7-292 (names of the overrun bits).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.tsp.status import RegisterLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.tsp.status import RegisterSet, StatusModel

_VLMT, _ILMT, _ROF = 0, 1, 7
_SWEEPING, _MEASURING, _TRGOVR = 3, 4, 10
_LAST_NODE = 64


def _bits(**numbers: int) -> dict[str, int]:
    """Return bit numbers under their long names and, after ``__``, short ones."""
    named = {}
    for names, number in numbers.items():
        for name in names.split("__"):
            named[name] = number
    return named


def _channel_bits(channels: tuple[str, ...]) -> dict[str, int]:
    return {name.upper(): index for index, name in enumerate(channels, start=1)}


def _per_channel(
    channels: tuple[str, ...],
    bits: Mapping[str, int],
    children: Mapping[str, RegisterLayout] | None = None,
) -> dict[str, RegisterLayout]:
    return {
        name: RegisterLayout(index, bits, children or {})
        for index, name in enumerate(channels, start=1)
    }


def _measurement(channels: tuple[str, ...]) -> RegisterLayout:
    of_channel = _bits(
        VOLTAGE_LIMIT__VLMT=0,
        CURRENT_LIMIT__ILMT=1,
        READING_OVERFLOW__ROF=7,
        BUFFER_AVAILABLE__BAV=8,
    )
    both = _channel_bits(channels)
    return RegisterLayout(
        0,
        {**of_channel, **_bits(INTERLOCK__INT=11, INSTRUMENT_SUMMARY__INST=13)},
        {
            "voltage_limit": RegisterLayout(0, both),
            "current_limit": RegisterLayout(1, both),
            "reading_overflow": RegisterLayout(7, both),
            "buffer_available": RegisterLayout(8, both),
            "instrument": RegisterLayout(13, both, _per_channel(channels, of_channel)),
        },
    )


_OPERATION_BITS = _bits(
    CALIBRATING__CAL=0,
    SWEEPING__SWE=_SWEEPING,
    MEASURING__MEAS=_MEASURING,
    TRIGGER_OVERRUN__TRGOVR=_TRGOVR,
)
_OVERRUN_BITS = _bits(TRIGGER_OVERRUN__TRGOVR=_TRGOVR)
_UNIT_BITS = _bits(
    TRIGGER_BLENDER__TRGBLND=10,
    TRIGGER_TIMER__TRGTMR=11,
    DIGITAL_IO__DIGIO=12,
    TSPLINK=13,
    LAN=14,
)


# Detectors of a channel's trigger model, by their bits.
CHANNEL_OVERRUNS = {"ARM": 1, "SRC": 2, "MEAS": 3, "ENDP": 4}


def _unit(
    summary: int,
    name: str,
    count: int,
    bits: Mapping[str, int] = _OVERRUN_BITS,
) -> RegisterLayout:
    """Return the register of a unit whose `count` objects can overrun."""
    objects = {f"{name}{index}": index for index in range(1, count + 1)}
    return RegisterLayout(
        summary, bits, {"trigger_overrun": RegisterLayout(_TRGOVR, objects)}
    )


def _operation_of_instruments(channels: tuple[str, ...]) -> dict[str, RegisterLayout]:
    lan = {**_OVERRUN_BITS, **_bits(CONNECTION__CON=4, CONFIGURING__CONF=5)}
    overruns = {"trigger_overrun": RegisterLayout(_TRGOVR, CHANNEL_OVERRUNS)}
    return {
        **_per_channel(channels, _OPERATION_BITS, overruns),
        "trigger_blender": _unit(10, "BLND", 6),
        "trigger_timer": _unit(11, "TMR", 8),
        "digio": _unit(12, "LINE", 14),
        "tsplink": _unit(13, "LINE", 3),
        "lan": _unit(14, "LAN", 8, lan),
    }


def _operation(channels: tuple[str, ...]) -> RegisterLayout:
    both = _channel_bits(channels)
    everything = {**both, **_UNIT_BITS}
    own = _bits(
        REMOTE_SUMMARY__REM=11,
        USER=12,
        INSTRUMENT_SUMMARY__INST=13,
        PROGRAM_RUNNING__PROG=14,
    )
    return RegisterLayout(
        7,
        {**_OPERATION_BITS, **own},
        {
            "calibrating": RegisterLayout(0, both),
            "sweeping": RegisterLayout(_SWEEPING, both),
            "measuring": RegisterLayout(_MEASURING, both),
            "trigger_overrun": RegisterLayout(10, everything),
            "remote": RegisterLayout(
                11, _bits(COMMAND_AVAILABLE__CAV=0, PROMPTS_ENABLED__PRMPT=11)
            ),
            "user": RegisterLayout(12, {f"BIT{bit}": bit for bit in range(15)}),
            "instrument": RegisterLayout(
                13, everything, _operation_of_instruments(channels)
            ),
        },
    )


def _questionable(channels: tuple[str, ...]) -> RegisterLayout:
    of_channel = _bits(
        CALIBRATION__CAL=8, UNSTABLE_OUTPUT__UO=9, OVER_TEMPERATURE__OTEMP=12
    )
    both = _channel_bits(channels)
    return RegisterLayout(
        3,
        {**of_channel, **_bits(HIGHV_NOT_READY=10, INSTRUMENT_SUMMARY__INST=13)},
        {
            "calibration": RegisterLayout(8, both),
            "unstable_output": RegisterLayout(9, both),
            "over_temperature": RegisterLayout(12, both),
            "instrument": RegisterLayout(13, both, _per_channel(channels, of_channel)),
        },
    )


def status_layout(channels: tuple[str, ...]) -> dict[str, RegisterLayout]:
    """Return the register sets of a model.

    Parameters
    ----------
    channels : tuple of str
        Its source-measure units.
    """
    layout = {
        "measurement": _measurement(channels),
        "operation": _operation(channels),
        "questionable": _questionable(channels),
        "standard": RegisterLayout(
            5,
            _bits(
                OPERATION_COMPLETE__OPC=0,
                QUERY_ERROR__QYE=2,
                DEVICE_DEPENDENT_ERROR__DDE=3,
                EXECUTION_ERROR__EXE=4,
                COMMAND_ERROR__CME=5,
                USER_REQUEST__URQ=6,
                POWER_ON__PON=7,
            ),
        ),
    }
    first = 1
    for name in ("system", "system2", "system3", "system4", "system5"):
        nodes = {
            f"NODE{first + bit}": bit + 1
            for bit in range(14)
            if first + bit <= _LAST_NODE
        }
        layout[name] = RegisterLayout(1, {**_bits(EXTENSION_BIT__EXT=0), **nodes})
        first += 14
    return layout


class TriggerStatus:
    """Where it shows that trigger objects were asked for more than they could do.

    Parameters
    ----------
    status : StatusModel
        The instrument's status model.
    """

    def __init__(self, status: StatusModel) -> None:
        operation = status.registers["operation"]
        self._all = operation.children["trigger_overrun"]
        self._units = operation.children["instrument"].children

    def overrun(self, unit: str, number: int) -> Callable[[bool], None]:
        """Return the function that notes whether an object has overrun.

        Parameters
        ----------
        unit : str
            ``"trigger_timer"``, ``"trigger_blender"``, ``"digio"``, or a channel.
        number : int
            Of the object in its unit, from 1; of a channel, the detector's bit.
        """
        register = self._units[unit].children["trigger_overrun"]
        summary = 1 << self._units[unit].layout.summary

        def note(state: bool) -> None:
            register.set_bit(1 << number, on=state)
            enabled = bool(register.event & register.enable)
            self._all.set_bit(summary, on=enabled)

        return note


class ChannelStatus:
    """The status bits of one channel.

    Parameters
    ----------
    status : StatusModel
        The instrument's status model.
    name : str
        Channel name.
    index : int
        Its number, from 1: the bit in the registers that gather all channels.
    """

    def __init__(self, status: StatusModel, name: str, index: int) -> None:
        operation = status.registers["operation"].children
        self._measurement = status.registers["measurement"]
        self._sweeping, self._measuring = operation["sweeping"], operation["measuring"]
        self._operation = operation["instrument"].children[name]
        self._own: RegisterSet = self._measurement.children["instrument"].children[name]
        self._bit = 1 << index
        self.name = name

    def limited(self, *, state: bool, current: bool) -> None:
        """Note whether the source is at its current (or else voltage) limit."""
        self._note("current_limit", _ILMT, state=state and current)
        self._note("voltage_limit", _VLMT, state=state and not current)

    def overflowed(self, state: bool) -> None:
        """Note whether the last reading overflowed."""
        self._note("reading_overflow", _ROF, state=state)

    def sweeping(self, state: bool) -> None:
        """Note whether a sweep runs."""
        self._sweeping.set_bit(self._bit, on=state)
        self._operation.set_bit(1 << _SWEEPING, on=state)

    def measuring(self, state: bool) -> None:
        """Note whether an overlapped measurement is being made."""
        self._measuring.set_bit(self._bit, on=state)
        self._operation.set_bit(1 << _MEASURING, on=state)

    def _note(self, register: str, own_bit: int, *, state: bool) -> None:
        self._measurement.children[register].set_bit(self._bit, on=state)
        self._own.set_bit(1 << own_bit, on=state)
