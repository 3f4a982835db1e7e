"""The command table of the AFG31000.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639: the command list; AFG31000 Series
Programmer's Manual 077-1148: ``BURSt:IDLE`` and ``BURSt:INFInite:REARm``.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Argument,
    Block,
    Boolean,
    Choice,
    Integer,
    Number,
    Quantity,
)
from labneuro.sim_backends.scpi.syntax import ScpiError, definite_block
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.channel import AfgChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.scpi.arguments import Amount, Extreme
    from labneuro.sim_backends.scpi.syntax import Element
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

_VOLT = {"V": 1.0}
_SECOND = {"S": 1.0}
_HERTZ = {"HZ": 1.0}
_PERCENT = {"PCT": 1.0, "%": 1.0}
_ANGLE = {"RAD": 1.0, "DEG": math.pi / 180.0}
_SOURCE = "[SOURce{1-2}]"
_EXTREME = (Choice("MINimum", "MAXimum", "DEFault", optional=True),)
_MOST_STATES = 5


def _numeric(
    header: str, name: str, units: Mapping[str, float], coupling: str = ""
) -> Command:
    """Declare a numeric setting of a channel, with ``MIN`` and ``MAX`` queries."""

    def write(afg: TektronixAfg31000, number: int, value: float | Extreme) -> None:
        afg.change(number, partial(AfgChannel.set, name=name, value=value), coupling)

    def query(afg: TektronixAfg31000, number: int, which: str = "") -> float:
        channel = afg.channels[number]
        if not which:
            return channel.get(name)
        allowed = channel.range(name)
        return {"MIN": allowed.low, "MAX": allowed.high, "DEF": allowed.default}[which]

    return Command(header, write, query, (Number(units=units),), _EXTREME)


def _word(
    header: str, name: str, options: Argument, setter: str | None = None
) -> Command:
    """Declare a setting of a channel that is a word or a switch."""

    def apply(value: object, channel: AfgChannel) -> None:
        if setter is None:
            setattr(channel.settings, name, value)
        else:
            getattr(channel, setter)(value)

    def write(afg: TektronixAfg31000, number: int, value: object) -> None:
        afg.change(number, partial(apply, value))

    def query(afg: TektronixAfg31000, number: int) -> Any:  # noqa: ANN401  str or bool
        return getattr(afg.channels[number].settings, name)

    return Command(header, write, query, (options,))


def _stored(header: str, name: str, argument: Argument) -> Command:
    """Declare a setting of the instrument that its outputs do not depend on."""

    def write(afg: TektronixAfg31000, *suffix_and_value: Any) -> None:  # noqa: ANN401
        afg.stored[name] = suffix_and_value[-1]

    return Command(header, write, lambda afg, *_: afg.stored[name], (argument,))


def _coupled(header: str, name: str) -> Command:
    """Declare the switch that lets a channel's setting act on the other one too."""

    def write(afg: TektronixAfg31000, number: int, value: bool) -> None:
        afg.stored[f"{name}{number}"] = value

    def query(afg: TektronixAfg31000, number: int) -> Any:  # noqa: ANN401  a switch
        return afg.stored[f"{name}{number}"]

    return Command(header, write, query, (Boolean(),))


STORED_DEFAULTS: dict[str, Any] = {
    "beeper": True,
    "key_click": True,
    "key_lock": False,
    "language": "ENGL",
    "brightness": 0.7,
    "reference": "INT",
    "slope": "POS",
    "recall_at_power_on": False,
    "trigger_output": "TRIG",
    **dict.fromkeys(("volts1", "volts2", "frequency1", "frequency2"), False),
}


def _set_amplitude(
    afg: TektronixAfg31000, number: int, value: Amount | Extreme
) -> None:
    afg.change(number, lambda channel: channel.set_amplitude(value), "volts")


def _amplitude(afg: TektronixAfg31000, number: int, which: str = "") -> float:
    channel = afg.channels[number]
    if not which:
        return channel.amplitude()
    allowed = channel.range("amplitude")
    return {"MIN": allowed.low, "MAX": allowed.high, "DEF": allowed.default}[which]


def _align_phases(afg: TektronixAfg31000, _: int) -> None:
    afg.refresh()


class _PointsOrShape(Argument):
    """The second parameter of DATA:DEFine: a number of points or a shape."""

    def read(self, element: Element) -> str | float | Extreme:
        """Return the number, or the short form of the shape."""
        plain = element if isinstance(element, str) else ""
        if plain[:1].isalpha() and plain.upper() not in ("MIN", "MAX"):
            return Choice("SINusoid", "SQUare", "PULSe", "RAMP", "NOISe").read(element)
        return Integer().read(element)


def _memory(method: str) -> Callable[..., None]:
    """Return a command that changes the waveform memories."""

    def write(afg: TektronixAfg31000, *arguments: object) -> None:
        getattr(afg.memory, method)(*arguments)
        afg.memory_changed()

    return write


def _define(afg: TektronixAfg31000, name: str, what: Any = None) -> None:  # noqa: ANN401
    afg.memory.define(name, what)
    afg.memory_changed()


def _set_points(afg: TektronixAfg31000, name: str, count: Any = None) -> None:  # noqa: ANN401
    afg.memory.set_points(name, limits.DEFAULT_POINTS if count is None else count)
    afg.memory_changed()


def _points(afg: TektronixAfg31000, name: str, which: str = "") -> int:
    extremes = {"MIN": limits.FEWEST_POINTS, "MAX": limits.MOST_POINTS}
    return extremes[which] if which else len(afg.memory.content[name])


def _copy_waveform(afg: TektronixAfg31000, first: str, second: str) -> None:
    """Copy the first memory to the second (DATA:COPY, DATA:EMEMCOPY)."""
    afg.memory.copy(first, second)
    afg.memory_changed()


def _delete_waveform(afg: TektronixAfg31000, name: str) -> None:
    if any(channel.settings.shape == name for channel in afg.channels.values()):
        raise ScpiError(syntax.SETTINGS_CONFLICT)
    afg.memory.delete(name)


def _check_state(afg: TektronixAfg31000, number: int, *, change: bool) -> None:
    if not 0 <= number < _MOST_STATES:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    if change and number in afg.locked_states:
        raise ScpiError(syntax.SETTINGS_CONFLICT)


def _save(afg: TektronixAfg31000, number: int) -> None:
    _check_state(afg, number, change=True)
    afg.memories[number] = afg.snapshot()


def _delete_state(afg: TektronixAfg31000, number: int) -> None:
    _check_state(afg, number, change=True)
    afg.memories.pop(number, None)


def _lock_state(afg: TektronixAfg31000, number: int, locked: bool) -> None:
    _check_state(afg, number, change=False)
    if number == 0:  # the last setup cannot be locked, manual MEMory:STATe:LOCK
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    (afg.locked_states.add if locked else afg.locked_states.discard)(number)


def _state_is_valid(afg: TektronixAfg31000, number: int) -> bool:
    _check_state(afg, number, change=False)
    return number in afg.memories


def _state_is_locked(afg: TektronixAfg31000, number: int) -> bool:
    _check_state(afg, number, change=False)
    return number in afg.locked_states


def _nothing(*_: object) -> None:
    """Do what needs a person before the instrument to be noticed."""


_EDIT = Choice("EMEMory[1]", "EMEMory2")
_USER = Choice("USER[1]", "USER2", "USER3", "USER4")
_ANY = Choice("EMEMory[1]", "EMEMory2", "USER[1]", "USER2", "USER3", "USER4")
_WHOLE = Integer(extremes=False)
_CHANNEL = Choice("CH1", "CH2")


def _both(rest: str) -> str:
    """Return the two headers of a command of the DATA (TRACe) subsystem."""
    return f"DATA{rest} TRACe{rest}"


_CHANNEL_COMMANDS = (
    _word(f"{_SOURCE}:FUNCtion[:SHAPe]", "shape", Choice(*limits.SHAPES), "set_shape"),
    _numeric(f"{_SOURCE}:FUNCtion:RAMP:SYMMetry", "symmetry", _PERCENT),
    _numeric(
        f"{_SOURCE}:FREQuency[:CW] {_SOURCE}:FREQuency:FIXed",
        "frequency",
        _HERTZ,
        "frequency",
    ),
    Command(
        f"{_SOURCE}:FREQuency:MODE",
        _nothing,
        lambda _, __: "CW",
        (Choice("CW", "FIXed"),),
    ),
    _coupled(f"{_SOURCE}:FREQuency:CONCurrent[:STATe]", "frequency"),
    _numeric(f"{_SOURCE}:PHASe[:ADJust]", "phase", _ANGLE),
    Command(f"{_SOURCE}:PHASe:INITiate", _align_phases),
    Command(
        f"{_SOURCE}:VOLTage[:LEVel][:IMMediate][:AMPLitude]",
        _set_amplitude,
        _amplitude,
        (Quantity(units=("VPP", "VRMS", "DBM", "V")),),
        _EXTREME,
    ),
    *(
        _numeric(f"{_SOURCE}:VOLTage{node}", name, _VOLT, "volts")
        for node, name in (
            ("[:LEVel][:IMMediate]:HIGH", "high"),
            ("[:LEVel][:IMMediate]:LOW", "low"),
            ("[:LEVel][:IMMediate]:OFFSet", "offset"),
            (":LIMit:HIGH", "high_limit"),
            (":LIMit:LOW", "low_limit"),
        )
    ),
    _coupled(f"{_SOURCE}:VOLTage:CONCurrent[:STATe]", "volts"),
    _word(f"{_SOURCE}:VOLTage:UNIT", "unit", Choice("VPP", "VRMS", "DBM"), "set_unit"),
    _numeric(f"{_SOURCE}:PULSe:PERiod", "period", _SECOND, "frequency"),
    _numeric(f"{_SOURCE}:PULSe:WIDTh", "width", _SECOND),
    _numeric(f"{_SOURCE}:PULSe:DCYCle", "duty", _PERCENT),
    _numeric(f"{_SOURCE}:PULSe:DELay", "delay", _SECOND),
    _numeric(f"{_SOURCE}:PULSe:TRANsition[:LEADing]", "leading", _SECOND),
    _numeric(f"{_SOURCE}:PULSe:TRANsition:TRAiling", "trailing", _SECOND),
    _word(f"{_SOURCE}:PULSe:HOLD", "hold", Choice("WIDTh", "DUTY"), "set_hold"),
    _word(f"{_SOURCE}:BURSt[:STATe]", "burst", Boolean()),
    _word(f"{_SOURCE}:BURSt:MODE", "burst_mode", Choice("TRIGgered", "GATed")),
    _word(f"{_SOURCE}:BURSt:NCYCles", "cycles", Integer(infinite=True), "set_cycles"),
    _numeric(f"{_SOURCE}:BURSt:TDELay", "trigger_delay", _SECOND),
    _word(f"{_SOURCE}:BURSt:IDLE", "idle", Choice("START", "DC", "END", "OFF")),
    Command(f"{_SOURCE}:BURSt:INFInite:REARm", lambda afg, _: afg.abort()),
    _word("OUTPut{1-2}[:STATe]", "output", Boolean()),
    # The second header is not in the manual; PyMeasure's AFG3152C class sends it.
    _word(
        "OUTPut{1-2}:IMPedance SOURce{1-2}:OUTPut:IMPedance",
        "load",
        Number(units={"OHM": 1.0}, infinite=True),
        "set_load",
    ),
    Command(
        "OUTPut{1-2}:POLarity",
        lambda afg, number, word: afg.change(
            number,
            lambda channel: setattr(channel.settings, "inverted", word == "INV"),
        ),
        lambda afg, n: "INV" if afg.channels[n].settings.inverted else "NORM",
        (Choice("NORMal", "INVerted"),),
    ),
    _stored("OUTPut{1-2}:TRIGger:MODE", "trigger_output", Choice("TRIGger", "SYNC")),
)

_DATA_COMMANDS = (
    Command(
        _both("[:DATA]"),
        _memory("write_block"),
        lambda afg, name: definite_block(afg.memory.read_block(name)),
        (_EDIT, Block()),
        (_EDIT,),
    ),
    Command(
        _both(":DATA:VALue"),
        _memory("set_value"),
        lambda afg, name, point: afg.memory.value(name, point),
        (_EDIT, _WHOLE, _WHOLE),
        (_EDIT, _WHOLE),
    ),
    Command(
        _both(":DATA:LINE"),
        _memory("draw_line"),
        arguments=(_EDIT, _WHOLE, _WHOLE, _WHOLE, _WHOLE),
    ),
    Command(
        _both(":DEFine"), _define, arguments=(_EDIT, _PointsOrShape(optional=True))
    ),
    Command(
        _both(":POINts"),
        _set_points,
        _points,
        (_EDIT, Integer(optional=True)),
        (_EDIT, Choice("MINimum", "MAXimum", optional=True)),
    ),
    Command(_both(":COPY"), _copy_waveform, arguments=(_ANY, _ANY)),
    Command(_both(":EMEMCOPY"), _copy_waveform, arguments=(_EDIT, _EDIT)),
    Command(_both(":CATalog"), query=lambda afg: afg.memory.catalog()),
    Command(_both(":DELete[:NAME]"), _delete_waveform, arguments=(_USER,)),
    Command(
        _both(":LOCK[:STATe]"),
        _memory("lock"),
        lambda afg, name: name in afg.memory.locked,
        (_USER, Boolean()),
        (_USER,),
    ),
)

_SYSTEM_COMMANDS = (
    Command("ABORt", lambda afg: afg.abort()),
    Command("TRIGger[:SEQuence][:IMMediate]", lambda afg: afg.group_trigger()),
    Command(
        "TRIGger[:SEQuence]:SOURce",
        lambda afg, source: afg.set_trigger_source(source),
        lambda afg: afg.trigger_source,
        (Choice("TIMer", "EXTernal"),),
    ),
    Command(
        "TRIGger[:SEQuence]:TIMer",
        lambda afg, value: afg.set_timer(value),
        lambda afg: afg.timer,
        (Number(units=_SECOND),),
    ),
    _stored("TRIGger[:SEQuence]:SLOPe", "slope", Choice("POSitive", "NEGative")),
    Command(
        "AFGControl:CSCopy",
        lambda afg, source, target: afg.copy_channel(source, target),
        arguments=(_CHANNEL, _CHANNEL),
    ),
    Command("*SAV", _save, arguments=(_WHOLE,)),
    Command("MEMory:STATe:DELete", _delete_state, arguments=(_WHOLE,)),
    Command("MEMory:STATe:VALid", None, _state_is_valid, query_arguments=(_WHOLE,)),
    Command(
        "MEMory:STATe:LOCK",
        _lock_state,
        _state_is_locked,
        (_WHOLE, Boolean()),
        (_WHOLE,),
    ),
    _stored("MEMory:STATe:RECall:AUTo", "recall_at_power_on", Boolean()),
    Command("*CAL", query=lambda _: 0),
    Command("CALibration[:ALL] DIAGnostic[:ALL]", _nothing, lambda _: 0),
    Command("SYSTem:BEEPer[:IMMediate]", _nothing),
    _stored("SYSTem:BEEPer:STATe", "beeper", Boolean()),
    _stored("SYSTem:KCLick[:STATe]", "key_click", Boolean()),
    _stored("SYSTem:KLOCk[:STATe]", "key_lock", Boolean()),
    _stored(
        "SYSTem:ULANguage",
        "language",
        Choice(
            *("ENGLish", "FRENch", "GERMan", "JAPanese"),
            *("KORean", "SCHinese", "TCHinese", "RUSSian"),
        ),
    ),
    _stored("DISPlay:BRIGhtness", "brightness", Number(extremes=False)),
    _stored(
        f"{_SOURCE}:ROSCillator:SOURce", "reference", Choice("INTernal", "EXTernal")
    ),
)

COMMANDS: tuple[Command, ...] = (
    *_CHANNEL_COMMANDS,
    *_DATA_COMMANDS,
    *_SYSTEM_COMMANDS,
)
