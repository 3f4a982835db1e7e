"""Commands of modulation and frequency sweep of the AFG31000.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi.arguments import Choice
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.command_forms import (
    ANGLE,
    HERTZ,
    PERCENT,
    SECOND,
    SOURCE,
    channel_of,
    check_channel,
    file_of,
    numeric,
    run_mode,
    word,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

_ORIGIN = Choice("INTernal", "EXTernal")


def _modulator(header: str, kind: str) -> Command:
    """Declare the modulating waveform."""

    def write(afg: TektronixAfg31000, number: int, shape: str) -> None:
        check_channel(number)
        afg.change(number, lambda channel: channel.set_modulator(kind, shape))

    def query(afg: TektronixAfg31000, number: int) -> str:
        shape: str = getattr(channel_of(afg, number).settings, f"{kind}_shape")
        return shape

    return Command(header, write, query, (Choice(*limits.MODULATING_SHAPES),))


def _modulation(node: str, kind: str) -> tuple[Command, ...]:
    """Declare what AM, FM, PM and PWM have in common."""
    header = f"{SOURCE}:{node}"
    return (
        run_mode(f"{header}:STATe", node),
        word(f"{header}:SOURce", f"{kind}_source", _ORIGIN),
        numeric(f"{header}:INTernal:FREQuency", f"{kind}_rate", HERTZ),
        _modulator(f"{header}:INTernal:FUNCtion", kind),
        file_of(f"{header}:INTernal:FUNCtion:EFILe", f"{kind}_file"),
    )


def _set_frequency_mode(afg: TektronixAfg31000, number: int, mode: str) -> None:
    check_channel(number)
    afg.change(number, lambda channel: channel.switch("SWE", mode == "SWE"))


def _frequency_mode(afg: TektronixAfg31000, number: int) -> str:
    return "SWE" if channel_of(afg, number).settings.run_mode == "SWE" else "CW"


MODULATION_COMMANDS = (
    *_modulation("AM", "am"),
    *_modulation("FM", "fm"),
    *_modulation("PM", "pm"),
    *_modulation("PWM", "pwm"),
    numeric(f"{SOURCE}:AM[:DEPTh]", "am_depth", PERCENT),
    numeric(f"{SOURCE}:FM[:DEViation]", "fm_deviation", HERTZ),
    numeric(f"{SOURCE}:PM[:DEViation]", "pm_deviation", ANGLE),
    numeric(f"{SOURCE}:PWM[:DEViation]:DCYCle", "pwm_deviation", PERCENT),
    run_mode(f"{SOURCE}:FSKey:STATe", "FSK"),
    word(f"{SOURCE}:FSKey:SOURce", "fsk_source", _ORIGIN),
    numeric(f"{SOURCE}:FSKey[:FREQuency]", "fsk_frequency", HERTZ),
    numeric(f"{SOURCE}:FSKey:INTernal:RATE", "fsk_rate", HERTZ),
    Command(
        f"{SOURCE}:FREQuency:MODE",
        _set_frequency_mode,
        _frequency_mode,
        (Choice("CW", "FIXed", "SWEep"),),
    ),
    numeric(f"{SOURCE}:FREQuency:STARt", "sweep_start", HERTZ),
    numeric(f"{SOURCE}:FREQuency:STOP", "sweep_stop", HERTZ),
    numeric(f"{SOURCE}:FREQuency:CENTer", "sweep_center", HERTZ),
    numeric(f"{SOURCE}:FREQuency:SPAN", "sweep_span", HERTZ),
    numeric(f"{SOURCE}:SWEep:TIME", "sweep_time", SECOND),
    numeric(f"{SOURCE}:SWEep:HTIMe", "hold_time", SECOND),
    numeric(f"{SOURCE}:SWEep:RTIMe", "return_time", SECOND),
    word(f"{SOURCE}:SWEep:SPACing", "spacing", Choice("LINear", "LOGarithmic")),
    word(f"{SOURCE}:SWEep:MODE", "sweep_mode", Choice("AUTO", "MANual")),
)
