"""Commands of a channel of the AFG31000: wave, levels, pulse, burst, output.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639: the command list; AFG31000 Series
Programmer's Manual 077-1148: ``BURSt:IDLE`` and ``BURSt:INFInite:REARm``. The header
``PHASe:CONCurrent`` is known from a public client only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Boolean,
    Choice,
    Integer,
    Number,
    Quantity,
)
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.command_forms import (
    ANGLE,
    EXTREME,
    HERTZ,
    PERCENT,
    SECOND,
    SOURCE,
    VOLT,
    QuotedWord,
    channel_of,
    check_channel,
    coupled,
    file_of,
    numeric,
    run_mode,
    stored,
    word,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.scpi.arguments import Amount, Extreme
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

_FIRST_NOISE = 3  # source 3 is the noise of channel 1


def _set_amplitude(
    afg: TektronixAfg31000, number: int, value: Amount | Extreme
) -> None:
    check_channel(number)
    afg.change(number, lambda channel: channel.set_amplitude(value), "volts")


def _amplitude(afg: TektronixAfg31000, number: int, which: str = "") -> float:
    channel = channel_of(afg, number)
    return channel.range("amplitude").named(which) if which else channel.amplitude()


def _align_phases(afg: TektronixAfg31000, _: int) -> None:
    afg.refresh()


def _set_feed(afg: TektronixAfg31000, number: int, feed: str) -> None:
    channel_of(afg, number).settings.combined = feed


def _noise_channel(number: int) -> int:
    if number < _FIRST_NOISE:
        raise ScpiError(syntax.HEADER_SUFFIX_OUT_OF_RANGE)
    return number - _FIRST_NOISE + 1


def _set_noise(afg: TektronixAfg31000, number: int, value: float | Extreme) -> None:
    afg.channels[_noise_channel(number)].set("noise_level", value)


def _noise(afg: TektronixAfg31000, number: int, which: str = "") -> float:
    channel = afg.channels[_noise_channel(number)]
    return (
        channel.range("noise_level").named(which)
        if which
        else (channel.get("noise_level"))
    )


CHANNEL_COMMANDS = (
    word(f"{SOURCE}:FUNCtion[:SHAPe]", "shape", Choice(*limits.SHAPES), "set_shape"),
    file_of(f"{SOURCE}:FUNCtion:EFILe", "file"),
    numeric(f"{SOURCE}:FUNCtion:RAMP:SYMMetry", "symmetry", PERCENT),
    numeric(
        f"{SOURCE}:FREQuency[:CW] {SOURCE}:FREQuency:FIXed",
        "frequency",
        HERTZ,
        "frequency",
    ),
    coupled(f"{SOURCE}:FREQuency:CONCurrent[:STATe]", "frequency"),
    numeric(f"{SOURCE}:PHASe[:ADJust]", "phase", ANGLE, "phase"),
    Command(f"{SOURCE}:PHASe:INITiate", _align_phases),
    coupled(f"{SOURCE}:PHASe:CONCurrent[:STATe]", "phase"),
    Command(
        f"{SOURCE}:VOLTage[:LEVel][:IMMediate][:AMPLitude]",
        _set_amplitude,
        _amplitude,
        (Quantity(units=("VPP", "VRMS", "DBM", "V")),),
        EXTREME,
    ),
    *(
        numeric(f"{SOURCE}:VOLTage{node}", name, VOLT, "volts")
        for node, name in (
            ("[:LEVel][:IMMediate]:HIGH", "high"),
            ("[:LEVel][:IMMediate]:LOW", "low"),
            ("[:LEVel][:IMMediate]:OFFSet", "offset"),
            (":LIMit:HIGH", "high_limit"),
            (":LIMit:LOW", "low_limit"),
        )
    ),
    coupled(f"{SOURCE}:VOLTage:CONCurrent[:STATe]", "volts"),
    word(f"{SOURCE}:VOLTage:UNIT", "unit", Choice("VPP", "VRMS", "DBM"), "set_unit"),
    numeric(f"{SOURCE}:PULSe:PERiod", "period", SECOND, "frequency"),
    numeric(f"{SOURCE}:PULSe:WIDTh", "width", SECOND),
    numeric(f"{SOURCE}:PULSe:DCYCle", "duty", PERCENT),
    numeric(f"{SOURCE}:PULSe:DELay", "delay", SECOND),
    numeric(f"{SOURCE}:PULSe:TRANsition[:LEADing]", "leading", SECOND),
    numeric(f"{SOURCE}:PULSe:TRANsition:TRAiling", "trailing", SECOND),
    word(f"{SOURCE}:PULSe:HOLD", "hold", Choice("WIDTh", "DUTY"), "set_hold"),
    run_mode(f"{SOURCE}:BURSt[:STATe]", "BURS"),
    word(f"{SOURCE}:BURSt:MODE", "burst_mode", Choice("TRIGgered", "GATed")),
    word(f"{SOURCE}:BURSt:NCYCles", "cycles", Integer(infinite=True), "set_cycles"),
    numeric(f"{SOURCE}:BURSt:TDELay", "trigger_delay", SECOND),
    word(f"{SOURCE}:BURSt:IDLE", "idle", Choice("START", "DC", "END", "OFF")),
    Command(f"{SOURCE}:BURSt:INFInite:REARm", lambda afg, _: afg.outputs.abort()),
    word("OUTPut{1-2}[:STATe]", "output", Boolean()),
    # The second header is not in the manual; PyMeasure's AFG3152C class sends it.
    word(
        "OUTPut{1-2}:IMPedance SOURce{1-4}:OUTPut:IMPedance",
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
    Command(
        f"{SOURCE}:COMBine:FEED",
        _set_feed,
        lambda afg, number: f'"{channel_of(afg, number).settings.combined}"',
        (QuotedWord("NOISe", "EXTernal", "BOTH"),),
    ),
    Command(
        f"{SOURCE}:POWer[:LEVel][:IMMediate][:AMPLitude]",
        _set_noise,
        _noise,
        (Number(units=PERCENT),),
        EXTREME,
    ),
    stored("OUTPut{1-2}:TRIGger:MODE", "trigger_output", Choice("TRIGger", "SYNC")),
)
