"""What a run that is taken up again must agree with, and what it starts from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labneuro import workspace
from labneuro.bench import load_bench
from labneuro.data.provenance import software_versions, to_json
from labneuro.data.reader import RunFile
from labneuro.data.run_file import COMPLETED
from labneuro.errors import NotInWorkspaceError, RunFileError
from labneuro.protocols.recipe import load_recipe, recipe_of_run
from labneuro.units import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import BenchConfig
    from labneuro.data.journal import Event
    from labneuro.data.provenance import Provenance
    from labneuro.protocols.recipe import Recipe

RESUMED = "resumed"
DEVICE_SEED = "device_seed"
_MISSING = object()
_TOLD = re.compile(r"exposure up to (\S+) V\*s; \d+ readings of (\d+) steps before")
_FACTS = ("device_id", "device_model", "simulated", "protocol")


class Resumed(NamedTuple):
    """What the event log says of the latest resumption.

    Attributes
    ----------
    steps : int
        Steps that were there.
    exposure : float
        What the device had had at most, in V s.
    """

    steps: int
    exposure: float


@dataclass(frozen=True)
class Past:
    """What a run had measured when it ended early.

    Attributes
    ----------
    path : Path
        Its file.
    recipe : Recipe
        What it measures.
    steps : list of dict of str to ndarray
        The rows of each acknowledged step.
    readings : int
        Number of readings.
    plots : mapping
        The plots, drawn from the readings.
    gap : float
        Seconds since it ended.
    seed : int or None
        Seed for the simulated bench: another stream than any part before had.
    status : str
        How it ended.
    identities : dict of str to str
        What each instrument had answered to ``*IDN?``.
    versions : dict of str to str
        The software that began it.
    resumed : Resumed or None
        When it was taken up last; None if it never was.
    """

    path: Path
    recipe: Recipe
    steps: list[dict[str, NDArray[Any]]]
    readings: int
    plots: Mapping[str, Mapping[str, NDArray[np.float64]]]
    gap: float
    seed: int | None
    status: str
    identities: dict[str, str]
    versions: dict[str, str]
    resumed: Resumed | None = None

    def lines(
        self, exposure: float, identities: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """Yield what the event log says of the gap.

        Parameters
        ----------
        exposure : float
            What the device has had at most, in V s.
        identities : mapping of str to str, optional
            What each instrument answers now.
        """
        seed = "" if self.seed is None else f"; seed {self.seed}"
        yield (
            f"after {self.gap:.0f} s; exposure up to {exposure!r} V*s; "
            f"{self.readings} readings of {len(self.steps)} steps before; "
            f"it was {self.status!r}{seed}"
        )
        now = software_versions()
        for key in ("labneuro", "commit"):
            if now.get(key) != self.versions.get(key):
                yield f"{key} is {now.get(key)!r}, was {self.versions.get(key)!r}"
        for name, identity in (identities or {}).items():
            if self.identities.get(name, identity) != identity:
                yield f"{name} is {identity!r}, was {self.identities[name]!r}"


def plots_of(run: RunFile) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
    """Draw the plots of a run again from its readings, as its protocol draws them.

    Parameters
    ----------
    run : RunFile
        The run.

    Returns
    -------
    mapping of str to mapping of str to ndarray
        Plot arrays by plot and array name.

    Raises
    ------
    RunFileError
        If the protocol cannot draw these readings.
    LabneuroError
        If the recipe in the file cannot be read.
    """
    drawing = _recipe(run).protocol.drawing()
    plots: dict[str, Mapping[str, NDArray[np.float64]]] = {}
    try:
        for index, rows in run.blocks():
            plots.update(drawing.add(index, rows))
    except (LookupError, ValueError, TypeError) as error:
        # Readings of another software version, or of a damaged file.
        reason = " ".join(str(error).split())
        raise RunFileError(f"{run.path}: the plots do not fit: {reason}") from error
    return plots


def past_of(path: Path) -> Past:
    """Return what a run that ended early had measured.

    Parameters
    ----------
    path : Path
        Its file.

    Raises
    ------
    RunFileError
        If the run is completed, or its file cannot be read.
    """
    with RunFile.open(path) as run:
        if run.status == COMPLETED:
            raise RunFileError(f"{path}: the run is completed: nothing to resume")
        blocks = run.blocks()
        if [step for step, _ in blocks] != list(range(len(blocks))):
            raise RunFileError(f"{path}: its steps are not in order: cannot be resumed")
        events = run.events()
        ended = datetime.fromisoformat(run.end_time)
        return Past(
            path=path,
            recipe=_recipe(run),
            steps=[rows for _, rows in blocks],
            readings=run.rows,
            plots=plots_of(run),
            gap=max((datetime.now(UTC) - ended).total_seconds(), 0.0),
            # The number of events grows with every resumption, whatever it measured.
            seed=None
            if run.seed is None
            else _derived(run.seed, run.rows, len(events)),
            status=run.status,
            identities={name: one[0] for name, one in run.instruments().items()},
            versions=run.versions,
            resumed=_latest_resumption(path, events),
        )


def _latest_resumption(path: Path, events: Sequence[Event]) -> Resumed | None:
    """Return when a run was taken up last.

    Raises
    ------
    RunFileError
        If it was, but how much the device had had until then is not told.
    """
    lines = [event.message for event in events if event.kind == RESUMED]
    if not lines:
        return None
    told = [match for line in lines if (match := _TOLD.search(line))]
    if not told:
        raise RunFileError(
            f"{path}: was resumed before, and its events do not tell the exposure to "
            "then: cannot be resumed"
        )
    exposure, steps = told[-1].groups()
    return Resumed(int(steps), float(exposure))


def _recipe(run: RunFile) -> Recipe:
    return recipe_of_run(run.recipe_name, run.recipe_text, str(run.path))


def _derived(*entropy: int) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint32)[0])


def bench_of_run(path: Path) -> BenchConfig:
    """Return the bench that a run was measured on, as its file is now.

    Parameters
    ----------
    path : Path
        The run file.

    Raises
    ------
    RunFileError
        If neither the bench's file nor a bench of its name is there.
    """
    with RunFile.open(path) as run:
        file, name = run.extras.get("bench_file"), run.bench_name
    if isinstance(file, str) and Path(file).is_file():
        return load_bench(file)
    try:
        return load_bench(name)
    except NotInWorkspaceError as error:
        raise RunFileError(
            f"{path}: its bench {name!r} is not found; give it with --bench"
        ) from error


def check_same(path: Path, bench: BenchConfig, now: Provenance) -> None:
    """Raise unless a run would go on as it began.

    Parameters
    ----------
    path : Path
        The run file.
    bench : BenchConfig
        The bench as its file is now.
    now : Provenance
        What a run of the file's recipe on this bench would record now.

    Raises
    ------
    RunFileError
        Naming the first key that differs, with both values.
    """
    with RunFile.open(path) as run:
        for key in _FACTS:
            _refuse(path, key.replace("_", " "), getattr(run, key), getattr(now, key))
        _same_yaml(path, f"bench {bench.path}", run.bench_text, now.bench_text)
        if run.card_text is not None and now.card_text is not None:
            _same_yaml(path, "card", run.card_text, now.card_text)
        limits = json.loads(to_json(dict(now.limits), "limits"))
        _refuse(path, "limits", run.limits, limits)
        parameters = json.loads(to_json(dict(now.parameters), "parameters"))
        _refuse(path, "recipe", run.parameters, parameters)
        current = _current_recipe(run)
        if current is not None:
            found = current.protocol.model_dump(mode="json")
            parameters = json.loads(to_json(found, "parameters"))
            _refuse(path, f"recipe {current.path}", run.parameters, parameters)
        then = run.extras.get(DEVICE_SEED, _MISSING)
        if run.simulated and (drawn := now.extras[DEVICE_SEED]) is not None:
            _refuse(path, "the seed that drew the device", then, drawn)


def _current_recipe(run: RunFile) -> Recipe | None:
    """Return the recipe of a run as its file is now, or None where it is gone."""
    changes = run.extras.get("changes", [])
    for name in (run.extras.get("recipe_file"), run.recipe_name):
        if isinstance(name, str):
            try:
                return load_recipe(name, [str(change) for change in changes])
            except NotInWorkspaceError:
                continue
    return None


def _same_yaml(path: Path, what: str, then: str, now: str) -> None:
    if then != now:  # comments and order may differ
        before = workspace.parse_yaml(then, f"{path}: {what}:")
        _refuse(path, what, before, workspace.parse_yaml(now, f"{what}:"))


def _refuse(path: Path, what: str, then: object, now: object) -> None:
    for key, old, new in _differences(then, now):
        where = f"{what}: {key}" if key else what
        raise RunFileError(
            f"{path}: cannot be resumed: {where} is {_told(new)}, the run had "
            f"{_told(old)}"
        )


def _told(value: object) -> str:
    return "not given" if value is _MISSING else shown(value)


def _differences(
    then: object, now: object, key: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Yield dotted key, old and new value of everything that differs."""
    if isinstance(then, list) and isinstance(now, list):
        then, now = dict(enumerate(then)), dict(enumerate(now))
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*then, *now]):
            below = f"{key}.{name}" if key else str(name)
            pair = then.get(name, _MISSING), now.get(name, _MISSING)
            yield from _differences(*pair, below)
    elif then != now:
        yield key, then, now
