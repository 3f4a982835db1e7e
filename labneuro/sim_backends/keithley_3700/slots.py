"""The ``slot`` objects of the Series 3700A: what is plugged in where.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``slot[X].*``. The
states of the interlock are as QCoDeS's public driver lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_3700.cards import CARDS, SLOTS, Card
from labneuro.sim_backends.keithley_3700.relays import card_relays
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import TspProblem, number, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labneuro.sim_backends.drives import Contact
    from labneuro.sim_backends.keithley_3700.relays import Relay, RelayBank

_EMPTY_SLOT = "Empty Slot"
_SERIAL = 4447330  # of the card in slot 0, if there were one
_CONFLICT = -221
_DISENGAGED, _ENGAGED = 0, 1


class Slot:
    """One slot.

    Attributes
    ----------
    number : int
        From 1.
    card : Card or None
        What it holds.
    pseudo : bool
        Whether its card is only pretended.
    override : bool
        Whether interlock errors are suppressed.
    """

    def __init__(self, number: int, card: Card | None) -> None:
        self.number, self.card = number, card
        self.pseudo = self.override = False

    @property
    def identity(self) -> str:
        """What ``slot[X].idn`` answers."""
        card = self.card
        if card is None:
            return _EMPTY_SLOT
        if self.pseudo:
            return f"Pseudo,{card.model},{card.description},???,???"
        serial = _SERIAL + self.number
        return f"{card.model},{card.description},{card.firmware},{serial}"


class Slots:
    """All slots, with their relays.

    Parameters
    ----------
    cards : mapping of int to Card
        The cards by slot.
    bank : RelayBank
        Where their relays go.
    contact : callable
        Makes a relay contact between two terminals.
    removed : callable
        Called with the relays of a pseudocard that is taken away.

    Attributes
    ----------
    engaged : bool
        Whether the interlock of the cards is engaged.
    """

    def __init__(
        self,
        cards: Mapping[int, Card],
        bank: RelayBank,
        contact: Callable[[str, str], Contact],
        removed: Callable[[Sequence[Relay]], None],
    ) -> None:
        self._bank, self._removed = bank, removed
        self.engaged = True
        self._slots = [Slot(slot, cards.get(slot)) for slot in SLOTS]
        for slot, card in cards.items():
            bank.install(card_relays(card, slot, contact))

    def permits_backplane(self, slot: int) -> bool:
        """Whether the interlock lets a slot's analog backplane relays close."""
        return self.engaged or self._slots[slot - 1].override

    @property
    def models(self) -> str:
        """The card models of all slots, 0 for none (``setup.cards()``)."""
        return ",".join(slot.card.model if slot.card else "0" for slot in self._slots)

    def lua_object(self) -> TspObject:
        """Return the ``slot`` of the instrument's Lua."""
        objects: dict[str | int, object] = {
            slot.number: self._slot_object(slot) for slot in self._slots
        }
        return TspObject(objects={**objects, "PSEUDO_NONE": 0})

    def _slot_object(self, slot: Slot) -> TspObject:
        def of_card(read: Callable[[Card], object]) -> Callable[[], object]:
            return lambda: read(slot.card) if slot.card is not None else None

        nothing: Callable[[], object] = lambda: None  # noqa: E731  one for many names
        return TspObject(
            getters={
                "idn": lambda: slot.identity,
                "matrix": of_card(lambda _card: 1),
                "maxvoltage": of_card(lambda card: card.most_voltage),
                "pseudocard": lambda: self._pseudocard(slot),
                **dict.fromkeys(
                    (
                        "commonsideohms",
                        "digio",
                        "isolated",
                        "multiplexer",
                        "tempsensor",
                        "totalizer",
                        "dac",
                    ),
                    nothing,
                ),
            },
            setters={"pseudocard": lambda value: self._set_pseudocard(slot, value)},
            objects={
                "banks": TspObject(getters={"matrix": of_card(lambda _card: 1)}),
                "rows": TspObject(getters={"matrix": of_card(lambda card: card.rows)}),
                "columns": TspObject(
                    getters={"matrix": of_card(lambda card: card.columns)}
                ),
                "poles": TspObject(
                    getters={
                        "one": nothing,
                        "two": of_card(lambda _card: 1),
                        "four": nothing,
                    }
                ),
                "interlock": self._interlock_object(slot),
                "thermal": TspObject(getters={"state": nothing}),
                "startchannel": TspObject(),
                "endchannel": TspObject(),
            },
        )

    def _interlock_object(self, slot: Slot) -> TspObject:
        def set_override(value: object) -> None:
            slot.override = bool(one_of((0, 1))(value))

        return TspObject(
            getters={
                "state": lambda: self._interlock_state(slot),
                "override": lambda: int(slot.override),
            },
            setters={"override": set_override},
            objects={"OFF": 0, "ON": 1},
        )

    def _interlock_state(self, slot: Slot) -> int | None:
        if slot.card is None or slot.pseudo:
            return None
        return _ENGAGED if self.engaged else _DISENGAGED

    @staticmethod
    def _pseudocard(slot: Slot) -> int | None:
        if slot.card is None:
            return 0
        return int(slot.card.model) if slot.pseudo else None

    def _set_pseudocard(self, slot: Slot, value: object) -> None:
        model = int(number(value))
        if slot.card is not None and not (slot.pseudo and model == 0):
            raise TspProblem(_CONFLICT)
        if model == 0:
            self._removed(self._bank.in_slot(slot.number))
            self._bank.remove(slot.number)
            slot.card, slot.pseudo = None, False
            return
        card = CARDS.get(str(model))
        if card is None:
            raise TspProblem(-224)
        slot.card, slot.pseudo = card, True
        self._bank.install(card_relays(card, slot.number, None))
