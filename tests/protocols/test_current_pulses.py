"""Protocols with current pulses: what they plan, measure, draw and take up again."""

from __future__ import annotations

import math
from contextlib import contextmanager

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.bench import load_bench
from labneuro.data.reader import RunFile
from labneuro.errors import InstrumentError, LimitError
from labneuro.instruments.connection import connect
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols import runner
from labneuro.protocols.learn_forget import LearnForget
from labneuro.protocols.paired_pulse import PairedPulse
from labneuro.protocols.potentiation_depression import PotentiationDepression
from labneuro.protocols.pulse_response import PulseResponse
from labneuro.protocols.recipe import load_recipe
from labneuro.safety import Limits
from tests.protocols.current_pulse_bench import RESISTORS, execute, fake_bench

SMALL = {
    PotentiationDepression: {"pulses": 3, "cycles": 2, "resistors": RESISTORS},
    PairedPulse: {
        "intervals": [1e-3, 1e-2],
        "repeats": 2,
        "resistors": RESISTORS,
    },
    LearnForget: {
        "phases": [
            {"resistor": "500 ohm", "pulses": 2},
            {"resistor": "open", "pulses": 3},
        ],
        "readings": 4,
        "repeats": 2,
        "resistors": RESISTORS,
    },
    PulseResponse: {
        "currents": [1e-3, -5e-4],
        "widths": [1e-3, 5e-4],
        "repeats": 2,
        "resistors": RESISTORS,
    },
}


@pytest.fixture
def fake():
    """Return a bench of fakes, its log and its pulser."""
    return fake_bench()


@pytest.mark.parametrize("kind", SMALL)
def test_plan_counts_every_pulse_that_is_sent(fake, kind):
    bench, log, _ = fake
    protocol = kind(**SMALL[kind])
    plan = protocol.plan(bench.config.device)
    execute(protocol, bench)
    sent = sum(one.count for what, one in log if what == "pulses")
    assert plan.pulses == sent > 0
    volts = protocol.pulser.compliance_voltage
    assert plan.highest_voltage == volts
    assert plan.duration > len(plan.steps) * protocol.discharge.duration


@pytest.mark.parametrize("kind", SMALL)
def test_the_device_is_discharged_before_each_train(fake, kind):
    """The discharge comes first, and the relays move only between trains."""
    bench, log, _ = fake
    execute(kind(**SMALL[kind]), bench)
    first = [what for what, _ in log].index("output on")
    assert log[first - 1] == ("connect", ("1101",))
    assert log[first + 1 : first + 3] == [
        ("connect", ("1101",)),
        ("watch", (1, 60.0)),
    ]
    closed = [one for what, one in log if what == "connect"]
    assert () in closed


@pytest.mark.parametrize("kind", SMALL)
def test_a_resumed_run_draws_the_same(fake, kind):
    """Plots from the readings alone equal those of the run."""
    bench, _, _ = fake
    protocol = kind(**SMALL[kind])
    blocks = execute(protocol, bench)
    again = protocol.measurement(bench)
    assert again.restore([block.rows for block in blocks[:-1]]) == ""
    again.prepare()
    last = again.measure(len(blocks) - 1)
    for name, arrays in blocks[-1].plots.items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(last.plots[name][key], values)
            assert not np.isnan(values).all()


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize(
    ("fault", "told"),
    [("in_compliance", "compliance_voltage"), ("overflow", "voltage_range")],
)
def test_a_limited_voltage_is_no_reading(fake, kind, fault, told):
    bench, _, pulser = fake
    setattr(pulser, fault, True)
    with pytest.raises(InstrumentError, match=f"raise pulser.{told}"):
        execute(kind(**SMALL[kind]), bench)


def test_cycles_follow_each_other_in_one_call(fake):
    bench, log, _ = fake
    blocks = execute(PotentiationDepression(pulses=2, cycles=12), bench)
    calls = [one.trains for what, one in log if what == "pulses"]
    cycle = ((1e-3, 2), (-1e-3, 2))
    assert calls == [cycle * 10, cycle * 2]
    rows = blocks[0].rows
    assert rows["pulse"][:5].tolist() == [1, 2, 3, 4, 1]
    assert rows["cycle"][[0, 3, 4, 47]].tolist() == [0, 0, 1, 11]
    assert rows["current"][:4].tolist() == [1e-3, 1e-3, -1e-3, -1e-3]
    np.testing.assert_allclose(np.diff(rows["time"]), 2e-3)
    curves = blocks[0].plots["potentiation_depression"]["signal"]
    assert curves.shape == (1, 12, 4)
    np.testing.assert_allclose(curves[0, 1], [0.05, 0.06, 0.07, 0.08])


def test_paired_pulse_divides_second_by_first(fake):
    bench, log, _ = fake
    blocks = execute(PairedPulse(**SMALL[PairedPulse]), bench)
    assert [one.rows["interval"][0] for one in blocks[:2]] == [1e-3, 1e-2]
    assert blocks[-1].rows["resistance"].tolist() == [math.inf, math.inf]
    np.testing.assert_allclose(blocks[0].rows["index"], 2.0)
    found = blocks[-1].plots["paired_pulse"]
    np.testing.assert_allclose(found["signal"], np.full((3, 2), 2.0))
    np.testing.assert_allclose(found["errors"], 0.0, atol=1e-12)
    # From the end of the first pulse to the start of the second.
    periods = [one.period for what, one in log if what == "pulses"]
    assert periods[:2] == [2e-3, 2e-3]


def test_pulse_response_rests_before_each_pulse(fake):
    bench, log, _ = fake
    protocol = PulseResponse(**SMALL[PulseResponse])
    blocks = execute(protocol, bench)
    sent = [one for what, one in log if what == "pulses"]
    assert len(sent) == 3 * 2 * 2 * 2
    assert sent[2].trains == ((1e-3, 1),)
    # The second reading ends one gap after the pulse, whatever its width.
    gaps = {round(one.period - one.width, 9) for one in sent}
    assert gaps == {protocol.gap}
    third = blocks[2].rows
    assert third["current"].tolist() == [-5e-4, -5e-4]
    assert third["width"].tolist() == [1e-3, 1e-3]
    # The fake counts pulses since the last rest: each is the first after one.
    np.testing.assert_allclose(third["peak"], -0.1)
    found = blocks[-1].plots["pulse_response"]
    np.testing.assert_allclose(found["signal"], 0.01)
    np.testing.assert_allclose(found["peak"][:, :, 0], [[0.1, -0.1]] * 3)


def test_learning_switches_the_resistor_in_the_train(fake):
    bench, log, _ = fake
    rows = execute(LearnForget(**SMALL[LearnForget]), bench)[0].rows
    assert rows["phase"].tolist() == [0, 0, 1, 1, 1, -1, -1, -1, -1]
    assert rows["resistance"].tolist() == [500.0] * 2 + [math.inf] * 7
    assert (np.diff(rows["time"]) > 0).all()
    assert np.isnan(rows["peak"]).tolist() == [False] * 5 + [True] * 4
    relays = [one for what, one in log if what == "connect"]
    assert relays[1:5] == [("1101",), ("1101",), (), ()]


@pytest.mark.parametrize("kind", SMALL)
def test_the_plan_refuses_what_the_device_must_not_see(kind):
    bench = load_bench("fmes-sim")
    plan = kind(**SMALL[kind]).plan(bench.device)
    circuit = device_circuit(bench)
    plan.check(bench.safe_limits, circuit)
    largest = {
        one.quantity: one.value for one in plan.extremes(bench.safe_limits, circuit)
    }
    assert largest["voltage"] == 1.0
    # The compliance bounds the voltage, the level the current; 2 ms of overhead.
    assert largest["current"] == 1e-3
    assert largest["charge"] == pytest.approx(3e-6)
    for limits in (Limits(voltage=0.9), Limits(current=0.9e-3), Limits(charge=2e-6)):
        with pytest.raises(LimitError, match=r"step 1 \("):
            plan.check(limits, circuit)


@pytest.mark.parametrize(
    ("kind", "parameters", "told"),
    [
        (PotentiationDepression, {"resistors": {"5 V": "1101"}}, "5 V"),
        (PotentiationDepression, {"resistors": {"0 ohm": "1101"}}, "above 0 ohm"),
        (PotentiationDepression, {"resistors": {}}, "at least 1 item"),
        (PotentiationDepression, {"period": 1e-3}, "longer than width"),
        (PairedPulse, {"intervals": []}, "at least 1 item"),
        (PulseResponse, {"currents": []}, "at least 1 item"),
        (PulseResponse, {"widths": [0.0]}, "greater than 0"),
        (PairedPulse, {"intervals": [0.0]}, "greater than 0"),
        (LearnForget, {"forgetting": "1 kohm"}, "no '1 kohm'; there are open"),
        (LearnForget, {"phases": [{"resistor": "x"}]}, "no 'x'"),
        (LearnForget, {"period": 1e-3}, "longer than width"),
    ],
)
def test_refuses_parameters(kind, parameters, told):
    with pytest.raises(ValidationError, match=told):
        kind.model_validate(parameters)


@pytest.fixture
def simulated():
    """Return a function that connects the simulated bench, with its noise."""

    @contextmanager
    def start():
        with connect(load_bench("fmes-sim"), seed=4) as bench:
            yield bench

    return start


def test_the_pair_over_visa_is_that_of_the_card(simulated):
    """Card: 0.0942 V and 0.1147 V at 7000 ohm, 10 ms; the readings come 0.05 ms early.

    The standard error of an index is 0.006 with ten pairs.
    """
    protocol = PairedPulse(intervals=(10e-3,), repeats=10, resistors={"7 kohm": "1105"})
    with simulated() as bench:
        rows = execute(protocol, bench)[0].rows
        assert bench.errors() == {"smu": [], "switch": []}
    assert rows["first"].mean() == pytest.approx(0.0942, rel=0.04)
    assert rows["second"].mean() == pytest.approx(0.1147, rel=0.04)
    assert rows["index"].mean() == pytest.approx(1.218, abs=0.03)
    assert np.abs(rows["start_voltage"]).max() < 2e-3


def test_the_answer_rises_with_intensity_width_and_resistance(simulated):
    """As the paper says of Figure 2c and d; 0.4 mV of noise, four repetitions."""
    protocol = PulseResponse(
        currents=(0.3e-3, 0.6e-3, 1e-3),
        widths=(0.5e-3, 1e-3, 2e-3),
        repeats=4,
        resistors={"500 ohm": "1101", "open": ""},
    )
    with simulated() as bench:
        found = execute(protocol, bench)[-1].plots["pulse_response"]
    # The residual voltage of the weakest and shortest pulses is below the noise.
    for answer, least in ((found["peak"], 1e-3), (found["signal"][:, 1:, 1:], 0.0)):
        assert (np.diff(answer, axis=1) > least).all()
        assert (np.diff(answer[:, -1:], axis=2) > least).all()
        assert (answer[1, -1:] > answer[0, -1:]).all()


def test_potentiation_into_a_file_over_visa(tmp_path):
    """At 500 Hz; dynamic range above 6 for each resistor, larger without one."""
    recipe = load_recipe(
        "fmes/potentiation",
        ["cycles=1", 'resistors={500 ohm: "1101", open: ""}'],
    )
    path = runner.run(recipe, load_bench("fmes-sim"), tmp_path / "p.h5", seed=5)
    with RunFile.open(path) as run_file:
        rows = run_file.readings()
    residual = rows["residual"].reshape(2, 300)
    time = rows["time"].reshape(2, 300)
    np.testing.assert_allclose(np.diff(time, axis=1), 2e-3, atol=2e-6)
    ranges = residual[:, 140:150].mean(axis=1) / residual[:, 0]
    assert (ranges > 6.0).all()
    assert residual[1, 149] > 1.4 * residual[0, 149]
    assert (residual[:, 299] < 0.0).all()


def test_learning_and_forgetting_over_visa(simulated):
    """Faster once the resistor is away, and almost all is kept for 100 s."""
    protocol = LearnForget(
        phases=(
            {"resistor": "500 ohm", "pulses": 500},
            {"resistor": "open", "pulses": 2000},
        ),
        readings=100,
        resistors=RESISTORS,
        pulser={"voltage_range": 1.0, "power_line_cycles": 0.005},
    )
    with simulated() as bench:
        rows = execute(protocol, bench)[0].rows
    volts, phase = rows["voltage"], rows["phase"]
    slow, fast = (
        np.polyfit(rows["time"][phase == n][100:], volts[phase == n][100:], 1)[0]
        for n in (0, 1)
    )
    assert fast > 1.2 * slow > 0.0
    assert volts[-10:].mean() > 0.9 * volts[phase == -1][:10].mean()
