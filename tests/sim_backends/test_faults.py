"""Faults on demand, as a client meets them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labneuro.bench import FaultConfig, load_bench
from labneuro.errors import BenchConfigError
from labneuro.sim_backends.faults import inject
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

SMU, AFG = "GPIB0::1::INSTR", "GPIB0::2::INSTR"
BENCH = """\
description: faults
visa_library: "@labneuro"
instruments:
  smu: {{model: Keithley 2636B, address: "GPIB0::1::INSTR"}}
  afg: {{model: Tektronix AFG31000, address: "GPIB0::2::INSTR"}}
roles: {{}}
device: {{id: D, model: hnno}}
limits: {{voltage: 10 V, current: 10 mA}}
wiring: {{nets: [[smu.smua, device.Pd], [device.Au, ground]]}}
simulation: {{card: hnno, seed: 1, faults: {faults}}}
"""


@pytest.fixture
def bench(tmp_path):
    """Return a function that switches a bench on with faults, and its library."""
    path = tmp_path / "bench.yaml"

    def start(faults="[]"):
        path.write_text(BENCH.format(faults=faults), encoding="utf-8")
        return f"{path}@labneuro"

    yield start
    power_off(str(path))


@pytest.fixture
def connect(bench):
    """Return a function that opens the source meter of a bench with faults."""
    managers = []

    def open_session(faults="[]", address=SMU):
        managers.append(pyvisa.ResourceManager(bench(faults)))
        return managers[-1].open_resource(address, timeout=2000)

    yield open_session
    for manager in managers:
        manager.close()


def status_of(action):
    with pytest.raises(pyvisa.VisaIOError) as caught:
        action()
    return caught.value.error_code


def test_time_out_strikes_at_the_nth_call(connect):
    smu = connect("[{instrument: smu, kind: time-out, at: 2}]")
    assert smu.query("print(1)") == "1.00000e+00\n"
    assert status_of(lambda: smu.query("print(2)")) == StatusCode.error_timeout
    assert smu.query("print(3)") == "3.00000e+00\n"
    assert "Queue Is Empty" in smu.query("print(errorqueue.next())")


def test_dropped_connection_needs_a_new_session(connect, bench):
    smu = connect("[{instrument: smu, kind: dropped connection, at: 1}]")
    lost = StatusCode.error_connection_lost
    assert status_of(lambda: smu.write("smua.source.levelv = 1")) == lost
    assert status_of(lambda: smu.query("print(1)")) == lost
    smu.close()
    manager = smu.visalib
    again = pyvisa.ResourceManager(str(manager.library_path) + "@labneuro")
    session: Any = again.open_resource(SMU)
    assert session.query("print(smua.source.levelv)") == "0.00000e+00\n"


def test_garbage_is_repeatable_by_the_seed(connect):
    fault = "[{instrument: smu, kind: garbage, at: 1}]"
    smu = connect(fault)
    first = smu.query("print(1)")
    assert first != "1.00000e+00\n"
    assert len(first) == len("1.00000e+00\n")
    power_off(str(smu.visalib.library_path))
    assert connect(fault).query("print(1)") == first


def test_truncated_block_is_short(connect):
    smu = connect("[{instrument: smu, kind: truncated block, containing: printbuffer}]")
    smu.write("smua.nvbuffer1.clear() smua.measure.count = 4")
    smu.write("smua.measure.v(smua.nvbuffer1) format.data = format.REAL64")
    smu.write("printbuffer(1, 4, smua.nvbuffer1)")
    content = smu.read_raw()
    assert content.startswith(b"#0")
    assert len(content) == (2 + 4 * 8) // 2


@pytest.mark.parametrize(
    ("address", "name", "query", "told"),
    [
        (SMU, "smu", "print(errorqueue.next())", "Internal System Error"),
        (AFG, "afg", "SYSTem:ERRor?", '-240,"Hardware error"'),
    ],
)
def test_error_stands_in_the_queue(connect, address, name, query, told):
    it = connect(f"[{{instrument: {name}, kind: error in queue, at: 1}}]", address)
    it.write("*CLS")
    assert told in it.query(query)


def test_error_of_a_wanted_code(connect):
    fault = "[{instrument: afg, kind: error in queue, at: 1, code: -221}]"
    afg = connect(fault, AFG)
    afg.write("*CLS")
    assert afg.query("SYSTem:ERRor?").startswith("-221,")


def test_over_range_reads_as_the_instrument_says_it(connect):
    smu = connect("[{instrument: smu, kind: over-range, at: 2}]")
    smu.write("smua.source.output = 1")
    assert float(smu.query("print(smua.measure.i())")) == 9.91e37
    assert abs(float(smu.query("print(smua.measure.i())"))) < 1.0


def test_wrong_identity(connect):
    smu = connect("[{instrument: smu, kind: wrong identity}]")
    assert smu.query("*IDN?") == "ACME INSTRUMENTS,MODEL 1,0,0\n"
    assert smu.query("print(1)") == "1.00000e+00\n"


def test_slow_reply_times_out_and_is_found_later(connect):
    smu = connect("[{instrument: smu, kind: slow reply, at: 1, delay: 5 s}]")
    assert status_of(lambda: smu.query("print(1)")) == StatusCode.error_timeout
    smu.timeout = 4000
    assert smu.read() == "1.00000e+00\n"


def test_interlock_opens_and_closes(bench):
    library = bench()
    instrument = power_on(library).bench.instruments["smu"]
    fault = FaultConfig(instrument="smu", kind="interlock open")
    with closing(pyvisa.ResourceManager(library)) as manager:
        smu: Any = manager.open_resource(SMU)
        with inject(library, fault):
            smu.write("*CLS")
            assert instrument.interlock_open
        assert not instrument.interlock_open


def test_probability_strikes_that_often(connect):
    """200 calls at 0.3: four standard deviations are 26."""
    smu = connect(
        "[{instrument: smu, kind: wrong identity, probability: 0.3, containing: IDN}]"
    )
    wrong = sum("ACME" in smu.query("*IDN?") for _ in range(200))
    assert abs(wrong - 60) < 26


def test_injected_fault_ends_with_the_block(bench):
    library = bench()
    fault = FaultConfig(instrument="smu", kind="wrong identity")
    with closing(pyvisa.ResourceManager(library)) as manager:
        smu: Any = manager.open_resource(SMU)
        with inject(library, fault):
            assert "ACME" in smu.query("*IDN?")
        assert "2636B" in smu.query("*IDN?")


def test_unknown_instrument_is_told(bench):
    block = inject(bench(), FaultConfig(instrument="xyz", kind="garbage"))
    with pytest.raises(BenchConfigError, match="'xyz' is unknown; known: smu, afg"):
        block.__enter__()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("{instrument: xyz, kind: garbage}", "faults.0.instrument: 'xyz' is of no"),
        ("{instrument: smu, kind: fire}", "faults.0.kind: Input should be 'time-out'"),
        ("{instrument: smu, kind: garbage, at: 0}", "faults.0.at: Input should be"),
        (
            "{instrument: smu, kind: garbage, at: 1, probability: 0.5}",
            "faults.0: give 'at' or 'probability', not both",
        ),
    ],
)
def test_wrong_fault_is_told(bench, tmp_path, fault, told):
    bench(f"[{fault}]")
    with pytest.raises(BenchConfigError) as caught:
        load_bench(tmp_path / "bench.yaml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_open_interlock_holds_the_b1500a_below_42_volts(write):
    """What is beyond goes off at once and is refused until the lid is closed."""
    text = BENCH.format(faults="[]").replace("Keithley 2636B", "Agilent B1500A")
    path = write("b1500.yaml", text.replace("smu.smua", "smu.smu1"))
    library = f"{path}@labneuro"
    fault = FaultConfig(instrument="smu", kind="interlock open")
    with closing(pyvisa.ResourceManager(library)) as manager:
        smu: Any = manager.open_resource(SMU)
        drives = power_on(library).bench.instruments["smu"].drives
        smu.write("CN 1;DV 1,0,60,1E-4")
        assert [one.on for one in drives.values()] == [True, False, False, False]
        with inject(library, fault):
            smu.write("*OPC?")
            assert not any(one.on for one in drives.values())
            smu.write("CN 1;DV 1,0,60,1E-4")
            assert "120" in smu.query("ERRX?")
            smu.write("DV 1,0,40,1E-4")
            assert "+0" in smu.query("ERRX?")
        smu.write("DV 1,0,60,1E-4")
        assert "+0" in smu.query("ERRX?")
    power_off(str(path))


def test_error_in_the_queue_of_a_b1500a(write):
    text = BENCH.format(faults="[{instrument: smu, kind: error in queue, at: 1}]")
    text = text.replace("Keithley 2636B", "Agilent B1500A")
    path = write("b1500.yaml", text.replace("smu.smua", "smu.smu1"))
    with closing(pyvisa.ResourceManager(f"{path}@labneuro")) as manager:
        smu: Any = manager.open_resource(SMU)
        smu.write("FMT 1")
        assert "120" in smu.query("ERRX?")
    power_off(str(path))
