"""What is drawn: the display, its picture, markers, math, memories, multimeter.

The wave generator, serial buses, mask test and lister are state only.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapters 14 (:DISPlay), 15
(:DVM), 17 (:FUNCtion), 18 (:HARDcopy), 20 (:MARKer), 35 (:WGEN), 36 (:WMEMory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.commands import (
    ANALOG,
    ANY_SOURCE,
    HERTZ,
    SECOND,
    VOLT,
    AnyText,
    Names,
    amount,
    check,
    choice,
    number,
    setting,
    stored,
    switch,
)
from labneuro.sim_backends.keysight_msox3000.math_functions import OPERATIONS
from labneuro.sim_backends.keysight_msox3000.measure_commands import waveform
from labneuro.sim_backends.keysight_msox3000.screenshot import picture
from labneuro.sim_backends.keysight_msox3000.waveform_commands import block
from labneuro.sim_backends.scpi.arguments import Boolean, Choice, Extreme, Number
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.settings import Function

_MEMORY = "WMEMory{1-2}"
_PICTURES = {"PNG": "PNG", "BMP": "BMP", "BMP8": "BMP8", "BMP8BIT": "BMP8"}
_FILES = {**_PICTURES, "BMP24": "BMP24", "BMP24BIT": "BMP24", "NONE": "NONE"}
_SPEEDS = (0.0, 1e12)


def function_of(scope: KeysightMsox3104T, *_: int) -> Function:
    """Return the settings of the math waveform."""
    return scope.settings.function


def _display_data(
    scope: KeysightMsox3104T, form: str = "PNG", palette: str = "COL"
) -> bytes:
    ink_saver = scope.settings.stored.get("HARDcopy:INKSaver", True)
    return block(picture(scope, form, palette == "GRAY", bool(ink_saver)))


def _set_math_scale(scope: KeysightMsox3104T, _: int, value: float | Extreme) -> None:
    divisions = datasheet.VERTICAL_DIVISIONS
    function_of(scope).range = divisions * check(value, 1e-15, 1e15)


def _math_scale(scope: KeysightMsox3104T, _: int) -> float:
    return _math_range(scope, 1) / datasheet.VERTICAL_DIVISIONS


def _math_range(scope: KeysightMsox3104T, _: int) -> float:
    """Return the height of the math screen: as set, or as it fits itself."""
    fixed = function_of(scope).range
    if fixed > 0.0:
        return fixed
    trace = scope.trace("FUNC")
    return datasheet.VERTICAL_DIVISIONS if trace is None else trace.y_increment * 254


def _set_math_source(scope: KeysightMsox3104T, *parts: Any) -> None:  # noqa: ANN401  suffixes, source
    setattr(function_of(scope), f"source{parts[-2]}", parts[-1])


def _math_source(scope: KeysightMsox3104T, *suffixes: int) -> str:
    return str(getattr(function_of(scope), f"source{suffixes[-1]}"))


def _function_report(scope: KeysightMsox3104T, _: int) -> str:
    one = function_of(scope)
    return (
        f":FUNC:OPER {one.operation};SOUR1 {one.source1};SOUR2 {one.source2};"
        f"DISP {int(one.display)};RANG {scope.format_number(_math_range(scope, 1))};"
        f"OFFS {scope.format_number(one.offset)}"
    )


_FUNCTION = "FUNCtion{1-1}"
_ANALOG = Choice(*ANALOG)
_WINDOWS = Choice("RECTangular", "HANNing", "FLATtop", "BHARris")
_MATH = (
    Command(_FUNCTION, query=_function_report),
    setting(f"{_FUNCTION}:DISPlay FFT:DISPlay", function_of, "display", Boolean()),
    setting(
        f"{_FUNCTION}:OPERation",
        function_of,
        "operation",
        Choice(*OPERATIONS),
        live=False,
    ),
    Command(
        f"{_FUNCTION}:RANGe FFT:RANGe",
        lambda scope, *parts: setattr(
            function_of(scope), "range", check(parts[-1], 1e-15, 1e15)
        ),
        lambda scope, *_: _math_range(scope, 1),
        (Number(units=VOLT),),
    ),
    Command(f"{_FUNCTION}:SCALe", _set_math_scale, _math_scale, (Number(units=VOLT),)),
    number(
        f"{_FUNCTION}:OFFSet {_FUNCTION}:REFerence FFT:OFFSet",
        function_of,
        "offset",
        (-1e15, 1e15),
        VOLT,
        live=False,
    ),
    Command(
        f"{_FUNCTION}:SOURce{{1-2}} FFT:SOURce{{1-1}}",
        _set_math_source,
        _math_source,
        (_ANALOG,),
    ),
    *(
        number(
            f"{_FUNCTION}[:FFT]:{node} FFT:{node}",
            function_of,
            name,
            _SPEEDS,
            HERTZ,
            live=False,
        )
        for node, name in (("CENTer", "center"), ("SPAN", "span"))
    ),
    setting(
        f"{_FUNCTION}[:FFT]:WINDow FFT:WINDow",
        function_of,
        "window",
        _WINDOWS,
        live=False,
    ),
    setting(
        f"{_FUNCTION}[:FFT]:VTYPe FFT:VTYPe",
        function_of,
        "vertical_type",
        Choice("DECibel", "VRMS"),
        live=False,
    ),
    amount(f"{_FUNCTION}:FREQuency:LOWPass", HERTZ, 1e6),
    amount(f"{_FUNCTION}:FREQuency:HIGHpass", HERTZ, 1e3),
)


def _keep(scope: KeysightMsox3104T, which: int, source: str) -> None:
    trace = scope.trace(source)
    if trace is not None:
        scope.reference_waveforms[f"WMEM{which}"] = trace


def _drop(scope: KeysightMsox3104T, which: int) -> None:
    scope.reference_waveforms.pop(f"WMEM{which}", None)


_MEMORIES = (
    Command(f"{_MEMORY}:SAVE", _keep, arguments=(Choice(*ANY_SOURCE),)),
    Command(f"{_MEMORY}:CLEar", _drop),
    switch(f"{_MEMORY}:DISPlay"),
    stored(f"{_MEMORY}:LABel", AnyText(), '""'),
)


def _multimeter(scope: KeysightMsox3104T) -> float:
    """Return the multimeter's reading of its source, 9.9E+37 while it is off."""
    kept: dict[str, Any] = scope.settings.stored
    one = waveform(scope, kept.get("DVM:SOURce", "CHAN1"))
    if one is None or not kept.get("DVM:ENABle", False):
        return datasheet.INVALID
    mode = kept.get("DVM:MODE", "DC")
    if mode == "DC":
        return one.mean(cycle=True)
    return one.effective(cycle=True, ac=mode == "ACRM")


def _counter(scope: KeysightMsox3104T) -> float:
    """Return the counter's frequency of the multimeter's source."""
    kept: dict[str, Any] = scope.settings.stored
    one = waveform(scope, kept.get("DVM:SOURce", "CHAN1"))
    enabled = kept.get("DVM:ENABle", False)
    return one.frequency if one is not None and enabled else datasheet.INVALID


_MULTIMETER = (
    switch("DVM:ENABle"),
    switch("DVM:ARANge"),
    choice("DVM:SOURce", *ANALOG),
    choice("DVM:MODE", "DC", "ACRMs", "DCRMs", "FREQuency"),
    Command("DVM:CURRent", query=_multimeter),
    Command("DVM:FREQuency", query=_counter),
)

_DISPLAY = (
    Command(
        "DISPlay:DATA",
        query=_display_data,
        query_arguments=(
            Names(names=_PICTURES, optional=True),
            Choice("COLor", "GRAYscale", optional=True),
        ),
    ),
    switch("DISPlay:LABel"),
    switch("DISPlay:VECTors", default=True),
    switch("DISPlay:ANNotation{1-10}"),
    stored("DISPlay:ANNotation{1-10}:TEXT", AnyText(), ""),
    choice("DISPlay:ANNotation{1-10}:BACKground", "OPAQue", "INVerted", "TRANsparent"),
    choice(
        "DISPlay:ANNotation{1-10}:COLor",
        *("WHITe", "RED", "CH1", "CH2", "CH3", "CH4", "DIG", "MATH", "REF", "MARKer"),
    ),
    choice("DISPlay:PERSistence", "MINimum", "INFinite"),
    amount("DISPlay:INTensity:WAVeform", {}, 50.0),
    choice("DISPlay:SIDebar", "SUMMary", "CURSors", "MEASurements", "DVM", "NAVigate"),
    switch("HARDcopy:INKSaver", default=True),
    choice("HARDcopy:PALette", "COLor", "GRAYscale", "NONE"),
    choice("HARDcopy:LAYout", "LANDscape", "PORTrait"),
    choice("HARDcopy:AREA", "SCReen"),
    switch("HARDcopy:FACTors"),
    switch("HARDcopy:FFEed"),
    stored("SAVE:IMAGe:FORMat", Names(names=_FILES), "PNG"),
    choice("SAVE:IMAGe:PALette", "COLor", "GRAYscale"),
    switch("SAVE:IMAGe:INKSaver", default=True),
    choice("SAVE:WAVeform:FORMat", "CSV", "ASCiixy", "BINary"),
)

_MARKERS = (
    choice("MARKer:MODE", "OFF", "MEASurement", "MANual", "WAVeform", "BINary"),
    choice("MARKer:XUNits", "SEConds", "HERTz", "DEGRees", "PERCent"),
    choice("MARKer:YUNits", "BASE", "PERCent"),
)

_WAVE_GENERATOR = (
    choice(
        "WGEN{1-1}:FUNCtion",
        "SINusoid",
        "SQUare",
        "RAMP",
        "PULSe",
        "NOISe",
        "DC",
        *("SINC", "EXPRise", "EXPFall", "CARDiac", "GAUSsian", "ARBitrary"),
    ),
    amount("WGEN{1-1}:FREQuency", HERTZ, 1e3),
    amount("WGEN{1-1}:PERiod", SECOND, 1e-3),
    amount("WGEN{1-1}:VOLTage", VOLT, 0.5),
    amount("WGEN{1-1}:VOLTage:OFFSet", VOLT, 0.0),
    amount("WGEN{1-1}:VOLTage:HIGH", VOLT, 0.25),
    amount("WGEN{1-1}:VOLTage:LOW", VOLT, -0.25),
    switch("WGEN{1-1}:OUTPut"),
    choice("WGEN{1-1}:OUTPut:LOAD", "ONEMeg", "FIFTy"),
    amount("WGEN{1-1}:FUNCtion:PULSe:WIDTh", SECOND, 1e-4),
    amount("WGEN{1-1}:FUNCtion:SQUare:DCYCle", {"PCT": 1.0}, 50.0),
    amount("WGEN{1-1}:FUNCtion:RAMP:SYMMetry", {"PCT": 1.0}, 50.0),
)

_BUSES = (
    switch("BUS{1-2}:DISPlay"),
    stored("BUS{1-2}:LABel", AnyText(longest=10), '""'),
    amount("BUS{1-2}:MASK", {}, 255.0),
)

COMMANDS: tuple[Command, ...] = (
    *_MATH,
    *_MEMORIES,
    *_MULTIMETER,
    *_DISPLAY,
    *_MARKERS,
    *_WAVE_GENERATOR,
    *_BUSES,
)
