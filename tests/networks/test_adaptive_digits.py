"""Tests of labneuro/networks/adaptive_digits.py and its replay, on few images."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro import calibration
from labneuro.calibration import CalibratedModel
from labneuro.errors import CalibrationError, InputError
from labneuro.networks import adaptive_digits
from labneuro.networks.adaptive_digits import (
    AdaptiveDigitsSettings,
    choose_digits,
    right_answers,
    simulate,
)
from labneuro.networks.adaptive_digits_replay import (
    CurveReplay,
    DeviceReplay,
    branch_parameters,
    make_replay,
    mapped_levels,
)
from labneuro.networks.pulse_update import pulse_curve, resistance_labels

MODEL = Path(__file__).with_name("fmes_model.json")
TOP = 5  # level of the open resistor
QUICK = {
    "epochs": 5,
    "seeds": 1,
    "mapped": (0, 40, 200),
    "mapping": ("levels",),
    "pulses_per_image": (5,),
}


@pytest.fixture(scope="module")
def model():
    return calibration.load(MODEL, "fmes")


def run(model, *, seed=0, progress=None, **changes):
    settings = AdaptiveDigitsSettings(**{**QUICK, **changes})
    return simulate(model, settings, seed=seed, progress=progress)


def without(model, *names):
    """Return a model that lacks every parameter whose name starts so."""
    kept = tuple(one for one in model.parameters if not one.name.startswith(names))
    return model.model_copy(update={"parameters": kept})


def test_mapping_turns_the_trained_digits_into_the_others(model):
    """Before, only the trained digits are known; after, only the others."""
    first, middle, last = run(model).rows
    assert (first.mapped, middle.mapped, last.mapped) == (0, 40, 200)
    assert first.trained_accuracy > 0.8
    assert first.adapted_accuracy < 0.25
    assert last.adapted_accuracy > middle.adapted_accuracy > first.adapted_accuracy
    assert last.adapted_accuracy > 0.6
    assert last.trained_accuracy < 0.5
    assert first.trained_total == first.adapted_total == 400


def test_every_alternative_starts_from_the_same_network(model):
    """Variants share the training; each has its rows, its maps and its name."""
    result = run(
        model, mapping=("levels", "threshold"), pulses_per_image=(1, 5), mapped=(0, 8)
    )
    names = [
        f"{mapping}, {pulses}, curves"
        for mapping in ("levels", "threshold")
        for pulses in ("1 pulse", "5 pulses")
    ]
    assert list(dict.fromkeys(row.variant for row in result.rows)) == names
    assert list(result.adapted_maps) == names
    starts = {(r.trained_correct, r.adapted_correct) for r in result.rows[::2]}
    assert len(starts) == 1
    assert result.trained_maps.shape == (4, 28, 28)
    moved = [np.abs(result.adapted_maps[n] - result.trained_maps).mean() for n in names]
    assert moved[1] > 2 * moved[0]


def test_seed_repeats_everything(model):
    """The same seed gives the same text; seeds count up."""
    first = run(model, seeds=2, epochs=1, mapped=(0, 8))
    assert run(model, seeds=2, epochs=1, mapped=(0, 8)).to_json() == first.to_json()
    second = run(model, seed=1, epochs=1, mapped=(0, 8))
    assert second.rows == first.rows[2:]
    assert second.rows != first.rows[:2]


def test_table_and_json_hold_the_numbers(model):
    """Every row of the summary and the paper's figures are there."""
    result = run(model, epochs=1, mapped=(0, 4))
    table = result.accuracy_table.splitlines()
    assert len(table) == 4
    assert "95%; the others 8% before and 73% after" in table[-1]
    content = json.loads(result.to_json())
    assert content["paper"]["after"] == 0.73
    assert content["rows"][0]["adapted_correct"] == result.rows[0].adapted_correct


def test_progress_counts_training_and_variants(model):
    """Each network is one step to train and one a variant."""
    seen = []
    run(model, epochs=1, mapped=(0,), progress=lambda *step: seen.append(step))
    assert seen == [("network 1 of 1", 1, 2), ("network 1 of 1", 2, 2)]


def test_levels_go_from_the_smallest_resistance_to_the_largest():
    """Brightness in even steps, or a threshold at one half."""
    image = np.array([0, 14, 15, 127, 128, 255], np.uint8)
    assert mapped_levels(image, 10, "levels").tolist() == [0, 0, 1, 4, 5, 9]
    assert mapped_levels(image, 10, "threshold").tolist() == [0, 0, 0, 0, 9, 9]


def test_curves_lead_to_each_resistance_s_own_end(model):
    """The law is the curve's own from below, and the same from above."""
    replay = CurveReplay(model, 0, noise=False)
    labels = resistance_labels(model)
    curves = [pulse_curve(model, label) for label in labels]
    start = np.array([curve.lowest for curve in curves])
    level = np.arange(replay.levels)
    after = replay(start, level, 150)
    np.testing.assert_allclose(after, [curve.highest for curve in curves], rtol=1e-9)
    ends = [curve.upper_end for curve in curves]
    np.testing.assert_allclose(replay(start, level, 10_000), ends, rtol=1e-9)
    high = np.full(replay.levels, curves[-1].upper_end)
    fallen = replay(high, level, 150)
    assert (np.diff(fallen) > 0).all()
    assert fallen[0] < 0.95 * high[0]
    half = replay(replay(start, level, 75), level, 75)
    np.testing.assert_allclose(half, after, rtol=1e-9)


def test_noise_of_a_train_is_that_of_its_pulses(model):
    """One draw for n pulses has the deviation of n single draws."""
    curve = pulse_curve(model, "open")
    devices = np.full(20_000, curve.lowest)
    level = np.full(20_000, TOP)
    at_once = CurveReplay(model, 1, noise=True)(devices, level, 8)
    replay, one_by_one = CurveReplay(model, 2, noise=True), devices
    for _ in range(8):
        one_by_one = replay(one_by_one, level, 1)
    assert at_once.std() == pytest.approx(one_by_one.std(), rel=0.03)
    assert at_once.std() > 2 * curve.pulse_noise * curve.span


def test_device_replay_charges_beside_open_and_drains_beside_500_ohm(model):
    """The solved device does what the curves say, with memory of its branches."""
    replay = DeviceReplay(model, 0, noise=False)
    stored = np.array([0.0, 0.0, 0.1, 0.1])
    level = np.array([0, TOP, 0, TOP])
    after = replay(stored, level, 20)
    assert 0 < after[0] < after[1]
    assert after[2] < after[3]
    assert after[2] < 0.1
    again = replay(after, level, 20)
    assert again[1] > after[1]
    assert again[2] < 0.1


def test_device_replay_starts_at_the_stored_voltage(model):
    """One weak beginning: no pulse of note, so the voltage is what training left."""
    replay = DeviceReplay(model, 0, noise=False)
    stored = np.linspace(-0.01, 0.05, 5)
    after = replay(stored, np.full(5, TOP), 1)
    rise = after - stored
    assert (rise > 0).all()
    assert rise.max() < 0.02


def test_whole_network_adapts_by_the_solved_device(model):
    """Both replays are rows of one result."""
    linear = without(model, "fast_crowding")
    result = run(linear, mapped=(0, 16), replay=("curves", "device"), epochs=2)
    assert [row.variant.split(", ")[2] for row in result.rows] == [
        *("curves", "curves", "device", "device")
    ]
    assert result.rows[3].adapted_accuracy > result.rows[2].adapted_accuracy


def test_what_the_model_lacks_is_told_before_any_work(model, monkeypatch):
    """Branches, curves and resistances are checked before images are read."""
    monkeypatch.setattr(
        adaptive_digits, "load_images", lambda *_, **__: pytest.fail("too late")
    )
    bare = without(model, "fast", "middle", "slow")
    with pytest.raises(CalibrationError, match="were not fitted; replay by curves"):
        run(bare, replay=("device",))
    with pytest.raises(CalibrationError, match="no curve at '7ohm'"):
        run(model, training_resistance="7ohm")
    with pytest.raises(CalibrationError, match="needs 'fmes'"):
        run(CalibratedModel(model="hnno", parameters=()))
    growing = model.model_copy(
        update={
            "parameters": tuple(
                one.model_copy(update={"value": -50.0})
                if one.name == "potentiation_a_open"
                else one
                for one in model.parameters
            )
        }
    )
    with pytest.raises(CalibrationError, match="curve open: potentiation_a < 0"):
        make_replay(growing, "curves", 0, noise=False)


def test_branches_that_were_not_fitted_are_absent(model):
    """A model with one branch is a device with one branch, quiet and alike."""
    one = branch_parameters(without(model, "fast", "middle", "charge_noise"))
    assert one.fast_capacitance == 0
    assert one.slow_capacitance == model["slow_capacitance"]
    assert one.charge_noise == 0


def test_too_few_images_to_map_are_told(model):
    """The message names the digit and how many there are."""
    with pytest.raises(InputError, match=r"mapped: 401 images .* digit 9 has 400"):
        run(model, mapped=(0, 1602), epochs=1)


def test_digits_are_relabelled_by_their_output():
    """Outputs follow the order of the digits; other digits are left out."""
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    found = choose_digits(images, np.array([4, 8, 3, 2], np.uint8), (8, 6, 2, 4))
    assert found.outputs.tolist() == [3, 0, 2]
    assert found.images[:, 0].tolist() == [0, 1, 3]
    voltage = np.zeros((4, 4))
    voltage[:, 0] = 1.0
    assert right_answers(voltage, found) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trained": "8,6"}, "one digit for each"),
        ({"adapted": (9, 5, 7, 8)}, "a digit is given twice"),
        ({"mapped": (0, 8, 8)}, "must rise"),
        ({"mapping": "colour"}, "levels"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    """Digits, counts and names are checked."""
    with pytest.raises(ValidationError, match=message):
        AdaptiveDigitsSettings(**changes)


def test_settings_read_text():
    """Sequences come as text with commas, or as one number, from the command line."""
    settings = AdaptiveDigitsSettings(
        mapped="0,4,40", pulses_per_image=3, replay="curves, device"
    )
    assert settings.mapped == (0, 4, 40)
    assert settings.pulses_per_image == (3,)
    assert settings.replay == ("curves", "device")
