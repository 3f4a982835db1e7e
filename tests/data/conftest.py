"""A small run that the data tests share."""

import numpy as np
import pytest

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.data.provenance import InstrumentRecord, Provenance
from labneuro.data.run_file import RunWriter

FIELDS = np.array([0.0, 1.5e5, 1.9e5])
AMPLITUDES = np.array([3.8, 4.0, 4.2, 4.4])


@pytest.fixture(scope="session")
def layout():
    """Two dimensions with errors and counts; one dimension with log axes."""
    readings = (
        Column("time", "s", "bench time"),
        Column("pulse", "", "pulse number", "i4"),
        Column("current", "A", "current"),
        Column("spike", "", "spike", "u1"),
    )
    sigmoids = Plot(
        name="firing_probability",
        title="Firing probability",
        signal=Column("probability", "", "firing probability"),
        axes=(
            Axis(Column("field", "V/m", "accumulating field"), FIELDS),
            Axis(Column("amplitude", "V", "pulse amplitude"), AMPLITUDES),
        ),
        further=(Column("spikes", "", "spikes", "i4"),),
    )
    train = Plot(
        name="train",
        title="Sensitization train",
        signal=Column("resistance", "ohm", "resistance"),
        axes=(Axis(Column("pulse", "", "pulse number", "i4"), np.arange(1, 8)),),
        errors=False,
        auxiliary=(Column("initial_resistance", "ohm", "initial resistance"),),
        scale={"pulse": "log", "resistance": "log"},
    )
    return RunLayout(
        readings, "current", "time", (sigmoids, train), "firing_probability"
    )


@pytest.fixture(scope="session")
def provenance():
    """A run on a simulated bench."""
    return Provenance(
        title="First light",
        recipe_name="hnno/firing",
        recipe_text="protocol: FiringProbability\n",
        protocol="FiringProbability",
        parameters={"events": 30, "amplitudes": AMPLITUDES},
        bench_name="hnno-sim",
        bench_text="description: µ-bench\n",
        card_text="midpoint: 4.2 V\n",
        seed=7,
        device_id="HNNO-1",
        device_model="hnno",
        simulated=True,
        limits={"voltage": 5.0, "current": float("inf")},
        extras={"operator": "test"},
    )


@pytest.fixture(scope="session")
def instruments():
    """Two instruments."""
    return [
        InstrumentRecord("smu", "2636B", "KEITHLEY,2636B", "TCPIP::1", {"nplc": 1.0}),
        InstrumentRecord("afg", "AFG31000", "TEKTRONIX,AFG31102", "TCPIP::2"),
    ]


@pytest.fixture(scope="session")
def rows():
    """Return rows that tell their step and their place."""

    def make(step, count):
        return {
            "time": step + np.arange(count) / 1024,
            "pulse": np.arange(count),
            "current": 1e-6 * (step + 1) * np.arange(1, count + 1),
            "spike": np.arange(count) % 2,
        }

    return make


@pytest.fixture(scope="session")
def create(layout, provenance, instruments):
    """Create a run file."""

    def make(path, **options):
        return RunWriter.create(path, layout, provenance, instruments, **options)

    return make


@pytest.fixture(scope="session")
def write_run(create, rows):
    """Write a whole small run: 3 steps of 5 readings, both plots, one event."""

    def write(path):
        with create(path) as writer:
            for step in range(3):
                writer.append(step, rows(step, 5))
            probability = np.linspace(0, 1, 12).reshape(3, 4)
            spikes = np.arange(12).reshape(3, 4)
            writer.update(
                "firing_probability",
                signal=probability,
                errors=probability / 10,
                spikes=spikes,
            )
            writer.update("train", signal=np.geomspace(1e6, 1e5, 7))
            writer.log("step", "all steps done", 3.0)
        return path

    return write


@pytest.fixture
def run_path(write_run, tmp_path):
    """A finished run file."""
    return write_run(tmp_path / "run.h5")
