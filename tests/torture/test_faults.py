"""A part of the fault matrix: every fault in every phase of the run, some protocols."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import get_args

import pytest

from labneuro.bench import FaultKind
from labneuro.protocols.catalog import protocol_names
from tests.torture.fault_matrix import PHASES, SMALL_RUNS, Matrix, faults, sample

SHORT = 30


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    return Matrix(tmp_path_factory.mktemp("faults"))


def test_the_matrix_is_whole(matrix):
    """Every kind of fault, every phase, every protocol; nothing is picked by hand."""
    cases = list(matrix.cases(picks=1))
    assert {case.fault.kind for case in cases} == set(get_args(FaultKind))
    assert {case.phase for case in cases} == set(PHASES)
    assert {case.protocol for case in cases} == set(protocol_names()) == set(SMALL_RUNS)
    protocols = Counter((case.fault.name, case.phase) for case in cases)
    assert all(protocols[fault.name, "make_safe"] >= 5 for fault in faults())
    cells = {(case.protocol, case.fault.name, case.phase) for case in cases}
    assert len(cells) >= 0.9 * len(SMALL_RUNS) * len(faults()) * len(PHASES)


def test_the_short_form_has_every_fault_and_phase(matrix):
    chosen = sample(list(matrix.cases(picks=1)), SHORT)
    assert {case.fault.name for case in chosen} == {one.name for one in faults()}
    assert {case.phase for case in chosen} == set(PHASES)
    assert len(chosen) == len(set(chosen)) == SHORT


def test_the_matrix_strikes_every_instrument(matrix):
    """With every fault."""
    struck, used = set(), set()
    for case in matrix.cases(picks=1):
        bench = SMALL_RUNS[case.protocol].bench
        struck.add((bench, case.message.instrument, case.fault.name))
    for protocol, small in SMALL_RUNS.items():
        for one, fault in itertools.product(matrix.clean(protocol).messages, faults()):
            if one.phase in PHASES:
                used.add((small.bench, one.instrument, fault.name))
    assert used <= struck


@pytest.mark.parametrize("part", range(4))
def test_a_fault_ends_in_a_safe_state_and_one_line(matrix, part):
    """Outputs off or named as unknown, right exit code, every reading in the file."""
    chosen = sample(list(matrix.cases(picks=1)), SHORT)[part::4]
    verdicts = [matrix.judge(case) for case in chosen]
    wrong = [f"{one.case}: {one.wrong}" for one in verdicts if one.wrong]
    assert wrong == []
