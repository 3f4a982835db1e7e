"""`make torture`: faults, kills, bad input and the sandbox: tables and exit code."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.torture import parts, sandbox
from tests.torture.fault_matrix import PHASES, faults
from tests.torture.kill_runs import IN_TIME, RECOVER, RESUME, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.torture.fault_matrix import Verdict
    from tests.torture.judging import Tally
    from tests.torture.kill_runs import Tally as KillTally
    from tests.torture.parts import Result
    from tests.torture.sandbox import Outcome

_WORKERS = 3  # on two cores: runs on a served bench wait most of their time
_PIECES = 6
_FEWEST_KILLS, _FEWEST_SERVED, _FEWEST_WITH_OUTPUT = 200, 60, 20
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


def show_faults(content: list[list[Verdict]]) -> list[str]:
    """Show the matrix; return what failed."""
    verdicts = [one for part in content for one in part]
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


_COUNTS = ("lives", "killed", RUN, RESUME, RECOVER, "groups", "acknowledged", "lost")
_FILES = ("recovered", "unreadable", "not_begun", "completed")
_SERVED = ("killed", "with_output", "left_on")


def show_kills(tallies: list[KillTally]) -> list[str]:
    """Show what kills did; return what failed."""
    tallies = sorted(tallies, key=lambda one: (one.run.served, one.run.recipe))
    total: Counter[str] = Counter()
    served: Counter[str] = Counter()
    rows, of_outputs = [], []
    for one in tallies:
        counts = {**vars(one), **one.kills, "killed": one.killed}
        cells = [counts[name] for name in (*_COUNTS, *_FILES)]
        total.update(dict(zip((*_COUNTS, *_FILES), cells, strict=True)))
        outputs = one.left_on if one.run.served else "bench in the process"
        rows.append((one.run.recipe, one.run.where, *cells, outputs))
        if one.run.served:
            cells = [counts[name] for name in _SERVED]
            served.update(dict(zip(_SERVED, cells, strict=True)))
            of_outputs.append((one.run.recipe, *cells, *_times(one.off_after)))
    cells = [total[name] for name in (*_COUNTS, *_FILES)]
    rows.append(("all", "", *cells, served["left_on"]))
    words = [name.replace("_", " ") for name in (*_COUNTS, *_FILES)]
    table("kills", ("killed runs", "bench", *words, "outputs left on"), rows)
    every = [seconds for one in tallies for seconds in one.off_after]
    of_outputs.append(("all", *(served[name] for name in _SERVED), *_times(every)))
    table(
        f"outputs after a kill (served bench; off within {IN_TIME} s)",
        ("killed runs", "kills", "output on", "left on", "median / s", "longest / s"),
        of_outputs,
    )
    return _wrong_with_kills(tallies, total, served)


def _times(seconds: list[float]) -> tuple[str, str]:
    if not seconds:
        return "-", "-"
    return f"{median(seconds):.3f}", f"{max(seconds):.3f}"


def _wrong_with_kills(
    tallies: list[KillTally], total: Counter[str], served: Counter[str]
) -> list[str]:
    wrong = [
        f"{one.run.recipe}, {one.run.where}: {fault}"
        for one in tallies
        for fault in one.faults
    ]
    wrong += [
        f"{counted} {what}"
        for counted, what in (
            (total["lost"], "readings lost"),
            (total["unreadable"], "files unreadable"),
            (served["left_on"], "outputs left on"),
        )
        if counted
    ]
    for counted, fewest, what in (
        (total["killed"], _FEWEST_KILLS, "kills"),
        (served["killed"], _FEWEST_SERVED, "kills on a served bench"),
        (served["with_output"], _FEWEST_WITH_OUTPUT, "kills with an output on"),
    ):
        if counted < fewest:
            wrong.append(f"only {counted} {what}")
    return wrong


def show_bad_input(content: list[list[Tally]]) -> list[str]:
    """Show what became of bad input; return what failed."""
    tallies = [one for part in content for one in part]
    rows = [
        (one.name, one.tried, one.refused, one.read, len(one.failures))
        for one in tallies
    ]
    table("bad input", ("target", "tried", "refused", "read", "failed"), rows)
    return [f"{one.name}: {failure}" for one in tallies for failure in one.failures]


def show_sandbox(content: list[list[Outcome]]) -> list[str]:
    """Show the ways out of the sandbox; return what failed."""
    found = [one for part in content for one in part]
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


_SHOW: dict[str, Callable[[list[Any]], list[str]]] = {
    parts.FAULTS: show_faults,
    parts.KILLS: show_kills,
    parts.BAD_INPUT: show_bad_input,
    parts.SANDBOX: show_sandbox,
}


def try_all() -> tuple[list[Result], list[str]]:
    """Do every part, side by side, and show each table once its parts are done.

    Returns
    -------
    results : list of Result
    wrong : list of str
        What failed or broke off.
    """
    begin, results, wrong = monotonic(), [], []
    todo = parts.all_parts(_PIECES)
    left = Counter(part.table for part in todo)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(parts.compile_all).result()
    with ProcessPoolExecutor(_WORKERS, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(parts.work, part): part for part in todo}
        for future in as_completed(futures):
            part = futures[future]
            error = future.exception()
            if error is None:
                results.append(future.result())
            else:
                wrong.append(f"{part.table}, {part.name}: {error!r}")
            said = f"broken off: {error!r}"[:_SHOWN] if error else "done"
            say(f"{monotonic() - begin:4.0f} s  {part.table}: {part.name}: {said}")
            left[part.table] -= 1
            if not left[part.table]:
                wrong += show(part.table, results)
    return results, wrong


def show(name: str, results: list[Result]) -> list[str]:
    """Show a table; return what failed."""
    found = [one for one in results if one.part.table == name]
    return _SHOW[name]([one.content for one in found])


def show_times(results: list[Result]) -> None:
    """Show what each table took."""
    rows = []
    for name in _SHOW:
        took = [one for one in results if one.part.table == name]
        cpu, wall = sum(one.cpu for one in took), sum(one.wall for one in took)
        rows.append((name, len(took), f"{cpu:.0f}", f"{wall:.0f}"))
    table("time", ("table", "parts", "processors / s", "sum of walls / s"), rows)


def main() -> int:
    """Try everything; 1 if anything failed."""
    begin = monotonic()
    results, wrong = try_all()
    show_times(results)
    for line in wrong:
        say(f"FAILED {line[:_SHOWN]}")
    say(f"\n{len(wrong)} failures in {monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
