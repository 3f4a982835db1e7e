"""Commands of the waveform memories of the AFG31000.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639, ``DATA`` subsystem, of which
``TRACe`` is another name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Argument,
    Block,
    Boolean,
    Choice,
    Integer,
)
from labneuro.sim_backends.scpi.syntax import ScpiError, definite_block
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000 import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.scpi.syntax import Element
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

EDIT_MEMORY = Choice("EMEMory[1]", "EMEMory2")
_EDIT = EDIT_MEMORY
_USER = Choice("USER[1]", "USER2", "USER3", "USER4")
_ANY = Choice("EMEMory[1]", "EMEMory2", "USER[1]", "USER2", "USER3", "USER4")
_WHOLE = Integer(extremes=False)


def _both(rest: str) -> str:
    """Return the two headers of a command of the DATA (TRACe) subsystem."""
    return f"DATA{rest} TRACe{rest}"


class _PointsOrShape(Argument):
    """The second parameter of DATA:DEFine: a number of points or a shape."""

    def read(self, element: Element) -> str | float | Extreme:
        """Return the number, or the short form of the shape."""
        plain = element if isinstance(element, str) else ""
        if plain[:1].isalpha() and plain.upper() not in ("MIN", "MAX"):
            return Choice("SINusoid", "SQUare", "PULSe", "RAMP", "NOISe").read(element)
        return Integer().read(element)


def _memory(method: str) -> Callable[..., None]:
    """Return a command that changes the waveform memories."""

    def write(afg: TektronixAfg31000, *arguments: object) -> None:
        getattr(afg.memory, method)(*arguments)
        afg.memory_changed()

    return write


def _define(afg: TektronixAfg31000, name: str, what: Any = None) -> None:  # noqa: ANN401
    afg.memory.define(name, what)
    afg.memory_changed()


def _set_points(afg: TektronixAfg31000, name: str, count: Any = None) -> None:  # noqa: ANN401
    afg.memory.set_points(name, limits.DEFAULT_POINTS if count is None else count)
    afg.memory_changed()


def _points(afg: TektronixAfg31000, name: str, which: str = "") -> int:
    extremes = {"MIN": limits.FEWEST_POINTS, "MAX": limits.MOST_POINTS}
    return extremes[which] if which else len(afg.memory.content[name])


def _copy_waveform(afg: TektronixAfg31000, first: str, second: str) -> None:
    """Copy the first memory to the second (DATA:COPY, DATA:EMEMCOPY)."""
    afg.memory.copy(first, second)
    afg.memory_changed()


def _delete_waveform(afg: TektronixAfg31000, name: str) -> None:
    if any(channel.settings.shape == name for channel in afg.channels.values()):
        raise ScpiError(syntax.SETTINGS_CONFLICT)
    afg.memory.delete(name)


MEMORY_COMMANDS = (
    Command(
        _both("[:DATA]"),
        _memory("write_block"),
        lambda afg, name: definite_block(afg.memory.read_block(name)),
        (_EDIT, Block()),
        (_EDIT,),
    ),
    Command(
        _both(":DATA:VALue"),
        _memory("set_value"),
        lambda afg, name, point: afg.memory.value(name, point),
        (_EDIT, _WHOLE, _WHOLE),
        (_EDIT, _WHOLE),
    ),
    Command(
        _both(":DATA:LINE"),
        _memory("draw_line"),
        arguments=(_EDIT, _WHOLE, _WHOLE, _WHOLE, _WHOLE),
    ),
    Command(
        _both(":DEFine"), _define, arguments=(_EDIT, _PointsOrShape(optional=True))
    ),
    Command(
        _both(":POINts"),
        _set_points,
        _points,
        (_EDIT, Integer(optional=True)),
        (_EDIT, Choice("MINimum", "MAXimum", optional=True)),
    ),
    Command(_both(":COPY"), _copy_waveform, arguments=(_ANY, _ANY)),
    Command(_both(":EMEMCOPY"), _copy_waveform, arguments=(_EDIT, _EDIT)),
    Command(_both(":CATalog"), query=lambda afg: afg.memory.catalog()),
    Command(_both(":DELete[:NAME]"), _delete_waveform, arguments=(_USER,)),
    Command(
        _both(":LOCK[:STATe]"),
        _memory("lock"),
        lambda afg, name: name in afg.memory.locked,
        (_USER, Boolean()),
        (_USER,),
    ),
)
