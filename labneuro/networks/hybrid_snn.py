"""A 30 x 10 x 10 network of hybrid neurons that learns ten digits in place.

All twenty neurons are boards of the event-driven solver, their synapses RS synapses
that the neurons themselves program; a lateral-inhibition array closes the gates of the
first layer's losers. The variants show what each ingredient does:

- ``network``: as described, a short rest after every firing event.
- ``no stochasticity``: all neurons alike, no noise of their rates.
- ``no inhibition``: every gate of the first layer is on all the time.
- ``from rest`` and ``from rest, no stochasticity``: the switches relax before each
  presentation, so that nobody is ahead because he lost last time.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 5 and "Training method".
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.data.digit_font import DIGITS, PIXELS, digit_patterns, flip_pixels
from labneuro.networks.hybrid_snn_layer import LayerGroup, LayerKind
from labneuro.networks.hybrid_snn_parts import network_parts
from labneuro.networks.hybrid_snn_result import (
    HybridSnnResult,
    Maps,
    NetworkRow,
    RecognitionRow,
)
from labneuro.networks.hybrid_snn_settings import HybridSnnSettings
from labneuro.networks.hybrid_snn_training import (
    NOBODY,
    FiringEvents,
    SecondTraining,
    SpikeCounts,
    infer,
    train_first,
    train_second,
    training_order,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.catalog import Progress
    from labneuro.networks.hybrid_snn_parts import NetworkParts


__all__ = ["HybridSnnResult", "HybridSnnSettings", "simulate"]

_SHOWN_DIGIT = 1  # whose evolution the paper shows
_EVOLUTION = 30  # firing events; the paper's number
_PERIOD = 500e-6  # s; the clock of 2 kHz


class _Stream(IntEnum):
    """What a random stream is for."""

    FIRST = 1
    SECOND = 2
    FIRST_TEST = 3
    SECOND_TEST = 4
    NOISE = 5
    EVOLUTION = 6


@dataclass(frozen=True)
class Variant:
    """How networks are trained.

    Attributes
    ----------
    name : str
        Its name in tables.
    stochastic : bool
        Whether neurons differ and are noisy.
    inhibited : bool
        Whether the lateral-inhibition array is there.
    from_rest : bool
        Whether the switches relax before each presentation.
    """

    name: str
    stochastic: bool = True
    inhibited: bool = True
    from_rest: bool = False


VARIANTS = (
    Variant("network"),
    Variant("no stochasticity", stochastic=False),
    Variant("no inhibition", inhibited=False),
    Variant("from rest", from_rest=True),
    Variant("from rest, no stochasticity", stochastic=False, from_rest=True),
)


class _Trained(NamedTuple):
    """Networks of one variant after training."""

    variant: Variant
    parts: NetworkParts
    seeds: list[int]
    events: FiringEvents
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    hidden: NDArray[np.int64]
    teaching: SecondTraining


def simulate(
    model: CalibratedModel,
    settings: HybridSnnSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> HybridSnnResult:
    """Train both layers in place, test with noise, take ingredients away.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"threshold_switch"``.
    settings : HybridSnnSettings
        Digits, training and test.
    seed : int
        Seed of the first network; the others count up from it.
    progress : callable, optional
        Called with a label, the steps done and the steps in total.

    Returns
    -------
    HybridSnnResult

    Raises
    ------
    CalibrationError
        If the model lacks a number that the network needs.
    CardError, NotInWorkspaceError
        If a card is wrong or not there.
    """
    chosen = settings.effective()
    parts = network_parts(model, chosen)
    variants = VARIANTS if chosen.ablations else VARIANTS[:1]
    report = _reporter(progress, 2 * len(variants) + len(chosen.noisy))
    work = _Simulation(parts, chosen, seed)
    itself = work.train(variants[0])
    report(f"{variants[0].name}: trained")
    rates = work.test(itself, chosen.noisy, report)
    networks, recognition = _network_rows(itself), _all_rows(itself, rates)
    for variant in variants[1:]:
        trained = work.train(variant)
        report(f"{variant.name}: trained")
        networks += _network_rows(trained)
        recognition += _all_rows(trained, work.test(trained, (0,), report))
    maps = work.maps(itself, rates)
    report("evolution")
    return HybridSnnResult(
        chosen, model, parts.sources, tuple(networks), tuple(recognition), maps
    )


def _reporter(progress: Progress | None, total: int) -> Callable[[str], None]:
    steps = itertools.count(1)

    def report(label: str) -> None:
        if progress is not None:
            progress(label, next(steps), total)

    return report


class _Simulation:
    """Training and test of groups of networks."""

    def __init__(
        self, parts: NetworkParts, settings: HybridSnnSettings, seed: int
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._seed = seed
        self._patterns = digit_patterns(settings.font)

    def _layer(
        self,
        parts: NetworkParts,
        kind: LayerKind,
        seeds: list[int],
        stream: _Stream,
        *,
        test: bool = False,
    ) -> LayerGroup:
        layer = LayerGroup(
            parts,
            kind,
            seeds,
            int(np.random.SeedSequence((self._seed, stream)).generate_state(1)[0]),
            copies=DIGITS if test else 1,
            learning=not test,
            loose=self._settings.loose,
        )
        if kind.inhibited and self._settings.timely_inhibition:
            layer.neurons.rivals = DIGITS
        return layer

    def train(self, variant: Variant) -> _Trained:
        """Return trained networks of a variant."""
        settings = self._settings
        seeds = [self._seed + number for number in range(settings.seeds)]
        parts = self._parts if variant.stochastic else self._parts.deterministic
        kind = LayerKind(0, PIXELS, variant.inhibited)
        first = self._layer(parts, kind, seeds, _Stream.FIRST)
        events = train_first(
            first,
            self._patterns,
            training_order(settings.passes, seeds, settings.order),
            settings,
            from_rest=variant.from_rest,
        )
        hidden = self._answering(parts, kind, seeds, first.conductance)
        second = self._layer(parts, LayerKind(1, DIGITS, False), seeds, _Stream.SECOND)
        second.set_conductance(parts.synapse.lowest_conductance)
        teaching = train_second(second, hidden, settings)
        return _Trained(
            variant,
            parts,
            seeds,
            events,
            first.conductance,
            second.conductance,
            hidden,
            teaching,
        )

    def _answering(
        self,
        parts: NetworkParts,
        kind: LayerKind,
        seeds: list[int],
        conductance: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """Return the hidden neuron that answers each clean digit most, -1 if none."""
        layer = self._layer(parts, kind, seeds, _Stream.FIRST_TEST, test=True)
        layer.set_conductance(np.repeat(conductance, DIGITS, axis=0))
        shown = np.tile(self._patterns, (len(seeds), 1))
        counts = infer(layer, None, shown, self._settings).first
        most = np.where(counts.any(axis=1), counts.argmax(axis=1), NOBODY)
        return most.reshape(len(seeds), DIGITS)

    def test(
        self, trained: _Trained, noisy: Sequence[int], report: Callable[[str], None]
    ) -> dict[int, SpikeCounts]:
        """Return the spikes of networks by number of noisy pixels."""
        kind = LayerKind(0, PIXELS, trained.variant.inhibited)
        parts, seeds = trained.parts, trained.seeds
        first = self._layer(parts, kind, seeds, _Stream.FIRST_TEST, test=True)
        second = self._layer(
            parts, LayerKind(1, DIGITS, False), seeds, _Stream.SECOND_TEST, test=True
        )
        clean = np.tile(self._patterns, (len(seeds), 1))
        shape = (len(seeds), DIGITS, DIGITS)
        counts = {}
        for noise in noisy:
            for layer, learned in ((first, trained.first), (second, trained.second)):
                layer.set_conductance(np.repeat(learned, DIGITS, axis=0))
            generator = np.random.default_rng((self._seed, _Stream.NOISE, noise))
            shown = flip_pixels(clean, noise, generator)
            found = infer(first, second, shown, self._settings)
            counts[noise] = SpikeCounts(*(part.reshape(shape) for part in found))
            report(f"{trained.variant.name}: {noise} noisy pixels")
        return counts

    def maps(self, trained: _Trained, counts: dict[int, SpikeCounts]) -> Maps:
        """Return the first network in pictures."""
        settings = self._settings
        seconds = _PERIOD * settings.window
        lowest = trained.parts.synapse.lowest_conductance
        rates = {
            noise: (part.first[0] / seconds, part.second[0] / seconds)
            for noise, part in counts.items()
        }
        return Maps(
            first_before=trained.events.history[0],
            first_after=trained.first[0],
            first_events=self._evolution(trained.parts, trained.seeds[:1]),
            second_before=np.full((DIGITS, DIGITS), lowest),
            second_after=trained.second[0],
            second_periods=trained.teaching.history[_SHOWN_DIGIT],
            digit=_SHOWN_DIGIT,
            hidden=trained.hidden[0],
            rates=rates,
        )

    def _evolution(self, parts: NetworkParts, seeds: list[int]) -> NDArray[np.float64]:
        """Show one digit to a new network; return its most active neuron's synapses."""
        kind = LayerKind(0, PIXELS, inhibited=True)
        layer = self._layer(parts, kind, seeds, _Stream.EVOLUTION)
        digits = np.full((1, _EVOLUTION), _SHOWN_DIGIT)
        events = train_first(layer, self._patterns, digits, self._settings)
        winner = events.spiked[0].sum(axis=0).argmax()
        return events.history[:, winner]


def _network_rows(trained: _Trained) -> list[NetworkRow]:
    rows = []
    for place, seed in enumerate(trained.seeds):
        winners = trained.events.winners[place]
        alone = np.bincount(winners[winners != NOBODY], minlength=DIGITS)
        together = (trained.events.spiked[place].sum(axis=1) > 1).sum()
        answering = trained.hidden[place]
        rows.append(
            NetworkRow(
                variant=trained.variant.name,
                seed=seed,
                events=len(winners),
                alone=int(alone.sum()),
                together=int(together),
                learners=int((alone > 0).sum()),
                most=int(alone.max()),
                distinct=len(set(answering[answering != NOBODY].tolist())),
            )
        )
    return rows


def _all_rows(
    trained: _Trained, counts: dict[int, SpikeCounts]
) -> list[RecognitionRow]:
    rows = (_recognition_rows(trained, noise, part) for noise, part in counts.items())
    return list(itertools.chain.from_iterable(rows))


def _recognition_rows(
    trained: _Trained, noise: int, counts: SpikeCounts
) -> list[RecognitionRow]:
    """Count the digits whose output neuron spiked more than any other."""
    spikes = counts.second
    own = np.diagonal(spikes, axis1=1, axis2=2)
    others = spikes.copy()
    others[:, np.arange(DIGITS), np.arange(DIGITS)] = NOBODY
    right = own > others.max(axis=2)
    return [
        RecognitionRow(trained.variant.name, seed, noise, int(row.sum()), DIGITS)
        for seed, row in zip(trained.seeds, right, strict=True)
    ]
