"""Settings of the perceptron of FMES synapses; reading them needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from labneuro.units import InputModel


def _as_labels(value: object) -> object:
    """Take text with commas as well as a sequence."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Labels = Annotated[tuple[str, ...], BeforeValidator(_as_labels)]


class FmesPerceptronSettings(InputModel):
    """Settings of the network, its training and its test.

    The paper's text gives 784-100-10, MNIST, back-propagation and 100 epochs. Its
    activation, its learning rate, its weight scale and its rule from gradient to pulses
    are in its supplement only; every number here is `chosen` unless it says otherwise.

    Attributes
    ----------
    images : str
        ``"mnist"`` (the paper's set) or ``"fashion-mnist"``.
    full : bool
        Use the whole image set in place of the shipped subset.
    hidden : int
        Hidden neurons; the paper's number.
    activation : str
        Of the hidden neurons: ``"rectified"`` or ``"logistic"``. The output is a
        softmax, the loss its cross-entropy.
    resistances : tuple of str
        Labels such as ``500ohm`` or ``open``, text with commas; none: all of the model.
    epochs : int
        Passes over the training images; the paper's number is 100.
    batch : int
        Images that pass before their updates; 1 is training sample by sample.
    hidden_rate, output_rate : float
        Pulses for one unit of input times error in the hidden and the output layer: the
        same request at every resistance, so that the resistance sets the weight change.
    final_rate : float
        Share of the rates that is left in the last epoch; they fall as a half cosine.
    hidden_weight, output_weight : float
        Weight at half the range away from the middle.
    weight_scale : str
        ``"voltage"``: one volt is the same weight at every resistance, and the widest
        range of the model has the weights above; ``"range"``: every range has.
    reference : str
        Voltage of weight 0: ``"symmetry"`` (where a pulse up and one down are equally
        large, which is where alternating pulses lead) or ``"middle"`` of the range.
    spread, noise : bool
        Whether devices differ and whether pulses are noisy, as the model says.
    ideal : bool
        Train the same network without devices as well.
    ideal_rate : float
        Its learning rate.
    seeds : int
        Number of networks, trained with seeds counted up from the simulation's.
    """

    images: Literal["mnist", "fashion-mnist"] = "mnist"
    full: bool = False
    hidden: Annotated[int, Field(ge=1, le=100_000)] = 100
    activation: Literal["rectified", "logistic"] = "rectified"
    resistances: Labels = ()
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    batch: Annotated[int, Field(ge=1, le=100_000)] = 1
    hidden_rate: Annotated[float, Field(gt=0, le=1000)] = 1.0
    output_rate: Annotated[float, Field(gt=0, le=1000)] = 0.1
    final_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    hidden_weight: Annotated[float, Field(gt=0, le=100)] = 0.6
    output_weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    weight_scale: Literal["voltage", "range"] = "voltage"
    reference: Literal["symmetry", "middle"] = "symmetry"
    spread: bool = True
    noise: bool = True
    ideal: bool = True
    ideal_rate: Annotated[float, Field(gt=0, le=10)] = 0.02
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
