"""A served bench: raw sockets, who gets which reply, the control port."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Self

import pytest

from labneuro.bench import FaultConfig
from labneuro.errors import InputError
from labneuro.sim_backends.network import OPEN
from labneuro.sim_backends.server import control
from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import ServedAt
from labneuro.sim_backends.server.hosts import is_loopback, reachable
from labneuro.sim_backends.server.intake import cut_stream
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.sim_backends.server.bench_server import BenchServer

BENCH = "hnno-sim?fresh=test-server"
WHERE = ServedAt(first_port=0, port_mapper=False)
PATIENCE = 20.0


@pytest.fixture
def server() -> Iterator[BenchServer]:
    with served_in_background(power_on(BENCH), WHERE) as running:
        yield running
    power_off(BENCH)


class Raw:
    """A plain socket client."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        if "::" in address:
            _, host, port, _ = address.split("::")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.lines = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, data: bytes) -> bytes:
        self.send(data)
        return self.lines.readline()


def raw(server: BenchServer, name: str) -> Raw:
    return Raw(server.addresses[name]["raw"])


def test_each_instrument_answers_on_a_port_of_its_own(server: BenchServer) -> None:
    with raw(server, "smu") as smu, raw(server, "afg") as afg:
        assert b"2636B" in smu.ask(b"*IDN?\n")
        assert afg.ask(b"*IDN?\r\n").startswith(b"TEKTRONIX,AFG31")
    ports = {one["raw"] for one in server.addresses.values()}
    assert len(ports) == 2


def test_messages_may_come_together_or_in_pieces(server: BenchServer) -> None:
    with raw(server, "afg") as afg:
        afg.send(b"*CLS\nSOUR1:VOLT:HI")
        afg.send(b"GH 1.25\n\r\n*ESE 60;*ESE?\nSOUR1:VOLT:HIGH?\n")
        assert int(afg.lines.readline()) == 60
        assert float(afg.lines.readline()) == 1.25


def test_a_block_holds_line_feeds_and_needs_none_behind(server: BenchServer) -> None:
    points = b"\x0a\x0a" * 50
    with raw(server, "afg") as afg:
        afg.send(b"DATA:DATA EMEM,#3100" + points)
        assert afg.ask(b"SYST:ERR?\n") == b'0,"No error"\n'
        afg.send(b"DATA:DATA? EMEM\n")
        header = afg.lines.read(5)
        assert header == b"#3100"
        assert afg.lines.read(101) == points + b"\n"


def test_script_lines_come_as_messages(server: BenchServer) -> None:
    with raw(server, "smu") as smu:
        smu.send(b"loadscript twice\nlocal n = #'ab'\nprint(n)\nendscript\n")
        assert smu.ask(b"twice.run()\n") == b"2.00000e+00\n"


def test_a_reply_goes_to_the_client_that_asked(server: BenchServer) -> None:
    clients = [raw(server, "afg") for _ in range(8)]
    for index, client in enumerate(clients):
        client.send(b"*ESE %d;*ESE?\n" % index)
    for index, client in reversed(list(enumerate(clients))):
        assert int(client.lines.readline()) == index
        client.__exit__()


def test_a_long_script_keeps_its_replies_and_nobody_else_waiting(
    server: BenchServer,
) -> None:
    """A second client of the instrument waits its turn, other instruments do not."""
    with raw(server, "smu") as first, raw(server, "smu") as second:
        first.send(b"go = true while go do end print('first')\n")
        with raw(server, "afg") as afg:
            assert b"TEKTRONIX" in afg.ask(b"*IDN?\n")
        second.send(b"print('second')\n")
        second.send(b"abort\n")
        assert second.ask(b"print('third')\n") == b"second\n"
        assert second.lines.readline() == b"third\n"
        assert first.ask(b"print('fourth')\n") == b"fourth\n"


def test_what_a_script_says_comes_before_its_end(server: BenchServer) -> None:
    with raw(server, "smu") as smu:
        said = smu.ask(b"print('begun') while true do end\n")
        assert said == b"begun\n"
        smu.send(b"abort\n")
        assert smu.ask(b"print('next')\n") == b"next\n"


def test_a_client_may_end_its_side_before_the_reply(server: BenchServer) -> None:
    """As ``echo '*IDN?' | nc -N`` does; a last line needs no line feed then."""
    with raw(server, "smu") as smu:
        smu.send(b"for i = 1, 3e6 do end print('done')")
        smu.socket.shutdown(socket.SHUT_WR)
        assert smu.lines.read() == b"done\n"


def test_the_end_opens_every_output() -> None:
    powered = power_on(BENCH)
    with served_in_background(powered, WHERE) as server, raw(server, "smu") as smu:
        smu.send(b"smua.source.levelv = 1 smua.source.output = smua.OUTPUT_ON\n")
        assert smu.ask(b"print(smua.source.output)\n") == b"1.00000e+00\n"
        drives = powered.bench.instruments["smu"].drives
        assert drives["smua"].mode != OPEN
    assert all(drive.mode == OPEN for drive in drives.values())
    power_off(BENCH)


def test_a_dropped_connection_ends_one_client_only(server: BenchServer) -> None:
    fault = FaultConfig(instrument="afg", kind="dropped connection", containing="*OPC?")
    server.powered.faults["afg"].add(fault)
    with raw(server, "afg") as first, raw(server, "afg") as second:
        assert b"TEKTRONIX" in first.ask(b"*IDN?\n")
        second.send(b"*OPC?\n")
        assert second.lines.read() == b""
        assert b"TEKTRONIX" in first.ask(b"*IDN?\n")


def test_a_reply_that_is_cut_short_has_no_line_feed(server: BenchServer) -> None:
    fault = FaultConfig(instrument="afg", kind="truncated block", at=1)
    server.powered.faults["afg"].add(fault)
    with raw(server, "afg") as afg:
        afg.send(b"*IDN?\n*ESE?\n")
        line = afg.lines.readline()
        assert line.startswith(b"TEKTRONIX")
        assert line.endswith(b"0\n")  # the next reply stands right behind
        assert b"SCPI:99.0 FV" not in line


def test_a_reply_that_is_swallowed_leaves_the_others(server: BenchServer) -> None:
    fault = FaultConfig(instrument="afg", kind="time-out", at=1)
    server.powered.faults["afg"].add(fault)
    with raw(server, "afg") as afg:
        assert afg.ask(b"*IDN?\n*ESE?\n") == b"0\n"


def test_control_tells_status_and_refuses_what_it_does_not_know(
    server: BenchServer,
) -> None:
    with Raw(server.addresses["smu"]["control"]) as console:
        word, _, content = console.ask(b"status\n").partition(b" ")
        status = json.loads(content)
        assert word == b"ok"
        assert status["clock"]["kind"] == "virtual"
        assert status["instruments"]["smu"]["model"] == "Keithley 2636B"
        assert console.ask(b"frobnicate\n").startswith(b"error unknown verb")
        assert console.ask(b"'unpaired\n").startswith(b"error ")
        assert console.ask(b"\n").startswith(b"error an empty request")


def test_control_carries_registered_verbs_out(
    server: BenchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_verbs", {})

    @control.register("echo")
    def _echo(target: BenchServer, words: list[str]) -> object:
        if not words:
            raise InputError("nothing to\nsay")
        return [target is server, *words]

    assert control.answer(server, "echo 'a b' c") == 'ok [true, "a b", "c"]'
    assert control.answer(server, "echo") == "error nothing to say"


def test_a_taken_port_is_one_clear_error(server: BenchServer) -> None:
    port = int(server.addresses["smu"]["raw"].split("::")[2])
    again = ServedAt(first_port=port, port_mapper=False)
    with (
        pytest.raises(InputError, match="address already in use"),
        served_in_background(server.powered, again),
    ):
        pass


def test_hosts() -> None:
    assert not is_loopback("0.0.0.0")  # noqa: S104  nothing listens here
    assert reachable("0.0.0.0") == socket.gethostname()  # noqa: S104  as above
    with pytest.raises(InputError, match="no-such-host"):
        is_loopback("no-such-host.invalid")


@pytest.mark.parametrize(
    ("stream", "messages", "rest"),
    [
        (b"*CLS\n*IDN?", [b"*CLS"], b"*IDN?"),
        (b"\n\r\n\n", [], b""),
        (b"DATA #13a\nb", [b"DATA #13a\nb"], b""),
        (b"DATA #13a\n", [], b"DATA #13a\n"),
    ],
)
def test_cutting_a_stream(stream: bytes, messages: list[bytes], rest: bytes) -> None:
    assert cut_stream(stream) == (messages, rest)
