"""Forms that many commands of the AFG31000 share."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Argument, Boolean, Choice, Number
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000.channel import AfgChannel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000
    from labneuro.sim_backends.tektronix_afg31000.settings import Range

VOLT = {"V": 1.0}
SECOND = {"S": 1.0}
HERTZ = {"HZ": 1.0}
PERCENT = {"PCT": 1.0, "%": 1.0}
ANGLE = {"RAD": 1.0, "DEG": math.pi / 180.0}
# Sources 3 and 4 are the noise of channels 1 and 2 and know POWer only.
SOURCE = "[SOURce{1-4}]"
EXTREME = (Choice("MINimum", "MAXimum", "DEFault", optional=True),)
_CHANNELS = (1, 2)


def check_channel(number: int) -> None:
    """Check that a source is a channel.

    Raises
    ------
    ScpiError
        -114 for a numeric suffix beyond 2.
    """
    if number not in _CHANNELS:
        raise ScpiError(syntax.HEADER_SUFFIX_OUT_OF_RANGE)


def channel_of(afg: TektronixAfg31000, number: int) -> AfgChannel:
    """Return a channel by the numeric suffix of the header."""
    check_channel(number)
    return afg.channels[number]


def numeric(
    header: str, name: str, units: Mapping[str, float], coupling: str = ""
) -> Command:
    """Declare a numeric setting of a channel, with ``MIN`` and ``MAX`` queries.

    Parameters
    ----------
    header : str
        Of the command.
    name : str
        Of the setting.
    units : mapping of str to float
        What a suffix may be, and its worth.
    coupling : str
        Name of the stored switch that couples the channels, if any.
    """

    def write(afg: TektronixAfg31000, number: int, value: float | Extreme) -> None:
        check_channel(number)
        afg.change(number, partial(AfgChannel.set, name=name, value=value), coupling)

    def query(afg: TektronixAfg31000, number: int, which: str = "") -> float:
        channel = channel_of(afg, number)
        return channel.range(name).named(which) if which else channel.get(name)

    return Command(header, write, query, (Number(units=units),), EXTREME)


def word(
    header: str, name: str, options: Argument, setter: str | None = None
) -> Command:
    """Declare a setting of a channel that is a word or a switch.

    Parameters
    ----------
    header : str
        Of the command.
    name : str
        Of the setting.
    options : Argument
        What it may be.
    setter : str, optional
        The channel's method that sets it, if that does more.
    """

    def apply(value: object, channel: AfgChannel) -> None:
        if setter is None:
            setattr(channel.settings, name, value)
        else:
            getattr(channel, setter)(value)

    def write(afg: TektronixAfg31000, number: int, value: object) -> None:
        check_channel(number)
        afg.change(number, partial(apply, value))

    def query(afg: TektronixAfg31000, number: int) -> Any:  # noqa: ANN401  str or bool
        return getattr(channel_of(afg, number).settings, name)

    return Command(header, write, query, (options,))


def run_mode(header: str, mode: str) -> Command:
    """Declare the switch of a run mode, which ends any other."""

    def write(afg: TektronixAfg31000, number: int, on: bool) -> None:
        check_channel(number)
        afg.change(number, lambda channel: channel.switch(mode, on))

    def query(afg: TektronixAfg31000, number: int) -> bool:
        return channel_of(afg, number).settings.run_mode == mode

    return Command(header, write, query, (Boolean(),))


def coupled(header: str, name: str) -> Command:
    """Declare the switch that lets a channel's setting act on the other one too."""

    def write(afg: TektronixAfg31000, number: int, value: bool) -> None:
        check_channel(number)
        afg.stored[f"{name}{number}"] = value

    def query(afg: TektronixAfg31000, number: int) -> Any:  # noqa: ANN401  a switch
        check_channel(number)
        return afg.stored[f"{name}{number}"]

    return Command(header, write, query, (Boolean(),))


def stored(header: str, name: str, argument: Argument) -> Command:
    """Declare a setting of the instrument that its outputs do not depend on."""

    def write(afg: TektronixAfg31000, *suffix_and_value: Any) -> None:  # noqa: ANN401
        afg.stored[name] = suffix_and_value[-1]

    return Command(header, write, lambda afg, *_: afg.stored[name], (argument,))


def stored_number(header: str, name: str, allowed: Range) -> Command:
    """Declare a number of the instrument that its outputs do not depend on."""

    def write(afg: TektronixAfg31000, value: float | Extreme) -> None:
        afg.stored[name] = allowed.resolve(value)

    def query(afg: TektronixAfg31000, which: str = "") -> float:
        return allowed.named(which) if which else float(afg.stored[name])

    return Command(header, write, query, (Number(),), EXTREME)


def file_of(header: str, name: str) -> Command:
    """Declare the file that ``EFILe`` stands for."""

    def write(afg: TektronixAfg31000, number: int, path: str) -> None:
        check_channel(number)
        file = afg.storage.waveform(afg.storage.path(path))
        afg.change(number, lambda channel: setattr(channel.settings, name, file))

    def query(afg: TektronixAfg31000, number: int) -> str:
        file = getattr(channel_of(afg, number).settings, name)
        return '" "' if file is None else f'"{file.name}"'

    return Command(header, write, query, (FileName(),))


class FileName(Argument):
    """A file name in quotes; some public clients leave them out, which is accepted."""

    def read(self, element: syntax.Element) -> str:
        """Return the name."""
        if isinstance(element, bytes | syntax.Expression):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return str(element)


class QuotedWord(Argument):
    """A word in quotes; an empty string is none.

    Parameters
    ----------
    options : str
        Long forms with the short form in capitals.
    """

    def __init__(self, *options: str) -> None:
        super().__init__()
        object.__setattr__(self, "choice", Choice(*options))

    choice: Choice

    def read(self, element: syntax.Element) -> str:
        """Return the short form of the word, or nothing."""
        if not isinstance(element, syntax.Quoted):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        plain = str(element).strip()
        return self.choice.read(plain) if plain else ""


def nothing(*_: object) -> None:
    """Do what needs a person before the instrument to be noticed."""
