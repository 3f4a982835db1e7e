"""One thread at a time touches a bench: messages and scripts take turns."""

from __future__ import annotations

import functools
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import ServedAt
from labneuro.sim_backends.visa.powered_benches import power_off, power_on
from labneuro.sim_backends.wiring import Circuit

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE = ServedAt(first_port=0, port_mapper=False)
PATIENCE = 20.0


@pytest.fixture
def overlaps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note whenever a thread finds another one inside the circuit or the clock."""
    inside: dict[int, int] = {}
    found: list[str] = []

    def watch(kind: type, name: str) -> None:
        method = getattr(kind, name)

        @functools.wraps(method)
        def watched(*arguments: Any, **options: Any) -> Any:
            me = threading.get_ident()
            if any(count for one, count in list(inside.items()) if one != me):
                found.append(name)
            inside[me] = inside.get(me, 0) + 1
            try:
                return method(*arguments, **options)
            finally:
                inside[me] -= 1

        monkeypatch.setattr(kind, name, watched)

    for name in ("live", "measure", "replanned", "rewired"):
        watch(Circuit, name)
    watch(VirtualClock, "advance")
    watch(VirtualClock, "advance_to")
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield found
    sys.setswitchinterval(before)


def connect(address: str) -> socket.socket:
    _, host, port, _ = address.split("::")
    return socket.create_connection((host, int(port)), PATIENCE)


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_script_and_other_instruments_take_turns(
    overlaps: list[str], clock: str
) -> None:
    """While a script measures without end, another client switches an output."""
    bench = f"hnno-sim?fresh=test-turn&clock={clock}"
    with served_in_background(power_on(bench), WHERE) as server:
        smu, afg = (server.addresses[name]["raw"] for name in ("smu", "afg"))
        with connect(smu) as script, connect(afg) as other:
            script.sendall(
                b"smua.source.output = 1 smua.measure.nplc = 0.001 print('on') "
                b"while true do smua.measure.i() smua.source.levelv = 0.01 end\n"
            )
            assert script.recv(3, socket.MSG_WAITALL) == b"on\n"
            for number in range(40):
                state = (b"ON", b"OFF")[number % 2]
                other.sendall(b"OUTP1 %s\nSOUR1:VOLT 1.%d\n" % (state, number % 10))
            other.sendall(b"SYST:ERR?\n")
            assert b"No error" in other.makefile("rb").readline()
            script.sendall(b"abort\nprint(errorqueue.count)\n")
            assert float(script.makefile("rb").readline()) >= 0.0
    power_off(bench)
    assert overlaps == []
