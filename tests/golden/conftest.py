"""Recorded conversations: what was said, what was answered, and when."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pyvisa

from labneuro.sim_backends.base import SimulatedInstrument
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
_LONGEST = 60  # bytes of a binary answer that are written out

BENCH = """\
description: one instrument and 1 kohm
visa_library: "@labneuro"
instruments:
  it: {{model: {model}, address: "GPIB0::7::INSTR"}}
roles: {{}}
device: {{id: D, model: hnno}}
limits: {{voltage: 10 V, current: 10 mA}}
wiring:
  nets: [[device.Au, device.Pd, ground], [it.{terminal}]]
  resistors: [{{between: [it.{terminal}, ground], value: 1 kohm}}]
simulation: {{card: hnno, seed: 1}}
"""


def _show(content: bytes) -> str:
    text = repr(content)[2:-1]
    if len(content) > _LONGEST:
        text = f"{repr(content[:_LONGEST])[2:-1]}... {len(content)} bytes"
    return text


@pytest.fixture
def converse(tmp_path: Path) -> Iterator[Callable[[str, str, list[str]], str]]:
    """Return a function that says messages to a model and writes down what happens."""
    path = tmp_path / "bench.yaml"

    def talk(model: str, terminal: str, messages: list[str]) -> str:
        path.write_text(BENCH.format(model=model, terminal=terminal), encoding="utf-8")
        library = f"{path}@labneuro"
        bench = power_on(library).bench
        clock, simulated = bench.clock, bench.instruments["it"]
        assert isinstance(simulated, SimulatedInstrument)
        lines = []
        with closing(pyvisa.ResourceManager(library)) as manager:
            it = manager.open_resource("GPIB0::7::INSTR", timeout=1)
            assert isinstance(it, pyvisa.resources.MessageBasedResource)
            for message in messages:
                lines.append(f"{clock.now:.6f} > {message}")
                it.write(message)
                while (answer := _answer(it, simulated)) is not None:
                    lines.append(f"{clock.now:.6f} < {_show(answer)}")
        return "\n".join(lines) + "\n"

    yield talk
    if path.exists():
        power_off(f"{path}@labneuro")


def _answer(
    it: pyvisa.resources.MessageBasedResource, simulated: SimulatedInstrument
) -> bytes | None:
    """Read one answer if there is one: a poll does not wait as a read does."""
    ready = it.read_stb() & 0x10  # on a B1500A this bit says another thing
    return it.read_raw() if ready and simulated.message_available else None
