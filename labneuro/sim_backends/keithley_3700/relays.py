"""The relays of the Series 3700A's cards: their state, their contacts, their timing.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, ``channel.connectrule``, p. 11-48
(order and time of opening and closing), ``channel.getcount()``, ``channel.setdelay()``.
The 4 ms of the 3730's latching relays are as the public SweepMe device class for the
3706A states them; the card's data sheet, with the path resistance, was not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_3700.cards import (
    BUSES,
    bus_terminal,
    column_terminal,
    row_terminal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Contact
    from labneuro.sim_backends.keithley_3700.cards import Card

SETTLING = 4e-3
"""Time that a relay takes to open or to close, in s."""
PATH_RESISTANCE = 0.5
"""Of a closed relay with its traces, in ohm; chosen, below the 1 ohm usual for such
cards."""
OFF, BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK = 0, 1, 2


class Relay:
    """One relay: a crosspoint of a matrix card or an analog backplane relay.

    Parameters
    ----------
    name : str
        Its channel specifier.
    slot : int
        The slot of its card.
    make_contact : callable, optional
        Puts its contact on the circuit, when it closes for the first time; a pseudocard
        has none.

    Attributes
    ----------
    backplane : bool
        Whether it is an analog backplane relay.
    closed, forbidden : bool
        Whether it is closed, and must not be closed.
    count : int
        How often it has closed; survives a reset.
    delay : float
        Additional time after closing, in s.
    label : str
        Its name given by a user, or empty.
    buses : tuple of Relay
        Backplane relays that move with it.
    """

    def __init__(
        self, name: str, slot: int, make_contact: Callable[[], Contact] | None
    ) -> None:
        self.name, self.slot = name, slot
        self.backplane = name[1] == "9"
        self.closed = self.forbidden = False
        self.count = 0
        self.delay = 0.0
        self.label = ""
        self.buses: tuple[Relay, ...] = ()
        self._make_contact = make_contact
        self._contact: Contact | None = None

    def move(self, *, closed: bool) -> None:
        """Open or close now."""
        if closed is self.closed:
            return
        self.closed = closed
        self.count += closed
        if self._contact is None and self._make_contact is not None:
            self._contact = self._make_contact()
        if self._contact is not None:
            (self._contact.close if closed else self._contact.open)()

    def reset(self) -> None:
        """Return its attributes to the defaults; it stays as it is."""
        self.forbidden, self.delay = False, 0.0
        self.label, self.buses = "", ()


def card_relays(
    card: Card, slot: int, contact: Callable[[str, str], Contact] | None
) -> list[Relay]:
    """Return the relays of a card in a slot: channels, then backplane relays.

    Parameters
    ----------
    card : Card
        The card.
    slot : int
        Its slot.
    contact : callable, optional
        Makes a contact between two terminals; without it the card is a pseudocard.
    """

    def between(first: str, second: str) -> Callable[[], Contact] | None:
        return (lambda: contact(first, second)) if contact is not None else None

    crosspoints = [
        Relay(
            f"{slot}{row}{column:02d}",
            slot,
            between(row_terminal(slot, row), column_terminal(slot, column)),
        )
        for row, column in card.crosspoints()
    ]
    backplane = [
        Relay(
            f"{slot}91{bus}", slot, between(row_terminal(slot, bus), bus_terminal(bus))
        )
        for bus in BUSES
    ]
    return crosspoints + backplane


class RelayBank:
    """All relays of the instrument, and how they move together.

    A contact moves when its settling time begins, so that make-before-break joins both
    paths for a settling time and break-before-make holds both open for one.

    Parameters
    ----------
    clock : Clock
        Bench time.

    Attributes
    ----------
    rule : int
        ``OFF``, ``BREAK_BEFORE_MAKE`` or ``MAKE_BEFORE_BREAK``.
    sequential : bool
        Whether relays close one after the other.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._relays: dict[str, Relay] = {}
        self.rule, self.sequential = BREAK_BEFORE_MAKE, False

    @property
    def relays(self) -> Mapping[str, Relay]:
        """Every relay by its specifier, slot by slot."""
        return self._relays

    def install(self, relays: Iterable[Relay]) -> None:
        """Add the relays of a card."""
        self._relays.update((relay.name, relay) for relay in relays)
        self._relays = dict(
            sorted(self._relays.items(), key=lambda item: _order(item[1]))
        )

    def remove(self, slot: int) -> None:
        """Take the relays of a slot away."""
        self._relays = {
            name: relay for name, relay in self._relays.items() if relay.slot != slot
        }

    def in_slot(self, slot: int) -> list[Relay]:
        """Return the relays of a slot: channels, then backplane relays."""
        return [relay for relay in self._relays.values() if relay.slot == slot]

    def closed(self) -> list[Relay]:
        """Return the relays that are closed."""
        return [relay for relay in self._relays.values() if relay.closed]

    def close(self, relays: Sequence[Relay]) -> None:
        """Close relays, let them settle, and wait for their additional delays."""
        moving = [relay for relay in relays if not relay.closed]
        if self.sequential:
            for relay in moving:
                relay.move(closed=True)
                self._clock.advance(SETTLING + relay.delay)
            return
        self._move(moving, closed=True)
        self._clock.advance(max((relay.delay for relay in relays), default=0.0))

    def open(self, relays: Iterable[Relay]) -> None:
        """Open relays and let them settle."""
        self._move([relay for relay in relays if relay.closed], closed=False)

    def exchange(self, opening: Iterable[Relay], closing: Sequence[Relay]) -> None:
        """Open and close relays in the order of the connection rule."""
        going = [relay for relay in opening if relay.closed]
        if self.rule == MAKE_BEFORE_BREAK:
            self.close(closing)
            self.open(going)
        elif self.rule == BREAK_BEFORE_MAKE:
            self.open(going)
            self.close(closing)
        else:
            still = all(relay.closed for relay in closing)
            self._move(going, closed=False, settling=still)
            self.close(closing)

    def _move(
        self, relays: Collection[Relay], *, closed: bool, settling: bool = True
    ) -> None:
        for relay in relays:
            relay.move(closed=closed)
        if relays and settling:
            self._clock.advance(SETTLING)


def _order(relay: Relay) -> tuple[int, bool, str]:
    return relay.slot, relay.backplane, relay.name
