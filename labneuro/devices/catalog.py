"""The device models by name: from a card to parameters and to a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from labneuro.devices import (
    fmes,
    gated_switch,
    hnno,
    hybrid_network,
    hybrid_network_parameters,
    lateral_inhibition,
    lateral_inhibition_device,
    learning_board,
    neuron_board_device,
    neuron_board_parameters,
    pcu_array,
    pcu_parameters,
    rs_synapse,
    threshold_switch,
)
from labneuro.errors import CardError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.devices.base import MultiTerminalDevice, TwoTerminalDevice
    from labneuro.devices.cards import Card


class _Model(NamedTuple):
    """How a device model is built.

    Attributes
    ----------
    units : dict of str to str
        Its parameters and their SI units.
    parameters : callable
        Makes its parameters from floats by name.
    draw : callable
        Draws one device around a mean: mean and seed to parameters.
    device : callable
        Makes a device from parameters and a seed.
    """

    units: Mapping[str, str]
    parameters: Callable[..., Any]
    draw: Callable[[Any, int], Any]
    device: Callable[[Any, int], TwoTerminalDevice | MultiTerminalDevice]


def _draw_hnno(mean: hnno.HnnoParameters, seed: int) -> hnno.HnnoParameters:
    return hnno.draw_population(mean, 1, seed)[0]


MODELS: Mapping[str, _Model] = {
    "fmes": _Model(fmes.UNITS, fmes.FmesParameters, fmes.draw_device, fmes.FmesDevice),
    "gated_threshold_switch": _Model(
        gated_switch.UNITS,
        gated_switch.gated_switch_parameters,
        gated_switch.draw_gated_switch,
        gated_switch.GatedSwitchDevice,
    ),
    "hnno": _Model(hnno.UNITS, hnno.HnnoParameters, _draw_hnno, hnno.HnnoDevice),
    "hybrid_network": _Model(
        hybrid_network_parameters.UNITS,
        hybrid_network_parameters.hybrid_network_parameters,
        hybrid_network_parameters.draw_hybrid_network,
        hybrid_network.HybridNetworkDevice,
    ),
    "lateral_inhibition": _Model(
        lateral_inhibition.UNITS,
        lateral_inhibition.LateralInhibitionParameters,
        lateral_inhibition.draw_array,
        lateral_inhibition_device.LateralInhibitionDevice,
    ),
    "learning_board": _Model(
        learning_board.UNITS,
        learning_board.learning_board_parameters,
        learning_board.draw_learning_board,
        learning_board.LearningBoardDevice,
    ),
    "neuron_board": _Model(
        neuron_board_parameters.UNITS,
        neuron_board_parameters.neuron_board_parameters,
        neuron_board_parameters.draw_board,
        neuron_board_device.NeuronBoardDevice,
    ),
    "pcu": _Model(
        pcu_parameters.UNITS,
        pcu_parameters.PcuParameters,
        pcu_array.draw_array,
        pcu_array.PcuArray,
    ),
    "rs_synapse": _Model(
        rs_synapse.UNITS,
        rs_synapse.RsSynapseParameters,
        rs_synapse.draw_synapse,
        rs_synapse.RsSynapseDevice,
    ),
    "threshold_switch": _Model(
        threshold_switch.UNITS,
        threshold_switch.ThresholdSwitchParameters,
        threshold_switch.draw_device,
        threshold_switch.ThresholdSwitchDevice,
    ),
}


def _model(name: str, card: Card, card_name: str) -> _Model:
    if name not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise CardError(
            f"{card_name}: device model {name!r} is unknown; known: {known}"
        )
    if card.model != name:
        raise CardError(
            f"{card_name}: model: this card is for {card.model!r}, not for {name!r}"
        )
    return MODELS[name]


def parameter_units(model: str) -> Mapping[str, str]:
    """Return the parameters of a device model and their SI units; none if unknown."""
    return MODELS[model].units if model in MODELS else {}


def load_parameters(
    model: str,
    card: Card,
    card_name: str,
    overrides: Mapping[str, str | float] | None = None,
) -> Any:  # noqa: ANN401  each model has parameters of its own
    """Return a device model's parameters from a card.

    Parameters
    ----------
    model : str
        Device model, such as ``"hnno"``.
    card : Card
        The card.
    card_name : str
        Its name, for messages.
    overrides : dict, optional
        Quantities that replace those of the card.

    Returns
    -------
    object
        The model's parameters, such as :class:`~labneuro.devices.hnno.HnnoParameters`,
        in SI units.

    Raises
    ------
    CardError
        If the model is unknown, the card is for another one or a number is wrong.
    """
    entry = _model(model, card, card_name)
    values = card.values(dict(entry.units), card_name, dict(overrides or {}))
    try:
        return entry.parameters(**values)
    except CardError as error:
        raise CardError(f"{card_name}: parameters.{error}") from error


def load_device(
    model: str,
    card: Card,
    card_name: str,
    overrides: Mapping[str, str | float] | None = None,
    *,
    draw: bool = False,
    seed: int = 0,
    device_seed: int | None = None,
) -> TwoTerminalDevice | MultiTerminalDevice:
    """Return a device of a card.

    Parameters
    ----------
    model, card, card_name, overrides
        As for :func:`load_parameters`.
    draw : bool
        Draw the device from the card's device-to-device spread; otherwise it is the
        card's mean.
    seed : int
        Seed of the device's own randomness, and of the draw.
    device_seed : int, optional
        Seed of the draw, in place of `seed`.

    Returns
    -------
    TwoTerminalDevice or MultiTerminalDevice

    Raises
    ------
    CardError
        As for :func:`load_parameters`.
    """
    entry = _model(model, card, card_name)
    parameters = load_parameters(model, card, card_name, overrides)
    if draw:
        parameters = entry.draw(
            parameters, seed if device_seed is None else device_seed
        )
    return entry.device(parameters, seed)
