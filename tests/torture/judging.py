"""What becomes of an input: read rightly, refused in one line, or a failure.

A reader that takes more than its share of calls for an input counts as a hang.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from labneuro.errors import LabneuroError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

READ, REFUSED = "read", "refused"
_SEED = 20261122
_MOST_WORK = 3_000_000  # calls of Python functions for one input
_LONGEST_MESSAGE = 2000


class WrongOutcomeError(AssertionError):
    """An input that was neither read rightly nor refused in one line."""


@dataclass
class Tally:
    """What became of the inputs of one target.

    Attributes
    ----------
    name : str
    tried, read, refused : int
    failures : list of str
    """

    name: str
    tried: int = 0
    read: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


class Work:
    """Counts calls, so that a hang is found by work and not by the clock."""

    def __enter__(self) -> None:
        self._count = 0
        self._before = sys.getprofile()
        sys.setprofile(self._follow)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _follow(self, frame: FrameType, event: str, argument: object) -> None:
        del frame, argument
        if event == "call":
            self._count += 1
            if self._count > _MOST_WORK:
                sys.setprofile(self._before)
                raise WrongOutcomeError(
                    f"more than {_MOST_WORK} calls for one input: a hang"
                )


def refusing(read: Callable[[], str]) -> str:
    """Return what reading came to; a refusal must be labneuro's and one line.

    Raises
    ------
    WrongOutcomeError
        If it is something else.
    """
    try:
        with Work():
            return read()
    except LabneuroError as error:
        message = str(error)
        if not message or "\n" in message or len(message) > _LONGEST_MESSAGE:
            raise WrongOutcomeError(
                f"no message of one line: {message[:200]!r}"
            ) from error
        return REFUSED


class Target:
    """One reader with the inputs for it.

    Parameters
    ----------
    name : str
        For the table.
    inputs : strategy
        Of hypothesis.
    judge : callable
        Reads one input; returns ``READ`` or ``REFUSED``; raises on anything wrong.
    """

    def __init__(
        self,
        name: str,
        inputs: st.SearchStrategy[Any],
        judge: Callable[[Any], str],
    ) -> None:
        self.name = name
        self._inputs = inputs
        self._judge = judge

    def try_all(self, examples: int) -> Tally:
        """Try a number of inputs; failures are shrunk by hypothesis and told."""
        tally = Tally(self.name)
        counts: Counter[str] = Counter()

        @seed(_SEED)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=False,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        @given(self._inputs)
        def one(value: Any) -> None:
            counts["tried"] += 1
            counts[self._judge(value)] += 1

        try:
            one()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            notes = " ".join(getattr(error, "__notes__", ()))
            tally.failures.append(" ".join(f"{what} {notes}".split())[:600])
        tally.tried, tally.read = counts["tried"], counts[READ]
        tally.refused = counts[REFUSED]
        return tally
