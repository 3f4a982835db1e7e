"""The Keithley 3706A System Switch/Multimeter.

Six slots for plug-in cards (here: 3730 matrix cards), analog backplanes that join them,
and a multimeter, behind a TSP script processor. Rows, columns and backplanes are
terminals of the circuit; each relay is a contact in it.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D (June 2018); Series 3700 Reference
Manual 3700S-901-01 Rev. C (July 2008), p. 13-183 (ten digits by default).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from labneuro.sim_backends.base import Terminals
from labneuro.sim_backends.keithley_3700 import node, status
from labneuro.sim_backends.keithley_3700.buffer import SWITCHED_ON
from labneuro.sim_backends.keithley_3700.cards import BUSES, bus_terminal, cards_in
from labneuro.sim_backends.keithley_3700.digital import LINES, DigitalPort
from labneuro.sim_backends.keithley_3700.dmm import Dmm
from labneuro.sim_backends.keithley_3700.meter import Meter
from labneuro.sim_backends.keithley_3700.relays import PATH_RESISTANCE, RelayBank
from labneuro.sim_backends.keithley_3700.saving import Setup
from labneuro.sim_backends.keithley_3700.scan import Scan
from labneuro.sim_backends.keithley_3700.slots import Slots
from labneuro.sim_backends.keithley_3700.switching import Switching
from labneuro.sim_backends.tsp.instrument import TspInstrument, TspTiming
from labneuro.sim_backends.tsp.values import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.drives import Contact
    from labneuro.sim_backends.keithley_3700.relays import Relay

_HIGH, _SENSE = "dmm", "dmm_sense"
_INPUT_BUS, _SENSE_BUS = 1, 2
_LINE_NAMES = tuple(f"digio{line}" for line in range(1, LINES + 1))
_PRECISION = 10.0  # digits


class Keithley3706A(TspInstrument):
    """A simulated Keithley 3706A.

    Parameters
    ----------
    name : str
        Name on the bench.
    surroundings : Surroundings
        What it shares with the bench; ``modules`` names the cards by slot.

    Attributes
    ----------
    bank : RelayBank
        All relays.
    slots : Slots
    switching : Switching
    dmm : Dmm
    scan : Scan
    digital : DigitalPort
    """

    inputs: ClassVar[tuple[str, ...]] = (_HIGH, _SENSE)
    trigger_outputs: ClassVar[tuple[str, ...]] = _LINE_NAMES
    trigger_inputs: ClassVar[tuple[str, ...]] = _LINE_NAMES
    identity = node.IDENTITY
    status_layout = status.LAYOUT
    timing = TspTiming(message=0.5e-3, output=50e-6)  # chosen
    factory_scripts = ("keithley_3700/panel.lua",)

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self._triggered = False
        super().__init__(name, surroundings)
        self._reset_format()

    @classmethod
    def terminals_with(cls, modules: Mapping[str, str]) -> Terminals:
        """Return the terminals with these cards: rows, columns, backplanes, inputs."""
        cards = cards_in(modules)
        contacts = [bus_terminal(bus) for bus in BUSES]
        for slot, card in cards.items():
            contacts += card.terminals(slot)
        return Terminals(inputs=cls.inputs, contacts=tuple(contacts))

    @property
    def interlock_open(self) -> bool:
        """Whether the cards' interlock is open: then no backplane relay closes."""
        return not self.slots.engaged

    @interlock_open.setter
    def interlock_open(self, state: bool) -> None:
        self.slots.engaged = not state
        for relay in self.bank.closed() if state else ():
            if relay.backplane:
                relay.move(closed=False)

    # -- what a TSP instrument asks for ------------------------------------------------

    def tsp_globals(self) -> dict[str, object]:
        """Return the instrument's own Lua globals: objects by name."""
        self.bank = RelayBank(self.clock)
        self.slots = Slots(
            cards_in(self.modules), self.bank, self._contact, self._removed
        )
        self.switching = Switching(
            self.bank, self.slots.permits_backplane, self._touched
        )
        self.dmm = self._make_dmm()
        self.scan = Scan(self.switching, self.dmm)
        self._setup = Setup(self.bank, self.switching, self.dmm, self.reset)
        self.digital = DigitalPort(
            [partial(self.send_trigger, line) for line in _LINE_NAMES], self.delay
        )
        lists, configurations = self.switching.lists, self.dmm.configurations
        prompts = (lambda: self.prompts, partial(setattr, self, "prompts"))
        return {
            "channel": self.switching.lua_object(),
            "slot": self.slots.lua_object(),
            "dmm": self.dmm.lua_object(
                lambda what: self.runtime.build(what),  # noqa: PLW0108  not yet made
                self.errors.add,
            ),
            "scan": self.scan.lua_object(),
            "digio": self.digital.lua_object(),
            "timer": node.timer(self.clock),
            "bit": node.bits(),
            "memory": node.memory(lambda: lists.patterns, configurations),
            "localnode": node.local_node(self.line_frequency, self.reset, prompts),
        }

    def factory_functions(self) -> dict[str, Callable[..., object]]:
        """Return what the front panel's Lua calls."""
        return {
            "pattern_names": lambda: ",".join(self.switching.lists.patterns),
            "configuration_names": lambda: ",".join(self.dmm.configurations),
            "card_models": lambda: self.slots.models,
            "configuration": self._setup.script,
            "save_setup": self._setup.save,
            "recall_setup": self._setup.recall,
            "utc": self._utc,
            "wait_command_trigger": self._wait_command_trigger,
            "clear_command_trigger": self._clear_command_trigger,
        }

    def reset(self) -> None:
        """Return to the default settings, all relays open (``reset()``, ``*RST``)."""
        self.scan.reset()
        self.switching.reset()
        self.dmm.reset("all")
        self.digital.reset()
        self._reset_format()
        self.prompts = False

    def command_trigger(self) -> None:
        """Take a trigger from the command interface (``*TRG``, GET)."""
        self._triggered = True

    def trigger_in(self, line: str) -> None:
        """Take an edge on a digital line."""
        self.digital.triggers[_LINE_NAMES.index(line)].take()

    def delay(self, seconds: object) -> None:
        """Let time pass, with the steps of a background scan in it."""
        if not self.scan.running:
            super().delay(seconds)
            return
        end = self.clock.now + number(seconds)
        while self.clock.now < end and self.scan.advance():
            pass
        super().delay(max(0.0, end - self.clock.now))

    def wait_complete(self) -> None:
        """Wait for the end of a background scan."""
        self.scan.finish()

    # -- parts -------------------------------------------------------------------------

    def _contact(self, first: str, second: str) -> Contact:
        return self.circuit.contact(
            f"{self.name}.{first}", f"{self.name}.{second}", PATH_RESISTANCE
        )

    def _make_dmm(self) -> Dmm:
        high = self._contact(_HIGH, bus_terminal(_INPUT_BUS))
        sense = self._contact(_SENSE, bus_terminal(_SENSE_BUS))

        def connect(two_wire: bool, four_wire: bool) -> None:
            for contact, wanted in ((high, two_wire), (sense, four_wire)):
                (contact.close if wanted else contact.open)()

        meter = Meter(
            self.circuit,
            self.probes[_HIGH],
            self.probes[_SENSE],
            self.generator if self.noise else None,
        )
        return Dmm(self.clock, meter, self.switching, connect, self.line_frequency)

    def _touched(self, relays: Sequence[Relay]) -> None:
        self.scan.invalidate(relays)
        self.dmm.forget_deleted_patterns()

    def _removed(self, relays: Sequence[Relay]) -> None:
        self.switching.lists.forget_patterns(relays)
        self._touched(relays)

    def _reset_format(self) -> None:
        self.number_format.reset()
        self.number_format.lua_object().setters["asciiprecision"](_PRECISION)

    def _utc(self) -> tuple[float, float]:
        now = self.clock.now
        return float(SWITCHED_ON + int(now)), now - int(now)

    def _wait_command_trigger(self, timeout: object = None) -> bool:
        if not self._triggered:
            self.delay(timeout)
        found, self._triggered = self._triggered, False
        return found

    def _clear_command_trigger(self) -> None:
        self._triggered = False
