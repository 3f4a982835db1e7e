"""Measure over VISA, store, validate, fit, and compare with the card."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from labneuro.analysis.resistance import resistance_of_run
from labneuro.bench import load_bench, load_card
from labneuro.calibration import load
from labneuro.cli.main import main
from labneuro.data.reader import RunFile
from labneuro.devices.catalog import load_parameters
from labneuro.errors import InstrumentError
from labneuro.instruments.connection import ConnectedBench
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def readings(path):
    """Return the readings of a run file as bytes, by column."""
    with RunFile.open(path) as run_file:
        return {name: column.tobytes() for name, column in run_file.readings().items()}


@pytest.fixture(scope="module")
def state_map(tmp_path_factory):
    """Return a state map measured by the command line."""
    path = tmp_path_factory.mktemp("runs") / "x.h5"
    words = ["run", "hnno/state-map", "--bench", "hnno-sim", "--seed", "7"]
    assert main([*words, "--out", str(path)]) == 0
    return path


def test_the_run_file_is_valid_and_shows_itself(state_map, capsys):
    assert main(["data", "validate", str(state_map)]) == 0
    assert main(["data", "show", str(state_map)]) == 0
    shown = capsys.readouterr().out
    assert "StateMap" in shown
    assert "Keithley 2636B" in shown or "MODEL 2636B" in shown.upper()


def test_the_fit_finds_the_card(state_map, tmp_path):
    """Every parameter within five standard errors; a false alarm once in 10^5."""
    model_path = tmp_path / "m.json"
    words = ["fit", str(state_map), "--model", "hnno", "--out", str(model_path)]
    assert main(words) == 0
    model = load(model_path, "hnno")
    card = load_parameters("hnno", load_card("hnno"), "hnno")
    truth = {
        "midpoint": card.midpoint,
        "slope": card.slope,
        "floor_field": card.floor_field,
        "saturation_shift": card.saturation_shift,
        "shift_field_scale": card.shift_field_scale,
        "sensitization_pulses": card.sensitization_time / card.reference_pulse_width,
    }
    for name, value in truth.items():
        fitted = model.parameter(name)
        assert fitted.standard_error is not None
        assert abs(fitted.value - value) < 5 * fitted.standard_error, name
    assert model.goodness_of_fit["initial_state_p_value"] > 1e-4
    assert model.source_runs[0].path.endswith("x.h5")


def test_the_small_signal_resistance_is_the_devices(tmp_path):
    """Within 15 % of the card: five standard deviations from cycle to cycle."""
    path = tmp_path / "r.h5"
    run(load_recipe("hnno/resistance"), load_bench("hnno-sim"), path, seed=3)
    with RunFile.open(path) as run_file:
        fitted = resistance_of_run(run_file).resistance
    card = load_parameters("hnno", load_card("hnno"), "hnno")
    assert fitted.value == pytest.approx(card.resistance, rel=0.15)
    assert fitted.standard_error is not None
    assert fitted.standard_error < 1e-3 * fitted.value


def test_one_seed_gives_identical_readings_and_another_does_not(tmp_path):
    recipe, bench = load_recipe("hnno/firing"), load_bench("hnno-sim")
    first = readings(run(recipe, bench, tmp_path / "a.h5", seed=5))
    again = readings(run(recipe, bench, tmp_path / "b.h5", seed=5))
    other = readings(run(recipe, bench, tmp_path / "c.h5", seed=6))
    assert first == again
    assert first["current"] != other["current"]


def test_a_field_beyond_the_limit_is_refused_before_anything_is_touched(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("labneuro.protocols.runner.connect", None)
    path = tmp_path / "x.h5"
    words = ["run", "hnno/firing", "--bench", "hnno-sim", "--out", str(path)]
    assert main([*words, "--set", "pulse_fields.stop=0.4 V/um"]) == 3
    message = capsys.readouterr().err.strip()
    assert "\n" not in message
    assert "step 7" in message
    assert "voltage 6.425 V is beyond the limit of 6 V" in message
    assert not path.exists()


class _StopError(Exception):
    pass


def test_an_exception_in_a_run_leaves_outputs_off_and_keeps_what_was_measured(
    tmp_path, monkeypatch
):
    """The bench is asked over VISA, after the failure, whether its outputs are off."""
    states = {}
    original = ConnectedBench.make_safe

    def make_safe_and_ask(bench):
        original(bench)
        smu, afg = bench.drivers["smu"], bench.drivers["afg"]
        states["smu"] = float(smu.ask("print(smua.source.output)"))
        states["afg"] = int(afg.ask("OUTPut1:STATe?"))

    def fail(event):
        if event.done == 2:
            raise _StopError

    monkeypatch.setattr(ConnectedBench, "make_safe", make_safe_and_ask)
    recipe, bench = load_recipe("hnno/firing"), load_bench("hnno-sim")
    path = tmp_path / "x.h5"
    with pytest.raises(_StopError):
        run(recipe, bench, path, seed=1, on_progress=fail)
    assert states == {"smu": 0.0, "afg": 0}
    with RunFile.open(path) as run_file:
        assert np.unique(run_file.readings()["step"]).tolist() == [0, 1]
        assert "failed" in run_file.status


def test_a_wrong_instrument_at_the_address_is_refused(tmp_path):
    shipped = load_bench("hnno-sim")
    text = shipped.text.replace("model: Keithley 2636B", "model: X", 1)
    text = text.replace("model: Tektronix AFG31000", "model: Keithley 2636B", 1)
    text = text.replace("model: X", "model: Tektronix AFG31000", 1)
    path = tmp_path / "swapped.yaml"
    path.write_text(text, encoding="utf-8")
    recipe = load_recipe("hnno/resistance")
    with pytest.raises((InstrumentError, ValueError)):
        run(recipe, load_bench(path), tmp_path / "x.h5")
    assert not (tmp_path / "x.h5").exists()


def test_intervals_cover_the_truth_of_drawn_devices():
    """Fewer than 33 of 40 hits in any of three is a false alarm once in 460."""
    name = BENCHMARKS / "interval_coverage.py"
    spec = importlib.util.spec_from_file_location("interval_coverage", name)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    hits = script.coverage(40)
    assert set(hits) == {"midpoint", "slope", "threshold"}
    assert min(hits.values()) >= 33
