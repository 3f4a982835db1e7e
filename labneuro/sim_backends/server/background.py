"""A served bench in a thread of its own, such as for a test."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from labneuro.sim_backends.server.bench_server import BenchServer, ServedAt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.sim_backends.visa.powered_benches import PoweredBench


@contextlib.contextmanager
def served_in_background(
    powered: PoweredBench, where: ServedAt | None = None
) -> Iterator[BenchServer]:
    """Serve a bench from a thread of its own.

    Parameters
    ----------
    powered : PoweredBench
        The bench.
    where : ServedAt
        Host and ports.

    Yields
    ------
    BenchServer
        Listening.

    Raises
    ------
    InputError
        If it cannot listen.
    """
    server = BenchServer(powered, where)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bench-server")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
