"""The figures that the PCU paper quotes, beside the card's units and the run files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.analysis.pcu_diode import diode_law, fit_diode
from labneuro.analysis.pcu_operators import (
    LOADS,
    answers_of,
    error_row,
    fit_shape,
    product_row,
    unit_loads,
    weight_load,
)
from labneuro.analysis.pcu_programming import (
    programming_rows,
    programmings,
    weight_noise,
)
from labneuro.analysis.pcu_switching import retention_rows, switching_of
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.data.reader import RunFile
from labneuro.demos.pcu_card import card_readings
from labneuro.devices.diode import thermal_voltage
from labneuro.networks.codebook import PAPER_WEIGHT_NOISE
from labneuro.networks.pcu_energy import (
    PAPER_ENERGY,
    BlockSize,
    EnergyAssumptions,
    block_energy,
    measured_costs,
)
from labneuro.networks.pcu_settings import PcuOperatorsSettings
from labneuro.protocols.catalog import protocol_class

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from labneuro.analysis.pcu_diode import DiodeFit
    from labneuro.analysis.pcu_operators import ShapeFit
    from labneuro.analysis.pcu_switching import Switching
    from labneuro.devices.pcu_parameters import PcuParameters

    Array = NDArray[np.float64]

COLUMNS = ("figure", "quantity", "paper", "card", "measured over VISA")
WEIGHED = ("multiplier", "divider", "softmax", "softplus", "gelu")
"""Operators whose units' loads the energy takes, beside the weights'."""
_LAW_FROM = 0.1  # V; from here on the law is compared, where it is far above the noise


@dataclass(frozen=True, eq=False)
class Seen:
    """Readings, of a run or of the card's units.

    Attributes
    ----------
    protocol : MeasurementProtocol
        What was measured.
    readings : dict of str to ndarray
        Columns of a run's readings.
    """

    protocol: Any
    readings: Mapping[str, NDArray[Any]]


def quoted_rows(
    runs: Mapping[str, Path], units: Mapping[int, PcuParameters]
) -> list[tuple[str, ...]]:
    """Return the table of quoted figures, a row a figure.

    Parameters
    ----------
    runs : mapping of str to Path
        Run files by the names of the shipped recipes, without folder.
    units : mapping of int to PcuParameters
        The card's units behind the bench, by row and column.

    Returns
    -------
    list of tuple of str
        As in `COLUMNS`.
    """
    measured = seen_in_runs(runs)
    cards = seen_on_card(measured, units)
    return [
        (figure, name, paper, tell(cards), tell(measured))
        for figure, name, paper, tell in _QUOTED
    ]


def seen_in_runs(runs: Mapping[str, Path]) -> dict[str, Seen]:
    """Return protocol and readings of run files; see :func:`quoted_rows`."""
    return {name: _read(path) for name, path in runs.items()}


def seen_on_card(
    measured: Mapping[str, Seen], units: Mapping[int, PcuParameters]
) -> dict[str, Seen]:
    """Return what the card's units do under the same protocols, without instruments."""
    return {
        name: Seen(one.protocol, card_readings(one.protocol, units))
        for name, one in measured.items()
    }


def _read(path: Path) -> Seen:
    with RunFile.open(path) as run:
        protocol = protocol_class(run.protocol).model_validate(run.parameters)
        return Seen(protocol, run.readings())


# ---- what is told of each


def _spread(values: Array, unit: str = "", scale: float = 1.0) -> str:
    """Return a mean and the standard deviation over units.

    `scale` is what one `unit` is in SI.
    """
    told = f"{values.mean() / scale:.4g}"
    if len(values) > 1:
        told += f" +- {values.std(ddof=1) / scale:.2g}"
    return f"{told} {unit}".rstrip()


def _parts(seen: Seen) -> list[dict[str, NDArray[Any]]]:
    """Return the readings unit by unit."""
    units = np.unique(seen.readings["unit"])
    return [
        {
            k: column[seen.readings["unit"] == unit]
            for k, column in seen.readings.items()
        }
        for unit in units
    ]


def _fits(seen: Seen) -> list[DiodeFit]:
    protocol = seen.protocol
    return [
        fit_diode(
            part["voltage"],
            part["current"],
            part["band"],
            temperature=protocol.temperature,
            lead_resistance=protocol.lead_resistance,
        )
        for part in _parts(seen)
    ]


def _diode(seen: Mapping[str, Seen]) -> str:
    values = np.array([fit.values for fit in _fits(seen["diodes"])])
    told = [
        _spread(values[:, k], unit, scale)
        for k, (unit, scale) in enumerate((("nA", 1e-9), ("", 1.0), ("ohm", 1.0)))
    ]
    return f"{', '.join(told)} ({len(values)} units)"


def _law(seen: Mapping[str, Seen]) -> str:
    """Return by how much readings in forward miss the fitted law at most."""
    one = seen["diodes"]
    largest = 0.0
    for part, fit in zip(_parts(one), _fits(one), strict=True):
        law = diode_law(
            part["voltage"],
            fit.values,
            one.protocol.temperature,
            one.protocol.lead_resistance,
        )
        forward = part["voltage"] >= _LAW_FROM
        misses = np.abs(part["current"][forward] / law[forward] - 1.0)
        largest = max(largest, float(misses.max()))
    return f"off by {100 * largest:.1g} % of the current at most"


def _programming(seen: Mapping[str, Seen]) -> str:
    one = seen["step-pulses"]
    found = programmings(one.readings, one.protocol.step_pulses.tolerance)
    row: dict[str, Any] = programming_rows("", found)[0]
    return (
        f"{row['reached']:.0f} of {row['programmings']:.0f} within "
        f"{100 * found.tolerance:.2g} %: {row['pulses_mean']:.1f} pulses "
        f"({row['pulses_largest']:.0f} at most), {row['overshoots_mean']:.1f} turns"
    )


def _kept(name: str) -> Callable[[Mapping[str, Seen]], str]:
    def tell(seen: Mapping[str, Seen]) -> str:
        one = seen[name]
        rows = retention_rows("", one.protocol.memristor, one.readings)
        changes = [abs(float(row["change"] or 0.0)) for row in rows]
        return (
            f"largest change {100 * max(changes):.2g} % in {one.protocol.duration:g} s "
            f"({len(rows)} states)"
        )

    return tell


def _switchings(seen: Mapping[str, Seen]) -> list[Switching]:
    ideality = float(np.mean([fit.values[1] for fit in _fits(seen["diodes"])]))
    one = seen["switching"]
    emission = ideality * thermal_voltage(seen["diodes"].protocol.temperature)
    return [
        switching_of(one.readings, int(unit), emission)
        for unit in np.unique(one.readings["unit"])
    ]


def _alone(seen: Mapping[str, Seen]) -> str:
    ratios = [float((one.high / one.low).mean()) for one in _switchings(seen)]
    return _spread(np.array(ratios))


def _at_terminals(seen: Mapping[str, Seen]) -> str:
    ratios = [float((one.on / one.off).mean()) for one in _switchings(seen)]
    return _spread(np.array(ratios))


def _edges(seen: Mapping[str, Seen]) -> str:
    found = _switchings(seen)
    sets, resets = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("set_voltage", "reset_voltage")
    )
    return f"{_spread(sets, 'V')}; {_spread(resets, 'V')}"


def _error(name: str) -> Callable[[Mapping[str, Seen]], str]:
    def tell(seen: Mapping[str, Seen]) -> str:
        row: dict[str, Any] = error_row(answers_of(name, seen[name].readings))
        return (
            f"{row['untrimmed']:.2%}, trimmed {row['trimmed']:.2%} "
            f"({row['normalisation']}, {row['operators']:.0f})"
        )

    return tell


def _product(seen: Mapping[str, Seen]) -> str:
    row: dict[str, Any] = product_row(seen["vmm"].readings)
    vectors = seen["vmm"].protocol.vectors
    return (
        f"{row['untrimmed']:.3%}, trimmed {row['trimmed']:.3%} "
        f"({row['normalisation']}, {vectors} vectors)"
    )


def _shape(name: str, unit: str, scale: float) -> Callable[[Mapping[str, Seen]], str]:
    def tell(seen: Mapping[str, Seen]) -> str:
        answers = answers_of(name, seen[name].readings)
        fits: list[ShapeFit] = [
            fit_shape(name, answers.first, one) for one in answers.mean
        ]
        height, steepness = (
            np.array([getattr(fit, what) for fit in fits])
            for what in ("height", "steepness")
        )
        misfit = float(np.mean([fit.misfit for fit in fits]))
        low, high = float(answers.first.min()), float(answers.first.max())
        return (
            f"A {_spread(height, unit, scale)}, K {_spread(steepness, '1/V')}, misfit "
            f"{100 * misfit:.1g} % of A rms ({low:g} to {high:g} V)"
        )

    return tell


def _noise(seen: Mapping[str, Seen]) -> str:
    one = seen["step-pulses"]
    tolerance = one.protocol.step_pulses.tolerance
    found = weight_noise(programmings(one.readings, tolerance))
    return f"{found:.4f} of the largest weight, within {100 * tolerance:.2g} %"


def costs_of(seen: Mapping[str, Seen]) -> EnergyAssumptions:
    """Return the energy's assumptions with the loads of the units that were seen.

    Parameters
    ----------
    seen : mapping of str to Seen
        By the names of the shipped recipes.
    """
    loads = {name: unit_loads(seen[name].readings) for name in WEIGHED}
    loads["weight"] = [weight_load(seen["vmm"].readings)]
    parameters = tuple(
        FittedParameter(
            name=f"{name}_{what}",
            unit=unit,
            value=float(np.mean([load[place] for load in found])),
            standard_error=None,
        )
        for name, found in loads.items()
        for place, (what, unit) in enumerate(LOADS)
    )
    carried = CalibratedModel(model="pcu", parameters=parameters)
    return measured_costs(carried, EnergyAssumptions())


def _energy(part: str) -> Callable[[Mapping[str, Seen]], str]:
    def tell(seen: Mapping[str, Seen]) -> str:
        own = PcuOperatorsSettings()
        size = BlockSize(own.tokens, own.width, own.heads, own.feed_forward)
        rows = {row.part: row for row in block_energy(size, costs_of(seen))}
        return f"{1e3 * rows[part].energy:.2g} mJ"

    return tell


def _paper(part: str) -> str:
    return f"{1e3 * PAPER_ENERGY[part]:.2f} mJ (its own block)"


_QUOTED: tuple[tuple[str, str, str, Callable[[Mapping[str, Seen]], str]], ...] = (
    (
        "2a",
        "diode: I0, n, Rs",
        "I0 (exp(q (V - I Rs) / (n k T)) - 1); no numbers",
        _diode,
    ),
    ("2a", "diode: readings from 0.1 V on against the law", "follows it", _law),
    (
        "2b",
        "M1 to five conductances, up and down",
        "pulses of 20 ms from +-0.2 V in steps of +-0.1 V, read at 0.01 V",
        _programming,
    ),
    (
        "S4",
        "M1 read at 0.01 V",
        "each state stable for over 600 s",
        _kept("multistate-retention"),
    ),
    ("S5", "M2 sets; resets", "hysteresis; numbers not in the text", _edges),
    ("2c", "M2 alone: set over reset", "over 1e6", _alone),
    ("2c", "M2 with D2 beside it: currents at 0.1 V", "over 1e6", _at_terminals),
    (
        "2c",
        "M2 read at 0.1 V",
        "retention over 1e3 s",
        _kept("binary-retention"),
    ),
    ("2d", "dividers", "5.66 % (mean relative, ten)", _error("divider")),
    ("2e", "multipliers", "6.61 % (mean relative, ten)", _error("multiplier")),
    ("3d", "1x3 by 3x1000 product", "0.78 % (mean relative)", _product),
    ("3e", "softmax", "1.31 % (mean relative, ten)", _error("softmax")),
    (
        "3f",
        "softplus with M1 at 10 kohm",
        "A softplus(K x); numbers not in the text",
        _shape("softplus", "uA", 1e-6),
    ),
    (
        "3g",
        "sigmoid of two diodes",
        "2 sigmoid(K x) - 1; K not in the text",
        _shape("sigmoid", "nA", 1e-9),
    ),
    ("3g", "GELU", "x sigmoid(1.702 x); no error given", _error("gelu")),
    (
        "text",
        "standard deviation of a weight",
        f"{PAPER_WEIGHT_NOISE} (of what is not said)",
        _noise,
    ),
    ("S8", "energy of a block: GPU", _paper("gpu"), _energy("gpu")),
    (
        "S8",
        "energy of a block: memristors multiply only",
        _paper("mac accelerator"),
        _energy("mac accelerator"),
    ),
    ("S8", "energy of a block: PCU", _paper("pcu"), _energy("pcu")),
)
