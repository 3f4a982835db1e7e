"""The command table of the 81160A: channels, triggers, states.

References
----------
See :mod:`labneuro.sim_backends.keysight_81160a.limits`. Many settings of a pulse have
two headers, ``:PULSe:WIDTh1`` and ``:FUNCtion1:PULSe:WIDTh``; clients use both.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keysight_81160a import limits, settings
from labneuro.sim_backends.keysight_81160a.channel import PulseChannel
from labneuro.sim_backends.keysight_81160a.data_commands import DATA_COMMANDS
from labneuro.sim_backends.keysight_81160a.stored import (
    EXTREME,
    HERTZ,
    OHM,
    PERCENT,
    SECOND,
    STORED_COMMANDS,
    VOLT,
)
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Amount,
    Argument,
    Boolean,
    Choice,
    Extreme,
    Integer,
    Number,
    Quantity,
    Text,
)
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.keysight_81160a.instrument import Keysight81160A

_SOURCE = "[SOURce]"
_ARM = "ARM[:STARt][:LAYer]"
_MOST_STATES = 5
_UNITS = ("VPP", "VRMS", "DBM", "V")


def _numeric(
    header: str, name: str, units: Mapping[str, float], argument: Argument | None = None
) -> Command:
    """Declare a numeric setting; its query takes ``MIN``, ``MAX`` and ``DEF``."""

    def write(instrument: Keysight81160A, number: int, value: float | Extreme) -> None:
        instrument.change(number, partial(PulseChannel.set, name=name, value=value))

    def query(instrument: Keysight81160A, number: int, which: str = "") -> float:
        channel = instrument.channels[number]
        return channel.range(name).query(which) if which else channel.get(name)

    taken = argument or Number(units=units)
    return Command(header, write, query, (taken,), EXTREME)


def _word(header: str, name: str, options: Argument, setter: str = "") -> Command:
    """Declare a setting of a channel that is a word or a switch."""

    def apply(value: object, channel: PulseChannel) -> None:
        if setter:
            getattr(channel, setter)(value)
        else:
            channel.set_word(name, value)

    def write(instrument: Keysight81160A, number: int, value: object) -> None:
        instrument.change(number, partial(apply, value))

    def query(instrument: Keysight81160A, number: int) -> Any:  # noqa: ANN401  str, bool
        return getattr(instrument.channels[number].settings, name)

    return Command(header, write, query, (options,))


def _set_amplitude(
    instrument: Keysight81160A, number: int, value: Amount | Extreme
) -> None:
    instrument.change(number, lambda channel: channel.set_amplitude(value))


def _amplitude(instrument: Keysight81160A, number: int, which: str = "") -> float:
    channel = instrument.channels[number]
    volts = channel.range("amplitude").query(which) if which else None
    return channel.amplitude(volts)


def _angle(header: str, name: str) -> Command:
    """Declare a phase, whose unit is that of ``:UNIT:ANGLe`` unless it has its own."""

    def degrees_per_unit(instrument: Keysight81160A) -> float:
        return 1.0 if instrument.stored["UNIT:ANGLe"] == "DEG" else 180.0 / math.pi

    def write(instrument: Keysight81160A, number: int, value: Any) -> None:  # noqa: ANN401  Amount or Extreme
        if isinstance(value, Amount):
            by_unit = {"DEG": 1.0, "RAD": 180.0 / math.pi}
            factor = by_unit.get(value.suffix, degrees_per_unit(instrument))
            value = value.value * factor
        instrument.change(number, partial(PulseChannel.set, name=name, value=value))

    def query(instrument: Keysight81160A, number: int, which: str = "") -> float:
        channel = instrument.channels[number]
        value = channel.range(name).query(which) if which else channel.get(name)
        return limits.round_digits(value / degrees_per_unit(instrument))

    return Command(header, write, query, (Quantity(units=("DEG", "RAD")),), EXTREME)


def _trigger_count() -> Command:
    """Declare the cycles of a trigger; the channel may stand at either node."""

    def write(
        instrument: Keysight81160A, first: int, second: int, value: float | Extreme
    ) -> None:
        action = partial(PulseChannel.set, name="count", value=value)
        instrument.change(max(first, second), action)

    def query(
        instrument: Keysight81160A, first: int, second: int, which: str = ""
    ) -> float:
        channel = instrument.channels[max(first, second)]
        return channel.range("count").query(which) if which else channel.get("count")

    return Command("TRIGger{1-2}:COUNt{1-2}", write, query, (Integer(),), EXTREME)


def _polarity(header: str) -> Command:
    def write(instrument: Keysight81160A, number: int, word: str) -> None:
        inverted = word == "INV"
        instrument.change(number, lambda one: one.set_word("inverted", inverted))

    def query(instrument: Keysight81160A, number: int) -> str:
        return "INV" if instrument.channels[number].settings.inverted else "NORM"

    return Command(header, write, query, (Choice("NORMal", "INVerted"),))


def _apply(shape: str) -> Callable[..., None]:
    """Return what ``:APPLy`` does with a shape.

    It runs by itself, unmodulated, and the output goes on; a pulse is made to fit its
    period. All this as the 33250A does it (source d of the limits): the 81160A's own
    words were not found.
    """

    def write(instrument: Keysight81160A, number: int, *values: Any) -> None:  # noqa: ANN401  numbers
        def action(channel: PulseChannel) -> None:
            channel.settings = channel.settings.changed(
                shape=shape, arm_source="IMM", burst=False, output=False
            )
            names = ("frequency", "amplitude", "offset")
            for name, value in zip(names, values, strict=False):
                if name == "amplitude" and isinstance(value, Amount):
                    channel.set_amplitude(value)
                elif shape not in ("DC", "NOIS") or name != "frequency":
                    channel.set(name, value)
            fitted = settings.fitted_pulse(channel.settings)
            channel.adopt(fitted.changed(output=True))

        instrument.change(number, action)

    return write


def _applied(instrument: Keysight81160A, number: int) -> str:
    """Return shape, frequency, amplitude and offset, as the 33250A does."""
    channel = instrument.channels[number]
    numbers = (channel.get("frequency"), channel.amplitude(), channel.get("offset"))
    written = ",".join(instrument.format_number(value) for value in numbers)
    return f'"{channel.settings.shape} {written}"'


def _check_state(number: int) -> None:
    if not 0 <= number < _MOST_STATES:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)


def _delete_state(instrument: Keysight81160A, number: int) -> None:
    _check_state(number)
    instrument.memories.pop(number, None)
    instrument.state_names.pop(number, None)


def _name_state(instrument: Keysight81160A, number: int, name: str = "") -> None:
    _check_state(number)
    instrument.state_names[number] = name


def _state_name(instrument: Keysight81160A, number: int) -> str:
    _check_state(number)
    return f'"{instrument.state_names.get(number, "")}"'


def _state_is_valid(instrument: Keysight81160A, number: int) -> bool:
    _check_state(number)
    return number in instrument.memories


def _state_catalog(instrument: Keysight81160A) -> str:
    return ",".join(_state_name(instrument, one) for one in range(_MOST_STATES))


def _nothing(*_: object) -> None:
    """Do what only a person before the instrument would notice."""


_ON = Boolean()
_TIME = partial(_numeric, units=SECOND)
_RATE = partial(_numeric, units=HERTZ)
_SHARE = partial(_numeric, units=PERCENT)
_APPLIED = (
    Number(units=HERTZ, optional=True),
    Quantity(units=_UNITS, optional=True),
    Number(units=VOLT, optional=True),
)

_LEVEL_COMMANDS = (
    Command(
        f"{_SOURCE}:VOLTage{{1-2}}[:LEVel][:IMMediate][:AMPLitude]",
        _set_amplitude,
        _amplitude,
        (Quantity(units=_UNITS),),
        EXTREME,
    ),
    *(
        _numeric(f"{_SOURCE}:VOLTage{{1-2}}{node}", name, VOLT)
        for node, name in (
            ("[:LEVel][:IMMediate]:HIGH", "high"),
            ("[:LEVel][:IMMediate]:LOW", "low"),
            ("[:LEVel][:IMMediate]:OFFSet", "offset"),
            (":LIMit[:HIGH]", "high_limit"),
            (":LIMit:LOW", "low_limit"),
        )
    ),
    _word(f"{_SOURCE}:VOLTage{{1-2}}:LIMit:STATe", "limited", _ON),
    _word(
        f"{_SOURCE}:VOLTage{{1-2}}:UNIT",
        "unit",
        Choice("VPP", "VRMS", "DBM"),
        "set_unit",
    ),
    _word("OUTPut{1-2}[:STATe][:NORMal]", "output", _ON),
    _word("OUTPut{1-2}:COMPlement[:STATe]", "complement", _ON),
    _polarity("OUTPut{1-2}:POLarity"),
    _numeric("OUTPut{1-2}:LOAD OUTPut{1-2}:IMPedance:EXTernal", "load", OHM),
    _word(
        "OUTPut{1-2}:IMPedance[:INTernal]",
        "source",
        Number(units=OHM, extremes=False),
        "set_source",
    ),
)

_WAVEFORM_COMMANDS = (
    _word(f"{_SOURCE}:FUNCtion{{1-2}}[:SHAPe]", "shape", Choice(*limits.SHAPES)),
    _SHARE(f"{_SOURCE}:FUNCtion{{1-2}}:SQUare:DCYCle", "square_duty"),
    _SHARE(f"{_SOURCE}:FUNCtion{{1-2}}:RAMP:SYMMetry", "symmetry"),
    _RATE(
        f"{_SOURCE}:FREQuency{{1-2}}[:CW] {_SOURCE}:FREQuency{{1-2}}:FIXed "
        f"{_SOURCE}:PULSe:FREQuency{{1-2}}",
        "frequency",
    ),
    _TIME(
        f"{_SOURCE}:PULSe:PERiod{{1-2}} {_SOURCE}:FUNCtion{{1-2}}:PULSe:PERiod",
        "period",
    ),
    _TIME(
        f"{_SOURCE}:PULSe:WIDTh{{1-2}} {_SOURCE}:FUNCtion{{1-2}}:PULSe:WIDTh", "width"
    ),
    _SHARE(
        f"{_SOURCE}:PULSe:DCYCle{{1-2}} {_SOURCE}:FUNCtion{{1-2}}:PULSe:DCYCle", "duty"
    ),
    _TIME(
        f"{_SOURCE}:PULSe:DELay{{1-2}} {_SOURCE}:FUNCtion{{1-2}}:PULSe:DELay", "delay"
    ),
    _TIME(
        f"{_SOURCE}:PULSe:TDELay{{1-2}} {_SOURCE}:FUNCtion{{1-2}}:PULSe:TDELay",
        "trailing_delay",
    ),
    _word(
        f"{_SOURCE}:PULSe:HOLD{{1-2}} {_SOURCE}:FUNCtion{{1-2}}:PULSe:HOLD",
        "hold",
        Choice("WIDTh", "DCYCle", "TDELay"),
    ),
    _TIME(
        f"{_SOURCE}:PULSe:TRANsition{{1-2}}[:LEADing] "
        f"{_SOURCE}:FUNCtion{{1-2}}:PULSe:TRANsition[:LEADing]",
        "leading",
    ),
    _TIME(
        f"{_SOURCE}:PULSe:TRANsition{{1-2}}:TRAiling "
        f"{_SOURCE}:FUNCtion{{1-2}}:PULSe:TRANsition:TRAiling",
        "trailing",
    ),
    _word(
        f"{_SOURCE}:PULSe:TRANsition{{1-2}}:TRAiling:AUTO "
        f"{_SOURCE}:FUNCtion{{1-2}}:PULSe:TRANsition:TRAiling:AUTO",
        "same_edges",
        _ON,
    ),
    _angle(f"{_SOURCE}:PHASe{{1-2}}[:ADJust]", "phase"),
    *(
        Command(
            f"{_SOURCE}:APPLy{{1-2}}:{long}",
            _apply(Choice(*limits.SHAPES).read(long)),
            arguments=_APPLIED,
        )
        for long in limits.SHAPES
    ),
    Command(f"{_SOURCE}:APPLy{{1-2}}", query=_applied),
)

_TRIGGER_COMMANDS = (
    _word(f"{_SOURCE}:BURSt{{1-2}}[:STATe]", "burst", _ON),
    _word(f"{_SOURCE}:BURSt{{1-2}}:MODE", "burst_mode", Choice("TRIGgered", "GATed")),
    _numeric(f"{_SOURCE}:BURSt{{1-2}}:NCYCles", "cycles", {}, Integer()),
    _angle(f"{_SOURCE}:BURSt{{1-2}}:PHASe", "burst_phase"),
    _TIME(
        f"{_SOURCE}:BURSt{{1-2}}:INTernal:PERiod {_ARM}:PERiod{{1-2}}",
        "trigger_period",
    ),
    _RATE(f"{_ARM}:FREQuency{{1-2}}", "trigger_frequency"),
    _word(
        f"{_ARM}:SOURce{{1-2}}",
        "arm_source",
        Choice("IMMediate", "INTernal[1]", "INTernal2", "EXTernal", "MANual"),
    ),
    _word(f"{_ARM}:SENSe{{1-2}}", "arm_sense", Choice("EDGE", "LEVel")),
    _trigger_count(),
    Command("TRIGger{1-2}[:IMMediate]", lambda one, _: one.group_trigger()),
    Command(
        "TRACk:CHANnel{1-2}",
        lambda instrument, number, state: instrument.track(number, state),
        lambda instrument, number: instrument.tracked == number,
        (_ON,),
    ),
)

_WHOLE = (Integer(extremes=False),)


def _learn(instrument: Keysight81160A) -> str:
    """Return a message that brings back the settings that outputs depend on."""
    parts = []
    for number, channel in instrument.channels.items():
        of = channel.settings
        values = {
            f"OUTP{number}:IMP": of.source,
            f"OUTP{number}:LOAD": of.load,
            f"FUNC{number}": of.shape,
            f"PULS:PER{number}": of.period,
            f"VOLT{number}:UNIT": "VPP",
            f"VOLT{number}:HIGH": channel.get("high"),
            f"VOLT{number}:LOW": channel.get("low"),
            f"PULS:WIDT{number}": channel.get("width"),
            f"PULS:DEL{number}": of.delay,
            f"PULS:TRAN{number}": of.leading,
            f"PULS:TRAN{number}:TRA": of.trailing,
            f"OUTP{number}:POL": "INV" if of.inverted else "NORM",
            f"BURS{number}:NCYC": int(of.cycles),
            f"BURS{number}": int(of.burst),
            f"ARM:SOUR{number}": of.arm_source,
            f"ARM:SENS{number}": of.arm_sense,
        }
        for header, value in values.items():
            shown = str(value)
            if isinstance(value, float):
                shown = instrument.format_number(value)
            parts.append(f":{header} {shown}")
    return ";".join(parts)


_SYSTEM_COMMANDS = (
    Command("*LRN", query=_learn),
    Command("*CAL", query=lambda _: 0),
    Command("MEMory:STATe:DELete", _delete_state, arguments=_WHOLE),
    Command("MEMory:STATe:VALid", query=_state_is_valid, query_arguments=_WHOLE),
    Command("MEMory:STATe:CATalog", query=_state_catalog),
    Command(
        "MEMory:STATe:NAME",
        _name_state,
        _state_name,
        (*_WHOLE, Text(optional=True)),
        _WHOLE,
    ),
    Command("MEMory:NSTates", query=lambda _: _MOST_STATES),
    Command("SYSTem:BEEPer[:IMMediate]", _nothing),
)

COMMANDS: tuple[Command, ...] = (
    *_LEVEL_COMMANDS,
    *_WAVEFORM_COMMANDS,
    *_TRIGGER_COMMANDS,
    *DATA_COMMANDS,
    *STORED_COMMANDS,
    *_SYSTEM_COMMANDS,
)
