"""``labneuro bench serve``: options, warning, exit codes."""

from __future__ import annotations

import json
import signal

import pytest

from labneuro.cli import bench_serve
from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import BenchServer, ServedAt
from labneuro.sim_backends.visa.powered_benches import power_off, power_on


@pytest.fixture
def asked(monkeypatch):
    """Return the servers that would have been started; none is."""
    servers = []

    def stand_in(stopped_by):
        async def serve_until_stopped(server, addresses):
            servers.append((server, addresses))
            return stopped_by == signal.SIGINT

        monkeypatch.setattr(bench_serve, "_serve_until_stopped", serve_until_stopped)
        return servers

    return stand_in


def test_options_reach_the_server(labneuro, asked, tmp_path):
    servers = asked(signal.SIGTERM)
    path = tmp_path / "addresses.json"
    words = "--clock real --seed 0 --port 6001 --control-port 6100 --no-port-mapper"
    answer = labneuro(
        "bench", "serve", "hnno-sim", *words.split(), "--addresses", str(path)
    )
    assert answer == (0, "", "")
    ((server, addresses),) = servers
    assert addresses == path
    assert server.where == ServedAt("127.0.0.1", 6001, False, 6100)
    simulation = server.powered.bench.simulation
    assert (simulation.clock, simulation.seed) == ("real", 0)


def test_the_bench_file_says_what_is_not_given(labneuro, asked):
    servers = asked(signal.SIGTERM)
    assert labneuro("bench", "serve", "hnno-sim").code == 0
    ((server, _),) = servers
    assert server.where == ServedAt()
    simulation = server.powered.bench.simulation
    assert (simulation.clock, simulation.seed) == ("virtual", 1)


def test_a_host_that_others_reach_is_warned_of(labneuro, asked):
    asked(signal.SIGTERM)
    answer = labneuro("bench", "serve", "hnno-sim", "--host", "0.0.0.0")  # noqa: S104  not listened on
    assert answer.code == 0
    assert answer.err.count("\n") == 1
    assert "warning: 0.0.0.0 is not loopback" in answer.err


def test_interrupted_is_130(labneuro, asked):
    asked(signal.SIGINT)
    assert labneuro("bench", "serve", "hnno-sim").code == 130


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("hnno-bench",), "simulation"),
        (("nowhere",), "nowhere"),
        (("hnno-sim", "--clock", "lunar"), "lunar"),
        (("hnno-sim", "--port", "-1"), "'--port'"),
        (("hnno-sim", "--host", "no-such-host.invalid"), "no-such-host.invalid"),
    ],
)
def test_wrong_use_is_one_line(labneuro, words, reason):
    answer = labneuro("bench", "serve", *words)
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert reason in answer.err


def test_the_addresses_file_and_the_table_agree(tmp_path, capsys):
    bench = "hnno-sim?fresh=test-bench-serve"
    where = ServedAt(first_port=0, port_mapper=False)
    with served_in_background(power_on(bench), where) as server:
        assert isinstance(server, BenchServer)
        path = tmp_path / "addresses.json"
        server.write_addresses(path)
        bench_serve._show(server)
    power_off(bench)
    shown = capsys.readouterr().out
    written = json.loads(path.read_text(encoding="utf-8"))
    assert list(written) == ["smu", "afg"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    for one in written.values():
        assert set(one) == {"raw", "hislip", "vxi11", "control"}
        assert all(address in shown for address in one.values())
    assert "no port mapper (not asked for)" in shown
    assert "clock: virtual, seed 1" in shown
    assert shown.endswith("Ctrl-C stops\n")
