"""ThresholdSwitching: the staircase over VISA, and what cannot be swept."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.analysis.threshold_switch_data import switching_of
from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError, FitError, InstrumentError
from labneuro.instruments.connection import connect
from labneuro.protocols.threshold_switching import ThresholdSwitching


def test_cycles_over_visa_switch_on_and_off():
    """Card: on between 0.25 V and 0.45 V at 20 V/s, off below 0.1 V; 2 kohm when on.

    At 2.5 V the transistor has 19 ohm.
    """
    protocol = ThresholdSwitching(cycles=3, gate_voltage=2.5)
    with connect(load_bench("ts-sim"), seed=2) as bench:
        run = protocol.measurement(bench)
        run.prepare()
        blocks = [run.measure(index) for index in range(3)]
        assert bench.errors() == {"smu": []}
    current = np.array([block.rows["current"] for block in blocks], dtype=float)
    seen = switching_of(current, protocol.levels, protocol.switching_current)
    assert ((seen.threshold.low > 0.25) & (seen.threshold.high < 0.45)).all()
    assert np.allclose(seen.threshold.high - seen.threshold.low, 0.01)
    assert (seen.hold.high < 0.1).all()
    assert current[:, 80] == pytest.approx(0.8 / 22e3, rel=0.02)
    again = protocol.drawing()
    for index, block in enumerate(blocks):
        drawn = again.add(index, block.rows)
    np.testing.assert_array_equal(
        drawn["current_voltage"]["signal"],
        blocks[-1].plots["current_voltage"]["signal"],
    )


def test_the_gate_limits_the_current_and_leaves_the_threshold():
    """0.104 A/V^2 / 2 (20 mV)^2 = 20.8 uA; the same stairs as at 2.5 V."""
    seen, plateau = [], []
    for gate in (2.02, 2.5):
        protocol = ThresholdSwitching(cycles=3, gate_voltage=gate)
        with connect(load_bench("ts-sim"), seed=2) as bench:
            run = protocol.measurement(bench)
            run.prepare()
            blocks = [run.measure(index) for index in range(3)]
        current = np.array([block.rows["current"] for block in blocks], dtype=float)
        found = switching_of(current, protocol.levels, protocol.switching_current)
        seen.append(found.threshold.low)
        plateau.append(current[:, 60:101].mean())
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-9)
    assert plateau[0] == pytest.approx(20.8e-6, rel=0.02)
    assert plateau[1] > 1.5 * plateau[0]


def test_a_bench_without_a_gate_supply_is_told(write):
    text = load_bench("ts-sim").text.replace("  gate_supply: smu.smub\n", "")
    bench = load_bench(write("no-gate.yaml", text))
    protocol = ThresholdSwitching(gate_voltage=2.02)
    with (
        connect(bench, seed=2) as connected,
        pytest.raises(
            BenchConfigError, match=r"roles\.gate_supply: this key is missing"
        ),
    ):
        protocol.measurement(connected)


def test_the_gate_is_in_the_plan():
    plan = ThresholdSwitching(gate_voltage=2.02).plan(load_bench("ts-sim").device)
    assert max(plan.steps[0].voltages) == 2.02


def test_noise_that_would_count_as_switching_is_refused():
    protocol = ThresholdSwitching(switching_current=1e-7, gate_voltage=2.5)
    with connect(load_bench("ts-sim"), seed=2) as bench:
        run = protocol.measurement(bench)
        with pytest.raises(InstrumentError, match="raise switching_current"):
            run.prepare()


def test_both_voltages_are_known_by_a_stair():
    levels = np.array([0.0, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0])
    on = np.array([[0, 0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0, 0], [0] * 7], dtype=float)
    seen = switching_of(on, levels, 0.5)
    np.testing.assert_allclose(seen.threshold.low, [0.2, 0.1])
    np.testing.assert_allclose(seen.threshold.high, [0.3, 0.2])
    np.testing.assert_allclose(seen.hold.low, [0.0, 0.1])
    np.testing.assert_allclose(seen.hold.high, [0.1, 0.2])
    assert seen.never == 1
    with pytest.raises(FitError, match="no cycle switched"):
        switching_of(0.0 * on, levels, 0.5)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"increment": 0.5}, "must make the top"),
        ({"rate": 1000.0}, "leaves no time"),
        ({"switching_current": 1e-3}, "below current_range"),
    ],
)
def test_refuses_parameters(parameters, told):
    with pytest.raises(ValidationError, match=told):
        ThresholdSwitching.model_validate(parameters)
