"""The ``labneuro`` command: commands, exit codes and one-line errors."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

from labneuro import __version__
from labneuro.cli import (
    bench,
    data,
    demo,
    fit,
    init,
    measure,
    plot,
    protocol,
    queue,
    resume,
    simulate,
)
from labneuro.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    LabneuroError,
)

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
app.command("resume")(resume.resume)
app.add_typer(data.app, name="data")
app.add_typer(queue.app, name="queue")
app.command("fit")(fit.fit)
app.command("simulate")(simulate.simulate)
app.command("plot")(plot.plot)


# The parent of all usage errors; typer publishes only this child of it.
_WRONG_USAGE = cast("tuple[type[Exception], ...]", typer.BadParameter.__bases__)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"labneuro {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    show_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    del version, show_traceback  # both act before any command does


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt  # the same orderly way out as Ctrl-C


def _take_signals() -> None:
    """Let SIGTERM and SIGHUP stop as Ctrl-C does, but for what nohup ignores."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


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
    _take_signals()
    try:
        code = app(words, prog_name="labneuro", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except _WRONG_USAGE as error:
        return _tell_usage(error)
    except (LabneuroError, OSError) as error:  # OSError: a full disk, a lost folder
        if words != given:
            traceback.print_exc()
        typer.echo(f"labneuro: error: {' '.join(str(error).split())}", err=True)
        return getattr(error, "exit_code", EXIT_FAILED)
    return code if isinstance(code, int) else 0


def _tell_usage(error: Any) -> int:  # noqa: ANN401  a type that typer keeps to itself
    message = error.format_message()
    if "\n" in message or not message:  # the help, which typer may have printed itself
        typer.echo(message, nl=False)
        return EXIT_USAGE
    command = error.ctx.command_path if error.ctx else "labneuro"
    line = f"{message.rstrip('.')}; try '{command} --help'"
    typer.echo(f"labneuro: error: {line}", err=True)
    return EXIT_USAGE


def entry() -> None:
    """Run as a console script."""
    sys.exit(main())
