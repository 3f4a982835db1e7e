"""Connecting a bench: opened by name and role, left safe whatever happens."""

from __future__ import annotations

import re
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pyvisa

from labneuro.bench import FaultConfig, load_bench
from labneuro.errors import (
    BenchConfigError,
    BenchInUseError,
    InstrumentError,
    SafeStateError,
)
from labneuro.instruments import connection
from labneuro.instruments.catalog import DRIVERS
from labneuro.instruments.connection import connect
from labneuro.instruments.roles import Waveform
from labneuro.sim_backends.faults import inject
from labneuro.sim_backends.visa.powered_benches import power_on

if TYPE_CHECKING:
    from collections.abc import Callable

IDENTITIES = {
    "Keithley 2636B": "Keithley Instruments Inc., Model 2636B, 1, 4.0\n",
    "Tektronix AFG31000": "TEKTRONIX,AFG31252,C1,SCPI:99.0 FV:1.6\n",
}


class Lab:
    """What the fake drivers do, and what was done to them."""

    def __init__(self):
        self.log: list[str] = []
        self.opened: list[tuple[str, dict[str, object]]] = []
        self.identities = dict(IDENTITIES)
        self.faults: dict[str, BaseException] = {}
        self.on: dict[str, Callable[[], None]] = {}

    def act(self, what):
        """Note an action; fail where the test wants it."""
        self.log.append(what)
        self.on.get(what, list)()
        if what in self.faults:
            raise self.faults[what]


class Driver:
    """A driver that notes what is done to it."""

    def __init__(self, lab, model, address, options):
        self.lab, self.model = lab, model
        self.adapter = self.manager = self.visalib = self
        lab.opened.append((address, options))
        lab.act(f"open {model}")
        self.errors = [f"an error of {model}"]

    @property
    def identity(self):
        """Answer to *IDN?."""
        self.lab.act(f"identify {self.model}")
        return self.lab.identities[self.model]

    def disconnect(self):
        """Close the connection."""
        self.lab.act(f"close {self.model}")

    def hurry(self, timeout):
        """Wait no longer."""
        self.lab.act(f"hurry {self.model}: {timeout:g} s")


class Output:
    """A role that notes when it is made safe."""

    def __init__(self, driver, channel, guard):
        self.lab, self.name = driver.lab, channel
        if channel == "ch9":
            raise BenchConfigError("roles: 'ch9' is no channel")
        self.lab.act(f"take {channel} up to {guard.limits.voltage:g} V")

    def make_safe(self):
        """Be safe."""
        self.lab.act(f"make {self.name} safe")


class Entry:
    """A catalog entry of fake classes, with the real patterns and roles."""

    vendor_library = ""

    def __init__(self, lab, model):
        if model not in DRIVERS:
            raise BenchConfigError(
                f"model {model!r} is not known; known: Keithley 2636B"
            )
        self.lab, self.model = lab, model
        self.identity_pattern = DRIVERS[model].identity_pattern

    def driver_class(self):
        """Return what makes a driver."""
        return lambda address, **options: Driver(self.lab, self.model, address, options)

    def safe_messages(self):
        """Return what the real driver has."""
        return DRIVERS[self.model].safe_messages()

    def role_class(self, role):
        """Return what fills a role, if the real model can."""
        DRIVERS[self.model].role_class(role)
        return Output


@pytest.fixture
def fakes(monkeypatch):
    """Replace every driver by a fake one."""
    lab = Lab()
    monkeypatch.setattr(connection, "driver_entry", lambda model: Entry(lab, model))
    return lab


@pytest.fixture
def bench():
    """Return the shipped simulated bench."""
    return load_bench("hnno-sim")


def test_opens_identifies_and_fills_the_roles(fakes, bench):
    """Every instrument is opened at its address; each role gets the tighter limits."""
    with connect(bench) as connected:
        assert connected.source_meter.name == "smua"  # type: ignore[attr-defined]
        assert connected.pulse_generator.name == "ch1"  # type: ignore[attr-defined]
        assert connected.trigger_line == "digio1"
        assert connected.identities["smu"] == IDENTITIES["Keithley 2636B"].strip()
        assert connected.errors() == {
            "smu": ["an error of Keithley 2636B"],
            "afg": ["an error of Tektronix AFG31000"],
        }
        assert "take ch1 up to 6 V" in fakes.log
    assert [address for address, _ in fakes.opened] == [
        one.address for one in bench.instruments.values()
    ]
    assert [options["timeout"] for _, options in fakes.opened] == [10_000, 5_000]


def raise_after_clearing(log, fault):
    """Forget the log, then fail."""
    log.clear()
    raise fault


SAFE_END = [
    "make ch1 safe",
    "make smua safe",
    "close Keithley 2636B",
    "close Tektronix AFG31000",
]
MODELS = {"ch1": "Tektronix AFG31000", "smua": "Keithley 2636B"}


@pytest.mark.parametrize(
    "fault", [None, ValueError(), KeyboardInterrupt(), SystemExit()]
)
def test_ends_safe_stimulus_first(fakes, bench, fault):
    """Normally or not: outputs safe, the pulse generator's first, then all closed."""
    if fault is None:
        with connect(bench):
            fakes.log.clear()
    else:
        with pytest.raises(type(fault)), connect(bench):
            raise_after_clearing(fakes.log, fault)
    assert fakes.log == SAFE_END


@pytest.mark.parametrize(
    "fault",
    [InstrumentError("no answer"), ZeroDivisionError("a bug"), KeyboardInterrupt()],
)
@pytest.mark.parametrize("output", ["ch1", "smua"])
def test_one_unsafe_output_does_not_keep_the_others(fakes, bench, fault, output):
    """All are tried, that one by a new connection, too; it is named; all is closed."""
    fakes.faults[f"make {output} safe"] = fault
    with pytest.raises(SafeStateError) as caught, connect(bench):
        fakes.log.clear()
    again = [
        f"close {MODELS[output]}",
        f"open {MODELS[output]}",
        f"take {output} up to 6 V",
        f"make {output} safe",
    ]
    place = SAFE_END.index(f"make {output} safe") + 1
    assert fakes.log == [*SAFE_END[:place], *again, *SAFE_END[place:]]
    assert f"({'afg' if output == 'ch1' else 'smu'}.{output}): " in str(caught.value)
    assert str(caught.value).count("):") == 1


def test_every_unsafe_output_is_named(fakes, bench):
    """One error tells all."""
    fakes.faults["make ch1 safe"] = InstrumentError("relay stuck")
    fakes.faults["make smua safe"] = InstrumentError("no answer")
    with pytest.raises(SafeStateError) as caught, connect(bench):
        pass
    assert str(caught.value) == (
        "not made safe: pulse_generator (afg.ch1): relay stuck; "
        "source_meter (smu.smua): no answer"
    )


def test_connection_that_does_not_close_does_not_keep_the_others(fakes, bench, caplog):
    """A failing close is logged; it is no reason to leave another one open."""
    fakes.faults["close Keithley 2636B"] = OSError("gone")
    with connect(bench):
        fakes.log.clear()
    assert fakes.log == SAFE_END
    assert "instruments.smu: not closed: gone" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        pyvisa.errors.VisaIOError(pyvisa.constants.StatusCode.error_resource_not_found),
        OSError("no route to host"),
        ValueError("no such interface"),
    ],
)
def test_instrument_that_cannot_be_opened_is_named(fakes, bench, fault):
    """Name, address and reason; what was opened before is closed."""
    fakes.faults["open Tektronix AFG31000"] = fault
    with pytest.raises(InstrumentError) as caught, connect(bench):
        pytest.fail("connected")
    assert str(caught.value).startswith(
        "instruments.afg: USB0::0x0699::0x0358::C013001::INSTR cannot be opened: "
    )
    assert fakes.log[-1] == "close Keithley 2636B"


def test_fault_of_the_bench_file_stays_one(fakes, bench):
    """A wrong bench file is wrong usage, whoever finds it."""
    fakes.faults["open Keithley 2636B"] = BenchConfigError("b.yaml: wiring.nets: wrong")
    with pytest.raises(BenchConfigError, match=r"^b\.yaml: wiring\.nets: wrong$"):
        connect(bench).__enter__()


def test_silent_instrument_is_named(fakes, bench):
    """An instrument that does not answer is told with its address."""
    fakes.faults["identify Keithley 2636B"] = InstrumentError("time-out")
    with pytest.raises(
        InstrumentError, match=r"instruments\.smu: TCPIP0.* does not ans"
    ):
        connect(bench).__enter__()
    assert "open Tektronix AFG31000" not in fakes.log


def test_other_model_is_refused(fakes, bench):
    """What answers at the address must be what the bench file says."""
    fakes.identities["Keithley 2636B"] = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1,C30"
    told = (
        "instruments.smu: 'KEITHLEY INSTRUMENTS INC.,MODEL 2400,1,C30' is no Keithley"
    )
    with pytest.raises(InstrumentError, match=re.escape(told)):
        connect(bench).__enter__()


FAULTS = [
    (
        "model: Keithley 2636B",
        "model: Keithley 9",
        "instruments.smu: model 'Keithley 9'",
    ),
    ("generator: afg.ch1", "generator: smu.smub", "roles.pulse_generator: the instrum"),
    ("generator: afg.ch1", "generator: afg.ch9", "roles: 'ch9' is no channel"),
]


@pytest.mark.parametrize(("old", "new", "told"), FAULTS)
def test_wrong_bench_is_told_with_its_file(fakes, bench, write, old, new, told):
    """File and key are named, and nothing stays open."""
    path = write("b.yaml", bench.text.replace(old, new))
    with pytest.raises(BenchConfigError) as caught, connect(load_bench(path)):
        pytest.fail("connected")
    assert str(caught.value).startswith(f"{path}: {told}")
    opened = sum(line.startswith("open") for line in fakes.log)
    assert sum(line.startswith("close") for line in fakes.log) == opened


def test_missing_role_is_told(fakes, bench, write):
    """A protocol that needs a role names the key that the bench lacks."""
    text = bench.text.replace("  pulse_generator: afg.ch1\n", "")
    with connect(load_bench(write("b.yaml", text))) as connected:
        with pytest.raises(BenchConfigError, match=r"roles\.pulse_generator: this key"):
            connected.pulse_generator.output_on()
        assert connected.source_meter.name == "smua"  # type: ignore[attr-defined]


def test_simulated_bench_is_fresh_each_time(fakes, bench):
    """Each connection finds a bench just switched on, with the seed asked for."""
    libraries = []
    for seed in (None, None, 7):
        with connect(bench, seed):
            pass
        pair = {options["visa_library"] for _, options in fakes.opened[-2:]}
        assert len(pair) == 1
        libraries.append(str(pair.pop()))
    assert len(set(libraries)) == 3
    assert all(one.startswith(f"{bench.path}?fresh=") for one in libraries)
    assert all(one.endswith("@labneuro") for one in libraries)
    assert ["seed=7" in one for one in libraries] == [False, False, True]


def test_hardware_takes_the_library_of_the_file(fakes):
    """On hardware the VISA library is the bench file's own word."""
    with connect(load_bench("hnno-bench")):
        pass
    assert {options["visa_library"] for _, options in fakes.opened} == {"@py"}


def test_an_output_is_made_safe_by_a_new_connection(fakes, bench, caplog):
    """A broken session does not keep an output on."""
    fakes.faults["make ch1 safe"] = InstrumentError("connection lost")
    act = fakes.act

    def mend(what):
        if what.startswith("open"):
            fakes.faults.clear()
        act(what)

    with connect(bench):
        fakes.log.clear()
        fakes.act = mend
    assert fakes.log == [
        "make ch1 safe",
        f"close {MODELS['ch1']}",
        f"open {MODELS['ch1']}",
        "take ch1 up to 6 V",
        *SAFE_END,
    ]
    assert "afg.ch1: made safe by a new connection" in caplog.text


def test_what_both_connections_said_is_told(fakes, bench):
    """Exactly which channel is in doubt, and why."""
    fakes.faults["make ch1 safe"] = InstrumentError("connection lost")
    with pytest.raises(SafeStateError) as caught, connect(bench):
        fakes.faults["open Tektronix AFG31000"] = OSError("no route to host")
    assert str(caught.value).startswith(
        "not made safe: pulse_generator (afg.ch1): connection lost; by a new "
        "connection: instruments.afg: USB0"
    )
    assert str(caught.value).endswith("cannot be opened: no route to host")


def interrupt_after_clearing(log, number):
    """Forget the log, then get a signal."""
    log.clear()
    signal.raise_signal(number)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_two_signals_end_at_once_but_switch_off(fakes, bench, name):
    """The second one shortens every wait; all outputs are tried; 130 is the end."""
    number = getattr(signal, name, signal.SIGINT)
    fakes.on["make ch1 safe"] = lambda: signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt), connect(bench):
        interrupt_after_clearing(fakes.log, number)
    assert fakes.log[1:3] == [f"hurry {MODELS[one]}: 0.3 s" for one in ("smua", "ch1")]
    assert fakes.log[0] == "make ch1 safe"
    assert fakes.log[3:] == SAFE_END[1:]


def test_a_signal_at_the_normal_end_waits_for_the_outputs(fakes, bench):
    """It skips nothing and is not lost."""
    fakes.on["make ch1 safe"] = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), connect(bench):
        fakes.log.clear()
    assert fakes.log == SAFE_END


FAULTS_IN_A_RUN = [
    {"kind": "dropped connection", "at": 3},
    {"kind": "time-out", "containing": "TRG?", "at": 1},
    {"kind": "time-out", "at": 40},
    {"kind": "dropped connection", "containing": "OUTP", "at": 2},
    {"kind": "dropped connection", "containing": "output", "at": 2},
    {"kind": "error in queue", "at": 9},
]


@pytest.mark.parametrize("instrument", ["smu", "afg"])
@pytest.mark.parametrize("fault", FAULTS_IN_A_RUN)
def test_whatever_breaks_every_output_ends_off(instrument, fault):
    """On the simulated instruments, with the real drivers."""
    wrong = FaultConfig.model_validate({"instrument": instrument, **fault})
    ended = []
    end = None
    try:
        with connect(load_bench("hnno-sim")) as bench, ExitStack() as around:
            circuit = power_on(bench.library).bench.circuit
            ended.append(circuit)
            stimulate(bench)
            around.enter_context(inject(bench.library, wrong))
            stimulate(bench)
            bench.make_safe()
    except InstrumentError as error:
        end = error
    assert not isinstance(end, SafeStateError)
    (circuit,) = ended
    assert any(entry.on for entry in circuit.log)
    assert not any(drive.on for drive in circuit.drives)


def stimulate(bench):
    """Let both outputs go on, and pulse."""
    meter, pulses = bench.source_meter, bench.pulse_generator
    meter.configure(compliance_current=1e-3, current_range=1e-3, power_line_cycles=1.0)
    meter.output_on()
    pulses.load(Waveform(((2.0, 1e-3),)))
    pulses.output_on()
    pulses.fire()
    meter.sweep(np.linspace(0.0, 0.1, 3), 0.01)


def test_a_lost_instrument_that_stays_away_is_named():
    """The state of its output is unknown, and only of its."""
    lost = FaultConfig(instrument="afg", kind="dropped connection")
    circuits = []

    def lose(bench):
        stimulate(bench)
        circuits.append(power_on(bench.library).bench.circuit)
        power_on(bench.library).faults["afg"].add(lost)

    with (
        pytest.raises(SafeStateError) as caught,
        connect(load_bench("hnno-sim")) as bench,
    ):
        lose(bench)
    assert str(caught.value).startswith("not made safe: pulse_generator (afg.ch1): ")
    assert "source_meter" not in str(caught.value)
    assert {one.terminal for one in circuits[0].drives if one.on} == {"afg.ch1"}


def test_the_watchdog_is_asked_before_readings_count(fakes, bench):
    """A simulated bench has none; on hardware it is armed before anything else."""
    with connect(bench) as connected:
        connected.check_watchdog()
        assert connected.watchdog is None
    with connect(load_bench("hnno-bench")) as connected:
        assert connected.watchdog is not None
        connected.check_watchdog()
        with (
            pytest.raises(BenchInUseError),
            connect(load_bench("hnno-bench")),
        ):
            pytest.fail("two at once")
