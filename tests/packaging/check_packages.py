"""Install labneuro as wheel, as sdist and editable in empty environments and use it.

Run by ``make test``: each kind gets an environment of its own and must run
``labneuro demo --quick`` from an empty folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (
    "labneuro/_shipped/instruments/",
    "labneuro/_shipped/protocols/",
    "labneuro/_shipped/sim_backends/",
    "labneuro/_shipped/data/",
    "pyvisa_labneuro/",
)


def run(command: list[str], folder: Path) -> str:
    """Run a command; its output is shown where it fails."""
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONPATH"
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build(target: Path) -> tuple[Path, Path]:
    """Build the source archive, and the wheel from it."""
    run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target)], ROOT
    )
    return next(target.glob("*.whl")), next(target.glob("*.tar.gz"))


def check_wheel_content(wheel: Path) -> None:
    """The wheel carries the four workspace folders and the backend's package."""
    names = run([sys.executable, "-m", "zipfile", "-l", str(wheel)], wheel.parent)
    missing = [folder for folder in SHIPPED if folder not in names]
    if missing:
        sys.exit(f"{wheel.name} lacks {', '.join(missing)}")


def try_out(kind: str, requirement: list[str], folder: Path) -> None:
    """Install in an empty environment and run the quick demo in an empty folder."""
    environment = folder / f"env-{kind}"
    venv.create(environment, with_pip=True)
    binaries = environment / "bin"
    run(
        [
            str(binaries / "python"), "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt"),
            *requirement,
        ],
        folder,
    )  # fmt: skip
    empty = folder / f"empty-{kind}"
    empty.mkdir()
    run([str(binaries / "labneuro"), "demo", "--quick", "--out", "demo-out"], empty)
    for name in ("report.html", "model.json", "state-map.h5"):
        if not (empty / "demo-out" / name).is_file():
            sys.exit(f"{kind}: the demo wrote no {name}")
    sys.stdout.write(f"{kind}: installed, demo --quick ran from an empty folder\n")


def main() -> None:
    """Build, then try each kind of installation."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = build(folder / "dist")
        check_wheel_content(wheel)
        try_out("wheel", [f"labneuro[networks] @ {wheel.as_uri()}"], folder)
        try_out("sdist", [f"labneuro[networks] @ {sdist.as_uri()}"], folder)
        try_out("editable", ["-e", f"{ROOT}[networks]"], folder)


if __name__ == "__main__":
    main()
