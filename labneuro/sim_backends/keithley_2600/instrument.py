"""The Keithley 2636B and 2612A System SourceMeters.

Two source-measure units and fourteen digital lines behind a TSP script processor. Both
LO terminals are on the bench's common ground. The readings carry noise but no
calibration error.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F (August 2021).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from labneuro.sim_backends.keithley_2600.channel import Channel
from labneuro.sim_backends.keithley_2600.datasheet import SHEETS, TIMING
from labneuro.sim_backends.keithley_2600.digital import LINES
from labneuro.sim_backends.keithley_2600.factory import PulseTests
from labneuro.sim_backends.keithley_2600.noise import NoiseStream
from labneuro.sim_backends.keithley_2600.status import ChannelStatus, status_layout
from labneuro.sim_backends.keithley_2600.triggering import (
    TriggeredInstrument,
    Triggering,
)
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    one_of,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet

_LINE_NAMES = tuple(f"digio{line}" for line in range(1, LINES + 1))
_INTERLOCK_BIT = 1 << 11


_NODE_SETTINGS = (
    Setting("autolinefreq", 1, whole(0, 1)),
    Setting("description", "", text),
    Setting("password", "", text),
    Setting("passwordmode", 0, whole(0, 3)),
)


class Keithley2600(TriggeredInstrument):
    """What the simulated models of the series have in common.

    Parameters
    ----------
    name : str
        Name on the bench.
    surroundings : Surroundings
        What it shares with the bench.

    Attributes
    ----------
    channels : dict of str to Channel
        ``smua`` and ``smub``.
    digital : DigitalPort
    sheet : ModelSheet
        The model's data sheet.
    """

    sheet: ClassVar[ModelSheet]
    trigger_outputs: ClassVar[tuple[str, ...]] = _LINE_NAMES
    trigger_inputs: ClassVar[tuple[str, ...]] = _LINE_NAMES
    timing = TIMING
    factory_scripts = ("keithley_2600/panel.lua", "keithley_2600/factory.lua")

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self._interlock_open = False
        self._timer_start = surroundings.clock.now
        super().__init__(name, surroundings)

    # -- what a TSP instrument asks for ------------------------------------------------

    def tsp_globals(self) -> dict[str, object]:
        """Return the instrument's own Lua globals: objects by name."""
        senders = [partial(self.send_trigger, line) for line in _LINE_NAMES]
        self.triggering = Triggering(self, senders)
        self.digital = self.triggering.digital
        noise = NoiseStream(self.generator, enabled=self.noise)
        self.channels = {
            name: Channel(
                self.sheet,
                self.drives[name],
                self.circuit,
                noise,
                self.line_frequency,
                lambda: not self._interlock_open,
                ChannelStatus(self.status, name, index),
                self.runtime.build,
                self.triggering,
            )
            for index, name in enumerate(self.sheet.channels, start=1)
        }
        self._pulse_tests = PulseTests(self.clock, self.digital)
        return {
            **{name: channel.lua for name, channel in self.channels.items()},
            "digio": self.digital.lua_object(),
            "trigger": self.triggering.objects.lua_object(),
            "status": self.triggering.watched_status(self.status.lua_object()),
            "timer": self._timer(),
            "localnode": self._local_node(),
        }

    def factory_functions(self) -> dict[str, Callable[..., object]]:
        """Return what the factory scripts call: pulse trains."""
        return {
            "configure_pulses": self._pulse_tests.configure,
            "run_pulses": self._pulse_tests.run,
        }

    def reset(self) -> None:
        """Return to the default settings (``reset()``, ``*RST``)."""
        for channel in self.channels.values():
            channel.reset()
        self.triggering.reset()
        self.number_format.reset()

    def trigger_in(self, line: str) -> None:
        """Take an edge on a digital line."""
        self.digital.triggers[_LINE_NAMES.index(line)].take()

    @property
    def interlock_open(self) -> bool:
        """Whether the interlock is open: then the 200 V range is blocked.

        When it opens, an output that is on there is turned off, with error 802.
        """
        return self._interlock_open

    @interlock_open.setter
    def interlock_open(self, state: bool) -> None:
        if state == self._interlock_open:
            return
        self._interlock_open = state
        self.status.registers["measurement"].set_bit(_INTERLOCK_BIT, on=state)
        for channel in self.channels.values() if state else ():
            try:
                channel.source.interlock_opened()
            except TspProblem as problem:
                self.errors.add(problem.code)

    # -- further objects ---------------------------------------------------------------

    def _timer(self) -> TspObject:
        measure = TspObject(functions={"t": lambda: self.clock.now - self._timer_start})
        return TspObject(
            functions={"reset": self._reset_timer}, objects={"measure": measure}
        )

    def _reset_timer(self) -> None:
        self._timer_start = self.clock.now

    def _local_node(self) -> TspObject:
        values: dict[str, float | str] = {}
        node = TspObject(
            getters={
                "model": lambda: self.sheet.model,
                "serialno": lambda: self.sheet.serial,
                "revision": lambda: self.sheet.firmware,
                "linefreq": lambda: self.line_frequency,
                "license": lambda: "",
            },
            setters={
                "linefreq": self._set_line_frequency,
            },
            functions={"reset": self.reset},
        )
        self.add_prompt_settings(node)
        add_settings(node, values, _NODE_SETTINGS)
        # The password can be set only.
        del node.getters["password"]
        return node

    def _set_line_frequency(self, value: object) -> None:
        frequency = one_of((50, 60))(value)
        self.line_frequency = frequency
        for channel in self.channels.values():
            channel.meter.set_line_frequency(frequency)


class Keithley2636B(Keithley2600):
    """A simulated Keithley 2636B."""

    sheet = SHEETS["2636B"]
    terminals = sheet.channels
    identity = sheet.identity
    status_layout = status_layout(sheet.channels)


class Keithley2612A(Keithley2600):
    """A simulated Keithley 2612A: ranges from 100 nA, no automatic measure delay."""

    sheet = SHEETS["2612A"]
    terminals = sheet.channels
    identity = sheet.identity
    status_layout = status_layout(sheet.channels)
