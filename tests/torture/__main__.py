"""`make torture`: faults, kills, bad input and the sandbox: tables and exit code."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tests.end_to_end.kill_runs import kill_runs
from tests.torture import bad_input, sandbox
from tests.torture.fault_matrix import PHASES, Matrix, faults, judge_all
from tests.torture.material import good_files

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED = 20261122
_FILES = ("bench loader", "recipe loader", "card loader", "run file opener")
_EXAMPLES_OF_FILES, _EXAMPLES = 250, 3000
_KILLED_RUNS = 210  # each second one is killed again while it is resumed
_FEWEST_KILLS = 200
_SHOWN = 400


def say(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    say(f"\n{title}")
    for row in cells:
        line = "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        )
        say(line.rstrip())


def try_faults() -> list[str]:
    """Run the whole matrix on two cores; return what failed."""
    with tempfile.TemporaryDirectory() as folder:
        cases = list(Matrix(Path(folder)).cases(picks=1))
    parts = [cases[start::8] for start in range(8)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        verdicts = [one for part in pool.map(judge_all, parts) for one in part]
    struck: Counter[tuple[str, str]] = Counter()
    survived: Counter[tuple[str, str]] = Counter()
    codes: Counter[tuple[str, int]] = Counter()
    for verdict in verdicts:
        key = (verdict.case.fault.name, verdict.case.phase)
        struck[key] += 1
        survived[key] += not verdict.wrong
        codes[verdict.case.fault.name, verdict.code] += 1
    rows = []
    for fault in faults():
        cells = [
            f"{survived[fault.name, one]}/{struck[fault.name, one]}" for one in PHASES
        ]
        ends = [codes[fault.name, code] for code in (0, 1, 3)]
        rows.append((fault.name, *cells, *ends))
    table(
        f"faults survived/tried ({len(verdicts)} runs)",
        ("fault", *PHASES, "exit 0", "exit 1", "exit 3"),
        rows,
    )
    return [f"{one.case}: {'; '.join(one.wrong)}" for one in verdicts if one.wrong]


def try_kills() -> list[str]:
    """Kill runs; return what failed."""
    with tempfile.TemporaryDirectory() as folder:
        tally = kill_runs(Path(folder), _KILLED_RUNS, SEED)
    say(f"\nkills\n{tally.table()}")
    wrong = list(tally.faults)
    if tally.lost or tally.unreadable:
        wrong.append(f"{tally.lost} readings lost, {tally.unreadable} files unreadable")
    if tally.kills < _FEWEST_KILLS:
        wrong.append(f"only {tally.kills} kills")
    return wrong


def try_bad_input() -> list[str]:
    """Try every reader; return what failed."""
    wrong, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        material = good_files(Path(folder))
        for target in bad_input.targets(Path(folder), *material):
            count = _EXAMPLES_OF_FILES if target.name in _FILES else _EXAMPLES
            tally = target.try_all(count)
            failed = len(tally.failures)
            rows.append((tally.name, tally.tried, tally.refused, tally.read, failed))
            wrong += [f"{tally.name}: {one}" for one in tally.failures]
    table("bad input", ("target", "tried", "refused", "read", "failed"), rows)
    return wrong


def try_sandbox() -> list[str]:
    """Try every way out of the Lua sandbox; return what failed."""
    found = list(sandbox.outcomes())
    rows = []
    for tried in sandbox.attempts():
        ends = [one for one in found if one.attempt == tried]
        held = ["held" if one.held else "FAILED" for one in ends]
        rows.append((tried.group, tried.name, *held, ends[0].how))
    names = [model.__name__ for model in sandbox.MODELS]
    table("sandbox", ("kind", "attempt", *names, "how it ended"), rows)
    return [
        f"{one.model}: {one.attempt.name}: {one.how}" for one in found if not one.held
    ]


def main() -> int:
    """Try everything; 1 if anything failed."""
    begin = monotonic()
    wrong: list[str] = []
    for part in (try_faults, try_kills, try_bad_input, try_sandbox):
        started = monotonic()
        wrong += part()
        say(f"({monotonic() - started:.0f} s)")
    for line in wrong:
        say(f"FAILED {line[:_SHOWN]}")
    say(f"\n{len(wrong)} failures in {monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
