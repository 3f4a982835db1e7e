"""Time of a waveform of a million points through `@labneuro`, and beside pyvisa-sim's.

The oscilloscope of a simulated bench sends the same record again and again;
`query_binary_values` reads it into an array. pyvisa-sim hands out one byte a call, so
its read loop is timed on a much smaller block and the ratio is that of bytes a second.

Run: ``python benchmarks/waveform_transfer.py [rounds]``
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyvisa
from pyvisa.resources import MessageBasedResource

POINTS = 1_000_000
SMALL = 20_000
WANTED = 0.1  # s
BENCH = """\
description: an oscilloscope
visa_library: "@labneuro"
instruments:
  scope: {model: Keysight MSO-X 3104T, address: "USB0::0x2A8D::0x1766::MY1::INSTR"}
roles: {oscilloscope: scope}
device: {id: D, model: hnno}
limits: {voltage: 10 V, current: 10 mA}
wiring: {nets: [[device.Au, device.Pd, ground]]}
simulation: {card: hnno}
"""
YAML = r"""
spec: "1.1"
devices:
  scope:
    eom:
      USB INSTR: {q: "\n", r: "\n"}
    error: ERROR
    dialogues:
      - {q: "DATA?", r: "%s"}
resources:
  USB0::0x2A8D::0x1766::MY1::0::INSTR: {device: scope}
"""


def acquired(folder: Path) -> MessageBasedResource:
    """Open the oscilloscope and let it acquire a million points."""
    path = folder / "bench.yaml"
    path.write_text(BENCH, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"{path}@labneuro")
    scope = manager.open_resource(manager.list_resources()[0])
    assert isinstance(scope, MessageBasedResource)  # noqa: S101  for the type checker
    # 2.5 GSa/s over 400 us.
    scope.write(":TIMebase:RANGe 400e-6;:CHANnel2:DISPlay 1")
    scope.write(":DIGitize")
    scope.write(":WAVeform:POINts MAXimum;:WAVeform:FORMat BYTE")
    return scope


def transfer_time(scope: MessageBasedResource) -> float:
    """Return the wall time of one transfer in s."""
    begin = time.perf_counter()
    codes = scope.query_binary_values(
        ":WAVeform:DATA?", datatype="B", container=np.ndarray
    )
    took = time.perf_counter() - begin
    if len(codes) != POINTS:
        raise SystemExit(f"{len(codes)} points came, not {POINTS}")
    return took


def peer_rate(folder: Path) -> float:
    """Return pyvisa-sim's bytes per second."""
    path = folder / "peer.yaml"
    path.write_text(YAML % ("x" * SMALL), encoding="utf-8")
    manager = pyvisa.ResourceManager(f"{path}@sim")
    peer = manager.open_resource(manager.list_resources()[0])
    assert isinstance(peer, MessageBasedResource)  # noqa: S101  for the type checker
    peer.timeout = 20_000
    peer.write_termination = peer.read_termination = "\n"
    begin = time.perf_counter()
    peer.write("DATA?")
    content = peer.read_raw()
    took = time.perf_counter() - begin
    if len(content) < SMALL:
        raise SystemExit(f"pyvisa-sim sent {len(content)} bytes")
    return len(content) / took


def main(rounds: int = 11) -> float:
    """Print both and return the median time in s."""
    with tempfile.TemporaryDirectory() as folder:
        scope = acquired(Path(folder))
        transfer_time(scope)  # the first one also makes the samples
        median = statistics.median(transfer_time(scope) for _ in range(rounds))
        peer = peer_rate(Path(folder))
        scope.close()
    print(
        f"@labneuro    1 000 000 points in {median:.4f} s  (wanted: below {WANTED} s)"
    )
    print(f"pyvisa-sim   {peer / 1e6:.3f} MB/s   ratio {POINTS / median / peer:.0f}")
    return median


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])) > WANTED)
