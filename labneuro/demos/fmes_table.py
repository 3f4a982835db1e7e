"""The figures that the FMES paper quotes, as they come out of run files.

Each is defined as in :mod:`labneuro.devices.fmes_figures`, so that paper, cards and
measurement stand beside each other.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.bench import load_card
from labneuro.data.reader import RunFile
from labneuro.devices.catalog import load_parameters
from labneuro.devices.fmes import FmesParameters
from labneuro.devices.fmes_figures import (
    PAIR_GAP,
    PAIR_RESISTOR,
    RANGE_RESISTORS,
    SWEEP_RATE,
    TRAIN_PULSES,
    quoted_figures,
)
from labneuro.errors import InputError
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Readings = Mapping[str, NDArray[np.float64]]

CARDS = ("fmes-2b", "fmes")
COLUMNS = (
    "figure",
    "paper",
    *(f"card {card}" for card in CARDS),
    "measured over VISA",
)
_EARLY, _LATE = 1.0, 100.0  # s after the train, of the retention
_SWEPT = {500.0: ((0.6, 0.12), 0.5e-3), 8000.0: ((0.6, 0.74), 0.5e-3)}


class Measured(NamedTuple):
    """A measured figure; its standard error where repetitions tell it."""

    value: float
    error: float | None = None


def card_parameters(card: str) -> FmesParameters:
    """Return the parameters of a shipped FMES card.

    Raises
    ------
    InputError
        If the card is of another device.
    """
    found = load_parameters("fmes", load_card(card), card)
    if not isinstance(found, FmesParameters):
        raise InputError(f"card {card}: not of an FMES device")
    return found


def figure_rows(runs: Mapping[str, Path]) -> list[tuple[str, ...]]:
    """Return the table of quoted figures, a row a figure.

    Parameters
    ----------
    runs : mapping of str to Path
        Run files by `sweeps`, `paired-pulse`, `potentiation`, `retention`.

    Returns
    -------
    list of tuple of str
        As in `COLUMNS`.
    """
    measured = measured_figures(runs)
    columns = [quoted_figures(card_parameters(card)) for card in CARDS]
    rows = []
    for line in zip(*columns, strict=True):
        quoted = line[0]
        bound = "at least " if quoted.at_least else ""
        rows.append(
            (
                quoted.name,
                bound + show(quoted.quoted, quoted.unit),
                *(show(one.value, one.unit) for one in line),
                _measured_text(measured[quoted.name], quoted.unit),
            )
        )
    return rows


def _measured_text(found: Measured, unit: str) -> str:
    text = show(found.value, unit)
    if found.error is None:
        return text
    return f"{text} (standard error {show(found.error, unit, digits=2)})"


def measured_figures(runs: Mapping[str, Path]) -> dict[str, Measured]:
    """Return every quoted figure from run files, by its name.

    Parameters
    ----------
    runs : mapping of str to Path
        Run files by `sweeps`, `paired-pulse`, `potentiation`, `retention`.

    Raises
    ------
    InputError
        If a run lacks a condition that a figure is quoted at.
    """
    parts = {
        "sweeps": _currents,
        "paired-pulse": _pair,
        "potentiation": _ranges,
        "retention": _retention,
    }
    return {
        name: found
        for key, part in parts.items()
        for name, found in part(_readings(runs[key]), str(runs[key]))
    }


def _readings(path: Path) -> Readings:
    with RunFile.open(path) as run:
        return run.readings()


def _where(readings: Readings, path: str, **wanted: float) -> Readings:
    rows = np.all(
        [np.isclose(readings[key], value) for key, value in wanted.items()], axis=0
    )
    if not rows.any():
        conditions = ", ".join(f"{key} {value:g}" for key, value in wanted.items())
        raise InputError(f"{path}: nothing was measured at {conditions}")
    return {key: column[rows] for key, column in readings.items()}


def _currents(readings: Readings, path: str) -> Iterator[tuple[str, Measured]]:
    """Yield the I-V figures of the mean rising branch, with jackknife errors."""
    for ohm, (volts, amps) in _SWEPT.items():
        sweep = _where(readings, path, rate=SWEEP_RATE, resistance=ohm)
        sweeps = len(np.unique(sweep["step"]))
        voltage = sweep["voltage"].reshape(sweeps, -1)[0]
        top = int(np.argmax(voltage)) + 1
        voltage = voltage[:top]
        current = sweep["current"].reshape(sweeps, -1)[:, :top]
        for level in volts:
            name = f"current at {level:g} V, {ohm:.0f} ohm"
            yield name, _jackknife(current, partial(np.interp, level, voltage))
        name = f"voltage at {amps / 1e-3:g} mA, {ohm:.0f} ohm"
        yield name, _jackknife(current, partial(_voltage_at, amps, voltage))


def _voltage_at(
    amps: float, voltage: NDArray[np.float64], current: NDArray[np.float64]
) -> float:
    # The noise of a reading must not make the current fall.
    return float(np.interp(amps, np.maximum.accumulate(current), voltage))


def _jackknife(
    curves: NDArray[np.float64], figure: Callable[[NDArray[np.float64]], float]
) -> Measured:
    """Return a figure of the mean curve, its error by leaving each curve out."""
    value, count = float(figure(curves.mean(axis=0))), len(curves)
    if count == 1:
        return Measured(value)
    without = [figure(np.delete(curves, n, axis=0).mean(axis=0)) for n in range(count)]
    return Measured(value, math.sqrt((count - 1) * float(np.var(without))))


def _pair(readings: Readings, path: str) -> Iterator[tuple[str, Measured]]:
    """Yield both peaks and the index, with standard errors over the repetitions."""
    pairs = _where(readings, path, interval=PAIR_GAP, resistance=PAIR_RESISTOR)
    names = {
        "first": "A1, 7000 ohm",
        "second": "A2, 7000 ohm, 10 ms",
        "index": "paired-pulse index A2/A1",
    }
    for key, name in names.items():
        values = pairs[key]
        many = len(values) > 1
        error = values.std(ddof=1) / math.sqrt(len(values)) if many else None
        yield name, Measured(float(values.mean()), error)


def _ranges(readings: Readings, path: str) -> Iterator[tuple[str, Measured]]:
    """Yield residual PSV of the last over that of the first pulse, from rest."""
    for ohm in RANGE_RESISTORS:
        cycle = _where(readings, path, resistance=ohm, cycle=0)
        ends = [
            float(cycle["residual"][cycle["pulse"] == pulse][0])
            for pulse in (1, TRAIN_PULSES)
        ]
        beside = "open" if math.isinf(ohm) else f"{ohm:.0f} ohm"
        yield f"dynamic range, {beside}", Measured(ends[1] / ends[0])


def _retention(readings: Readings, path: str) -> Iterator[tuple[str, Measured]]:
    """Yield what is left 100 s after the train, over what was left after 1 s."""
    train = readings["phase"] >= 0
    end = readings["time"][train][-1]
    decay = _where(readings, path, phase=-1)
    delay = decay["time"] - end
    early, late = (
        float(np.interp(moment, delay, decay["voltage"])) for moment in (_EARLY, _LATE)
    )
    name = "retention, 100 s over 1 s, open"
    yield name, Measured(late / early)
