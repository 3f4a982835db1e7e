"""``labneuro protocol``: list measurement protocols and recipes, show one."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from labneuro.cli.output import table

_QUANTITY = re.compile(r"(-?\d[\d.e+-]*) ([A-Za-z]\S*)")
app = typer.Typer(no_args_is_help=True, help="List protocols and recipes, show one.")


@app.command("list")
def list_protocols() -> None:
    """List the recipes of the workspace and the protocols that they fill in."""
    from labneuro import workspace
    from labneuro.protocols.catalog import protocol_class, protocol_names
    from labneuro.protocols.recipe import load_recipe

    recipes = [load_recipe(name) for name in workspace.entries("recipe")]
    table(
        ("RECIPE", "PROTOCOL", "DESCRIPTION"),
        [(one.name, type(one.protocol).__name__, one.description) for one in recipes],
    )
    typer.echo()
    table(
        ("PROTOCOL", "WHAT IT MEASURES"),
        [(name, protocol_class(name).summary) for name in protocol_names()],
    )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Protocol or recipe.")],
) -> None:
    """Show a protocol's parameters with their defaults, or a recipe's."""
    import inspect

    from labneuro.protocols.catalog import protocol_class, protocol_names
    from labneuro.protocols.recipe import load_recipe

    if name in protocol_names():
        typer.echo(inspect.getdoc(protocol_class(name)))
        defaults = protocol_class(name)()
        typer.echo("\nDefaults")
        _show_parameters(defaults.model_dump(mode="json"))
        return
    recipe = load_recipe(name)
    typer.echo(f"{recipe.name}: {recipe.description}")
    typer.echo(f"protocol: {type(recipe.protocol).__name__}")
    _show_parameters(recipe.protocol.model_dump(mode="json"))


def _show_parameters(parameters: dict[str, object]) -> None:
    import yaml

    text = yaml.safe_dump(
        _readable(parameters), sort_keys=False, default_flow_style=None, width=1000
    )
    for line in text.rstrip().splitlines():
        typer.echo(f"  {line}")


def _readable(value: object) -> object:
    """Write quantities with a handy prefix: ``100 us`` in place of ``0.0001 s``."""
    from labneuro.units import show

    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    quantity = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    return value if quantity is None else show(float(quantity[1]), quantity[2], 6)
