"""Endurance: which cycles are measured, what is sent in between, and the wear."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from labneuro import workspace
from labneuro.bench import load_bench
from labneuro.errors import LimitError
from labneuro.instruments.connection import connect
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols.endurance import Endurance
from labneuro.safety import Limits
from tests.protocols.current_pulse_bench import execute, fake_bench

SMALL = Endurance(
    pulses=2,
    measured_cycles=3,
    silent_cycles=4,
    resistors={"8 kohm": "1106", "open": ""},
)


def test_every_fifth_cycle_is_measured():
    bench, log, _ = fake_bench()
    blocks = execute(SMALL, bench)
    sent = [one for what, one in log if what == "pulses"]
    assert [one.silent for one in sent] == [0, 4, 4, 0, 4, 4]
    assert {one.trains for one in sent} == {((1e-3, 2), (-1e-3, 2))}
    assert [one.rows["cycle"][0] for one in blocks] == [0, 5, 10, 0, 5, 10]
    before = [one.rows["pulses_before"][0] for one in blocks]
    assert before == [0, 20, 40, 44, 64, 84]
    assert SMALL.plan(bench.config.device).pulses == sum(one.sent for one in sent)
    assert sum(one.sent for one in sent) == 88
    assert blocks[1].rows["current"].tolist() == [1e-3, 1e-3, -1e-3, -1e-3]


def test_the_device_is_discharged_before_the_first_cycle_only():
    bench, log, _ = fake_bench()
    blocks = execute(SMALL, bench)
    known = [bool(np.isfinite(one.rows["start_voltage"]).all()) for one in blocks]
    assert known == [True, False, False, True, False, False]
    relays = [one for what, one in log if what == "connect"]
    assert relays == [("1101",), ("1101",), ("1106",), ("1101",), ()]


def test_a_resumed_run_discharges_anew_and_draws_the_same():
    bench, log, _ = fake_bench()
    blocks = execute(SMALL, bench)
    again = SMALL.measurement(bench)
    told = again.restore([one.rows for one in blocks[:4]])
    assert told == "the run had counted on 64 pulses before the next measured cycle"
    again.prepare()
    del log[:]
    resumed = again.measure(4)
    assert [what for what, _ in log] == ["connect", "watch", "connect", "pulses"]
    assert log[-1][1].silent == 4
    assert np.isfinite(resumed.rows["start_voltage"]).all()
    drawn, whole = (one.plots["endurance"] for one in (resumed, blocks[-1]))
    for name, values in whole.items():
        np.testing.assert_array_equal(drawn[name][0], values[0])
        assert np.isfinite(drawn[name][1, :2]).all()
        assert np.isnan(drawn[name][1, 2])
    np.testing.assert_allclose(
        whole["signal"], whole["highest"] - whole["lowest"], atol=1e-15
    )


def test_silent_pulses_count_for_the_limits():
    """88 pulses at the compliance of 1 V, each of 1 ms and 2 ms of overhead."""
    bench = load_bench("fmes-sim")
    plan, circuit = SMALL.plan(bench.device), device_circuit(bench)
    exposure = {
        one.quantity: one.value for one in plan.extremes(bench.safe_limits, circuit)
    }["exposure"]
    assert exposure == pytest.approx(88 * 3e-3, rel=0.05)
    with pytest.raises(LimitError):
        plan.check(Limits(exposure=0.5 * exposure), circuit)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"period": 1e-3}, "longer than width"),
        ({"measured_cycles": 1}, "greater than or equal to 2"),
        ({"silent_cycles": -1}, "greater than or equal to 0"),
    ],
)
def test_refuses_parameters(parameters, told):
    with pytest.raises(ValidationError, match=told):
        Endurance.model_validate(parameters)


@pytest.fixture
def worn(tmp_path):
    """Return a function: range of each measured cycle, and the time of two steps."""

    def measure(fade):
        content = yaml.safe_load(workspace.find("bench", "fmes-sim").read_text())
        content["simulation"] |= {
            "card": "fmes-2b",
            "noise": False,
            "overrides": {"charge_noise": 0, "capacitance_fade": fade, "fade_onset": 1},
        }
        path = tmp_path / "bench.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        protocol = Endurance(
            current=0.5e-3, pulses=10, measured_cycles=3, silent_cycles=4
        )
        with connect(load_bench(path), seed=1) as bench:
            clock = bench.current_pulser
            run = protocol.measurement(bench)
            run.prepare()
            run.measure(0)
            start = clock.watch(1, 1e-3).start
            blocks = [run.measure(1), run.measure(2)]
            taken = clock.watch(1, 1e-3).start - start
            assert bench.errors() == {"smu": [], "switch": []}
        for block in blocks:
            np.testing.assert_allclose(np.diff(block.rows["time"]), 2e-3, atol=2e-6)
        return blocks[-1].plots["endurance"]["signal"][0], taken

    return measure


def test_silent_pulses_wear_the_device_at_their_pace(worn):
    """A device that charges faster with every decade of pulses has a wider range.

    Without any noise; two steps of five cycles of 20 pulses, 2 ms each, and messages.
    """
    fresh, _ = worn(0.0)
    swing, taken = worn(0.5)
    assert taken == pytest.approx(0.4, rel=0.1)
    assert swing[1] > 1.05 * fresh[1] > 0.0
    assert swing[2] / fresh[2] > swing[1] / fresh[1] > swing[0] / fresh[0] > 1.0
