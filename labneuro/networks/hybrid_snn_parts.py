"""The parts of a network of hybrid neurons, and where each of their numbers is from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labneuro.bench import load_card
from labneuro.data.digit_font import DIGITS
from labneuro.devices import lateral_inhibition, rs_synapse, threshold_switch
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board_parameters import (
    CIRCUIT_UNITS,
    UNITS,
    NeuronBoardParameters,
)
from labneuro.devices.rs_synapse import RsSynapseParameters
from labneuro.devices.threshold_switch import ThresholdSwitchParameters
from labneuro.errors import CalibrationError, CardError

if TYPE_CHECKING:
    from labneuro.calibration import CalibratedModel
    from labneuro.devices.lateral_inhibition import LateralInhibitionParameters
    from labneuro.networks.hybrid_snn_settings import HybridSnnSettings

MODEL = "threshold_switch"
SYNAPSE_PREFIX = "synapse_"
_UNITS_OF_SYNAPSES = rs_synapse.UNITS


@dataclass(frozen=True)
class NetworkParts:
    """Mean parameters of everything that a network is built of.

    Attributes
    ----------
    board : NeuronBoardParameters
        The neuron, with its depression module.
    synapse : RsSynapseParameters
        The synapse.
    array : LateralInhibitionParameters
        The lateral-inhibition array.
    sources : dict of str to str
        Where each number is from, by name: ``"fitted"``, ``"held in the model"``,
        ``"card ..."`` or ``"setting"``.
    """

    board: NeuronBoardParameters
    synapse: RsSynapseParameters
    array: LateralInhibitionParameters
    sources: dict[str, str]

    @property
    def deterministic(self) -> NetworkParts:
        """The same with neurons that are all alike and without noise."""
        switch = replace(self.board.switch, rate_noise=0.0, rate_spread=0.0)
        return replace(self, board=replace(self.board, switch=switch))

    @property
    def inference_board(self) -> NeuronBoardParameters:
        """The neuron with its depression module taken away."""
        return replace(self.board, depression_enabled=0.0)

    def source_counts(self) -> dict[str, int]:
        """Return how many numbers each source has given."""
        found: dict[str, int] = {}
        for source in self.sources.values():
            found[source] = found.get(source, 0) + 1
        return found


def network_parts(model: CalibratedModel, settings: HybridSnnSettings) -> NetworkParts:
    """Return the parts of a network from a calibrated model and the named cards.

    Parameters
    ----------
    model : CalibratedModel
        Of model ``"threshold_switch"``: all of its numbers, held ones allowed.
    settings : HybridSnnSettings
        Names the cards of the rest.

    Raises
    ------
    CalibrationError
        If the model is of another device, a number of the switch is missing, or one of
        the synapse where no card is named.
    CardError, NotInWorkspaceError
        If a card is wrong or not there.
    """
    if model.model != MODEL:
        raise CalibrationError(
            f"the network needs a calibrated model of {MODEL!r}, not {model.model!r}"
        )
    sources: dict[str, str] = {}
    board = _board(model, settings, sources)
    synapse = _synapse(model, settings, sources)
    array = load_parameters(
        "lateral_inhibition", load_card(settings.array_card), settings.array_card
    )
    if array.neurons != DIGITS:
        raise CardError(
            f"{settings.array_card}: parameters.neurons: the network needs {DIGITS}, "
            f"not {array.neurons:g}"
        )
    for name in lateral_inhibition.UNITS:
        sources[f"array_{name}"] = f"card {settings.array_card}"
    return NetworkParts(board, synapse, array, sources)


def _switch(
    model: CalibratedModel, sources: dict[str, str]
) -> ThresholdSwitchParameters:
    values = {name: model[name] for name in threshold_switch.UNITS}
    for name in values:
        held = model.parameter(name).standard_error is None
        sources[name] = "held in the model" if held else "fitted"
    try:
        return ThresholdSwitchParameters(**values)
    except CardError as error:
        raise CalibrationError(f"calibrated model {model.model!r}: {error}") from error


def _board(
    model: CalibratedModel, settings: HybridSnnSettings, sources: dict[str, str]
) -> NeuronBoardParameters:
    switch = _switch(model, sources)
    card = load_card(settings.board_card)
    # Read as a whole, so that a card of another device is told; the switch is dropped.
    load_parameters("neuron_board", card, settings.board_card)
    values = card.values(UNITS, settings.board_card)
    circuit = {name: values[name] for name in CIRCUIT_UNITS}
    for name in circuit:
        sources[f"board_{name}"] = f"card {settings.board_card}"
    circuit["ground_resistance"] = settings.ground_resistance
    circuit["depression_enabled"] = 1.0
    for name in ("ground_resistance", "depression_enabled"):
        sources[f"board_{name}"] = "setting"
    return NeuronBoardParameters(**circuit, switch=switch)


def _synapse(
    model: CalibratedModel, settings: HybridSnnSettings, sources: dict[str, str]
) -> RsSynapseParameters:
    known = {parameter.name for parameter in model.parameters}
    given = {
        name: model[SYNAPSE_PREFIX + name]
        for name in _UNITS_OF_SYNAPSES
        if SYNAPSE_PREFIX + name in known
    }
    for name in given:
        sources[SYNAPSE_PREFIX + name] = "fitted"
    missing = [name for name in _UNITS_OF_SYNAPSES if name not in given]
    if missing and not settings.synapse_card:
        raise CalibrationError(
            f"calibrated model {model.model!r} has no {SYNAPSE_PREFIX + missing[0]!r} "
            "and synapse_card names no card to take it from, such as rs-synapse"
        )
    values = dict(given)
    if missing:
        card = load_card(settings.synapse_card)
        load_parameters("rs_synapse", card, settings.synapse_card)
        from_card = card.values(_UNITS_OF_SYNAPSES, settings.synapse_card)
        for name in missing:
            values[name] = from_card[name]
            sources[SYNAPSE_PREFIX + name] = f"card {settings.synapse_card}"
    try:
        return RsSynapseParameters(**values)
    except CardError as error:
        raise CalibrationError(f"synapse: {error}") from error
