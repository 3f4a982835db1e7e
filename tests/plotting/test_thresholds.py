from typing import Any

import numpy as np
import pytest

from labneuro.errors import CalibrationError
from labneuro.plotting.thresholds import threshold_against_field


def _labelled(axes, start):
    lines = [line for line in axes.lines if str(line.get_label()).startswith(start)]
    assert len(lines) == 1
    return lines[0]


def test_law_is_flat_below_the_noise_filter_and_falls_above(model, card):
    axes: Any = threshold_against_field(model).axes[0]
    law = _labelled(axes, "fitted law, 30 pulses")
    x, y = np.array(law.get_xdata()) * 1e6, np.array(law.get_ydata()) * 1e6
    below = x < model["floor_field"]
    np.testing.assert_allclose(y[below], model["threshold"], rtol=1e-9)
    assert np.all(np.diff(y[~below]) < 0.0)
    expected = [model["threshold"] - card.shift_after(float(field), 30) for field in x]
    np.testing.assert_allclose(y, expected, atol=1.5e3)


def test_noise_filter_is_marked_with_its_interval(model):
    axes: Any = threshold_against_field(model).axes[0]
    line = _labelled(axes, "noise-filter field")
    assert line.get_xdata()[0] * 1e6 == pytest.approx(model["floor_field"])
    low, high = model.parameter("floor_field").interval
    assert f"95 %: {low * 1e-6:.4g} to {high * 1e-6:.4g}" in str(line.get_label())


def test_points_are_the_states_thresholds(model):
    axes: Any = threshold_against_field(model).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[-3:] == ["after 2 pulses", "after 6 pulses", "after 30 pulses"]
    rows = [r for r in model.tables["state_map"] if r["accumulated_pulses"] == 30]
    shown = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(
        np.array(shown.get_ydata()) * 1e6, [row["threshold"] for row in rows]
    )
    assert axes.get_xlabel() == "accumulating field (V/µm)"
    assert axes.get_ylabel() == "10 % threshold (V/µm)"


def test_band_is_drawn_for_one_device_only(model, population):
    """A population's covariance is that of its mean, not of the device shown."""
    one = threshold_against_field(model).axes[0]
    many = threshold_against_field(population, "A").axes[0]
    assert len(one.collections) == len(many.collections) + 1


def test_open_interval_is_said(model):
    open_row = model.tables["devices"][0] | {"floor_field_low": None}
    tables = model.tables | {"devices": [open_row]}
    axes: Any = threshold_against_field(
        model.model_copy(update={"tables": tables})
    ).axes[0]
    assert "95 %: open to" in str(_labelled(axes, "noise-filter").get_label())


def test_model_of_the_initial_state_alone_is_refused(initial_model):
    with pytest.raises(CalibrationError, match="no sensitized state"):
        threshold_against_field(initial_model)
