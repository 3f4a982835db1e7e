"""The picture of the screen, drawn from the present waveforms."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.traces import Trace

_SIZE = (8.0, 4.8)  # inches at 100 dots: the 800 x 480 points of the screen
_DOTS = 100
_MOST_DRAWN = 4000
_COLOURS = {
    "CHAN1": "#d8b400",
    "CHAN2": "#2aa02a",
    "CHAN3": "#3b6fd4",
    "CHAN4": "#d43b7a",
    "FUNC": "#a05bd0",
    "POD1": "#707070",
    "POD2": "#909090",
    "WMEM1": "#c07030",
    "WMEM2": "#30a0a0",
}


def picture(scope: KeysightMsox3104T, form: str, grey: bool, ink_saver: bool) -> bytes:
    """Draw the screen.

    Parameters
    ----------
    scope : KeysightMsox3104T
        What to draw.
    form : str
        ``"PNG"``, ``"BMP"`` (24 bits) or ``"BMP8"``.
    grey : bool
        Whether without colours.
    ink_saver : bool
        Whether the background is white.

    Returns
    -------
    bytes
        The picture's file.
    """
    # Slow to import and needed for this alone.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    ground, ink = ("white", "black") if ink_saver else ("black", "white")
    figure = Figure(_SIZE, dpi=_DOTS, facecolor=ground)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.08, 0.96, 0.84), facecolor=ground)
    _grid(axes, ink)
    titles = _draw_all(scope, axes)
    figure.text(0.02, 0.94, "   ".join(titles), color=ink, fontsize=9)
    figure.text(0.02, 0.02, _footer(scope), color=ink, fontsize=9)
    canvas.draw()  # type: ignore[no-untyped-call]  # untyped there
    points = canvas.buffer_rgba()  # type: ignore[no-untyped-call]  # same
    image = Image.fromarray(np.asarray(points)[..., :3])
    if grey:
        image = image.convert("L").convert("RGB")
    if form == "BMP8":
        image = image.convert("P")
    file = io.BytesIO()
    image.save(file, "PNG" if form == "PNG" else "BMP")
    return file.getvalue()


def _grid(axes: Axes, ink: str) -> None:
    half = datasheet.VERTICAL_DIVISIONS / 2
    axes.set_xlim(0.0, datasheet.DIVISIONS)
    axes.set_ylim(-half, half)
    axes.set_xticks(range(datasheet.DIVISIONS + 1), labels=[])
    axes.set_yticks(np.arange(-half, half + 1), labels=[])
    axes.grid(visible=True, color=ink, alpha=0.2)
    axes.tick_params(length=0)


def _draw_all(scope: KeysightMsox3104T, axes: Axes) -> list[str]:
    titles = []
    for source, colour in _COLOURS.items():
        trace = scope.trace(source) if scope.is_shown(source) else None
        if trace is None:
            continue
        _draw(scope, axes, trace, colour, spectrum=_is_spectrum(scope, source))
        per_division = (
            trace.y_increment * datasheet.CODES / datasheet.VERTICAL_DIVISIONS
        )
        titles.append(source if trace.logic else f"{source} {per_division:.3g}/div")
    return titles


def _is_spectrum(scope: KeysightMsox3104T, source: str) -> bool:
    return source == "FUNC" and scope.settings.function.operation == "FFT"


def _draw(
    scope: KeysightMsox3104T, axes: Axes, trace: Trace, colour: str, *, spectrum: bool
) -> None:
    base = scope.settings.timebase
    trace = trace.thinned(_MOST_DRAWN)
    place = np.arange(trace.words.size, dtype=np.float64)
    if spectrum:
        span = float(max(1, place.size - 1))
        across = datasheet.DIVISIONS / span * place
    else:
        left = base.position - datasheet.REFERENCES[base.reference] * base.range
        times = trace.x_origin + place * trace.x_increment
        across = (times - left) * datasheet.DIVISIONS / base.range
    if trace.logic:
        for bit in range(datasheet.POD_CHANNELS):
            level = trace.words >> np.uint16(bit) & np.uint16(1)
            axes.step(across, -3.9 + 0.45 * bit + 0.3 * level, color=colour, lw=0.8)
        return
    codes = trace.words.astype(float) - datasheet.CENTRE
    unit = datasheet.CODES * datasheet.CODE / datasheet.VERTICAL_DIVISIONS
    axes.plot(across, codes / unit, color=colour, linewidth=0.8)


def _footer(scope: KeysightMsox3104T) -> str:
    base, trigger = scope.settings.timebase, scope.settings.trigger
    state = "Run" if scope.acquisition.is_running else "Stop"
    return (
        f"{base.range / datasheet.DIVISIONS:.4g} s/   {base.position:.4g} s   {state}"
        f"   {trigger.mode} {trigger.source}   {trigger.sweep}"
    )
