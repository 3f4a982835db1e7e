"""What a fit was made from and with: source runs by content, versions of software."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

import labneuro
from labneuro.calibration import SourceRun
from labneuro.data.reader import sha256

if TYPE_CHECKING:
    from pathlib import Path


def source_run(path: Path) -> SourceRun:
    """Return a run file's path and the SHA-256 of its content."""
    return SourceRun(path=str(path), sha256=sha256(path))


def versions() -> dict[str, str]:
    """Return the versions of what makes a fit."""
    return {
        "labneuro": labneuro.__version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "scipy")},
    }
