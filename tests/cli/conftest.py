"""The command line, called in process."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.cli.main import main
from labneuro.data.provenance import Provenance
from labneuro.data.run_file import RunWriter
from labneuro.protocols.recipe import load_recipe


class Answer(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def labneuro(lab, capsys):
    """Return a function that runs a command in an empty lab workspace."""

    def run(*words: str) -> Answer:
        code = main(words)
        return Answer(code, *capsys.readouterr())

    return run


RESISTANCE = 100e3
NOISE = 20e-12


@pytest.fixture
def run_file(lab):
    """Return the path of a resistance run: 100 kohm read with some noise."""
    recipe, bench = load_recipe("hnno/resistance"), load_bench("hnno-sim")
    protocol = recipe.protocol
    provenance = Provenance(
        title=recipe.description,
        recipe_name=recipe.name,
        recipe_text=recipe.text,
        protocol="ResistanceRead",
        parameters=protocol.model_dump(mode="json"),
        bench_name=bench.name,
        bench_text=bench.text,
        device_id=bench.device.id,
        device_model=bench.device.model,
        simulated=True,
    )
    voltage = protocol.levels  # type: ignore[attr-defined]
    noise = np.random.default_rng(1)
    path = lab / "x.h5"
    currents = []
    with RunWriter.create(path, protocol.layout(bench.device), provenance, []) as run:
        for step in range(5):
            current = voltage / RESISTANCE + NOISE * noise.standard_normal(len(voltage))
            currents.append(current)
            rows = {
                "step": np.full(len(voltage), step, dtype=np.int32),
                "time": np.arange(len(voltage)) * 0.022,
                "voltage": voltage,
                "current": current,
            }
            run.append(step, rows)
        mean = np.mean(currents, axis=0)
        errors = np.std(currents, axis=0, ddof=1) / np.sqrt(5)
        run.update("current_voltage", signal=mean, errors=errors)
    return path
