"""The demonstrations by system."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from labneuro.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_MODULES = {
    "hnno": "labneuro.demos.hnno",
    "fmes": "labneuro.demos.fmes",
    "hybrid": "labneuro.demos.hybrid",
    "pcu": "labneuro.demos.pcu",
}


def demo_function(system: str) -> Callable[..., list[str]]:
    """Return ``run(out, *, quick, seed, progress) -> lines`` of a system.

    Raises
    ------
    InputError
        If there is no demonstration of that system.
    """
    if system not in _MODULES:
        raise InputError(f"--system {system!r}: known are {', '.join(_MODULES)}")
    function: Callable[..., list[str]] = import_module(_MODULES[system]).run
    return function
