"""The B1500A's measurement modes, pulses, triggers and program memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.wiring import Circuit

if TYPE_CHECKING:
    from labneuro.sim_backends.drives import Drive


class Bench:
    """SMU 1 with 1 kohm to ground and 1 kohm to SMU 2; SPGU 5 with 50 ohm."""

    def __init__(self):
        self.clock = VirtualClock()
        self.circuit = Circuit(
            self.clock,
            [["it.smu1"], ["it.smu2"], ["it.spgu5_1"]],
            None,
            [
                ("it.smu1", "ground", 1e3),
                ("it.smu1", "it.smu2", 1e3),
                ("it.spgu5_1", "ground", 50.0),
            ],
        )
        generator = np.random.default_rng(1)
        around = Surroundings(self.clock, self.circuit, generator, 50.0, noise=False)
        self.it = AgilentB1500A("it", around)
        self.send("CN 1,2", "DV 1,0,0,0.01", "DV 2,0,0,0.01")

    def send(self, *messages):
        """Send messages."""
        for message in messages:
            self.it.write(message.encode())

    def read(self):
        """Take the one reply that waits."""
        reply = self.it.next_reply()
        assert reply is not None
        assert self.it.next_reply() is None
        return reply.content.decode().removesuffix("\r")

    def ask(self, message):
        """Send a message that has one reply."""
        self.send(message)
        return self.read()

    def measure(self, *messages):
        """Send messages and XE; return statuses with their channel, and numbers."""
        self.send(*messages, "XE")
        items = self.read().split(",")
        assert self.ask("ERRX?") == '+0,"No Error."'
        return [item[:3] for item in items], [float(item[3:]) for item in items]

    def record(self, terminal):
        """Note every level that the drive of a terminal gets, with its time."""
        drive, clock = self.it.drives[terminal], self.clock
        noted: list[tuple[float, float]] = []

        class Noting:
            """The drive, with a note of each level."""

            def __getattr__(self, name):
                return getattr(drive, name)

            def set_level(self, level):
                noted.append((clock.now, level))
                drive.set_level(level)

        self.it.smus[int(terminal[-1])]._drive = cast("Drive", Noting())
        return noted


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize(
    ("mode", "start", "stop", "steps", "levels"),
    [
        (1, 0, 1, 3, [0, 0.5, 1]),
        (3, 0, 1, 3, [0, 0.5, 1, 1, 0.5, 0]),
        (2, 0.01, 1, 3, [0.01, 0.1, 1]),
        (4, -0.01, -1, 3, [-0.01, -0.1, -1, -1, -0.1, -0.01]),
        (1, 0.3, 0.3, 1, [0.3]),
    ],
)
def test_a_staircase_has_its_levels(bench, mode, start, stop, steps, levels):
    """Up and down repeats the last point, as users of the instrument observed."""
    marks, numbers = bench.measure(
        f"WV 1,{mode},0,{start},{stop},{steps},0.01", "CL 2;FMT 1,1;MM 2,1"
    )
    assert bench.ask("WNU?") == str(len(levels))
    assert numbers[1::2] == pytest.approx(levels, abs=1e-6)
    assert numbers[::2] == pytest.approx([v / 1000.3 for v in levels], rel=2e-3)
    assert marks[1::2] == ["WAV"] * (len(levels) - 1) + ["EAV"]


def test_sweep_times_pass_on_the_clock(bench):
    bench.send("CL 2", "RI 1,-18", "WV 1,1,0,0,1,5,0.01", "MM 2,1", "WT 0.5,0.01,0.1")
    before = bench.clock.now
    bench.measure()
    # Hold, then 5 steps of delay and step delay; setting takes 0.2 ms a time.
    assert bench.clock.now - before == pytest.approx(0.5 + 5 * 0.11, abs=3e-3)


@pytest.mark.parametrize(("post", "level"), [(1, 0.2), (2, 1.0)])
def test_the_output_after_a_sweep(bench, post, level):
    bench.measure(f"WM 1,{post}", "WV 1,1,0,0.2,1,5,0.01", "MM 2,1")
    assert float(bench.ask("*LRN? 1").split(",")[2]) == pytest.approx(level)


def test_an_aborted_sweep_goes_to_its_start_and_fills_up(bench):
    bench.send("CL 2")
    marks, numbers = bench.measure("WM 2,2", "WV 1,1,0,0.2,1,5,5E-4", "MM 2,1")
    assert marks == ["NAI", "NAI", "CAI", "VAI", "VAI"]
    assert numbers[3:] == [199.999e99] * 2
    assert float(bench.ask("*LRN? 1").split(",")[2]) == pytest.approx(0.2)


def test_a_power_compliance_limits_the_current(bench):
    bench.send("CL 2")
    marks, numbers = bench.measure("WV 1,1,0,1,10,2,0.01,0.01", "MM 2,1")
    # 10 mW at 10 V are 1 mA, where 1 kohm would take 10 mA.
    assert marks == ["NAI", "CAI"]
    assert numbers[1] == pytest.approx(1e-3, rel=1e-3)


def test_a_current_sweep_with_both_quantities(bench):
    marks, numbers = bench.measure(
        "CL 2", "WI 1,1,0,0,1E-3,3,2", "CMM 1,4", "FMT 1,1", "MM 2,1"
    )
    assert marks[3:6] == ["NAV", "NAI", "WAI"]
    assert numbers[3:6] == pytest.approx([0.5, 0.5e-3, 0.5e-3], rel=1e-3)


def test_synchronous_sources_follow(bench):
    _, numbers = bench.measure(
        "WV 1,1,0,0,1,3,0.01", "WSV 2,0,0,1,0.01", "FMT 1,2", "MM 2,1"
    )
    assert numbers[1::2] == pytest.approx([0, 0.5, 1])
    _, numbers = bench.measure(
        "WV 1,1,0,0,1,3,0.01", "WNX 2,2,1,0,0,2,0.01", "FMT 1,0", "MM 16,1,2"
    )
    assert numbers[1::2] == pytest.approx([0, 0.5e-3, 1e-3], rel=2e-3, abs=1e-6)


def test_a_pulsed_spot_is_a_pulse_of_its_width(bench):
    bench.send("CL 2", "PT 0.1,0.002,0.02", "PV 1,0,0.1,1,0.01", "MM 3,1")
    noted = bench.record("smu1")
    marks, numbers = bench.measure()
    assert numbers == pytest.approx([1 / 1000.3], rel=2e-3)
    (up, high), (down, low) = noted
    assert (high, low) == pytest.approx((1.0, 0.1))
    assert down - up == pytest.approx(2e-3)
    assert bench.clock.now - up == pytest.approx(20e-3)
    assert marks == ["NAI"]


def test_a_pulsed_sweep_returns_to_its_base(bench):
    bench.send("CL 2", "PT 0,0.001,0.01", "PWV 1,1,0,0.1,1,2,3,0.01", "MM 4,1")
    noted = bench.record("smu1")
    _, numbers = bench.measure("FMT 1,1")
    assert numbers[1::2] == pytest.approx([1, 1.5, 2])
    levels = [level for _, level in noted]
    assert levels == pytest.approx([0.1, 1, 0.1, 1.5, 0.1, 2, 0.1])


def test_a_pulsed_bias_beside_a_staircase(bench):
    _, numbers = bench.measure(
        "PT 0,0.001,0.01", "PV 2,0,0,1,0.01", "WV 1,1,0,0,1,3,0.01", "MM 5,2"
    )
    assert numbers == pytest.approx([1e-3, 0.5e-3, 0], rel=2e-3, abs=1e-6)


def test_sampling_is_spaced_by_its_interval(bench):
    bench.send("CL 2", "TSC 1", "FMT 1,1", "MM 10,1", "MT 0.1,0.01,4,0.2", "TSR")
    marks, numbers = bench.measure("MV 1,0,0,0.5,0.01")
    assert marks[:3] == ["NZX", "NAT", "NAI"]
    assert numbers[::3] == [1, 2, 3, 4]
    assert np.diff(numbers[1::3]) == pytest.approx([0.01] * 3)
    assert numbers[1] == pytest.approx(0.3, abs=1e-3)
    assert numbers[2::3] == pytest.approx([0.5 / 1000.3] * 4, rel=2e-3)


def test_logarithmic_sampling_and_bias_after_the_start(bench):
    bench.send("CL 2", "TSC 1", "ML 2", "MM 10,1", "MT 0,0.01,11", "RI 1,-17")
    _, numbers = bench.measure("MV 1,0,0,0.5,0.01")
    times = np.array(numbers[::2]) - numbers[0]
    assert times[-1] == pytest.approx(0.01 * 9)
    assert np.diff(np.log(times[1:] + 0.01)) == pytest.approx(np.log(10) / 10, rel=1e-4)
    bench.send("ML 1", "MT -0.001,0.0005,4")
    _, numbers = bench.measure()
    assert numbers[1::2] == pytest.approx([0, 0, 0.5e-3, 0.5e-3], rel=2e-3, abs=1e-6)


def test_samples_that_come_too_late_are_left_out(bench):
    bench.send("CL 2", "AV -1", "FMT 1,1", "MM 10,1", "MT 0,0.01,6", "RI 1,-17")
    _, numbers = bench.measure("MV 1,0,0,0.5,0.01")
    assert numbers[::2] == [1, 3, 5]


# -- program memory and triggers -------------------------------------------------------


def test_a_program_runs_with_its_variables(bench):
    bench.send("CL 2", "ST 3;DV 1,0,%R1,0.01;TI 1,-17;END", "VAR 1,1,0.5", "DO 3")
    assert float(bench.read()[3:]) == pytest.approx(0.5 / 1000.3, rel=1e-3)
    assert bench.ask("LST? 3") == "ST3;DV1,0,%R1,0.01;TI1,-17;END"
    assert bench.ask("LST?") == "1,3"
    bench.send("SCR 3", "DO 3")
    assert bench.ask("ERRX? 1") == "+120"


def test_what_cannot_be_stored_is_refused(bench):
    bench.send("ST 1;TI 1,0;*IDN?;END")
    assert bench.it.next_reply() is None
    assert bench.ask("LST? 1") == "ST1;TI1,0;END"
    assert bench.ask("ERRX? 1") == "+120"


def test_a_pause_passes_on_the_clock(bench):
    before = bench.clock.now
    bench.send("PA 1.23456")
    assert bench.clock.now - before == pytest.approx(1.2346)


def test_a_pause_without_end_waits_for_its_trigger(bench):
    bench.send("TM 3;PA;TSQ")
    assert bench.it.next_reply() is None
    assert bench.it.status_byte() & 2
    bench.it.trigger_in("ext_in")
    assert bench.read().startswith("NZT")
    bench.send("PA;TSQ")
    bench.it.clear()
    assert bench.it.status_byte() == 16
    assert bench.it.next_reply() is None


def test_triggers_go_out(bench):
    sent = []
    bench.it.trigger_lines["ext_out"].append(lambda: sent.append("ext"))
    bench.it.trigger_lines["dio3"].append(lambda: sent.append("dio3"))
    bench.send("TGP 3,2,1,0", "OSX -2", "OSX 3", "OSX 3,0", "OSX 3,1", "OS")
    assert sent == ["ext", "dio3", "dio3", "ext"]
    sent.clear()
    bench.send("TM 3", "TGP -2,2,2,3", "WV 1,1,0,0,1,4,0.01", "MM 2,1", "XE")
    assert sent == ["ext"] * 4


def test_an_external_trigger_starts_a_measurement(bench):
    bench.send("TM 3", "MM 1,1,2")
    bench.it.trigger_in("ext_in")
    assert len(bench.read().split(",")) == 2
    bench.it.group_trigger()
    assert bench.it.next_reply() is None
    bench.send("TM 1")
    bench.it.group_trigger()
    assert len(bench.read().split(",")) == 2


# -- pulse generator -------------------------------------------------------------------


def pulses(bench, *settings):
    """Start pulses of 1 ms with 0.5 ms at 2 V into 50 ohm."""
    bench.send(
        "CN 501;SPPER 1E-3;SPT 501,1,0,5E-4,2E-8;SPV 501,1,0.5,2",
        *settings,
        "SPUPD 501",
        "SRP",
    )
    assert bench.ask("ERRX? 1") == "+0"
    return bench.it.drives["spgu5_1"]


def test_pulses_are_seen_on_the_circuit(bench):
    drive = pulses(bench, "SPRM 1,3")
    assert bench.ask("SPST?") == "1"
    halves = [bench.circuit.measure(drive, 0.5e-3).voltage for _ in range(8)]
    assert halves == pytest.approx([2, 0.5] * 3 + [0.5, 0.5], rel=1e-3)
    assert bench.ask("SPST?") == "0"


def test_a_pulse_longer_than_its_period_is_refused(bench):
    drive = pulses(bench, "SPRM 1,1000")
    bench.send("SPP", "SPPER 4E-4", "SRP")
    assert bench.ask("ERRX? 1") == "+120"
    assert bench.circuit.measure(drive, 1e-3).voltage == pytest.approx(0.5)


def test_a_duration_ends_the_pulses_and_a_stop_too(bench):
    drive = pulses(bench, "SPRM 2,0.002")
    mean = bench.circuit.measure(drive, 2e-3).voltage
    assert mean == pytest.approx(1.25, rel=1e-3)
    assert bench.circuit.measure(drive, 1e-3).voltage == pytest.approx(0.5)
    bench.send("SPRM 0", "SRP")
    assert bench.circuit.measure(drive, 0.1).voltage == pytest.approx(1.25, rel=1e-3)
    bench.send("SPP")
    assert bench.circuit.measure(drive, 1e-3).voltage == pytest.approx(0.5)


def test_the_load_setting_scales_the_open_voltage(bench):
    drive = pulses(bench, "SER 501,1E6;SPV 501,1,0,4", "SPRM 1,1")
    assert bench.circuit.measure(drive, 0.4e-3).voltage == pytest.approx(2, rel=1e-3)


def test_two_sources_make_three_levels(bench):
    drive = pulses(bench, "SPM 501,3;SPT 501,2,2E-4,1E-4,2E-8;SPV 501,2,0,1")
    bench.circuit.measure(drive, 0.1e-3)
    levels = [bench.circuit.measure(drive, 0.0).voltage]
    for step in (0.15e-3, 0.1e-3, 0.3e-3):
        bench.circuit.measure(drive, step)
        levels.append(bench.circuit.measure(drive, 0.0).voltage)
    assert levels == pytest.approx([2, 3, 2, 0.5], rel=1e-3)
