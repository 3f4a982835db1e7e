"""Setups of the Series 3700A: kept in its memory, or written as a script.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``setup.*`` and
``createconfigscript()``. A setup holds the channels' attributes, the channel patterns
and the multimeter's settings; which relays are closed is not part of it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from labneuro.sim_backends.keithley_3700.channels import as_text, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from labneuro.sim_backends.keithley_3700.dmm import Dmm
    from labneuro.sim_backends.keithley_3700.relays import Relay, RelayBank
    from labneuro.sim_backends.keithley_3700.switching import Switching

_FACTORY, _INTERNAL = "0", "1"
_NO_DRIVE = "setup file does not exist"


class _Channel(NamedTuple):
    label: str
    delay: float
    forbidden: bool
    buses: tuple[str, ...]


class _Saved(NamedTuple):
    """What a setup holds."""

    rule: int
    sequential: bool
    channels: dict[str, _Channel]
    patterns: dict[str, tuple[str, ...]]
    dmm: tuple[Any, Any, Any, int]


class Setup:
    """Saves and recalls what the instrument is set to.

    Parameters
    ----------
    bank : RelayBank
    switching : Switching
    dmm : Dmm
    reset : callable
        Resets the instrument.
    """

    def __init__(
        self,
        bank: RelayBank,
        switching: Switching,
        dmm: Dmm,
        reset: Callable[[], None],
    ) -> None:
        self._bank, self._switching, self._dmm = bank, switching, dmm
        self._reset = reset
        self._saved: _Saved | None = None

    def save(self, file: object = None) -> None:
        """Keep the present setup in the instrument's memory.

        Raises
        ------
        TspProblem
            If a file is named: there is no USB flash drive.
        """
        if file is not None:
            raise refuse(_NO_DRIVE)
        dmm = self._dmm
        held = (dmm.settings, dmm.configurations, dmm.associated, dmm.count)
        self._saved = _Saved(
            self._bank.rule,
            self._bank.sequential,
            {name: _attributes(one) for name, one in self._bank.relays.items()},
            {
                name: _names(image)
                for name, image in self._switching.lists.patterns.items()
            },
            copy.deepcopy(held),
        )

    def recall(self, setup: object = None) -> None:
        """Return to the factory defaults (0) or to what was saved (1)."""
        chosen = as_text(setup)
        if chosen not in (_FACTORY, _INTERNAL):
            raise refuse(_NO_DRIVE)
        if chosen == _INTERNAL and self._saved is None:
            raise refuse("setup does not exist")
        self._reset()
        if chosen == _INTERNAL and self._saved is not None:
            self._restore(self._saved)

    def _restore(self, saved: _Saved) -> None:
        bank, dmm = self._bank, self._dmm
        bank.rule, bank.sequential = saved.rule, saved.sequential
        for name, kept in saved.channels.items():
            relay = bank.relays.get(name)
            if relay is not None:
                relay.label, relay.delay = kept.label, kept.delay
                relay.forbidden = kept.forbidden
                relay.buses = self._found(kept.buses)
        self._switching.lists.patterns.update(
            (name, self._found(image)) for name, image in saved.patterns.items()
        )
        settings, configurations, associated, dmm.count = copy.deepcopy(saved.dmm)
        dmm.settings = settings
        dmm.configurations.update(configurations)
        dmm.associated = associated

    def _found(self, names: Iterable[str]) -> tuple[Relay, ...]:
        relays = self._bank.relays
        return tuple(relays[name] for name in names if name in relays)

    def script(self) -> str:
        """Return a script that brings the present setup back."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield "reset()"
        yield f"channel.connectrule = {self._bank.rule}"
        yield f"channel.connectsequential = {int(self._bank.sequential)}"
        for relay in self._bank.relays.values():
            yield from _channel_lines(relay)
        for name, image in self._switching.lists.patterns.items():
            listed = ",".join(_names(image))
            yield f'channel.pattern.setimage("{listed}", "{name}")'
        # Last: a forbidden channel may not be in a new pattern.
        forbidden = _names(one for one in self._bank.relays.values() if one.forbidden)
        if forbidden:
            yield f'channel.setforbidden("{",".join(forbidden)}")'
        yield f'dmm.func = "{self._dmm.settings.function}"'


def _names(relays: Iterable[Relay]) -> tuple[str, ...]:
    return tuple(relay.name for relay in relays)


def _attributes(relay: Relay) -> _Channel:
    return _Channel(relay.label, relay.delay, relay.forbidden, _names(relay.buses))


def _channel_lines(relay: Relay) -> Iterator[str]:
    if relay.label:
        yield f'channel.setlabel("{relay.name}", "{relay.label}")'
    if relay.delay:
        yield f'channel.setdelay("{relay.name}", {relay.delay!r})'
    if relay.buses:
        buses = ",".join(_names(relay.buses))
        yield f'channel.setbackplane("{relay.name}", "{buses}")'
