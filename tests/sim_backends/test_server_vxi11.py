"""VXI-11 as its specification describes it, call by call."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Self, cast

import pytest

from labneuro.sim_backends.server import intake, onc_rpc, vxi11
from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import ServedAt
from labneuro.sim_backends.server.onc_rpc import (
    PORT_MAPPER,
    XdrError,
    XdrReader,
    pack_call,
    pack_opaque,
    pack_record,
    pack_unsigned,
    port_mapper,
)
from labneuro.sim_backends.server.vxi11 import ABORT, CORE
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.sim_backends.server.bench_server import BenchServer
    from labneuro.sim_backends.server.desk import Desk

BENCH = "hnno-sim?fresh=test-server-vxi11"
WHERE = ServedAt(first_port=0, port_mapper=False)
PATIENCE = 20.0
OK, NO_DEVICE, NO_LINK, NO_CHANNEL, UNSUPPORTED = 0, 3, 4, 6, 8
LOCKED, NO_LOCK, TIMEOUT, ABORTED = 11, 12, 15, 23
END, TERMCHAR, WAIT = 8, 128, 1
COUNT, CHARACTER, END_SEEN = 1, 2, 4
MAV, REQUEST = 0x10, 0x40


@pytest.fixture
def server() -> Iterator[BenchServer]:
    with served_in_background(power_on(BENCH), WHERE) as running:
        yield running
    power_off(BENCH)


class Caller:
    """A client of remote procedures."""

    def __init__(self, port: int, program: tuple[int, int]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.stream = self.socket.makefile("rb")
        self.program = program
        self.numbers = itertools.count(7)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, procedure: int, arguments: bytes) -> int:
        number = next(self.numbers)
        call = pack_call(number, self.program, procedure, arguments)
        self.socket.sendall(pack_record(call))
        return number

    def receive(self, number: int) -> XdrReader:
        mark = int.from_bytes(self.stream.read(4), "big")
        assert mark >> 31  # one fragment
        reader = XdrReader(self.stream.read(mark & 0x7FFFFFFF))
        assert reader.unsigned() == number
        assert [reader.unsigned() for _ in range(4)] == [1, 0, 0, 0]
        return reader

    def call(self, procedure: int, arguments: bytes) -> XdrReader:
        reader = self.receive(self.send(procedure, arguments))
        assert reader.unsigned() == 0  # accepted and carried out
        return reader


class Link(Caller):
    """A link on a core channel of its own."""

    def __init__(self, server: BenchServer, device: bytes = b"inst1") -> None:
        host = server.addresses["smu"]["vxi11"].split("::")[1]
        super().__init__(int(host.partition(",")[2]), CORE)
        answer = self.call(10, pack_unsigned(1, 0, 0) + pack_opaque(device))
        self.error, self.number = answer.unsigned(), answer.unsigned()
        self.abort_port, self.largest = answer.unsigned(), answer.unsigned()

    def write(self, data: bytes, flags: int = END, lock_timeout: int = 0) -> int:
        head = pack_unsigned(self.number, 1000, lock_timeout, flags)
        return self.call(11, head + pack_opaque(data)).unsigned()

    def read(
        self, count: int = 1000, timeout: int = 10_000, termchar: int | None = None
    ) -> tuple[int, int, bytes]:
        flags = 0 if termchar is None else TERMCHAR
        head = (self.number, count, timeout, 0, flags, termchar or 0)
        answer = self.call(12, pack_unsigned(*head))
        return answer.unsigned(), answer.unsigned(), answer.opaque()

    def simple(self, procedure: int, number: int | None = None) -> XdrReader:
        link = self.number if number is None else number
        return self.call(procedure, pack_unsigned(link, 0, 0, 1000))

    def lock(self, flags: int = 0, timeout: int = 0) -> int:
        return self.call(18, pack_unsigned(self.number, flags, timeout)).unsigned()

    def unlock(self) -> int:
        return self.call(19, pack_unsigned(self.number)).unsigned()

    def status(self) -> int:
        answer = self.simple(13)
        assert answer.unsigned() == OK
        return answer.unsigned()


@pytest.mark.parametrize(
    ("device", "maker"),
    [(b"inst0", b"Keithley"), (b"INST1", b"TEKTRONIX"), (b"afg", b"TEKTRONIX")],
)
def test_device_names(server: BenchServer, device: bytes, maker: bytes) -> None:
    with Link(server, device) as link:
        assert link.error == OK
        assert link.write(b"*IDN?\n") == OK
        error, reason, data = link.read()
        assert (error, reason) == (OK, END_SEEN)
        assert data.startswith(maker)
        assert data.endswith(b"\n")


def test_an_unknown_device_is_refused(server: BenchServer) -> None:
    with Link(server, b"inst7") as link:
        assert link.error == NO_DEVICE


def test_why_a_read_ends(server: BenchServer) -> None:
    with Link(server) as link:
        assert link.write(b"*ESE 4;", flags=0) == OK  # no END: more follows
        assert link.write(b"*ESE?;*SRE?") == OK
        assert link.read(count=1) == (OK, COUNT, b"4")
        assert link.read(termchar=ord(";")) == (OK, CHARACTER, b";")
        assert link.read() == (OK, END_SEEN, b"0\n")


def test_a_read_without_query_times_out_at_once_on_the_virtual_clock(
    server: BenchServer,
) -> None:
    with Link(server) as link:
        before = server.powered.bench.clock.now
        assert link.read(timeout=3_600_000)[0] == TIMEOUT
        assert server.powered.bench.clock.now == pytest.approx(before + 3600.0)
        link.write(b"SYST:ERR?")
        assert link.read()[2].startswith(b"-420,")


@pytest.mark.parametrize("has_left", [True, False])
def test_a_dead_client_s_read_is_no_error_of_the_next_client(has_left: bool) -> None:
    """A killed controller's read runs into its time-out when another one measures."""
    in_vain: list[float] = []
    desk = SimpleNamespace(
        clients=set(),
        station=None,
        is_paced=True,
        owes=lambda _: True,
        unanswered=in_vain.append,
    )
    connection = SimpleNamespace(has_left=has_left)
    link = vxi11.Link(cast("Desk", desk), cast("vxi11.CoreConnection", connection))
    error, _, content = asyncio.run(link.read(10, 0.01, None))
    assert (error, content) == (TIMEOUT, b"")
    assert in_vain == ([] if has_left else [0.01])


def test_a_query_that_was_not_read_is_interrupted(server: BenchServer) -> None:
    with Link(server) as link:
        link.write(b"*IDN?")
        link.write(b"SYST:ERR?")
        assert link.read()[2].startswith(b"-410,")


def test_a_read_waits_for_a_running_script(server: BenchServer) -> None:
    with Link(server, b"smu") as link:
        link.write(b"for i = 1, 2e7 do end print('done')")
        assert link.read() == (OK, END_SEEN, b"done\n")


def test_abort_ends_a_read_that_waits(server: BenchServer) -> None:
    with Link(server, b"smu") as link, Caller(link.abort_port, ABORT) as abort:
        link.write(b"while true do end")
        number = link.send(12, pack_unsigned(link.number, 100, 20_000, 0, 0, 0))
        assert link.error == OK
        desk = server.desks["smu"]
        answer = abort.call(1, pack_unsigned(link.number))
        assert answer.unsigned() == OK
        reader = link.receive(number)
        assert [reader.unsigned() for _ in range(2)] == [OK, ABORTED]
        seen = [desk.instrument.busy]
        assert link.simple(15).unsigned() == OK  # device_clear
        assert [*seen, desk.instrument.busy] == [True, False]
        assert abort.call(1, pack_unsigned(999)).unsigned() == NO_LINK


def test_status_byte_and_trigger(server: BenchServer) -> None:
    with Link(server) as link:
        link.write(b"*CLS;TRIG:SOUR EXT;*ESE?")
        assert link.status() & MAV
        link.read()
        assert not link.status() & MAV
        for procedure in (14, 16, 17):  # trigger, remote, local
            assert link.simple(procedure).unsigned() == OK
        assert link.simple(14, number=999).unsigned() == NO_LINK


def test_locks(server: BenchServer) -> None:
    with Link(server) as owner, Link(server) as other:
        assert owner.lock() == OK
        assert other.lock() == LOCKED
        assert other.write(b"*ESE 1") == LOCKED
        assert other.unlock() == NO_LOCK
        number = other.send(18, pack_unsigned(other.number, WAIT, 20_000))
        assert owner.write(b"*ESE 3;*ESE?") == OK
        assert owner.read()[2] == b"3\n"
        assert owner.unlock() == OK
        reader = other.receive(number)
        assert [reader.unsigned() for _ in range(2)] == [OK, OK]
        assert owner.write(b"*CLS") == LOCKED


def test_destroying_a_link_gives_its_lock_back(server: BenchServer) -> None:
    with Link(server) as owner, Link(server) as other:
        assert owner.lock() == OK
        assert owner.call(23, pack_unsigned(owner.number)).unsigned() == OK
        assert owner.call(23, pack_unsigned(owner.number)).unsigned() == NO_LINK
        assert other.write(b"*CLS") == OK


def test_service_request_calls_the_client_back(server: BenchServer) -> None:
    program = (0x0607B1, 1)
    with socket.create_server(("127.0.0.1", 0)) as listener, Link(server) as link:
        listener.settimeout(PATIENCE)
        assert link.call(26, b"").unsigned() == NO_CHANNEL
        port = listener.getsockname()[1]
        created = link.call(25, pack_unsigned(0x7F000001, port, *program, 0))
        assert created.unsigned() == OK
        channel, _ = listener.accept()
        with channel:
            channel.settimeout(PATIENCE)
            enable = pack_unsigned(link.number, 1) + pack_opaque(b"handle")
            assert link.call(20, enable).unsigned() == OK
            link.write(b"*CLS;*ESE 32;*SRE 32")
            link.write(b"NO:SUCH:COMMAND")
            mark = channel.recv(4, socket.MSG_WAITALL)
            length = int.from_bytes(mark, "big") & 0x7FFFFFFF
            call = onc_rpc.read_call(channel.recv(length, socket.MSG_WAITALL))
            assert (call.program, call.version, call.procedure) == (*program, 30)
            assert call.arguments.opaque() == b"handle"
            assert link.status() & REQUEST
            assert link.call(26, b"").unsigned() == OK


def test_what_is_not_there(server: BenchServer) -> None:
    with Link(server) as link:
        docmd = pack_unsigned(link.number, 0, 0, 0, 1, 0, 0) + pack_opaque(b"")
        assert link.call(22, docmd).unsigned() == UNSUPPORTED
        number = link.send(99, b"")
        assert link.receive(number).unsigned() == 3  # no such procedure
        number = link.send(12, b"")
        assert link.receive(number).unsigned() == 4  # arguments too short


def _answered(call: bytes) -> XdrReader:
    programs = port_mapper({CORE: 1234, PORT_MAPPER: 111})
    return XdrReader(asyncio.run(onc_rpc.answer(programs, call)))


def test_port_mapper_tells_the_core_channel() -> None:
    """RFC 1833: getport and dump of version 2; other versions are refused."""
    head = [5, 1, 0, 0, 0, 0]
    reader = _answered(pack_call(5, PORT_MAPPER, 3, pack_unsigned(*CORE, 6, 0)))
    assert [reader.unsigned() for _ in range(7)] == [*head, 1234]
    reader = _answered(pack_call(5, PORT_MAPPER, 3, pack_unsigned(*CORE, 17, 0)))
    assert [reader.unsigned() for _ in range(7)] == [*head, 0]  # not over UDP
    reader = _answered(pack_call(5, PORT_MAPPER, 4, b""))
    listed = [*head, 1, *CORE, 6, 1234, 1, *PORT_MAPPER, 6, 111, 0]
    assert [reader.unsigned() for _ in range(len(listed))] == listed
    reader = _answered(pack_call(5, (PORT_MAPPER[0], 4), 3, b""))
    assert [reader.unsigned() for _ in range(8)] == [5, 1, 0, 0, 0, 2, 2, 2]


def test_records_that_are_no_calls() -> None:
    with pytest.raises(XdrError):
        _answered(b"\0" * 8)
    with pytest.raises(XdrError):
        _answered(pack_unsigned(1, 1))
    denied = _answered(pack_unsigned(5, 0, 3, *CORE, 0, 0, 0, 0, 0))
    assert [denied.unsigned() for _ in range(6)] == [5, 1, 1, 0, 2, 2]


# ---- what one client may ask of all


def test_the_rate_holds(server: BenchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is lost, however often the client had to wait."""
    waits: list[float] = []
    spend = intake.Allowance.spend

    def look(allowance: intake.Allowance) -> float:
        waits.append(spend(allowance))
        return waits[-1]

    monkeypatch.setattr(intake.Allowance, "spend", look)
    monkeypatch.setattr(intake, "MOST_MESSAGES", 500)
    with Link(server) as link:
        for value in range(150):
            assert link.write(b"*ESE %d" % value) == OK
        link.write(b"*ESE?")
        assert link.read()[2] == b"149\n"
    assert len(waits) >= 152
    assert sum(wait > 0.0 for wait in waits) >= 2


def test_a_flood_of_calls_lets_the_other_clients_have_their_turn(
    server: BenchServer,
) -> None:
    """Calls that nobody waits for are answered one by one, others in between."""
    with Link(server) as flood, Link(server) as other:
        head = pack_unsigned(flood.number, 1000, 0, END)
        call = pack_call(1, CORE, 11, head + pack_opaque(b"*ESE 1"))
        flood.socket.sendall(pack_record(call) * 3000)
        other.write(b"*IDN?")
        assert b"TEKTRONIX" in other.read()[2]
        flood.stream.read(4)


def test_messages_that_wait_for_a_script_are_bounded(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A further write is answered when there is room for it."""
    monkeypatch.setattr(intake, "MOST_WAITING", 10)
    with Link(server, b"smu") as first, Link(server, b"smu") as second:
        first.write(b"n = 0 print('on') while true do end")
        assert first.read()[2] == b"on\n"
        head = pack_unsigned(second.number, 1000, 0, END)
        numbers = [
            second.send(11, head + pack_opaque(b"n = n + 1")) for _ in range(100)
        ]
        with Link(server) as other:
            other.write(b"*IDN?")
            assert b"TEKTRONIX" in other.read()[2]
        waiting = [client.backlog for client in server.desks["smu"].clients]
        assert max(waiting) <= 11
        first.write(b"abort")
        for number in numbers:
            second.receive(number)
        second.write(b"print(n)")
        assert float(second.read()[2]) == 100.0


def test_a_record_of_empty_fragments_is_cut_off(server: BenchServer) -> None:
    """It would never end and cost nothing to send."""
    with Link(server) as bad, Link(server) as good:
        bad.socket.sendall(bytes(4) * (onc_rpc._MOST_FRAGMENTS + 1))
        with contextlib.suppress(ConnectionError):
            assert bad.stream.read(1) == b""
        good.write(b"*IDN?")
        assert b"TEKTRONIX" in good.read()[2]
