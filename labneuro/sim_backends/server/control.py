"""The control port: what a test or a person does to a served bench as it runs.

One line is one request, ``VERB [word ...]``; the answer is one line, ``ok`` and a JSON
value, or ``error`` and a reason. Verbs are functions in a registry, so that other
modules add theirs::

    from labneuro.sim_backends.server import control

    @control.register("lid")
    def open_lid(server, words): ...

The port is on the loopback interface, wherever the bench itself is served.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
from typing import TYPE_CHECKING

from labneuro import workspace
from labneuro.bench import FaultConfig
from labneuro.errors import InputError, LabneuroError
from labneuro.sim_backends.server.intake import Allowance
from labneuro.units import validate_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.faults import Faults
    from labneuro.sim_backends.server.bench_server import BenchServer

    Verb = Callable[["BenchServer", list[str]], object]

MOST_REQUESTS = 1000
"""Requests of one client in a second."""
LONGEST_REQUEST = 64 * 1024
"""Bytes of a request's line."""
_log = logging.getLogger(__name__)
_verbs: dict[str, Verb] = {}
_WHOLE_LINE = ("fault",)  # verbs that read their words, such as YAML, themselves


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
    verb, _, rest = line.strip().partition(" ")
    try:
        words = [rest] if verb in _WHOLE_LINE else shlex.split(rest)
        function = _verbs.get(verb)
        if function is None:
            known = ", ".join(sorted(_verbs))
            what = f"unknown verb {verb!r}" if verb else "an empty request"
            raise InputError(f"{what}; known: {known}")
        with server.powered.lock:
            result = function(server, words)
    except (LabneuroError, ValueError) as error:  # ValueError: an unpaired quote
        return f"error {' '.join(str(error).split())}"
    return f"ok {json.dumps(result)}"


async def serve(
    server: BenchServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one client's requests until it leaves or sends a line without end."""
    allowance = Allowance(MOST_REQUESTS)
    try:
        while line := await reader.readline():
            reply = answer(server, line.decode("utf-8", "replace"))
            writer.write(reply.encode() + b"\n")
            await writer.drain()
            # Also a sleep of nothing gives the other clients their turn.
            await asyncio.sleep(allowance.spend())
    except ValueError:
        writer.write(b"error a request of more than %d bytes\n" % LONGEST_REQUEST)
    except ConnectionError as error:
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
    """Return when which output went on or off, in bench time and Unix time."""
    del words
    return [entry._asdict() for entry in server.powered.bench.circuit.log]


@register("fault")
def _fault(server: BenchServer, words: list[str]) -> object:
    """Switch a fault on, or the faults off: ``fault clear [instrument]``."""
    text = words[0].strip()
    verb, _, name = text.partition(" ")
    if verb == "clear":
        chosen = [_faults_of(server, name.strip())] if name.strip() else None
        for one in chosen or server.powered.faults.values():
            one.clear()
        return _faults(server, [])
    content = workspace.parse_yaml(text, "fault:")
    config = validate_input(FaultConfig, content, "fault", InputError)
    _faults_of(server, config.instrument).add(config)
    return _faults(server, [])


@register("faults")
def _faults(server: BenchServer, words: list[str]) -> object:
    """Return the faults that are switched on, in the form of the bench file."""
    del words
    return [
        config.model_dump(mode="json", exclude_defaults=True)
        for faults in server.powered.faults.values()
        for config in faults.active
    ]


def _faults_of(server: BenchServer, name: str) -> Faults:
    known = server.powered.faults
    if name not in known:
        raise InputError(f"no instrument {name!r}; known: {', '.join(known)}")
    return known[name]
