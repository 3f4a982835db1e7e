"""Commands of the inputs: analog and digital channels, pods, external trigger.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapters 12 (:CHANnel<n>),
13 (:DIGital<d>), 16 (:EXTernal) and 27 (:POD).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.commands import (
    SECOND,
    VOLT,
    AnyText,
    amount,
    check,
    choice,
    number,
    setting,
    stored,
    switch,
)
from labneuro.sim_backends.scpi.arguments import (
    Argument,
    Boolean,
    Choice,
    Extreme,
    Integer,
    Number,
)
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.settings import Channel, Digital, Pod
    from labneuro.sim_backends.scpi.syntax import Element

_CHANNEL = "CHANnel{1-4}"
_DIGITAL = "DIGital{0-15}"
_POD = "POD{1-2}"
_LONGEST_LABEL = 10
_SCREENS_OF_OFFSET = 12.5  # screen heights that the offset may reach: not found


def channel_of(scope: KeysightMsox3104T, which: int) -> Channel:
    """Return the settings of an analog channel."""
    return scope.settings.channels[which - 1]


def digital_of(scope: KeysightMsox3104T, which: int) -> Digital:
    """Return the settings of a digital channel."""
    return scope.settings.digital[which]


def pod_of(scope: KeysightMsox3104T, which: int) -> Pod:
    """Return the settings of a pod."""
    return scope.settings.pods[which - 1]


def _widest(channel: Channel) -> float:
    fifty = channel.impedance == "FIFT"
    widest = datasheet.LARGEST_FIFTY_OHM_RANGE if fifty else datasheet.LARGEST_RANGE
    return widest * channel.probe


def _set_range(
    scope: KeysightMsox3104T, which: int, value: float | Extreme, divisions: int = 1
) -> None:
    channel = channel_of(scope, which)
    low, high = datasheet.SMALLEST_RANGE * channel.probe, _widest(channel)
    channel.range = divisions * check(value, low / divisions, high / divisions)
    _set_offset(scope, which, channel.offset)


def _set_scale(scope: KeysightMsox3104T, which: int, value: float | Extreme) -> None:
    _set_range(scope, which, value, datasheet.VERTICAL_DIVISIONS)


def _scale(scope: KeysightMsox3104T, which: int) -> float:
    return channel_of(scope, which).range / datasheet.VERTICAL_DIVISIONS


def _set_offset(scope: KeysightMsox3104T, which: int, value: float | Extreme) -> None:
    """Set the voltage at the centre; beyond its limit it takes the limit."""
    channel = channel_of(scope, which)
    limit = _SCREENS_OF_OFFSET * channel.range
    if isinstance(value, Extreme):
        value = check(value, -limit, limit)
    channel.offset = min(max(value, -limit), limit)
    scope.settings_changed()


def _set_probe(scope: KeysightMsox3104T, which: int, value: float | Extreme) -> None:
    """Set the attenuation; range, offset and trigger level follow it."""
    channel = channel_of(scope, which)
    value = check(value, datasheet.SMALLEST_PROBE, datasheet.LARGEST_PROBE)
    factor = value / channel.probe
    channel.probe = value
    channel.range *= factor
    channel.offset *= factor
    levels = scope.settings.trigger.levels
    source = f"CHAN{which}"
    levels[source] = levels.get(source, 0.0) * factor
    scope.settings_changed()


def _set_impedance(scope: KeysightMsox3104T, which: int, word: str) -> None:
    channel = channel_of(scope, which)
    channel.impedance = word
    channel.range = min(channel.range, _widest(channel))
    scope.apply_impedances()
    scope.settings_changed()


def _bandwidth(scope: KeysightMsox3104T, which: int) -> float:
    limited = channel_of(scope, which).bandwidth_limit
    return datasheet.LIMITED_BANDWIDTH if limited else datasheet.BANDWIDTH


class _Threshold(Argument):
    """A logic family's name or a number of volts."""

    def read(self, element: Element) -> float | str | Extreme:
        """Return the family's short form or the number."""
        if isinstance(element, str) and element.upper() in datasheet.LOGIC:
            return element.upper()
        return Number(units=VOLT).read(element)


def _set_pod_threshold(
    scope: KeysightMsox3104T, which: int, value: float | str | Extreme
) -> None:
    pod = pod_of(scope, which)
    if isinstance(value, str):
        pod.family, pod.threshold = value, datasheet.LOGIC[value]
    else:
        limit = datasheet.LARGEST_THRESHOLD
        pod.threshold = check(value, -limit, limit)
    scope.settings_changed()


def _pod_number(digital: int) -> int:
    return digital // datasheet.POD_CHANNELS + 1


def _set_pod_display(scope: KeysightMsox3104T, which: int, on: bool) -> None:
    first = (which - 1) * datasheet.POD_CHANNELS
    for one in scope.settings.digital[first : first + datasheet.POD_CHANNELS]:
        one.display = on
    scope.settings_changed()


def _pod_display(scope: KeysightMsox3104T, which: int) -> bool:
    first = (which - 1) * datasheet.POD_CHANNELS
    pod = scope.settings.digital[first : first + datasheet.POD_CHANNELS]
    return any(one.display for one in pod)


def channel_report(scope: KeysightMsox3104T, which: int) -> str:
    """Report an analog channel's setup, as ``:CHANnel<n>?``."""
    one = channel_of(scope, which)
    return (
        f":CHAN{which}:RANG {scope.format_number(one.range)};"
        f"OFFS {scope.format_number(one.offset)};COUP {one.coupling};"
        f"IMP {one.impedance};DISP {int(one.display)};BWL {int(one.bandwidth_limit)};"
        f'INV {int(one.invert)};LAB "{one.label}";UNIT {one.units};'
        f"PROB {scope.format_number(one.probe)};"
        f"PROB:SKEW {scope.format_number(one.skew)};STYP {one.signal_type}"
    )


def digital_report(scope: KeysightMsox3104T, which: int) -> str:
    """Report a digital channel's setup, as ``:DIGital<d>?``."""
    one, pod = digital_of(scope, which), pod_of(scope, _pod_number(which))
    return (
        f":DIG{which}:DISP {int(one.display)};THR {scope.format_number(pod.threshold)};"
        f'LAB "{one.label}";POS {one.position:+d}'
    )


def _pod_report(scope: KeysightMsox3104T, which: int) -> str:
    pod = pod_of(scope, which)
    return (
        f":POD{which}:DISP {int(_pod_display(scope, which))};"
        f"THR {scope.format_number(pod.threshold)}"
    )


def _external_report(scope: KeysightMsox3104T) -> str:
    kept: dict[str, Any] = scope.settings.stored
    wide = kept.get("EXTernal:RANGe", datasheet.LARGEST_EXTERNAL)
    probe = kept.get("EXTernal:PROBe", 1.0)
    return (
        f":EXT:BWL 0;RANG {scope.format_number(wide)};"
        f"UNIT {kept.get('EXTernal:UNITs', 'VOLT')};PROB {scope.format_number(probe)}"
    )


_LABEL = AnyText(longest=_LONGEST_LABEL)
_UNITS = Choice("VOLT", "AMPere")

COMMANDS: tuple[Command, ...] = (
    Command(_CHANNEL, query=channel_report),
    setting(f"{_CHANNEL}:DISPlay", channel_of, "display", Boolean()),
    setting(f"{_CHANNEL}:COUPling", channel_of, "coupling", Choice("AC", "DC")),
    setting(f"{_CHANNEL}:BWLimit", channel_of, "bandwidth_limit", Boolean()),
    Command(f"{_CHANNEL}:BANDwidth", query=_bandwidth),
    setting(f"{_CHANNEL}:INVert", channel_of, "invert", Boolean()),
    setting(f"{_CHANNEL}:VERNier", channel_of, "vernier", Boolean(), live=False),
    Command(
        f"{_CHANNEL}:LABel",
        lambda scope, which, text: setattr(channel_of(scope, which), "label", text),
        lambda scope, which: f'"{channel_of(scope, which).label}"',
        (_LABEL,),
    ),
    setting(f"{_CHANNEL}:UNITs", channel_of, "units", _UNITS, live=False),
    Command(
        f"{_CHANNEL}:IMPedance",
        _set_impedance,
        lambda scope, which: channel_of(scope, which).impedance,
        (Choice("ONEMeg", "FIFTy"),),
    ),
    Command(
        f"{_CHANNEL}:RANGe",
        _set_range,
        lambda scope, which: channel_of(scope, which).range,
        (Number(units=VOLT),),
    ),
    Command(f"{_CHANNEL}:SCALe", _set_scale, _scale, (Number(units=VOLT),)),
    Command(
        f"{_CHANNEL}:OFFSet",
        _set_offset,
        lambda scope, which: channel_of(scope, which).offset,
        (Number(units=VOLT),),
    ),
    Command(
        f"{_CHANNEL}:PROBe",
        _set_probe,
        lambda scope, which: channel_of(scope, which).probe,
        (Number(units={"X": 1.0}),),
    ),
    number(
        f"{_CHANNEL}:PROBe:SKEW",
        channel_of,
        "skew",
        (-datasheet.LONGEST_SKEW, datasheet.LONGEST_SKEW),
        SECOND,
    ),
    setting(
        f"{_CHANNEL}:PROBe:STYPe",
        channel_of,
        "signal_type",
        Choice("DIFFerential", "SINGle"),
        live=False,
    ),
    Command(f"{_CHANNEL}:PROBe:ID", query=lambda *_: '"NONE"'),
    choice(f"{_CHANNEL}:PROBe:HEAD[:TYPE]", "NONE", "SEND0", "SEND6", "DIFF0"),
    Command(
        f"{_CHANNEL}:PROTection",
        lambda scope, which, _: setattr(channel_of(scope, which), "protection", "NORM"),
        lambda scope, which: channel_of(scope, which).protection,
        (Choice("CLEar"),),
    ),
    setting(f"{_DIGITAL}:DISPlay", digital_of, "display", Boolean()),
    Command(
        f"{_DIGITAL}:LABel",
        lambda scope, which, text: setattr(digital_of(scope, which), "label", text),
        lambda scope, which: f'"{digital_of(scope, which).label}"',
        (_LABEL,),
    ),
    setting(
        f"{_DIGITAL}:POSition",
        digital_of,
        "position",
        Integer(extremes=False),
        live=False,
    ),
    Command(
        f"{_DIGITAL}:SIZE",
        lambda scope, which, word: setattr(
            pod_of(scope, _pod_number(which)), "size", word
        ),
        lambda scope, which: pod_of(scope, _pod_number(which)).size,
        (Choice("SMALl", "MEDium", "LARGe"),),
    ),
    Command(
        f"{_DIGITAL}:THReshold",
        lambda scope, which, value: _set_pod_threshold(
            scope, _pod_number(which), value
        ),
        lambda scope, which: pod_of(scope, _pod_number(which)).threshold,
        (_Threshold(),),
    ),
    Command(_POD, query=_pod_report),
    Command(f"{_POD}:DISPlay", _set_pod_display, _pod_display, (Boolean(),)),
    setting(
        f"{_POD}:SIZE", pod_of, "size", Choice("SMALl", "MEDium", "LARGe"), live=False
    ),
    Command(
        f"{_POD}:THReshold",
        _set_pod_threshold,
        lambda scope, which: pod_of(scope, which).threshold,
        (_Threshold(),),
    ),
    Command("EXTernal", query=_external_report),
    switch("EXTernal:BWLimit"),
    amount("EXTernal:PROBe", {"X": 1.0}, 1.0),
    amount("EXTernal:RANGe", VOLT, datasheet.LARGEST_EXTERNAL),
    stored("EXTernal:UNITs", _UNITS, "VOLT"),
)
