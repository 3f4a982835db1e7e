"""Routes through a matrix card: which crosspoints join which terminals to which lines.

The wiring of the bench file says what is on each row and column. A list of channels is
judged by the nets that it would join, before any relay moves: two outputs on one net,
or an output on ground, are refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from labneuro.bench import BenchConfig

GROUND = "ground"
_ROW = re.compile(r"slot(\d)_row(\d)")
_COLUMN = re.compile(r"slot(\d)_column(\d\d)")
_CHANNEL = re.compile(r"(\d)(\d)(\d\d)")


class MatrixRoutes:
    """The switch matrix of a bench as its wiring names it.

    Parameters
    ----------
    bench : BenchConfig
        With the role ``switch_matrix``.

    Raises
    ------
    BenchConfigError
        If no instrument fills the role.
    """

    def __init__(self, bench: BenchConfig) -> None:
        if "switch_matrix" not in bench.roles:
            raise BenchConfigError(
                f"{bench.path}: roles.switch_matrix: this key is missing; the protocol "
                "needs it"
            )
        self._where = str(bench.path)
        self._switch = bench.roles["switch_matrix"]
        self._outputs = {
            target
            for role, target in bench.roles.items()
            if role not in ("switch_matrix", "oscilloscope", "second_oscilloscope")
        }
        self._net_of: dict[str, int] = {}
        self._nets: list[frozenset[str]] = []
        for net in bench.wiring.nets:
            for one in net:
                self._net_of[one] = len(self._nets)
            self._nets.append(frozenset(net))

    def channels(self, route: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
        """Return the crosspoints that join device terminals to lines.

        Parameters
        ----------
        route : mapping of str to iterable of str
            Terminals of the device by the line that each is joined to: an output such
            as ``"smu.smua"``, or ``"ground"``.

        Returns
        -------
        tuple of str
            Such as ``("1101", "2204")``, ascending and free of conflicts.

        Raises
        ------
        BenchConfigError
            If a terminal is on no column, a line on no row of its card, a terminal on
            two lines, or outputs would be joined.
        """
        placed: dict[str, str] = {}
        found = []
        for line, terminals in route.items():
            for terminal in terminals:
                if terminal in placed:
                    raise BenchConfigError(
                        f"route: {terminal} cannot be on {placed[terminal]} and on "
                        f"{line}"
                    )
                placed[terminal] = line
                slot, column = self._column(f"device.{terminal}")
                found.append(f"{slot}{self._row(line, slot)}{column:02d}")
        self.check(found)
        return tuple(sorted(found))

    def check(self, channels: Sequence[str]) -> None:
        """Raise if closing exactly these crosspoints would join what must be apart.

        Parameters
        ----------
        channels : sequence of str
            Four digits each: slot, row, two of the column.

        Raises
        ------
        BenchConfigError
            Naming the outputs that would be joined to each other or to ground.
        """
        groups = _Groups()
        for channel in channels:
            match = _CHANNEL.fullmatch(channel)
            if match is None:
                raise BenchConfigError(
                    f"route: {channel!r} is no crosspoint of a 3730: four digits, "
                    "slot, row, column"
                )
            slot, row, column = match.groups()
            groups.join(
                self._node(f"{self._switch}.slot{slot}_row{row}"),
                self._node(f"{self._switch}.slot{slot}_column{column}"),
            )
        joined: dict[str, set[str]] = defaultdict(set)
        for one in (*sorted(self._outputs), GROUND):
            joined[groups.root(self._node(one))].add(one)
        for together in joined.values():
            if len(together) > 1:
                raise BenchConfigError(
                    f"route {', '.join(sorted(channels))}: would join "
                    f"{' and '.join(sorted(together))}"
                )

    def _node(self, terminal: str) -> str:
        """Return one name for all terminals that the wiring joins."""
        place = self._net_of.get(terminal)
        return terminal if place is None else f"net {place}"

    def _spots(self, terminal: str, pattern: re.Pattern[str]) -> dict[int, int]:
        """Return the rows or columns that a terminal is wired to, by slot."""
        place = self._net_of.get(terminal)
        found = {}
        for one in () if place is None else sorted(self._nets[place]):
            owner, _, name = one.partition(".")
            match = pattern.fullmatch(name)
            if owner == self._switch and match:
                found[int(match[1])] = int(match[2])
        return found

    def _column(self, terminal: str) -> tuple[int, int]:
        spots = self._spots(terminal, _COLUMN)
        if not spots:
            raise BenchConfigError(
                f"{self._where}: wiring.nets: {terminal} is on no column of "
                f"{self._switch}"
            )
        return min(spots.items())

    def _row(self, line: str, slot: int) -> int:
        spots = self._spots(line, _ROW)
        if slot not in spots:
            raise BenchConfigError(
                f"{self._where}: wiring.nets: {line} is on no row of {self._switch} "
                f"slot {slot}"
            )
        return spots[slot]


class _Groups:
    """Sets of names that are joined pair by pair."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (parent := self._parent.get(name, name)) != name:
            name = parent
        return name

    def join(self, first: str, second: str) -> None:
        self._parent[self.root(first)] = self.root(second)
