from typing import Any

import numpy as np
import pytest

from labneuro.errors import CalibrationError
from labneuro.plotting.trains import TrainReadings, sensitization_train, train_figure

READINGS = TrainReadings(
    0.19e6, np.array([1e5, 1.1e5, 1e4, 9e4, 1.1e4]), np.array([0, 0, 1, 0, 1])
)


def test_each_field_has_its_points_and_its_law(model):
    axes: Any = sensitization_train(model).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["0.15 V/µm", "0.18 V/µm", "0.19 V/µm (paper's)"]
    laws = [line for line in axes.lines if line.get_marker() == "None"]
    laws = [line for line in laws if len(line.get_xdata()) >= 30]
    assert len(laws) == 3
    strongest = np.array(laws[2].get_ydata())
    assert np.all(np.diff(strongest) > 0)
    assert strongest[0] < 0.05
    assert strongest[-1] > 0.5
    assert np.ptp(laws[0].get_ydata()) < 1e-6  # noise filter: no response


def test_pulse_numbers_start_at_one(model):
    axes: Any = sensitization_train(model).axes[0]
    laws = [line for line in axes.lines if len(line.get_xdata()) >= 30]
    assert min(line.get_xdata()[0] for line in laws) == pytest.approx(1.0, abs=0.2)
    assert axes.get_xlabel() == "pulse number since reset"


def test_resistance_of_one_train_is_drawn_below(model):
    figure: Any = sensitization_train(model, readings=READINGS)
    top, bottom = figure.axes
    assert top.get_xlabel() == ""
    assert bottom.get_yscale() == "log"
    assert bottom.get_ylabel() == "resistance (Ω)"
    quiet, spikes = bottom.lines[1:3]
    np.testing.assert_array_equal(quiet.get_xdata(), [1, 2, 4])
    np.testing.assert_array_equal(spikes.get_ydata(), [1e4, 1.1e4])


def test_unfitted_rows_are_drawn_without_law(model):
    rows = [row | {"fitted": None} for row in model.tables["sensitization"]]
    axes: Any = train_figure(rows).axes[0]
    laws = [line for line in axes.lines if line.get_marker() == "None"]
    assert all(np.isnan(line.get_ydata()).all() for line in laws[:-1])


def test_rows_without_train_are_refused(initial_model, model):
    with pytest.raises(CalibrationError, match="sensitization"):
        sensitization_train(initial_model)
    with pytest.raises(CalibrationError, match="no field has a train"):
        train_figure(model.tables["sensitization"][:2])


def test_legend_covers_no_data(model):
    figure: Any = sensitization_train(model, readings=READINGS)
    figure.draw_without_rendering()
    for axes in figure.axes:
        box = axes.get_legend().get_window_extent()
        assert box.x0 >= axes.get_window_extent().x1
