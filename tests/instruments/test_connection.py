"""Connecting a bench: opened by name and role, left safe whatever happens."""

from __future__ import annotations

import re

import pytest
import pyvisa

from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError, InstrumentError, SafeStateError
from labneuro.instruments import connection
from labneuro.instruments.catalog import DRIVERS
from labneuro.instruments.connection import connect

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

    def act(self, what):
        """Note an action; fail where the test wants it."""
        self.log.append(what)
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

    def shutdown(self):
        """Say good-bye."""
        self.lab.act(f"shutdown {self.model}")

    def close(self):
        """Close the connection."""
        self.lab.act(f"close {self.model}")

    def power_off(self):
        """Let the simulated bench go."""
        self.lab.act(f"power off {self.model}")


class Output:
    """A role that notes when it is made safe."""

    def __init__(self, driver, channel, limits):
        self.lab, self.name = driver.lab, channel
        if channel == "ch9":
            raise BenchConfigError("roles: 'ch9' is no channel")
        self.lab.act(f"take {channel} up to {limits.voltage:g} V")

    def make_safe(self):
        """Be safe."""
        self.lab.act(f"make {self.name} safe")


class Entry:
    """A catalog entry of fake classes, with the real patterns and roles."""

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
    "shutdown Keithley 2636B",
    "close Keithley 2636B",
    "power off Keithley 2636B",
    "shutdown Tektronix AFG31000",
    "close Tektronix AFG31000",
    "power off Tektronix AFG31000",
]


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
    """All outputs are tried; the one that failed is named; all is closed."""
    fakes.faults[f"make {output} safe"] = fault
    with pytest.raises(SafeStateError) as caught, connect(bench):
        fakes.log.clear()
    assert fakes.log == SAFE_END
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
    fakes.faults["shutdown Keithley 2636B"] = OSError("gone")
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
    assert fakes.log[-3:] == SAFE_END[2:5]


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
    assert not any("power off" in line for line in fakes.log)
    assert {options["visa_library"] for _, options in fakes.opened} == {"@py"}
