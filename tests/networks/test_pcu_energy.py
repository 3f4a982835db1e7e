"""The energy of a block, and what a measured model changes beside the chosen costs."""

from __future__ import annotations

import json
import math

import pytest

from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.errors import InputError
from labneuro.networks import pcu_operators
from labneuro.networks.pcu_energy import (
    BlockSize,
    EnergyAssumptions,
    block_energy,
    compared_energy,
    measured_costs,
)
from labneuro.networks.pcu_settings import PcuOperatorsSettings

SIZE = BlockSize(10, 8, 2, 16)
LOADS = (("softplus_current", "A", 2e-6), ("softplus_voltage", "V", 0.5))


@pytest.fixture
def measured(pcu_model):
    """The card's model as if softplus had been measured at 2 uA and 0.5 V."""
    carried = tuple(
        FittedParameter(name=name, unit=unit, value=value, standard_error=None)
        for name, unit, value in LOADS
    )
    return pcu_model.model_copy(update={"parameters": pcu_model.parameters + carried})


def test_energy_adds_up_and_takes_measured_costs():
    counts = SIZE.operations()
    assert counts["weight"] == 10 * (4 * 64 + 2 * 8 * 16)
    assert counts["multiplier"] == 2 * 100 * 8
    assumptions = EnergyAssumptions()
    rows = {row.part: row for row in block_energy(SIZE, assumptions)}
    parts = [row.energy for row in rows.values() if row.mark != "sum"]
    assert math.isclose(sum(parts), rows["pcu"].energy)
    assert rows["gpu"].paper == 5.37e-3
    model = CalibratedModel(
        model="pcu",
        parameters=tuple(
            FittedParameter(name=name, unit=unit, value=value, standard_error=None)
            for name, unit, value in (
                ("multiplier_current", "A", 4e-7),
                ("multiplier_voltage", "V", 0.5),
                ("operator_time", "s", 1e-6),
            )
        ),
    )
    changed = measured_costs(model, assumptions)
    (row,) = [r for r in block_energy(SIZE, changed) if r.part == "multiplier"]
    assert row.mark == "measured"
    assert row.energy == pytest.approx(1600 * 3 * 4e-7 * 0.5 * 1e-6)
    with pytest.raises(InputError, match="time: must be 0 or more, not -1"):
        EnergyAssumptions(time=-1.0)
    with pytest.raises(InputError, match="no 'weight'"):
        EnergyAssumptions(costs={})


def test_measured_costs_stand_beside_the_chosen_ones(measured):
    chosen = EnergyAssumptions()
    own = measured_costs(measured, chosen)
    rows = {row.part: row for row in compared_energy(SIZE, own, chosen)}
    softplus = rows["softplus"]
    assert softplus.mark == "measured"
    assert softplus.energy == pytest.approx(160 * 2e-6 * 0.5 * 1e-7)
    assert softplus.assumed == pytest.approx(160 * 3e-5 * 0.7 * 1e-7)
    assert rows["divider"].energy == rows["divider"].assumed
    whole = rows["pcu"]
    assert softplus.assumed is not None
    assert whole.assumed is not None
    saved = whole.assumed - whole.energy
    assert saved == pytest.approx(softplus.assumed - softplus.energy)
    alone = {row.part: row.energy for row in block_energy(SIZE, own)}
    assert alone == {part: row.energy for part, row in rows.items()}


def test_half_a_load_is_no_load(pcu_model):
    """A current without its voltage changes nothing."""
    only = FittedParameter(
        name="gelu_current", unit="A", value=1e-3, standard_error=None
    )
    half = pcu_model.model_copy(update={"parameters": (*pcu_model.parameters, only)})
    assert measured_costs(half, EnergyAssumptions()) == EnergyAssumptions()


def test_the_study_prints_measured_beside_chosen(measured):
    settings = PcuOperatorsSettings(quick=True, inputs=20, outputs=4, tokens=4, width=8)
    study = pcu_operators.simulate(measured, settings)
    lines = {line.split()[0]: line.split() for line in study._cost_lines()}
    assert lines["softplus"][1:6] == ["1", "2e-06", "A", "0.5", "V"]
    assert lines["softplus"][6:] == ["3e-05", "A,", "0.7", "V", "measured"]
    assert lines["gelu"][-1] == "chosen"
    assert lines["time"][-1] == "chosen"
    table = study.accuracy_table
    assert all(line in table for line in study._energy_lines())
    told = json.loads(study.to_json())
    assert told["costs"]["costs"]["softplus"]["current"] == 2e-6
    assert told["chosen_costs"]["costs"]["softplus"]["current"] == 3e-5
