"""Find a bench, a recipe, a card or a data set by name.

A lab workspace is a folder with the four folders ``instruments``, ``protocols``,
``sim_backends`` and ``data``. The user's workspace (the current folder, or
``$LABNEURO_WORKSPACE``) is searched first, then the one that labneuro ships.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from labneuro.errors import InputError, NotInWorkspaceError
from labneuro.units import shown

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
    try:
        user = Path(named) if named else Path.cwd()
        found = user.is_dir()
    except OSError as error:
        where = "LABNEURO_WORKSPACE" if named else "the current folder"
        raise InputError(f"{where}: cannot be read: {error.strerror}") from error
    if not found:
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
    try:
        if as_path.suffix and as_path.is_file():
            return as_path.resolve()
    except OSError as error:
        raise NotInWorkspaceError(
            f"{kind} {shown(name)} cannot be read: {error.strerror}"
        ) from error
    known = entries(kind)
    if str(name) in known:
        return known[str(name)]
    names = ", ".join(sorted(known)) or "none"
    raise NotInWorkspaceError(f"no {kind} {shown(name)}; known are: {names}")


def read_yaml(path: Path) -> object:
    """Read a YAML file safely.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8 or is not YAML; names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text") from error
    return parse_yaml(text, f"{path}:")


def parse_yaml(text: str, where: str) -> object:
    """Read YAML text as a user means it: see :class:`_Loader`.

    Parameters
    ----------
    text : str
        The YAML.
    where : str
        What it is, for the message.

    Raises
    ------
    InputError
        If it is not YAML; names the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        raise InputError(
            f"{where}{line} not valid YAML: {problem or 'cannot be parsed'}"
        ) from error


def apply_change(parameters: dict[str, Any], change: str) -> None:
    """Apply ``key=value`` from the command line to what a file says.

    Parameters
    ----------
    parameters : dict
        Changed in place; inner dictionaries are copied before they change.
    change : str
        Keys may be dotted; the value is YAML.

    Raises
    ------
    InputError
        If the text is no change.
    """
    key, equals, text = change.partition("=")
    where = f"--set {shown(change)}:"
    *folders, last = key.strip().split(".")
    if not (equals and last and all(folders)):
        raise InputError(f"{where} write key=value, such as events=100")
    value = parse_yaml(text, where)
    place = parameters
    for folder in folders:
        inner = place.get(folder, {})
        if not isinstance(inner, dict):
            raise InputError(f"{where} {folder!r} holds no keys")
        place[folder] = place = dict(inner)
    place[last] = value


class _Loader(yaml.SafeLoader):
    """A safe loader that reads what the user meant, or refuses.

    A key given twice is an error: silently the last would win. Plain words follow the
    core schema of YAML 1.2: ``010`` is ten, ``1e4`` a number, ``1:30`` and a date are
    text. References to anchors are refused: a few lines of them grow without bound.
    """

    # The base class shares its own, with the rules of YAML 1.1.
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Build a node; refuse a reference to an anchor."""
        if self.check_event(yaml.AliasEvent):
            event: Any = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, f"write *{event.anchor} out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        """Build a mapping after checking its keys."""
        seen = set()
        for key, _ in node.value:
            problem = None
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key must be a word"
            elif key.value in seen:
                problem = f"key {key.value!r} is given twice"
            if problem:
                raise yaml.constructor.ConstructorError(
                    None, None, problem, key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read an integer, decimal whatever its leading zeros."""
        return int(self.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first
    )
