"""Commands of time base, acquisition and trigger.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapters 8 (:ACQuire), 29
(:TIMebase) and 31 (:TRIGger).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.commands import (
    ANALOG,
    DIGITAL,
    SECOND,
    VOLT,
    AnyText,
    amount,
    check,
    choice,
    nothing,
    number,
    setting,
    source_choice,
    stored,
    switch,
)
from labneuro.sim_backends.keysight_msox3000.record import Plan
from labneuro.sim_backends.keysight_msox3000.settings import trigger_level
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Boolean, Choice, Extreme, Number
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.settings import (
        Acquire,
        Timebase,
        Trigger,
    )

_MODES = ("MAIN", "WINDow", "XY", "ROLL")
_TRIGGER_MODES = (
    *("EDGE", "GLITch", "PATTern", "TV", "DELay", "EBURst", "OR", "RUNT", "SHOLd"),
    *("TRANsition", "SBUS1", "SBUS2", "USB", "NFC"),
)
_EDGE_SOURCES = (*ANALOG, *DIGITAL, "EXTernal", "LINE", "WGEN", "WGEN1")
_PULSE_SOURCES = (*ANALOG, *DIGITAL)
_SHORTEST_PULSE, _LONGEST_PULSE = 2e-9, 10.0  # User's Guide, pulse width trigger


def timebase_of(scope: KeysightMsox3104T) -> Timebase:
    """Return the settings of the time base."""
    return scope.settings.timebase


def acquire_of(scope: KeysightMsox3104T) -> Acquire:
    """Return the settings of the acquisition."""
    return scope.settings.acquire


def trigger_of(scope: KeysightMsox3104T) -> Trigger:
    """Return the settings of the trigger."""
    return scope.settings.trigger


def _set_time(
    scope: KeysightMsox3104T, value: float | Extreme, divisions: int = 1
) -> None:
    low, high = datasheet.SHORTEST_TIME, datasheet.LONGEST_TIME
    timebase_of(scope).range = divisions * check(
        value, low / divisions, high / divisions
    )
    scope.settings_changed()


def _set_time_scale(scope: KeysightMsox3104T, value: float | Extreme) -> None:
    _set_time(scope, value, datasheet.DIVISIONS)


def _set_position(scope: KeysightMsox3104T, value: float | Extreme) -> None:
    limit = datasheet.LONGEST_TIME
    timebase_of(scope).position = check(value, -limit, limit)
    scope.settings_changed()


def _set_time_mode(scope: KeysightMsox3104T, word: str) -> None:
    timebase_of(scope).mode = word
    if word == "ROLL":  # ROLL has its reference at the right (Programmer's Guide)
        timebase_of(scope).reference = "RIGH"
    scope.settings_changed()


def _timebase_report(scope: KeysightMsox3104T) -> str:
    one = timebase_of(scope)
    return (
        f":TIM:MODE {one.mode};REF {one.reference};"
        f"MAIN:RANG {scope.format_number(one.range)};"
        f"POS {scope.format_number(one.position)}"
    )


_TIMEBASE = (
    Command("TIMebase", query=_timebase_report),
    Command(
        "TIMebase:MODE",
        _set_time_mode,
        lambda scope: timebase_of(scope).mode,
        (Choice(*_MODES),),
    ),
    Command(
        "TIMebase[:MAIN]:RANGe",
        _set_time,
        lambda scope: timebase_of(scope).range,
        (Number(units=SECOND),),
    ),
    Command(
        "TIMebase[:MAIN]:SCALe",
        _set_time_scale,
        lambda scope: timebase_of(scope).range / datasheet.DIVISIONS,
        (Number(units=SECOND),),
    ),
    Command(
        "TIMebase[:MAIN]:POSition TIMebase:DELay",
        _set_position,
        lambda scope: timebase_of(scope).position,
        (Number(units=SECOND),),
    ),
    setting(
        "TIMebase:REFerence",
        timebase_of,
        "reference",
        Choice("LEFT", "CENTer", "RIGHt"),
    ),
    setting("TIMebase:VERNier", timebase_of, "vernier", Boolean(), live=False),
    number(
        "TIMebase:WINDow:RANGe",
        timebase_of,
        "window_range",
        (datasheet.SHORTEST_TIME, datasheet.LONGEST_TIME),
        SECOND,
        live=False,
    ),
    Command(
        "TIMebase:WINDow:SCALe",
        lambda scope, value: setattr(
            timebase_of(scope),
            "window_range",
            datasheet.DIVISIONS * check(value, 5e-10, 50.0),
        ),
        lambda scope: timebase_of(scope).window_range / datasheet.DIVISIONS,
        (Number(units=SECOND),),
    ),
    number(
        "TIMebase:WINDow:POSition",
        timebase_of,
        "window_position",
        (-datasheet.LONGEST_TIME, datasheet.LONGEST_TIME),
        SECOND,
        live=False,
    ),
)


def _plan(scope: KeysightMsox3104T) -> Plan:
    return Plan.of(scope.settings, scope.acquisition.kind == "RUN")


def _acquired_points(scope: KeysightMsox3104T) -> str:
    record = scope.current_record()
    return f"{record.plan.points if record else _plan(scope).points:+d}"


def _sample_rate(scope: KeysightMsox3104T) -> float:
    return _plan(scope).rate


def _set_segment(scope: KeysightMsox3104T, value: float | Extreme) -> None:
    acquire = acquire_of(scope)
    acquire.segment = int(check(value, 1, acquire.segments))


def _acquire_report(scope: KeysightMsox3104T) -> str:
    one = acquire_of(scope)
    return (
        f":ACQ:MODE {one.mode};TYPE {one.type};COMP {one.complete};"
        f"COUNT {one.count};SEGM:COUN {one.segments}"
    )


_ACQUIRE = (
    Command("ACQuire", query=_acquire_report),
    setting(
        "ACQuire:TYPE",
        acquire_of,
        "type",
        Choice("NORMal", "AVERage", "HRESolution", "PEAK"),
    ),
    setting("ACQuire:MODE", acquire_of, "mode", Choice("RTIMe", "ETIMe", "SEGMented")),
    number(
        "ACQuire:COUNt",
        acquire_of,
        "count",
        (2, datasheet.MOST_AVERAGES),
        {},
        whole=True,
    ),
    number(
        "ACQuire:COMPlete",
        acquire_of,
        "complete",
        (100, 100),
        {},
        whole=True,
        live=False,
    ),
    Command("ACQuire:POINts", query=_acquired_points),
    Command("ACQuire:SRATe", query=_sample_rate),
    number(
        "ACQuire:SEGMented:COUNt",
        acquire_of,
        "segments",
        (2, datasheet.MOST_SEGMENTS),
        {},
        whole=True,
    ),
    Command(
        "ACQuire:SEGMented:INDex",
        _set_segment,
        lambda scope: f"{acquire_of(scope).segment:+d}",
        (Number(),),
    ),
    Command("ACQuire:SEGMented:ANALyze", nothing),
    switch("ACQuire:DAALias"),
    choice("ACQuire:RSIGnal", "NONE", "OUT", "IN"),
)


def _level_source(scope: KeysightMsox3104T, source: str) -> str:
    if source:
        return source
    trigger = trigger_of(scope)
    return trigger.pulse_source if trigger.mode == "GLIT" else trigger.source


def _set_level(
    scope: KeysightMsox3104T, value: float | Extreme, source: str = ""
) -> None:
    """Set the trigger level: within 6 divisions of the screen's centre.

    A digital source's level is its threshold (Programmer's Guide, :TRIGger:LEVel).
    """
    source = _level_source(scope, source)
    if source.startswith("CHAN"):
        channel = scope.settings.channels[int(source[4:]) - 1]
        reach = 0.75 * channel.range
        level = check(value, -math.inf, math.inf)
        if not -reach <= level - channel.offset <= reach:
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    else:
        level = check(value, -datasheet.LARGEST_EXTERNAL, datasheet.LARGEST_EXTERNAL)
    if source.startswith("DIG"):
        pod = int(source[3:]) // datasheet.POD_CHANNELS
        scope.settings.pods[pod].threshold = level
    else:
        trigger_of(scope).levels[source] = level
    scope.settings_changed()


def _level(scope: KeysightMsox3104T, source: str = "") -> float:
    return trigger_level(scope.settings, _level_source(scope, source))


def _level_to_middle(scope: KeysightMsox3104T) -> None:
    """Set the level of the edge source to the middle of what the screen shows."""
    source = trigger_of(scope).source
    trace = scope.trace(source)
    if trace is not None:
        middle = 0.5 * float(trace.values.max() + trace.values.min())
        trigger_of(scope).levels[source] = middle
        scope.settings_changed()


def _set_pulse_range(
    scope: KeysightMsox3104T, longest: float | Extreme, shortest: float | Extreme
) -> None:
    trigger = trigger_of(scope)
    high = check(longest, _SHORTEST_PULSE, _LONGEST_PULSE)
    low = check(shortest, _SHORTEST_PULSE, _LONGEST_PULSE)
    if low > high:
        raise ScpiError(syntax.SETTINGS_CONFLICT)
    trigger.range_longest, trigger.range_shortest = high, low
    scope.settings_changed()


def _pulse_range(scope: KeysightMsox3104T) -> str:
    trigger = trigger_of(scope)
    both = (trigger.range_longest, trigger.range_shortest)
    return ",".join(scope.format_number(value) for value in both)


def _set_reject(scope: KeysightMsox3104T, word: str) -> None:
    trigger = trigger_of(scope)
    trigger.reject = word
    trigger.high_frequency_reject = word == "HFR"
    if word == "LFR":
        trigger.coupling = "LFR"
    elif trigger.coupling == "LFR":
        trigger.coupling = "DC"
    scope.settings_changed()


def trigger_report(scope: KeysightMsox3104T) -> str:
    """Report the trigger's setup, as ``:TRIGger?``."""
    one, text = trigger_of(scope), scope.format_number
    common = (
        f":TRIG:MODE {one.mode};SWE {one.sweep};NREJ {int(one.noise_reject)};"
        f"HFR {int(one.high_frequency_reject)};HOLD {text(one.holdoff)};"
    )
    if one.mode == "GLIT":
        return common + (
            f":TRIG:GLIT:SOUR {one.pulse_source};POL {one.polarity};"
            f"QUAL {one.qualifier};LEV {text(_level(scope))};"
            f"LESS {text(one.less_than)};GRE {text(one.greater_than)};"
            f"RANG {_pulse_range(scope)}"
        )
    return common + (
        f":TRIG:EDGE:SOUR {one.source};LEV {text(_level(scope, one.source))};"
        f"SLOP {one.slope};REJ {one.reject};COUP {one.coupling}"
    )


def _pulse_time(header: str, name: str) -> Command:
    bounds = (_SHORTEST_PULSE, _LONGEST_PULSE)
    return number(f"TRIGger:GLITch:{header}", trigger_of, name, bounds, SECOND)


_LEVEL: tuple[Any, ...] = (
    Number(units=VOLT),
    source_choice(*ANALOG, *DIGITAL, "EXTernal", optional=True),
)
_LEVEL_SOURCE = (_LEVEL[1],)

_TRIGGER = (
    Command("TRIGger", query=trigger_report),
    setting("TRIGger:MODE", trigger_of, "mode", Choice(*_TRIGGER_MODES)),
    setting("TRIGger:SWEep", trigger_of, "sweep", Choice("AUTO", "NORMal")),
    number(
        "TRIGger:HOLDoff",
        trigger_of,
        "holdoff",
        (datasheet.SHORTEST_HOLDOFF, datasheet.LONGEST_HOLDOFF),
        SECOND,
    ),
    setting("TRIGger:NREJect", trigger_of, "noise_reject", Boolean()),
    setting("TRIGger:HFReject", trigger_of, "high_frequency_reject", Boolean()),
    Command("TRIGger:FORCe", lambda scope: scope.acquisition.force()),
    Command("TRIGger:LEVel:ASETup", _level_to_middle),
    Command("TRIGger[:EDGE]:LEVel", _set_level, _level, _LEVEL, _LEVEL_SOURCE),
    Command("TRIGger:GLITch:LEVel", _set_level, _level, _LEVEL, _LEVEL_SOURCE),
    Command("TRIGger:LEVel:HIGH", _set_level, _level, _LEVEL, _LEVEL_SOURCE),
    amount("TRIGger:LEVel:LOW", VOLT, 0.0),
    setting("TRIGger[:EDGE]:SOURce", trigger_of, "source", Choice(*_EDGE_SOURCES)),
    setting(
        "TRIGger[:EDGE]:SLOPe",
        trigger_of,
        "slope",
        Choice("POSitive", "NEGative", "EITHer", "ALTernate"),
    ),
    setting(
        "TRIGger[:EDGE]:COUPling",
        trigger_of,
        "coupling",
        Choice("AC", "DC", "LFReject"),
    ),
    Command(
        "TRIGger[:EDGE]:REJect",
        _set_reject,
        lambda scope: trigger_of(scope).reject,
        (Choice("OFF", "LFReject", "HFReject"),),
    ),
    setting(
        "TRIGger:GLITch:SOURce", trigger_of, "pulse_source", Choice(*_PULSE_SOURCES)
    ),
    setting(
        "TRIGger:GLITch:POLarity",
        trigger_of,
        "polarity",
        Choice("POSitive", "NEGative"),
    ),
    setting(
        "TRIGger:GLITch:QUALifier",
        trigger_of,
        "qualifier",
        Choice("LESSthan", "GREaterthan", "RANGe"),
    ),
    _pulse_time("LESSthan", "less_than"),
    _pulse_time("GREaterthan", "greater_than"),
    Command(
        "TRIGger:GLITch:RANGe",
        _set_pulse_range,
        _pulse_range,
        (Number(units=SECOND), Number(units=SECOND)),
    ),
)

# Kept and answered only: these triggers never come by themselves.
_OTHER_TRIGGERS = (
    choice("TRIGger:TV:SOURce", *ANALOG),
    choice("TRIGger:TV:MODE", "FIEld1", "FIEld2", "AFIelds", "ALINes", "LINE"),
    choice("TRIGger:TV:POLarity", "NEGative", "POSitive"),
    choice("TRIGger:TV:STANdard", "NTSC", "GENeric", "PAL", "PALM", "SECam"),
    amount("TRIGger:TV:LINE", {}, 1.0),
    stored("TRIGger:PATTern", AnyText(), '"XXXX"'),
    choice("TRIGger:PATTern:FORMat", "ASCii", "HEX"),
    choice(
        "TRIGger:PATTern:QUALifier", "ENTered", "GREaterthan", "LESSthan", "OUTRange"
    ),
)

COMMANDS: tuple[Command, ...] = (*_OTHER_TRIGGERS, *_TIMEBASE, *_ACQUIRE, *_TRIGGER)
