"""A simulated bench on the network: every instrument on ports of its own.

Each instrument has a raw socket; HiSLIP and VXI-11 serve all of them on one port each,
by sub-address and device name. One event loop in one thread answers every client, so
clients see the instruments in one order of events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from labneuro.errors import InputError
from labneuro.sim_backends.clock import RealClock
from labneuro.sim_backends.server import control, hislip, onc_rpc, vxi11
from labneuro.sim_backends.server.desk import Desk
from labneuro.sim_backends.server.hislip import HislipPort
from labneuro.sim_backends.server.hosts import LOOPBACK, reachable, resolve
from labneuro.sim_backends.server.onc_rpc import PortMapperDatagrams
from labneuro.sim_backends.server.raw_socket import RawConnection
from labneuro.sim_backends.server.vxi11 import Vxi11Ports

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from labneuro.sim_backends.visa.powered_benches import PoweredBench

FIRST_PORT = 5025
"""Port that is registered for raw SCPI sockets (IANA: scpi-raw)."""
_TRIES = 200
_BEAT = 0.02  # s between looks at what a real clock has brought about
_LAST_PORT = 65535


class ServedAt(NamedTuple):
    """Where a bench is to be served.

    Attributes
    ----------
    host : str
        Address or name of the interface.
    first_port : int, optional
        Raw port of the first instrument, the others follow; 0 takes any free ports,
        None the first free ones from 5025 on.
    port_mapper : bool
        Whether to serve the port mapper, if its port can be had.
    control_port : int
        Of the control port; 0 takes any free one.
    quick : bool
        Whether what comes is acknowledged at once.
    """

    host: str = LOOPBACK
    first_port: int | None = None
    port_mapper: bool = True
    control_port: int = 0
    quick: bool = True


class BenchServer:
    """Serves the instruments of a bench.

    Parameters
    ----------
    powered : PoweredBench
        The bench; other sessions of this process may use it, too.
    where : ServedAt
        Host and ports.

    Attributes
    ----------
    addresses : dict of str to dict
        VISA resource names ``raw``, ``hislip``, ``vxi11`` and the ``control`` port, by
        instrument, once started.
    desks : dict of str to Desk
        By instrument.
    port_mapper_note : str
        Why the port mapper is not served; empty if it is.
    """

    def __init__(self, powered: PoweredBench, where: ServedAt | None = None) -> None:
        self.powered = powered
        self.where = where or ServedAt()
        self.addresses: dict[str, dict[str, str]] = {}
        self.desks: dict[str, Desk] = {}
        self.port_mapper_note = ""
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._hislip: HislipPort | None = None
        self._host = self.where.host

    async def start(self) -> None:
        """Listen on every port.

        Raises
        ------
        InputError
            If the host is not one of this computer's or a port cannot be had.
        """
        self._host = resolve(self.where.host)
        clock = self.powered.bench.clock
        if isinstance(clock, RealClock):
            clock.defer()
        for station in self.powered.stations.values():
            self.desks[station.name] = Desk(self.powered, station)
        try:
            await self._listen()
        except OSError as error:
            await self.stop()
            raise InputError(f"{self.where.host}: {error}") from error
        if isinstance(clock, RealClock):
            self._tasks.add(asyncio.create_task(self._beat()))

    async def _beat(self) -> None:
        """Let a real clock run while nobody sends anything."""
        while True:
            await asyncio.sleep(_BEAT)
            for desk in self.desks.values():
                desk.beat()

    async def _listen(self) -> None:
        raw = await self._listen_raw()
        slip = await self._listen_hislip()
        core = await self._listen_vxi11()
        control_port = await self._open(
            partial(control.serve, self), self.where.control_port, LOOPBACK
        )
        mapped = not self.port_mapper_note
        host = reachable(self._host)
        for index, name in enumerate(self.desks):
            slip_port = "" if slip == hislip.DEFAULT_PORT else f",{slip}"
            core_port = "" if mapped else f",{core}"
            self.addresses[name] = {
                "raw": f"TCPIP0::{host}::{raw[name]}::SOCKET",
                "hislip": f"TCPIP0::{host}::hislip{index}{slip_port}::INSTR",
                "vxi11": f"TCPIP0::{host}{core_port}::inst{index}::INSTR",
                "control": f"{LOOPBACK}:{control_port}",
            }

    async def _listen_raw(self) -> dict[str, int]:
        ports: dict[str, int] = {}
        first = self.where.first_port
        upcoming = FIRST_PORT if first is None else first
        for name, desk in self.desks.items():
            protocol = partial(RawConnection, desk, self.where.quick)
            if first is None:
                ports[name] = await self._listen_free(protocol, upcoming)
                upcoming = ports[name] + 1
            else:
                ports[name] = await self._listen_at(protocol, upcoming)
                upcoming += first != 0
        return ports

    async def _listen_free(
        self, protocol: Callable[[], asyncio.Protocol], first: int
    ) -> int:
        """Listen on the first free port from `first` on; return it."""
        for port in range(first, min(first + _TRIES, _LAST_PORT)):
            with contextlib.suppress(OSError):  # taken: the next one
                return await self._listen_at(protocol, port)
        return await self._listen_at(protocol, 0)

    async def _listen_at(
        self, protocol: Callable[[], asyncio.Protocol], port: int
    ) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, self._host, port)
        return self._add(server)

    async def _open(
        self,
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        port: int,
        host: str,
    ) -> int:
        """Serve a protocol of calls and answers, each client in a task of its own."""

        async def tracked(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(asyncio.CancelledError):  # the server stops
                await serve(reader, writer)

        return self._add(await asyncio.start_server(tracked, host, port))

    def _add(self, server: asyncio.Server) -> int:
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _listen_hislip(self) -> int:
        names = self._names("hislip")
        self._hislip = port = HislipPort(names, self.where.quick)
        if self.where.first_port == 0:
            return await self._listen_at(port.new_channel, 0)
        return await self._listen_free(port.new_channel, hislip.DEFAULT_PORT)

    async def _listen_vxi11(self) -> int:
        ports = Vxi11Ports(self._names("inst"), self.where.quick)
        ports.abort_port = await self._open(ports.serve_abort, 0, self._host)
        core = await self._open(ports.serve_core, 0, self._host)
        if self.where.port_mapper:
            await self._listen_port_mapper(ports, core)
        else:
            self.port_mapper_note = "not asked for"
        return core

    async def _listen_port_mapper(self, ports: Vxi11Ports, core: int) -> None:
        """Serve the port mapper, if its port is free and this user may have it."""
        known = {
            onc_rpc.PORT_MAPPER: onc_rpc.PORT_MAPPER_PORT,
            vxi11.CORE: core,
            vxi11.ABORT: ports.abort_port,
        }
        programs = onc_rpc.port_mapper(known)
        number = onc_rpc.PORT_MAPPER_PORT
        try:
            await self._open(partial(ports.serve, programs), number, self._host)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            self.port_mapper_note = f"port {number}: {reason}"
            return
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # TCP alone serves most clients
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: PortMapperDatagrams(programs), (self._host, number)
            )

    def _names(self, prefix: str) -> dict[str, Desk]:
        """Return the desks by number in the bench file's order, then by name."""
        numbered = {f"{prefix}{i}": d for i, d in enumerate(self.desks.values())}
        named = {name.lower(): desk for name, desk in self.desks.items()}
        return numbered | {k: d for k, d in named.items() if k not in numbered}

    async def stop(self) -> None:
        """Cut every connection, abort what runs, open every output."""
        for server in self._servers:
            server.close()
        self._cut_connections()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the connections that were cut take note
        with self.powered.lock:
            self.powered.switch_off()
            for desk in self.desks.values():
                for drive in desk.instrument.drives.values():
                    drive.open()
        for server in self._servers:
            await server.wait_closed()

    def _cut_connections(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        for desk in self.desks.values():
            for client in list(desk.clients):
                client.drop()
        if self._hislip is not None:
            self._hislip.drop_all()
        for task in self._tasks:
            task.cancel()

    def write_addresses(self, path: Path) -> None:
        """Write the addresses as JSON; a reader sees the whole file or none."""
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(json.dumps(self.addresses, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
