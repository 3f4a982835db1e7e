"""Settings of the fully connected spiking network; reading them needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from labneuro.units import InputModel, VoltPerMetre


def _as_levels(value: object) -> object:
    """Take text with commas or a single number as well as a sequence."""
    if isinstance(value, str):
        return value.split(",")
    return (value,) if isinstance(value, int | float) else value


Brightness = Annotated[float, Field(gt=0, le=1)]
BrightnessLevels = Annotated[
    tuple[Brightness, ...], BeforeValidator(_as_levels), Field(min_length=1)
]


class FashionSnnSettings(InputModel):
    """Settings of the network, its training and its test.

    The paper quotes neither the encoding nor the training in its main text; every
    number here is `chosen` unless it says otherwise.

    Attributes
    ----------
    images : str
        ``"fashion-mnist"`` (the paper's set) or ``"mnist"``.
    full : bool
        Use the whole image set in place of the shipped subset.
    hidden : int
        Hidden neurons.
    time_steps : int
        Pulses a neuron sees for one image.
    batch : int
        Images in a training step.
    epochs : int
        Passes over the training images.
    learning_rate : float
        Of Adam at the start; it falls to 0 as a half cosine.
    initial_drive : float
        Standard deviation of a hidden neuron's drive before training, averaged over the
        training images. 1 puts a neuron at one deviation at its midpoint when the gain
        is the midpoint's height above the floor.
    time_resolved_gradient : bool
        Train with every time step's own gradient in place of the one averaged over
        time; see :meth:`labneuro.networks.rate_network.RateNetwork.loss`.
    seeds : int
        Number of networks, trained with seeds counted up from the simulation's.
    brightness : tuple of float
        Factors on every pixel at which the networks are tested; text with commas.
    rest_below_floor : float
        How far below the noise-filter floor a neuron without signal rests. At 0 or more
        nothing but signal sensitizes. V/m
    gain : float
        Field for one unit of drive: the height of the card's midpoint above its floor.
        V/m
    highest_field : float
        Upper end of the pulse window: 5 V over 20 um, where the card's neuron fires at
        999 of 1000 pulses. V/m
    reset_after_spike : bool
        A reverse pulse follows every spike and restores the initial state. Off, as in
        the paper's sensitization train (Figure 2C): the neuron goes on firing without
        reset pulses and its resistance recovers by itself between pulses.
    """

    images: Literal["fashion-mnist", "mnist"] = "fashion-mnist"
    full: bool = False
    hidden: Annotated[int, Field(ge=1, le=100_000)] = 500
    time_steps: Annotated[int, Field(ge=1, le=10_000)] = 20
    batch: Annotated[int, Field(ge=1, le=100_000)] = 128
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 5
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    initial_drive: Annotated[float, Field(gt=0, le=100)] = 1.0
    time_resolved_gradient: bool = False
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    brightness: BrightnessLevels = (1.0, 0.5, 0.3, 0.2, 0.1)
    rest_below_floor: Annotated[VoltPerMetre, Field(ge=0)] = 0.0
    gain: Annotated[VoltPerMetre, Field(gt=0)] = 0.05e6
    highest_field: Annotated[VoltPerMetre, Field(gt=0)] = 0.25e6
    reset_after_spike: bool = False

    @model_validator(mode="after")
    def _different_levels(self) -> FashionSnnSettings:
        if len(set(self.brightness)) != len(self.brightness):
            raise ValueError("brightness: a level is given twice")
        return self
