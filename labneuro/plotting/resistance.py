"""Small-signal current-voltage curve with the fitted line and its residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.plotting.style import BLACK, BLUE, VERMILION, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labneuro.analysis.resistance import ResistanceFit
    from labneuro.calibration import FittedParameter

_PREFIXES = ((1.0, "A"), (1e-3, "mA"), (1e-6, "µA"), (1e-9, "nA"), (1e-12, "pA"))
_OHMS = ((1e9, "GΩ"), (1e6, "MΩ"), (1e3, "kΩ"), (1.0, "Ω"))


def resistance_fit(fit: ResistanceFit) -> Figure:
    """Draw current against voltage, the fitted line, and what the line leaves.

    Parameters
    ----------
    fit : ResistanceFit
        The fit with its data.

    Returns
    -------
    Figure
    """
    conductance = 1.0 / fit.resistance.value
    line = np.linspace(fit.voltage.min(), fit.voltage.max(), 2)
    residual = fit.current - conductance * fit.voltage - fit.offset_current.value
    scale, unit = _current_unit(float(np.abs(fit.current).max()))
    fine, fine_unit = _current_unit(float(np.abs(residual).max()))
    with styled():
        figure = new_figure(7.0, 5.6)
        curve, rest = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        curve.plot(
            fit.voltage,
            fit.current / scale,
            "o",
            color=BLUE,
            alpha=0.6,
            label="readings",
        )
        curve.plot(
            line,
            (conductance * line + fit.offset_current.value) / scale,
            color=VERMILION,
            label=_resistance_text(fit.resistance),
        )
        curve.set_ylabel(f"current ({unit})")
        curve.legend(loc="upper left")
        rest.plot(
            fit.voltage, residual / fine, "o", color=BLUE, alpha=0.6, markersize=4
        )
        rest.axhline(0.0, color=BLACK, linewidth=1.0)
        rest.set(xlabel="voltage (V)", ylabel=f"residual ({fine_unit})")
    return figure


def _current_unit(largest: float) -> tuple[float, str]:
    for scale, unit in _PREFIXES:
        if largest >= scale:
            return scale, unit
    return _PREFIXES[-1]


def _resistance_text(resistance: FittedParameter) -> str:
    scale, unit = next(
        (pair for pair in _OHMS if resistance.value >= pair[0]), _OHMS[-1]
    )
    low, high = resistance.interval
    ends = " to ".join(
        "open" if end is None else f"{end / scale:.5g}" for end in (low, high)
    )
    return f"R = {resistance.value / scale:.5g} {unit} (95 %: {ends})"
