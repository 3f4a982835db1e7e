"""What one current pulse leaves in the FMES synapse, by intensity and width.

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": Figure 2c (pulses of 1 ms, over the
intensity) and Figure 2d (over the width).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.plotting.fmes import by_resistance, resistor_text
from labneuro.plotting.style import MARKERS, legend_beside, new_figure, styled
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Readings = Mapping[str, NDArray[np.float64]]

_MILLI = 1e-3
_PAPER_WIDTH = 1e-3  # s, Figure 2c
_PAPER_CURRENT = 1e-3  # A, of the trains of Figures 1e and 3f
_ANSWERS = {"peak": "end of the pulse (mV)", "residual": "end of the gap (mV)"}


def pulse_response_figure(readings: Readings) -> Figure:
    """Draw peak and residual voltage over intensity and over width, per resistor.

    Over the intensity the width is the one nearest 1 ms, over the width the intensity
    is the one nearest 1 mA; the titles say which. Bars are standard errors over the
    repetitions.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a PulseResponse run.

    Returns
    -------
    Figure
    """
    width = _nearest(readings["width"], _PAPER_WIDTH)
    current = _nearest(readings["current"], _PAPER_CURRENT)
    at_width = {k: one[readings["width"] == width] for k, one in readings.items()}
    at_current = {k: one[readings["current"] == current] for k, one in readings.items()}
    with styled():
        figure = new_figure(10.0, 7.0)
        grid = figure.subplots(2, 2, sharex="col", squeeze=False)
        for line, (name, label) in zip(grid, _ANSWERS.items(), strict=True):
            _lines(line[0], at_width, "current", name)
            _lines(line[1], at_current, "width", name)
            line[0].set_ylabel(label)
        grid[0, 0].set_title(f"pulses of {show(width, 's')}")
        grid[0, 1].set_title(f"pulses of {show(current, 'A')}")
        grid[1, 0].set_xlabel("intensity of the pulse (mA)")
        grid[1, 1].set(xlabel="width of the pulse (ms)", xscale="log")
        widths = np.unique(at_current["width"]) / _MILLI
        grid[1, 1].set_xticks(widths, [f"{one:g}" for one in widths])
        grid[1, 1].minorticks_off()
        legend_beside(grid[0, 1], "resistor")
    return figure


def _nearest(column: NDArray[np.float64], wanted: float) -> float:
    return float(column[np.argmin(np.abs(column - wanted))])


def _lines(axes: Axes, readings: Readings, over: str, answer: str) -> None:
    for number, (resistance, colour, rows) in enumerate(by_resistance(readings)):
        places = np.unique(readings[over][rows])
        groups = [
            readings[answer][rows & (readings[over] == one)] / _MILLI for one in places
        ]
        errors = [
            one.std(ddof=1) / math.sqrt(len(one)) if len(one) > 1 else 0.0
            for one in groups
        ]
        axes.errorbar(
            places / _MILLI,
            [one.mean() for one in groups],
            errors,
            color=colour,
            marker=MARKERS[number % len(MARKERS)],
            label=resistor_text(resistance),
        )
