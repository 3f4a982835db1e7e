"""The ``scan`` of the Series 3700A: a list of steps, run at once or in the background.

Each step opens what the step before had closed and closes its own, by the connection
rule, and takes readings if its DMM configuration has a function. Triggers are state
only: nothing waits for one. A background scan goes on, step by step, whenever the
script waits (``delay``, ``waitcomplete``) or asks for its state.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``scan.*``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.keithley_3700.buffer import DmmBuffer
from labneuro.sim_backends.keithley_3700.channels import (
    Kind,
    as_text,
    refuse,
    unique,
    with_buses,
)
from labneuro.sim_backends.keithley_3700.dmm_settings import NO_FUNCTION
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    one_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labneuro.sim_backends.keithley_3700.channels import Item
    from labneuro.sim_backends.keithley_3700.dmm import Dmm
    from labneuro.sim_backends.keithley_3700.relays import Relay
    from labneuro.sim_backends.keithley_3700.switching import Switching

EMPTY, BUILDING, RUNNING, ABORTED, FAILED, FAILED_INIT, SUCCESS = range(7)
_OPEN_ALL, _OPEN_SELECTIVE, _FIXED_ABR = range(3)
_LARGEST_COUNT = 450_000  # chosen
CONSTANTS: dict[str | int, object] = {
    "OFF": 0,
    "ON": 1,
    "EMPTY": EMPTY,
    "BUILDING": BUILDING,
    "RUNNING": RUNNING,
    "ABORTED": ABORTED,
    "FAILED": FAILED,
    "FAILED_INIT": FAILED_INIT,
    "SUCCESS": SUCCESS,
    "MODE_OPEN_ALL": _OPEN_ALL,
    "MODE_OPEN_SELECTIVE": _OPEN_SELECTIVE,
    "MODE_FIXED_ABR": _FIXED_ABR,
}
_SETTINGS = (
    Setting("bypass", 1, one_of((0, 1))),
    Setting("measurecount", 1, whole(1, _LARGEST_COUNT)),
    Setting("mode", _OPEN_ALL, one_of((_OPEN_ALL, _OPEN_SELECTIVE, _FIXED_ABR))),
    Setting("scancount", 1, whole(1, _LARGEST_COUNT)),
)
_TRIGGERS = ("arm", "channel", "measure", "sequence")


class Step(NamedTuple):
    """One step of a scan.

    Attributes
    ----------
    name : str
        As it was added.
    relays : tuple of Relay
        What it closes.
    configuration : str
        DMM configuration, or ``"nofunction"``.
    """

    name: str
    relays: tuple[Relay, ...]
    configuration: str


class Scan:
    """The scan list and the scan that runs.

    Parameters
    ----------
    switching : Switching
        The relays.
    dmm : Dmm
        The multimeter.
    """

    def __init__(self, switching: Switching, dmm: Dmm) -> None:
        self._switching, self._dmm = switching, dmm
        self._settings: dict[str, float] = {}
        self._stimuli: dict[str, float] = {}
        self._steps: list[Step] = []
        self._running: Iterator[None] | None = None
        self._state = EMPTY
        self._passes = self._done = 0
        self._reading: float | None = None

    def lua_object(self) -> TspObject:
        """Return the ``scan`` of the instrument's Lua."""
        target = TspObject(
            getters={"stepcount": lambda: len(self._steps)},
            functions={
                "create": self._create,
                "add": self._add,
                "addimagestep": self._add_image,
                "addwrite": self._add_write,
                "list": self._list,
                "execute": self._execute,
                "background": self._background,
                "nobufferexecute": self._execute,
                "nobufferbackground": self._background,
                "state": self._poll,
                "abort": self.abort,
                "reset": self.reset,
            },
            objects={**CONSTANTS, "trigger": self._trigger()},
        )
        add_settings(target, self._settings, _SETTINGS)
        return target

    def reset(self) -> None:
        """Clear the list and return to the defaults."""
        self.abort()
        self._steps.clear()
        self._state, self._passes, self._done = EMPTY, 0, 0
        self._reading = None
        for setting in _SETTINGS:
            self._settings[setting.name] = float(setting.default)
        self._stimuli.update(dict.fromkeys(_TRIGGERS, 0.0))

    def invalidate(self, relays: Sequence[Relay]) -> None:
        """Drop the scan list if it uses one of these relays."""
        changed = set(relays)
        if any(changed.intersection(step.relays) for step in self._steps):
            self.abort()
            self._steps.clear()
            self._state = EMPTY

    # -- the list ----------------------------------------------------------------------

    def _create(self, channels: object = "", configuration: object = None) -> None:
        self.abort()
        self._steps.clear()
        self._state = EMPTY
        if as_text(channels).strip():
            self._add(channels, configuration)

    def _add(self, channels: object = None, configuration: object = None) -> None:
        self.abort()
        items = self._switching.lists.items(channels)
        chosen = None if configuration is None else as_text(configuration)
        if chosen is not None:
            self._dmm.function_of(chosen)
        for item in items:
            for step in self._steps_of(item, chosen):
                self._switching.permit(step.relays)
                self._steps.append(step)
        self._state = BUILDING if self._steps else EMPTY

    def _steps_of(self, item: Item, configuration: str | None) -> Iterator[Step]:
        if item.kind is Kind.PATTERN:
            own = self._dmm.associated.get(item.name, NO_FUNCTION)
            yield Step(item.name, item.relays, configuration or own)
            return
        for relay in item.relays:
            if relay.backplane and item.kind is not Kind.SLOT:
                raise refuse("invalid channel type in channel list")
            named = item.kind is Kind.RELAY
            if relay.backplane or (relay.forbidden and not named):
                continue
            if configuration not in (None, NO_FUNCTION):
                # A matrix channel takes no DMM configuration.
                raise refuse("invalid channel type in channel list")
            yield Step(relay.name, (relay, *relay.buses), NO_FUNCTION)

    def _add_image(self, channels: object = None, configuration: object = None) -> None:
        self.abort()
        chosen = NO_FUNCTION if configuration is None else as_text(configuration)
        self._dmm.function_of(chosen)
        items = self._switching.lists.items(channels)
        if any(item.kind is Kind.SLOT for item in items):
            raise refuse("slot not allowed in channel list")
        relays = unique(relay for item in items for relay in item.relays)
        self._switching.permit(relays)
        name = ",".join(item.name for item in items)
        self._steps.append(Step(name, tuple(relays), chosen))
        self._state = BUILDING

    def _add_write(self, channels: object = None) -> None:
        """Refuse to write: no card here has channels that can be written."""
        items = self._switching.lists.items(channels)
        if any(with_buses(item) for item in items):
            raise refuse("invalid channel type in channel list")

    def _list(self) -> str:
        if not self._steps:
            return "Empty Scan"
        lines = ["Init) OPEN..."]
        before: tuple[Relay, ...] = ()
        count = int(self._settings["measurecount"])
        for index, step in enumerate(self._steps, start=1):
            opening = [relay.name for relay in before if relay not in step.relays]
            closing = [relay.name for relay in step.relays if relay not in before]
            lines.append(f"{index}) STEP: {step.name}")
            lines += [f"OPEN: {' '.join(opening)}"] if opening else []
            lines += [f"CLOSE: {' '.join(closing)}"] if closing else []
            lines.append(f"MEASURE: {step.configuration} COUNT: {count}")
            before = step.relays
        return "\n".join(lines)

    # -- running -----------------------------------------------------------------------

    def _execute(self, buffer: object = None) -> tuple[object, ...]:
        self._begin(buffer)
        self.finish()
        return self._report()

    def _background(self, buffer: object = None) -> tuple[object, ...]:
        self._begin(buffer)
        return self._report()

    def _poll(self) -> tuple[object, ...]:
        """Say how far the scan is, then let it take its next step."""
        report = self._report()
        self.advance()
        return report

    def _report(self) -> tuple[object, ...]:
        report = (self._state, self._passes, self._done)
        return report if self._reading is None else (*report, self._reading)

    @property
    def running(self) -> bool:
        """Whether a scan runs in the background."""
        return self._running is not None

    def advance(self) -> bool:
        """Let a running scan take its next step; tell whether there was one."""
        if self._running is None:
            return False
        try:
            over = next(self._running, self) is self
        except TspProblem:
            self._running, self._state = None, FAILED
            raise
        if over:
            self._running, self._state = None, SUCCESS
        return not over

    def finish(self) -> None:
        """Let a running scan take all its steps."""
        while self.advance():
            pass

    def abort(self) -> None:
        """Stop a running scan."""
        if self._running is not None:
            self._running = None
            self._state = ABORTED

    def _begin(self, buffer: object) -> None:
        if buffer is not None and not isinstance(buffer, DmmBuffer):
            raise TspProblem(1401, 1)
        if not self._steps:
            raise refuse("scan list is empty")
        self.abort()
        self._passes = self._done = 0
        self._reading, self._state = None, RUNNING
        self._running = self._run(buffer)

    def _run(self, buffer: DmmBuffer | None) -> Iterator[None]:
        """Take the steps of all passes, one each time."""
        self._open_first()
        if buffer is not None:
            buffer.begin(0)
        before: tuple[Relay, ...] = ()
        for number in range(1, int(self._settings["scancount"]) + 1):
            for step in self._steps:
                self._switching.exchange(before, list(step.relays))
                before = step.relays
                self._measure(step, buffer)
                self._passes = number
                self._done += 1
                yield

    def _open_first(self) -> None:
        closed = self._switching.closed()
        if self._settings["mode"] != _OPEN_ALL:
            first = set(self._steps[0].relays)
            used = {relay for step in self._steps for relay in step.relays}
            closed = [relay for relay in closed if relay in used - first]
        self._switching.exchange(closed, [])

    def _measure(self, step: Step, buffer: DmmBuffer | None) -> None:
        if self._dmm.function_of(step.configuration) == NO_FUNCTION:
            return
        self._dmm.recall_configuration(step.configuration)
        for _ in range(int(self._settings["measurecount"])):
            record = self._dmm.measure(count=1, channel=step.name)
            self._reading = record.value
            if buffer is not None:
                buffer.store(record)

    def _trigger(self) -> TspObject:
        """Return the trigger model's stimuli, which are state only."""

        def event(name: str) -> TspObject:
            target = TspObject(
                functions={"clear": lambda: None, "set": lambda: None},
                objects={"EVENT_ID": 100 + _TRIGGERS.index(name)},
            )
            setting = Setting("stimulus", 0, whole(0, 1000))
            values: dict[str, float] = {}
            add_settings(target, values, (setting,))
            return target

        return TspObject(
            functions={"clear": lambda: None},
            objects={name: event(name) for name in _TRIGGERS},
        )
