"""``labneuro bench serve``: the instruments of a simulated bench on the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labneuro.cli.output import table

if TYPE_CHECKING:
    import asyncio

    from labneuro.sim_backends.server.bench_server import BenchServer

_DEFAULT_HOST = "127.0.0.1"


def serve(
    bench: Annotated[str, typer.Argument(help="Bench by name or by path.")],
    clock: Annotated[
        Literal["virtual", "real"] | None,
        typer.Option(help="In place of the bench file's clock."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="In place of the bench file's seed.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Interface to listen on; not loopback: anyone connects.")
    ] = _DEFAULT_HOST,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65000,
            help="First raw port; 0: any free ones. [default: 5025 and up, if free]",
        ),
    ] = None,
    control_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of control; 0: any free one.")
    ] = 0,
    port_mapper: Annotated[
        bool, typer.Option(help="Serve VXI-11's port mapper if port 111 is free.")
    ] = True,
    addresses: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write the addresses to a JSON file."),
    ] = None,
) -> None:
    """Serve a simulated bench: raw sockets, HiSLIP and VXI-11."""
    import asyncio
    import uuid

    from labneuro.errors import EXIT_INTERRUPTED
    from labneuro.sim_backends.server.bench_server import BenchServer, ServedAt
    from labneuro.sim_backends.server.hosts import is_loopback
    from labneuro.sim_backends.visa.powered_benches import power_off, power_on

    if not is_loopback(host):
        typer.echo(
            f"labneuro: warning: {host} is not loopback: anyone who reaches it can "
            "operate this bench",
            err=True,
        )
    options = {"clock": clock, "seed": seed, "fresh": uuid.uuid4().hex}
    given = "&".join(
        f"{key}={value}" for key, value in options.items() if value is not None
    )
    specification = f"{bench}?{given}"
    powered = power_on(specification)
    server = BenchServer(powered, ServedAt(host, port, port_mapper, control_port))
    try:
        interrupted = asyncio.run(_serve_until_stopped(server, addresses))
    finally:
        power_off(specification)
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


async def _serve_until_stopped(server: BenchServer, addresses: Path | None) -> bool:
    """Serve until a signal comes; whether it was Ctrl-C."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        _call_on_signal(loop, number, stopped)
    await server.start()
    try:
        if addresses is not None:
            server.write_addresses(addresses)
        _show(server)
        return await stopped == signal.SIGINT
    finally:
        await server.stop()
        typer.echo("stopped; every output is open")


def _call_on_signal(
    loop: asyncio.AbstractEventLoop, number: int, stopped: asyncio.Future[int]
) -> None:
    """Note the first signal, in the event loop; Windows has no such handlers."""
    import signal

    def note() -> None:
        if not stopped.done():
            stopped.set_result(number)

    try:
        loop.add_signal_handler(number, note)
    except NotImplementedError:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(note))


def _show(server: BenchServer) -> None:
    """Print where everything is, at once: other programs wait for it."""
    import sys

    bench = server.powered.bench
    rows = []
    for name, one in server.addresses.items():
        model = bench.config.instruments[name].model
        rows += [
            (name, model, "raw socket", one["raw"]),
            (name, model, "HiSLIP", one["hislip"]),
            (name, model, "VXI-11", one["vxi11"]),
        ]
    table(("INSTRUMENT", "MODEL", "BY", "ADDRESS"), rows)
    if server.port_mapper_note:
        typer.echo(f"no port mapper ({server.port_mapper_note}): VXI-11 needs its port")
    control = next(iter(server.addresses.values()))["control"]
    typer.echo(f"control: {control}")
    typer.echo(f"clock: {bench.simulation.clock}, seed {bench.simulation.seed}")
    typer.echo("Ctrl-C stops")
    sys.stdout.flush()
