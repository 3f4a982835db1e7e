"""The networks by the names that the command line knows; torch loads on demand."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labneuro.errors import InputError, LabneuroError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.units import InputModel

    Progress = Callable[[str, int, int], None]
    """What is being done, how many of its steps are done, and of how many."""


@dataclass(frozen=True)
class NetworkEntry:
    """Where a network is found.

    Attributes
    ----------
    name : str
        Name on the command line.
    description : str
        One line.
    module : str
        Module with the function ``simulate`` and the settings class.
    settings_class : str
        Name of the settings class in that module.
    device_model : str
        Device model whose calibration the network loads.
    figures : str
        Module whose ``save_network_result(result, folder)`` writes the result.
    """

    name: str
    description: str
    module: str
    settings_class: str
    device_model: str
    figures: str = "labneuro.plotting.networks"


@dataclass(frozen=True)
class LoadedNetwork:
    """A network ready to run.

    Attributes
    ----------
    entry : NetworkEntry
        Its place in the catalog.
    settings : type of InputModel
        Class of its settings.
    simulate : callable
        ``simulate(model, settings, *, seed=0, progress=None)``.
    """

    entry: NetworkEntry
    settings: type[InputModel]
    simulate: Callable[..., Any]


NETWORKS: dict[str, NetworkEntry] = {
    entry.name: entry
    for entry in (
        NetworkEntry(
            name="fashion-snn",
            description=(
                "Fully connected spiking network (784-500-10) on Fashion-MNIST in "
                "falling light, normal and self-sensitizable neurons"
            ),
            module="labneuro.networks.fashion_snn",
            settings_class="FashionSnnSettings",
            device_model="hnno",
        ),
        NetworkEntry(
            name="fmes-mnist",
            description=(
                "Perceptron (784-100-10) of FMES synapses on MNIST, trained by pulses "
                "at each regulating resistance"
            ),
            module="labneuro.networks.fmes_perceptron",
            settings_class="FmesPerceptronSettings",
            device_model="fmes",
            figures="labneuro.plotting.fmes_networks",
        ),
        NetworkEntry(
            name="fmes-adaptive",
            description=(
                "Single layer of FMES synapses trained on four digits; images of four "
                "others are mapped to resistances in place of training"
            ),
            module="labneuro.networks.adaptive_digits",
            settings_class="AdaptiveDigitsSettings",
            device_model="fmes",
            figures="labneuro.plotting.fmes_networks",
        ),
        NetworkEntry(
            name="pcu-vqa",
            description=(
                "Visual question answering (MDETR style) with perovskite units: ideal, "
                "uncorrected and fine-tuned, on synthetic CLEVR-style scenes"
            ),
            module="labneuro.networks.pcu_vqa",
            settings_class="PcuVqaSettings",
            device_model="pcu",
            figures="labneuro.plotting.pcu_networks",
        ),
        NetworkEntry(
            name="pcu-tracking",
            description=(
                "RGB-T tracking (TBSI style) with perovskite units: ideal, uncorrected "
                "and fine-tuned, on synthetic RGB-T sequences"
            ),
            module="labneuro.networks.pcu_tracking",
            settings_class="PcuTrackingSettings",
            device_model="pcu",
            figures="labneuro.plotting.pcu_networks",
        ),
        NetworkEntry(
            name="pcu-operators",
            description=(
                "Operators of perovskite units as a network meets them: errors of the "
                "codebook, noise of the weights, energy of a Transformer block"
            ),
            module="labneuro.networks.pcu_operators",
            settings_class="PcuOperatorsSettings",
            device_model="pcu",
            figures="labneuro.plotting.pcu_networks",
        ),
        NetworkEntry(
            name="hybrid-snn",
            description=(
                "Spiking network (30-10-10) of hybrid neurons and RS synapses that "
                "learns ten digits in place, with and without its ingredients"
            ),
            module="labneuro.networks.hybrid_snn",
            settings_class="HybridSnnSettings",
            device_model="threshold_switch",
            figures="labneuro.plotting.hybrid_networks",
        ),
    )
}


def load_network(name: str) -> LoadedNetwork:
    """Import a network by name.

    Where the user has not set ``OMP_WAIT_POLICY``, torch's threads are told to sleep
    while they wait: spinning threads take the processor from the very thread that they
    wait for, which on two cores that are busy otherwise costs a factor of three.

    Parameters
    ----------
    name : str
        A key of :data:`NETWORKS`.

    Returns
    -------
    LoadedNetwork

    Raises
    ------
    InputError
        If there is no network of that name.
    LabneuroError
        If torch is not installed.
    """
    if name not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        raise InputError(f"no network {name!r}; known are: {known}")
    entry = NETWORKS[name]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise LabneuroError(
            f"network {name!r} needs torch: pip install 'labneuro[networks]'"
        ) from error
    return LoadedNetwork(entry, getattr(module, entry.settings_class), module.simulate)
