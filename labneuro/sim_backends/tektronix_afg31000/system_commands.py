"""Commands of the AFG31000 as a whole: triggers, setups, screen, system.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639. ``SYSTem:RESTart``: tm_devices,
driver AFG31K. The password of a new instrument was not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Boolean,
    Choice,
    Integer,
    Number,
    Text,
)
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000.command_forms import (
    SECOND,
    SOURCE,
    nothing,
    stored,
    stored_number,
)
from labneuro.sim_backends.tektronix_afg31000.settings import Range
from labneuro.sim_backends.tektronix_afg31000.storage_errors import MISSING_MEDIA

if TYPE_CHECKING:
    from collections.abc import Container

    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

_MOST_STATES = 5
_WHOLE = Integer(extremes=False)
_CHANNEL = Choice("CH1", "CH2")
_LIGHT = Range(0.0, 1.0, 0.7)  # no source was found

STORED_DEFAULTS: dict[str, Any] = {
    "beeper": True,
    "key_click": True,
    "key_lock": False,
    "language": "ENGL",
    "brightness": _LIGHT.default,
    "contrast": _LIGHT.default,
    "screen_saver": False,
    "text": "",
    "reference": "INT",
    "slope": "POS",
    "recall_at_power_on": False,
    "trigger_output": "TRIG",
    **dict.fromkeys(
        ("volts1", "volts2", "frequency1", "frequency2", "phase1", "phase2"), False
    ),
}


def check_state(number: int, locked: Container[int] = ()) -> None:
    """Check the number of a setup memory, and that it is not locked.

    Raises
    ------
    ScpiError
        -222 for a number that is none, -221 if it is locked.
    """
    if not 0 <= number < _MOST_STATES:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    if number in locked:
        raise ScpiError(syntax.SETTINGS_CONFLICT)


def _save(afg: TektronixAfg31000, number: int) -> None:
    check_state(number, afg.locked_states)
    afg.memories[number] = afg.snapshot()


def _delete_state(afg: TektronixAfg31000, number: int) -> None:
    check_state(number, afg.locked_states)
    afg.memories.pop(number, None)


def _lock_state(afg: TektronixAfg31000, number: int, locked: bool) -> None:
    check_state(number)
    if number == 0:  # the last setup cannot be locked, manual MEMory:STATe:LOCK
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    (afg.locked_states.add if locked else afg.locked_states.discard)(number)


def _state_is_valid(afg: TektronixAfg31000, number: int) -> bool:
    check_state(number)
    return number in afg.memories


def _state_is_locked(afg: TektronixAfg31000, number: int) -> bool:
    check_state(number)
    return number in afg.locked_states


def _dump_screen(_: TektronixAfg31000) -> None:
    """Fail: the picture goes to a USB memory, and none is plugged in."""
    raise ScpiError(MISSING_MEDIA)


def _check_password(afg: TektronixAfg31000, password: str) -> None:
    if password != afg.password:
        raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)


def _unprotect(afg: TektronixAfg31000, password: str) -> None:
    _check_password(afg, password)
    afg.is_unprotected = True


def _protect(afg: TektronixAfg31000, password: str) -> None:
    _check_password(afg, password)
    afg.is_unprotected = False


def _change_password(afg: TektronixAfg31000, current: str, new: str) -> None:
    _check_password(afg, current)
    afg.password = new


def _restart(afg: TektronixAfg31000) -> None:
    """Start anew; how long that takes was not found, so it takes no time."""
    afg.reset()
    afg.status.clear()


SYSTEM_COMMANDS = (
    Command("ABORt", lambda afg: afg.outputs.abort()),
    Command("TRIGger[:SEQuence][:IMMediate]", lambda afg: afg.group_trigger()),
    Command(
        "TRIGger[:SEQuence]:SOURce",
        lambda afg, source: afg.set_trigger_source(source),
        lambda afg: afg.outputs.trigger_source,
        (Choice("TIMer", "EXTernal"),),
    ),
    Command(
        "TRIGger[:SEQuence]:TIMer",
        lambda afg, value: afg.set_timer(value),
        lambda afg: afg.outputs.timer,
        (Number(units=SECOND),),
    ),
    stored("TRIGger[:SEQuence]:SLOPe", "slope", Choice("POSitive", "NEGative")),
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
    stored("MEMory:STATe:RECall:AUTo", "recall_at_power_on", Boolean()),
    Command("*CAL", query=lambda _: 0),
    Command("CALibration[:ALL] DIAGnostic[:ALL]", nothing, lambda _: 0),
    Command("SYSTem:BEEPer[:IMMediate]", nothing),
    stored("SYSTem:BEEPer:STATe", "beeper", Boolean()),
    stored("SYSTem:KCLick[:STATe]", "key_click", Boolean()),
    stored("SYSTem:KLOCk[:STATe]", "key_lock", Boolean()),
    stored(
        "SYSTem:ULANguage",
        "language",
        Choice(
            *("ENGLish", "FRENch", "GERMan", "JAPanese"),
            *("KORean", "SCHinese", "TCHinese", "RUSSian"),
        ),
    ),
    stored_number("DISPlay:BRIGHtness DISPlay:BRIGhtness", "brightness", _LIGHT),
    stored_number("DISPlay:CONTrast", "contrast", _LIGHT),
    stored("DISPlay:SAVer[:STATe]", "screen_saver", Boolean()),
    Command("DISPlay:SAVer:IMMediate", nothing),
    Command(
        "DISPlay[:WINDow]:TEXT[:DATA]",
        lambda afg, text: afg.stored.update(text=text),
        lambda afg: f'"{afg.stored["text"]}"',
        (Text(),),
    ),
    Command("DISPlay[:WINDow]:TEXT:CLEar", lambda afg: afg.stored.update(text="")),
    Command("HCOPy:SDUMp[:IMMediate]", _dump_screen),
    Command("SYSTem:PASSword:CENable", _unprotect, arguments=(Text(),)),
    Command("SYSTem:PASSword:CDISable", _protect, arguments=(Text(),)),
    Command("SYSTem:PASSword:CENable:STATe", query=lambda afg: afg.is_unprotected),
    Command("SYSTem:PASSword:NEW", _change_password, arguments=(Text(), Text())),
    Command("SYSTem:SECurity[:IMMediate]", lambda afg: afg.erase()),
    Command("SYSTem:RESTart", _restart),
    stored(
        f"{SOURCE}:ROSCillator:SOURce",
        "reference",
        Choice("INTernal", "EXTernal"),
    ),
)
