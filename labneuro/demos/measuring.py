"""What demonstrations share: their folder, and runs of recipes on a simulated bench."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.errors import InputError
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import Progress
from labneuro.protocols.runner import run as run_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from labneuro.bench import BenchConfig

    ProgressReport = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Measurement:
    """A recipe that a demonstration runs.

    Attributes
    ----------
    name : str
        Of the run file, without ending.
    recipe : str
        In the workspace.
    changes : tuple of str
        What differs from the recipe, ``"key=value"``.
    quick : tuple of str
        What differs as well in a quick demonstration.
    """

    name: str
    recipe: str
    changes: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()


def make_folder(out: Path, names: Iterable[str]) -> None:
    """Make a demonstration's folder and remove the run files of an earlier one.

    Parameters
    ----------
    out : Path
        The folder.
    names : iterable of str
        Run files, without ending.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in names:
            (out / f"{name}.h5").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be used: {error.strerror}") from error


def measure(
    measurements: Sequence[Measurement],
    bench: BenchConfig,
    out: Path,
    *,
    quick: bool,
    seed: int,
    progress: ProgressReport,
) -> dict[str, Path]:
    """Run recipes one after the other; return the run files by name.

    Parameters
    ----------
    measurements : sequence of Measurement
        What to run.
    bench : BenchConfig
        Where.
    out : Path
        Folder of the run files.
    quick : bool
        Whether the quick changes are made.
    seed : int
        Of the simulated bench; each run has the next one, for at the same seed two runs
        meet the same noise, and a fit takes them for independent.
    progress : callable
        ``progress(label, done, total)``.
    """
    runs = {}
    for number, one in enumerate(measurements):
        changes = (*one.changes, *(one.quick if quick else ()))

        def on_progress(event: Progress, name: str = one.name) -> None:
            progress(f"measuring {name}", event.done, event.total)

        runs[one.name] = run_recipe(
            load_recipe(one.recipe, changes),
            bench,
            out / f"{one.name}.h5",
            seed=seed + number,
            on_progress=on_progress,
        )
    return runs
