"""Training of both layers of hybrid neurons in place, and inference.

First layer, unsupervised: a digit's black pixels pulse until a neuron spikes; the
circuit programs the winner's synapses itself while the lateral-inhibition array closes
everybody else's gates. Second layer, supervised: pulses at the input of the hidden
neuron that answers a digit most, with the gate of that digit's output neuron on and all
others grounded, until it spikes.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 5 and "Training method".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.data.digit_font import DIGITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.networks.hybrid_snn_layer import LayerGroup
    from labneuro.networks.hybrid_snn_settings import HybridSnnSettings

NOBODY = -1


@dataclass(frozen=True)
class FiringEvents:
    """What happened in the first layer's training.

    Attributes
    ----------
    digits : ndarray of int64, shape (networks, events)
        Which digit was shown.
    spiked : ndarray of bool, shape (networks, events, neurons)
        Who spiked; nobody where the digit was taken away without a spike.
    pulses : ndarray of int64, shape (networks, events)
        Clock periods for which the digit was shown.
    history : ndarray, shape (events + 1, neurons, inputs)
        The first network's conductances before and after each event, in S.
    """

    digits: NDArray[np.int64]
    spiked: NDArray[np.bool_]
    pulses: NDArray[np.int64]
    history: NDArray[np.float64]

    @property
    def winners(self) -> NDArray[np.int64]:
        """Neurons that spiked alone, -1 elsewhere, shape (networks, events).

        With inhibition, several that spike together close all gates, and nobody
        learns; without it, each of them learns.
        """
        alone = self.spiked.sum(axis=2) == 1
        return np.where(alone, self.spiked.argmax(axis=2), NOBODY)


def training_order(
    passes: int, seeds: list[int], order: str = "random"
) -> NDArray[np.int64]:
    """Return which digit is shown in each event, shape (networks, 10 passes).

    Parameters
    ----------
    passes : int
        Firing events of each digit.
    seeds : list of int
        One a network.
    order : str
        ``"random"``: all digits in a new order in every pass. ``"block"``: the firing
        events of a digit follow each other, the digits in a random order.
    """
    rows = []
    for seed in seeds:
        generator = np.random.default_rng((seed, passes))
        turns = np.array([generator.permutation(DIGITS) for _ in range(passes)])
        block = np.repeat(turns[0], passes)
        rows.append(block if order == "block" else turns.ravel())
    return np.array(rows, dtype=np.int64)


class _Presentation:
    """Which network is shown what, and how far it has come."""

    def __init__(
        self, digits: NDArray[np.int64], settings: HybridSnnSettings, *, from_rest: bool
    ) -> None:
        networks, self.events = digits.shape
        self.digits = digits
        self.settings = settings
        self.from_rest = from_rest
        self.place = np.zeros(networks, dtype=np.int64)
        self.resting = np.zeros(networks, dtype=np.int64)
        self.shown = np.zeros(networks, dtype=np.int64)
        self.spiked = np.zeros((*digits.shape, DIGITS), dtype=np.bool_)
        self.pulses = np.zeros(digits.shape, dtype=np.int64)

    @property
    def unfinished(self) -> NDArray[np.bool_]:
        return self.place < self.events

    @property
    def presenting(self) -> NDArray[np.bool_]:
        return self.unfinished & (self.resting == 0)

    @property
    def all_wait(self) -> bool:
        """Whether every network has finished an event and waits for the others."""
        return self.from_rest and not self.presenting.any()

    def digit_now(self) -> NDArray[np.int64]:
        rows = np.arange(len(self.place))
        found: NDArray[np.int64] = self.digits[
            rows, np.minimum(self.place, self.events - 1)
        ]
        return found

    def note(self, presented: NDArray[np.bool_], spiked: NDArray[np.bool_]) -> bool:
        """Take a period's spikes; return whether the first network's event is over."""
        self.shown += presented
        over = presented & (spiked.any(axis=1) | (self.shown >= self.settings.longest))
        rows, place = np.flatnonzero(over), self.place[over]
        self.spiked[rows, place] = spiked[over]
        self.pulses[rows, place] = self.shown[over]
        rest = 1 if self.from_rest else self.settings.rest
        held = self.from_rest & (self.resting > 0)
        self.resting = np.where(held, 1, np.maximum(self.resting - 1, 0))
        self.resting[over] = rest
        self.shown[over] = 0
        self.place[over] += 1
        return bool(over[0])

    def release(self) -> None:
        """Let all networks begin their next event."""
        self.resting[:] = 0


def train_first(
    group: LayerGroup,
    patterns: NDArray[np.float64],
    digits: NDArray[np.int64],
    settings: HybridSnnSettings,
    *,
    from_rest: bool = False,
) -> FiringEvents:
    """Train first layers in place.

    Parameters
    ----------
    group : LayerGroup
        The layers; their synapses are programmed.
    patterns : ndarray, shape (10, inputs)
        Black pixels.
    digits : ndarray of int64, shape (networks, events)
        Which digit is shown in each event.
    settings : HybridSnnSettings
        Amplitude, rest, longest presentation.
    from_rest : bool
        Let the switches relax before every presentation.

    Returns
    -------
    FiringEvents
    """
    shows = _Presentation(digits, settings, from_rest=from_rest)
    history = [group.conductance[0].copy()]
    while shows.unfinished.any():
        presented = shows.presenting
        shown = patterns[shows.digit_now()] * presented[:, None]
        spiked = group.run_period(settings.amplitude * shown, settings.gate)
        if shows.note(presented, spiked):
            history.append(group.conductance[0].copy())
        if shows.all_wait:
            _settle(group, settings)
            shows.release()
    return FiringEvents(digits, shows.spiked, shows.pulses, np.array(history))


def _settle(group: LayerGroup, settings: HybridSnnSettings) -> None:
    """Let the latches fall, then the switches relax."""
    still = np.zeros((group.networks, group.kind.inputs))
    for _ in range(2):
        group.run_period(still, 0.0)
    group.relax(settings.relaxation)


class SecondTraining(NamedTuple):
    """What happened in the second layer's training.

    Attributes
    ----------
    pulses : ndarray of int64, shape (networks, digits)
        Pulses until the target spiked; 0 where no hidden neuron answers the digit, -1
        where the target did not spike.
    history : list of ndarray, shape (periods + 1, inputs)
        The first network's conductances at each digit's target, clock period by clock
        period, in S.
    """

    pulses: NDArray[np.int64]
    history: list[NDArray[np.float64]]


def train_second(
    group: LayerGroup, hidden: NDArray[np.int64], settings: HybridSnnSettings
) -> SecondTraining:
    """Train second layers in place, one digit after the other.

    Parameters
    ----------
    group : LayerGroup
        The layers; their synapses are programmed.
    hidden : ndarray of int64, shape (networks, digits)
        Hidden neuron that stands for each digit, or -1.
    settings : HybridSnnSettings
        Amplitude, gate, longest presentation.
    """
    pulses = np.zeros(hidden.shape, dtype=np.int64)
    history = []
    for digit in range(DIGITS):
        pulses[:, digit], watched = _teach(group, hidden[:, digit], digit, settings)
        history.append(watched)
        _settle(group, settings)
    return SecondTraining(pulses, history)


def _teach(
    group: LayerGroup,
    hidden: NDArray[np.int64],
    digit: int,
    settings: HybridSnnSettings,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Show one digit's hidden neuron to its output until that spikes."""
    chosen = hidden >= 0
    drive = np.zeros((group.networks, group.kind.inputs))
    drive[np.flatnonzero(chosen), hidden[chosen]] = settings.spike_amplitude
    gates = np.zeros((group.networks, DIGITS))
    gates[:, digit] = settings.gate
    pulses = np.where(chosen, NOBODY, 0)
    watched = [group.conductance[0, digit].copy()]
    for period in range(1, settings.longest + 1):
        waiting = pulses == NOBODY
        if not waiting.any():
            break
        spiked = group.run_period(drive * waiting[:, None], gates)
        pulses[waiting & spiked[:, digit]] = period
        if waiting[0]:
            watched.append(group.conductance[0, digit].copy())
    return pulses, np.array(watched)


class SpikeCounts(NamedTuple):
    """Spikes of both layers in a window, shape (networks, neurons) each."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]


def infer(
    first: LayerGroup,
    second: LayerGroup | None,
    patterns: NDArray[np.float64],
    settings: HybridSnnSettings,
) -> SpikeCounts:
    """Show patterns and count spikes; synapses keep their conductances.

    The second layer receives the first one's spikes within the same clock period, for
    a spike is the latch AND the clock.

    Parameters
    ----------
    first, second : LayerGroup
        The layers, at rest afterwards; no second layer is none.
    patterns : ndarray, shape (networks, inputs)
        Black pixels that each network is shown.
    settings : HybridSnnSettings
        Amplitudes, gate, window.
    """
    volts = settings.amplitude * patterns
    shape = (first.networks, DIGITS)
    counts = SpikeCounts(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    for _ in range(settings.window):
        spiked = first.run_period(volts, settings.inference_gate)
        counts.first[...] += spiked
        if second is not None:
            drive = np.where(spiked, settings.spike_amplitude, 0.0)
            counts.second[...] += second.run_period(drive, settings.inference_gate)
    for layer in (first, second):
        if layer is not None:
            _settle(layer, settings)
    return counts
