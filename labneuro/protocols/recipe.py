"""Recipes: a measurement protocol with its parameters filled in, from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import Field

from labneuro import workspace
from labneuro.errors import RecipeError
from labneuro.protocols.catalog import protocol_class
from labneuro.units import InputModel, validate_input

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from labneuro.protocols.base import MeasurementProtocol


class _RecipeFile(InputModel):
    protocol: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A protocol ready to run, and where it came from.

    Attributes
    ----------
    name : str
        Name in the workspace, or the file's stem.
    description : str
        What it measures.
    protocol : MeasurementProtocol
        The parameters.
    text : str
        The recipe with the changes made on the command line, as YAML.
    path : Path, optional
        Its file.
    changes : tuple of str
        The changes, ``"key=value"``.
    """

    name: str
    description: str
    protocol: MeasurementProtocol
    text: str
    path: Path | None = None
    changes: tuple[str, ...] = ()


def load_recipe(name: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """Read a recipe by workspace name or by path.

    Parameters
    ----------
    name : str or path
        Such as ``"hnno/state-map"``.
    changes : iterable of str
        ``"key=value"``; keys may be dotted, values are YAML.

    Raises
    ------
    NotInWorkspaceError
        If there is no such recipe.
    RecipeError
        If the file or a change is wrong; names key, value and what is allowed.
    """
    path = workspace.find("recipe", name)
    content = workspace.read_yaml(path)
    checked = validate_input(_RecipeFile, content, str(path), RecipeError)
    parameters = dict(checked.parameters)
    changes = list(changes)
    for change in changes:
        workspace.apply_change(parameters, change)
    try:
        kind = protocol_class(checked.protocol)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    where = f"{path}: parameters" if not changes else f"{path} with --set"
    protocol = validate_input(kind, parameters, where, RecipeError)
    text = yaml.safe_dump(
        {
            "protocol": checked.protocol,
            "description": checked.description,
            "parameters": parameters,
        },
        sort_keys=False,
    )
    return Recipe(
        name=_name_of(name, path),
        description=checked.description,
        protocol=protocol,
        text=text,
        path=path,
        changes=tuple(changes),
    )


def recipe_of_run(name: str, text: str, where: str) -> Recipe:
    """Return the recipe that a run file keeps.

    Parameters
    ----------
    name, text : str
        Its name, and its text with all changes.
    where : str
        The run file, for messages.

    Raises
    ------
    InputError
        If the text is no YAML.
    RecipeError
        If it is no recipe of this version of labneuro.
    """
    content = workspace.parse_yaml(text, f"{where}: recipe:")
    checked = validate_input(_RecipeFile, content, f"{where}: recipe", RecipeError)
    try:
        kind = protocol_class(checked.protocol)
    except RecipeError as error:
        raise RecipeError(f"{where}: recipe: {error}") from error
    where = f"{where}: recipe: parameters"
    protocol = validate_input(kind, checked.parameters, where, RecipeError)
    return Recipe(name, checked.description, protocol, text)


def _name_of(name: str | Path, path: Path) -> str:
    return str(name) if str(name) in workspace.entries("recipe") else path.stem
