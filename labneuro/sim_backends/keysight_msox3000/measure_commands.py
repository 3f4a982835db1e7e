"""Commands that measure on what the screen shows.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapter 22 (:MEASure). The
statistics hold one sample for each acquisition in which they were asked for.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.commands import (
    ANY_SOURCE,
    VOLT,
    Words,
    choice,
    setting,
    switch,
)
from labneuro.sim_backends.keysight_msox3000.measurements import (
    Thresholds,
    Waveform,
    delay,
    phase,
)
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Boolean,
    Choice,
    Number,
    read_number,
)
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.settings import Measure

_NO = datasheet.INVALID
_SOURCE = Choice(*ANY_SOURCE)
_MOST_WORDS = 4


class Options(NamedTuple):
    """What the parameters of a measurement say.

    Attributes
    ----------
    sources : tuple of str
        Named sources.
    cycle : bool
        Whether an integral number of periods is measured.
    ac : bool
        Whether the mean is left out.
    """

    sources: tuple[str, ...] = ()
    cycle: bool = False
    ac: bool = False


def measure_of(scope: KeysightMsox3104T) -> Measure:
    """Return the settings of the measurements."""
    return scope.settings.measure


def _options(words: tuple[str, ...]) -> Options:
    sources = []
    for word in words:
        if word in ("CYCL", "CYCLE", "DISP", "DISPLAY", "AC", "DC", "AUTO", "WIND"):
            continue
        sources.append(_SOURCE.read(word))
    cycle = "CYCL" in words or "CYCLE" in words
    return Options(tuple(sources), cycle, "AC" in words)


def waveform(scope: KeysightMsox3104T, source: str) -> Waveform | None:
    """Return a source's waveform for measuring, None if there is none."""
    trace = scope.trace(source)
    if trace is None:
        return None
    one = measure_of(scope)
    thresholds = Thresholds(
        one.lower, one.middle, one.upper, one.threshold_mode == "ABS"
    )
    return scope.measured(source, trace, thresholds)


_OF_ONE: dict[str, Callable[[Waveform, Options], float]] = {
    "VPP": lambda w, _: w.peak_to_peak,
    "VMAX": lambda w, _: w.maximum,
    "VMIN": lambda w, _: w.minimum,
    "VAMPlitude": lambda w, _: w.amplitude,
    "VTOP": lambda w, _: w.top,
    "VBASe": lambda w, _: w.base,
    "VAVerage": lambda w, o: w.mean(cycle=o.cycle),
    "VRMS": lambda w, o: w.effective(cycle=o.cycle, ac=o.ac),
    "SDEViation": lambda w, o: w.effective(cycle=o.cycle, ac=True),
    "AREa": lambda w, _: w.area(),
    "FREQuency": lambda w, _: w.frequency,
    "COUNter": lambda w, _: w.frequency,
    "PERiod": lambda w, _: w.period,
    "PWIDth": lambda w, _: w.width(positive=True),
    "NWIDth": lambda w, _: w.width(positive=False),
    "DUTYcycle": lambda w, _: w.duty(positive=True),
    "PDUTy": lambda w, _: w.duty(positive=True),
    "NDUTy": lambda w, _: w.duty(positive=False),
    "RISetime": lambda w, _: w.transition(rising=True),
    "FALLtime": lambda w, _: w.transition(rising=False),
    "OVERshoot": lambda w, _: w.shoot(after=True),
    "PREShoot": lambda w, _: w.shoot(after=False),
    "XMAX": lambda w, _: w.place_of(largest=True),
    "XMIN": lambda w, _: w.place_of(largest=False),
    "TMAX": lambda w, _: w.place_of(largest=True),
    "TMIN": lambda w, _: w.place_of(largest=False),
    "BRATe": lambda w, _: w.bit_rate(),
    "BWIDth": lambda w, _: w.burst(),
    "PEDGes": lambda w, _: w.count_edges(rising=True),
    "NEDGes": lambda w, _: w.count_edges(rising=False),
    "PPULses": lambda w, _: w.count_pulses(positive=True),
    "NPULses": lambda w, _: w.count_pulses(positive=False),
    "VLOWer": lambda w, _: w.levels[0] if w.levels else _NO,
    "VUPPer": lambda w, _: w.levels[2] if w.levels else _NO,
}


def _delay(scope: KeysightMsox3104T, one: Waveform, two: Waveform) -> float:
    kept = scope.settings.stored.get("MEASure:DELay:DEFine", "RIS,RIS").split(",")
    return delay(one, two, (kept[0] == "RIS", kept[1] == "RIS"))


def _ratio(_: KeysightMsox3104T, one: Waveform, two: Waveform) -> float:
    below = two.effective(cycle=False, ac=False)
    above = one.effective(cycle=False, ac=False)
    return 20.0 * math.log10(above / below) if above > 0.0 < below else _NO


_OF_TWO: dict[str, Callable[[KeysightMsox3104T, Waveform, Waveform], float]] = {
    "DELay": _delay,
    "PHASe": lambda _, one, two: phase(one, two),
    "VRATio": _ratio,
}


def take(scope: KeysightMsox3104T, name: str, options: Options) -> float:
    """Return a measurement, 9.9E+37 if it cannot be made.

    Parameters
    ----------
    scope : KeysightMsox3104T
        The instrument.
    name : str
        Long form of the measurement, such as ``"VPP"``.
    options : Options
        Its parameters.
    """
    settings = measure_of(scope)
    first = options.sources[0] if options.sources else settings.source1
    one = waveform(scope, first)
    if one is None:
        return _NO
    if name in _OF_ONE:
        return _OF_ONE[name](one, options)
    second = options.sources[1] if len(options.sources) > 1 else settings.source2
    two = waveform(scope, second)
    return _NO if two is None else _OF_TWO[name](scope, one, two)


def _measurement(name: str) -> Command:
    """Declare a measurement: the command puts it on the screen, the query takes it."""

    def show(scope: KeysightMsox3104T, *words: str) -> None:
        options = _options(words)
        scope.shown_measurements[name] = (options, [])

    def query(scope: KeysightMsox3104T, *words: str) -> float:
        return take(scope, name, _options(words))

    words = (Words(optional=True),) * _MOST_WORDS
    return Command(f"MEASure:{name}", show, query, words, words)


def _set_source(scope: KeysightMsox3104T, first: str, second: str = "") -> None:
    settings = measure_of(scope)
    settings.source1 = "FUNC" if first == "MATH" else first
    if second:
        settings.source2 = "FUNC" if second == "MATH" else second


def _source(scope: KeysightMsox3104T) -> str:
    settings = measure_of(scope)
    return f"{settings.source1},{settings.source2}"


def _clear(scope: KeysightMsox3104T) -> None:
    scope.shown_measurements.clear()


def _results(scope: KeysightMsox3104T) -> str:
    """Answer the statistics of the shown measurements: all of them or one kind."""
    wanted = measure_of(scope).statistics
    parts = []
    for name, (options, samples) in scope.shown_measurements.items():
        value = take(scope, name, options)
        if value != _NO and scope.is_new_record(name):
            samples.append(value)
        every = _statistics(value, samples)
        if wanted == "ON":
            sources = options.sources or (measure_of(scope).source1,)
            numbers = [scope.format_number(one) for one in every.values()]
            label = f"{name}({','.join(source[-1] for source in sources)})"
            parts.append(",".join((label, *numbers, f"{len(samples):+d}")))
        elif wanted == "COUN":
            parts.append(f"{len(samples):+d}")
        else:
            parts.append(scope.format_number(every[wanted]))
    return ",".join(parts)


def _increment(scope: KeysightMsox3104T) -> None:
    """Take one more sample of each shown measurement."""
    _results(scope)


def _statistics(value: float, samples: list[float]) -> dict[str, float]:
    if not samples:
        return dict.fromkeys(("CURR", "MIN", "MAX", "MEAN", "STDD"), _NO)
    return {
        "CURR": value,
        "MIN": min(samples),
        "MAX": max(samples),
        "MEAN": statistics.fmean(samples),
        "STDD": statistics.pstdev(samples),
    }


class _Statistics(Choice):
    """``ON`` or the name of one statistic."""

    def __init__(self) -> None:
        super().__init__(
            *("ON", "CURRent", "MINimum", "MAXimum", "MEAN", "STDDev", "COUNt")
        )


def _reset_statistics(scope: KeysightMsox3104T) -> None:
    for _, samples in scope.shown_measurements.values():
        samples.clear()


def _slope(word: str) -> tuple[bool, int]:
    """Read ``+3`` or ``-1``: which way and the how many-th."""
    try:
        number = int(word)
    except ValueError:
        raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE) from None
    return not word.startswith("-"), abs(number)


def _crossing(
    scope: KeysightMsox3104T, level: float, slope: str, source: str = ""
) -> float:
    one = waveform(scope, source or measure_of(scope).source1)
    rising, number = _slope(slope)
    if one is None:
        return _NO
    return one.crossing_time(level, rising=rising, number=number)


def _edge(scope: KeysightMsox3104T, slope: str, source: str = "") -> float:
    one = waveform(scope, source or measure_of(scope).source1)
    rising, number = _slope(slope)
    return _NO if one is None else one.edge_time(number, rising=rising)


def _voltage(scope: KeysightMsox3104T, time: float, source: str = "") -> float:
    one = waveform(scope, source or measure_of(scope).source1)
    return _NO if one is None else one.value_at(time)


def _define(scope: KeysightMsox3104T, *words: str) -> None:
    """Set edges of the delay, or thresholds (``:MEASure:DEFine``)."""
    kind = words[0]
    if kind in ("DEL", "DELAY"):
        rising = ["RIS" if _slope(word)[0] else "FALL" for word in words[1:3]]
        scope.settings.stored["MEASure:DELay:DEFine"] = ",".join(
            [*rising, "RIS", "RIS"][:2]
        )
        return
    if kind not in ("THR", "THRESHOLDS"):
        raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
    settings = measure_of(scope)
    if words[1:] in (("STAN",), ("STANDARD",)):
        settings.threshold_mode = "PERC"
        settings.lower, settings.middle, settings.upper = 10.0, 50.0, 90.0
        return
    _set_thresholds(settings, words[1:])


def _set_thresholds(settings: Measure, words: tuple[str, ...]) -> None:
    if len(words) < _MOST_WORDS or words[0][:4] not in ("PERC", "ABS", "ABSO"):
        raise ScpiError(syntax.MISSING_PARAMETER)
    upper, middle, lower = (read_number(word).value for word in words[1:4])
    if not upper > middle > lower:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    settings.threshold_mode = "PERC" if words[0].startswith("PERC") else "ABS"
    settings.lower, settings.middle, settings.upper = lower, middle, upper


def _report(scope: KeysightMsox3104T) -> str:
    return f":MEAS:SOUR {_source(scope)};STAT {measure_of(scope).statistics}"


_OPTIONAL_SOURCE = Choice(*ANY_SOURCE, optional=True)
_ONE_WORD: tuple[Any, ...] = (Words(), _OPTIONAL_SOURCE)

COMMANDS: tuple[Command, ...] = (
    *(_measurement(name) for name in (*_OF_ONE, *_OF_TWO)),
    Command("MEASure", query=_report),
    Command(
        "MEASure:SOURce",
        _set_source,
        _source,
        (_SOURCE, Choice(*ANY_SOURCE, optional=True)),
    ),
    Command("MEASure:CLEar MEASure:SCRatch", _clear),
    Command("MEASure:RESults", query=_results),
    setting("MEASure:STATistics", measure_of, "statistics", _Statistics(), live=False),
    Command("MEASure:STATistics:RESet", _reset_statistics),
    switch("MEASure:STATistics:DISPlay", default=True),
    switch("MEASure:STATistics:RSDeviation"),
    Command("MEASure:STATistics:INCRement", _increment),
    setting("MEASure:SHOW", measure_of, "show", Boolean(), live=False),
    choice("MEASure:WINDow", "AUTO", "MAIN", "ZOOM", "CYCLe"),
    Command(
        "MEASure:DEFine",
        _define,
        arguments=(Words(), *(Words(optional=True),) * _MOST_WORDS),
    ),
    Command(
        "MEASure:TVALue",
        query=_crossing,
        query_arguments=(Number(units=VOLT, extremes=False), *_ONE_WORD),
    ),
    Command("MEASure:TEDGe", query=_edge, query_arguments=_ONE_WORD),
    Command(
        "MEASure:VTIMe",
        query=_voltage,
        query_arguments=(Number(units={"S": 1.0}, extremes=False), _OPTIONAL_SOURCE),
    ),
)
