"""From a recipe and a bench to a job, and back when its turn comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labneuro.bench import BenchConfig, load_bench
from labneuro.data.run_file import part_of
from labneuro.errors import BenchConfigError, InputError, RunFileError
from labneuro.protocols.recipe import Recipe, load_recipe, recipe_of_run
from labneuro.protocols.runner import check_plan, default_path
from labneuro.run_queue.entry import Job, text_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labneuro.run_queue.entry import QueueEntry

_LARGEST_SEED = 2**63 - 1  # what a run file holds


def make_job(
    recipe: str | Path,
    bench: str | Path,
    *,
    changes: Iterable[str] = (),
    seed: int | None = None,
    out: str | Path | None = None,
    fsync_interval: float = 1.0,
) -> Job:
    """Check all that can be checked beforehand and fix what is to be run.

    Parameters
    ----------
    recipe, bench : str or path
        By name or by path.
    changes : iterable of str
        Changes to the recipe, ``"key=value"``.
    seed : int, optional
        Seed of a simulated bench, in place of the bench file's.
    out : path, optional
        Run file; without it a dated name in the current folder.
    fsync_interval : float
        Longest time in s that readings may wait for their fsync.

    Returns
    -------
    Job
        The job; nothing of it changes when the recipe's file does.

    Raises
    ------
    InputError
        If recipe, bench or seed is wrong.
    LimitError
        If a set-point is beyond a limit.
    RunFileError
        If the run file exists or its name cannot be one.
    """
    changes = tuple(changes)
    loaded, config = load_recipe(recipe, changes), load_bench(bench)
    check_plan(loaded.protocol, config)
    if seed is not None and not config.simulated:
        raise InputError(f"seed: bench {config.name!r} is not simulated")
    if seed is not None and seed > _LARGEST_SEED:
        raise InputError(f"seed: {seed} is not between 0 and 2**63 - 1")
    path = None if out is None else Path(out).absolute()
    if path is not None:
        _check_file(path)
    return Job(
        recipe_name=loaded.name,
        recipe_text=loaded.text,
        recipe_path=None if loaded.path is None else str(loaded.path),
        changes=changes,
        bench_path=str(config.path),
        bench_sha256=text_sha256(config.text),
        device_id=config.device.id,
        seed=seed,
        folder=str(Path.cwd() if path is None else path.parent),
        file=None if path is None else path.name,
        fsync_interval=fsync_interval,
    )


def _check_file(path: Path) -> None:
    if path.suffix != ".h5":
        raise RunFileError(f"{path}: the name of a run file must end in .h5")
    if not path.parent.is_dir():
        raise RunFileError(f"{path}: there is no folder {str(path.parent)!r}")
    for one in (path, part_of(path)):
        if one.exists():
            raise RunFileError(f"{one}: exists already; choose another name")


def bench_of(job: Job) -> BenchConfig:
    """Return the bench of a job, as long as it is the one that was checked.

    Raises
    ------
    BenchConfigError
        If the file says something else than when the job was added.
    """
    bench = load_bench(job.bench_path)
    if text_sha256(bench.text) != job.bench_sha256:
        was = f"; its device was {job.device_id!r}, now {bench.device.id!r}"
        raise BenchConfigError(
            f"{bench.path}: has changed since the entry was added"
            f"{was if bench.device.id != job.device_id else ''}; add the entry again"
        )
    return bench


def recipe_of(entry: QueueEntry) -> Recipe:
    """Return the recipe of an entry, as it was when the entry was added.

    Raises
    ------
    RecipeError
        If this labneuro does not know the protocol or a parameter any more.
    """
    job = entry.job
    kept = recipe_of_run(job.recipe_name, job.recipe_text, f"entry {entry.number}")
    path = None if job.recipe_path is None else Path(job.recipe_path)
    return replace(kept, path=path, changes=job.changes)


def file_of(entry: QueueEntry, recipe: Recipe, bench: BenchConfig) -> Path:
    """Return the run file of an entry: the one asked for, or a dated name of its own.

    Raises
    ------
    RunFileError
        If it exists, or its folder does not.
    """
    name = entry.job.file
    if name is None:
        dated = default_path(recipe, bench)
        name = f"{dated.stem}_q{entry.number}{dated.suffix}"
    path = Path(entry.job.folder, name)
    _check_file(path)
    return path
