"""Calibrated models of counts that follow the card's law exactly, up to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.analysis.counts import PulseRows
from labneuro.analysis.device_fit import fit_device
from labneuro.analysis.hnno import calibrate
from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters

PROBES = tuple(np.linspace(0.17e6, 0.22e6, 11))
STATES = (
    (0.0, 0),
    (0.15e6, 30),
    (0.17e6, 30),
    (0.19e6, 30),
    (0.22e6, 30),
    (0.19e6, 2),
    (0.19e6, 6),
    (0.0, 0),
)
EVENTS = 50


@pytest.fixture(scope="session")
def card():
    """Return the mean device of the shipped card."""
    return load_parameters("hnno", load_card("hnno"), "hnno")


def counted(card, cells, events=EVENTS):
    """Return rows in which every cell spikes as often as the law says."""
    field, pulses, probe, spike = [], [], [], []
    for level, number, probing in cells:
        shift = card.shift_after(level, number)
        share = 1.0 / (1.0 + np.exp(-(probing - card.midpoint + shift) / card.slope))
        fired = round(events * share)
        field += [level] * events
        pulses += [number] * events
        probe += [probing] * events
        spike += [1] * fired + [0] * (events - fired)
    return {
        "accumulating_field": np.array(field),
        "accumulated_pulses": np.array(pulses, dtype="i4"),
        "pulse_field": np.array(probe),
        "spike": np.array(spike, dtype="i1"),
    }


@pytest.fixture(scope="session")
def state_map(card):
    """Return the readings of a state map."""
    return counted(card, [(*state, probe) for state in STATES for probe in PROBES])


@pytest.fixture(scope="session")
def trains(card):
    """Return the readings of trains at three fields."""
    fields = (0.15e6, 0.18e6, 0.19e6)
    return counted(card, [(field, n, field) for field in fields for n in range(30)])


def rows(readings):
    """Return readings as rows of a fit."""
    return PulseRows.from_readings(readings, "simulation")


@pytest.fixture(scope="session")
def model(state_map, trains):
    """Return the calibrated model of one device, from both kinds of run."""
    return calibrate([fit_device("A", [rows(state_map), rows(trains)])])


@pytest.fixture(scope="session")
def initial_model(card):
    """Return the model of a firing-probability run alone."""
    readings = counted(card, [(0.0, 0, probe) for probe in PROBES])
    return calibrate([fit_device("A", [rows(readings)])])


@pytest.fixture(scope="session")
def population(state_map, card):
    """Return the model of two devices."""
    fewer = [(*state, probe) for state in STATES[:4] for probe in PROBES]
    devices = [
        fit_device("A", [rows(state_map)]),
        fit_device("B", [rows(counted(card, fewer))]),
    ]
    return calibrate(devices)
