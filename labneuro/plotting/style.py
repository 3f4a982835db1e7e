"""One look for all figures: sizes, colours that the colour-blind tell apart, saving.

Figures are made without pyplot, so nothing global is kept and no display is needed.

References
----------
M. Okabe, K. Ito, "Color Universal Design" (2008): the eight colours.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labneuro.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#6E6E6E"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PER_MICROMETRE = 1e-6  # V/m to V/um
_SEQUENCE = "viridis"
_BRIGHTEST = 0.88  # of the sequence: the yellow end is too pale on white
_RESOLUTION = 150.0
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 12,
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "errorbar.capsize": 2.5,
    "figure.titlesize": 13,
    "font.size": 11,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.title_fontsize": 10,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
}


def styled() -> AbstractContextManager[None]:
    """Return the context in which a figure is drawn."""
    return mpl.rc_context(mpl.RcParams(_STYLE))


def new_figure(width: float = 8.0, height: float = 5.0) -> Figure:
    """Return an empty figure; the size in inches at 150 dots each."""
    figure = Figure(figsize=(width, height), dpi=_RESOLUTION, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def sequence(count: int) -> list[tuple[float, float, float, float]]:
    """Return colours that grow from dark to light, readable in grey too.

    Parameters
    ----------
    count : int
        How many.
    """
    scale = mpl.colormaps[_SEQUENCE]
    steps = [_BRIGHTEST * k / max(count - 1, 1) for k in range(count)]
    return [tuple(scale(step)) for step in steps]  # type: ignore[misc]


def legend_beside(axes: Axes, title: str | None = None) -> None:
    """Put the legend to the right of the axes, where it covers no data."""
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, title=title
    )


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file.

    Parameters
    ----------
    figure : Figure
        The figure.
    path : path
        The file; its suffix is the format, such as ``.png``, ``.pdf`` or ``.svg``.

    Raises
    ------
    InputError
        If the format is unknown or the file cannot be written.
    """
    path = Path(path)
    known = FigureCanvasAgg.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise InputError(
            f"{path}: no figure format {path.suffix!r}; allowed are "
            + ", ".join(f".{name}" for name in sorted(known))
        )
    try:
        figure.savefig(path, dpi=_RESOLUTION)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def save_result(
    numbers: str, figures: Mapping[str, Callable[[], Figure]], folder: Path
) -> list[Path]:
    """Write a simulation's numbers and its figures.

    Parameters
    ----------
    numbers : str
        The result as JSON.
    figures : mapping of str to callable
        What draws each figure, by the name of its file.
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
    paths = [folder / "result.json"]
    try:
        paths[0].write_text(numbers, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{paths[0]}: cannot be written: {error.strerror}") from error
    for name, draw in figures.items():
        paths.append(folder / f"{name}.png")
        save(draw(), paths[-1])
    return paths
