"""What a sweep of one channel is to do: levels, readings, actions and counts.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Remote trigger model" and
``smuX.trigger.*``, p. 9-254 to 9-277.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.buffer import as_buffer
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.tsp.runtime import TspObject, is_lua_table
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    number,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer
    from labneuro.sim_backends.keithley_2600.source import Source

IDLE, HOLD = 0, 1
LIMIT_AUTO = -1.0
DISABLED, ENABLED, ASYNCHRONOUS = 0, 1, 2
_NO_SOURCE, _NO_MEASURE = 5059, 5060
_MOST_POINTS = 1_000_000


class SweepPlan:
    """The set-up of one channel's sweeps.

    Parameters
    ----------
    source : Source
        The channel's source.

    Attributes
    ----------
    settings : dict of str to float
        ``"count"``, ``"arm.count"``, ``"source.action"`` and so on.
    function : int
        What is swept: ``VOLTS`` or ``AMPS``.
    levels : list of float
        In V or A.
    letters : str
        What is measured.
    targets : tuple of ReadingBuffer
        Where the readings go, in the order of `letters`.
    lua : TspObject
        The attributes, for the channel's ``trigger``.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.settings: dict[str, float] = {}
        self.lua = self._lua_table()
        self._defaults = dict(self.settings)
        self.reset()

    def reset(self) -> None:
        """Return to the defaults."""
        self.settings.update(self._defaults)
        self.function = VOLTS
        self.levels: list[float] = []
        self.letters = ""
        self.targets: tuple[ReadingBuffer, ...] = ()

    def check(self) -> None:
        """Refuse actions that are enabled without being configured."""
        if self.settings["source.action"] and not self.levels:
            raise TspProblem(_NO_SOURCE)
        if self.settings["measure.action"] and not self.letters:
            raise TspProblem(_NO_MEASURE)

    @property
    def endless(self) -> bool:
        """Whether a count of 0 lets the sweep go on for ever."""
        return not (self.settings["count"] and self.settings["arm.count"])

    # -- attributes --------------------------------------------------------------------

    def _sweep_linear(self, function: int) -> Callable[..., None]:
        def configure(first: Any = None, last: Any = None, points: Any = None) -> None:  # noqa: ANN401  as Lua calls it
            start, stop, count = number(first), number(last), _points(points)
            step = (stop - start) / max(count - 1, 1)
            self._set_levels(function, [start + step * k for k in range(count)])

        return configure

    def _sweep_log(self, function: int) -> Callable[..., None]:
        def configure(
            first: Any = None,  # noqa: ANN401  as Lua calls it
            last: Any = None,  # noqa: ANN401
            points: Any = None,  # noqa: ANN401
            asymptote: Any = 0.0,  # noqa: ANN401
        ) -> None:
            offset = number(asymptote)
            start, stop = number(first) - offset, number(last) - offset
            count = _points(points)
            if start * stop <= 0.0:
                raise TspProblem(1401, 1)
            ratio = (stop / start) ** (1.0 / max(count - 1, 1))
            levels = [offset + start * ratio**k for k in range(count)]
            self._set_levels(function, levels)

        return configure

    def _sweep_list(self, function: int) -> Callable[..., None]:
        def configure(levels: Any = None) -> None:  # noqa: ANN401  a Lua table
            if not is_lua_table(levels):
                raise TspProblem(1401, 1)
            values = [number(levels[k]) for k in range(1, len(levels) + 1)]
            self._set_levels(function, values)

        return configure

    def _set_levels(self, function: int, levels: list[float]) -> None:
        top = self._source.ranges[function].largest * datasheet.OVER_SOURCE
        check = within(-top, top)
        for level in levels:
            check(level)
        self.function, self.levels = function, levels

    def _measures(self, letters: str) -> Callable[..., None]:
        def configure(first: Any = None, second: Any = None) -> None:  # noqa: ANN401  as Lua calls it
            targets = (first, second)[: len(letters)]
            self.targets = tuple(
                as_buffer(target, position)
                for position, target in enumerate(targets, start=1)
                if target is not None
            )
            self.letters = letters

        return configure

    def _lua_table(self) -> TspObject:
        table = TspObject()
        add_settings(table, self.settings, _OWN_SETTINGS)
        for name, settings in _PART_SETTINGS.items():
            part = TspObject()
            add_settings(part, self.settings, settings, f"{name}.")
            table.objects[name] = part
            if name == "source":
                self._add_sweeps(part)
            if name == "measure":
                for letters in ("i", "v", "r", "p", "iv"):
                    part.functions[letters] = self._measures(letters)
        return table

    def _add_sweeps(self, part: TspObject) -> None:
        for function, letter in ((AMPS, "i"), (VOLTS, "v")):
            part.functions[f"linear{letter}"] = self._sweep_linear(function)
            part.functions[f"log{letter}"] = self._sweep_log(function)
            part.functions[f"list{letter}"] = self._sweep_list(function)


def _points(value: object) -> int:
    return int(whole(1, _MOST_POINTS)(value))


_OWN_SETTINGS = (
    Setting("count", 1, whole(0, _MOST_POINTS)),
    Setting("autoclear", 0, whole(0, 1)),
)
_PART_SETTINGS = {
    "arm": (Setting("count", 1, whole(0, _MOST_POINTS)),),
    "source": (
        Setting("action", DISABLED, whole(DISABLED, ENABLED)),
        Setting("limiti", LIMIT_AUTO, within(LIMIT_AUTO, 10.0)),
        Setting("limitv", LIMIT_AUTO, within(LIMIT_AUTO, 200.0)),
    ),
    "measure": (Setting("action", DISABLED, whole(DISABLED, ASYNCHRONOUS)),),
    "endpulse": (Setting("action", HOLD, whole(IDLE, HOLD)),),
    "endsweep": (Setting("action", IDLE, whole(IDLE, HOLD)),),
}
