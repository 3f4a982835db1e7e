"""A good run file and a good journal, as material to be damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

from labneuro.bench import load_bench
from labneuro.data.journal import JournalWriter
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run
from tests.torture.fault_matrix import SMALL_RUNS

if TYPE_CHECKING:
    from pathlib import Path


def good_files(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes of a complete run file and of the journal that it had."""
    small = SMALL_RUNS["ResistanceRead"]
    kept: list[bytes] = []
    close = JournalWriter.close

    def keep(writer: JournalWriter) -> None:
        if not kept:
            kept.append(next(folder.glob("good.*jsonl")).read_bytes())
        close(writer)

    with mock.patch.object(JournalWriter, "close", keep):
        path = run(
            load_recipe(small.recipe, small.changes),
            load_bench(small.bench),
            folder / "good.h5",
        )
    return path.read_bytes(), kept[0]
