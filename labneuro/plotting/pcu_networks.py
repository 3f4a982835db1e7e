"""Figures of the networks of perovskite units, and the files that they leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.errors import InputError
from labneuro.plotting.style import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    VERMILION,
    legend_beside,
    new_figure,
    save_result,
    sequence,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from labneuro.networks.codebook import Codebook
    from labneuro.networks.pcu_energy import EnergyRow
    from labneuro.networks.pcu_operators import OperatorStudy
    from labneuro.networks.pcu_study import AttentionPicture, StudyResult

_MOST_WORDS = 6
_SMOOTH = 20  # steps that a loss is averaged over


def four_numbers_figure(result: StudyResult) -> Figure:
    """Draw the main score of every variant: seeds, mean, and the paper's own data."""
    score = next(iter(result.rows[0].scores))
    summary = [part for part in result.summary() if part.score == score]
    with styled():
        figure = new_figure(9.0, 4.8)
        axes = figure.subplots()
        places = np.arange(len(summary))
        for place, part in enumerate(summary):
            values = [r.scores[score] for r in result.rows if r.variant == part.variant]
            axes.plot(
                np.full(len(values), place),
                100 * np.array(values),
                "o",
                color=BLUE,
                markerfacecolor="none",
                label="one network" if place == 0 else None,
            )
            axes.plot(
                place,
                100 * part.mean,
                "_",
                color=BLUE,
                markersize=28,
                label="mean" if place == 0 else None,
            )
        quoted = [(k, p.paper) for k, p in enumerate(summary) if p.paper is not None]
        axes.plot(
            [place for place, _ in quoted],
            [100 * value for _, value in quoted],
            "D",
            color=VERMILION,
            markerfacecolor="none",
            label="paper, on its own data",
        )
        names = [part.variant.replace(" ", "\n", 1) for part in summary]
        axes.set_xticks(places, names)
        axes.set_xlim(-0.5, len(summary) - 0.5)
        axes.set(ylabel=f"{score} (%)", title=result.data)
        legend_beside(axes)
    return figure


def tuning_figure(result: StudyResult) -> Figure:
    """Draw the loss during fine-tuning and the error of a layer's output."""
    tuned = [
        name
        for name in dict.fromkeys(row.variant for row in result.rows)
        if name != "ideal"
    ]
    colours = _colours(result)
    with styled():
        figure = new_figure(11.0, 4.5)
        left, right = figure.subplots(1, 2, width_ratios=[1.4, 1.0])
        for name in tuned:
            losses = [r.loss for r in result.rows if r.variant == name and r.loss]
            if losses:
                _loss_curve(left, np.mean(losses, axis=0), colours[name], name)
        left.set(xlabel="fine-tuning step", ylabel="training loss", title=result.data)
        left.legend()
        means = [
            np.mean([r.feature_error for r in result.rows if r.variant == name])
            for name in tuned
        ]
        right.barh(tuned, means, color=[colours[name] for name in tuned])
        right.invert_yaxis()
        right.set_xlabel(
            "difference of features from\nthe ideal network's (relative rms)"
        )
    return figure


def _colours(result: StudyResult) -> dict[str, str]:
    """Return a colour for each variant, the same in all figures."""
    variants = dict.fromkeys(row.variant for row in result.rows)
    return dict(zip(variants, CYCLE, strict=False))


def _loss_curve(axes: Axes, loss: NDArray[np.float64], colour: str, name: str) -> None:
    """Draw a running mean of a loss over its steps."""
    width = max(1, min(_SMOOTH, loss.size // 5))
    smooth = np.convolve(loss, np.ones(width) / width, mode="valid")
    axes.plot(np.arange(smooth.size) + width, smooth, color=colour, label=name)


def scores_figure(result: StudyResult) -> Figure:
    """Draw every score of every variant, mean and deviation over the seeds."""
    summary = result.summary()
    scores = list(dict.fromkeys(part.score for part in summary))
    variants = list(dict.fromkeys(part.variant for part in summary))
    colours = _colours(result)
    with styled():
        figure = new_figure(10.5, 4.5)
        axes = figure.subplots()
        width = 0.8 / len(variants)
        for number, variant in enumerate(variants):
            parts = [part for part in summary if part.variant == variant]
            places = np.arange(len(scores)) + (number - (len(variants) - 1) / 2) * width
            axes.bar(
                places,
                [100 * part.mean for part in parts],
                width,
                yerr=100
                * np.nan_to_num([p.standard_deviation for p in parts], nan=0.0),
                color=colours[variant],
                error_kw={"elinewidth": 1.0},
                label=variant,
            )
        axes.set_xticks(np.arange(len(scores)), scores)
        axes.set(ylabel="score (%), with standard deviation", title=result.data)
        legend_beside(axes)
    return figure


def attention_figure(pictures: tuple[AttentionPicture, ...]) -> Figure:
    """Draw pictures and where the words of their questions look.

    Raises
    ------
    InputError
        If there is no picture.
    """
    if not pictures:
        raise InputError("attention_figure: no picture")
    columns = 1 + _MOST_WORDS
    with styled():
        figure = new_figure(1.7 * columns, 2.3 * len(pictures))
        parts = figure.subfigures(len(pictures), 1, squeeze=False)[:, 0]
        for part, picture in zip(parts, pictures, strict=True):
            row = part.subplots(1, columns)
            row[0].imshow(picture.image)
            said = f"said {picture.said}, right {picture.right}"
            part.suptitle(f"{' '.join(picture.words)}? ({said})", fontsize=10)
            for axes in row:
                axes.set_axis_off()
            last = picture.words[-_MOST_WORDS:]
            top = 100 * float(picture.maps[-len(last) :].max())
            for axes, word, shown in zip(
                row[1:], last, picture.maps[-len(last) :], strict=False
            ):
                drawn = axes.imshow(100 * shown, cmap="viridis", vmin=0, vmax=top)
                axes.set_title(word, fontsize=10)
            part.colorbar(drawn, ax=list(row), shrink=0.8, label="weight (%)")
    return figure


def precision_figure(result: StudyResult) -> Figure:
    """Draw the precision over its threshold, of the first seed's networks."""
    with styled():
        figure = new_figure(7.5, 4.8)
        axes = figure.subplots()
        colours = _colours(result)
        for name, (levels, shares) in result.curves.items():
            axes.plot(levels, 100 * np.array(shares), color=colours[name], label=name)
        threshold = getattr(result.settings, "precision_threshold", None)
        if threshold is not None:
            axes.axvline(threshold, color=GREY, linestyle=":", label="threshold")
        axes.set(
            xlabel="distance of the centres (pixels)",
            ylabel="frames within (%)",
            title=f"{result.data}, first network",
        )
        axes.set_ylim(0.0, 100.0)
        axes.legend(loc="lower right")
    return figure


def codebook_figure(codebook: Codebook) -> Figure:
    """Draw each operator's measured curves over the ideal one.

    Raises
    ------
    InputError
        If the codebook has no operator of one operand.
    """
    from labneuro.networks.codebook import ONE_OPERAND  # noqa: PLC0415  on demand

    if not codebook.curves:
        raise InputError("codebook_figure: no operator of one operand")
    with styled():
        figure = new_figure(4.0 * len(codebook.curves), 6.4)
        rows = figure.subplots(2, len(codebook.curves), squeeze=False, sharex="col")
        for upper, lower, (name, curve) in zip(
            rows[0], rows[1], codebook.curves.items(), strict=True
        ):
            ideal = ONE_OPERAND[name](curve.inputs)
            for answers, colour in zip(
                curve.mean, sequence(len(curve.mean)), strict=True
            ):
                upper.plot(curve.inputs, answers, color=colour, linewidth=1.0)
                lower.plot(curve.inputs, answers - ideal, color=colour, linewidth=1.0)
            upper.plot(
                curve.inputs, ideal, color=VERMILION, linestyle="--", label="ideal"
            )
            upper.set(title=f"{name}, {len(curve.mean)} units", ylabel="answer")
            lower.set(xlabel="input", ylabel="answer - ideal")
            upper.legend()
    return figure


def energy_figure(rows: tuple[EnergyRow, ...]) -> Figure:
    """Draw the energy of each part and of the three ways, beside the paper's."""
    with styled():
        figure = new_figure(9.0, 4.8)
        axes = figure.subplots()
        names = [row.part for row in rows]
        measured = any(row.mark == "measured" for row in rows)
        axes.barh(
            names,
            [1e3 * row.energy for row in rows],
            color=BLUE,
            label="here, measured loads" if measured else "here, all costs chosen",
        )
        _mark_chosen(axes, rows)
        quoted = [row for row in rows if row.paper is not None]
        axes.plot(
            [1e3 * row.paper for row in quoted if row.paper is not None],
            [row.part for row in quoted],
            "D",
            color=VERMILION,
            label="paper, for its own block",
        )
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlabel("energy of one pass of a block (mJ)")
        legend_beside(axes)
    return figure


def _mark_chosen(axes: Axes, rows: tuple[EnergyRow, ...]) -> None:
    """Mark what the chosen costs give where it is not what stands there."""
    other = {
        row.part: 1e3 * row.assumed
        for row in rows
        if row.assumed is not None and row.assumed != row.energy
    }
    if other:
        axes.plot(
            list(other.values()),
            list(other),
            "|",
            color=BLACK,
            markersize=16,
            markeredgewidth=2.0,
            label="all costs chosen",
        )


def save_network_result(
    result: StudyResult | OperatorStudy, folder: str | Path
) -> list[Path]:
    """Write a simulation's numbers and its figures.

    Parameters
    ----------
    result : StudyResult or OperatorStudy
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
    if hasattr(result, "energy"):
        return {
            "codebook": lambda: codebook_figure(result.codebook),
            "energy": lambda: energy_figure(result.energy),
        }
    figures: dict[str, Callable[[], Figure]] = {
        "four_numbers": lambda: four_numbers_figure(result),
        "fine_tuning": lambda: tuning_figure(result),
        "scores": lambda: scores_figure(result),
    }
    if result.pictures:
        figures["attention"] = lambda: attention_figure(result.pictures)
    if result.curves:
        figures["precision"] = lambda: precision_figure(result)
    return figures
