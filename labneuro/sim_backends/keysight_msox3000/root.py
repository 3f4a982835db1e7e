"""Root and common commands: run control, status, setups, which waveforms are shown.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapters 5 (common), 6
(root), 25 (:RECall), 26 (:SAVE) and 28 (:SYSTem).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keysight_msox3000.commands import (
    ANY_SOURCE,
    AnyText,
    choice,
    nothing,
    signed,
    stored,
    switch,
)
from labneuro.sim_backends.keysight_msox3000.settings import dump, load
from labneuro.sim_backends.keysight_msox3000.vertical import digital_report
from labneuro.sim_backends.keysight_msox3000.waveform_commands import block
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Block, Choice, Extreme, Integer
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T

_MOST_SOURCES = 5
_SETUPS = 10
_REGISTER = 0xFFFF


def _digitize(scope: KeysightMsox3104T, *sources: str) -> None:
    """Acquire once, as ``:DIGitize``; without sources, what is displayed."""
    scope.acquisition.arm("DIG", _wanted(scope, sources) if sources else None)


def _digitize_short(scope: KeysightMsox3104T, suffix: int, *sources: str) -> None:
    if suffix:
        raise ScpiError(syntax.UNDEFINED_HEADER)
    _digitize(scope, *sources)


def _wanted(scope: KeysightMsox3104T, sources: tuple[str, ...]) -> set[str]:
    """Put the named sources on the screen; math needs the channels that it is of."""
    wanted: set[str] = set()
    function = scope.settings.function
    for source in sources:
        scope.show(source)
        if source in ("FUNC", "MATH", "FFT"):
            wanted |= {function.source1, function.source2}
        else:
            wanted.add(source)
    return wanted


def _view(scope: KeysightMsox3104T, source: str) -> None:
    scope.show(source)


def _blank(scope: KeysightMsox3104T, source: str = "") -> None:
    if source:
        scope.show(source, on=False)
        return
    for word in ANY_SOURCE:
        scope.show(_SOURCE.read(word), on=False)


def _status(scope: KeysightMsox3104T, source: str) -> bool:
    return scope.is_shown(source)


def _autoscale(scope: KeysightMsox3104T, *sources: str) -> None:
    scope.autoscale(sources)


def _set_mask(scope: KeysightMsox3104T, mask: float | Extreme) -> None:
    if isinstance(mask, Extreme) or not 0 <= mask <= _REGISTER:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    scope.status.operation.set_enable(int(mask))


def _load_setup(scope: KeysightMsox3104T, content: bytes) -> None:
    scope.take_settings(load(content))


def _learn(scope: KeysightMsox3104T) -> bytes:
    return b":SYST:SET " + block(dump(scope.settings))


def _setup_number(number: float | Extreme) -> int:
    if isinstance(number, Extreme) or not 0 <= number < _SETUPS:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    return int(number)


def _save(scope: KeysightMsox3104T, number: float | Extreme) -> None:
    scope.memories[_setup_number(number)] = scope.snapshot()


def _recall(scope: KeysightMsox3104T, number: float | Extreme) -> None:
    which = _setup_number(number)
    if which not in scope.memories:
        raise ScpiError(syntax.PARAMETER_ERROR)
    scope.restore(scope.memories[which])


def _error(scope: KeysightMsox3104T, form: str = "STR") -> str:
    """Take the oldest error, as number and text or as the number alone."""
    entry = scope.status.errors.pop()
    return entry.partition(",")[0] if form == "NUMB" else entry


_SOURCE = Choice(*ANY_SOURCE)
_SOME = (Choice(*ANY_SOURCE, optional=True),) * _MOST_SOURCES
_WHOLE = (Integer(extremes=False),)

COMMANDS: tuple[Command, ...] = (
    Command("RUN", lambda scope: scope.acquisition.arm("RUN")),
    Command("STOP", lambda scope: scope.acquisition.stop()),
    Command("SINGle", lambda scope: scope.acquisition.arm("SING")),
    # DIG is short for both: alone it acquires, with a number it is a channel.
    Command("DIGITIZE", _digitize, arguments=_SOME),
    Command("DIGital{0-15}", _digitize_short, digital_report, _SOME),
    Command("AUToscale", _autoscale, arguments=_SOME),
    Command(
        "AUToscale:AMODE",
        lambda scope, word: scope.settings.stored.update({"autoscale": word}),
        lambda scope: scope.settings.stored.get("autoscale", "NORM"),
        (Choice("NORMal", "CURRent"),),
    ),
    choice("AUToscale:CHANnels", "ALL", "DISPlayed"),
    Command("VIEW", _view, arguments=(_SOURCE,)),
    Command("BLANk", _blank, arguments=(Choice(*ANY_SOURCE, optional=True),)),
    Command("STATus", query=_status, query_arguments=(_SOURCE,)),
    Command("CDISplay DISPlay:CLEar", lambda scope: scope.clear_display()),
    Command("TER", query=lambda scope: signed(scope.take_trigger_event())),
    Command("AER", query=lambda scope: signed(scope.take_armed_event())),
    Command("RSTate", query=lambda scope: "RUN" if scope.acquisition.kind else "STOP"),
    Command("MTERegister[:EVENt]", query=lambda _: signed(0)),
    Command("OVLRegister", query=lambda _: signed(0)),
    Command(
        "OPERegister[:EVENt]",
        query=lambda scope: signed(scope.status.operation.take_event()),
    ),
    Command(
        "OPERegister:CONDition",
        query=lambda scope: signed(scope.status.operation.condition),
    ),
    Command(
        "OPEE", _set_mask, lambda scope: signed(scope.status.operation.enable), _WHOLE
    ),
    Command("SERial", query=lambda scope: scope.identity.split(",")[2]),
    Command("*LRN", query=_learn),
    Command("*SAV SAVE:SETup[:STARt]", _save, arguments=_WHOLE),
    Command("*RCL RECall:SETup[:STARt]", _recall, arguments=_WHOLE),
    Command(
        "SYSTem:SETup",
        _load_setup,
        lambda scope: block(dump(scope.settings)),
        (Block(),),
    ),
    Command(
        "SYSTem:ERRor[:NEXT]",
        query=_error,
        query_arguments=(Choice("NUMBer", "STRing", optional=True),),
    ),
    Command("SYSTem:PRESet", lambda scope: scope.reset()),
    Command("SYSTem:DSP", nothing, arguments=(AnyText(),)),
    switch("SYSTem:LOCK"),
    choice("SYSTem:MENU", "OFF", "MASK", "MEASure", "SEGMented", "LISTer", "POWer"),
    stored("SYSTem:PROTection:LOCK", Choice("ON", "OFF"), "OFF"),
    Command("SYSTem:TOUCh", nothing, lambda _: 1, (Choice("ON", "OFF"),)),
    Command("SYSTem:RLOGger:STATe", nothing, lambda _: 0, (Choice("ON", "OFF"),)),
    stored("SAVE:FILename RECall:FILename", AnyText(), "setup"),
)
