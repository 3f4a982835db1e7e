"""The math waveform: sums, products, calculus and the spectrum of channels.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapter 17 (:FUNCtion).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000.traces import Trace, drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.sim_backends.keysight_msox3000.settings import Function

    Array = NDArray[np.float64]

_TWO = {
    "ADD": np.add,
    "SUBT": np.subtract,
    "MULT": np.multiply,
    "DIV": np.divide,
}
_ONE: dict[str, Callable[[Array, float], Array]] = {
    "INT": lambda volts, step: np.cumsum(volts) * step,
    "DIFF": np.gradient,
    "SQRT": lambda volts, _: np.sqrt(np.maximum(volts, 0.0)),
    "ABS": lambda volts, _: np.abs(volts),
    "SQU": lambda volts, _: volts**2,
    "LN": lambda volts, _: np.log(np.maximum(volts, np.finfo(float).tiny)),
    "LOG": lambda volts, _: np.log10(np.maximum(volts, np.finfo(float).tiny)),
    "EXP": lambda volts, _: np.exp(np.minimum(volts, 80.0)),
    "TEN": lambda volts, _: 10.0 ** np.minimum(volts, 35.0),
    "MAGN": lambda volts, _: volts,
}
OPERATIONS = (
    *("ADD", "SUBTract", "MULTiply", "DIVide", "INTegrate", "DIFF", "FFT", "SQRT"),
    *("ABSolute", "SQUare", "LN", "LOG", "EXP", "TEN", "MAGNify"),
)
_WINDOWS: dict[str, Callable[[int], Array]] = {
    "HANN": np.hanning,
    "BHAR": np.blackman,
    "RECT": np.ones,
    "FLAT": np.hanning,
}
_MOST_SPECTRUM = 65_536


def calculate(
    settings: Function, first: Trace | None, second: Trace | None
) -> Trace | None:
    """Return the math waveform, or None if a channel that it needs is missing.

    Parameters
    ----------
    settings : Function
        Operation and scale.
    first, second : Trace, optional
        The sources.
    """
    if first is None:
        return None
    operation = settings.operation
    if operation == "FFT":
        return _spectrum(settings, first)
    if operation in _TWO:
        if second is None or second.words.size != first.words.size:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            values = _TWO[operation](first.values, second.values)
    else:
        values = _ONE[operation](first.values, first.x_increment)
    return drawn(values, first, settings.range, settings.offset)


def _spectrum(settings: Function, trace: Trace) -> Trace:
    """Return the amplitude spectrum in dBV or V rms; the x axis is in Hz."""
    trace = trace.thinned(_MOST_SPECTRUM)
    volts = trace.values
    window = _WINDOWS[settings.window](volts.size)
    lines = np.abs(np.fft.rfft(volts * window)) * np.sqrt(2.0) / window.sum()
    lines[0] /= np.sqrt(2.0)  # 0 Hz has no rms of its own
    spacing = 1.0 / (volts.size * trace.x_increment)
    low, high = (settings.center + side * settings.span / 2 for side in (-1, 1))
    first = max(0, int(np.ceil(low / spacing)))
    shown = lines[first : max(first + 1, int(high / spacing) + 1)]
    if not shown.size:
        shown, first = lines[-1:], lines.size - 1
    if settings.vertical_type == "DEC":
        shown = 20.0 * np.log10(np.maximum(shown, 1e-12))
    axis = replace(trace, x_increment=spacing, x_origin=first * spacing)
    return drawn(shown, axis, settings.range, settings.offset)
