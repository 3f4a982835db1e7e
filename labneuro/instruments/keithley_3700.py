"""Driver of the Keithley 3706A System Switch/Multimeter (Series 3700A).

References
----------
Series 3700A Reference Manual, 3700AS-901-01 Rev. D (2018), section 11; channel lists
p. 5-11.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labneuro.errors import InstrumentError
from labneuro.instruments.base import VisaInstrument

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "allslots"
"""Every channel and analog backplane relay, where a function takes whole slots."""

OVERFLOW = 9.9e37
"""Readings from here on are an overflow (manual, ``dmm.measure``)."""

_SWITCH = {True: 1, False: 0}
# Channels, ranges, slots, labels and channel patterns; none of them holds a quote.
_SPECIFIER = re.compile(r"[A-Za-z0-9_]+(:[A-Za-z0-9_]+)?")
_LONGEST_LABEL = 19
_LONGEST_DELAY = 100e3
_NOTHING = "nil"
_FUNCTIONS = (
    "dcvolts",
    "acvolts",
    "dccurrent",
    "accurrent",
    "twowireohms",
    "fourwireohms",
    "frequency",
    "period",
    "continuity",
    "temperature",
    "nofunction",
)


def channel_list(channels: str | Iterable[str]) -> str:
    """Return channels as the instrument takes them: joined by commas.

    Parameters
    ----------
    channels : str or iterable of str
        Specifiers (``"1304"``, ``"1911"``), ranges (``"1101:1105"``), slots, labels and
        patterns; a string may hold several, separated by commas or semicolons.

    Raises
    ------
    ValueError
        If one of them cannot be any of these.

    Examples
    --------
    >>> channel_list(["1101", "1203:1205"])
    '1101,1203:1205'
    """
    if isinstance(channels, str):
        channels = re.split("[,;]", channels) if channels.strip() else []
    items = [item.strip() for item in channels]
    for item in items:
        if not _SPECIFIER.fullmatch(item):
            raise ValueError(f"{item!r} is no channel, range, slot, label or pattern")
    return ",".join(items)


def _parse_error(reply: str) -> tuple[int, str]:
    """Split what ``errorqueue.next()`` prints into code and message."""
    code, _, rest = reply.partition("\t")
    try:
        return int(float(code)), rest.partition("\t")[0]
    except ValueError as error:
        raise InstrumentError(
            f"{reply!r} is no answer to print(errorqueue.next())"
        ) from error


def _overflow_to_nan(value: float) -> float:
    return math.nan if abs(value) >= OVERFLOW else value


class Keithley3700(VisaInstrument):
    """A Keithley 3706A System Switch/Multimeter, programmed in TSP.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.
    """

    safe_messages = ("abort", "scan.abort()", "channel.open('allslots')")

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str = "Keithley 3706A",
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        super().__init__(adapter, name, **connection)

    next_error = Instrument.measurement(
        "print(errorqueue.next())",
        """Get the oldest error as code and message and take it from the queue; code 0
        means that the queue is empty.""",
        cast=str,
        maxsplit=0,
        get_process=_parse_error,
    )

    connect_rule = Instrument.control(
        "print(channel.connectrule)",
        "channel.connectrule = %d",
        """Control in which order an exclusive close moves relays:
        ``"break_before_make"``, ``"make_before_break"`` or ``"off"``.""",
        validator=strict_discrete_set,
        values={"off": 0, "break_before_make": 1, "make_before_break": 2},
        map_values=True,
    )

    connect_sequential = Instrument.control(
        "print(channel.connectsequential)",
        "channel.connectsequential = %d",
        """Control whether relays close one after the other.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    dmm_function = Instrument.control(
        "print(dmm.func)",
        'dmm.func = "%s"',
        """Control what the multimeter measures, such as ``"dcvolts"`` or
        ``"twowireohms"``.""",
        validator=strict_discrete_set,
        values=_FUNCTIONS,
        cast=str,
    )

    dmm_range = Instrument.control(
        "print(dmm.range)",
        "dmm.range = %.10g",
        """Control the multimeter's range by the largest value in V, A or ohm, 0 to
        120e6; it then no longer chooses the range itself.""",
        validator=strict_range,
        values=(0.0, 120e6),
    )

    dmm_autorange = Instrument.control(
        "print(dmm.autorange)",
        "dmm.autorange = %d",
        """Control whether the multimeter chooses its range.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    dmm_power_line_cycles = Instrument.control(
        "print(dmm.nplc)",
        "dmm.nplc = %.10g",
        """Control the integration time in power-line cycles, 0.0005 to 15.""",
        validator=strict_range,
        values=(0.0005, 15.0),
    )

    dmm_reading = Instrument.measurement(
        "print(dmm.measure())",
        """Measure with the multimeter's present function, in V, A, ohm, Hz or s; NaN
        where the range overflowed.""",
        get_process=_overflow_to_nan,
    )

    def reset(self) -> None:
        """Open all relays and bring all settings to their defaults."""
        self.write("reset()")

    def clear_errors(self) -> None:
        """Empty the error queue."""
        self.write("errorqueue.clear()")

    def card(self, slot: int) -> str:
        """Return model, description, firmware and serial number of a slot's card.

        Parameters
        ----------
        slot : int
            1 to 6.
        """
        strict_discrete_set(slot, range(1, 7))
        return self.ask(f"print(slot[{slot:d}].idn)").strip()

    # -- relays ------------------------------------------------------------------------

    def close(self, channels: str | Iterable[str]) -> None:
        """Close channels besides those that are closed."""
        self._call("close", channels)

    def open(self, channels: str | Iterable[str] = ALL) -> None:
        """Open channels, by default all."""
        self._call("open", channels)

    def exclusive_close(self, channels: str | Iterable[str]) -> None:
        """Close channels and open all others; without any, open all."""
        self._call("exclusiveclose", channels)

    def exclusive_slot_close(self, channels: str | Iterable[str]) -> None:
        """Close channels and open all others in their slots."""
        self._call("exclusiveslotclose", channels)

    def reset_channels(self, channels: str | Iterable[str] = ALL) -> None:
        """Open channels and bring their settings to the defaults."""
        self._call("reset", channels)

    def closed_channels(self, channels: str | Iterable[str] = ALL) -> tuple[str, ...]:
        """Return those of the channels that are closed."""
        return self._listed("getclose", channels, ";")

    def states(self, channels: str | Iterable[str]) -> tuple[bool, ...]:
        """Return whether each channel is closed."""
        return tuple(word == "1" for word in self._listed("getstate", channels))

    def relay_counts(self, channels: str | Iterable[str]) -> tuple[int, ...]:
        """Return how often each channel's relay has closed."""
        return tuple(int(word) for word in self._listed("getcount", channels))

    # -- what is kept for channels -----------------------------------------------------

    def set_label(self, channel: str, label: str) -> None:
        """Give a channel a label of at most 19 characters; an empty one takes it away.

        Raises
        ------
        ValueError
            If the label is too long or holds other than letters, digits and ``_``.
        """
        if len(label) > _LONGEST_LABEL or not re.fullmatch(r"\w*", label, re.ASCII):
            raise ValueError(f"{label!r} is no label of at most 19 letters and digits")
        self._call("setlabel", channel, f'"{label}"')

    def labels(self, channels: str | Iterable[str]) -> tuple[str, ...]:
        """Return the label of each channel; without one, its number."""
        return self._listed("getlabel", channels)

    def set_delay(self, channels: str | Iterable[str], delay: float) -> None:
        """Wait longer after these channels have closed, by `delay` s."""
        strict_range(delay, (0.0, _LONGEST_DELAY))
        self._call("setdelay", channels, f"{delay:.10g}")

    def delays(self, channels: str | Iterable[str]) -> tuple[float, ...]:
        """Return the additional delay of each channel in s."""
        return tuple(float(word) for word in self._listed("getdelay", channels))

    def forbid(self, channels: str | Iterable[str]) -> None:
        """Let the instrument refuse to close these channels."""
        self._call("setforbidden", channels)

    def permit(self, channels: str | Iterable[str] = ALL) -> None:
        """Allow these channels to be closed, by default all."""
        self._call("clearforbidden", channels)

    def forbidden_channels(
        self, channels: str | Iterable[str] = ALL
    ) -> tuple[str, ...]:
        """Return those of the channels that must not be closed."""
        return self._listed("getforbidden", channels)

    def store_pattern(self, name: str, channels: str | Iterable[str]) -> None:
        """Give a set of channels a name by which they are closed together.

        Raises
        ------
        ValueError
            If the name does not begin with a letter, is longer than 19 characters or
            holds other than letters, digits and ``_``.
        """
        if len(name) > _LONGEST_LABEL or not re.fullmatch(r"[A-Za-z]\w*", name, re.A):
            raise ValueError(f"{name!r} is no name of a channel pattern")
        self._call("pattern.setimage", channels, f'"{name}"')

    def pattern(self, name: str) -> tuple[str, ...]:
        """Return the channels of a pattern."""
        return self._listed("pattern.getimage", name)

    def _call(
        self, function: str, channels: str | Iterable[str], *arguments: str
    ) -> None:
        listed = ", ".join((f'"{channel_list(channels)}"', *arguments))
        self.write(f"channel.{function}({listed})")

    def _listed(
        self, function: str, channels: str | Iterable[str], separator: str = ","
    ) -> tuple[str, ...]:
        reply = self.ask(f'print(channel.{function}("{channel_list(channels)}"))')
        text = reply.strip()
        return () if text in ("", _NOTHING) else tuple(text.split(separator))
