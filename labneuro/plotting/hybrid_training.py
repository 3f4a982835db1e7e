"""A network's training and its tests on the bench: weights and firing rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from labneuro.errors import FitError
from labneuro.plotting.style import new_figure, styled
from labneuro.protocols.network_rows import (
    DIGITS,
    READING,
    inference_counts,
    recognised,
    select,
    weight_maps,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    Readings = Mapping[str, NDArray[np.generic]]

_MICRO = 1e6
_HIGHEST = 1000.0  # uS; one scale for all weight maps
_COLOURS = "viridis"
_RATE_COLOURS = "magma"
_LAYERS = {1: "first layer", 2: "second layer"}
_INPUTS = {1: "pixel", 2: "hidden neuron"}


def training_figure(readings: Readings, period: float, level: float) -> Figure:
    """Draw weights before, during and after training, and firing rates.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Of a NetworkTraining run.
    period : float
        Of the clock, in s.
    level : float
        A spike is above this, in V.

    Raises
    ------
    FitError
        If no layer was read.
    """
    layers = [layer for layer in _LAYERS if weight_maps(readings, layer)]
    if not layers:
        raise FitError("no layer of the network was read; nothing to draw")
    counts = inference_counts(readings, level)
    with styled():
        figure = new_figure(13.5, 3.6 * len(layers) + (3.9 if counts else 0.0))
        heights = [3.6 * len(layers), *([3.9] if counts else [])]
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
        _weights(parts[0, 0], readings, layers)
        if counts:
            _rates(parts[1, 0], readings, counts, period)
    return figure


def inference_figure(readings: Readings, period: float, level: float) -> Figure:
    """Draw firing rates by layer and noise.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Of a NetworkInference run.
    period : float
        Of the clock, in s.
    level : float
        A spike is above this, in V.

    Raises
    ------
    FitError
        If no digit was shown.
    """
    counts = inference_counts(readings, level)
    if not counts:
        raise FitError("no digit was shown; nothing to draw")
    with styled():
        figure = new_figure(13.5, 4.2)
        parts = figure.subfigures(1, 1, squeeze=False)
        _rates(parts[0, 0], readings, counts, period)
    return figure


def _weights(figure: SubFigure, readings: Readings, layers: list[int]) -> None:
    grid = figure.subplots(len(layers), 3, squeeze=False)
    for line, layer in zip(grid, layers, strict=True):
        maps = weight_maps(readings, layer)
        during, label, title = _during(readings, layer)
        drawn = _map(line[0], maps[0], f"{_LAYERS[layer]}, before", layer)
        _map(line[1], during, f"{_LAYERS[layer]}, {title}", layer)
        line[1].set_ylabel(label)
        _map(line[2], maps[-1], f"{_LAYERS[layer]}, after", layer)
        for axes in (line[0], line[2]):
            axes.set_ylabel("neuron")
    figure.colorbar(drawn, ax=grid, shrink=0.7, label="conductance (µS)")


def _during(readings: Readings, layer: int) -> tuple[NDArray[np.float64], str, str]:
    """Return what was read between, a row each, with label and title."""
    if layer == 1:
        found = select(readings, kind=READING, layer=1)
        shown = np.asarray(found["digit"]) >= 0
        values = np.asarray(found["conductance"], dtype=np.float64)[shown]
        digits = np.unique(np.asarray(found["digit"])[shown])
        events = [str(one) for one in dict.fromkeys(found["event"][shown].tolist())]
        title = f"winner while digit {digits[0]} is shown" if len(digits) else "during"
        label = f"after event {', '.join(events)}" if events else ""
        return values.reshape(-1, 30), label, title
    taught = select(readings, kind=READING, layer=2, event=-1)
    values = np.full((DIGITS, DIGITS), np.nan)
    places = (np.asarray(taught[name], np.int64) - 1 for name in ("neuron", "input"))
    values[tuple(places)] = np.asarray(taught["conductance"], dtype=np.float64)
    return values, "neuron", "each target when taught"


def _map(axes: Axes, siemens: NDArray[np.float64], title: str, layer: int) -> AxesImage:
    shape = siemens if len(siemens) else np.full((1, 1), np.nan)
    drawn = axes.imshow(
        _MICRO * shape,
        cmap=_COLOURS,
        vmin=0.0,
        vmax=_HIGHEST,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, shape.shape[1] + 0.5, len(shape) + 0.5, 0.5),
    )
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set(title=title, xlabel=_INPUTS[layer])
    return drawn


def _rates(
    figure: SubFigure,
    readings: Readings,
    counts: Mapping[tuple[int, int], NDArray[np.float64]],
    period: float,
) -> None:
    """Draw one table a layer and noise; spikes per second of pulses."""
    kept = sorted(counts)
    grid = figure.subplots(1, len(kept), squeeze=False)[0]
    pulses = np.asarray(select(readings, kind=2)["pulses"], dtype=np.float64).max()
    rates = {key: counts[key] / (pulses * period) for key in kept}
    top = max(float(one.max()) for one in rates.values()) or 1.0
    for axes, key in zip(grid, kept, strict=True):
        layer, noise = key
        drawn = axes.imshow(
            rates[key],
            cmap=_RATE_COLOURS,
            vmin=0.0,
            vmax=top,
            extent=(0.5, 10.5, 9.5, -0.5),
        )
        axes.grid(visible=False)
        axes.set_xticks([1, 4, 7, 10])
        axes.set_yticks(range(DIGITS))
        title = f"{_LAYERS[layer]}\n{noise} noisy pixels"
        if layer != 1:
            title += f"\n{int(recognised(counts[key]).sum())} of 10 recognised"
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("neuron")
    grid[0].set_ylabel("digit shown")
    figure.colorbar(drawn, ax=list(grid), shrink=0.6, label="spikes per second")
