"""Everything beside the readings that is needed to repeat a run."""

from __future__ import annotations

import json
import math
import platform
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

import labneuro
from labneuro.errors import RunFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_SEED = 2**63 - 1
_PACKAGES = ("numpy", "h5py", "pyvisa", "pymeasure")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What was run, on what, and with which numbers.

    Parameters
    ----------
    title : str
        One line for people.
    recipe_name, recipe_text : str
        The recipe and its file's content.
    protocol : str
        Name of the measurement protocol.
    parameters : mapping
        The protocol's parameters as used, all overrides applied; JSON.
    bench_name, bench_text : str
        The bench and its file's content.
    card_text : str, optional
        Content of the device card, on a simulated bench.
    seed : int, optional
        The seed, 0 to 2**63 - 1, on a simulated bench.
    device_id, device_model : str
        The device under test.
    simulated : bool
        Whether the instruments were simulated.
    limits : mapping
        The limits in force; JSON. An infinite one is written as null.
    extras : mapping
        Whatever else the runner wants kept; JSON.

    Raises
    ------
    RunFileError
        If something cannot be written as JSON, or the seed is out of range.
    """

    title: str
    recipe_name: str
    recipe_text: str
    protocol: str
    parameters: Mapping[str, Any]
    bench_name: str
    bench_text: str
    card_text: str | None = None
    seed: int | None = None
    device_id: str
    device_model: str
    simulated: bool
    limits: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seed is not None and not 0 <= self.seed <= _LARGEST_SEED:
            raise RunFileError(f"seed: {self.seed} is not between 0 and 2**63 - 1")
        limits = {key: _finite(value) for key, value in self.limits.items()}
        object.__setattr__(self, "limits", limits)
        for key in ("parameters", "limits", "extras"):
            to_json(getattr(self, key), key)


@dataclass(frozen=True)
class InstrumentRecord:
    """An instrument of the bench as the run found it.

    Parameters
    ----------
    name : str
        Its name on the bench.
    model : str
        The model that the bench file asks for.
    identity : str
        Its own answer to ``*IDN?``.
    address : str
        Its VISA address.
    settings : mapping
        Its settings at the start of the run; JSON.
    """

    name: str
    model: str
    identity: str
    address: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def to_json(value: object, where: str) -> str:
    """Write a value as JSON text.

    Parameters
    ----------
    value : object
        Plain values, or NumPy arrays and scalars of them, paths, tuples.
    where : str
        What it is, for the message.

    Raises
    ------
    RunFileError
        If the value has no JSON form; NaN and infinity have none.

    Examples
    --------
    >>> to_json({"amplitudes": (3.8, 4.2)}, "parameters")
    '{"amplitudes": [3.8, 4.2]}'
    """
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise RunFileError(f"{where}: cannot be written as JSON: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form of {type(value).__name__}")


def _finite(value: object) -> object:
    return None if isinstance(value, float) and math.isinf(value) else value


def software_versions() -> dict[str, str]:
    """Return the versions of what makes a run.

    Returns
    -------
    dict of str to str
        ``labneuro``, ``python``, ``hdf5``, the packages that touch the data, and
        ``commit``: the checkout's git commit, with ``-dirty`` where files differ from
        it, or ``""`` outside a checkout.
    """
    return dict(_versions())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return {
        "labneuro": labneuro.__version__,
        "python": platform.python_version(),
        "hdf5": h5py.version.hdf5_version,
        **{name: _package_version(name) for name in _PACKAGES},
        "commit": _commit(Path(labneuro.__file__).parent.parent),
    }


def _package_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit(checkout: Path) -> str:
    git = shutil.which("git")
    if git is None or not (checkout / ".git").exists():
        return ""
    describe = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        answer = subprocess.run(  # noqa: S603  fixed words, no shell
            (git, "-C", str(checkout), *describe),
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no usable git: the version must do
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
