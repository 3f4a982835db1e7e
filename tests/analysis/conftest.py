"""Spike counts of known truth: drawn from the card's law, or by the device itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labneuro.analysis.counts import PulseRows
from labneuro.bench import DeviceConfig, load_card
from labneuro.data.run_file import Provenance, RunWriter
from labneuro.devices.catalog import load_parameters
from labneuro.protocols.catalog import protocol_class

if TYPE_CHECKING:
    from pathlib import Path

    from labneuro.devices.hnno import HnnoParameters

PROBES = tuple(np.linspace(0.17e6, 0.22e6, 11))
FULL = tuple((field, 30) for field in (0.15e6, 0.165e6, 0.17e6, 0.18e6, 0.19e6, 0.22e6))
PART = tuple((0.19e6, pulses) for pulses in (1, 2, 4, 8))
INITIAL = (0.0, 0)
STATES = (INITIAL, *FULL, *PART, INITIAL)


@dataclass(frozen=True)
class Truth:
    """A device whose spikes are independent draws from the law."""

    parameters: HnnoParameters

    def changed(self, **changes):
        """Return another device."""
        return Truth(replace(self.parameters, **changes))

    def value(self, name):
        """Return the true value of a fitted parameter."""
        p = self.parameters
        if name == "threshold":
            return p.threshold()
        if name == "sensitization_pulses":
            return p.sensitization_time / p.reference_pulse_width
        return getattr(p, name)

    def probability(self, field, state=INITIAL):
        """Return the firing probability."""
        p = self.parameters
        shift = p.shift_after(*state)
        return 1.0 / (1.0 + np.exp(-(field - p.midpoint + shift) / p.slope))

    def readings(self, *, states=STATES, probes=PROBES, events=47, seed=0):
        """Return a readings table as StateMap writes it, a baseline read first."""
        generator = np.random.default_rng(seed)
        cells = [(0.0, 0, 0.0, np.full(4, -1))]
        cells += [
            (*state, probe, generator.random(events) < self.probability(probe, state))
            for state in states
            for probe in probes
        ]
        return table(cells)

    def train_readings(self, *, fields, pulses=40, trains=30, seed=0):
        """Return a readings table as SensitizationTrain writes it."""
        generator = np.random.default_rng(seed)
        cells = [(0.0, 0, 0.0, np.full(1, -1))]
        for field in fields:
            for _ in range(trains):
                cells += [
                    (
                        field,
                        number,
                        field,
                        generator.random(1) < self.probability(field, (field, number)),
                    )
                    for number in range(pulses)
                ]
        return table(cells)

    def rows(self, **options):
        """Return :meth:`readings` as rows of a fit."""
        return PulseRows.from_readings(self.readings(**options), "simulation")


def table(cells):
    """Return the columns of a readings table."""
    counts = [len(cell[3]) for cell in cells]
    total = sum(counts)
    columns = {
        name: np.repeat(np.array([cell[place] for cell in cells], kind), counts)
        for place, (name, kind) in enumerate(
            (
                ("accumulating_field", "f8"),
                ("accumulated_pulses", "i4"),
                ("pulse_field", "f8"),
            )
        )
    }
    spike = np.concatenate([cell[3] for cell in cells]).astype("i1")
    return columns | {
        "step": np.repeat(np.arange(len(cells), dtype="i4"), counts),
        "event": np.concatenate([np.arange(n, dtype="i4") for n in counts]),
        "time": np.arange(total, dtype="f8"),
        "voltage": np.full(total, 0.1),
        "current": np.where(spike == 1, 1e-5, 1e-6),
        "resistance": np.where(spike == 1, 1e4, 1e5),
        "spike": spike,
    }


@pytest.fixture(scope="session")
def truth() -> Truth:
    """Return the mean device of the shipped card."""
    return Truth(load_parameters("hnno", load_card("hnno"), "hnno"))


@pytest.fixture
def write_run(tmp_path: Path):
    """Return a function that writes a run file of given readings."""

    def write(name, protocol, readings, device_id="hnno-1"):
        path = tmp_path / name
        device = DeviceConfig(
            id=device_id, model="hnno", geometry={"channel_length": "20 um"}
        )
        layout = protocol_class(protocol)().layout(device)
        provenance = Provenance(
            title="test",
            recipe_name="test",
            recipe_text="",
            protocol=protocol,
            parameters={},
            bench_name="test",
            bench_text="",
            device_id=device_id,
            device_model="hnno",
            simulated=True,
        )
        with RunWriter.create(path, layout, provenance, []) as writer:
            writer.append(0, readings)
        return path

    return write
