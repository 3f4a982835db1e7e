"""``labneuro bench serve`` as a process of its own, with clients of others' making."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest
import pyvisa
import yaml
from pyvisa.resources import MessageBasedResource

from labneuro import workspace
from labneuro.sim_backends.server.hislip_messages import HEADER_SIZE, Kind, pack, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:GPIB library not found:UserWarning")
PATIENCE = 60.0


class Served(NamedTuple):
    process: subprocess.Popen[str]
    addresses: dict[str, dict[str, str]]

    def port(self, name: str, kind: str = "raw") -> int:
        address = self.addresses[name][kind]
        if kind == "hislip":
            return int(address.split("::")[2].partition(",")[2])
        return int(address.split("::")[2])


def start(folder: Path, *options: str) -> Served:
    """Start the command and wait for the line that says that it listens."""
    path = folder / "addresses.json"
    words = ["bench", "serve", "hnno-sim", "--port", "0", "--addresses", str(path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "labneuro", *words, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == "Ctrl-C stops\n":
            return Served(process, json.loads(path.read_text(encoding="utf-8")))
    raise AssertionError(process.communicate()[1])


def end(served: Served, number: int) -> tuple[int, str, str]:
    served.process.send_signal(number)
    out, err = served.process.communicate(timeout=PATIENCE)
    return served.process.returncode, out, err


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = start(tmp_path_factory.mktemp("served"))
    yield running
    code, out, err = end(running, signal.SIGTERM)
    assert (code, out, err) == (0, "stopped; every output is open\n", "")


@pytest.fixture
def manager() -> Iterator[pyvisa.ResourceManager]:
    opened = pyvisa.ResourceManager("@py")
    yield opened
    opened.close()


def visa(
    manager: pyvisa.ResourceManager, served: Served, name: str, kind: str
) -> MessageBasedResource:
    resource = manager.open_resource(served.addresses[name][kind])
    assert isinstance(resource, MessageBasedResource)
    resource.timeout = 1000 * PATIENCE
    if kind == "raw":
        resource.read_termination = resource.write_termination = "\n"
    return resource


@pytest.mark.parametrize("kind", ["raw", "hislip", "vxi11"])
def test_pyvisa_py(manager: pyvisa.ResourceManager, served: Served, kind: str) -> None:
    """Queries, settings and a binary block by each protocol."""
    afg = visa(manager, served, "afg", kind)
    assert afg.query("*IDN?").startswith("TEKTRONIX,AFG31")
    afg.write("SOUR1:VOLT:HIGH 0.75")
    assert float(afg.query("SOUR1:VOLT:HIGH?")) == 0.75
    points = list(range(0, 16000, 16))
    afg.write_binary_values("DATA:DATA EMEM,", points, "H", is_big_endian=True)
    assert afg.query("SYST:ERR?").strip() == '0,"No error"'
    smu = visa(manager, served, "smu", kind)
    assert "2636B" in smu.query("*IDN?")
    smu.write("format.data = format.REAL64 t = {} for i = 1, 5000 do t[i] = i end")
    smu.write("printbuffer(1, 5000, t) format.data = format.ASCII")
    if kind != "raw":  # there pyvisa-py stops at a line feed, which may be data
        block = smu.read_raw()
        assert block[:2] == b"#0"
        assert len(block) == 2 + 8 * 5000 + 1


@pytest.mark.parametrize("kind", ["hislip", "vxi11"])
def test_pyvisa_py_status_and_clear(
    manager: pyvisa.ResourceManager, served: Served, kind: str
) -> None:
    smu = visa(manager, served, "smu", kind)
    smu.write("while true do end")
    smu.clear()
    assert "User Abort" in smu.query("print(errorqueue.next()) errorqueue.clear()")
    assert smu.read_stb() & 0x10 == 0


@pytest.mark.parametrize("by_port_mapper", [False, True])
def test_lxi_tools(served: Served, by_port_mapper: bool) -> None:
    lxi = shutil.which("lxi")
    if lxi is None:
        pytest.skip("lxi (lxi-tools) is not installed")
    words = ["--raw", "--port", str(served.port("afg"))]
    expected = "TEKTRONIX,AFG31"
    if by_port_mapper:
        if "," in served.addresses["smu"]["vxi11"]:
            pytest.skip("port 111, the port mapper's, is not to be had here")
        words, expected = [], "Keithley"
    command = [lxi, "scpi", "--address", "127.0.0.1", *words, "*IDN?"]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert answer.stdout.startswith(expected)


def test_netcat(served: Served) -> None:
    nc = shutil.which("nc")
    if nc is None:
        pytest.skip("nc is not installed")
    answer = subprocess.run(
        [nc, "-w", "20", "-N", "127.0.0.1", str(served.port("smu"))],
        input="*IDN?\nprint(6 * 7)\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    identity, number = answer.stdout.splitlines()
    assert "2636B" in identity
    assert float(number) == 42.0


def test_many_clients_at_once(served: Served) -> None:
    """Sixteen clients of two instruments; each gets its own answers only."""

    def converse(index: int) -> bool:
        name = ("smu", "afg")[index % 2]
        address = ("127.0.0.1", served.port(name))
        with (
            socket.create_connection(address, PATIENCE) as client,
            client.makefile("rb") as lines,
        ):
            for turn in range(50):
                value = 1000 * index + turn
                question = f"print({value})"
                if name == "afg":
                    question, value = f"*ESE {value % 256};*ESE?", value % 256
                client.sendall(question.encode() + b"\n")
                if float(lines.readline()) != value:
                    return False
        return True

    with ThreadPoolExecutor(16) as clients:
        assert all(clients.map(converse, range(16)))


def test_service_request_reaches_a_hislip_client(served: Served) -> None:
    """By messages of IVI-6.1: pyvisa-py 0.8.1 does not deliver service requests."""
    address = ("127.0.0.1", served.port("smu", "hislip"))

    def receive(channel: socket.socket) -> tuple[int, int, int]:
        message = take(bytearray(channel.recv(HEADER_SIZE, socket.MSG_WAITALL)), 0)
        assert message is not None
        return message.kind, message.control, message.parameter

    with (
        socket.create_connection(address, PATIENCE) as synchronous,
        socket.create_connection(address, PATIENCE) as asynchronous,
    ):
        synchronous.sendall(pack(Kind.INITIALIZE, 0, 0x0100_0000, b"hislip1"))
        kind, _, parameter = receive(synchronous)
        assert kind == Kind.INITIALIZE_RESPONSE
        asynchronous.sendall(pack(Kind.ASYNC_INITIALIZE, 0, parameter & 0xFFFF))
        assert receive(asynchronous)[0] == Kind.ASYNC_INITIALIZE_RESPONSE
        commands = b"*CLS;*ESE 32;*SRE 32;:NO:SUCH:COMMAND"
        synchronous.sendall(pack(Kind.DATA_END, 0, 0xFFFFFF00, commands))
        kind, status, _ = receive(asynchronous)
        assert kind == Kind.ASYNC_SERVICE_REQUEST
        assert status & 0x60 == 0x60
        synchronous.sendall(pack(Kind.DATA_END, 0, 0xFFFFFF02, b"*CLS;*SRE 0;*ESE 0"))


@pytest.mark.parametrize(("smu", "afg"), [("raw", "hislip"), ("vxi11", "raw")])
def test_our_drivers_measure_through_the_served_bench(
    served: Served, tmp_path: Path, smu: str, afg: str
) -> None:
    """The same bench file as on hardware: only library and addresses differ."""
    path = workspace.find("bench", "hnno-sim")
    bench = yaml.safe_load(path.read_text(encoding="utf-8"))
    bench["visa_library"] = "@py"
    bench["instruments"]["smu"]["address"] = served.addresses["smu"][smu]
    bench["instruments"]["afg"]["address"] = served.addresses["afg"][afg]
    file = tmp_path / "served.yaml"
    file.write_text(yaml.safe_dump(bench), encoding="utf-8")
    run = tmp_path / "run.h5"

    def labneuro(*words: str) -> str:
        answer = subprocess.run(
            [sys.executable, "-m", "labneuro", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    lines = labneuro("bench", "check", str(file)).splitlines()[1:]
    assert {line.split()[0] for line in lines} == {"smu", "afg"}
    assert sum(line.endswith("none") for line in lines) == 4
    labneuro("run", "hnno/resistance", "--bench", str(file), "--out", str(run))
    assert run.exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
def test_a_signal_ends_it_in_good_order(tmp_path: Path, number: int, code: int) -> None:
    """Even with clients connected, an output on and a script that never ends."""
    running = start(tmp_path, "--clock", "real", "--no-port-mapper")
    with socket.create_connection(
        ("127.0.0.1", running.port("smu")), PATIENCE
    ) as client:
        client.sendall(b"smua.source.output = 1 print('on') while true do end\n")
        assert client.recv(3, socket.MSG_WAITALL) == b"on\n"
        ended, out, err = end(running, number)
        assert client.recv(1) == b""
    assert (ended, out, err) == (code, "stopped; every output is open\n", "")
