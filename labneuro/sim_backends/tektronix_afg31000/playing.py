"""Plans of level changes that are written as they are used up.

A modulated or swept wave never repeats exactly, and a sequence waits for events, so
what they play is written piece by piece.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING

from labneuro.sim_backends.waveforms import Changes, Cycle, Jump

if TYPE_CHECKING:
    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.wiring import Circuit


class Score(ABC):
    """What a plan is written from."""

    @abstractmethod
    def write(self, begin: float, jump: Jump) -> Cycle | None:
        """Return the piece that begins at a bench time; None ends the plan for now.

        Parameters
        ----------
        begin : float
            In s.
        jump : Jump
            Says by which factor to stretch a piece that the clock has jumped over.
        """


class WrittenPlan(deque[tuple[float, float]]):
    """A plan of level changes that a score writes as it is used up.

    Each piece ends with a change to the level that it has: the next one is written when
    the piece has been played and not before, so that the score knows what came by then.

    Parameters
    ----------
    score : Score
        What to play.
    begin : float
        Bench time in s.
    clock : Clock
        The bench's clock.
    """

    def __init__(self, score: Score, begin: float, clock: Clock) -> None:
        super().__init__()
        self._score = score
        self._begin = begin
        self._jump = Jump(clock)
        self._write()

    def popleft(self) -> tuple[float, float]:
        """Take the next change, after the one that follows it is written."""
        change = super().popleft()
        if not self:
            self._write()
        return change

    @property
    def end(self) -> float:
        """Bench time up to which the plan is written, in s."""
        return self._begin

    def cut(self, time: float) -> None:
        """Let the score write anew from a bench time on."""
        kept = [change for change in self if change[0] < time]
        self.clear()
        self.extend(kept)
        self._begin = time
        if not self:
            self._write()

    def _write(self) -> None:
        piece = self._score.write(self._begin, self._jump)
        if piece is not None:
            begin = self._begin
            self.extend((begin + time, level) for time, level in piece.changes)
            self._begin = begin + piece.period
            self.append((self._begin, piece.last))


def stretched(cycle: Cycle, factor: int) -> Cycle:
    """Return a cycle made longer by a factor: every level keeps its share."""
    if factor == 1:
        return cycle
    changes: Changes = [(factor * time, level) for time, level in cycle.changes]
    return Cycle(factor * cycle.period, changes)


def attach(drive: Drive, plan: deque[tuple[float, float]], circuit: Circuit) -> None:
    """Put a plan on an output in place of the one it has."""
    drive.schedule(())
    drive.plan = plan
    circuit.replanned()
