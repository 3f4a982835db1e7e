"""The look at a bench: a table of findings, no output beyond 0 V."""

from __future__ import annotations

import re

import pytest

from labneuro.bench import FaultConfig, load_bench
from labneuro.instruments import bench_check
from labneuro.instruments.bench_check import FAILED, NOT_CHECKED, OK, WARNING
from labneuro.instruments.catalog import DRIVERS
from labneuro.instruments.connection import connect
from labneuro.sim_backends.faults import inject
from labneuro.sim_backends.simulated_bench import MODELS
from labneuro.sim_backends.visa.powered_benches import power_on


def looked_at(config):
    """Return the findings by instrument and check, and the circuit's log."""
    with connect(config) as bench:
        found = bench_check.check_bench(bench)
        log = list(power_on(bench.library).bench.circuit.log)
    return {(one.instrument, one.check): one for one in found}, log


def test_a_good_bench_passes_without_any_voltage():
    found, log = looked_at(load_bench("hnno-sim"))
    assert {one.verdict for one in found.values()} == {OK, NOT_CHECKED}
    assert found["smu", "wiring of smu.smua"].text.endswith("A at 0 V")
    assert found["afg", "firmware"].text.startswith("1.6")
    assert found["afg", "self-test"].verdict == NOT_CHECKED
    assert [(one.terminal, one.on) for one in log] == [
        ("smu.smua", True),
        ("smu.smua", False),
    ]


def with_fault(fault, write):
    text = load_bench("hnno-sim").text
    return load_bench(write("b.yaml", f"{text}  faults: [{{instrument: {fault}}}]\n"))


def test_an_error_in_the_queue_fails(write):
    config = with_fault("afg, kind: error in queue, at: 1", write)
    found, _ = looked_at(config)
    assert found["afg", "errors before"].verdict == FAILED
    assert found["afg", "errors after"].verdict == OK


def test_an_instrument_that_falls_silent_fails_alone(write):
    config = with_fault("smu, kind: time-out, containing: TST", write)
    found, _ = looked_at(config)
    failed = [key for key, one in found.items() if one.verdict == FAILED]
    assert failed == [("smu", "self-test")]
    assert "reading failed" in found["smu", "self-test"].text


def test_a_reading_beyond_any_range_is_told(write):
    config = with_fault("smu, kind: over-range, containing: labneuro_sweep(", write)
    found, _ = looked_at(config)
    assert found["smu", "wiring of smu.smua"].verdict == FAILED
    assert "something drives this net" in found["smu", "wiring of smu.smua"].text


def test_a_high_voltage_bench_is_told_of_the_interlock(write):
    text = load_bench("hnno-sim").text.replace("{voltage: 6 V,", "{voltage: 60 V,")
    text = text.replace("limits: {voltage: 10 V,", "limits: {voltage: 100 V,")
    found, _ = looked_at(load_bench(write("b.yaml", text)))
    assert found["smu", "interlock"].verdict == WARNING


def test_another_firmware_is_a_warning(monkeypatch):
    known = {"Keithley 2636B": (r"([\d.]+)\s*$", "9.")}
    monkeypatch.setattr(bench_check, "FIRMWARE", known)
    found, _ = looked_at(load_bench("hnno-sim"))
    assert found["smu", "firmware"].verdict == WARNING
    assert "3.4.2; the driver has been tried with 9.* only" in (
        found["smu", "firmware"].text
    )
    assert found["afg", "firmware"].verdict == NOT_CHECKED


def b1500a_identity():
    """It is no attribute of the class."""
    from labneuro.sim_backends.agilent_b1500a.commands_frame import IDENTITY

    return IDENTITY


@pytest.mark.parametrize("model", bench_check.FIRMWARE)
def test_the_firmware_is_found_where_the_simulated_instrument_has_it(model):
    place, known = bench_check.FIRMWARE[model]
    kind = MODELS[model].load()
    identity = b1500a_identity() if "B1500A" in model else kind.identity  # type: ignore[attr-defined]
    assert re.search(DRIVERS[model].identity_pattern, identity)
    found = re.search(place, identity)
    assert found is not None
    assert found[1].startswith(known)


def test_a_lost_connection_fails_and_the_rest_goes_on():
    """The bench is safe all the same, by a new connection."""
    drop = FaultConfig(instrument="smu", kind="dropped connection", at=1)
    with connect(load_bench("hnno-sim")) as bench:
        with inject(bench.library, drop):
            found = bench_check.check_bench(bench)
        bench.make_safe()
    failed = [one.check for one in found if one.verdict == FAILED]
    assert failed == ["errors before", "self-test", "interlock", "wiring of smu.smua"]
    assert {one.instrument for one in found if one.verdict == FAILED} == {"smu"}
