"""Locks on simulated instruments, as viLock and viUnlock have them.

References
----------
IVI VPP-4.3, The VISA Library, section 3.6 (locking mechanism).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyvisa import constants
from pyvisa.constants import StatusCode

if TYPE_CHECKING:
    from labneuro.sim_backends.visa.session import InstrumentSession
    from labneuro.sim_backends.visa.station import Station


class _Holder:
    """Who holds an instrument, exclusively or with a key."""

    def __init__(self) -> None:
        self.exclusive: InstrumentSession | None = None
        self.depth = 0
        self.key: str | None = None
        self.sharers: list[InstrumentSession] = []


class Locks:
    """Exclusive and shared locks of all stations."""

    def __init__(self) -> None:
        self.holders: dict[Station, _Holder] = {}
        self._keys = 0

    def refuse(self, session: InstrumentSession) -> bool:
        """Whether another session's lock keeps this one out."""
        holder = self.holders.get(session.station)
        if holder is None:
            return False
        if holder.exclusive is not None:
            return holder.exclusive is not session
        return bool(holder.sharers) and session not in holder.sharers

    def state(self, session: InstrumentSession) -> constants.AccessModes:
        """Return how the session's instrument is locked."""
        holder = self.holders.get(session.station, _Holder())
        if holder.exclusive is not None:
            return constants.AccessModes.exclusive_lock
        if holder.sharers:
            return constants.AccessModes.shared_lock
        return constants.AccessModes.no_lock

    def take(
        self, session: InstrumentSession, kind: constants.Lock, key: str | None
    ) -> tuple[str, StatusCode]:
        """Lock an instrument for a session; returns the key and the status.

        A lock that another session holds is refused at once: within one process there
        is nobody who could give it back while this call waits.
        """
        holder = self.holders.setdefault(session.station, _Holder())
        nested = holder.exclusive is session or session in holder.sharers
        if self.refuse(session) and not (
            kind == constants.Lock.shared and holder.exclusive is None
        ):
            return "", StatusCode.error_resource_locked
        if kind == constants.Lock.exclusive:
            holder.exclusive = session
            holder.depth += 1
            return "", _nested(nested, StatusCode.success_nested_exclusive)
        if holder.sharers and key != holder.key and session not in holder.sharers:
            wrong = StatusCode.error_resource_locked
            return "", wrong if key is None else StatusCode.error_invalid_access_key
        if not holder.sharers:
            self._keys += 1
            holder.key = key or f"labneuro-{self._keys}"
        holder.sharers.append(session)
        return holder.key or "", _nested(nested, StatusCode.success_nested_shared)

    def give_back(self, session: InstrumentSession) -> StatusCode:
        """Undo the session's latest lock; returns the status."""
        holder = self.holders.get(session.station)
        if holder is None:
            return StatusCode.error_session_not_locked
        if holder.exclusive is session:
            holder.depth -= 1
            if holder.depth == 0:
                holder.exclusive = None
        elif session in holder.sharers:
            holder.sharers.remove(session)
        else:
            return StatusCode.error_session_not_locked
        if holder.exclusive is None and not holder.sharers:
            del self.holders[session.station]
        return StatusCode.success

    def release_all(self, session: InstrumentSession) -> None:
        """Undo every lock of a session."""
        while self.give_back(session) == StatusCode.success:
            pass


def _nested(nested: bool, status: StatusCode) -> StatusCode:
    return status if nested else StatusCode.success


LOCKS = Locks()
