"""Figures of single pulses: which rows each panel shows."""

from __future__ import annotations

import itertools

import numpy as np

from labneuro.plotting.fmes_pulses import pulse_response_figure

CURRENTS, WIDTHS, OHMS = (0.2e-3, 0.9e-3, 2e-3), (0.5e-3, 1.1e-3), (500.0, np.inf)


def test_each_panel_shows_the_condition_in_its_title():
    """Nearest to 1 ms and 1 mA; means of the repetitions, with standard errors."""
    rows = np.array(list(itertools.product(OHMS, CURRENTS, WIDTHS, (0, 1))))
    ohm, current, width, repeat = rows.T
    peak = 100.0 * current + width + 1e-3 * repeat
    figure = pulse_response_figure(
        {
            "resistance": ohm,
            "current": current,
            "width": width,
            "peak": peak,
            "residual": 0.1 * peak,
        }
    )
    upper_left, upper_right, lower_left, lower_right = figure.axes
    assert upper_left.get_title() == "pulses of 1.1 ms"
    assert upper_right.get_title() == "pulses of 900 uA"
    assert upper_left.get_ylabel() == "end of the pulse (mV)"
    assert lower_left.get_ylabel() == "end of the gap (mV)"
    for axes, expected, scale in (
        (upper_left, 1e5 * np.array(CURRENTS) + 1.1 + 0.5, 1.0),
        (lower_right, 90.0 + 1e3 * np.array(WIDTHS) + 0.5, 0.1),
    ):
        drawn, bars = axes.containers[0][0], axes.containers[0][2][0]
        np.testing.assert_allclose(
            np.asarray(drawn.get_ydata(), dtype=float), scale * expected
        )
        heights = [np.ptp(one[:, 1]) for one in bars.get_segments()]
        np.testing.assert_allclose(heights, 2 * scale * 0.5)
        assert len(axes.containers) == 2
