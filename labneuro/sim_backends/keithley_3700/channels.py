"""Channel lists: what a string such as ``"1101:1105, 1911; slot3, path_A"`` selects.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, p. 5-11 (lists: comma or semicolon
between items, a range from the lowest to the highest channel), p. 11-47 and 11-80
(errors). Number 1115 is the manual's for every fault of a list; the wordings "no valid
channels in channel list", "invalid channel type in channel list" and "label already
used with channel ..." are from its text, "no multiple specifiers accepted" is from the
log in ESRF's public driver. The error list itself was not found: the other wordings are
chosen after these.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.keithley_3700.cards import SLOTS
from labneuro.sim_backends.tsp.values import TspProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labneuro.sim_backends.keithley_3700.relays import Relay, RelayBank

CONFLICT, PARAMETER_ERROR, TOO_FEW = 1114, 1115, 1400
NO_CHANNELS = "no valid channels in channel list"
WRONG_TYPE = "invalid channel type in channel list"
_INVALID = "invalid specifier in channel list"
_LONGEST_NAME = 19
_PATTERN_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_NOT_IN_LABELS = re.compile(r"[\s,;:]")
_SLOT = re.compile(r"slot(\d)")


class Kind(Enum):
    """What an item of a channel list is."""

    RELAY = "relay"
    RANGE = "range"
    SLOT = "slot"
    PATTERN = "pattern"


class Item(NamedTuple):
    """One item of a channel list.

    Attributes
    ----------
    kind : Kind
        How the relays were named.
    relays : tuple of Relay
        What it selects.
    name : str
        As it was written.
    """

    kind: Kind
    relays: tuple[Relay, ...]
    name: str


def refuse(detail: str) -> TspProblem:
    """Return the error of a parameter that does not fit."""
    return TspProblem(PARAMETER_ERROR, detail)


def as_text(value: object) -> str:
    """Return a parameter as a string, as Lua's library takes it: also from a number."""
    if value is None:
        raise TspProblem(TOO_FEW, 1)
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.14g}"
    raise refuse("string expected")


def unique(relays: Iterable[Relay]) -> list[Relay]:
    """Return relays in their order, each once."""
    return list(dict.fromkeys(relays))


class ChannelLists:
    """Reads channel lists; keeps labels and channel patterns.

    Parameters
    ----------
    bank : RelayBank
        The relays that can be named.

    Attributes
    ----------
    patterns : dict of str to tuple of Relay
        Channel patterns by name.
    """

    def __init__(self, bank: RelayBank) -> None:
        self._bank = bank
        self.patterns: dict[str, tuple[Relay, ...]] = {}

    # -- reading -----------------------------------------------------------------------

    def items(self, value: object, *, empty: bool = False) -> list[Item]:
        """Return the items of a channel list.

        Parameters
        ----------
        value : object
            The script's argument.
        empty : bool
            Whether a blank list is allowed.

        Raises
        ------
        TspProblem
            If something in it does not exist.
        """
        text = as_text(value)
        if not text.strip():
            if empty:
                return []
            raise refuse(NO_CHANNELS)
        return [self._item(part.strip()) for part in re.split("[,;]", text)]

    def relays(self, value: object) -> list[Relay]:
        """Return everything that a list selects, in its order, repeats included."""
        return _some([relay for item in self.items(value) for relay in item.relays])

    def channels(self, value: object) -> list[Relay]:
        """Return the channels of a list in which only channels make sense.

        Backplane relays of a slot are left out; named ones and patterns are refused.
        """
        found: list[Relay] = []
        for item in self.items(value):
            if item.kind is Kind.PATTERN:
                raise refuse(WRONG_TYPE)
            channels = [relay for relay in item.relays if not relay.backplane]
            if not channels and item.kind is not Kind.SLOT:
                raise refuse(WRONG_TYPE)
            found += channels
        return _some(found)

    def to_close(self, value: object, *, empty: bool = False) -> list[Relay]:
        """Return what closing a list closes: also the backplane relays of channels."""
        items = self.items(value, empty=empty)
        if any(item.kind is Kind.SLOT for item in items):
            raise refuse("slot not allowed in channel list")
        found = unique(relay for item in items for relay in with_buses(item))
        return found if empty else _some(found)

    def to_open(self, value: object) -> list[Relay]:
        """Return what opening a list opens: also the backplane relays of channels."""
        items = self.items(value)
        return _some(unique(relay for item in items for relay in with_buses(item)))

    def single(self, value: object) -> Item:
        """Return the only item of a list.

        Raises
        ------
        TspProblem
            If there are more, or a range or slot.
        """
        items = self.items(value)
        if len(items) > 1 or items[0].kind in (Kind.RANGE, Kind.SLOT):
            raise refuse("no multiple specifiers accepted")
        return items[0]

    def _item(self, text: str) -> Item:
        if text == "allslots":
            return Item(Kind.SLOT, tuple(self._bank.relays.values()), text)
        slot = _SLOT.fullmatch(text)
        if slot and int(slot.group(1)) in SLOTS:
            return Item(Kind.SLOT, tuple(self._bank.in_slot(int(slot.group(1)))), text)
        if ":" in text:
            return Item(Kind.RANGE, self._range(text), text)
        if text in self.patterns:
            return Item(Kind.PATTERN, self.patterns[text], text)
        return Item(Kind.RELAY, (self._relay(text),), text)

    def _relay(self, text: str) -> Relay:
        relay = self._bank.relays.get(text) or self._labelled(text)
        if relay is None:
            raise refuse(_INVALID)
        return relay

    def _labelled(self, label: str) -> Relay | None:
        relays = self._bank.relays.values()
        return next((relay for relay in relays if relay.label == label != ""), None)

    def _range(self, text: str) -> tuple[Relay, ...]:
        names = [name.strip() for name in text.split(":")]
        if len(names) != 2:  # noqa: PLR2004  a range has two ends
            raise refuse(_INVALID)
        first, last = (self._relay(name) for name in names)
        if first.backplane is not last.backplane:
            raise refuse(WRONG_TYPE)
        if first.name > last.name:
            raise refuse("invalid range in channel list")
        return tuple(
            relay
            for relay in self._bank.relays.values()
            if relay.backplane is first.backplane
            and first.name <= relay.name <= last.name
        )

    # -- labels and patterns -----------------------------------------------------------

    def set_label(self, relay: Relay, label: str) -> None:
        """Give a channel a label, or take it away with a blank one."""
        if not label.strip():
            relay.label = ""
            return
        if len(label) > _LONGEST_NAME or _NOT_IN_LABELS.search(label):
            raise refuse("invalid label")
        owner = self._labelled(label)
        if owner is not None and owner is not relay:
            raise refuse(f"label already used with channel {owner.name}")
        if label in self.patterns:
            raise refuse("label already used with channel pattern")
        relay.label = label

    def set_pattern(self, name: str, relays: Iterable[Relay]) -> None:
        """Make or replace a channel pattern."""
        if len(name) > _LONGEST_NAME or not _PATTERN_NAME.fullmatch(name):
            raise refuse("invalid channel pattern name")
        owner = self._labelled(name)
        if owner is not None:
            raise refuse(f"label already used with channel {owner.name}")
        self.patterns[name] = tuple(unique(relays))

    def pattern(self, value: object) -> tuple[Relay, ...]:
        """Return the image of a channel pattern."""
        name = as_text(value)
        if name not in self.patterns:
            raise refuse("channel pattern does not exist")
        return self.patterns[name]

    def forget_patterns(self, relays: Iterable[Relay]) -> None:
        """Delete the patterns that hold one of these relays."""
        gone = set(relays)
        self.patterns = {
            name: image
            for name, image in self.patterns.items()
            if gone.isdisjoint(image)
        }


def with_buses(item: Item) -> list[Relay]:
    """Return an item's relays with the backplane relays of its channels.

    The image of a pattern is complete in itself.
    """
    if item.kind is Kind.PATTERN:
        return list(item.relays)
    buses = [bus for relay in item.relays for bus in relay.buses]
    return [*item.relays, *buses]


def _some(relays: list[Relay]) -> list[Relay]:
    if not relays:
        raise refuse(NO_CHANNELS)
    return relays
