"""Settings of the adaptive digits; reading them needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from labneuro.units import InputModel


def _as_parts(value: object) -> object:
    """Take text with commas or a single value as well as a sequence."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return (value,) if isinstance(value, int) else value


Digit = Annotated[int, Field(ge=0, le=9)]
Digits = Annotated[
    tuple[Digit, ...], BeforeValidator(_as_parts), Field(min_length=2, max_length=5)
]
Counts = Annotated[
    tuple[Annotated[int, Field(ge=0, le=100_000)], ...],
    BeforeValidator(_as_parts),
    Field(min_length=1),
]
Pulses = Annotated[
    tuple[Annotated[int, Field(ge=1, le=10_000)], ...],
    BeforeValidator(_as_parts),
    Field(min_length=1),
]
Mappings = Annotated[
    tuple[Literal["levels", "threshold"], ...],
    BeforeValidator(_as_parts),
    Field(min_length=1),
]
Replays = Annotated[
    tuple[Literal["curves", "device"], ...],
    BeforeValidator(_as_parts),
    Field(min_length=1),
]


class AdaptiveDigitsSettings(InputModel):
    """Settings of training, mapping and test.

    The paper's text gives the digits, training with the resistor open, the mapping of
    pixels to resistances, and that no training follows. How a pixel becomes a
    resistance, how many pulses an image brings, which output an image goes to and how
    many images are mapped is in its supplement only: everything else here is `chosen`,
    and mapping, pulses and replay are varied to show what hangs on them.

    Attributes
    ----------
    full : bool
        Use the whole of MNIST in place of the shipped subset.
    trained : tuple of int
        Digits that the network is trained on; the paper's.
    adapted : tuple of int
        Digits that take the place of each of these, in this order; the paper's.
    training_resistance : str
        Label of the resistance during training; the paper's.
    epochs : int
        Passes over the training images of the trained digits; the paper's is 100.
    rate : float
        Pulses for one unit of input times error.
    final_rate : float
        Share of the rate that is left in the last epoch.
    weight : float
        Weight at half the range away from the middle.
    mapped : tuple of int
        Numbers of mapped images, of all digits together, at which is tested.
    mapping : tuple of str
        ``"levels"``: the resistances of the model from the smallest (pixel 0) to the
        largest or open (pixel 255) in even steps of brightness; ``"threshold"``: the
        smallest below half brightness, the largest from there on.
    pulses_per_image : tuple of int
        Potentiating pulses that every device of the output receives for an image.
    replay : tuple of str
        ``"curves"``: each device tends to the end of its resistance's potentiation
        curve; ``"device"``: the branches of the calibrated model are solved, where the
        model has them.
    noise : bool
        Whether pulses are noisy, as the model says.
    spread : bool
        Whether devices differ in training; a replay uses the mean device's curves.
    seeds : int
        Number of networks, trained with seeds counted up from the simulation's.
    """

    full: bool = False
    trained: Digits = (8, 6, 2, 4)
    adapted: Digits = (9, 5, 7, 1)
    training_resistance: str = "open"
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    rate: Annotated[float, Field(gt=0, le=1000)] = 0.3
    final_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    weight: Annotated[float, Field(gt=0, le=100)] = 0.6
    mapped: Counts = (0, 4, 8, 20, 40, 80, 120, 200, 400)
    mapping: Mappings = ("levels", "threshold")
    pulses_per_image: Pulses = (1, 5, 20)
    replay: Replays = ("curves",)
    noise: bool = True
    spread: bool = True
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3

    @model_validator(mode="after")
    def _consistent(self) -> AdaptiveDigitsSettings:
        if len(self.trained) != len(self.adapted):
            raise ValueError("adapted: one digit for each of trained")
        both = self.trained + self.adapted
        if len(set(both)) != len(both):
            raise ValueError("adapted: a digit is given twice")
        if list(self.mapped) != sorted(set(self.mapped)):
            raise ValueError("mapped: the numbers must rise")
        return self
