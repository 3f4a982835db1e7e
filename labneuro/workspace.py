"""Find a bench, a recipe, a card or a data set by name.

A lab workspace is a folder with the four folders ``instruments``, ``protocols``,
``sim_backends`` and ``data``. The user's workspace (the current folder, or
``$LABNEURO_WORKSPACE``) is searched first, then the one that labneuro ships.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from labneuro.errors import InputError, NotInWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

FOLDERS = ("instruments", "protocols", "sim_backends", "data")
_KINDS = {
    "bench": ("instruments/*.yaml", "sim_backends/*.yaml"),
    "recipe": ("protocols/**/*.yaml",),
    "card": ("sim_backends/cards/*.yaml",),
    "calibrated model": ("data/models/*.json",),
    "image set": ("data/images/*.npz",),
}


def shipped_workspace() -> Path:
    """Return the workspace that comes with labneuro: in a wheel, or the repository."""
    package = Path(__file__).parent
    inside = package / "_shipped"
    return inside if inside.is_dir() else package.parent


def workspaces() -> list[Path]:
    """Return the workspaces in search order: the user's, then the shipped one."""
    named = os.environ.get("LABNEURO_WORKSPACE")
    user = Path(named) if named else Path.cwd()
    if named and not user.is_dir():
        raise InputError(f"LABNEURO_WORKSPACE: {named!r} is not a folder")
    return list(dict.fromkeys([user.resolve(), shipped_workspace().resolve()]))


def entries(kind: str) -> dict[str, Path]:
    """Return every entry of a kind by name, the user's before the shipped ones.

    Parameters
    ----------
    kind : str
        ``"bench"``, ``"recipe"``, ``"card"``, ``"calibrated model"`` or
        ``"image set"``.

    Returns
    -------
    dict of str to Path
        Name (path below the kind's folder, without the ending) to file.
    """
    found: dict[str, Path] = {}
    for workspace in workspaces():
        for name, path in _entries_of(workspace, kind):
            found.setdefault(name, path)
    return found


def _entries_of(workspace: Path, kind: str) -> Iterator[tuple[str, Path]]:
    for pattern in _KINDS[kind]:
        root = workspace / pattern.split("*", maxsplit=1)[0]
        for path in sorted(workspace.glob(pattern)):
            yield path.relative_to(root).with_suffix("").as_posix(), path


def find(kind: str, name: str | Path) -> Path:
    """Return the file of a named entry, or the path itself where it is a file.

    Raises
    ------
    NotInWorkspaceError
        If there is no such file and no such name; the message lists the names.
    """
    as_path = Path(name)
    if as_path.suffix and as_path.is_file():
        return as_path.resolve()
    known = entries(kind)
    if str(name) in known:
        return known[str(name)]
    names = ", ".join(sorted(known)) or "none"
    raise NotInWorkspaceError(f"no {kind} {str(name)!r}; known are: {names}")


def read_yaml(path: Path) -> object:
    """Read a YAML file safely.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8 or is not YAML; names file and line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506  a SafeLoader
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise InputError(f"{path}:{line} not valid YAML: {problem}") from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice: silently the last would win."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        """Build a mapping after checking that no key is given twice."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
