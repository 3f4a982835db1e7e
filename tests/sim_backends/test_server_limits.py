"""A served bench under attack: endless lines, floods; faults by the control port."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.server import intake
from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import ServedAt
from labneuro.sim_backends.server.intake import Allowance, Intake, OverlongError
from labneuro.sim_backends.visa.framing import cut_terminator, split_messages
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.sim_backends.server.bench_server import BenchServer

BENCH = "hnno-sim?fresh=test-server-limits"
WHERE = ServedAt(first_port=0, port_mapper=False)
PATIENCE = 20.0


@pytest.fixture
def server() -> Iterator[BenchServer]:
    with served_in_background(power_on(BENCH), WHERE) as running:
        yield running
    power_off(BENCH)


def connect(server: BenchServer, name: str, kind: str = "raw") -> socket.socket:
    address = server.addresses[name][kind]
    if kind == "control":
        host, _, port = address.partition(":")
    else:
        _, host, port, _ = address.split("::")
    return socket.create_connection((host, int(port)), PATIENCE)


def ask(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    with client.makefile("rb") as lines:
        return lines.readline()


def is_cut_off(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("begin", "limit"),
    [
        (b"A", "LONGEST_LINE"),
        (b"print(#", "LONGEST_LINE"),
        (b"DATA #9000001001", "LONGEST_MESSAGE"),
    ],
)
def test_a_line_without_end_costs_its_client_the_connection(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch, begin: bytes, limit: str
) -> None:
    """The instrument never sees it, and other clients are answered."""
    monkeypatch.setattr(intake, limit, 1000)
    with connect(server, "smu") as bad, connect(server, "smu") as good:
        bad.sendall(begin)
        bad.sendall(b"a" * 1000)
        assert is_cut_off(bad)
        assert b"2636B" in ask(good, b"*IDN?\n")
        assert ask(good, b"print(errorqueue.count)\n") == b"0.00000e+00\n"


def test_a_block_that_declares_too_much_is_refused_before_it_comes() -> None:
    with pytest.raises(OverlongError, match="67108864 bytes"):
        Intake().take(b"DATA #9999999999")
    taker = Intake()
    assert taker.take(b"DATA #8%d" % (intake.LONGEST_MESSAGE // 2)) == []
    assert taker.size == 15


@given(st.lists(st.sampled_from([b"A", b"B #13", b"#", b"\n", b"1", b"x;", b" "])))
def test_pieces_give_the_same_messages_as_the_whole(pieces: list[bytes]) -> None:
    """However a stream is cut into packets, the same lines come out."""
    taker = Intake()
    found = [message for piece in pieces for message in taker.take(piece)]
    rest = taker.rest()
    whole = b"".join(pieces)
    if b"#" not in whole:
        messages, end = split_messages(whole)
        assert [cut_terminator(one + b"\n") for one in found] == messages
        assert rest == end
    else:  # a block that is complete without newline ends sooner if nothing follows
        kept = b"".join(found).replace(b"\n", b"") + rest.replace(b"\n", b"")
        assert kept == whole.replace(b"\n", b"")


def test_long_lines_of_blanks_and_commas_are_cut_in_linear_work() -> None:
    """Quadratic work on this would take hours."""
    line = b"A" + b" " * 200_000 + b"," * 200_000 + b"#\n"
    assert cut_terminator(line) == line[:-1]
    many = b"A\n" * 100_000 + b"B #12ab\n"
    assert split_messages(many) == ([b"A"] * 100_000 + [b"B #12ab"], b"")


def test_a_flood_lets_the_other_clients_have_their_turn(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one client's 20 000 messages wait, another one's few are answered."""
    monkeypatch.setattr(intake, "TURN", 0.0)
    count = 20_000
    with connect(server, "afg") as flood, connect(server, "afg") as other:
        flood.sendall(b"*ESE 1\n" * count + b"*ESE?\n")
        assert b"TEKTRONIX" in ask(other, b"*IDN?\n")
        flood.setblocking(False)
        with pytest.raises(BlockingIOError):  # the flood is not through yet
            flood.recv(1)
        flood.settimeout(PATIENCE)
        assert flood.recv(10) == b"1\n"


def test_an_allowance_ends_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    allowance = Allowance(30)  # three in a tenth of a second
    assert [allowance.spend() for _ in range(2)] == [0.0, 0.0]
    assert allowance.spend() == pytest.approx(0.1)
    now += 0.35  # a client that was silent has lost nothing and gained nothing
    waits = [allowance.spend() for _ in range(3)]
    assert waits == [0.0, 0.0, 0.0]
    assert [allowance.spend() > 0.0 for _ in range(3)] == [False, False, True]


def test_the_rate_holds_for_a_client_that_sends_line_by_line(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No message is lost, however often the client had to wait."""
    monkeypatch.setattr(intake, "MOST_MESSAGES", 1000)
    with connect(server, "afg") as client:
        for value in range(250):
            client.sendall(b"*ESE %d\n" % value)
        assert ask(client, b"*ESE?\n") == b"249\n"


def test_messages_that_wait_for_a_script_are_bounded(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come one after the other when the script has ended."""
    monkeypatch.setattr(intake, "MOST_WAITING", 10)
    with connect(server, "smu") as first, connect(server, "smu") as second:
        first.sendall(b"n = 0 print('on') while true do end\n")
        assert first.recv(3, socket.MSG_WAITALL) == b"on\n"
        second.sendall(b"n = n + 1\n" * 100 + b"print(n)\n")
        with connect(server, "afg") as other:
            assert b"TEKTRONIX" in ask(other, b"*IDN?\n")
        waiting = [client.backlog for client in server.desks["smu"].clients]
        assert max(waiting) <= 11
        first.sendall(b"abort\n")
        assert float(second.recv(20)) == 100.0


def test_a_request_without_end_is_told_and_cut_off(server: BenchServer) -> None:
    with connect(server, "smu", "control") as console:
        assert (
            ask(console, b"x" * 200_000)
            == b"error a request of more than 65536 bytes\n"
        )
        assert is_cut_off(console)


def console_of(server: BenchServer, *requests: str) -> list[str]:
    with connect(server, "smu", "control") as console:
        return [ask(console, f"{one}\n".encode()).decode().strip() for one in requests]


def test_faults_are_switched_while_the_bench_is_served(server: BenchServer) -> None:
    """The next reply is lost, the one behind it comes."""
    (answer,) = console_of(server, "fault {instrument: afg, kind: time-out, at: 1}")
    expected = {"instrument": "afg", "kind": "time-out", "at": 1}
    assert json.loads(answer.removeprefix("ok ")) == [expected]
    with connect(server, "afg") as afg:
        assert ask(afg, b"*IDN?\n*ESE?\n") == b"0\n"
    listed, cleared, empty = console_of(server, "faults", "fault clear afg", "faults")
    assert json.loads(listed.removeprefix("ok ")) == [expected]
    assert (cleared, empty) == ("ok []", "ok []")
    console_of(server, 'fault {instrument: smu, kind: garbage, containing: "*IDN"}')
    with connect(server, "smu") as smu:
        assert b"2636B" not in ask(smu, b"*IDN?\n")
        console_of(server, "fault clear")
        assert b"2636B" in ask(smu, b"*IDN?\n")


def test_a_long_script_out_of_range_keeps_nobody_waiting(server: BenchServer) -> None:
    """Its readings are beyond any range, the others' and the next ones are not."""
    with connect(server, "smu") as smu, connect(server, "afg") as afg:
        console_of(server, "fault {instrument: smu, kind: over-range, at: 1}")
        smu.sendall(
            b"smua.source.output = 1 print(smua.measure.i()) "
            b"while not go do delay(0) end\n"
        )
        lines = smu.makefile("rb")
        assert float(lines.readline()) == pytest.approx(9.91e37)
        assert b"TEKTRONIX" in ask(afg, b"*IDN?\n")
        assert json.loads(console_of(server, "status")[0].removeprefix("ok "))[
            "instruments"
        ]["smu"]["busy"]
        smu.sendall(b"abort\nprint(smua.measure.i())\n")
        assert abs(float(lines.readline())) < 1.0


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ("fault", "fault: expected keys and values"),
        ("fault {instrument: dmm, kind: garbage}", "no instrument 'dmm'; known: smu"),
        ("fault {instrument: smu, kind: flood}", "fault: kind"),
        ("fault {instrument: smu", "fault: line 1: not valid YAML"),
        ("fault !!python/object/apply:os.getcwd []", "not valid YAML"),
        ("fault clear dmm", "no instrument 'dmm'"),
    ],
)
def test_a_wrong_fault_is_told_in_one_line(
    server: BenchServer, request_: str, told: str
) -> None:
    (answer,) = console_of(server, request_)
    assert answer.startswith("error ")
    assert told in answer
