"""The control port: what a test or a person does to a served bench as it runs.

One line is one request, ``VERB [word ...]``; the answer is one line, ``ok`` and a JSON
value, or ``error`` and a reason. Verbs are functions in a registry, so that other
modules add theirs::

    from labneuro.sim_backends.server import control

    @control.register("fault")
    def switch_fault(server, words): ...

The port is on the loopback interface, wherever the bench itself is served.
"""

from __future__ import annotations

import json
import logging
import shlex
from typing import TYPE_CHECKING

from labneuro.errors import InputError, LabneuroError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from labneuro.sim_backends.server.bench_server import BenchServer

    Verb = Callable[["BenchServer", list[str]], object]

_log = logging.getLogger(__name__)
_verbs: dict[str, Verb] = {}


def register(verb: str, function: Verb | None = None) -> Callable[[Verb], Verb]:
    """Add a verb; also as a decorator.

    Parameters
    ----------
    verb : str
        First word of a request; a later registration replaces an earlier one.
    function : callable
        Takes the server and the other words; returns what JSON can hold. It runs in
        the server's thread with the bench's lock held. A `LabneuroError` that it raises
        is the answer.
    """

    def add(function: Verb) -> Verb:
        _verbs[verb] = function
        return function

    if function is not None:
        add(function)
    return add


def answer(server: BenchServer, line: str) -> str:
    """Carry out one request and return the answer's line."""
    try:
        words = shlex.split(line)
        if not words:
            raise InputError("an empty request; try: help")
        function = _verbs.get(words[0])
        if function is None:
            known = ", ".join(sorted(_verbs))
            raise InputError(f"unknown verb {words[0]!r}; known: {known}")
        with server.powered.lock:
            result = function(server, words[1:])
    except (LabneuroError, ValueError) as error:  # ValueError: an unpaired quote
        return f"error {' '.join(str(error).split())}"
    return f"ok {json.dumps(result)}"


async def serve(
    server: BenchServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one client's requests until it leaves."""
    try:
        while line := await reader.readline():
            reply = answer(server, line.decode("utf-8", "replace"))
            writer.write(reply.encode() + b"\n")
            await writer.drain()
    except (ConnectionError, ValueError) as error:  # ValueError: a line without end
        _log.debug("a control connection ended: %s", error)
    finally:
        writer.close()


@register("help")
def _help(server: BenchServer, words: list[str]) -> object:
    """Name the verbs."""
    del server, words
    return sorted(_verbs)


@register("status")
def _status(server: BenchServer, words: list[str]) -> object:
    """Return the clock, and each instrument's model, addresses and clients."""
    del words
    bench = server.powered.bench
    instruments = {
        name: {
            "model": bench.config.instruments[name].model,
            **server.addresses[name],
            "clients": len(desk.clients),
            "busy": desk.instrument.busy,
        }
        for name, desk in server.desks.items()
    }
    clock = {"kind": bench.simulation.clock, "time": bench.clock.now}
    return {"clock": clock, "instruments": instruments}


@register("log")
def _log_of_outputs(server: BenchServer, words: list[str]) -> object:
    """Return the bench's record of what its outputs did, where it keeps one."""
    del words
    log = getattr(server.powered.bench, "log", None)
    if log is None:
        raise InputError("this bench keeps no log of its outputs")
    return [str(entry) for entry in log]
