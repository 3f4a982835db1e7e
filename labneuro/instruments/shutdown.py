"""Going to a safe state: every step is tried, whatever the steps before did."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from labneuro.errors import SafeStateError
from labneuro.instruments import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger(__name__)


def make_safe(
    where: str,
    steps: Iterable[tuple[str, Callable[[], object]]],
    is_safe: Callable[[], bool],
) -> None:
    """Try every step, then let the instrument say whether its output is off.

    A step that fails does not count if the instrument afterwards confirms that the
    output is off: a connection without device clear, for example, is still safe. Each
    failure is logged. No signal skips a step; a second one ends the step's wait.

    Parameters
    ----------
    where : str
        The instrument and its channel, for the message.
    steps : iterable of (str, callable)
        Name and action of each step, in order.
    is_safe : callable
        Reads back from the instrument whether the output is off.

    Raises
    ------
    SafeStateError
        If the instrument does not confirm; lists the steps that failed.
    """
    failures = []
    confirmed = False

    def confirm() -> None:
        nonlocal confirmed
        confirmed = is_safe()

    with signals.uninterrupted():
        for name, action in (*steps, ("read-back", confirm)):
            try:
                with signals.step():
                    action()
            except Exception as error:  # whatever failed, the next step must be tried
                failures.append(f"{name}: {error}")
                _log.warning("%s: %s failed: %s", where, name, error)
        if not confirmed:
            reasons = "; ".join(failures) or "it reports that its output is on"
            raise SafeStateError(
                f"{where}: the safe state is not confirmed ({reasons})"
            )
