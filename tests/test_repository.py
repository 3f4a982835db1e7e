"""The repository as a whole: rooms, shipped content, words that must not be there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import labneuro
from labneuro import workspace
from labneuro.bench import load_bench, load_card
from labneuro.devices.catalog import load_parameters, parameter_units
from labneuro.instruments.catalog import driver_entry
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import check_plan

SHIPPED = workspace.shipped_workspace()
REPOSITORY = Path(labneuro.__file__).parent.parent
BENCHES = sorted(SHIPPED.glob("instruments/*.yaml")) + sorted(
    SHIPPED.glob("sim_backends/*.yaml")
)
CARDS = sorted(SHIPPED.glob("sim_backends/cards/*.yaml"))
RECIPES = sorted(SHIPPED.glob("protocols/**/*.yaml"))
CODE = sorted((REPOSITORY / "labneuro").rglob("*.py"))
BENCHES_OF = {
    "hnno": ("hnno-sim", "hnno-bench"),
    "hybrid": ("ts-scope-sim",),
    "fmes": ("fmes-sim",),
    "pcu": ("pcu-sim",),
    "hybrid/threshold-switching": ("ts-sim",),
    "hybrid/neuron-firing": ("neuron-sim",),
    "hybrid/synapse-learning": ("synapses-sim",),
    "hybrid/inhibition-truth": ("lia-sim",),
    "hybrid/network-training": ("snn-sim",),
    "hybrid/network-inference": ("snn-sim",),
}

needs_checkout = pytest.mark.skipif(
    not (REPOSITORY / "pyproject.toml").is_file(), reason="not in a checkout"
)


def name(path: Path) -> str:
    """Return how a test calls a file."""
    return path.name


@pytest.mark.parametrize("folder", workspace.FOLDERS)
def test_workspace_folders_hold_no_python(folder):
    """The four folders hold what the rooms read, and no code."""
    endings = {".py", ".pyi", ".pyc", ".ipynb"}
    found = [path for path in (SHIPPED / folder).rglob("*") if path.suffix in endings]
    assert found == []
    assert any((SHIPPED / folder).rglob("*.*"))


def test_something_is_shipped():
    """The tests below look at more than nothing."""
    assert len(BENCHES) >= 2
    assert len(CARDS) >= 1
    assert len(RECIPES) >= 4


@pytest.mark.parametrize("path", BENCHES, ids=name)
def test_shipped_bench_loads_and_is_limited(path):
    """Instruments have drivers for their roles; voltage and current are limited."""
    bench = load_bench(path)
    assert bench.description
    assert bench.safe_limits.voltage < 1e3
    assert bench.safe_limits.current < 1.5
    for role, target in bench.roles.items():
        model = bench.instruments[target.partition(".")[0]].model
        assert callable(driver_entry(model).role_class(role))


def test_simulated_bench_differs_from_hardware_in_the_library():
    """What works on the simulator works on the bench by changing one line."""
    simulated, hardware = load_bench("hnno-sim"), load_bench("hnno-bench")
    for key in ("instruments", "roles", "limits", "wiring"):
        assert getattr(simulated, key) == getattr(hardware, key)
    assert simulated.device.model_copy(update={"id": ""}) == hardware.device.model_copy(
        update={"id": ""}
    )
    assert (simulated.visa_library, hardware.visa_library) == ("@labneuro", "@py")


@pytest.mark.parametrize("path", CARDS, ids=name)
def test_shipped_card_has_a_source_for_every_number(path):
    """Every number has its mark and its source, and the model takes them all."""
    card = load_card(path)
    assert card.citation
    assert set(card.parameters) == set(parameter_units(card.model))
    for entry in card.parameters.values():
        assert entry.mark in ("quoted", "derived", "fitted", "chosen")
        assert len(entry.source) > 10
    assert load_parameters(card.model, card, path.name)


@pytest.mark.parametrize("path", RECIPES, ids=name)
def test_shipped_recipe_plans_on_its_benches(path):
    """Every recipe stays within the limits, simulated and on hardware."""
    recipe = load_recipe(path)
    assert recipe.description
    plans = [
        check_plan(recipe.protocol, load_bench(bench))
        for bench in BENCHES_OF.get(
            f"{path.parent.name}/{path.stem}", BENCHES_OF[path.parent.name]
        )
    ]
    assert plans.count(plans[0]) == len(plans)
    assert plans[0].duration > 0


def tracked() -> list[Path]:
    """Return the text files that belong to the repository."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        return []
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    answer = subprocess.run(
        (git, "-C", str(REPOSITORY), *words), capture_output=True, check=True
    )
    names = answer.stdout.decode().split("\0")
    paths = [REPOSITORY / one for one in names if one]
    return [path for path in paths if path.is_file() and b"\0" not in _head(path)]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1024)


# Written in parts, so that this file does not hold the words itself.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"(?<![\w.])/wo" r"rk/",
            r"(?<![\w.])/ro" r"ot/",
            r"(?<![\w.])/ho" r"me/\w",
            r"(?<![\w.])/tm" r"p/",
            r"C:\\Use" r"rs",
            r"\bTO" r"DO\b",
            r"\bFIX" r"ME\b",
            r"^\s*raise NotImple" r"mentedError",
        )
    )
)


@needs_checkout
def test_no_machine_path_and_no_loose_end():
    """No text file names a place on somebody's machine or leaves work open."""
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(
            path.read_text(encoding="utf-8").splitlines(), start=1
        )
        if FORBIDDEN.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (r"^\s*(import pint|from pint)", {"units.py"}),
        (r"^from \.|^import \.", set()),
        (r"typing import .*\bProtocol\b", {"instruments/roles.py"}),
    ],
    ids=["pint", "relative import", "Protocol"],
)
def test_code_keeps_the_rules(pattern, allowed):
    """pint in units only, no relative import, no structural type."""
    rule = re.compile(pattern, re.MULTILINE)
    root = REPOSITORY / "labneuro"
    found = {
        path.relative_to(root).as_posix()
        for path in CODE
        if rule.search(path.read_text(encoding="utf-8"))
    }
    assert found - allowed == set()
