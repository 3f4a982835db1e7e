"""Modes of the simulated 2600: sense, high capacitance, interlock, pulses, 2612A."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_2600.instrument import Keithley2612A
from labneuro.sim_backends.wiring import Circuit


def terminal(bench):
    """What the circuit sees at channel A now."""
    return bench.circuit.measure(bench.smu.drives["smua"], 0.0)


def test_sense_modes_read_back(smu_bench):
    for mode in (1, 3, 0):
        smu_bench.send(f"smua.sense = {mode}")
        assert smu_bench.value("smua.sense") == mode
    smu_bench.send("smua.source.output = 1 smua.sense = smua.SENSE_CALA")
    assert smu_bench.error() == 5008
    assert smu_bench.value("smua.sense") == 0


def test_remote_sense_is_in_the_status_of_readings(smu_bench):
    smu_bench.send("smua.sense = 1 smua.source.output = 1")
    smu_bench.send("smua.measure.i(smua.nvbuffer1)")
    assert int(smu_bench.value("smua.nvbuffer1.statuses[1]")) & 0x10


# -- high-capacitance mode -------------------------------------------------------------


def test_high_capacitance_raises_what_is_below_a_microampere(smu_bench):
    """2657A-901-01 Rev. B p. 3-66."""
    smu_bench.send(
        "smua.source.limiti = 1e-8 smua.source.rangei = 1e-8 smua.source.highc = 1"
    )
    wanted = (
        "smua.source.limiti, smua.source.rangei, smua.source.lowrangei, "
        "smua.measure.lowrangei"
    )
    assert smu_bench.values(wanted) == pytest.approx([1e-6] * 4)
    smu_bench.send("smua.source.rangei = 1e-9")
    assert smu_bench.value("smua.source.rangei") == pytest.approx(1e-6)
    smu_bench.send("smua.source.limiti = 1e-9")
    assert smu_bench.error() == 1102


def test_high_capacitance_locks_the_measure_range_to_the_limit(smu_bench):
    smu_bench.send("smua.source.highc = 1 smua.source.limiti = 1e-3")
    assert smu_bench.value("smua.measure.autorangei") == 2
    assert smu_bench.value("smua.measure.rangei") == pytest.approx(1e-3)
    for command in ("smua.measure.autorangei = 0", "smua.measure.rangei = 1"):
        smu_bench.send(command)
        assert smu_bench.error() == 5069
    smu_bench.send("smua.source.highc = 0 smua.measure.autorangei = 1")
    assert smu_bench.error() == 0
    assert smu_bench.value("smua.measure.autorangei") == 1


def test_reset_ends_the_high_capacitance_mode(smu_bench):
    smu_bench.send("smua.source.highc = 1", "smua.reset()")
    wanted = "smua.source.highc, smua.measure.autorangei, smua.measure.lowrangei"
    assert smu_bench.values(wanted) == pytest.approx([0, 1, 100e-12])


def test_the_measure_range_can_follow_the_limit_without_the_mode(smu_bench):
    smu_bench.send("smua.measure.autorangei = smua.AUTORANGE_FOLLOW_LIMIT")
    smu_bench.send("smua.source.limiti = 5e-3")
    assert smu_bench.value("smua.measure.rangei") == pytest.approx(10e-3)
    smu_bench.send("smua.measure.autorangev = 2")
    assert smu_bench.error() == 1101


# -- limits and interlock --------------------------------------------------------------


def test_the_power_limit_lowers_the_current_limit(smu_bench):
    """10 V at 20 mW allow 2 mA into 1 kohm: 2 V."""
    smu_bench.send("smua.source.limitp = 0.02 smua.source.levelv = 10")
    smu_bench.send("smua.source.output = 1")
    assert terminal(smu_bench).current == pytest.approx(2e-3, rel=1e-3)
    assert smu_bench.ask("print(smua.source.compliance)") == "true"
    assert smu_bench.value("smua.source.limiti") == pytest.approx(0.1)
    smu_bench.send("smua.source.limitp = 0")
    assert terminal(smu_bench).current == pytest.approx(10e-3, rel=1e-3)


def test_an_opening_interlock_turns_off_the_200_v_range(smu_bench):
    smu_bench.send("smua.source.levelv = 100 smua.source.output = 1")
    smu_bench.send("smub.source.levelv = 5 smub.source.output = 1")
    smu_bench.smu.interlock_open = True
    assert smu_bench.values("smua.source.output, smub.source.output") == [0, 1]
    assert smu_bench.error() == 802
    bit = smu_bench.value("status.measurement.INTERLOCK")
    assert int(smu_bench.value("status.measurement.condition")) & int(bit)
    smu_bench.smu.interlock_open = False
    assert not int(smu_bench.value("status.measurement.condition")) & int(bit)
    smu_bench.send("smua.source.output = 1")
    assert smu_bench.error() == 0


# -- the extended area -----------------------------------------------------------------


def test_10_a_are_for_pulses_only(make_smu_bench):
    bench = make_smu_bench(0.1)
    bench.send("smua.source.func = 0 smua.source.leveli = 10 smua.source.limitv = 5")
    assert bench.error() == 0
    bench.send("smua.source.output = 1")
    assert bench.error() == 5007
    assert bench.value("smua.source.output") == 0


PULSE = "ConfigPulseIMeasureV(smua, 0, {level}, 5, {ton}, {toff}, 3, smua.nvbuffer1, 1)"


def test_a_train_of_10_a_pulses(make_smu_bench):
    """10 A into 0.1 ohm are 1 V; afterwards the limit and the range are steady ones."""
    bench = make_smu_bench(0.1)
    bench.send(
        "smua.reset() smua.source.func = 0 smua.measure.nplc = 0.001 "
        "smua.source.output = 1 smua.nvbuffer1.appendmode = 1"
    )
    assert bench.ask("print(" + PULSE.format(level=10, ton=1e-3, toff=0.1) + ")") == (
        "true\tNo errors"
    )
    assert bench.ask("print(InitiatePulseTest(1))") == "true\tNo errors"
    assert bench.numbers("printbuffer(1, 3, smua.nvbuffer1)") == pytest.approx(
        [1.0] * 3, rel=1e-3
    )
    assert bench.value("smua.source.rangei") < 1.0
    assert bench.error() == 0


@pytest.mark.parametrize(
    ("level", "ton", "toff", "why"),
    [
        (10, 1e-3, 1e-3, "duty cycle is too large"),
        (10, 11, 1e3, "ton is too long"),
        (11, 1e-3, 0.1, "outside the area"),
    ],
)
def test_what_limits_pulses(make_smu_bench, level, ton, toff, why):
    """Duty cycle and length: 2600AS-901-01 Rev. B p. 4-5."""
    bench = make_smu_bench(0.1)
    bench.send("smua.source.func = 0 smua.source.output = 1 smua.measure.nplc = 0.01")
    reply = bench.ask("print(" + PULSE.format(level=level, ton=ton, toff=toff) + ")")
    assert reply.startswith("false\t")
    assert why in reply


# -- settings that change nothing else here --------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad", "code"),
    [
        ("source.sink", 1, 2, -224),
        ("source.settling", 128, 5, -224),
        ("source.outputenableaction", 1, 2, -224),
        ("source.offlimiti", 0.01, 2, 1101),
        ("source.offlimitv", 10, 0.01, 1102),
        ("source.delay", -1, -2, 1102),
        ("measure.highcrangedelayfactor", 20, 100, 1101),
        ("measure.analogfilter", 0, 2, -224),
    ],
)
def test_state_reads_back_and_is_checked(smu_bench, name, good, bad, code):
    smu_bench.send(f"smua.{name} = {good}")
    assert smu_bench.value(f"smua.{name}") == good
    smu_bench.send(f"smua.{name} = {bad}")
    assert smu_bench.error() == code
    assert smu_bench.value(f"smua.{name}") == good


def test_only_dedicated_buffers_are_saved(smu_bench):
    smu_bench.send("smua.savebuffer(smua.nvbuffer1)")
    assert smu_bench.error() == 0
    smu_bench.send("b = smua.makebuffer(3) smua.savebuffer(b)")
    assert smu_bench.error() == 5033


def test_the_delay_is_before_the_first_of_a_count_only(smu_bench):
    """2600BS-901-01 Rev. F p. 9-221."""
    smu_bench.send("smua.measure.autozero = 0 smua.measure.nplc = 0.01")
    smu_bench.send("smua.measure.rangei = 1 smua.measure.delay = 0.5")
    one = smu_bench.time_of("smua.measure.i()")
    smu_bench.send("smua.measure.count = 5")
    five = smu_bench.time_of("smua.measure.i()")
    assert five - one == pytest.approx(4 * (one - 0.5), rel=1e-2)


# -- 2612A -----------------------------------------------------------------------------


@pytest.fixture
def bench_2612a(smu_bench):
    clock = VirtualClock()
    circuit = Circuit(
        clock,
        [["smu.smua", "device.high"], ["device.low", "ground"]],
        smu_bench.device,
    )
    surroundings = Surroundings(
        clock, circuit, np.random.default_rng(1), 50.0, noise=False
    )
    smu_bench.clock, smu_bench.circuit = clock, circuit
    smu_bench.smu = Keithley2612A("smu", surroundings)
    return smu_bench


def test_the_2612a_names_itself(bench_2612a):
    words = bench_2612a.ask("*IDN?").split(", ")
    assert words[:2] == ["Keithley Instruments Inc.", "Model 2612A"]
    assert bench_2612a.ask("print(localnode.model)") == "2612A"
    assert bench_2612a.ask("print(localnode.serialno)") == words[2]
    assert bench_2612a.ask("print(localnode.revision)") == words[3]


def test_the_2612a_defaults(bench_2612a):
    """2600AS-901-01 Rev. B p. 19-115 and 19-139."""
    wanted = "smua.measure.delay, smua.source.rangei, smua.measure.lowrangei"
    assert bench_2612a.values(wanted) == pytest.approx([0, 100e-9, 100e-9])
    bench_2612a.send("smua.source.limiti = 1e-9")
    assert bench_2612a.error() == 1102


def test_the_2612a_measures(bench_2612a):
    bench_2612a.send("smua.source.levelv = 2 smua.source.output = 1")
    assert bench_2612a.value("smua.measure.i()") == pytest.approx(2e-3, rel=1e-4)
    bench_2612a.send("smua.source.levelv = 0.02e-3")
    assert bench_2612a.value("smua.measure.i()") == pytest.approx(2e-8, rel=1e-3)
    assert bench_2612a.value("digio.readport()") == 2**14 - 1
    assert bench_2612a.error() == 0
