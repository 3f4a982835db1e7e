"""What all tests share: repeatable hypothesis, a workspace of their own."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from labneuro import workspace

if TYPE_CHECKING:
    from collections.abc import Callable

# No deadline: a test must not depend on the speed of the machine.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")


def pytest_configure(config):
    """Drop compiled loops that are older than a source.

    Numba looks only at the file of a compiled function, not at those it calls into.
    """
    if hasattr(config, "workerinput"):
        return
    package = Path(workspace.__file__).parent
    compiled = [one for one in package.rglob("*.py") if "@njit" in one.read_text()]
    newest = max(one.stat().st_mtime for one in compiled)
    for index in package.rglob("__pycache__/*.nbi"):
        if index.stat().st_mtime < newest:
            index.unlink()


def pytest_collection_modifyitems(items):
    """Let every report of a public driver's test carry what it is about."""
    for item in items:
        for mark in item.iter_markers("public_driver"):
            item.user_properties.append(("public_driver", mark.args))


def pytest_terminal_summary(terminalreporter):
    """Print which function of which public driver runs unchanged."""
    rows: dict[tuple[str, ...], str] = {}
    for outcome in ("passed", "xfailed", "skipped", "failed", "error", "xpassed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for key, value in getattr(report, "user_properties", ()):
                if key == "public_driver":
                    rows[tuple(value)] = _verdict(outcome, report)
    if not rows:
        return
    terminalreporter.section("public drivers on the simulated instruments")
    for (package, driver, function), verdict in sorted(rows.items()):
        terminalreporter.line(f"{package:22} {driver:24} {function:44} {verdict}")


def _verdict(outcome, report):
    if outcome == "passed":
        return "pass"
    if outcome == "xfailed":
        return f"theirs: {report.wasxfail.removeprefix('reason: ')}"
    if outcome == "skipped" and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return outcome


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path_factory):
    """Keep the caller's workspace, locks and signal handlers out of the tests."""
    monkeypatch.delenv("LABNEURO_WORKSPACE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.getbasetemp()))
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:  # as a shell starts what runs in the background
            interrupt = number == signal.SIGINT
            default = signal.default_int_handler if interrupt else signal.SIG_DFL
            signal.signal(number, default)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def shipped():
    """Return the workspace that comes with labneuro."""
    return workspace.shipped_workspace()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Return an empty lab workspace that is the current folder."""
    for name in workspace.FOLDERS:
        (tmp_path / name).mkdir()
    (tmp_path / "sim_backends" / "cards").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a text file below the test's folder."""

    def write_text(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_text
