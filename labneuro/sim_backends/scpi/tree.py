"""The command tree of a SCPI instrument: from a header to what it calls.

A command is declared by the header of its manual, such as
``"[SOURce{1-2}]:VOLTage[:LEVel][:IMMediate]:HIGH"``: short forms in capitals, nodes
that may be left out in brackets, numeric suffixes with their range in braces.

References
----------
SCPI-99 volume 1, chapter 6 (program headers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import ScpiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from labneuro.sim_backends.scpi.arguments import Argument
    from labneuro.sim_backends.scpi.syntax import Element

_NODE = re.compile(r"(\[)?:?(\*?[A-Z]+)([a-z]*)(?:\{(\d+)-(\d+)\})?(\])?:?", re.ASCII)
_SUFFIXED = re.compile(r"(.*?)(\d+)", re.ASCII)


@dataclass(frozen=True)
class Command:
    """One command of an instrument, as its manual has it.

    Attributes
    ----------
    header : str
        The header; several headers of one command are separated by blanks.
    write : callable, optional
        Takes the instrument, the numeric suffixes of the header and the arguments.
    query : callable, optional
        Takes the instrument, the suffixes and the query's arguments; gives the answer.
    arguments : tuple of Argument
        What the command takes.
    query_arguments : tuple of Argument
        What the query takes.
    """

    header: str
    write: Callable[..., None] | None = None
    query: Callable[..., Any] | None = None
    arguments: tuple[Argument, ...] = ()
    query_arguments: tuple[Argument, ...] = ()


@dataclass
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    optional: list[_Node] = field(default_factory=list)
    numbers: range | None = None
    command: Command | None = None


class CommandTree:
    """All commands of an instrument.

    Parameters
    ----------
    commands : iterable of Command
        A later command replaces an earlier one of the same header.

    Examples
    --------
    >>> tree = CommandTree([Command("[SOURce{1-2}]:VOLTage[:LEVel]")])
    >>> tree.find(["SOUR2", "VOLT"])[1], tree.find(["VOLTAGE", "LEV"])[1]
    ((2,), (1,))
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._root = _Node()
        for command in commands:
            for header in command.header.split():
                self._add(header, command)

    def _add(self, header: str, command: Command) -> None:
        node, position = self._root, 0
        while position < len(header):
            match = _NODE.match(header, position)
            if match is None:
                raise ValueError(f"{header!r} is not a command header")
            node = self._child(node, match)
            position = match.end()
        node.command = command

    def _child(self, parent: _Node, match: re.Match[str]) -> _Node:
        bracket, short, rest, first, last, _ = match.groups()
        child = parent.children.get(short)
        if child is None:
            child = _Node()
            if first:
                child.numbers = range(int(first), int(last) + 1)
            parent.children[short] = parent.children[short + rest.upper()] = child
        if bracket and child not in parent.optional:
            parent.optional.append(child)
        return child

    def find(self, path: Sequence[str]) -> tuple[Command, tuple[int, ...]]:
        """Return the command of a header and its numeric suffixes.

        Parameters
        ----------
        path : sequence of str
            The header's mnemonics in capitals.

        Raises
        ------
        ScpiError
            -113 for a header that is not in the tree, -114 for a numeric suffix that
            is out of range.
        """
        found = self._walk(self._root, path, ())
        if found is None:
            raise ScpiError(syntax.UNDEFINED_HEADER)
        return found

    def _walk(
        self, node: _Node, path: Sequence[str], numbers: tuple[int, ...]
    ) -> tuple[Command, tuple[int, ...]] | None:
        if not path and node.command is not None:
            return node.command, numbers
        if path:
            child, number = _match(node, path[0])
            if child is not None:
                found = self._walk(child, path[1:], (*numbers, *number))
                if found is not None:
                    return found
        for child in node.optional:
            implied = (*numbers, child.numbers[0]) if child.numbers else numbers
            found = self._walk(child, path, implied)
            if found is not None:
                return found
        return None


def _match(node: _Node, mnemonic: str) -> tuple[_Node | None, tuple[int, ...]]:
    """Find the child that a mnemonic names, and its numeric suffix if it has one."""
    child = node.children.get(mnemonic)
    if child is not None:
        return child, (child.numbers[0],) if child.numbers else ()
    match = _SUFFIXED.fullmatch(mnemonic)
    child = node.children.get(match.group(1)) if match else None
    if match is None or child is None or child.numbers is None:
        return None, ()
    digits = match.group(2)
    if len(digits) > 9 or int(digits) not in child.numbers:  # noqa: PLR2004
        raise ScpiError(syntax.HEADER_SUFFIX_OUT_OF_RANGE)
    return child, (int(digits),)


def read_arguments(
    arguments: Sequence[Argument], elements: Sequence[Element]
) -> tuple[object, ...]:
    """Turn program data into a command's arguments.

    Raises
    ------
    ScpiError
        -108 for too many elements, -109 for too few, or what an argument raises.
    """
    if len(elements) > len(arguments):
        raise ScpiError(syntax.PARAMETER_NOT_ALLOWED)
    values = tuple(
        argument.read(element)
        for argument, element in zip(arguments, elements, strict=False)
    )
    if any(not argument.optional for argument in arguments[len(elements) :]):
        raise ScpiError(syntax.MISSING_PARAMETER)
    return values
