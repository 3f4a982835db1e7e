"""A calibrated model that the network tests share: the paper's neuron."""

import pytest

from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.networks.stochastic_neuron import pulsed_neuron

FITTED = {
    "midpoint": 0.210e6,
    "slope": 0.00575e6,
    "floor_field": 0.160e6,
    "saturation_shift": 0.0287e6,
    "shift_field_scale": 0.020e6,
    "sensitization_pulses": 4.0,
}


@pytest.fixture(scope="session")
def calibrated():
    """Return a calibrated model, with changes, without a parameter, or of a name."""

    def make(*, without="", model="hnno", **changes):
        values = {**FITTED, **changes}
        values.pop(without, None)
        return CalibratedModel(
            model=model,
            parameters=tuple(
                FittedParameter(
                    name=name,
                    unit="" if name == "sensitization_pulses" else "V/m",
                    value=value,
                    standard_error=None,
                )
                for name, value in values.items()
            ),
        )

    return make


@pytest.fixture(scope="session")
def make_neuron(calibrated):
    """Return a neuron that rests at its floor, with changes to the fitted values."""

    def make(**changes):
        return pulsed_neuron(
            calibrated(**changes),
            rest_below_floor=0.0,
            gain=0.05e6,
            highest_field=0.25e6,
        )

    return make


@pytest.fixture(scope="session")
def neuron(make_neuron):
    """Return the paper's neuron."""
    return make_neuron()


@pytest.fixture(scope="session")
def pcu_model():
    """Return the calibrated PCU model of three units drawn around the shipped card."""
    from labneuro.bench import load_card
    from labneuro.devices.pcu_parameters import UNITS, PcuParameters
    from labneuro.networks.pcu_card_model import card_model

    card = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
    return card_model(card, units=3)


@pytest.fixture(scope="session")
def codebook(pcu_model):
    """Return its codebook."""
    from labneuro.networks.codebook import codebook_of

    return codebook_of(pcu_model)
