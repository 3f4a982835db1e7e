"""Voltages that an oscilloscope captured, every channel below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.plotting.style import CYCLE, new_figure, sequence, styled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Capture = Mapping[str, NDArray[np.float64]]

_MOST_DRAWN = 20
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SHARE_SHOWN = 0.2  # of the length: below it the next smaller unit reads better


def capture_figure(captures: Sequence[Capture]) -> Figure:
    """Draw captures of the same channels over each other.

    Parameters
    ----------
    captures : sequence of mapping of str to ndarray, shape (points,)
        ``time`` in s from the trigger and the voltage of each channel in V, as
        ``voltage_<channel>``. The first 20 are drawn.

    Returns
    -------
    Figure
    """
    names = [name for name in captures[0] if name.startswith("voltage_")]
    scale, unit = _time_unit(captures[0]["time"])
    drawn = captures[:_MOST_DRAWN]
    colours = sequence(len(drawn)) if len(drawn) > 1 else [CYCLE[0]]
    with styled():
        figure = new_figure(8.0, 1.0 + 2.2 * len(names))
        grid = figure.subplots(len(names), 1, sharex=True, squeeze=False)
        axes: list[Axes] = list(grid[:, 0])
        for axis, name in zip(axes, names, strict=True):
            for colour, capture in zip(colours, drawn, strict=True):
                time = capture["time"] / scale
                axis.plot(time, capture[name], color=colour, linewidth=1.2)
            axis.set_ylabel(f"{name.removeprefix('voltage_')} (V)")
        axes[-1].set_xlabel(f"time from the trigger ({unit})")
        count = len(captures)
        if count > 1:
            shown = f"{len(drawn)} of {count}" if count > len(drawn) else f"{count}"
            axes[0].set_title(f"{shown} captures, the first darkest")
    return figure


def _time_unit(time: NDArray[np.float64]) -> tuple[float, str]:
    length = float(np.ptp(time))
    for scale, unit in _UNITS:
        if length >= _SHARE_SHOWN * scale:
            return scale, unit
    return _UNITS[-1]
