"""``labneuro bench``: list, show and check benches."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from labneuro.cli.bench_serve import serve
from labneuro.cli.output import table

app = typer.Typer(no_args_is_help=True, help="List, show and check benches.")
_Bench = Annotated[str, typer.Argument(help="Bench by name or by path.")]
app.command("serve")(serve)


@app.command("list")
def list_benches() -> None:
    """List the benches of the workspace and the shipped ones."""
    from labneuro import workspace
    from labneuro.bench import load_bench

    rows = []
    for name, path in workspace.entries("bench").items():
        bench = load_bench(path)
        kind = "simulated" if bench.simulated else "hardware"
        rows.append((name, kind, bench.device.id, bench.description))
    table(("BENCH", "KIND", "DEVICE", "DESCRIPTION"), rows)


@app.command("show")
def show(bench: _Bench) -> None:
    """Show a bench: instruments, roles, wiring, limits."""
    from labneuro.bench import load_bench
    from labneuro.safety import UNITS, WORDS

    config = load_bench(bench)
    kind = "simulated" if config.simulated else f"hardware by {config.visa_library}"
    typer.echo(f"{config.name} ({kind}): {config.description}")
    typer.echo(f"file: {config.path}")
    limits = config.safe_limits
    given = [one for one in UNITS if getattr(limits, one) < math.inf]
    typer.echo(
        f"device: {config.device.id} ({config.device.model}); limits "
        + ", ".join(f"{WORDS[one]} {limits.told(one)}" for one in given)
    )
    owners = {role: target.partition(".")[0] for role, target in config.roles.items()}
    rows = []
    for name, one in config.instruments.items():
        roles = ", ".join(role for role, owner in owners.items() if owner == name)
        rows.append((name, one.model, roles or "-", one.address))
    table(("INSTRUMENT", "MODEL", "ROLE", "ADDRESS"), rows)
    for net in config.wiring.nets:
        typer.echo("net: " + " = ".join(net))
    for source, target in config.wiring.triggers:
        typer.echo(f"trigger: {source} -> {target}")


@app.command("check")
def check(bench: _Bench) -> None:
    """Connect and look every instrument over; no output leaves 0 V.

    Exit code 0: nothing failed; 1: something did; 3: an output could not be made safe.
    """
    from labneuro.bench import load_bench
    from labneuro.errors import EXIT_FAILED
    from labneuro.instruments.bench_check import FAILED, check_bench
    from labneuro.instruments.connection import connect

    with connect(load_bench(bench)) as connected:
        findings = check_bench(connected)
    table(("INSTRUMENT", "CHECK", "RESULT", "SEEN"), findings)
    if any(finding.verdict == FAILED for finding in findings):
        raise typer.Exit(EXIT_FAILED)
