"""Results of the network of hybrid neurons."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from labneuro.data.digit_font import digit_patterns, distance_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.hybrid_snn_settings import HybridSnnSettings

LEVEL = 0.95


@dataclass(frozen=True)
class NetworkRow:
    """One trained network.

    Attributes
    ----------
    variant : str
        How it was trained.
    seed : int
        Its seed.
    events : int
        Presentations in training.
    alone : int
        Those in which one neuron spiked alone.
    together : int
        Those in which several spiked in one clock period.
    learners : int
        Neurons that ever spiked alone.
    most : int
        How often the one spiked alone that did so most often.
    distinct : int
        Hidden neurons that answer at least one digit most, after training.
    """

    variant: str
    seed: int
    events: int
    alone: int
    together: int
    learners: int
    most: int
    distinct: int

    @property
    def greediest(self) -> float:
        """Share of lone firings that one neuron had; nan if there were none."""
        return self.most / self.alone if self.alone else math.nan


@dataclass(frozen=True)
class RecognitionRow:
    """One network's answers to ten digits.

    Attributes
    ----------
    variant : str
        How it was trained.
    seed : int
        Its seed.
    noise : int
        Pixels that were turned over in each digit.
    correct, total : int
        Digits whose output neuron alone spiked most, and digits shown.
    """

    variant: str
    seed: int
    noise: int
    correct: int
    total: int

    @property
    def rate(self) -> float:
        """Share of digits recognised."""
        return self.correct / self.total


@dataclass(frozen=True)
class RecognitionSummary:
    """Recognition of one variant at one noise over all networks.

    Attributes
    ----------
    variant : str
        How they were trained.
    noise : int
        Pixels that were turned over.
    networks : int
        How many.
    mean, standard_deviation : float
        Of the recognition rate over the networks.
    interval : tuple of float
        95 % interval of the mean by Student's t over the networks: digits of one
        network are not independent of each other.
    """

    variant: str
    noise: int
    networks: int
    mean: float
    standard_deviation: float
    interval: tuple[float, float]


class Maps(NamedTuple):
    """The first network in pictures; conductances in S, rates in Hz.

    Attributes
    ----------
    first_before, first_after : ndarray, shape (10, 30)
        First layer.
    first_events : ndarray, shape (events + 1, 30)
        The winner's synapses while one digit is shown again and again.
    second_before, second_after : ndarray, shape (10, 10)
        Second layer.
    second_periods : ndarray, shape (periods + 1, 10)
        One output's synapses, clock period by clock period.
    digit : int
        The digit of both evolutions.
    hidden : ndarray of int64, shape (10,)
        Hidden neuron that answers each digit most.
    rates : dict of int to (ndarray, ndarray)
        Firing rates of both layers by number of noisy pixels, shape (digits, neurons).
    """

    first_before: NDArray[np.float64]
    first_after: NDArray[np.float64]
    first_events: NDArray[np.float64]
    second_before: NDArray[np.float64]
    second_after: NDArray[np.float64]
    second_periods: NDArray[np.float64]
    digit: int
    hidden: NDArray[np.int64]
    rates: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class HybridSnnResult:
    """What a simulation of the network of hybrid neurons found.

    Attributes
    ----------
    settings : HybridSnnSettings
        The settings it ran with, after `quick`.
    model : CalibratedModel
        The threshold switch.
    sources : dict of str to str
        Where each number of the network is from.
    networks : tuple of NetworkRow
        One row a variant and seed.
    recognition : tuple of RecognitionRow
        One row a variant, seed and noise.
    maps : Maps
        The first network.
    """

    settings: HybridSnnSettings
    model: CalibratedModel
    sources: dict[str, str]
    networks: tuple[NetworkRow, ...]
    recognition: tuple[RecognitionRow, ...]
    maps: Maps

    def summary(self) -> list[RecognitionSummary]:
        """Return recognition by variant and noise, in the order of the rows."""
        groups: dict[tuple[str, int], list[RecognitionRow]] = {}
        for row in self.recognition:
            groups.setdefault((row.variant, row.noise), []).append(row)
        return [_summary(group) for group in groups.values()]

    @property
    def accuracy_table(self) -> str:
        """Distances of the digits, recognition, training and sources as text."""
        parts = [distance_table(digit_patterns(self.settings.font))]
        parts.append("\n".join(self._recognition_lines()))
        parts.append("\n".join(self._network_lines()))
        counts: dict[str, int] = {}
        for source in self.sources.values():
            counts[source] = counts.get(source, 0) + 1
        numbers = ", ".join(f"{count} {source}" for source, count in counts.items())
        parts.append(f"sources of the network's numbers: {numbers}")
        return "\n\n".join(parts)

    def _recognition_lines(self) -> list[str]:
        lines = [
            f"{'variant':<31}  {'noisy pixels':>12}  {'recognised':>10}  {'sd':>6}  "
            f"{'95 % interval':>15}"
        ]
        for part in self.summary():
            low, high = part.interval
            lines.append(
                f"{part.variant:<31}  {part.noise:>12d}  {part.mean:>10.1%}  "
                f"{_percent(part.standard_deviation):>6}  "
                f"{_percent(low):>6} - {_percent(high):>6}"
            )
        return lines

    def _network_lines(self) -> list[str]:
        lines = [
            f"{'variant':<31}  {'alone':>6}  {'together':>8}  {'learners':>8}  "
            f"{'greediest':>9}  {'hidden neurons in use':>21}"
        ]
        groups: dict[str, list[NetworkRow]] = {}
        for row in self.networks:
            groups.setdefault(row.variant, []).append(row)
        for variant, rows in groups.items():
            greedy = [row.greediest for row in rows if row.alone]
            alone = fmean(row.alone / row.events for row in rows)
            together = fmean(row.together / row.events for row in rows)
            lines.append(
                f"{variant:<31}  {alone:>6.0%}  {together:>8.0%}  "
                f"{fmean(row.learners for row in rows):>8.1f}  "
                f"{_percent(fmean(greedy) if greedy else math.nan):>9}  "
                f"{fmean(row.distinct for row in rows):>21.1f}"
            )
        return lines

    def to_json(self) -> str:
        """Return all numbers as JSON text, the same for the same seed and settings."""
        content = {
            "network": "hybrid-snn",
            "settings": self.settings.model_dump(mode="json"),
            "switch": {
                part.name: {"value": part.value, "unit": part.unit}
                for part in self.model.parameters
            },
            "sources": self.sources,
            "source_runs": [run.model_dump() for run in self.model.source_runs],
            "summary": [_plain(asdict(part)) for part in self.summary()],
            "recognition": [asdict(row) for row in self.recognition],
            "networks": [asdict(row) for row in self.networks],
            "first_network": {
                "first_layer": self.maps.first_after.tolist(),
                "second_layer": self.maps.second_after.tolist(),
                "hidden": self.maps.hidden.tolist(),
                "rates": {
                    str(noise): [layer.tolist() for layer in layers]
                    for noise, layers in self.maps.rates.items()
                },
            },
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _summary(group: list[RecognitionRow]) -> RecognitionSummary:
    rates = [row.rate for row in group]
    mean, spread, interval = fmean(rates), math.nan, (math.nan, math.nan)
    if len(rates) > 1:
        from scipy import stats  # noqa: PLC0415  scipy loads slowly

        spread = stdev(rates)
        quantile = float(stats.t.ppf(0.5 * (1.0 + LEVEL), len(rates) - 1))
        half = quantile * spread / math.sqrt(len(rates))
        interval = max(mean - half, 0.0), min(mean + half, 1.0)
    return RecognitionSummary(
        group[0].variant, group[0].noise, len(rates), mean, spread, interval
    )


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1%}"


def _plain(value: object) -> object:
    """Return a value with None in place of nan, through dictionaries and tuples."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
