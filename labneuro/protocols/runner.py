"""The runner: executes a recipe on a bench into a run file."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labneuro import workspace
from labneuro.data.claim import claim
from labneuro.data.provenance import Provenance
from labneuro.data.recovery import needs_recovery, recover, run_path
from labneuro.data.run_file import InstrumentRecord, RunWriter
from labneuro.errors import (
    BenchConfigError,
    InputError,
    InstrumentError,
    LabneuroError,
    RecipeError,
)
from labneuro.instruments.connection import connect
from labneuro.instruments.device_circuit import device_circuit
from labneuro.instruments.stress import summed
from labneuro.protocols.resuming import (
    DEVICE_SEED,
    RESUMED,
    bench_of_run,
    check_same,
    past_of,
    plots_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.bench import BenchConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.protocols.base import MeasurementProtocol, Plan
    from labneuro.protocols.recipe import Recipe
    from labneuro.protocols.resuming import Past


@dataclass(frozen=True)
class Progress:
    """A step has been measured and is on disk.

    Attributes
    ----------
    done, total : int
        Steps acknowledged, and steps of the plan.
    label : str
        The step.
    readings : int
        Readings of the step.
    """

    done: int
    total: int
    label: str
    readings: int


def check_plan(protocol: MeasurementProtocol, bench: BenchConfig) -> Plan:
    """Return the plan of a protocol on a bench after checking every set-point.

    Raises
    ------
    RecipeError
        If the protocol is for another device model.
    BenchConfigError
        If bench and device give no current limit, the source meter's compliance.
    LimitError
        If a set-point is beyond a limit of the device, the bench or an instrument.
    """
    models = protocol.device_models
    if models and bench.device.model not in models:
        raise RecipeError(
            f"{type(protocol).__name__} measures {', '.join(models)}; the device of "
            f"bench {bench.name!r} is {bench.device.model!r}"
        )
    if not math.isfinite(bench.safe_limits.current):
        raise BenchConfigError(
            f"{bench.path}: limits.current: this key is missing; the source meter "
            "needs it as compliance"
        )
    plan = protocol.plan(bench.device)
    plan.check(bench.safe_limits, device_circuit(bench))
    return plan


def default_path(recipe: Recipe, bench: BenchConfig) -> Path:
    """Return a name for a run file in the current folder: recipe, device, time."""
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    words = re.sub(r"[^\w.-]+", "-", f"{recipe.name}_{bench.device.id}")
    return Path(f"{words}_{moment}.h5")


def run(
    recipe: Recipe,
    bench: BenchConfig,
    path: str | Path | None = None,
    *,
    seed: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    fsync_interval: float = 1.0,
) -> Path:
    """Execute a recipe on a bench into a new run file.

    Parameters
    ----------
    recipe : Recipe
        What to measure.
    bench : BenchConfig
        Where.
    path : path, optional
        Run file to create; must not exist. Without it :func:`default_path` with, where
        that is taken, ``-2``, ``-3`` and so on.
    seed : int, optional
        Seed of a simulated bench, in place of the bench file's.
    on_progress : callable, optional
        Called after each step's readings are on disk.
    fsync_interval : float
        Longest time in s that readings may wait for their fsync: a reset of the machine
        loses at most these, the kill of a process loses none.

    Returns
    -------
    Path
        The finished run file.

    Raises
    ------
    InputError
        If a seed is given and the bench is not simulated.
    LabneuroError
        Before any output goes on where the plan, the file or an instrument is wrong;
        later with all outputs off and what was measured kept in the file.
    """
    plan = check_plan(recipe.protocol, bench)
    if seed is not None and not bench.simulated:
        raise InputError(f"seed: bench {bench.name!r} is not simulated")
    wanted = default_path(recipe, bench) if path is None else Path(path)
    # The name first: what is wrong with it must show before any output goes on.
    with (
        claim(wanted, numbered=path is None) as name,
        connect(bench, seed) as connected,
    ):
        writer = RunWriter.create(
            name,
            recipe.protocol.layout(bench.device),
            _provenance(recipe, bench, seed),
            _records(connected),
            fsync_interval=fsync_interval,
        )
        with writer:
            _measure_all(recipe, connected, plan, writer, on_progress)
    return name.path


def resume(
    path: str | Path,
    bench: BenchConfig | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    fsync_interval: float = 1.0,
) -> Path:
    """Take up a run that was interrupted, failed or was killed, at its next step.

    A killed run is recovered first. The gap, what the readings before it were, and the
    seed of a simulated bench are kept as events of kind ``"resumed"``.

    Parameters
    ----------
    path : path
        The run file, or the ``.part`` or the journal of a killed run.
    bench : BenchConfig, optional
        Its bench, where that is no longer found by its name.
    on_progress : callable, optional
        Called after each step's readings are on disk.
    fsync_interval : float
        As for :func:`run`.

    Returns
    -------
    Path
        The finished run file.

    Raises
    ------
    RunFileError
        If the run is completed, a live process writes it, or the bench, the recipe, the
        card, the limits or the device are no longer what they were; the message names
        the key and both values.
    LabneuroError
        As for :func:`run`.
    """
    target = run_path(path)
    if needs_recovery(target):
        recover(target, plots_of)
    past = past_of(target)
    bench = bench_of_run(target) if bench is None else bench
    check_same(target, bench, _provenance(past.recipe, bench, None))
    plan = check_rest(past, bench)
    with claim(target, resumed=True) as name:
        if plan.done == len(plan.steps):  # only its end was missing
            with RunWriter.resume(name, fsync_interval=fsync_interval) as writer:
                _take_up(writer, past, plan, {})
            return target
        with connect(bench, past.seed) as connected:
            connected.guard.carry(plan.exposure)
            writer = RunWriter.resume(name, fsync_interval=fsync_interval)
            with writer:
                _take_up(writer, past, plan, connected.identities)
                _measure_all(
                    past.recipe, connected, plan, writer, on_progress, past.steps
                )
    return target


def check_rest(past: Past, bench: BenchConfig) -> Plan:
    """Return what a run has still to do after checking every set-point of it.

    The exposure goes on from what the device has had at most: the parts before, the
    prologue of each, and the step at which each of them stopped.

    Parameters
    ----------
    past : Past
        What it has measured.
    bench : BenchConfig
        Its bench.

    Raises
    ------
    LimitError
        If a set-point of the prologue or of a step to come is beyond a limit.
    LabneuroError
        As for :func:`check_plan`.
    """
    protocol = past.recipe.protocol
    plan = check_plan(protocol, bench)
    circuit, limits = device_circuit(bench), bench.safe_limits
    prologue = protocol.prologue(bench.device)
    known = past.resumed
    had = (
        *(prologue if known is not None and known.steps else ()),
        *plan.steps[0 if known is None else known.steps : len(past.steps) + 1],
    )
    exposures = [step.stress(limits, circuit).exposure for step in had]
    rest = replace(
        plan,
        done=len(past.steps),
        prologue=prologue if past.steps else (),
        exposure=summed([0.0 if known is None else known.exposure, *exposures]),
    )
    if rest.done < len(rest.steps):
        rest.check(limits, circuit)
    return rest


def _take_up(
    writer: RunWriter, past: Past, plan: Plan, identities: Mapping[str, str]
) -> None:
    for line in past.lines(plan.exposure, identities):
        writer.log(RESUMED, line, 0.0)
    for plot, arrays in past.plots.items():
        writer.update(plot, **arrays)


def _measure_all(
    recipe: Recipe,
    bench: ConnectedBench,
    plan: Plan,
    writer: RunWriter,
    on_progress: Callable[[Progress], None] | None,
    measured: Sequence[Mapping[str, NDArray[np.generic]]] = (),
) -> None:
    measurement = recipe.protocol.measurement(bench)
    total = len(plan.steps)
    try:
        with _usable_answers():
            # What waits in an error queue is of whoever used the bench before.
            _log_errors(bench, writer, "instrument error before")
            measurement.prepare()
        if measured:
            found = measurement.restore(measured)
            if found:
                writer.log(RESUMED, found, 0.0)
        for index in range(len(measured), total):
            step = plan.steps[index]
            with _usable_answers():
                block = measurement.measure(index)
            bench.check_watchdog()  # if it has acted, no output was on
            writer.append(index, block.rows)
            for plot, arrays in block.plots.items():
                writer.update(plot, **arrays)
            if on_progress is not None:
                readings = len(next(iter(block.rows.values())))
                on_progress(Progress(index + 1, total, step.label, readings))
    finally:
        bench.make_safe()  # the outputs first, then the file
    _log_errors(bench, writer, "instrument error")
    writer.finish()


def _log_errors(bench: ConnectedBench, writer: RunWriter, kind: str) -> None:
    for name, errors in bench.errors().items():
        for error in errors:
            writer.log(kind, f"{name}: {error}", 0.0)


@contextmanager
def _usable_answers() -> Iterator[None]:
    """Tell in one line that an instrument answered what nothing can be made of."""
    try:
        yield
    except LabneuroError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InstrumentError(
            f"an instrument's answer cannot be used: {type(error).__name__}: {error}"
        ) from error


def _provenance(recipe: Recipe, bench: BenchConfig, seed: int | None) -> Provenance:
    simulation = bench.simulation if bench.simulated else None
    card_text = None
    if simulation is not None:
        card = workspace.find("card", simulation.card)
        card_text = card.read_text(encoding="utf-8")
        seed = simulation.seed if seed is None else seed
    return Provenance(
        title=recipe.description or recipe.name,
        recipe_name=recipe.name,
        recipe_text=recipe.text,
        protocol=type(recipe.protocol).__name__,
        parameters=recipe.protocol.model_dump(mode="json"),
        bench_name=bench.name,
        bench_text=bench.text,
        card_text=card_text,
        seed=seed,
        device_id=bench.device.id,
        device_model=bench.device.model,
        simulated=bench.simulated,
        limits=bench.safe_limits.model_dump(mode="json", exclude_defaults=True),
        extras={
            "bench_file": str(bench.path),
            "recipe_file": None if recipe.path is None else str(recipe.path),
            "changes": list(recipe.changes),
            DEVICE_SEED: None if simulation is None else simulation.drawn_by,
        },
    )


def _records(bench: ConnectedBench) -> list[InstrumentRecord]:
    return [
        InstrumentRecord(
            name=name,
            model=instrument.model,
            identity=bench.identities[name],
            address=instrument.address,
            settings={"timeout": instrument.timeout},
        )
        for name, instrument in bench.config.instruments.items()
    ]
