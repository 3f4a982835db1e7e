"""Settings of the 81160A that its simulated outputs do not depend on.

They are kept, checked and read back: modulation, sweep, pattern mode, display, trigger
input. Ranges and defaults for which no source is given are chosen; modulation and sweep
follow the maker's 33250A (source d of the limits) with this instrument's frequencies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.keysight_81160a.settings import Range
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Argument, Boolean, Choice, Number
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.sim_backends.keysight_81160a.instrument import Keysight81160A
    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.scpi.syntax import Element

HERTZ, SECOND, VOLT, OHM = {"HZ": 1.0}, {"S": 1.0}, {"V": 1.0}, {"OHM": 1.0}
PERCENT = {"PCT": 1.0, "%": 1.0}
DEGREE = {"DEG": 1.0}
EXTREME = (Choice("MINimum", "MAXimum", "DEFault", optional=True),)


class _OutputLevel(Argument):
    """The level of the strobe output, whose third word has a digit inside."""

    def read(self, element: Element) -> str:
        """Return the word in capitals."""
        word = element.upper() if isinstance(element, str) else ""
        if word not in ("TTL", "ECL", "SYM4VPP"):
            raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
        return word


_SHAPES = Choice("SINusoid", "SQUare", "RAMP", "NRAMp", "TRIangle", "NOISe", "USER")
_SOURCES = Choice("INTernal[1]", "INTernal2", "EXTernal", "CH1", "CH2")
_RATE = Range(1e-3, 50e6, 1e3)
_PATTERNS = Choice("MEMory", "PRBS", "EXTernal")


class StoredSetting(NamedTuple):
    """A setting that is only kept.

    Attributes
    ----------
    header : str
        Of the command.
    default : object
        What a reset brings; that of a number is in its range.
    argument : Argument
        What it takes.
    range : Range, optional
        Of a number.
    """

    header: str
    default: object
    argument: Argument
    range: Range | None = None


def _number(header: str, units: Mapping[str, float], allowed: Range) -> StoredSetting:
    return StoredSetting(header, allowed.default, Number(units=units), allowed)


def _switch(header: str, *, default: bool = False) -> StoredSetting:
    return StoredSetting(header, default, Boolean())


_MODULATION = tuple(
    setting
    for node in ("AM", "FM", "PM", "FSKey", "PWM")
    for setting in (
        _switch(f"[SOURce]:{node}{{1-2}}:STATe"),
        StoredSetting(f"[SOURce]:{node}{{1-2}}:SOURce", "INT", _SOURCES),
    )
)
_MODULATION_SIGNAL = tuple(
    setting
    for node in ("AM", "FM", "PM", "PWM")
    for setting in (
        StoredSetting(f"[SOURce]:{node}{{1-2}}:INTernal:FUNCtion", "SIN", _SHAPES),
        _number(f"[SOURce]:{node}{{1-2}}:INTernal:FREQuency", HERTZ, _RATE),
    )
)
_FREQUENCIES = Range(limits.LOWEST_FREQUENCY, limits.HIGHEST_SINE, 1e3)

STORED: tuple[StoredSetting, ...] = (
    *_MODULATION,
    *_MODULATION_SIGNAL,
    _number("[SOURce]:AM{1-2}:DEPTh", PERCENT, Range(0.0, 120.0, 100.0)),
    _switch("[SOURce]:AM{1-2}:DSSC"),
    _number("[SOURce]:FM{1-2}:DEViation", HERTZ, _FREQUENCIES),
    _number("[SOURce]:PM{1-2}:DEViation", DEGREE, Range(0.0, 360.0, 180.0)),
    _number("[SOURce]:FSKey{1-2}:FREQuency", HERTZ, _FREQUENCIES),
    _number("[SOURce]:FSKey{1-2}:INTernal:RATE", HERTZ, _RATE),
    _number("[SOURce]:PWM{1-2}:DEViation[:WIDTh]", SECOND, Range(0.0, 1e6, 1e-8)),
    # (a) p. 221: 0 to 100 %, default 50 m%.
    _number("[SOURce]:PWM{1-2}:DEViation:DCYCle", PERCENT, Range(0.0, 100.0, 0.05)),
    _switch("[SOURce]:SWEep{1-2}:STATe"),
    StoredSetting(
        "[SOURce]:SWEep{1-2}:SPACing", "LIN", Choice("LINear", "LOGarithmic")
    ),
    _number("[SOURce]:SWEep{1-2}:TIME", SECOND, Range(1e-3, 500.0, 1.0)),
    _number(
        "[SOURce]:FREQuency{1-2}:STARt", HERTZ, _FREQUENCIES._replace(default=100.0)
    ),
    _number("[SOURce]:FREQuency{1-2}:STOP", HERTZ, _FREQUENCIES),
    _number(
        "[SOURce]:MARKer{1-2}:FREQuency", HERTZ, _FREQUENCIES._replace(default=500.0)
    ),
    _switch("[SOURce]:MARKer{1-2}[:STATe]"),
    _switch("[SOURce]:VOLTage{1-2}:RANGe:AUTO", default=True),
    StoredSetting(
        "[SOURce]:PULSe:TRANsition{1-2}:HOLD FUNCtion{1-2}:PULSe:TRANsition:HOLD",
        "TIME",
        Choice("TIME", "WRATio"),
    ),
    StoredSetting(
        "[SOURce]:PULSe:TRANsition{1-2}:UNIT", "S", Choice("S", "SEC", "PCT")
    ),
    StoredSetting("[SOURce]:PULSe:DELay{1-2}:HOLD", "TIME", Choice("TIME", "PRATio")),
    StoredSetting("OUTPut{1-2}:ROUTe", "HIB", Choice("HIVoltage", "HIBandwidth")),
    StoredSetting(  # (a) p. 126
        "OUTPut{1-2}:STRobe:VOLTage", "TTL", _OutputLevel()
    ),
    StoredSetting("OUTPut{1-2}:TRIGger:VOLTage", "TTL", Choice("TTL", "ECL")),
    StoredSetting(
        "TRIGger{1-2}:SOURce",
        "IMM",
        Choice("IMMediate", "INTernal[1]", "INTernal2", "EXTernal"),
    ),
    StoredSetting(
        "ARM[:STARt][:LAYer]:SLOPe", "POS", Choice("POSitive", "NEGative", "EITHer")
    ),
    _number(
        "ARM[:STARt][:LAYer]:LEVel",
        VOLT,
        Range(-limits.TRIGGER_LEVEL, limits.TRIGGER_LEVEL, 1.0),
    ),
    _switch("DIGital{1-2}[:STIMulus]:PATTern[:STATe]"),
    StoredSetting("DIGital{1-2}[:STIMulus]:PATTern:SOURce", "MEM", _PATTERNS),
    _number("DIGital{1-2}[:STIMulus][:PATTern]:NLEVels", {}, Range(2, 4, 2)),
    _number(
        "DIGital{1-2}[:STIMulus][:PATTern]:LOOP[:STARt]",
        {},
        Range(0, limits.MOST_PATTERN_BITS - 1, 0),
    ),
    *(
        _number(
            f"DIGital{{1-2}}[:STIMulus][:PATTern]:EXTernal:THReshold{node}",
            VOLT,
            Range(-limits.TRIGGER_LEVEL, limits.TRIGGER_LEVEL, default),
        )
        for node, default in (("[:LOWer]", -0.5), (":UPPer", 0.5))  # (a) p. 567
    ),
    StoredSetting(
        "CHANnel:MATH[:ADDition]", "OFF", Choice("OFF", "PLUS", "DIGital", "ANALog")
    ),
    StoredSetting("UNIT:ANGLe", "DEG", Choice("DEGree", "RADian")),
    StoredSetting("FORMat:BORDer", "NORM", Choice("NORMal", "SWAPped")),
    StoredSetting(
        "[SOURce]:ROSCillator:SOURce", "INT", Choice("INTernal[1]", "EXTernal")
    ),
    _switch("[SOURce]:ROSCillator:SOURce:AUTO", default=True),
    _switch("DISPlay[:WINDow][:STATe]", default=True),
    _switch("SYSTem:BEEPer:STATe", default=True),
    _switch("SYSTem:KLOCk[:STATe]"),
)


def stored_key(name: str, number: int = 0) -> str:
    """Return the key of a stored setting from its header, and its channel if any."""
    return f"{name}@{number}" if number else name


STORED_DEFAULTS: dict[str, Any] = {
    stored_key(one.header, number): one.default
    for one in STORED
    for number in ((1, 2) if "{1-2}" in one.header else (0,))
}


def _command(setting: StoredSetting) -> Command:
    header, allowed = setting.header, setting.range

    def write(generator: Keysight81160A, *suffix_and_value: Any) -> None:  # noqa: ANN401  one or two
        *suffix, value = suffix_and_value
        if allowed is not None:
            value = _within(allowed, value)
        generator.stored[stored_key(header, *suffix)] = value

    def query(generator: Keysight81160A, *suffix_and_end: Any) -> Any:  # noqa: ANN401  whatever is kept
        suffix = [item for item in suffix_and_end if isinstance(item, int)]
        if allowed is not None and suffix_and_end and suffix_and_end[-1] not in suffix:
            return allowed.query(suffix_and_end[-1])
        return generator.stored[stored_key(header, *suffix)]

    ends = EXTREME if allowed is not None else ()
    return Command(header, write, query, (setting.argument,), ends)


def _within(allowed: Range, value: float | Extreme) -> float:
    """Return a number of the range; a whole one where the range counts."""
    number = limits.round_digits(allowed.resolve(value))
    if isinstance(allowed.default, int) and isinstance(allowed.high, int):
        return round(number)
    return number


def _set_trigger_resistance(generator: Keysight81160A, value: float) -> None:
    if value not in limits.TRIGGER_RESISTANCES:
        raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
    generator.stored["trigger_resistance"] = value


STORED_DEFAULTS["trigger_resistance"] = limits.TRIGGER_RESISTANCES[1]

STORED_COMMANDS: tuple[Command, ...] = (
    *(_command(setting) for setting in STORED),
    Command(
        "ARM[:STARt][:LAYer]:IMPedance",
        _set_trigger_resistance,
        lambda generator: generator.stored["trigger_resistance"],
        (Number(units=OHM, extremes=False),),
    ),
)
