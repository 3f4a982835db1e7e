"""Queries per second from a served bench on loopback, and what quick answers need.

The server is a process of its own (``labneuro bench serve``'s own code); the clients
are pyvisa-py, a plain socket and, where it is installed, ``lxi benchmark``. The query
reads one setting of a generator. Each rate is the median over the rounds.

Run: ``python benchmarks/served_query.py [rounds] [queries a round]``
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyvisa
from pyvisa.resources import MessageBasedResource

from labneuro.sim_backends.server.bench_server import BenchServer, ServedAt
from labneuro.sim_backends.visa.powered_benches import power_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUERY = "SOUR1:VOLT:HIGH?"
WANTED_RATE = 3000.0
WANTED_LATENCY = 1e-3
_SETTINGS = 100  # write-write-query sequences a round
_SERVE = "--serve"


async def serve(quick: bool) -> None:
    """Serve the shipped bench until this process is killed."""
    where = ServedAt(first_port=0, port_mapper=False, quick=quick)
    server = BenchServer(power_on("hnno-sim?fresh=served-query"), where)
    await server.start()
    print(json.dumps(server.addresses), flush=True)
    await asyncio.Event().wait()


@contextmanager
def served(quick: bool) -> Iterator[dict[str, str]]:
    """Start a server; give the generator's addresses."""
    words = [sys.executable, __file__, _SERVE, "quick" if quick else "slow"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise SystemExit("the server has no output")
        yield json.loads(process.stdout.readline())["afg"]
    finally:
        process.kill()
        process.wait()


def rate(ask: Callable[[], object], rounds: int, queries: int) -> float:
    """Return queries per second, the median over the rounds."""
    rates = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(queries):
            ask()
        rates.append(queries / (time.perf_counter() - begin))
    return statistics.median(rates)


def plain_client(address: str) -> Callable[[], bytes]:
    """Return a query over a plain socket."""
    _, host, port, _ = address.split("::")
    client = socket.create_connection((host, int(port)))
    message = QUERY.encode() + b"\n"

    def ask() -> bytes:
        client.sendall(message)
        return client.recv(4096)

    return ask


def lxi_rate(address: str, queries: int) -> float | None:
    """Return what ``lxi benchmark`` finds; None where it is not installed."""
    lxi = shutil.which("lxi")
    if lxi is None:
        return None
    _, host, port, _ = address.split("::")
    words = [lxi, "benchmark", "--address", host, "--port", port, "--raw"]
    answer = subprocess.run(
        [*words, "--count", str(queries)], capture_output=True, text=True, check=True
    )
    found = re.search(r"([\d.]+) requests/second", answer.stdout)
    return float(found.group(1)) if found else None


def connect(address: str) -> MessageBasedResource:
    """Open an address with pyvisa-py."""
    resource = pyvisa.ResourceManager("@py").open_resource(address)
    if not isinstance(resource, MessageBasedResource):
        raise SystemExit(f"{address} takes no messages")
    if address.endswith("SOCKET"):
        resource.read_termination = resource.write_termination = "\n"
    return resource


def sequence_time(resource: MessageBasedResource, rounds: int) -> float:
    """Return the time of two settings and a query in s, the median."""

    def sequence() -> None:
        resource.write("SOUR1:VOLT:HIGH 1.0")
        resource.write("SOUR1:VOLT:HIGH 1.5")
        resource.query(QUERY)

    return 1.0 / rate(sequence, rounds, _SETTINGS)


def main(rounds: int = 5, queries: int = 2000) -> bool:
    """Print all figures; return whether both wanted ones are reached."""
    warnings.filterwarnings("ignore", "GPIB library not found")
    with served(quick=True) as afg:
        raw = connect(afg["raw"])
        slip, core = connect(afg["hislip"]), connect(afg["vxi11"])
        rates = {
            "pyvisa-py, raw socket": rate(lambda: raw.query(QUERY), rounds, queries),
            "pyvisa-py, HiSLIP": rate(lambda: slip.query(QUERY), rounds, queries),
            "pyvisa-py, VXI-11": rate(lambda: core.query(QUERY), rounds, queries),
            "plain socket": rate(plain_client(afg["raw"]), rounds, queries),
            "lxi benchmark, raw socket": lxi_rate(afg["raw"], queries),
        }
        latencies = {
            "raw socket": sequence_time(raw, rounds),
            "HiSLIP": sequence_time(slip, rounds),
            "VXI-11": sequence_time(core, rounds),
        }
    with served(quick=False) as afg:
        raw = connect(afg["raw"])
        latencies["raw socket, no quick ack"] = sequence_time(raw, 1)
    for name, value in rates.items():
        shown = "not installed" if value is None else f"{value:8.0f} queries/s"
        print(f"{name:28s}{shown}")
    for name, seconds in latencies.items():
        print(f"write, write, query: {name:26s}{1e3 * seconds:8.3f} ms")
    print(f"wanted: at least {WANTED_RATE:.0f} queries/s and below 1 ms, raw socket")
    fast = (rates["pyvisa-py, raw socket"] or 0.0) >= WANTED_RATE
    return fast and latencies["raw socket"] < WANTED_LATENCY


if __name__ == "__main__":
    if sys.argv[1:2] == [_SERVE]:
        asyncio.run(serve(sys.argv[2] == "quick"))
    raise SystemExit(not main(*map(int, sys.argv[1:])))
