"""The table of quoted figures: the card's units and run files, by the same words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.demos import pcu_table
from labneuro.demos.measuring import Measurement, measure
from labneuro.demos.pcu_card import card_readings, units_of_bench
from labneuro.errors import InputError
from labneuro.protocols.recipe import load_recipe

ONE = ("operators=1", "repeats=1")
COARSE = "curve={stop: 0.45 V, increment: 15 mV}"
THREE = ("units=[11, 22, 33]", COARSE, *ONE)
PAIR = (*THREE, "inputs={start: 0.5, stop: 5.0, points: 3}")
SMALL = {
    "diodes": ("units=[11, 22]",),
    "step-pulses": (
        "units=[22]",
        "cycles=1",
        "targets=[20 uS, 100 uS, 20 uS]",
    ),
    "multistate-retention": ("targets=[50 uS]", "interval=60 s"),
    "switching": ("units=[22]", "cycles=1", "increment=50 mV"),
    "binary-retention": ("interval=100 s",),
    "multiplier": PAIR,
    "divider": PAIR,
    "softmax": (*THREE, "inputs={start: -3, stop: 3, points: 5}"),
    "softplus": ("units=[22]", *ONE, "inputs={start: -0.5, stop: 0.16, points: 12}"),
    "sigmoid": ("units=[22]", *ONE, "inputs={start: -0.4, stop: 0.4, points: 12}"),
    "gelu": (
        "units=[11, 13, 22, 33]",
        COARSE,
        *ONE,
        "inputs={start: -3, stop: 3, points: 5}",
    ),
    "vmm": ("vectors=20",),
}
BENCH = load_bench("pcu-sim")
UNITS = units_of_bench(BENCH)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return small run files of everything that the table tells."""
    wanted = [Measurement(name, f"pcu/{name}", some) for name, some in SMALL.items()]
    return measure(
        wanted,
        BENCH,
        tmp_path_factory.mktemp("runs"),
        quick=False,
        seed=7,
        progress=lambda *_: None,
    )


@pytest.fixture(scope="module")
def rows(runs):
    return {row[1]: row for row in pcu_table.quoted_rows(runs, UNITS)}


def first_number(text):
    """Return the first number of a cell."""
    found = re.search(r"-?\d+\.?\d*(e[+-]\d+)?", text)
    assert found
    return float(found.group())


def test_a_row_a_quoted_figure(rows):
    assert all(len(row) == len(pcu_table.COLUMNS) for row in rows.values())
    assert all(all(row) for row in rows.values())
    papers = " ".join(row[2] for row in rows.values())
    for quoted in ("6.61", "5.66", "0.78", "1.31", "0.027367", "5.37", "0.32", "0.09"):
        assert quoted in papers
    assert {row[0] for row in rows.values()} >= {"2a", "2b", "2c", "2d", "2e", "3d"}


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("diode: I0, n, Rs", 1e-3),
        ("M2 alone: set over reset", 0.15),  # 30 pA on a range of 100 nA
        ("M2 with D2 beside it: currents at 0.1 V", 0.01),
        ("dividers", 0.02),
        ("multipliers", 0.02),
        ("softmax", 0.02),
        ("softplus with M1 at 10 kohm", 0.03),
        ("sigmoid of two diodes", 0.01),
        ("GELU", 0.05),
        ("energy of a block: PCU", 0.05),
    ],
)
def test_the_card_is_the_truth_behind_the_instruments(rows, name, off):
    card, measured = (first_number(cell) for cell in rows[name][3:])
    assert measured == pytest.approx(card, rel=off)


def test_what_memristors_keep_is_told_of_both(rows):
    for cell in rows["M1 read at 0.01 V"][3:]:
        assert first_number(cell.removeprefix("largest change ")) < 1.0
        assert cell.endswith("% in 600 s (1 states)")
    for cell in rows["M2 read at 0.1 V"][3:]:
        assert first_number(cell.removeprefix("largest change ")) < 0.5
    for cell in rows["M1 to five conductances, up and down"][3:]:
        assert cell.startswith("3 of 3 within 2 %: ")


def test_costs_are_those_of_the_units_that_were_asked(runs):
    costs = pcu_table.costs_of(pcu_table.seen_in_runs(runs)).costs
    assert {one.mark for one in costs.values()} == {"measured"}
    assert costs["softplus"].voltage == pytest.approx(0.55, abs=0.05)
    assert costs["weight"].voltage < 0.1


def test_the_card_has_no_noise_of_a_meter():
    """A diode alone, to rounding; a product as near as M1 was programmed."""
    diodes = card_readings(load_recipe("pcu/diodes", SMALL["diodes"]).protocol, UNITS)
    one = diodes["unit"] == 22
    law = UNITS[22].saturation_current * np.expm1(
        diodes["voltage"][one][:10] / UNITS[22].emission_voltage
    )
    np.testing.assert_allclose(diodes["current"][one][:10], law, rtol=1e-5)
    product = card_readings(load_recipe("pcu/vmm", SMALL["vmm"]).protocol, UNITS)
    driven = product["voltage"] > 0
    weights = product["current"][driven] / product["voltage"][driven]
    np.testing.assert_allclose(weights, product["target"][driven], rtol=0.012)


def test_the_cards_step_pulses_follow_the_instruments_rule():
    """Growing by 0.1 V to one side, from 0.2 V again after each turn."""
    recipe = load_recipe("pcu/step-pulses", SMALL["step-pulses"])
    found = card_readings(recipe.protocol, UNITS)
    for step in (0, 1, 2):
        mine = found["step"] == step
        amplitude, read = found["amplitude"][mine], found["conductance"][mine]
        target = found["target"][mine][0]
        assert abs(read[-1] / target - 1.0) <= 0.02
        assert (np.abs(read[:-1] / target - 1.0) > 0.02).all()
        np.testing.assert_array_equal(
            np.sign(amplitude[1:]), np.sign(target - read[:-1])
        )
        for k in range(1, len(amplitude)):
            same = k > 1 and np.sign(amplitude[k]) == np.sign(amplitude[k - 1])
            size = min(abs(amplitude[k - 1]) + 0.1, 1.5) if same else 0.2
            assert abs(amplitude[k]) == pytest.approx(size)


def test_only_units_of_a_simulated_bench_are_known():
    hardware = BENCH.model_copy(update={"simulation": None})
    with pytest.raises(InputError, match="simulation: is missing"):
        units_of_bench(hardware)
    with pytest.raises(InputError, match="PairedPulse: measures no perovskite units"):
        card_readings(load_recipe("fmes/paired-pulse").protocol, UNITS)
    still = BENCH.simulation
    assert still is not None
    mean = BENCH.model_copy(
        update={"simulation": still.model_copy(update={"draw_device": False})}
    )
    assert len(set(units_of_bench(mean).values())) == 1
