"""Commands that every SCPI instrument has: IEEE 488.2 and the required SCPI ones.

References
----------
IEEE Std 488.2-1992, section 10; SCPI-99 volume 1, section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Boolean, Integer
from labneuro.sim_backends.scpi.status import OPERATION_COMPLETE
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.scpi.instrument import ScpiInstrument
    from labneuro.sim_backends.scpi.status import EventRegister, Status

_MOST_MEMORIES = 5  # numbered 0 to 4 in the instruments at hand


def _masked(value: float, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    return int(value)


def _operation_complete(instrument: ScpiInstrument) -> None:
    instrument.status.event_status |= OPERATION_COMPLETE


def _clear_status(instrument: ScpiInstrument) -> None:
    instrument.status.clear()


def _save(instrument: ScpiInstrument, memory: int) -> None:
    if not 0 <= memory < _MOST_MEMORIES:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    instrument.memories[memory] = instrument.snapshot()


def _recall(instrument: ScpiInstrument, memory: int) -> None:
    if not 0 <= memory < _MOST_MEMORIES:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    if memory not in instrument.memories:
        raise ScpiError(syntax.PARAMETER_ERROR)
    instrument.restore(instrument.memories[memory])


def _set_power_on_clear(instrument: ScpiInstrument, flag: bool) -> None:
    instrument.power_on_clear = flag


def _preset(instrument: ScpiInstrument) -> None:
    for register in (instrument.status.operation, instrument.status.questionable):
        register.set_enable(0)


def _wait(_: ScpiInstrument) -> None:
    """Do nothing: every command here has finished when the next one is read."""


_NUMBER = (Integer(extremes=False),)


def _register_commands(
    node: str, register: Callable[[Status], EventRegister]
) -> tuple[Command, ...]:
    """Declare the three commands of an event register."""
    return (
        Command(
            f"STATus:{node}[:EVENt]", query=lambda i: register(i.status).take_event()
        ),
        Command(
            f"STATus:{node}:CONDition", query=lambda i: register(i.status).condition
        ),
        Command(
            f"STATus:{node}:ENABle",
            lambda i, mask: register(i.status).set_enable(_masked(mask, 16)),
            lambda i: register(i.status).enable,
            _NUMBER,
        ),
    )


COMMON_COMMANDS: tuple[Command, ...] = (
    Command("*IDN", query=lambda i: i.identity),
    Command("*OPT", query=lambda i: i.options),
    Command("*RST", lambda i: i.reset()),
    Command("*TST", query=lambda _: 0),
    Command("*CLS", _clear_status),
    Command("*TRG", lambda i: i.group_trigger()),
    Command("*WAI", _wait),
    Command("*OPC", _operation_complete, lambda _: 1),
    Command("*ESR", query=lambda i: i.status.take_event_status()),
    Command(
        "*ESE",
        lambda i, mask: i.status.set_event_enable(_masked(mask, 8)),
        lambda i: i.status.event_enable,
        _NUMBER,
    ),
    Command(
        "*SRE",
        lambda i, mask: i.status.set_service_enable(_masked(mask, 8)),
        lambda i: i.status.service_enable,
        _NUMBER,
    ),
    Command("*STB", query=lambda i: i.status.status_byte(message_available=False)),
    Command("*PSC", _set_power_on_clear, lambda i: i.power_on_clear, (Boolean(),)),
    Command("*SAV", _save, arguments=_NUMBER),
    Command("*RCL", _recall, arguments=_NUMBER),
    Command("SYSTem:ERRor[:NEXT]", query=lambda i: i.status.errors.pop()),
    Command("SYSTem:VERSion", query=lambda i: i.scpi_version),
    Command("STATus:PRESet", _preset),
    *_register_commands("OPERation", lambda status: status.operation),
    *_register_commands("QUEStionable", lambda status: status.questionable),
)
