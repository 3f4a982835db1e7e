"""HiSLIP as IVI-6.1 describes it, message by message."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Self

import pytest

from labneuro.bench import FaultConfig
from labneuro.sim_backends.server import intake
from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import ServedAt
from labneuro.sim_backends.server.hislip_messages import (
    HEADER_SIZE,
    Kind,
    Message,
    pack,
    take,
)
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.sim_backends.server.bench_server import BenchServer

BENCH = "hnno-sim?fresh=test-server-hislip"
WHERE = ServedAt(first_port=0, port_mapper=False)
PATIENCE = 20.0
VERSION = 0x0100
FIRST_NUMBER = 0xFFFFFF00  # IVI-6.1: a client's first MessageID
RMT = 1
MAV, REQUEST = 0x10, 0x40


@pytest.fixture
def server() -> Iterator[BenchServer]:
    with served_in_background(power_on(BENCH), WHERE) as running:
        yield running
    power_off(BENCH)


class Pipe:
    """One channel."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)

    def send(
        self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b""
    ) -> None:
        self.socket.sendall(pack(kind, control, parameter, payload))

    def receive(self) -> Message:
        head = self.exactly(HEADER_SIZE)
        (length,) = struct.unpack("!Q", head[8:])
        message = take(bytearray(head + self.exactly(length)), length)
        assert message is not None
        return message

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the server has closed the connection")
            data += part
        return data


class Session:
    """A client of the standard's own kind."""

    def __init__(self, server: BenchServer, sub_address: str = "hislip1") -> None:
        name = server.addresses["smu"]["hislip"].split("::")[2]
        port = int(name.partition(",")[2])
        self.sync, self.later = Pipe(port), Pipe(port)
        self.sync.send(Kind.INITIALIZE, 0, VERSION << 16 | 0x4142, sub_address.encode())
        answer = self.sync.receive()
        assert answer.kind == Kind.INITIALIZE_RESPONSE
        assert answer.control == 0  # synchronized mode
        assert answer.parameter >> 16 == VERSION
        self.later.send(Kind.ASYNC_INITIALIZE, 0, answer.parameter & 0xFFFF)
        assert self.later.receive().kind == Kind.ASYNC_INITIALIZE_RESPONSE
        self.number = FIRST_NUMBER
        self.delivered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sync.socket.close()
        self.later.socket.close()

    def write(self, data: bytes, kind: int = Kind.DATA_END) -> int:
        number = self.number
        self.sync.send(kind, self.delivered, number, data)
        self.delivered = 0
        self.number = (number + 2) & 0xFFFFFFFF
        return number

    def read(self) -> bytes:
        content = b""
        while True:
            message = self.sync.receive()
            assert message.kind in (Kind.DATA, Kind.DATA_END)
            content += message.payload
            if message.kind == Kind.DATA_END:
                self.delivered = RMT
                return content

    def ask(self, data: bytes) -> bytes:
        self.write(data)
        return self.read()

    def call(
        self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b""
    ) -> Message:
        self.later.send(kind, control, parameter, payload)
        return self.later.receive()

    def status(self) -> int:
        last = (self.number - 2) & 0xFFFFFFFF
        answer = self.call(Kind.ASYNC_STATUS_QUERY, self.delivered, last)
        self.delivered = 0
        assert answer.kind == Kind.ASYNC_STATUS_RESPONSE
        return answer.control

    def lock(self, key: bytes = b"", timeout: int = 0) -> int:
        return self.call(Kind.ASYNC_LOCK, 1, timeout, key).control

    def unlock(self) -> int:
        last = (self.number - 2) & 0xFFFFFFFF
        return self.call(Kind.ASYNC_LOCK, 0, last).control


@pytest.mark.parametrize(
    ("sub_address", "maker"),
    [
        ("hislip0", b"Keithley"),
        ("hislip1", b"TEKTRONIX"),
        ("HISLIP1", b"TEKTRONIX"),
        ("afg", b"TEKTRONIX"),
        ("", b"Keithley"),
    ],
)
def test_sub_addresses(server: BenchServer, sub_address: str, maker: bytes) -> None:
    with Session(server, sub_address) as client:
        assert client.ask(b"*IDN?\n").startswith(maker)


def test_an_unknown_sub_address_is_fatal(server: BenchServer) -> None:
    name = server.addresses["smu"]["hislip"].split("::")[2]
    pipe = Pipe(int(name.partition(",")[2]))
    pipe.send(Kind.INITIALIZE, 0, VERSION << 16, b"hislip9")
    answer = pipe.receive()
    assert (answer.kind, answer.control) == (Kind.FATAL_ERROR, 3)
    assert b"hislip0, hislip1" in answer.payload
    with pytest.raises(ConnectionError):
        pipe.receive()
    pipe.socket.close()


def test_what_is_no_header_is_fatal(server: BenchServer) -> None:
    with Session(server) as client:
        client.sync.socket.sendall(b"GET / HTTP/1.1\r\n")
        answer = client.sync.receive()
        assert (answer.kind, answer.control) == (Kind.FATAL_ERROR, 1)


def test_messages_need_both_channels(server: BenchServer) -> None:
    name = server.addresses["smu"]["hislip"].split("::")[2]
    pipe = Pipe(int(name.partition(",")[2]))
    pipe.send(Kind.INITIALIZE, 0, VERSION << 16, b"hislip0")
    assert pipe.receive().kind == Kind.INITIALIZE_RESPONSE
    pipe.send(Kind.DATA_END, 0, FIRST_NUMBER, b"*IDN?")
    answer = pipe.receive()
    assert (answer.kind, answer.control) == (Kind.FATAL_ERROR, 2)
    pipe.socket.close()


def test_an_unknown_message_type_is_an_error(server: BenchServer) -> None:
    with Session(server) as client:
        client.sync.send(28)  # StartTLS of HiSLIP 2
        answer = client.sync.receive()
        assert (answer.kind, answer.control) == (Kind.ERROR, 1)
        assert client.ask(b"*ESE?") == b"0\n"


def test_pieces_both_ways(server: BenchServer) -> None:
    """Replies come in messages no larger than the client said."""
    size = struct.pack("!Q", HEADER_SIZE + 16)
    with Session(server) as client:
        answer = client.call(Kind.ASYNC_MAX_MSG_SIZE, 0, 0, size)
        assert answer.kind == Kind.ASYNC_MAX_MSG_SIZE_RESPONSE
        assert struct.unpack("!Q", answer.payload)[0] > 1 << 20
        client.write(b"*I", Kind.DATA)
        number = client.write(b"DN?")
        pieces: list[Message] = []
        while not pieces or pieces[-1].kind != Kind.DATA_END:
            pieces.append(client.sync.receive())
        assert len(pieces) > 1
        assert all(0 < len(piece.payload) <= 16 for piece in pieces)
        assert {piece.parameter for piece in pieces} == {number}
        assert b"".join(one.payload for one in pieces).endswith(b"\n")


def test_message_available_until_the_client_has_read(server: BenchServer) -> None:
    with Session(server) as client:
        client.write(b"*IDN?")
        assert client.status() & MAV
        client.read()
        assert not client.status() & MAV


def test_a_reply_that_was_not_read_is_interrupted(server: BenchServer) -> None:
    """IVI-6.1, 3.1.1: both channels are told, the instrument reports -410."""
    with Session(server) as client:
        client.write(b"*IDN?")
        number = client.write(b"SYST:ERR?")
        told = client.later.receive()
        assert (told.kind, told.parameter) == (Kind.ASYNC_INTERRUPTED, number)
        assert client.sync.receive().kind == Kind.DATA_END  # was on its way
        assert client.sync.receive().kind == Kind.INTERRUPTED
        assert client.read().startswith(b"-410,")


def test_service_request_comes_on_the_asynchronous_channel(
    server: BenchServer,
) -> None:
    with Session(server) as client:
        client.write(b"*CLS;*ESE 32;*SRE 32")
        client.write(b"NO:SUCH:COMMAND")
        request = client.later.receive()
        assert request.kind == Kind.ASYNC_SERVICE_REQUEST
        assert request.control & (REQUEST | 0x20) == REQUEST | 0x20
        assert client.status() & REQUEST
        assert not client.status() & REQUEST  # a serial poll takes it back


def test_a_script_requests_service_when_it_ends(server: BenchServer) -> None:
    with Session(server, "hislip0") as client:
        client.write(b"status.request_enable = status.MSB status.reset()")
        client.write(b"*CLS")
        client.write(b"*ESE 1")
        client.write(b"*SRE 32")
        client.write(b"for i = 1, 2e7 do end opc()")
        request = client.later.receive()
        assert request.kind == Kind.ASYNC_SERVICE_REQUEST
        assert request.control & REQUEST


def test_device_clear_ends_an_endless_script(server: BenchServer) -> None:
    with Session(server, "hislip0") as client:
        client.write(b"print('begun') while true do end")
        assert client.read() == b"begun\n"
        assert client.call(Kind.ASYNC_DEVICE_CLEAR).kind == 23
        client.sync.send(Kind.DEVICE_CLEAR_COMPLETE)
        assert client.sync.receive().kind == Kind.DEVICE_CLEAR_ACKNOWLEDGE
        client.number = FIRST_NUMBER
        assert client.ask(b"print('alive')") == b"alive\n"


def test_trigger(server: BenchServer) -> None:
    with Session(server, "hislip0") as client:
        client.write(b"trigger.clear()")
        assert client.ask(b"print(trigger.wait(0))") == b"false\n"
        client.write(b"", Kind.TRIGGER)
        assert client.ask(b"print(trigger.wait(0))") == b"true\n"


def test_an_exclusive_lock_holds_others_back(server: BenchServer) -> None:
    with Session(server) as owner, Session(server) as other:
        assert owner.lock() == 1
        assert other.lock() == 0  # refused: no time-out
        info = other.call(Kind.ASYNC_LOCK_INFO)
        assert (info.control, info.parameter) == (1, 1)
        other.write(b"*ESE 5;*ESE?")
        assert owner.ask(b"*ESE 3;*ESE?") == b"3\n"
        assert owner.unlock() == 1
        assert other.read() == b"5\n"  # waited for the lock to go
        assert owner.unlock() == 3  # nothing to release


def test_a_shared_lock_lets_those_in_who_know_the_key(server: BenchServer) -> None:
    with Session(server) as owner, Session(server) as friend:
        with Session(server) as stranger:
            assert owner.lock(b"key") == 1
            assert friend.lock(b"key") == 1
            assert stranger.lock(b"guess") == 0
            assert friend.ask(b"*ESE?") == b"0\n"
        assert owner.unlock() == 2


def test_a_waiting_lock_comes_when_the_owner_leaves(server: BenchServer) -> None:
    with Session(server) as heir:
        with Session(server) as owner:
            assert owner.lock() == 1
            heir.later.send(Kind.ASYNC_LOCK, 1, 20_000)
        answer = heir.later.receive()
        assert (answer.kind, answer.control) == (Kind.ASYNC_LOCK_RESPONSE, 1)


def test_a_reply_that_is_cut_short_has_no_end(server: BenchServer) -> None:
    fault = FaultConfig(instrument="afg", kind="truncated block", at=1)
    server.powered.faults["afg"].add(fault)
    with Session(server) as client:
        client.write(b"*IDN?")
        piece = client.sync.receive()
        assert piece.kind == Kind.DATA
        assert piece.payload.startswith(b"TEKTRONIX")


def test_remote_local_is_answered(server: BenchServer) -> None:
    with Session(server) as client:
        answer = client.call(Kind.ASYNC_REMOTE_LOCAL_CONTROL, 1)
        assert answer.kind == Kind.ASYNC_REMOTE_LOCAL_RESPONSE


# ---- what one client may ask of all


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits that clients were given, one a message."""
    given: list[float] = []
    spend = intake.Allowance.spend

    def look(allowance: intake.Allowance) -> float:
        wait = spend(allowance)
        given.append(wait)
        return wait

    monkeypatch.setattr(intake.Allowance, "spend", look)
    return given


def test_the_rate_holds(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    """No message is lost, however often the client had to wait."""
    monkeypatch.setattr(intake, "MOST_MESSAGES", 1000)
    with Session(server) as session:
        for value in range(250):
            session.write(b"*ESE %d" % value)
        assert session.ask(b"*ESE?") == b"249\n"
    assert len(waits) >= 251
    assert sum(wait > 0.0 for wait in waits) >= 2


def test_a_flood_lets_the_other_clients_have_their_turn(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "TURN", 0.0)
    with Session(server) as flood, Session(server) as other:
        count = 10_000
        message = b"*ESE 1"
        flood.sync.socket.sendall(
            b"".join(pack(Kind.DATA_END, 0, 0, message) for _ in range(count))
            + pack(Kind.DATA_END, 0, 0, b"*ESE?")
        )
        assert b"TEKTRONIX" in other.ask(b"*IDN?")
        flood.sync.socket.setblocking(False)
        with pytest.raises(BlockingIOError):  # the flood is not through yet
            flood.sync.socket.recv(1)
        flood.sync.socket.settimeout(PATIENCE)
        assert flood.read() == b"1\n"


def test_a_message_that_never_ends_is_dropped(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Piece by piece, and in one piece that says how long it will be."""
    from labneuro.sim_backends.server import hislip

    monkeypatch.setattr(hislip, "_LARGEST_PAYLOAD", 1000)
    with Session(server) as session:
        for _ in range(11):
            session.write(b"a" * 100, Kind.DATA)
        assert session.sync.receive().kind == Kind.ERROR
        assert b"TEKTRONIX" in session.ask(b"*IDN?")
        session.write(b"b" * 1001)
        assert session.sync.receive().kind == Kind.FATAL_ERROR


def test_messages_that_wait_for_a_script_are_bounded(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_WAITING", 10)
    with Session(server, "smu") as first, Session(server, "smu") as second:
        first.write(b"n = 0 print('on') while true do end")
        assert first.read() == b"on\n"
        for _ in range(100):
            second.write(b"n = n + 1")
        second.write(b"print(n)")
        with Session(server) as other:
            assert b"TEKTRONIX" in other.ask(b"*IDN?")
        waiting = [client.backlog for client in server.desks["smu"].clients]
        assert max(waiting) <= 11
        first.write(b"abort")
        assert float(second.read()) == 100.0
