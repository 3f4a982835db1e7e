"""The protocols of the perovskite computing units, over VISA on the shipped array."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.bench import load_bench, load_card
from labneuro.cli.measure import plan
from labneuro.data.checks import check_file
from labneuro.data.reader import RunFile
from labneuro.devices.catalog import load_parameters
from labneuro.devices.diode import diode_current
from labneuro.devices.pcu_array import draw_array
from labneuro.errors import BenchConfigError, InstrumentError, RecipeError
from labneuro.instruments.connection import connect
from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.protocols.diode_sweep import Band, DiodeSweep
from labneuro.protocols.incremental_step_pulse import IncrementalStepPulse
from labneuro.protocols.operator_inputs import Grid
from labneuro.protocols.operator_sweep import OperatorSweep
from labneuro.protocols.operator_units import UnitCurve, rotated
from labneuro.protocols.pcu_units import staircase
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.resistive_switching import ResistiveSwitching
from labneuro.protocols.resuming import plots_of
from labneuro.protocols.retention import Retention
from labneuro.protocols.runner import check_plan, resume, run
from labneuro.protocols.vector_matrix_product import VectorMatrixProduct

BENCH = load_bench("pcu-sim")
UNITS = draw_array(load_parameters("pcu", load_card("pcu"), "pcu"), 1)


def measured(protocol, steps=None, seed=4):
    """Execute the first steps of a protocol; return the blocks."""
    check_plan(protocol, BENCH)
    with connect(BENCH, seed=seed) as bench:
        execution = protocol.measurement(bench)
        execution.prepare()
        count = len(protocol.plan(BENCH.device).steps) if steps is None else steps
        blocks = [execution.measure(index) for index in range(count)]
        bench.make_safe()
        assert bench.switch_matrix.closed() == ()
        assert bench.errors() == {"smu": [], "switch": []}
    return blocks


def test_a_diode_is_that_of_the_card_whatever_the_array_around_it():
    """Guarded: the current of D1 behind 1 ohm of relays, to a thousandth."""
    bands = (
        Band(start=-0.2, stop=0.2, points=5, current_range=100e-9),
        Band(start=0.5, stop=0.7, points=3, current_range=1e-3),
    )
    protocol = DiodeSweep(units=(23,), bands=bands)
    first, second = measured(protocol)
    unit = UNITS[5]
    for block, band in ((first, bands[0]), (second, bands[1])):
        expected = diode_current(
            band.levels,
            unit.saturation_current,
            unit.emission_voltage,
            unit.series_resistance + protocol.lead_resistance,
        )
        np.testing.assert_allclose(
            block.rows["current"], expected, rtol=1e-3, atol=3e-12
        )
    np.testing.assert_array_equal(
        second.plots["diodes"]["signal"][0, :5], first.rows["current"]
    )


def test_step_pulses_count_pulses_and_end_at_the_target():
    protocol = IncrementalStepPulse(units=(32,), targets=(30e-6, 10e-6))
    for block, target in zip(measured(protocol), protocol.targets, strict=True):
        rows = block.rows
        assert rows["pulse"].tolist() == list(range(len(rows["pulse"])))
        assert rows["conductance"][-1] == pytest.approx(target, rel=0.02)
        assert rows["amplitude"][0] == 0.0
    assert block.plots["programming"]["signal"][0, 0, 1] == rows["conductance"][-1]
    assert block.plots["programming"]["pulses"][0, 0, 1] == len(rows["pulse"]) - 1


def test_hysteresis_sets_and_resets_and_d2_hides_the_reset_state():
    protocol = ResistiveSwitching(units=(13,), cycles=1, increment=0.05)
    (block,) = measured(protocol)
    kind, current = block.rows["kind"], block.rows["current"]
    unit = UNITS[2]
    assert current[kind == 1][0] == pytest.approx(0.1 * unit.binary_high, rel=2e-3)
    leak = unit.saturation_current * unit.backward_ratio
    reset = leak * -np.expm1(-0.1 / unit.emission_voltage) + 0.1 * unit.binary_low
    assert current[kind == 2][0] == pytest.approx(reset, rel=1e-2)
    volts, swept = block.rows["voltage"][kind == 0], current[kind == 0]
    top = np.argmax(volts)
    assert abs(swept[np.argmin(np.abs(volts[:top] - 0.4))]) < 1e-6
    back = top + np.argmin(np.abs(volts[top : 2 * top] - 0.4))
    assert swept[back] == pytest.approx(0.4 * unit.binary_high, rel=0.01)


@pytest.mark.parametrize("memristor", ["multistate", "binary"])
def test_states_are_kept(memristor):
    """M1 within 1 % over 600 s, M2 within 0.5 % over 1000 s; none starts elsewhere."""
    long = {"multistate": 600.0, "binary": 1000.0}[memristor]
    protocol = Retention(
        memristor=memristor, targets=(50e-6,), duration=long, interval=50.0
    )
    for block in measured(protocol):
        current = np.asarray(block.rows["current"])
        assert len(current) == long / 50.0
        assert np.ptp(current) < 0.012 * current.mean()
        assert block.rows["time"][-1] == pytest.approx(long - 50.0, rel=1e-2)


def test_a_multiplier_multiplies():
    """Three units between 50 and 200 nA: within what their spread makes, 15 %."""
    protocol = OperatorSweep(
        units=(11, 22, 33),
        operators=1,
        repeats=2,
        inputs=Grid(start=0.5, stop=2.0, points=3),
    )
    *prepared, asked = measured(protocol)
    assert [block.rows["unit"][0] for block in prepared] == [11, 22, 33]
    rows = asked.rows
    np.testing.assert_allclose(rows["answer"], rows["ideal"], rtol=0.15)
    np.testing.assert_allclose(rows["ideal"], rows["input"] * rows["second_input"])
    assert asked.plots["codebook"]["signal"].shape == (1, 3, 3)
    assert (asked.plots["codebook"]["deviation"] < 0.01).all()


@pytest.mark.parametrize("operator", ["divider", "exponential", "softmax"])
def test_other_operators_answer(operator):
    """Within the spread of three units; a softmax's share within 0.1."""
    grid = {"start": 0.5, "stop": 2.0, "points": 2}
    protocol = OperatorSweep(
        units=(12, 21, 33), operator=operator, operators=1, repeats=1, inputs=grid
    )
    rows = measured(protocol)[-1].rows
    np.testing.assert_allclose(rows["answer"], rows["ideal"], rtol=0.2)
    if operator == "softmax":
        assert np.abs(rows["answer"] - rows["ideal"]).max() < 0.1


def test_a_gelu_resets_its_first_unit_and_sets_it_again():
    """Within the spread of its units, 15 %; M2 of the first is low-resistive again."""
    protocol = OperatorSweep(
        units=(11, 22, 33, 12),
        operator="gelu",
        operators=1,
        repeats=1,
        inputs=Grid(start=-2.0, stop=2.0, points=5),
        settling=0.02,
    )
    check_plan(protocol, BENCH)
    with connect(BENCH, seed=4) as bench:
        execution = protocol.measurement(bench)
        execution.prepare()
        before = execution.measure(0).rows["current"]
        for index in (1, 2, 3):
            execution.measure(index)
        rows = execution.measure(4).rows
        again = execution.measure(0).rows["current"]
        bench.make_safe()
    answer, ideal = (np.asarray(rows[name], float) for name in ("answer", "ideal"))
    np.testing.assert_allclose(answer, ideal, rtol=0.15, atol=0.03)
    assert answer[2] == 0.0
    # The current of the logarithmic curve at its end: M2 shorts D2 again.
    assert again[-1] == pytest.approx(before[-1], rel=0.02)
    (step,) = protocol.plan(BENCH.device).steps[4:]
    assert step.pulses == 2
    levels = [volts for one in step.levels for volts, _ in one.segments]
    assert (min(levels), max(levels)) == (-0.75, 0.8)


def test_sigmoid_and_softplus_are_in_volts_and_amperes():
    grid = {"start": -0.2, "stop": 0.15, "points": 8}
    changes = {"units": (11,), "operators": 1, "repeats": 1, "inputs": grid}
    sigmoid = OperatorSweep(operator="sigmoid", current_range=100e-9, **changes)
    rows = measured(sigmoid)[-1].rows
    unit = UNITS[0]
    ideal = np.tanh(rows["input"] / (2 * unit.emission_voltage))
    np.testing.assert_allclose(
        rows["answer"], ideal * unit.saturation_current, atol=0.06e-9
    )
    softplus = OperatorSweep(
        operator="softplus", multistate=100e-6, current_range=20e-6, **changes
    )
    answer = measured(softplus)[-1].rows["answer"]
    assert (np.diff(answer) > 0).all()
    assert answer[-1] == pytest.approx(5.55e-6 * np.log1p(np.exp(13.8 * 0.15)), rel=0.1)


def test_a_product_is_the_sum_of_weights_times_voltages():
    protocol = VectorMatrixProduct(vectors=40)
    block = measured(protocol)[-1]
    sums, ideal = (block.plots["products"][key] for key in ("signal", "ideal"))
    assert np.abs(sums - ideal).max() < 0.02 * ideal.max()
    assert (protocol.elements <= protocol.highest).all()
    assert np.isnan(
        VectorMatrixProduct(vectors=2)
        .drawing()
        .add(0, {"current": np.zeros(2)})["products"]["signal"]
    ).all()


def test_a_sweep_that_would_disturb_warns_at_plan():
    """Softplus to 1 V drives 1.469 V across a unit; M1 moves from 0.64 V on."""
    inside = load_recipe("pcu/softplus").protocol
    assert inside.plan(BENCH.device).warnings == ()
    beyond = OperatorSweep(
        operator="softplus",
        multistate=100e-6,
        inputs={"start": -0.5, "stop": 1.0, "points": 4},
    )
    (warning,) = beyond.plan(BENCH.device).warnings
    assert "1.469 V across a unit reprograms M1" in warning
    assert "from 644.9 mV on" in warning
    sigmoid = OperatorSweep(
        operator="sigmoid", inputs={"start": -1.0, "stop": 1.0, "points": 4}
    )
    assert "sets M2" in sigmoid.plan(BENCH.device).warnings[0]
    gelu = OperatorSweep(
        operator="gelu", inputs={"start": -8.0, "stop": 8.0, "points": 3}
    )
    assert "gelu: 699.7 mV across a unit sets M2" in gelu.warnings[-1]
    product = VectorMatrixProduct(highest=0.2)
    assert "dead zone at 150 mV" in product.plan(BENCH.device).warnings[0]


def test_plan_prints_the_warning(capsys):
    plan("pcu/vmm", "pcu-sim", ["highest=0.2 V"], steps=False)
    assert "warning: elements up to 200 mV reprogram M1" in capsys.readouterr().out


def test_a_level_beyond_the_plan_is_refused():
    """A product of 25 uA needs more than the curve's 0.4 V."""
    protocol = OperatorSweep(
        units=(11, 22, 33),
        operators=1,
        curve={"stop": 0.4, "increment": 0.05},
        inputs={"start": 1.0, "stop": 10.0, "points": 2},
    )
    with pytest.raises(InstrumentError, match=r"planned are 0\.4 V; raise curve\.stop"):
        measured(protocol)


def test_a_conflict_is_refused_before_any_output_goes_on(tmp_path):
    """Configure line 1 wired to the same column's net as the word line."""
    text = BENCH.text.replace(
        "    - [device.configure1_11, switch.slot1_column07]\n", ""
    ).replace(
        "[device.word_1, switch.slot1_column01]",
        "[device.word_1, device.configure1_11, switch.slot1_column01]",
    )
    path = tmp_path / "joined.yaml"
    path.write_text(text, encoding="utf-8")
    with connect(load_bench(path), seed=1) as bench:
        execution = IncrementalStepPulse(units=(11,)).measurement(bench)
        with pytest.raises(BenchConfigError, match=r"ground and smu\.smua"):
            execution.prepare()
        smu = bench.drivers["smu"]
        assert isinstance(smu, Keithley2600)
        assert smu.smua.output_enabled is False


def test_needs_a_programming_source_meter_and_a_pcu():
    with pytest.raises(RecipeError, match="measures pcu"):
        check_plan(DiodeSweep(), load_bench("fmes-sim"))
    with (
        connect(load_bench("fmes-sim"), seed=1) as bench,
        pytest.raises(BenchConfigError, match="such as a Keithley 2612A"),
    ):
        DiodeSweep().measurement(bench)


def test_an_overflow_is_no_curve():
    small = Band(start=0.3, stop=0.4, points=2, current_range=100e-9)
    with pytest.raises(InstrumentError, match="raise its current range"):
        measured(DiodeSweep(units=(11,), bands=(small,)))


def test_operators_are_resumed_with_units_programmed_again(lab):
    """As if run through; the units are programmed anew before the next operator."""
    recipe = load_recipe(
        "pcu/multiplier",
        [
            "units=[11, 22, 33]",
            "operators=2",
            "repeats=1",
            "inputs={start: 1, stop: 2, points: 2}",
        ],
    )

    def stop(event):
        if event.done == 4:
            raise KeyboardInterrupt

    path = lab / "x.h5"
    with pytest.raises(KeyboardInterrupt):
        run(recipe, BENCH, path, seed=5, on_progress=stop)
    resume(path)
    assert check_file(path) == []
    with RunFile.open(path) as found:
        assert found.status == "completed"
        readings = found.readings()
        answered = readings["kind"] == 1
        np.testing.assert_allclose(
            readings["answer"][answered], readings["ideal"][answered], rtol=0.15
        )
        told = " ".join(event.message for event in found.events())
        assert "3 units programmed again" in told
        drawn = plots_of(found)["codebook"]["signal"]
        np.testing.assert_array_equal(found.plot("codebook").signal, drawn)


def test_small_helpers():
    assert rotated((11, 12, 13), 2, 2) == (13, 11)
    levels = staircase(0.0, 0.02, -0.01, increment=0.01)
    np.testing.assert_allclose(levels, [0, 0.01, 0.02, 0.01, 0, -0.01], atol=1e-12)
    curve = UnitCurve(np.array([0.0, 0.1]), np.array([0.0, 1e-8]), 1e-9)
    assert curve.volts(np.array([0.0, 1e-8])) == pytest.approx([0.0, 0.1])
    with pytest.raises(InstrumentError, match=r"raise curve\.stop"):
        curve.volts(np.array([2e-8]))


@pytest.mark.parametrize(
    ("protocol", "parameters", "told"),
    [
        (DiodeSweep, {"units": [44]}, "44 is no unit"),
        (DiodeSweep, {"units": [11, 11]}, "given twice"),
        (
            DiodeSweep,
            {
                "bands": [{"start": 0, "stop": 1, "points": 2, "current_range": 1e-3}]
                * 2
            },
            "a level is in two",
        ),
        (ResistiveSwitching, {"stair": 1e-3}, "leaves no time"),
        (Retention, {"interval": 1e-3}, "leaves no time"),
        (Retention, {"duration": 1.0}, "at least the interval"),
        (OperatorSweep, {"units": [11, 12]}, "a multiplier needs at least 3"),
        (
            OperatorSweep,
            {"operator": "gelu", "units": [11, 12, 13]},
            "a gelu needs at least 4",
        ),
        (OperatorSweep, {"inputs": {"start": 0, "stop": 1, "points": 2}}, "above 0"),
        (
            OperatorSweep,
            {"inputs": {"start": 2, "stop": 1, "points": 2}},
            "above start",
        ),
        (VectorMatrixProduct, {"weights": [1e-4]}, "1 for 3 units"),
    ],
)
def test_refuses_parameters(protocol, parameters, told):
    with pytest.raises(ValidationError, match=told):
        protocol.model_validate(parameters)
