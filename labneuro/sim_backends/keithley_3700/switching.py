"""The ``channel`` functions of the Series 3700A: closing, opening, what is closed.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``channel.*``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_3700.attributes import ChannelAttributes
from labneuro.sim_backends.keithley_3700.channels import (
    CONFLICT,
    ChannelLists,
    as_text,
    refuse,
    unique,
)
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import TspProblem, number, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from labneuro.sim_backends.keithley_3700.relays import Relay, RelayBank

_CLOSED_BIT = 1  # channel.IND_CLOSED
# channel.POLES_*, IND_*, connect rules: the manual's own numbers. TYPE_*: from the
# example of channel.gettype(). The others stand for modes that no card here has.
CONSTANTS: dict[str | int, object] = {
    "OFF": 0,
    "ON": 1,
    "BREAK_BEFORE_MAKE": 1,
    "MAKE_BEFORE_BREAK": 2,
    "POLES_ONE": 1,
    "POLES_TWO": 2,
    "POLES_FOUR": 4,
    "IND_CLOSED": _CLOSED_BIT,
    "IND_OVERLOAD": 2,
    "IND_MATCH": 4,
    "IND_OVERFLOW": 8,
    "TYPE_SWITCH": 1,
    "TYPE_BACKPLANE": 2,
    "TYPE_DIGITAL": 4,
    "TYPE_DAC": 8,
    "TYPE_TOTALIZER": 16,
    "ALL": 15,
}


class Switching:
    """Everything under ``channel`` in the instrument's Lua.

    Parameters
    ----------
    bank : RelayBank
        The relays.
    interlock : callable
        Whether a slot's analog backplane relays may close.
    touched : callable
        Called with relays whose attributes have changed, for the scan list.

    Attributes
    ----------
    lists : ChannelLists
    """

    def __init__(
        self,
        bank: RelayBank,
        interlock: Callable[[int], bool],
        touched: Callable[[Sequence[Relay]], None],
    ) -> None:
        self._bank, self._interlock, self._touched = bank, interlock, touched
        self.lists = ChannelLists(bank)
        self._attributes = ChannelAttributes(self.lists, touched)

    def lua_object(self) -> TspObject:
        """Return the ``channel`` of the instrument's Lua."""
        bank = self._bank
        return TspObject(
            getters={
                "connectrule": lambda: bank.rule,
                "connectsequential": lambda: int(bank.sequential),
            },
            setters={
                "connectrule": self._set_rule,
                "connectsequential": self._set_sequential,
            },
            functions={
                "close": self._close,
                "open": self.open_channels,
                "exclusiveclose": self._exclusive_close,
                "exclusiveslotclose": self._exclusive_slot_close,
                "getclose": self._get_close,
                "getstate": self._get_state,
                "reset": self.reset_channels,
                "createspecifier": self._create_specifier,
                **self._attributes.functions(),
            },
            objects={**CONSTANTS, "pattern": self._pattern_object()},
        )

    def reset(self) -> None:
        """Return everything to the defaults: all open, break before make."""
        if self._bank.relays:
            self.reset_channels("allslots")
        self.lists.patterns.clear()
        self._bank.rule, self._bank.sequential = 1, False

    # -- closing and opening -----------------------------------------------------------

    def permit(self, relays: Iterable[Relay]) -> None:
        """Refuse what must not close: a forbidden relay, a bus without interlock."""
        for relay in relays:
            if relay.forbidden:
                raise TspProblem(
                    CONFLICT, f"Settings conflict with forbidden channel {relay.name}"
                )
            if relay.backplane and not self._interlock(relay.slot):
                raise TspProblem(
                    CONFLICT, f"Settings conflict with interlock of slot {relay.slot}"
                )

    def _close(self, channels: object = None) -> None:
        closing = self.lists.to_close(channels)
        self.permit(closing)
        self._bank.close(closing)

    def open_channels(self, channels: object = None) -> None:
        """Open channels, slots and patterns."""
        self._bank.open(self.lists.to_open(channels))

    def _exclusive_close(self, channels: object = None) -> None:
        closing = self.lists.to_close(channels, empty=True)
        self.exchange(self._bank.closed(), closing)

    def _exclusive_slot_close(self, channels: object = None) -> None:
        closing = self.lists.to_close(channels)
        slots = {relay.slot for relay in closing}
        self.exchange(
            [relay for relay in self._bank.closed() if relay.slot in slots], closing
        )

    def exchange(self, present: Iterable[Relay], closing: Sequence[Relay]) -> None:
        """Close relays and open those of the present ones that are not among them."""
        self.permit(closing)
        kept = set(closing)
        self._bank.exchange([relay for relay in present if relay not in kept], closing)

    def reset_channels(self, channels: object = None) -> None:
        """Open channels and return their attributes to the defaults."""
        relays = self.lists.to_open(channels)
        self._bank.open(relays)
        for relay in relays:
            relay.reset()
        self.lists.forget_patterns(relays)
        self._touched(relays)

    # -- what is closed ----------------------------------------------------------------

    def closed(self) -> list[Relay]:
        """Return the relays that are closed."""
        return self._bank.closed()

    def _get_close(self, channels: object = None) -> str | None:
        relays = unique(self.lists.relays(channels))
        return ";".join(relay.name for relay in relays if relay.closed) or None

    def _get_state(self, channels: object = None, mask: object = None) -> str:
        wanted = _CLOSED_BIT if mask is None else int(number(mask))
        relays = self.lists.relays(channels)
        return ",".join(
            str(_CLOSED_BIT & wanted if relay.closed else 0) for relay in relays
        )

    def _create_specifier(self, *arguments: object) -> str:
        """Return the specifier of slot, row and column, or slot and backplane relay."""
        numbers = [int(number(argument)) for argument in arguments]
        shapes = {2: "{}{}", 3: "{}{}{:02d}"}
        if len(numbers) not in shapes:
            raise refuse("invalid specifier")
        name = shapes[len(numbers)].format(*numbers)
        if name not in self._bank.relays:
            raise refuse("invalid specifier")
        return name

    def _set_rule(self, value: object) -> None:
        self._bank.rule = int(one_of((0, 1, 2))(value))

    def _set_sequential(self, value: object) -> None:
        self._bank.sequential = bool(one_of((0, 1))(value))

    # -- patterns ----------------------------------------------------------------------

    def _pattern_object(self) -> TspObject:
        return TspObject(
            functions={
                "setimage": self._set_image,
                "getimage": self._get_image,
                "snapshot": self._snapshot,
                "delete": self._delete_pattern,
            }
        )

    def _set_image(self, channels: object = None, name: object = None) -> None:
        items = self.lists.items(channels, empty=True)
        relays = [relay for item in items for relay in item.relays]
        self._keep_pattern(as_text(name), relays)

    def _snapshot(self, name: object = None) -> None:
        self._keep_pattern(as_text(name), self._bank.closed())

    def _keep_pattern(self, name: str, relays: Sequence[Relay]) -> None:
        for relay in relays:
            if relay.forbidden:
                raise TspProblem(
                    CONFLICT, f"Settings conflict with forbidden channel {relay.name}"
                )
        replaced = self.lists.patterns.get(name, ())
        self.lists.set_pattern(name, relays)
        self._touched(replaced)

    def _get_image(self, name: object = None) -> str:
        return ",".join(relay.name for relay in self.lists.pattern(name))

    def _delete_pattern(self, name: object = None) -> None:
        image = self.lists.pattern(name)
        del self.lists.patterns[as_text(name)]
        self._touched(image)
