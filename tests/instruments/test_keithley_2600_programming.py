"""The 2612A that programs memristors and guards, over VISA on the simulated array."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError, InstrumentError, LimitError
from labneuro.instruments.connection import connect
from labneuro.instruments.matrix_routes import MatrixRoutes
from labneuro.instruments.step_pulses import StepPulses
from labneuro.instruments.stress import METER

PULSES = StepPulses(
    target=50e-6,
    tolerance=0.02,
    first=0.2,
    increment=0.1,
    largest=1.5,
    width=0.02,
    read_voltage=0.01,
    settling=5e-3,
    most=60,
)
M1 = {"smu.smua": ["word_1"], "ground": ["configure1_11"]}


@pytest.fixture(scope="module")
def bench():
    """The shipped array, connected."""
    with connect(load_bench("pcu-sim"), seed=3) as connected:
        yield connected


def route(bench, lines, current_range=20e-6, compliance=2e-3):
    """Route and switch on; return the source meter."""
    meter = bench.source_meter
    meter.configure(
        compliance_current=compliance,
        current_range=current_range,
        power_line_cycles=1.0,
    )
    bench.switch_matrix.connect(MatrixRoutes(bench.config).channels(lines))
    # An output that is off bounds no current: the plan would be refused.
    meter.guard_with(bench.current_pulser, 2e-3)
    meter.output_on()
    return meter


def replayed(amplitudes, conductances, pulses):
    """Return the amplitudes that the readings ask for, by the rule of the protocol."""
    expected, side, amplitude = [0.0], 0, 0.0
    for reading in conductances[:-1]:
        wanted = 1 if reading < pulses.target else -1
        grown = min(amplitude + pulses.increment, pulses.largest)
        amplitude = grown if wanted == side else pulses.first
        side = wanted
        expected.append(wanted * amplitude)
    assert len(expected) == len(amplitudes)
    return expected


def test_step_pulses_reach_the_target_from_both_sides(bench):
    """Every amplitude follows from the reading before; the last one is within 2 %."""
    meter = route(bench, M1)
    for target in (50e-6, 300e-6, 20e-6):
        pulses = StepPulses(**{**vars(PULSES), "target": target})
        found = meter.step_pulses(pulses)
        conductance = found.current / pulses.read_voltage
        assert abs(conductance[-1] / target - 1) <= 0.02
        assert (np.abs(conductance[:-1] / target - 1) > 0.02).all()
        expected = replayed(found.amplitude, conductance, pulses)
        np.testing.assert_allclose(found.amplitude, expected, atol=1e-12)
        assert not found.limited
        # A pulse, a range, a settling and an integration between two readings.
        assert np.diff(found.time).min() > 0.045
    again = meter.step_pulses(pulses)
    assert len(again.current) == 1  # it is there already


def test_step_pulses_give_up(bench):
    """A target out of range: as many pulses as allowed, and no success."""
    meter = route(bench, M1)
    far = StepPulses(**{**vars(PULSES), "target": 1e-2, "largest": 0.3, "most": 4})
    found = meter.step_pulses(far)
    np.testing.assert_allclose(found.amplitude, [0.0, 0.2, 0.3, 0.3, 0.3])


def test_a_pulse_at_the_compliance_is_told(bench):
    meter = route(bench, M1, compliance=20e-6)
    found = meter.step_pulses(StepPulses(**{**vars(PULSES), "target": 400e-6}))
    assert found.limited


def test_levels_are_checked_before_they_are_sent(bench):
    meter = route(bench, M1)
    with pytest.raises(LimitError, match="voltage 4 V is beyond the limit of 3 V"):
        meter.step_pulses(StepPulses(**{**vars(PULSES), "largest": 4.0}))
    with pytest.raises(LimitError, match="500 pulses; 1 to 400 a call"):
        meter.step_pulses(StepPulses(**{**vars(PULSES), "most": 500}))
    assert PULSES.levels(0.02).output == METER
    assert PULSES.levels(0.02).span == (-1.5, 1.5)


def test_a_guard_takes_the_neighbours_current(bench):
    """Without its row four units in reverse add up to 4 I0 to a unit at 0.3 V."""
    lines = {"smu.smua": ["word_2"], "ground": ["bit_2"]}
    others = ["word_1", "word_3", "bit_1", "bit_3"]
    levels = np.array([0.2, 0.3, -0.2])
    alone = route(bench, lines, 1e-6, 1e-6).sweep(levels, 0.02)
    meter = route(bench, {**lines, "smu.smub": others}, 1e-6, 1e-6)
    guarded = meter.sweep(levels, 0.02)
    extra = alone.current - guarded.current
    assert 1e-9 < extra[1] < 4.5e-9
    assert -1.1e-9 < guarded.current[2] < -0.8e-9  # I0 of one diode


def test_a_guarded_sweep_sets_no_neighbour(bench):
    """Between two levels the guard is never below the source: no M2 sees 0.8 V."""
    one = {
        "smu.smua": ["word_3"],
        "ground": ["bit_1"],
        "smu.smub": ["word_1", "word_2", "bit_2", "bit_3"],
    }
    meter = route(bench, one, 1e-6, 1e-6)
    meter.sweep(np.tile([0.4, -0.4], 40), 1e-3)
    other = {**one, "ground": ["bit_2"]}
    other["smu.smub"] = ["word_1", "word_2", "bit_1", "bit_3"]
    beside = route(bench, other, 1e-6, 1e-6).sweep(np.array([0.4]), 0.02)
    assert 0.8e-9 < beside.current[0] < 1.3e-9  # D2's I0: its M2 is still reset


def test_only_the_other_channel_guards(bench):
    meter = bench.source_meter
    meter.configure(compliance_current=1e-3, current_range=1e-3, power_line_cycles=1.0)
    with pytest.raises(BenchConfigError, match="smub, the other channel of the source"):
        meter.guard_with(meter, 1e-3)
    meter.make_safe()
    with pytest.raises(InstrumentError, match="configure it first"):
        meter.guard_with(bench.current_pulser, 1e-3)
