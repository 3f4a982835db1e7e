"""Tests of labneuro/networks/pulse_update.py."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from labneuro import calibration
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.errors import CalibrationError
from labneuro.networks.pulse_update import (
    PulseCurve,
    SynapseArray,
    pulse_curve,
    resistance_labels,
)

MODEL = Path(__file__).with_name("fmes_model.json")
CURVE = PulseCurve("open", 60.0, 30.0, -0.01, 0.05, 150.0, 0.0)


def changed(**changes):
    return PulseCurve(**{**vars(CURVE), **changes})


def closed_form(curve, count, *, up=True):
    """Return the voltage after `count` pulses from the end of the range."""
    a = curve.potentiation_a if up else curve.depression_a
    b = curve.span / (1 - np.exp(-curve.pulses / a))
    rise = b * (1 - np.exp(-count / a))
    return curve.lowest + rise if up else curve.highest - rise


def set_to(array, volts):
    array.voltage[:] = float(np.float32(volts))


def test_model_lists_its_resistances_in_order():
    """Labels come from the parameters: rising in ohm, open last."""
    model = calibration.load(MODEL, "fmes")
    labels = resistance_labels(model)
    assert labels == ["500ohm", *(f"{k}000ohm" for k in (1, 2, 4, 8)), "open"]
    curve = pulse_curve(model, "8000ohm")
    assert curve.potentiation_a == model["potentiation_a_8000ohm"]
    assert curve.spread["highest"] == model.population_spread["highest_8000ohm"]
    assert curve.resistance == 8000
    assert pulse_curve(model, "open").resistance == math.inf


@pytest.mark.parametrize("a", [6.0, 60.0, 1e9, -50.0])
@pytest.mark.parametrize("up", [True, False])
def test_pulses_follow_the_closed_form(a, up):
    """From an end of the range n pulses give G(P), one by one or all at once."""
    curve = changed(potentiation_a=a, depression_a=a)
    array = SynapseArray(curve, 1, 2, 0)
    set_to(array, curve.lowest if up else curve.highest)
    sign = 1.0 if up else -1.0
    for count in (1, 2, 40, 150):
        if count <= 2:
            array.pulse(torch.tensor([[sign, 0.0]]), 0, count)
        both = torch.tensor([[0.0, sign * (count - (count == 2))]])
        if count <= 2:
            array.pulse(torch.tensor([[0.0, sign]]), 1, count)
        else:
            set_to(array, curve.lowest if up else curve.highest)
            array.pulse(both + torch.tensor([[sign * count, 0.0]]), 2, count)
        wanted = closed_form(curve, count, up=up)
        np.testing.assert_allclose(array.voltage.numpy(), wanted, atol=2e-7)


def test_one_pulse_from_anywhere_starts_at_the_present_voltage():
    """The position on the curve is the voltage's own, whatever led there."""
    array = SynapseArray(CURVE, 1, 1, 0)
    set_to(array, closed_form(CURVE, 33.5))
    array.pulse(torch.tensor([[1.0]]), 0)
    assert float(array.voltage) == pytest.approx(closed_form(CURVE, 34.5), abs=1e-7)
    array.pulse(torch.tensor([[-1.0]]), 1)
    down = 1 - math.exp(-1 / CURVE.depression_a)
    start = closed_form(CURVE, 34.5)
    wanted = start + down * (CURVE.lower_end - start)
    assert float(array.voltage) == pytest.approx(wanted, abs=1e-7)


def test_alternating_pulses_lead_to_the_symmetry_point():
    """There a pulse up and a pulse down cancel."""
    array = SynapseArray(CURVE, 4, 5, 3)
    for step in range(600):
        array.pulse(torch.full((4, 5), 1.0 if step % 2 else -1.0), step)
    swing = CURVE.span / 30
    assert CURVE.lowest < CURVE.symmetry_point < 0.02
    np.testing.assert_allclose(array.voltage, CURVE.symmetry_point, atol=swing)
    assert changed(depression_a=60.0).symmetry_point == pytest.approx(0.02)


def test_bounds_hold_with_noise_and_many_pulses():
    """No pulse leads out of a device's own range."""
    curve = changed(pulse_noise=0.3, spread={"highest": 0.005, "lowest": 0.005})
    array = SynapseArray(curve, 30, 30, 0)
    low, high = array.steps[..., 4], array.steps[..., 5]
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        array.pulse(20 * torch.randn(30, 30, generator=generator), step)
        assert bool((array.voltage >= low).all() and (array.voltage <= high).all())
    assert float((array.voltage == high).float().mean()) > 0.05


def test_fractions_are_rounded_at_random_without_bias():
    """0.3 pulses are one in 30 % of cases, 1.75 are two in 75 %."""
    array = SynapseArray(CURVE, 200, 200, 0)
    for request in (0.3, -1.75, 0.0, 2.0):
        sent = array.pulse(torch.full((200, 200), request), 5).numpy()
        assert set(np.unique(np.abs(sent))) <= {
            math.floor(abs(request)),
            math.ceil(abs(request)),
        }
        assert sent.mean() == pytest.approx(request, abs=4 * 0.5 / 200)


def test_noise_has_the_stated_deviation():
    """One pulse varies by pulse_noise times the range, a device's noise its own."""
    curve = changed(pulse_noise=0.01)
    array = SynapseArray(curve, 200, 200, 0)
    set_to(array, 0.02)
    array.pulse(torch.ones(200, 200), 7)
    change = array.voltage.numpy() - 0.02
    mean = (1 - math.exp(-1 / 60)) * (curve.upper_end - 0.02)
    assert change.std() == pytest.approx(0.01 * curve.span, rel=0.02)
    assert change.mean() == pytest.approx(mean, abs=4 * 0.01 * curve.span / 200)
    left, right = change[:, :-1].ravel(), change[:, 1:].ravel()
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


def test_devices_start_evenly_and_differ_by_the_spread():
    """The first voltages fill the range; drawn ranges have the stated deviation."""
    curve = changed(spread={"highest": 0.002, "potentiation_a": 5.0})
    array = SynapseArray(curve, 200, 200, 0)
    high = array.steps[..., 5].numpy()
    assert high.std() == pytest.approx(0.002, rel=0.03)
    share = (array.voltage.numpy() - curve.lowest) / (high - curve.lowest)
    counts, _ = np.histogram(share, 10, (0, 1))
    assert counts.min() > 3700
    assert counts.max() < 4300
    alike = SynapseArray(curve, 200, 200, 0, spread=False)
    assert alike.steps[..., 5].min() == alike.steps[..., 5].max()
    factors = array.steps[..., 0].numpy()
    assert -1 / np.log(factors).mean() == pytest.approx(60, rel=0.02)


def test_same_seed_same_pulses_other_seed_others():
    """Rounding and noise repeat by seed and path."""

    def run(seed, *path):
        array = SynapseArray(changed(pulse_noise=0.01), 10, 10, 0)
        array.pulse(torch.full((10, 10), 0.5), seed, *path)
        return array.voltage

    assert torch.equal(run(1, 2), run(1, 2))
    assert not torch.equal(run(1, 2), run(2, 2))
    assert not torch.equal(run(1, 2), run(1, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"potentiation_a": 0.0}, "potentiation_a must not be 0"),
        ({"highest": -0.02}, "must be above lowest"),
        ({"pulses": 0.5}, "pulses must be 1 or more"),
        ({"pulse_noise": -1e-3}, "pulse_noise must not be negative"),
    ],
)
def test_impossible_curves_are_refused(changes, message):
    """The message names the curve and the number."""
    with pytest.raises(CalibrationError, match=f"curve open: .*{message}"):
        changed(**changes)


def test_unsuitable_models_are_refused():
    """Another device, no curves, an unknown resistance, a missing number."""
    one = FittedParameter(
        name="potentiation_a_open", unit="", value=50.0, standard_error=None
    )
    with pytest.raises(CalibrationError, match="needs 'fmes'"):
        resistance_labels(CalibratedModel(model="hnno", parameters=(one,)))
    with pytest.raises(CalibrationError, match="holds no curves"):
        resistance_labels(CalibratedModel(model="fmes", parameters=()))
    short = CalibratedModel(model="fmes", parameters=(one,))
    with pytest.raises(CalibrationError, match="no curve at '1ohm'; it has open"):
        pulse_curve(short, "1ohm")
    with pytest.raises(CalibrationError, match="no 'depression_a_open'"):
        pulse_curve(short, "open")
