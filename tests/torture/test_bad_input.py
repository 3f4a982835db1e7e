"""Bad input for every reader, in short; `make torture` tries far more."""

from __future__ import annotations

import pytest

from tests.torture.bad_input import targets
from tests.torture.judging import Target, WrongOutcomeError, refusing
from tests.torture.material import good_files

NAMES = [
    "bench loader",
    "recipe loader",
    "card loader",
    "calibrated model",
    "unit parser",
    "journal reader",
    "run file opener",
    "SCPI syntax",
    "SCPI instrument",
    "FLEX instrument",
    "TSP instrument",
    "stream of blocks",
    "any stream",
    "block of currents",
    "scope preamble",
]


@pytest.fixture(scope="module")
def every_target(tmp_path_factory) -> dict[str, Target]:
    folder = tmp_path_factory.mktemp("bad-input")
    found = targets(folder, *good_files(folder))
    return {target.name: target for target in found}


def test_all_targets_are_tried(every_target):
    assert list(every_target) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_is_read_or_refused(every_target, name):
    """No traceback, no hang, no wrong value."""
    tally = every_target[name].try_all(12 if name.endswith("loader") else 100)
    assert tally.failures == []
    assert tally.tried == tally.read + tally.refused > 0


def test_a_hang_and_a_traceback_would_be_found():
    """The judge itself can fail."""

    def step() -> None:
        pass

    def hang() -> str:
        while True:
            step()

    with pytest.raises(WrongOutcomeError, match="a hang"):
        refusing(hang)
    with pytest.raises(ZeroDivisionError):
        refusing(lambda: str(1 / 0))
