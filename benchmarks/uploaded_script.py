"""An uploaded script of source-measure points on the simulated 2636B, over VISA.

Each script sets a level and measures 100 000 times; printed are seconds and points per
second, medians of interleaved rounds in one process. Beside them the same points are
sent as single VISA messages, set and query, as a client without a script would do it.

Run: ``python benchmarks/uploaded_script.py [rounds] [points]``
"""

from __future__ import annotations

import statistics
import sys
import time

import pyvisa
from pyvisa.resources import MessageBasedResource

WANTED = 1.0  # s for 100 000 points
SETTINGS = (
    "reset() smua.measure.autozero = 0 smua.measure.nplc = 0.001 "
    "smua.source.rangev = 2 smua.measure.rangei = 1e-3 smua.source.limiti = 1e-3 "
    "smua.source.output = 1"
)
LOOP = "{before} for i = 1, {points} do smua.source.levelv = 0.1 * (i % 10) {do} end "
BUFFER = (
    "{name} = smua.makebuffer({points}) {name}.appendmode = 1 "
    "{name}.collecttimestamps = 1 {name}.collectsourcevalues = 1 "
)
SCRIPTS = {
    "measure.i()": ("", "x = smua.measure.i()"),
    "measure.i(buffer)": ("a", "smua.measure.i(a)"),
    "measure.iv(buffer, buffer)": ("ab", "smua.measure.iv(a, b)"),
}


def open_simulated() -> MessageBasedResource:
    """Open the source meter of the shipped bench through `@labneuro`."""
    manager = pyvisa.ResourceManager("hnno-sim?fresh=benchmark@labneuro")
    (address,) = manager.list_resources("TCPIP?*")
    resource = manager.open_resource(address, timeout=60_000)
    assert isinstance(resource, MessageBasedResource)  # noqa: S101  for the type checker
    resource.write(SETTINGS)
    return resource


def script(buffers: str, action: str, points: int) -> str:
    """Return a script of source-measure points as one message."""
    before = "".join(BUFFER.format(name=name, points=points) for name in buffers)
    loop = LOOP.replace("{do}", action).format(before=before, points=points)
    return loop + "print('done')"


def run_script(resource: MessageBasedResource, message: str) -> float:
    """Return the seconds from sending a script to its end."""
    begin = time.perf_counter()
    if resource.query(message).strip() != "done":
        raise SystemExit("the script has not run to its end")
    return time.perf_counter() - begin


def run_singly(resource: MessageBasedResource, points: int) -> float:
    """Return the seconds for points that are set and queried one by one."""
    begin = time.perf_counter()
    for index in range(points):
        resource.write(f"smua.source.levelv = {0.1 * (index % 10)}")
        resource.query("print(smua.measure.i())")
    return time.perf_counter() - begin


def main(rounds: int = 5, points: int = 100_000) -> bool:
    """Print the figures; return whether every script is fast enough."""
    resource = open_simulated()
    singles = points // 10
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    alone = []
    for _ in range(rounds):
        for name, (buffers, action) in SCRIPTS.items():
            times[name].append(run_script(resource, script(buffers, action, points)))
        alone.append(run_singly(resource, singles) / singles)
    single = statistics.median(alone)
    good = True
    for name, seconds in times.items():
        median = statistics.median(seconds)
        good = good and median * 100_000 / points < WANTED
        print(
            f"{name:28s} {median:6.2f} s for {points:,} points "
            f"(wanted below {WANTED:.0f} s for 100,000), {points / median:9,.0f} "
            f"points/s, {single * points / median:4.1f} times single messages"
        )
    print(f"{'single messages':28s} {1 / single:9,.0f} points/s")
    return good


if __name__ == "__main__":
    raise SystemExit(not main(*map(int, sys.argv[1:])))
