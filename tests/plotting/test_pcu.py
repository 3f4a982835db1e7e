"""Figures of the computing units: axes, curves, legends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.patches import Patch, Rectangle

from labneuro.plotting.pcu import (
    diode_figure,
    operator_figure,
    product_figure,
    programming_figure,
    retention_figure,
    switching_figure,
)

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray


def x_of(line: Line2D) -> NDArray[np.float64]:
    """Return where the points of a line are."""
    return np.asarray(line.get_xdata(), dtype=np.float64)


def y_of(line: Line2D) -> NDArray[np.float64]:
    """Return the values of the points of a line."""
    return np.asarray(line.get_ydata(), dtype=np.float64)


def height(bar: Patch) -> float:
    """Return the height of a bar."""
    assert isinstance(bar, Rectangle)
    return bar.get_height()


def test_diodes_have_a_line_a_unit_on_a_logarithmic_axis():
    volts = np.tile([-0.1, 0.0, 0.3], 2)
    readings = {
        "unit": np.repeat([11, 12], 3),
        "voltage": volts,
        "current": 1e-9 * np.expm1(volts / 0.05),
    }
    (axes,) = diode_figure(readings).axes
    assert [line.get_label() for line in axes.lines] == ["11", "12"]
    assert axes.get_yscale() == "log"
    assert (y_of(axes.lines[0]) > 0).all()  # the magnitude, without 0 V


def test_programming_draws_readings_target_and_pulses():
    readings = {
        "unit": np.full(3, 11),
        "cycle": np.zeros(3),
        "target": np.full(3, 2e-5),
        "conductance": np.array([1e-5, 2.5e-5, 2e-5]),
        "amplitude": np.array([0.0, 0.2, -0.2]),
    }
    upper, lower = programming_figure(readings).axes
    np.testing.assert_allclose(y_of(upper.lines[1]), [10.0, 25.0, 20.0])
    assert [height(bar) for bar in lower.patches] == [0.0, 0.2, -0.2]
    assert upper.get_title() == "M1 of unit 11, first cycle"


def test_switching_names_a_unit_once():
    readings = {
        "unit": np.full(8, 22),
        "cycle": np.repeat([0, 1], 4),
        "kind": np.tile([0, 0, 0, 1], 2),
        "voltage": np.tile([0.0, 0.5, 0.7, 0.1], 2),
        "current": np.full(8, 1e-3),
    }
    (axes,) = switching_figure(readings).axes
    assert len(axes.lines) == 2
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["22"]
    assert len(x_of(axes.lines[0])) == 3


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ([2e-5, 5e-5], ["11, 20 uS", "11, 50 uS"]),
        ([np.nan] * 2, ["11, reset", "11, set"]),
    ],
)
def test_retention_names_states(targets, names):
    readings = {
        "step": np.repeat([0, 1], 2),
        "unit": np.full(4, 11),
        "state": np.repeat([0, 1], 2),
        "target": np.repeat(targets, 2),
        "time": np.tile([0.0, 5.0], 2),
        "voltage": np.full(4, 0.1),
        "current": np.full(4, 2e-6),
    }
    (axes,) = retention_figure(readings).axes
    assert [line.get_label() for line in axes.lines] == names
    np.testing.assert_allclose(y_of(axes.lines[0]), 2e-5)


@pytest.mark.parametrize(
    ("operator", "label"),
    [
        ("multiplier", "ideal answer (reference currents)"),
        ("exponential", "exponent"),
        ("softmax", "ideal share of the first input"),
        ("softplus", "input (V)"),
        ("sigmoid", "input (V)"),
    ],
)
def test_operators_are_drawn_over_input_or_ideal(operator, label):
    known = operator not in ("softplus", "sigmoid")
    answers = np.array([0.0, 1.0, 2.0, 1.1, 2.1])
    readings = {
        "kind": np.array([0, 1, 1, 1, 1]),
        "operator": np.array([-1, 0, 0, 1, 1]),
        "input": np.array([0.0, 1.0, 2.0, 1.0, 2.0]),
        "ideal": np.where(known, [np.nan, 1.0, 2.0, 1.0, 2.0], np.nan),
        "answer": answers if known else answers * 1e-9,
    }
    (axes,) = operator_figure(readings, operator).axes
    assert axes.get_xlabel() == label
    assert len(axes.lines) == (3 if known else 2)
    scale = {"softplus": 1e-3}.get(operator, 1.0)
    np.testing.assert_allclose(y_of(axes.lines[1]), scale * answers[3:])


def test_an_ideal_that_falls_and_rises_is_drawn_over_its_input():
    """GELU: sorted by the argument, not by the answer."""
    x = np.array([0.0, -1.0, 1.0])
    readings = {
        "kind": np.ones(3),
        "operator": np.zeros(3),
        "input": x,
        "ideal": np.array([0.0, -0.15, 0.85]),
        "answer": x,
    }
    (axes,) = operator_figure(readings, "gelu").axes
    assert axes.get_xlabel() == "argument"
    np.testing.assert_allclose(x_of(axes.lines[1]), [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(y_of(axes.lines[1]), [-0.15, 0.0, 0.85])


def test_products_are_drawn_with_their_error():
    readings = {
        "step": np.repeat([0, 1], 2),
        "target": np.full(4, 1e-4),
        "voltage": np.array([0.1, 0.0, 0.1, 0.05]),
        "current": np.array([1e-5, 0.0, 1.02e-5, 5e-6]),
    }
    upper, lower = product_figure(readings).axes
    np.testing.assert_allclose(x_of(upper.lines[0]), [20.0, 5.0])
    np.testing.assert_allclose(y_of(lower.lines[0]), [1.0, 0.0], atol=1e-9)
    assert upper.get_title() == "2 vectors, mean error 0.5 % of full scale"
