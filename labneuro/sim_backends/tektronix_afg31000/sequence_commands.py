"""Commands of the advanced (sequence) mode of the AFG31000.

References
----------
Sources (f) and (g) of the limits. ``WLISt:LIST?`` and ``WLISt:SIZE?`` are those of
Tektronix's arbitrary waveform generators; whether the AFG31000 has them was not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi.arguments import (
    Argument,
    Boolean,
    Choice,
    Integer,
    Number,
)
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000.command_forms import (
    HERTZ,
    PERCENT,
    SECOND,
    VOLT,
    FileName,
)
from labneuro.sim_backends.tektronix_afg31000.sequence import LOOPS

if TYPE_CHECKING:
    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

_ELEMENT = "SEQuence:ELEM{1-256}"
_EVENT = Choice("EXTernal", "BUS", "MANual", "TIMer")
_SLOPE = Choice("POSitive", "NEGative")
_FILE = FileName()


def _of_element(rest: str, name: str, argument: Argument) -> Command:
    """Declare a setting of an element of the table."""

    def write(afg: TektronixAfg31000, number: int, value: object) -> None:
        setattr(afg.sequence.element(number), name, value)

    def query(afg: TektronixAfg31000, number: int) -> Any:  # noqa: ANN401  as stored
        return getattr(afg.sequence.element(number), name)

    return Command(f"{_ELEMENT}:{rest}", write, query, (argument,))


def _target(rest: str, name: str) -> Command:
    """Declare the target of a jump."""

    def write(afg: TektronixAfg31000, number: int, value: float | Extreme) -> None:
        afg.sequence.set_target(number, name, value)

    def query(afg: TektronixAfg31000, number: int) -> int:
        return int(getattr(afg.sequence.element(number), name))

    return Command(f"{_ELEMENT}:{rest}", write, query, (Integer(),))


def _set_loops(afg: TektronixAfg31000, number: int, value: float | Extreme) -> None:
    afg.sequence.element(number).loop_count = LOOPS.resolve(value)


def _assign(afg: TektronixAfg31000, number: int, channel: int, name: str) -> None:
    afg.sequence.assign(number, channel, name)


def _set_run_mode(afg: TektronixAfg31000, mode: str) -> None:
    afg.outputs.stop_sequence()
    afg.sequence.set_run_mode(mode)


def _reset(afg: TektronixAfg31000) -> None:
    afg.outputs.stop_sequence()
    afg.sequence.reset()


def _new(afg: TektronixAfg31000) -> None:
    afg.outputs.stop_sequence()
    afg.sequence.clear()


def _delete(afg: TektronixAfg31000, name: str) -> None:
    if name.upper() == "ALL":
        afg.sequence.delete_waveforms()
    else:
        afg.sequence.delete_waveform(name)


def _list(afg: TektronixAfg31000) -> str:
    names = ",".join(one.name for one in afg.sequence.waveforms.values())
    return f'"{names}"'


SEQUENCE_COMMANDS = (
    Command(
        "SEQControl:STATe",
        lambda afg, on: afg.outputs.set_sequence_mode(on),
        lambda afg: afg.outputs.in_sequence_mode,
        (Boolean(),),
    ),
    Command(
        "SEQControl:RMODe",
        _set_run_mode,
        lambda afg: afg.sequence.run_mode,
        (Choice("CONTinuous", "TRIGgered", "GATed", "SEQuence"),),
    ),
    Command("SEQControl:RSTATe", query=lambda afg: afg.outputs.sequence_runs),
    Command("SEQControl:RUN[:IMMediate]", lambda afg: afg.outputs.run_sequence()),
    Command("SEQControl:STOP[:IMMediate]", lambda afg: afg.outputs.stop_sequence()),
    Command("SEQControl:RESet[:IMMediate]", _reset),
    Command(
        "SEQControl:SRATe",
        lambda afg, value: afg.sequence.set_rate(value),
        lambda afg: afg.sequence.rate,
        (Number(units=HERTZ),),
    ),
    Command(
        "SEQControl:TIMer",
        lambda afg, value: afg.sequence.set_timer(value),
        lambda afg: afg.sequence.timer,
        (Number(units=SECOND),),
    ),
    Command(
        "SEQControl:DELay",
        lambda afg, value: afg.sequence.set_skew(value),
        lambda afg: afg.sequence.skew,
        (Number(units=SECOND),),
    ),
    Command(
        "SEQControl:SOURce{1-2}:SCALe",
        lambda afg, channel, value: afg.sequence.set_scale(channel, value),
        lambda afg, channel: afg.sequence.scale[channel],
        (Number(units=PERCENT),),
    ),
    Command(
        "SEQControl:SOURce{1-2}:OFFSet",
        lambda afg, channel, value: afg.sequence.set_offset(channel, value),
        lambda afg, channel: afg.sequence.offset[channel],
        (Number(units=VOLT),),
    ),
    Command("SEQuence:NEW", _new),
    Command(
        "SEQuence:LENgth",
        lambda afg, value: afg.sequence.set_length(value),
        lambda afg: len(afg.sequence.elements),
        (Integer(),),
    ),
    Command(
        f"{_ELEMENT}:WAVeform{{1-2}}",
        _assign,
        lambda afg, number, channel: f'"{afg.sequence.assigned(number, channel)}"',
        (_FILE,),
    ),
    Command(
        f"{_ELEMENT}:LOOP:COUNt",
        _set_loops,
        lambda afg, number: afg.sequence.element(number).loop_count,
        (Integer(),),
    ),
    _of_element("LOOP:INFinite", "loop_infinite", Boolean()),
    _of_element("GOTO:STATe", "goto_state", Boolean()),
    _target("GOTO:INDex", "goto_index"),
    _of_element("JTARget:TYPE", "jump_type", Choice("INDex", "NEXT", "OFF")),
    _target("JTARget:INDex", "jump_index"),
    _of_element("JUMP:EVENt", "jump_event", _EVENT),
    _of_element("JUMP:SLOPe", "jump_slope", _SLOPE),
    _of_element("TWAit[:STATe]", "wait_state", Boolean()),
    _of_element("TWAit:EVENt", "wait_event", _EVENT),
    _of_element("TWAit:SLOPe", "wait_slope", _SLOPE),
    _of_element("MARKer:STATe", "marker", Boolean()),
    Command(
        "WLISt:WAVeform:IMPort",
        lambda afg, name: afg.sequence.import_waveform(name),
        arguments=(_FILE,),
    ),
    Command("WLISt:WAVeform:DELete", _delete, arguments=(_FILE,)),
    Command("WLISt:LIST", query=_list),
    Command("WLISt:SIZE", query=lambda afg: len(afg.sequence.waveforms)),
)
