from typing import Any

import numpy as np
import pytest

from labneuro.errors import CalibrationError
from labneuro.plotting.sigmoids import firing_sigmoids, sigmoid_figure


def _curves(axes):
    return [line for line in axes.lines if len(line.get_xdata()) == 300]


def _texts(axes):
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def test_states_stand_in_two_panels(model):
    """All fields at the most pulses above; fewer pulses below; the initial in both."""
    full, part = firing_sigmoids(model).axes
    assert _texts(full) == [
        "initial state",
        "0.15 V/µm, 30 pulses",
        "0.17 V/µm, 30 pulses",
        "0.19 V/µm, 30 pulses",
        "0.22 V/µm, 30 pulses",
    ]
    assert _texts(part) == ["initial state", "2 at 0.19 V/µm", "6 at 0.19 V/µm"]
    assert part.get_xlabel() == "pulse field (V/µm)"
    assert full.get_ylabel() == part.get_ylabel() == "firing probability"


def test_curves_cross_ten_percent_at_the_threshold(model):
    axes: Any = firing_sigmoids(model).axes[0]
    states = [
        row for row in model.tables["state_map"] if row["accumulated_pulses"] in (0, 30)
    ]
    curves = _curves(axes)
    assert len(curves) == len(states) == 5
    for curve, state in zip(curves, states, strict=True):
        crossing = np.interp(0.1, curve.get_ydata(), curve.get_xdata())
        assert crossing * 1e6 == pytest.approx(state["threshold"], abs=5.0)


def test_points_are_the_counted_shares(initial_model):
    axes: Any = firing_sigmoids(initial_model).axes[0]
    rows = initial_model.tables["firing_probability"]
    points = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_ydata(), [row["probability"] for row in rows])
    np.testing.assert_allclose(
        np.array(points.get_xdata()) * 1e6, [row["pulse_field"] for row in rows]
    )
    segments = axes.collections[0].get_segments()
    for segment, row in zip(segments, rows, strict=True):
        assert segment[0][1] == pytest.approx(row["low"], abs=1e-9)
        assert segment[1][1] == pytest.approx(row["high"], abs=1e-9)


def test_paper_fields_and_threshold_are_marked(initial_model):
    axes: Any = firing_sigmoids(initial_model).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert "0.21 V/µm\npaper: stochastic" in texts
    assert "10 %: threshold" in texts


def test_legend_covers_no_data(model):
    figure: Any = firing_sigmoids(model)
    figure.draw_without_rendering()
    for axes in figure.axes:
        box = axes.get_legend().get_window_extent()
        assert box.x0 >= axes.get_window_extent().x1
        assert box.x1 <= figure.bbox.x1 + 1.0


def test_colours_differ_between_states(model):
    colours = [curve.get_color() for curve in _curves(firing_sigmoids(model).axes[0])]
    assert len(set(colours)) == 5


def test_state_without_sigmoid_shows_its_points(initial_model):
    points = initial_model.tables["firing_probability"]
    state = initial_model.tables["state_map"][0] | {"midpoint": None}
    axes: Any = sigmoid_figure(points, [state]).axes[0]
    assert _curves(axes) == []
    assert _texts(axes) == ["initial state"]


def test_device_is_chosen_by_name(population):
    assert len(firing_sigmoids(population, "A").axes) == 2
    assert len(firing_sigmoids(population, "B").axes) == 1
    with pytest.raises(CalibrationError, match="no device 'C'; there are A, B"):
        firing_sigmoids(population, "C")


def test_model_without_tables_is_refused(model):
    bare = model.model_copy(update={"tables": {}})
    with pytest.raises(CalibrationError, match="no rows in table 'firing_probability'"):
        firing_sigmoids(bare)
    with pytest.raises(CalibrationError, match="no state"):
        sigmoid_figure([], [])


def test_band_at_the_midpoint_is_that_of_its_error(initial_model):
    """There the slope's error drops out: log-odds 0 within 1.96 errors over slope."""
    state: Any = initial_model.tables["state_map"][0]
    axes: Any = firing_sigmoids(initial_model).axes[0]
    outline = axes.collections[-2].get_paths()[0].vertices
    place = state["midpoint"] * 1e-6
    around = outline[np.abs(outline[:, 0] - place) < 2e-4]
    reach = 1.959964 * state["midpoint_error"] / state["slope"]
    low, high = 1.0 / (1.0 + np.exp((reach, -reach)))
    assert around[:, 1].min() == pytest.approx(low, abs=0.01)
    assert around[:, 1].max() == pytest.approx(high, abs=0.01)
