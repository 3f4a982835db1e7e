"""``labneuro bench check``: a table, and an exit code that scripts can use."""

from __future__ import annotations

import pytest

from labneuro.bench import load_bench


@pytest.fixture
def bench_with(write):
    """Return a function that writes the simulated bench with a fault."""

    def make(fault):
        text = load_bench("hnno-sim").text
        return str(write("b.yaml", f"{text}  faults: [{{{fault}}}]\n"))

    return make


def test_a_good_bench_is_code_0(labneuro):
    answer = labneuro("bench", "check", "hnno-sim")
    assert (answer.code, answer.err) == (0, "")
    heading, *rows = answer.out.splitlines()
    assert heading.split() == ["INSTRUMENT", "CHECK", "RESULT", "SEEN"]
    assert any(row.startswith("smu         identity") for row in rows)
    assert "FAILED" not in answer.out


def test_a_failed_check_is_code_1(labneuro, bench_with):
    answer = labneuro(
        "bench", "check", bench_with("instrument: afg, kind: error in queue, at: 1")
    )
    assert (answer.code, answer.err) == (1, "")
    assert answer.out.count("FAILED") == 1


def test_a_wrong_instrument_is_one_line_and_code_1(labneuro, bench_with):
    answer = labneuro(
        "bench", "check", bench_with("instrument: smu, kind: wrong identity")
    )
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.count("\n") == 1
    assert "instruments.smu: 'ACME" in answer.err


def test_an_output_in_doubt_is_code_3(labneuro, bench_with):
    answer = labneuro(
        "bench",
        "check",
        bench_with("instrument: smu, kind: time-out, containing: source.output"),
    )
    assert answer.code == 3
    assert "not made safe: source_meter (smu.smua)" in answer.err
