"""Figures of the network of hybrid neurons, and the files that it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from labneuro.data.digit_font import COLUMNS, DIGITS, ROWS, digit_patterns
from labneuro.errors import InputError
from labneuro.plotting.style import CYCLE, MARKERS, new_figure, save_result, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from labneuro.networks.hybrid_snn_result import (
        HybridSnnResult,
        Maps,
        NetworkRow,
        RecognitionSummary,
    )

_MICRO = 1e6
_HIGHEST = 1000.0  # uS; one scale for all weight maps
_COLOURS = "viridis"
_RATE_COLOURS = "magma"
_BESIDE = 0.08  # pixels; so that variants do not cover each other
_TITLES = ("before training", "while one digit is shown", "after training")


def weight_maps(maps: Maps) -> Figure:
    """Draw both layers' conductances before, during and after training.

    Parameters
    ----------
    maps : Maps
        The first network.

    Returns
    -------
    Figure
    """
    rows = (
        ("first layer", maps.first_before, maps.first_events, maps.first_after),
        ("second layer", maps.second_before, maps.second_periods, maps.second_after),
    )
    with styled():
        figure = new_figure(13.0, 7.5)
        grid = figure.subplots(2, 3)
        for line, (layer, *contents) in zip(grid, rows, strict=True):
            for axes, content, title in zip(line, contents, _TITLES, strict=True):
                drawn = axes.imshow(
                    _MICRO * content,
                    cmap=_COLOURS,
                    vmin=0.0,
                    vmax=_HIGHEST,
                    aspect="auto",
                    interpolation="nearest",
                )
                _whole(axes)
                axes.set_title(f"{layer}, {title}")
                inputs = "pixel" if layer == "first layer" else "hidden neuron"
                axes.set(xlabel=inputs, ylabel="neuron")
        grid[0, 1].set(ylabel=f"firing event, digit {maps.digit}")
        grid[1, 1].set(ylabel=f"clock period, digit {maps.digit}")
        figure.colorbar(drawn, ax=grid, shrink=0.7, label="conductance (uS)")
    return figure


def _whole(axes: Axes) -> None:
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def learned_digits(maps: Maps, font: str) -> Figure:
    """Draw the digits and beside each the synapses of the neuron that answers it.

    Parameters
    ----------
    maps : Maps
        The first network.
    font : str
        Font of the digits.
    """
    patterns = digit_patterns(font)
    with styled():
        figure = new_figure(11.0, 3.6)
        grid = figure.subplots(2, DIGITS)
        for digit, (above, below) in enumerate(grid.T):
            above.imshow(patterns[digit].reshape(ROWS, COLUMNS), cmap="Greys")
            hidden = int(maps.hidden[digit])
            above.set_title(f"digit {digit}")
            below.set_title(f"neuron {hidden}" if hidden >= 0 else "nobody")
            learned = (
                maps.first_after[hidden] if hidden >= 0 else np.zeros(patterns[0].shape)
            )
            drawn = below.imshow(
                _MICRO * learned.reshape(ROWS, COLUMNS),
                cmap=_COLOURS,
                vmin=0.0,
                vmax=_HIGHEST,
            )
            for axes in (above, below):
                axes.set_xticks([])
                axes.set_yticks([])
                axes.grid(visible=False)
        figure.colorbar(drawn, ax=grid, shrink=0.8, label="conductance (uS)")
    return figure


def firing_rates(maps: Maps, shown_noise: int) -> Figure:
    """Draw the firing rates of both layers for clean and for noisy digits.

    Hidden neurons stand in the order of the digits that they answer most.

    Parameters
    ----------
    maps : Maps
        The first network.
    shown_noise : int
        Number of noisy pixels; the nearest that was tested is shown.
    """
    nearest = min(maps.rates, key=lambda noise: (abs(noise - shown_noise), noise))
    order = _hidden_order(maps.hidden)
    noises = [0] if nearest == 0 else [0, nearest]
    with styled():
        figure = new_figure(10.0, 4.4 * len(noises))
        grid = figure.subplots(len(noises), 2, squeeze=False)
        for line, noise in zip(grid, noises, strict=True):
            first, second = maps.rates[noise]
            label = "clean digits" if noise == 0 else f"{noise} noisy pixels"
            for axes, rate, places, layer in (
                (line[0], first[:, order], order, "hidden neuron"),
                (line[1], second, np.arange(DIGITS), "output neuron"),
            ):
                drawn = axes.imshow(rate, cmap=_RATE_COLOURS, vmin=0.0)
                axes.set_xticks(np.arange(DIGITS), [str(place) for place in places])
                axes.set_yticks(np.arange(DIGITS))
                axes.grid(visible=False)
                axes.set(xlabel=layer, ylabel="digit shown", title=label)
                figure.colorbar(drawn, ax=axes, label="firing rate (Hz)", shrink=0.85)
    return figure


def _hidden_order(hidden: NDArray[np.int64]) -> NDArray[np.int64]:
    used = list(dict.fromkeys(int(place) for place in hidden if place >= 0))
    rest = [place for place in range(DIGITS) if place not in used]
    return np.array(used + rest, dtype=np.int64)


def recognition_by_noise(summary: Sequence[RecognitionSummary]) -> Figure:
    """Draw the recognition rate against the number of noisy pixels.

    Parameters
    ----------
    summary : sequence of RecognitionSummary
        One a variant and number of pixels.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not summary:
        raise InputError("recognition_by_noise: nothing to draw")
    variants = list(dict.fromkeys(part.variant for part in summary))
    with styled():
        figure = new_figure(8.5, 5.0)
        axes = figure.subplots()
        for number, variant in enumerate(variants):
            parts = [part for part in summary if part.variant == variant]
            mean = np.array([100.0 * part.mean for part in parts])
            ends = 100.0 * np.array([part.interval for part in parts])
            reach = np.nan_to_num(np.abs(ends - mean[:, None]).T, nan=0.0)
            axes.errorbar(
                [part.noise + _BESIDE * number for part in parts],
                mean,
                yerr=reach,
                fmt=f"-{MARKERS[number % len(MARKERS)]}",
                color=CYCLE[number % len(CYCLE)],
                label=variant,
            )
        axes.axhline(10.0, color="black", linestyle=":", linewidth=1.0)
        axes.annotate(
            "chance",
            (1.0, 10.0),
            (-4, 4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(
            xlabel="noisy pixels of 30",
            ylabel="digits recognised (%), 95 % interval",
            ylim=(-3.0, 103.0),
        )
        axes.legend()
    return figure


def competition(rows: Sequence[NetworkRow]) -> Figure:
    """Draw how evenly the neurons share the firing events, by variant.

    Parameters
    ----------
    rows : sequence of NetworkRow
        One a variant and network.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not rows:
        raise InputError("competition: nothing to draw")
    variants = list(dict.fromkeys(row.variant for row in rows))
    panels: tuple[tuple[str, Callable[[NetworkRow], float]], ...] = (
        ("neurons that fired alone", lambda row: row.learners),
        ("lone firings of the greediest (%)", lambda row: 100.0 * row.greediest),
        (
            "presentations with several (%)",
            lambda row: 100.0 * row.together / row.events,
        ),
    )
    generator = np.random.default_rng(0)
    with styled():
        figure = new_figure(12.0, 3.6)
        for axes, (title, value) in zip(
            figure.subplots(1, len(panels), sharey=True), panels, strict=True
        ):
            for place, variant in enumerate(variants):
                found = np.array([value(row) for row in rows if row.variant == variant])
                scatter = place + generator.uniform(-0.2, 0.2, len(found))
                axes.plot(found, scatter, "o", alpha=0.5, color=CYCLE[place])
            axes.set_yticks(np.arange(len(variants)), variants)
            axes.set(xlabel=title, ylim=(len(variants) - 0.5, -0.5))
            axes.margins(x=0.1)
    return figure


def save_network_result(result: HybridSnnResult, folder: str | Path) -> list[Path]:
    """Write a simulation's numbers and its figures.

    Parameters
    ----------
    result : HybridSnnResult
        What the simulation found.
    folder : path
        An existing folder.

    Returns
    -------
    list of Path
        ``result.json`` and the figures.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    maps, settings = result.maps, result.settings
    figures = {
        "weight_maps": lambda: weight_maps(maps),
        "learned_digits": lambda: learned_digits(maps, settings.font),
        "firing_rates": lambda: firing_rates(maps, settings.shown_noise),
        "recognition_by_noise": lambda: recognition_by_noise(result.summary()),
        "competition": lambda: competition(result.networks),
    }
    return save_result(result.to_json(), figures, Path(folder))
