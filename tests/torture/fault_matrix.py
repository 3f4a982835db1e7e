"""Every fault x protocol x phase of the run x instrument, generated and judged.

A clean run tells which messages each instrument gets in which phase; every cell of the
matrix then strikes one of them, chosen by a seed.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
import yaml

from labneuro import workspace
from labneuro.bench import FaultConfig, FaultKind
from labneuro.data.checks import check_file
from labneuro.data.reader import RunFile
from labneuro.data.recovery import needs_recovery, recover
from labneuro.errors import EXIT_FAILED, EXIT_SAFETY, LabneuroError
from labneuro.protocols.catalog import protocol_names
from labneuro.protocols.resuming import plots_of
from tests.torture.observation import (
    AFTER,
    CONNECT,
    PREPARE,
    SAFE,
    LastingFault,
    Message,
    Observation,
    observe,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SEED = 20261122
_LATE = 100.0  # s; beyond every time-out of the benches
_FIRST, _MIDDLE, _READ_BACK = "first step", "middle step", "read-back"
PHASES = (CONNECT, PREPARE, _FIRST, _MIDDLE, _READ_BACK, SAFE, AFTER)
_ONE_LINE = re.compile(r"labneuro: error: .+")
_LONGEST_LINE = 4000  # characters; a line lists every output that is not safe
_BEYOND = 1e20  # in any unit: what an instrument sends in place of an overflow
_UNPROVABLE = ("dropped connection, for good", "time-out, for good")


class SmallRun(NamedTuple):
    """A recipe cut down to a few steps, and its bench."""

    recipe: str
    bench: str
    changes: tuple[str, ...]


_TWO_FIELDS = "pulse_fields={start: 0.18 V/um, stop: 0.22 V/um, points: 2}"
_TWO_RESISTORS = "resistors={500 ohm: '1101', open: ''}"
SMALL_RUNS = {
    "ResistanceRead": SmallRun("hnno/resistance", "hnno-sim", ("points=3", "sweeps=3")),
    "FiringProbability": SmallRun(
        "hnno/firing", "hnno-sim", ("events=30", _TWO_FIELDS)
    ),
    "SensitizationTrain": SmallRun(
        "hnno/sensitization",
        "hnno-sim",
        ("fields=[0.15 V/um]", "pulses=30", "trains=2"),
    ),
    "StateMap": SmallRun(
        "hnno/state-map",
        "hnno-sim",
        (
            "events=30",
            _TWO_FIELDS,
            "accumulating_fields=[0.18 V/um]",
            "kinetics={pulses: []}",
        ),
    ),
    "PulseCapture": SmallRun(
        "hybrid/pulse-capture",
        "ts-scope-sim",
        ("captures=3", "points=50", "channels={ch1: {range: 2 V, offset: 0.5 V}}"),
    ),
    "ThresholdSwitching": SmallRun(
        "hybrid/threshold-switching", "ts-sim", ("cycles=3", "increment=50 mV")
    ),
    "FiringPulse": SmallRun(
        "hybrid/firing-pulse",
        "ts-scope-sim",
        ("amplitudes=[1.2 V, 1.3 V, 1.4 V]", "events=2", "points=20"),
    ),
    "PulseTrainFiring": SmallRun(
        "hybrid/pulse-train-firing",
        "ts-scope-sim",
        ("amplitudes=[1.2 V, 1.3 V, 1.4 V]", "events=1", "points=20"),
    ),
    "PotentiationDepression": SmallRun(
        "fmes/potentiation", "fmes-sim", ("pulses=3", "cycles=2", _TWO_RESISTORS)
    ),
    "PairedPulse": SmallRun(
        "fmes/paired-pulse",
        "fmes-sim",
        ("intervals=[3 ms, 10 ms]", "repeats=1", _TWO_RESISTORS),
    ),
    "CurrentVoltage": SmallRun(
        "fmes/current-voltage",
        "fmes-sim",
        ("rates=[100 mV/s, 50 mV/s]", "increment=100 mV", _TWO_RESISTORS),
    ),
    "LearnForget": SmallRun(
        "fmes/learn-forget",
        "fmes-sim",
        (
            "phases=[{resistor: 500 ohm, pulses: 3}, {resistor: open, pulses: 3}]",
            "readings=2",
        ),
    ),
    "PulseResponse": SmallRun(
        "fmes/pulse-response",
        "fmes-sim",
        ("currents=[1 mA]", "widths=[1 ms]", "repeats=2", _TWO_RESISTORS),
    ),
    "Endurance": SmallRun(
        "fmes/endurance",
        "fmes-sim",
        ("pulses=3", "measured_cycles=3", "silent_cycles=1"),
    ),
    "NeuronFiring": SmallRun(
        "hybrid/neuron-firing",
        "neuron-sim",
        ("amplitudes=[1.8 V]", "train={pulses: 3, quiet: 3}", "points=20"),
    ),
    "SynapseLearning": SmallRun(
        "hybrid/synapse-learning",
        "synapses-sim",
        ("trains=2", "train={pulses: 3, quiet: 3}", "reading={count: 2}"),
    ),
    "InhibitionTruth": SmallRun(
        "hybrid/inhibition-truth",
        "lia-sim",
        ("conditions=[[], [1], [10]]", "points=20"),
    ),
    "NetworkTraining": SmallRun(
        "hybrid/network-training",
        "snn-sim",
        (
            "layers=[2]",
            "hidden=[1, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
            "second_bursts={first: 2, increment: 1, most: 3}",
            "neurons=[1]",
            "test=null",
        ),
    ),
    "NetworkInference": SmallRun(
        "hybrid/network-inference", "snn-sim", ("test={noisy: [0], window: 5}",)
    ),
    "DiodeSweep": SmallRun(
        "pcu/diodes",
        "pcu-sim",
        (
            "units=[11, 22, 33]",
            "bands=[{start: 0.2 V, stop: 0.4 V, points: 3, current_range: 10 uA}]",
        ),
    ),
    "IncrementalStepPulse": SmallRun(
        "pcu/step-pulses",
        "pcu-sim",
        ("units=[11]", "targets=[2 uS, 5 uS, 2 uS]", "cycles=1"),
    ),
    "ResistiveSwitching": SmallRun(
        "pcu/switching", "pcu-sim", ("units=[22]", "cycles=3", "increment=100 mV")
    ),
    "Retention": SmallRun(
        "pcu/multistate-retention",
        "pcu-sim",
        ("targets=[2 uS, 5 uS, 2 uS]", "duration=20 s"),
    ),
    "OperatorSweep": SmallRun(
        "pcu/multiplier",
        "pcu-sim",
        (
            "units=[11, 22, 33]",
            "operators=1",
            "repeats=1",
            "inputs={start: 1, stop: 2, points: 2}",
            "curve={stop: 0.4 V, increment: 50 mV}",
        ),
    ),
    "VectorMatrixProduct": SmallRun("pcu/vmm", "pcu-sim", ("vectors=5",)),
}
"""One for each measurement protocol; a protocol without one fails the matrix."""


class Fault(NamedTuple):
    """A row of the matrix.

    Attributes
    ----------
    name : str
        For the table.
    kind : str
        Kind of the bench file.
    lasting : bool
        Whether it stays from the message on that it strikes.
    delay : float
        Of a slow reply in s.
    """

    name: str
    kind: FaultKind
    lasting: bool = False
    delay: float = 1.0


def faults() -> list[Fault]:
    """Return every fault of the simulated bench, and those that do not go away."""
    once = [Fault(kind, kind) for kind in get_args(FaultKind)]
    return [
        *once,
        Fault("slow reply, beyond time-out", "slow reply", delay=_LATE),
        Fault("dropped connection, for good", "dropped connection", lasting=True),
        Fault("time-out, for good", "time-out", lasting=True),
        Fault("garbage, for good", "garbage", lasting=True),
        Fault("interlock open, for good", "interlock open", lasting=True),
    ]


class Case(NamedTuple):
    """One run with one fault."""

    protocol: str
    fault: Fault
    message: Message
    phase: str

    def __str__(self) -> str:
        message = self.message
        return (
            f"{self.protocol}: {self.fault.name} at message {message.number} of "
            f"{message.instrument} ({self.phase})"
        )


@dataclass
class Verdict:
    """What became of a case.

    Attributes
    ----------
    case : Case
    code : int
        Exit code.
    wrong : list of str
        What should not have been.
    told : str
        What the run said.
    """

    case: Case
    code: int
    wrong: list[str] = field(default_factory=list)
    told: str = ""


class Matrix:
    """Runs cases in a folder.

    Parameters
    ----------
    folder : Path
        For bench and run files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._clean: dict[str, Observation] = {}

    def clean(self, protocol: str) -> Observation:
        """Return what a run without fault does.

        Raises
        ------
        AssertionError
            If the protocol has no small run, or that run does not succeed.
        """
        if protocol not in self._clean:
            assert protocol in SMALL_RUNS, f"{protocol}: no small run"
            seen = self._run(protocol, [], None)[0]
            assert (seen.code, seen.unsafe, seen.crash) == (0, [], ""), seen
            self._clean[protocol] = seen
        return self._clean[protocol]

    def compile_all(self) -> None:
        """Run each protocol once, whatever comes of it, so that numba's cache is full.

        On a busy computer it compiles for longer than an instrument's time-out.
        """
        for protocol in protocol_names():
            self._run(protocol, [], None)

    def cases(self, picks: int) -> Iterator[Case]:
        """Return `picks` messages for each fault, phase and protocol that has any.

        A bench's instruments are struck in turn, from phase to phase and from protocol
        to protocol, so that every fault strikes each of them.
        """
        ranks: Counter[str] = Counter()
        for protocol in protocol_names():
            seen = self.clean(protocol)
            names = sorted({one.instrument for one in seen.messages})
            bench = SMALL_RUNS[protocol].bench
            for number, cell in enumerate(itertools.product(faults(), PHASES)):
                struck = [name for name in names if _messages(seen, cell[1], name)]
                if struck:
                    name = struck[(number + ranks[bench]) % len(struck)]
                    yield from _picked(protocol, seen, cell, name, picks)
            ranks[bench] += 1

    def judge(self, case: Case) -> Verdict:
        """Run a case and look for what should not be."""
        fault, message = case.fault, case.message
        config = FaultConfig(
            instrument=message.instrument,
            kind=fault.kind,
            at=None if fault.lasting else message.number,
            delay=fault.delay,
        )
        lasting = LastingFault(message.number, config) if fault.lasting else None
        seen, out = self._run(case.protocol, [] if lasting else [config], lasting)
        verdict = Verdict(case, seen.code, told=seen.stderr.strip()[-400:])
        if seen.count(message.instrument) < message.number:
            verdict.wrong.append("the fault never struck")
        verdict.wrong += _about_the_end(seen, case)
        verdict.wrong += self._about_the_file(seen, out, case)
        return verdict

    def _run(
        self, protocol: str, config: list[FaultConfig], lasting: LastingFault | None
    ) -> tuple[Observation, Path]:
        small = SMALL_RUNS[protocol]
        number = next(self._numbers)
        bench = self._folder / f"bench-{number}.yaml"
        bench.write_text(_bench_text(small.bench, config))
        out = self._folder / f"run-{number}.h5"
        seen = observe(protocol, small.recipe, bench, out, small.changes, lasting)
        return seen, out

    def _about_the_file(
        self, seen: Observation, out: Path, case: Case
    ) -> Iterator[str]:
        if needs_recovery(out):
            yield f"{out.name} was left unfinished by a run that was not killed"
            recover(out, plots_of)
        if not out.exists():
            if seen.acknowledged:
                yield "no file although readings were acknowledged"
            return
        try:
            with RunFile.open(out) as run:
                found = run.readings()
        except LabneuroError as error:
            yield f"unreadable file: {error}"
            return
        yield from (f"file: {one.path}: {one.message}" for one in check_file(out))
        clean = _joined(self.clean(case.protocol).acknowledged)
        yield from _about_the_readings(found, _joined(seen.acknowledged), clean, case)
        out.unlink()


def _picked(
    protocol: str, seen: Observation, cell: tuple[Fault, str], name: str, picks: int
) -> Iterator[Case]:
    """Draw messages of an instrument in a phase, by a seed."""
    fault, phase = cell
    found = _messages(seen, phase, name)
    words = f"{protocol} {fault.name} {phase} {name}".encode()
    generator = np.random.default_rng([SEED, *words])
    count = min(picks, len(found))
    for index in generator.choice(len(found), count, replace=False):
        yield Case(protocol, fault, found[index], phase)


def _about_the_readings(
    found: dict[str, Any], told: dict[str, Any], clean: dict[str, Any], case: Case
) -> Iterator[str]:
    """Tell which readings are lost, changed or beyond reason."""
    for name, column in told.items():
        if found[name][: column.size].tobytes() != column.tobytes():
            yield f"acknowledged readings are not in the file ({name})"
    for name, column in found.items():
        finite = column[np.isfinite(column)]
        if np.abs(finite.astype(float)).max(initial=0.0) > _BEYOND:
            yield f"a reading beyond reason ({name})"
        same = clean[name][: column.size]
        comparable = case.fault.kind in _SAME_READINGS and column.dtype.kind == "f"
        if comparable and not np.allclose(column, same, _DRIFT, 0.0, equal_nan=True):
            yield f"wrong readings, silently ({name})"


_DRIFT = 2e-5  # a device drifts while an error is read: a count of the last digit
_SAME_READINGS = (
    "garbage",
    "truncated block",
    "wrong identity",
    "error in queue",
    "dropped connection",
)
"""Faults after which a reading is what it would have been, or is not there."""


def _joined(steps: list[dict[str, Any]]) -> dict[str, Any]:
    names = steps[0] if steps else {}
    return {name: np.concatenate([rows[name] for rows in steps]) for name in names}


def _messages(seen: Observation, phase: str, instrument: str) -> list[Message]:
    """Return an instrument's messages in a phase of the run."""
    steps = sorted({one.phase for one in seen.messages if one.phase[:4] == "step"})
    middle = steps[len(steps) // 2]
    wanted: dict[str, Callable[[Message], bool]] = {
        _FIRST: lambda one: one.phase == steps[0],
        _MIDDLE: lambda one: one.phase == middle,
        _READ_BACK: lambda one: one.phase in steps and one.answered,
    }
    chosen = wanted.get(phase, lambda one: one.phase == phase)
    return [
        one for one in seen.messages if one.instrument == instrument and chosen(one)
    ]


def _bench_text(name: str, config: Iterable[FaultConfig]) -> str:
    path = workspace.find("bench", name)
    content: Any = workspace.read_yaml(path)
    content["simulation"]["faults"] = [
        {**one.model_dump(exclude_none=True), "delay": f"{one.delay} s"}
        for one in config
    ]
    return yaml.safe_dump(content)


def _about_the_end(seen: Observation, case: Case) -> Iterator[str]:
    """Tell what is wrong with exit code, message and outputs."""
    if seen.crash:
        yield f"traceback: {seen.crash.splitlines()[-1]}"
        return
    if seen.code not in {0, EXIT_FAILED, EXIT_SAFETY}:
        yield f"exit code {seen.code}"
    errors = [line for line in seen.stderr.splitlines() if "error:" in line]
    if len(errors) != (seen.code != 0):
        yield f"{len(errors)} errors told with exit code {seen.code}"
    if any(not _ONE_LINE.fullmatch(one) or len(one) > _LONGEST_LINE for one in errors):
        yield f"not one line of error: {seen.stderr[-300:]!r}"
    yield from _about_the_outputs(seen, case)


def _about_the_outputs(seen: Observation, case: Case) -> Iterator[str]:
    owners = {one.partition(".")[0] for one in seen.unsafe}
    if owners and seen.code != EXIT_SAFETY:
        yield f"outputs left on ({', '.join(seen.unsafe)}) with exit code {seen.code}"
    for owner in owners:
        lost = case.fault.name in _UNPROVABLE and owner == case.message.instrument
        if not lost:
            yield f"{owner}: outputs left on: {', '.join(seen.unsafe)}"
        elif f"({owner}" not in seen.stderr:
            yield f"{owner}: its unknown state is not told"


def sample(cases: list[Case], count: int) -> list[Case]:
    """Return a part of the cases: always what it has least of so far."""
    order = np.random.default_rng(SEED).permutation(len(cases))
    left = [cases[index] for index in order]
    seen: Counter[str] = Counter()
    chosen: list[Case] = []
    for _ in range(min(count, len(left))):
        best = min(left, key=lambda one: [seen[key] for key in _keys(one)])
        left.remove(best)
        seen.update(_keys(best))
        chosen.append(best)
    return chosen


def _keys(case: Case) -> tuple[str, str, str]:
    return f"fault {case.fault.name}", f"phase {case.phase}", case.protocol
