"""What the Series 3700A keeps for each channel: labels, delays, counts, backplanes.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``channel.get...()`` and
``channel.set...()``; p. 11-56 (backplane relays: a comma within a channel, a semicolon
between channels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_3700.channels import (
    NO_CHANNELS,
    WRONG_TYPE,
    Kind,
    as_text,
    refuse,
)
from labneuro.sim_backends.tsp.values import one_of, within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labneuro.sim_backends.keithley_3700.channels import ChannelLists
    from labneuro.sim_backends.keithley_3700.relays import Relay

_SWITCH, _BACKPLANE = 1, 2  # channel types
_POLES = 2  # the 3730 switches two wires at each crosspoint, and nothing else
_LONGEST_DELAY = 100e3  # s; chosen as that of delay(): the manual gives none
# Functions for digital, totalizer and DAC channels, of which no card here has any.
_OF_OTHER_TYPES = (
    "getmatch",
    "getmatchtype",
    "getmode",
    "getoutputenable",
    "getpowerstate",
    "getstatelatch",
    "read",
    "resetstatelatch",
    "setmatch",
    "setmatchtype",
    "setmode",
    "setoutputenable",
    "setpowerstate",
    "setstatelatch",
    "write",
)


class ChannelAttributes:
    """The attribute functions under ``channel``.

    Parameters
    ----------
    lists : ChannelLists
        Reads channel lists, keeps labels and patterns.
    touched : callable
        Called with relays whose attributes have changed, for the scan list.
    """

    def __init__(
        self, lists: ChannelLists, touched: Callable[[Sequence[Relay]], None]
    ) -> None:
        self._lists, self._touched = lists, touched

    def functions(self) -> dict[str, Callable[..., object]]:
        """Return the functions by name."""
        return {
            "setlabel": self._set_label,
            "getlabel": self._get_label,
            "setdelay": self._set_delay,
            "getdelay": self._get_delay,
            "setforbidden": self._set_forbidden,
            "clearforbidden": self._clear_forbidden,
            "getforbidden": self._get_forbidden,
            "setbackplane": self._set_backplane,
            "getbackplane": self._get_backplane,
            "setpole": self._set_pole,
            "getpole": self._get_pole,
            "getcount": self._get_count,
            "gettype": self._get_type,
            "getimage": self._get_image,
            **dict.fromkeys(_OF_OTHER_TYPES, self._refuse_type),
        }

    # -- labels ------------------------------------------------------------------------

    def _set_label(self, channel: object = None, label: object = None) -> None:
        item = self._lists.single(channel)
        if item.kind is Kind.PATTERN:
            raise refuse(WRONG_TYPE)
        self._lists.set_label(item.relays[0], as_text(label))

    def _get_label(self, channels: object = None) -> str:
        relays = self._lists.relays(channels)
        return ",".join(relay.label or relay.name for relay in relays)

    # -- delays ------------------------------------------------------------------------

    def _set_delay(self, channels: object = None, delay: object = None) -> None:
        relays = self._lists.channels(channels)
        duration = within(0.0, _LONGEST_DELAY)(delay)
        for relay in relays:
            relay.delay = duration

    def _get_delay(self, channels: object = None) -> str:
        relays = self._lists.channels(channels)
        return ",".join(f"{relay.delay:.3e}" for relay in relays)

    # -- what must stay open -----------------------------------------------------------

    def _set_forbidden(self, channels: object = None) -> None:
        relays = self._lists.relays(channels)
        for relay in relays:
            relay.forbidden = True
        self._lists.forget_patterns(relays)
        self._touched(relays)

    def _clear_forbidden(self, channels: object = None) -> None:
        for relay in self._lists.relays(channels):
            relay.forbidden = False

    def _get_forbidden(self, channels: object = None) -> str | None:
        relays = self._lists.relays(channels)
        return ",".join(relay.name for relay in relays if relay.forbidden) or None

    # -- backplane relays and poles ----------------------------------------------------

    def _set_backplane(self, channels: object = None, buses: object = None) -> None:
        relays = self._lists.channels(channels)
        items = self._lists.items(buses, empty=True)
        chosen = tuple(relay for item in items for relay in item.relays)
        if not all(relay.backplane for relay in chosen):
            raise refuse(WRONG_TYPE)
        for relay in relays:
            relay.buses = chosen
        self._touched(relays)

    def _get_backplane(self, channels: object = None) -> str | None:
        relays = self._lists.channels(channels)
        if not any(relay.buses for relay in relays):
            return None
        return ";".join(",".join(bus.name for bus in relay.buses) for relay in relays)

    def _set_pole(self, channels: object = None, poles: object = None) -> None:
        relays = self._lists.channels(channels)
        if one_of((1, 2, 4))(poles) != _POLES:
            raise refuse("pole setting not supported by card")
        for relay in relays:
            relay.buses = ()
        self._touched(relays)

    def _get_pole(self, channels: object = None) -> str:
        return ",".join(str(_POLES) for _ in self._lists.channels(channels))

    # -- facts -------------------------------------------------------------------------

    def _get_count(self, channels: object = None) -> str:
        return ",".join(str(relay.count) for relay in self._lists.relays(channels))

    def _get_type(self, channels: object = None) -> str:
        relays = self._lists.relays(channels)
        return ",".join(
            str(_BACKPLANE if relay.backplane else _SWITCH) for relay in relays
        )

    def _get_image(self, channels: object = None) -> str:
        items = self._lists.items(channels)
        if any(item.kind is Kind.PATTERN for item in items):
            raise refuse(WRONG_TYPE)
        relays = [relay for item in items for relay in item.relays]
        return ";".join(
            ",".join(one.name for one in (relay, *relay.buses)) for relay in relays
        )

    def _refuse_type(self, channels: object = None) -> None:
        """Refuse what only digital, totalizer and DAC channels have."""
        named = any(
            item.kind in (Kind.RELAY, Kind.PATTERN)
            for item in self._lists.items(channels)
        )
        raise refuse(WRONG_TYPE if named else NO_CHANNELS)
