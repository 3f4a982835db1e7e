"""The program memory of the B1500A: stored commands and variables.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``ST``, ``END``, ``DO``, ``VAR``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.flex import Unit, Variables

MOST_PROGRAMS = 2000
MOST_COMMANDS = 40_000  # of all programs together


class ProgramMemory:
    """Programs by number, and the variables that their commands may name.

    Attributes
    ----------
    programs : dict of int to list of Unit
        Stored commands.
    variables : dict
        (kind, number) to value; kind 0 is an integer, 1 a real number.
    """

    def __init__(self) -> None:
        self.programs: dict[int, list[Unit]] = {}
        self.variables: Variables = {}
        self._open = 0

    def open(self, number: int) -> None:
        """Begin a program; one of that number is replaced."""
        self.programs[number] = []
        self._open = number

    def close(self) -> None:
        """End the program that is being stored."""
        self._open = 0

    @property
    def storing(self) -> bool:
        """Whether commands are stored instead of carried out."""
        return self._open > 0

    def keeps(self, unit: Unit) -> bool:
        """Store a command if a program is open; return whether it was.

        Raises
        ------
        FlexError
            If the command cannot be stored (a query, or another program's begin).
        """
        if not self._open or unit.header == "END":
            return False
        if unit.header.endswith("?") or unit.header in ("ST", "SCR", "*RST"):
            raise FlexError(errors.PARAMETER)
        if sum(map(len, self.programs.values())) >= MOST_COMMANDS:
            raise FlexError(errors.PARAMETER)
        self.programs[self._open].append(unit)
        return True

    def program(self, number: int) -> list[Unit]:
        """Return a stored program; error 120 if there is none."""
        if number not in self.programs:
            raise FlexError(errors.PARAMETER)
        return self.programs[number]
