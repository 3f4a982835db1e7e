"""The runner: executes a recipe on a bench into a run file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labneuro import workspace
from labneuro.data.provenance import Provenance
from labneuro.data.run_file import InstrumentRecord, RunWriter
from labneuro.errors import BenchConfigError, InputError, RecipeError
from labneuro.instruments.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.bench import BenchConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.protocols.base import MeasurementProtocol, Plan
    from labneuro.protocols.recipe import Recipe


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
        If a set-point is beyond a limit of the bench or the device.
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
    plan.check(bench.safe_limits)
    return plan


def default_path(recipe: Recipe, bench: BenchConfig) -> Path:
    """Return a name for a run file in the current folder: recipe, device, time."""
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    words = re.sub(r"[^\w.-]+", "-", f"{recipe.name}_{bench.device.id}")
    return Path(f"{words}_{moment}.h5")


def run(
    recipe: Recipe,
    bench: BenchConfig,
    path: str | Path,
    *,
    seed: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Execute a recipe on a bench into a new run file.

    Parameters
    ----------
    recipe : Recipe
        What to measure.
    bench : BenchConfig
        Where.
    path : path
        Run file to create; must not exist.
    seed : int, optional
        Seed of a simulated bench, in place of the bench file's.
    on_progress : callable, optional
        Called after each step's readings are on disk.

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
    path = Path(path)
    if seed is not None and not bench.simulated:
        raise InputError(f"seed: bench {bench.name!r} is not simulated")
    with connect(bench, seed) as connected:
        writer = RunWriter.create(
            path,
            recipe.protocol.layout(bench.device),
            _provenance(recipe, bench, seed),
            _records(connected),
        )
        with writer:
            _measure_all(recipe, connected, plan, writer, on_progress)
    return path


def _measure_all(
    recipe: Recipe,
    bench: ConnectedBench,
    plan: Plan,
    writer: RunWriter,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    measurement = recipe.protocol.measurement(bench)
    total = len(plan.steps)
    try:
        measurement.prepare()
        for index, step in enumerate(plan.steps):
            block = measurement.measure(index)
            writer.append(index, block.rows)
            for plot, arrays in block.plots.items():
                writer.update(plot, **arrays)
            if on_progress is not None:
                readings = len(next(iter(block.rows.values())))
                on_progress(Progress(index + 1, total, step.label, readings))
    finally:
        bench.make_safe()  # the outputs first, then the file
    for name, errors in bench.errors().items():
        for error in errors:
            writer.log("instrument error", f"{name}: {error}", 0.0)
    writer.finish()


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
