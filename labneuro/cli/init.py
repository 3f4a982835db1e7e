"""``labneuro init``: a lab workspace of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLES = {
    "instruments/hnno-bench.yaml": "instruments/my-bench.yaml",
    "protocols/hnno/firing.yaml": "protocols/my-firing.yaml",
    "sim_backends/hnno-sim.yaml": "sim_backends/my-sim.yaml",
    "sim_backends/cards/hnno.yaml": "sim_backends/cards/my-card.yaml",
    "data/README.md": "data/README.md",
}


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make; must be empty.")],
) -> None:
    """Make a lab workspace: the four folders, each with a commented example."""
    from labneuro.errors import InputError
    from labneuro.workspace import shipped_workspace

    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if taken:
            raise InputError(f"{folder}: exists and is not an empty folder")
        for source, target in _EXAMPLES.items():
            path = folder / target
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shipped_workspace() / source, path)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    simulated = folder / "sim_backends" / "my-sim.yaml"
    text = simulated.read_text(encoding="utf-8")
    simulated.write_text(text.replace("card: hnno", "card: my-card"), encoding="utf-8")
    typer.echo(f"{folder}: ready; cd there and try")
    typer.echo("  labneuro run my-firing --bench my-sim --out first.h5")
