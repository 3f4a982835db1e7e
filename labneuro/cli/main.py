"""The ``labneuro`` command: commands, exit codes and one-line errors."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from labneuro import __version__
from labneuro.cli import bench, data, demo, fit, init, measure, plot, protocol, simulate
from labneuro.errors import EXIT_FAILED, EXIT_INTERRUPTED, LabneuroError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measure, store, fit and simulate neuromorphic devices.",
)
app.command("demo")(demo.demo)
app.command("init")(init.init)
app.add_typer(bench.app, name="bench")
app.add_typer(protocol.app, name="protocol")
app.command("plan")(measure.plan)
app.command("run")(measure.run)
app.add_typer(data.app, name="data")
app.command("fit")(fit.fit)
app.command("simulate")(simulate.simulate)
app.command("plot")(plot.plot)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"labneuro {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    del version, traceback  # both act before any command does


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt  # the same orderly way out as Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; default ``sys.argv``.

    Returns
    -------
    int
        Exit code: 0 done, 1 failed, 2 wrong usage, 3 stopped for safety,
        130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    words = [word for word in given if word != "--traceback"]
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        app(words, prog_name="labneuro")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except LabneuroError as error:
        if words != given:
            raise
        typer.echo(f"labneuro: error: {' '.join(str(error).split())}", err=True)
        return error.exit_code
    return 0


def entry() -> None:
    """Run as a console script."""
    sys.exit(main())
