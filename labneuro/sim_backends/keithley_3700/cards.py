"""What the Series 3700A's slots hold: plug-in cards, their channels and terminals.

A channel of a matrix card is slot, row and two-digit column (``1304``); an analog
backplane relay is slot, 9, bank and number (``1911``).

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, p. 5-3 (channel specifiers),
``slot[X].*``; Series 3700 User's Manual 3700S-900-01 Rev. A, p. 4-12. What
``slot[1].idn`` of a 3730 answers is in QCoDeS's recorded ``Keithley_3706A.yaml``.
The 3730 data sheet was not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SLOTS = range(1, 7)
BUSES = range(1, 7)
"""Numbers of the analog backplanes."""
EMPTY = "empty"


@dataclass(frozen=True)
class Card:
    """A matrix card.

    Attributes
    ----------
    model : str
        Such as ``"3730"``.
    description : str
        As ``slot[X].idn`` says it.
    rows, columns : int
        Size of the matrix; row n meets analog backplane n through relay ``91n``.
    most_voltage : float
        Between any two terminals, in V.
    firmware : str
        Its revision.
    """

    model: str
    description: str
    rows: int
    columns: int
    most_voltage: float
    firmware: str

    def crosspoints(self) -> Iterable[tuple[int, int]]:
        """Return rows and columns of all crosspoints, in channel order."""
        return (
            (row, column)
            for row in range(1, self.rows + 1)
            for column in range(1, self.columns + 1)
        )

    def terminals(self, slot: int) -> tuple[str, ...]:
        """Return the names of its terminals in a slot."""
        rows = [row_terminal(slot, row) for row in range(1, self.rows + 1)]
        columns = range(1, self.columns + 1)
        return (*rows, *(column_terminal(slot, column) for column in columns))


# 300 V is the example of slot[X].maxvoltage in the manual.
CARDS = {"3730": Card("3730", "6x16 High Density Matrix", 6, 16, 300.0, "01.40h")}


def row_terminal(slot: int, row: int) -> str:
    """Return the name of a row's terminal."""
    return f"slot{slot}_row{row}"


def column_terminal(slot: int, column: int) -> str:
    """Return the name of a column's terminal."""
    return f"slot{slot}_column{column:02d}"


def bus_terminal(bus: int) -> str:
    """Return the name of an analog backplane's terminal."""
    return f"backplane{bus}"


def cards_in(modules: Mapping[str, str]) -> dict[int, Card]:
    """Return the cards by slot, as a bench file's ``modules`` name them.

    Parameters
    ----------
    modules : mapping of str to str
        ``slot1`` to ``slot6`` with the card's model or ``"empty"``; a slot that is not
        named is empty. Without any, slot 1 holds a 3730.

    Raises
    ------
    BenchConfigError
        If there is no such slot or card; the message begins with the key.
    """
    slots = {f"slot{slot}": slot for slot in SLOTS}
    found = {}
    for key, model in (modules or {"slot1": "3730"}).items():
        if key not in slots:
            raise BenchConfigError(
                f"modules.{key}: no such slot; known: {', '.join(slots)}"
            )
        if model != EMPTY and model not in CARDS:
            known = ", ".join((*CARDS, EMPTY))
            raise BenchConfigError(
                f"modules.{key}: {model!r} cannot be simulated; known: {known}"
            )
        if model != EMPTY:
            found[slots[key]] = CARDS[model]
    return dict(sorted(found.items()))
