"""The Keithley 2636B System SourceMeter.

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
from labneuro.sim_backends.keithley_2600.digital import LINES, DigitalPort
from labneuro.sim_backends.keithley_2600.factory import PulseTests
from labneuro.sim_backends.keithley_2600.noise import NoiseStream
from labneuro.sim_backends.keithley_2600.status import ChannelStatus, status_layout
from labneuro.sim_backends.tsp.instrument import TspInstrument
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    add_settings,
    one_of,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet

_SERIAL, _FIRMWARE = "4000001", "3.4.2"
_LINE_NAMES = tuple(f"digio{line}" for line in range(1, LINES + 1))
_INTERLOCK_BIT = 1 << 11


_NODE_SETTINGS = (
    Setting("showerrors", 0, whole(0, 1)),
    Setting("prompts4882", 1, whole(0, 1)),
    Setting("autolinefreq", 1, whole(0, 1)),
    Setting("description", "", text),
    Setting("password", "", text),
    Setting("passwordmode", 0, whole(0, 3)),
)


class Keithley2636B(TspInstrument):
    """A simulated Keithley 2636B.

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
    interlock : bool
        Whether the interlock is engaged; without it the 200 V range is blocked.
    """

    sheet: ClassVar[ModelSheet] = SHEETS["2636B"]
    terminals: ClassVar[tuple[str, ...]] = sheet.channels
    trigger_outputs: ClassVar[tuple[str, ...]] = _LINE_NAMES
    trigger_inputs: ClassVar[tuple[str, ...]] = _LINE_NAMES
    identity = f"Keithley Instruments Inc., Model {sheet.model}, {_SERIAL}, {_FIRMWARE}"
    status_layout = status_layout(sheet.channels)
    timing = TIMING
    factory_scripts = ("keithley_2600/panel.lua", "keithley_2600/factory.lua")

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self.interlock = True
        self._timer_start = surroundings.clock.now
        super().__init__(name, surroundings)

    # -- what a TSP instrument asks for ------------------------------------------------

    def tsp_globals(self) -> dict[str, object]:
        """Return the instrument's own Lua globals: objects by name."""
        noise = NoiseStream(self.generator, enabled=self.noise)
        self.channels = {
            name: Channel(
                self.sheet,
                self.drives[name],
                self.circuit,
                noise,
                self.line_frequency,
                lambda: self.interlock,
                ChannelStatus(self.status, name, index),
                self.runtime.build,
            )
            for index, name in enumerate(self.sheet.channels, start=1)
        }
        self.digital = DigitalPort(
            self.clock,
            [partial(self.send_trigger, line) for line in _LINE_NAMES],
            self.delay,
        )
        self._pulse_tests = PulseTests(self.clock, self.digital)
        return {
            **{name: channel.lua for name, channel in self.channels.items()},
            "digio": self.digital.lua_object(),
            "timer": self._timer(),
            "localnode": self._local_node(),
        }

    def factory_functions(self) -> dict[str, Callable[..., object]]:
        """Return what the factory scripts call: pulse trains and trigger waits."""
        return {
            "configure_pulses": self._pulse_tests.configure,
            "run_pulses": self._pulse_tests.run,
            "wait_command_trigger": self._wait_command_trigger,
            "clear_command_trigger": self._clear_command_trigger,
        }

    def reset(self) -> None:
        """Return to the default settings (``reset()``, ``*RST``)."""
        for channel in self.channels.values():
            channel.reset()
        self.digital.reset()
        self.number_format.reset()
        self.prompts = False

    def command_trigger(self) -> None:
        """Take a trigger from the command interface (``*TRG``, GET)."""
        self._triggered = True

    def trigger_in(self, line: str) -> None:
        """Take an edge on a digital line."""
        self.digital.triggers[_LINE_NAMES.index(line)].take()

    # -- further objects ---------------------------------------------------------------

    _triggered = False

    def _wait_command_trigger(self, timeout: object = None) -> bool:
        if not self._triggered:
            self.delay(timeout)
        found, self._triggered = self._triggered, False
        return found

    def _clear_command_trigger(self) -> None:
        self._triggered = False

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
                "serialno": lambda: _SERIAL,
                "revision": lambda: _FIRMWARE,
                "linefreq": lambda: self.line_frequency,
                "prompts": lambda: int(self.prompts),
                "license": lambda: "",
            },
            setters={
                "linefreq": self._set_line_frequency,
                "prompts": self._set_prompts,
            },
            functions={"reset": self.reset},
        )
        add_settings(node, values, _NODE_SETTINGS)
        # The password can be set only.
        del node.getters["password"]
        return node

    def _set_prompts(self, value: object) -> None:
        self.prompts = bool(one_of((0, 1))(value))

    def _set_line_frequency(self, value: object) -> None:
        frequency = one_of((50, 60))(value)
        self.line_frequency = frequency
        for channel in self.channels.values():
            channel.meter.set_line_frequency(frequency)
