"""The learn query ``*LRN?``: the settings as the commands that bring them back.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``*LRN?``. The forms are those that
users of real instruments have written down (``DV1,200,+00.0000E+00,+100.000E-06,0,16``,
``RM1,1,50``, ``WAT1,1.0,0.0000``) and that public drivers parse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.flex import show
from labneuro.sim_backends.agilent_b1500a.formats import VOLTAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
    from labneuro.sim_backends.agilent_b1500a.setup import Setup, SweepSource
    from labneuro.sim_backends.agilent_b1500a.smu import Smu

_FIRST_SLOT, _LAST_SLOT = 1, 10


def answer(frame: AgilentB1500A, kind: int) -> str:
    """Return the answer to ``*LRN?``.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    kind : int
        Type of settings; 1 to 10 is a slot.

    Raises
    ------
    FlexError
        120 if there is no such type here.
    """
    if _FIRST_SLOT <= kind <= _LAST_SLOT:
        return _slot(frame, kind)
    if kind not in _KINDS:
        raise FlexError(errors.PARAMETER)
    return _KINDS[kind](frame)


def _slot(frame: AgilentB1500A, slot: int) -> str:
    if slot in frame.smus:
        return _source(frame.smus[slot])
    if slot in frame.spgus:
        state = "CN" if frame.spgus[slot].on else "CL"
        return f"{state}{slot}"
    raise FlexError(errors.NO_MODULE)


def _source(smu: Smu) -> str:
    if not smu.on:
        return f"CL{smu.number}"
    one = smu.output
    return (
        f"D{one.quantity}{smu.number},{one.range_code},{show(smu.quantised(one.level))},"
        f"{show(one.compliance)},{one.polarity},{one.compliance_range}"
    )


def _switches(frame: AgilentB1500A) -> str:
    on = [number for number, smu in frame.smus.items() if smu.on]
    on = sorted(on + [number for number, one in frame.spgus.items() if one.on])
    return "CN" + ",".join(map(str, on)) if on else "CL"


def _filters(frame: AgilentB1500A) -> str:
    on = [n for n, smu in frame.smus.items() if smu.settings.filter]
    off = [n for n in frame.smus if n not in on]
    if not on:
        return "FL0"
    if not off:
        return "FL1"
    return f"FL0,{','.join(map(str, off))};FL1,{','.join(map(str, on))}"


def _main(frame: AgilentB1500A) -> str:
    one = frame.setup
    mode = ",".join(map(str, (one.mode, *one.channels)))
    return (
        f"TM{one.trigger_mode};AV{frame.converters.averaging()};"
        f"CM{int(one.auto_calibration)};FMT{one.form},{one.data_mode};MM{mode}"
    )


def _each(form: Callable[[Smu], str]) -> Callable[[AgilentB1500A], str]:
    """Return an answer that lists every SMU."""

    def run(frame: AgilentB1500A) -> str:
        return ";".join(form(smu) for smu in frame.smus.values())

    return run


def _ranges(smu: Smu) -> str:
    one, number = smu.settings, smu.number
    return f"RI{number},{one.current_range};RV{number},{one.voltage_range}"


def _rule(smu: Smu) -> str:
    one = smu.settings
    return f"RM{smu.number},{one.auto_rule},{one.auto_rate}"


def _times(times: Iterable[float]) -> str:
    return ",".join(f"{time:.4f}" for time in times)


def _stairs(source: SweepSource, *, steps: bool = True) -> list[str]:
    one = source.output
    texts = [str(one.range_code), show(one.level), show(source.stop)]
    if steps:
        texts.append(str(source.steps))
    texts.append(show(one.compliance))
    return [*texts, show(source.power)] if source.power else texts


def _staircase(frame: AgilentB1500A) -> str:
    one = frame.setup
    texts = [f"WM{one.abort},{one.post}", f"WT{_times(one.timing)}"]
    if one.sweep is not None:
        numbers = [str(one.sweep.channel), str(one.sweep.mode), *_stairs(one.sweep)]
        texts.append(f"W{one.sweep.output.quantity}{','.join(numbers)}")
    if one.synchronous is not None:
        second = one.synchronous
        numbers = [str(second.channel), *_stairs(second, steps=False)]
        texts.append(f"WS{second.output.quantity}{','.join(numbers)}")
    return ";".join(texts)


def _pulses(frame: AgilentB1500A) -> str:
    one = frame.setup
    timing = one.pulse_timing
    late = max(0.0, timing.trigger_delay)
    texts = [f"PT{_times((timing.hold, timing.width, timing.period, late))}"]
    for channel, pulse in one.pulses.items():
        out = pulse.output
        texts.append(
            f"P{out.quantity}{channel},{out.range_code},{show(out.level)},"
            f"{show(pulse.peak)},{show(out.compliance)}"
        )
    if one.pulse_sweep is not None:
        sweep = one.pulse_sweep
        code, *rest = _stairs(sweep)
        numbers = [str(sweep.channel), str(sweep.mode), code, show(sweep.base), *rest]
        texts.append(f"PW{sweep.output.quantity}{','.join(numbers)}")
    return ";".join(texts)


def _sampling(frame: AgilentB1500A) -> str:
    one = frame.setup
    timing = one.sample_timing
    texts = [
        f"MSC{one.sample_abort},{one.sample_post}",
        f"MT{timing.bias_hold:.4f},{timing.interval:.5f},{timing.number},"
        f"{timing.base_hold:.4f}",
        f"ML{one.sample_mode}",
    ]
    for channel, source in one.samples.items():
        out = source.output
        texts.append(
            f"M{out.quantity}{channel},{out.range_code},{show(out.level)},"
            f"{show(source.bias)},{show(out.compliance)}"
        )
    return ";".join(texts)


def _conversion(frame: AgilentB1500A) -> str:
    one = frame.converters
    types = ";".join(f"AIT{one.shown(converter)}" for converter in sorted(one.modes))
    return f"{types};AZ{int(one.autozero)}"


def _waits(frame: AgilentB1500A) -> str:
    waits = sorted(frame.setup.waits.items())
    return ";".join(f"WAT{kind},{n:.1f},{offset:.4f}" for kind, (n, offset) in waits)


def _ports(frame: AgilentB1500A) -> str:
    one: Setup = frame.setup
    ports = [
        f"TGP{port},{','.join(map(str, numbers))}"
        for port, numbers in one.ports.items()
    ]
    gates = [f"{name}{one.gate_outputs.get(name, 1)}" for name in ("TGSO", "TGXO")]
    return ";".join([*ports, f"TGSI{one.step_trigger_case}", *gates])


def _further(frame: AgilentB1500A) -> str:
    texts = [_staircase(frame)]
    for number, source in sorted(frame.setup.further.items()):
        kind = 1 if source.output.quantity == VOLTAGE else 2
        rest = ",".join(_stairs(source, steps=False))
        texts.append(f"WNX{number},{source.channel},{kind},{rest}")
    return ";".join(texts)


_KINDS: dict[int, Callable[[AgilentB1500A], str]] = {
    0: _switches,
    30: _filters,
    31: _main,
    32: _each(_ranges),
    33: _staircase,
    34: _pulses,
    46: _each(lambda smu: f"CMM{smu.number},{smu.settings.operation}"),
    47: _sampling,
    53: _each(lambda smu: f"SSR{smu.number},{int(smu.settings.series_resistor)}"),
    54: _each(_rule),
    55: _each(lambda smu: f"AAD{smu.number},{smu.settings.converter}"),
    56: _conversion,
    57: _waits,
    58: _ports,
    59: _further,
    60: lambda frame: f"TSC{int(frame.setup.time_stamps)}",
    110: lambda frame: f"PAD{int(frame.setup.parallel)}",
}
