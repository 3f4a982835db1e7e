import numpy as np
import pytest

from labneuro.analysis.resistance import fit_resistance
from labneuro.plotting.resistance import resistance_fit

LEVELS = np.linspace(-0.1, 0.1, 21)


def test_line_residuals_and_numbers():
    noise = np.random.default_rng(0).normal(0.0, 2e-9, 21)
    fit = fit_resistance(LEVELS, LEVELS / 1e5 + noise)
    curve, rest = resistance_fit(fit).axes
    assert curve.get_ylabel() == "current (nA)"
    assert rest.get_xlabel() == "voltage (V)"
    label = str(curve.lines[1].get_label())
    low, high = fit.resistance.interval
    assert low is not None
    assert high is not None
    assert label == (
        f"R = {fit.resistance.value / 1e3:.5g} kΩ "
        f"(95 %: {low / 1e3:.5g} to {high / 1e3:.5g})"
    )
    scale = {"nA": 1e-9, "pA": 1e-12}[rest.get_ylabel()[-3:-1]]
    residual = np.array(rest.lines[0].get_ydata()) * scale
    assert np.std(residual, ddof=2) == pytest.approx(fit.residual_deviation, rel=0.01)


@pytest.mark.parametrize(
    ("resistance", "current_unit", "unit"),
    [(50.0, "mA", "Ω"), (2e5, "nA", "kΩ"), (2e6, "nA", "MΩ"), (5e9, "pA", "GΩ")],
)
def test_units_suit_the_size(resistance, current_unit, unit):
    curve, _ = resistance_fit(fit_resistance(LEVELS, LEVELS / resistance)).axes
    assert curve.get_ylabel() == f"current ({current_unit})"
    assert f" {unit} (" in str(curve.lines[1].get_label())


def test_open_interval_is_said():
    fit = fit_resistance(LEVELS, LEVELS / 1e5)
    wide = fit.resistance.model_copy(update={"interval": (9e4, None)})
    from dataclasses import replace

    curve, _ = resistance_fit(replace(fit, resistance=wide)).axes
    assert "90 to open" in str(curve.lines[1].get_label())
