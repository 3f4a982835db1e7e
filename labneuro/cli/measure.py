"""``labneuro plan`` and ``labneuro run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labneuro.cli.output import progress, table

if TYPE_CHECKING:
    from labneuro.bench import BenchConfig
    from labneuro.protocols.base import Plan
    from labneuro.protocols.recipe import Recipe

_Recipe = Annotated[str, typer.Argument(help="Recipe by name or by path.")]
_Bench = Annotated[str, typer.Option("--bench", help="Bench by name or by path.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a parameter: key=value; may be repeated."),
]
Fsync = Annotated[
    float,
    typer.Option(
        "--fsync", min=0.0, help="Most seconds until readings survive a power cut."
    ),
]


def _load(
    recipe: str, bench: str, changes: list[str] | None
) -> tuple[Recipe, BenchConfig]:
    from labneuro.bench import load_bench
    from labneuro.protocols.recipe import load_recipe

    return load_recipe(recipe, changes or ()), load_bench(bench)


def _show_extremes(plan: Plan, bench: BenchConfig) -> None:
    """Print the largest of each limited quantity beside its limit."""
    from labneuro.instruments.device_circuit import device_circuit
    from labneuro.safety import UNITS, WORDS
    from labneuro.units import show

    limits = bench.safe_limits
    rows = [
        (
            WORDS[one.quantity],
            show(one.value, UNITS[one.quantity]),
            limits.told(one.quantity),
            f"step {one.step}" if one.step else "all steps",
        )
        for one in plan.extremes(limits, device_circuit(bench))
    ]
    table(("AT MOST", "PLANNED", "LIMIT", "WHERE"), rows)


def plan(
    recipe: _Recipe,
    bench: _Bench,
    changes: _Set = None,
    steps: Annotated[bool, typer.Option(help="Show every step.")] = True,
) -> None:
    """Show every set-point, the extremes and the duration; touches no instrument."""
    from labneuro.protocols.runner import check_plan
    from labneuro.units import show

    loaded, config = _load(recipe, bench, changes)
    found = check_plan(loaded.protocol, config)
    if steps:
        rows = [
            (
                number,
                step.label,
                " ".join(f"{level:g}" for level in sorted(set(step.voltages))),
                show(step.current, "A"),
                step.pulses,
                show(step.duration, "s"),
            )
            for number, step in enumerate(found.steps, start=1)
        ]
        table(("STEP", "WHAT", "LEVELS / V", "RANGE", "PULSES", "DURATION"), rows)
    limits = config.safe_limits
    _show_extremes(found, config)
    typer.echo(
        f"{len(found.steps)} steps, {found.pulses} pulses, "
        f"{show(found.lowest_voltage, 'V')} to {show(found.highest_voltage, 'V')} "
        f"(limit {show(limits.voltage, 'V')}), current limit "
        f"{show(limits.current, 'A')}, about {show(found.duration, 's')} on the bench"
    )
    for warning in found.warnings:
        typer.echo(f"warning: {warning}")


def run(
    recipe: _Recipe,
    bench: _Bench,
    changes: _Set = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of a simulated bench.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run file to create; default: a dated name.")
    ] = None,
    fsync: Fsync = 1.0,
) -> None:
    """Execute a recipe on a bench into a new run file."""
    from labneuro.protocols.runner import Progress
    from labneuro.protocols.runner import run as execute

    loaded, config = _load(recipe, bench, changes)
    with progress(loaded.name) as report:

        def on_progress(event: Progress) -> None:
            report(event.label, event.done, event.total)

        finished = execute(
            loaded,
            config,
            out,
            seed=seed,
            on_progress=on_progress,
            fsync_interval=fsync,
        )
    typer.echo(str(finished))
