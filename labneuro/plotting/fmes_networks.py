"""Figures of the networks of FMES synapses, and the files that they leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from labneuro.errors import InputError
from labneuro.plotting.style import (
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    VERMILION,
    legend_beside,
    new_figure,
    save_result,
    sequence,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from labneuro.networks.adaptive_digits_result import AdaptiveDigitsResult
    from labneuro.networks.fmes_perceptron_result import (
        FmesPerceptronResult,
        TrainingSummary,
        WeightPicture,
    )

_IDEAL = "ideal"
_TRAINED = "after training"
_MAP_COLOURS = "RdBu_r"
_VOLTAGE_COLOURS = "viridis"
_BINS = 40
_MILLIVOLT = 1e3
_MANY_ROWS = 4  # of maps; more would be too small to see
_WITHIN_COLOURS = 0.99  # of the weights in the middle of a map
_SYMMETRIC_FROM = 4  # images: the axis of mapped images is linear below


def accuracy_by_resistance(summary: Sequence[TrainingSummary]) -> Figure:
    """Draw the accuracy at each regulating resistance beside ideal and paper.

    Parameters
    ----------
    summary : sequence of TrainingSummary
        One a resistance, and one without devices.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If there is no resistance to draw.
    """
    parts = [part for part in summary if part.label != _IDEAL]
    if not parts:
        raise InputError("accuracy_by_resistance: no resistance to draw")
    with styled():
        figure = new_figure(9.0, 5.0)
        axes = figure.subplots()
        places = np.arange(len(parts))
        means = np.array([part.mean for part in parts])
        spread = np.nan_to_num([part.standard_deviation for part in parts], nan=0.0)
        axes.errorbar(
            places,
            100 * means,
            yerr=100 * spread,
            fmt="o",
            color=BLUE,
            label="devices (mean, sd over seeds)",
        )
        quoted = [(k, part.paper) for k, part in enumerate(parts) if part.paper]
        if quoted:
            axes.plot(
                [place for place, _ in quoted],
                [100 * float(accuracy) for _, accuracy in quoted],
                linestyle="none",
                marker="D",
                markerfacecolor="none",
                color=VERMILION,
                label="paper",
            )
        for part in summary:
            if part.label == _IDEAL:
                axes.axhline(
                    100 * part.mean, color=GREY, linestyle="--", label="without devices"
                )
        axes.set_xticks(places, [_resistance(part.label) for part in parts])
        axes.set(xlabel="regulating resistance (ohm)", ylabel="test accuracy (%)")
        axes.margins(y=0.15)
        legend_beside(axes)
    return figure


def _resistance(label: str) -> str:
    return label.removesuffix("ohm")


def accuracy_by_epoch(result: FmesPerceptronResult) -> Figure:
    """Draw the accuracy after each epoch, mean and range over the seeds."""
    labels = list(dict.fromkeys(row.label for row in result.rows))
    devices = [label for label in labels if label != _IDEAL]
    colours: dict[str, Any] = dict(zip(devices, sequence(len(devices)), strict=True))
    with styled():
        figure = new_figure(9.0, 5.0)
        axes = figure.subplots()
        for label in labels:
            history = np.array(
                [row.history for row in result.rows if row.label == label]
            )
            epochs = np.arange(1, history.shape[1] + 1)
            colour = colours.get(label, VERMILION)
            axes.plot(
                epochs,
                100 * history.mean(axis=0),
                color=colour,
                linestyle="--" if label == _IDEAL else "-",
                label="without devices" if label == _IDEAL else label,
            )
            axes.fill_between(
                epochs,
                100 * history.min(axis=0),
                100 * history.max(axis=0),
                color=colour,
                alpha=0.15,
                linewidth=0.0,
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel="test accuracy (%)")
        legend_beside(axes, "resistance")
    return figure


def weight_maps(pictures: Sequence[WeightPicture], digit: int = 3) -> Figure:
    """Draw the weights from every pixel to one digit, before and after training.

    Parameters
    ----------
    pictures : sequence of WeightPicture
        One a resistance; at most four are shown, evenly chosen, the last included.
    digit : int
        The class; the paper shows 3.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    shown = _evenly(pictures)
    with styled():
        figure = new_figure(2.6 * len(shown) + 1.0, 5.6)
        grid = figure.subplots(2, len(shown), squeeze=False)
        for column, picture in enumerate(shown):
            pair = picture.map_before[digit], picture.map_after[digit]
            for row, (axes, content) in enumerate(
                zip(grid[:, column], pair, strict=True)
            ):
                reach = _reach(content)
                drawn = axes.imshow(content, cmap=_MAP_COLOURS, vmin=-reach, vmax=reach)
                _bare(axes)
                figure.colorbar(drawn, ax=axes, shrink=0.75)
                axes.set_title(picture.label if row == 0 else "")
        for axes, when in zip(grid[:, 0], ("before", "after"), strict=True):
            axes.set_ylabel(when)
        figure.suptitle(f"weight from each pixel to digit {digit}, through both layers")
    return figure


def _reach(content: NDArray[np.float64]) -> float:
    """Return the largest weight that the colours tell apart.

    Pixels at the rim are dark in nearly every image, so their weights stay as drawn at
    first; the middle, which training moves, sets the scale.
    """
    rim = len(content) // 7
    middle = np.abs(content[rim:-rim, rim:-rim]) if rim else np.abs(content)
    return float(np.quantile(middle, _WITHIN_COLOURS)) or 1.0


def weight_histograms(pictures: Sequence[WeightPicture]) -> Figure:
    """Draw the histogram of all devices' voltages before and after training.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    shown = _evenly(pictures)
    with styled():
        figure = new_figure(2.9 * len(shown) + 1.6, 3.8)
        grid = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
        for axes, picture in zip(grid, shown, strict=True):
            both = picture.voltage_before, picture.voltage_after
            low, high = min(map(np.min, both)), max(map(np.max, both))
            bins = _MILLIVOLT * np.linspace(low, high, _BINS + 1)
            for voltage, colour, name in zip(
                both, (GREY, BLUE), ("before", "after"), strict=True
            ):
                share = np.full(len(voltage), 100.0 / len(voltage))
                axes.hist(
                    _MILLIVOLT * voltage,
                    bins,
                    weights=share,
                    histtype="stepfilled",
                    color=colour,
                    alpha=0.55,
                    label=name,
                )
            axes.set_title(picture.label)
            axes.set_xlabel("PSV (mV)")
        grid[0].set_ylabel("devices (%)")
        legend_beside(grid[-1])
    return figure


def _evenly(pictures: Sequence[WeightPicture]) -> list[WeightPicture]:
    if not pictures:
        raise InputError("weights: no resistance to draw")
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), _MANY_ROWS))
    return [pictures[round(float(place))] for place in places]


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)


def accuracy_by_mapped_images(result: AdaptiveDigitsResult) -> Figure:
    """Draw the accuracy on the adapted digits against the number of mapped images."""
    summary = result.summary()
    variants = list(dict.fromkeys(part.variant for part in summary))
    with styled():
        figure = new_figure(10.0, 5.2)
        axes = figure.subplots()
        for number, (variant, colour) in enumerate(
            zip(variants, sequence(len(variants)), strict=True)
        ):
            part = [one for one in summary if one.variant == variant]
            axes.errorbar(
                [one.mapped for one in part],
                [100 * one.adapted for one in part],
                yerr=100
                * np.nan_to_num([one.standard_deviation for one in part], nan=0.0),
                fmt=f"-{MARKERS[number % len(MARKERS)]}",
                color=colour,
                label=variant,
            )
        _paper_levels(axes)
        axes.set_xscale("symlog", linthresh=_SYMMETRIC_FROM)
        counts = sorted({one.mapped for one in summary})
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlim(-0.5, 1.2 * max(counts[-1], 1))
        axes.minorticks_off()
        axes.tick_params(axis="x", rotation=45)
        axes.set(xlabel="mapped images", ylabel="accuracy on the adapted digits (%)")
        axes.set_ylim(0.0, 100.0)
        legend_beside(axes, "assumed")
    return figure


def _paper_levels(axes: Axes) -> None:
    from labneuro.networks.adaptive_digits_result import (  # noqa: PLC0415  networks load on demand
        PAPER_AFTER,
        PAPER_BEFORE,
    )

    for level, name in (
        (PAPER_BEFORE, "paper, before and after"),
        (PAPER_AFTER, None),
    ):
        axes.axhline(
            100 * level, color=ORANGE, linestyle=":", linewidth=1.4, label=name
        )


def adapted_maps(result: AdaptiveDigitsResult) -> Figure:
    """Draw the voltages of each output's devices after training and after mapping."""
    names = list(result.adapted_maps)
    places = np.linspace(0, len(names) - 1, min(len(names), _MANY_ROWS - 1))
    chosen = [names[round(float(place))] for place in places]
    rows: list[tuple[str, NDArray[np.float64]]] = [(_TRAINED, result.trained_maps)]
    rows += [
        (f"after mapping: {name}", result.adapted_maps[name])
        for name in dict.fromkeys(chosen)
    ]
    outputs = len(result.trained_maps)
    trained, adapted = (getattr(result.settings, n) for n in ("trained", "adapted"))
    with styled():
        figure = new_figure(2.2 * outputs + 1.0, 2.6 * len(rows))
        parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, (name, maps) in zip(parts, rows, strict=True):
            line = part.subplots(1, outputs, squeeze=False)[0]
            low, high = _MILLIVOLT * maps.min(), _MILLIVOLT * maps.max()
            digits = trained if name == _TRAINED else adapted
            for axes, content, digit in zip(line, maps, digits, strict=True):
                drawn = axes.imshow(
                    _MILLIVOLT * content, cmap=_VOLTAGE_COLOURS, vmin=low, vmax=high
                )
                _bare(axes)
                axes.set_title(f"output of {digit}")
            part.suptitle(name, fontsize=11)
            part.colorbar(drawn, ax=list(line), shrink=0.85, label="PSV (mV)")
    return figure


def save_network_result(
    result: FmesPerceptronResult | AdaptiveDigitsResult, folder: str | Path
) -> list[Path]:
    """Write a simulation's numbers and its figures.

    Parameters
    ----------
    result : FmesPerceptronResult or AdaptiveDigitsResult
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
    return save_result(result.to_json(), _figures(result), Path(folder))


def _figures(result: Any) -> dict[str, Callable[[], Figure]]:  # noqa: ANN401  two kinds
    if hasattr(result, "adapted_maps"):
        return {
            "accuracy_by_mapped_images": lambda: accuracy_by_mapped_images(result),
            "adapted_maps": lambda: adapted_maps(result),
        }
    return {
        "accuracy_by_resistance": lambda: accuracy_by_resistance(result.summary()),
        "accuracy_by_epoch": lambda: accuracy_by_epoch(result),
        "weight_maps": lambda: weight_maps(result.pictures),
        "weight_histograms": lambda: weight_histograms(result.pictures),
    }
