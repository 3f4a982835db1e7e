"""Queries per second through `@labneuro` and through pyvisa-sim's own YAML device.

Both run in this process, the rounds alternate, and each figure is the median over the
rounds. The query reads one setting of a generator; the answers have the same length.

Run: ``python benchmarks/visa_query.py [rounds] [queries a round]``
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import pyvisa
from pyvisa.resources import MessageBasedResource

QUERY = "SOUR1:VOLT:HIGH?"
WANTED = 1.3
YAML = r"""
spec: "1.1"
devices:
  generator:
    eom:
      USB INSTR: {q: "\r\n", r: "\n"}
    error: ERROR
    dialogues:
      - {q: "*IDN?", r: "TEKTRONIX,AFG31102,C013001,SCPI:99.0 FV:1.6.1"}
    properties:
      high:
        default: 0.5
        getter: {q: "SOUR1:VOLT:HIGH?", r: "{:.10E}"}
        setter: {q: "SOUR1:VOLT:HIGH {:.10E}"}
        specs: {min: -5.0, max: 5.0, type: float}
resources:
  USB0::0x0699::0x035E::C013001::0::INSTR: {device: generator}
"""


def open_simulated() -> MessageBasedResource:
    """Open the generator of the shipped bench through `@labneuro`."""
    manager = pyvisa.ResourceManager("hnno-sim?fresh=benchmark@labneuro")
    (address,) = manager.list_resources("USB?*")
    resource = manager.open_resource(address)
    assert isinstance(resource, MessageBasedResource)  # noqa: S101  for the type checker
    return resource


def open_peer(folder: Path) -> MessageBasedResource:
    """Open the same setting as a YAML device of pyvisa-sim."""
    path = folder / "peer.yaml"
    path.write_text(YAML, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"{path}@sim")
    resource = manager.open_resource(manager.list_resources()[0])
    assert isinstance(resource, MessageBasedResource)  # noqa: S101  for the type checker
    return resource


def rate(resource: MessageBasedResource, queries: int) -> float:
    """Return queries per second over one round."""
    begin = time.perf_counter()
    for _ in range(queries):
        resource.query(QUERY)
    return queries / (time.perf_counter() - begin)


def main(rounds: int = 15, queries: int = 2000) -> float:
    """Print both rates and return the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        ours, peer = open_simulated(), open_peer(Path(folder))
        if ours.query(QUERY).strip() != peer.query(QUERY).strip():
            raise SystemExit("the two devices answer differently")
        pairs = [(rate(ours, queries), rate(peer, queries)) for _ in range(rounds)]
    ours_rate = statistics.median(pair[0] for pair in pairs)
    peer_rate = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(mine / other for mine, other in pairs)
    print(f"@labneuro           {ours_rate / 1e3:8.1f} k queries/s")
    print(f"pyvisa-sim (YAML)   {peer_rate / 1e3:8.1f} k queries/s")
    print(f"ratio               {ratio:8.2f}   (wanted: at least {WANTED})")
    return ratio


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])) < WANTED)
