"""Settings of the network of hybrid neurons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from labneuro.data.digit_font import PIXELS, Font
from labneuro.units import InputModel, Ohm, Second, Volt


def _as_parts(value: object) -> object:
    """Take text with commas or a single value as well as a sequence."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return (value,) if isinstance(value, int) else value


Counts = Annotated[
    tuple[Annotated[int, Field(ge=0, le=PIXELS)], ...],
    BeforeValidator(_as_parts),
    Field(min_length=1),
]
Positive = Field(gt=0)
QUICK_SEEDS, QUICK_PASSES, QUICK_WINDOW = 2, 8, 40
QUICK_NOISE = (0, 2, 4)


class HybridSnnSettings(InputModel):
    """Settings of the network, its training and its test.

    The threshold switch comes from the calibrated model, every number of it: one that
    is missing there is refused. A synapse's numbers come from the calibrated model
    where it has them (named ``synapse_`` and the synapse's name of the number). What
    no model can give, the circuit, the lateral-inhibition array and the synapse's other
    numbers, comes from the cards that are named here; the result lists each number's
    source. An empty `synapse_card` refuses synapses that the model does not give.

    The paper gives the layers, the amplitudes, the gates and the initial conductances.
    Everything else is `chosen`. The first layer's synapses begin at their medium
    conductance, the second layer's at their lowest.

    Attributes
    ----------
    font : str
        The digits: ``"spread"`` or ``"plain"``.
    seeds : int
        Number of networks.
    passes : int
        Firing events of each digit in the first layer's training; the paper's number.
    order : str
        ``"random"``: all digits in a new order in every pass. ``"block"``: the firing
        events of a digit follow each other.
    timely_inhibition : bool
        Whether the array of the first layer closes the losers' gates as soon as a
        switch fires, one way to read the paper's Figure 4e; else at the clock edge at
        which the latch takes it, so that several neurons may fire in one clock period.
    rest : int
        Clock periods without input after each firing event.
    relaxation : Second
        Rest in the variants that begin every presentation at rest, in s.
    longest : int
        Clock periods after which a digit that makes nobody fire is taken away.
    amplitude : Volt
        Of a black pixel's pulses; the paper's, in V.
    spike_amplitude : Volt
        Of the spikes into the second layer; the paper's output spikes, in V.
    ground_resistance : Ohm
        Of T1. The card's 10 ohm are too much for 30 synapses of 980 uS: node 1 would
        stay so high that a switch that is on stays on. In ohm.
    gate : Volt
        Of active synapses while they learn; the paper's target gate, in V.
    inference_gate : Volt
        Of active synapses in inference: just open, so that nothing is programmed. In V.
    window : int
        Clock periods for which a digit is shown in inference.
    noisy : tuple of int
        Numbers of pixels that are turned over in inference.
    shown_noise : int
        The one of them for which firing rates are shown.
    ablations : bool
        Train the networks without stochasticity and without inhibition as well, and
        those that rest before every presentation.
    board_card, synapse_card, array_card : str
        Cards of the circuit, the synapse and the lateral-inhibition array.
    loose : bool
        Advance the neurons by the board solver's loose setting.
    quick : bool
        At most 2 networks, 8 passes, 40 periods of window, and 0, 2, 4 noisy pixels.
    """

    font: Font = "spread"
    seeds: Annotated[int, Field(ge=1, le=1000)] = 20
    passes: Annotated[int, Field(ge=1, le=1000)] = 30
    order: Literal["random", "block"] = "random"
    timely_inhibition: bool = False
    rest: Annotated[int, Field(ge=0, le=1000)] = 1
    relaxation: Annotated[Second, Positive] = 30e-3
    longest: Annotated[int, Field(ge=5, le=10_000)] = 80
    amplitude: Annotated[Volt, Field(gt=0, le=3)] = 1.6
    spike_amplitude: Annotated[Volt, Field(gt=0, le=3)] = 2.0
    ground_resistance: Annotated[Ohm, Positive] = 1.0
    gate: Annotated[Volt, Field(gt=0, le=5)] = 3.0
    inference_gate: Annotated[Volt, Field(gt=0, le=5)] = 0.705
    window: Annotated[int, Field(ge=5, le=10_000)] = 200
    noisy: Counts = (0, 1, 2, 3, 4, 5, 6, 8)
    shown_noise: Annotated[int, Field(ge=0, le=PIXELS)] = 2
    ablations: bool = True
    board_card: Annotated[str, Field(min_length=1)] = "neuron-board"
    synapse_card: str = "rs-synapse"
    array_card: Annotated[str, Field(min_length=1)] = "lateral-inhibition"
    loose: bool = True
    quick: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> HybridSnnSettings:
        if list(self.noisy) != sorted(set(self.noisy)):
            raise ValueError("noisy: the numbers of pixels must rise")
        if self.noisy[0] != 0:
            raise ValueError("noisy: must begin with 0, the clean digits")
        return self

    def effective(self) -> HybridSnnSettings:
        """Return the settings with what `quick` makes smaller."""
        if not self.quick:
            return self
        kept = tuple(k for k in self.noisy if k in QUICK_NOISE)
        return self.model_copy(
            update={
                "seeds": min(self.seeds, QUICK_SEEDS),
                "passes": min(self.passes, QUICK_PASSES),
                "window": min(self.window, QUICK_WINDOW),
                "noisy": kept,
            }
        )
