"""The Tektronix AFG31000 arbitrary function generator, models AFG31102 and AFG31252.

Each output is a voltage behind 50 ohm; switched off, its relay is open. A burst that
is triggered becomes level changes on the circuit's plan; between bursts the output
rests at its idle level. A change of a setting starts the waveform anew.

What is not simulated: gated bursts (a gate level cannot come over a trigger wire here:
a gated output stays idle), the inputs for modulation and for a signal to be added
(nothing is wired to them), added noise, the marker and the skew of the advanced mode.
Trigger slope is kept, but a pulse on the trigger input counts at either.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639 (the same command set) and AFG31000
Series Programmer's Manual 077-1148; see the sources of
:mod:`labneuro.sim_backends.tektronix_afg31000.limits`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.instrument import ScpiInstrument
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.channel import AfgChannel
from labneuro.sim_backends.tektronix_afg31000.commands import COMMANDS
from labneuro.sim_backends.tektronix_afg31000.memory import WaveformMemory
from labneuro.sim_backends.tektronix_afg31000.outputs import TIMER, Outputs
from labneuro.sim_backends.tektronix_afg31000.sequence import Sequence
from labneuro.sim_backends.tektronix_afg31000.sequencer import (
    BUS_EVENTS,
    EXTERNAL_EVENTS,
)
from labneuro.sim_backends.tektronix_afg31000.storage import MassStorage
from labneuro.sim_backends.tektronix_afg31000.storage_errors import STORAGE_ERROR_TEXTS
from labneuro.sim_backends.tektronix_afg31000.system_commands import STORED_DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.scpi.tree import Command
    from labneuro.sim_backends.tektronix_afg31000.settings import Settings


class _Snapshot(NamedTuple):
    channels: tuple[Settings, ...]
    stored: dict[str, Any]
    timer: float
    trigger_source: str


class TektronixAfg31000(ScpiInstrument):
    """A simulated AFG31102: 100 MHz, 20 Vpp from the open output."""

    model: ClassVar[limits.AfgModel] = limits.AFG31102

    terminals: ClassVar[tuple[str, ...]] = ("ch1", "ch2")
    trigger_inputs: ClassVar[tuple[str, ...]] = ("trigger",)
    identity: ClassVar[str] = f"TEKTRONIX,{model.name},C013001,SCPI:99.0 FV:1.6.1"
    commands: ClassVar[tuple[Command, ...]] = COMMANDS
    error_texts: ClassVar[Mapping[int, str]] = {
        **ScpiInstrument.error_texts,
        **STORAGE_ERROR_TEXTS,
    }

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.memory = WaveformMemory()
        self.channels = {
            number: AfgChannel(self.model, self.memory, self.generator)
            for number in (1, 2)
        }
        self.stored: dict[str, Any] = dict(STORED_DEFAULTS)
        self.locked_states: set[int] = set()
        self.password = "DEFAULT"  # noqa: S105  of no secret: it guards no command here
        self.is_unprotected = False
        self.storage = MassStorage()
        self.sequence = Sequence(self.model, self.storage)
        self.outputs = Outputs(self.circuit, self.drives, self.channels, self.sequence)

    def format_number(self, value: float) -> str:
        """Write a number: infinity as 9.9E+37 (manual 071-1639, BURSt:NCYCles)."""
        if math.isinf(value):
            return "9.9E+37"
        whole = value.is_integer() and abs(value) <= limits.MOST_CYCLES
        return str(int(value)) if whole else f"{value:.10E}"

    def reset(self) -> None:
        """Bring all settings to their defaults; waveform memories stay."""
        for channel in self.channels.values():
            channel.settings = channel.defaults()
        self.stored = dict(STORED_DEFAULTS)
        self.sequence.reset()
        self.outputs.reset()

    def snapshot(self) -> object:
        """Return a copy of all settings."""
        return _Snapshot(
            tuple(channel.copy() for channel in self.channels.values()),
            dict(self.stored),
            self.outputs.timer,
            self.outputs.trigger_source,
        )

    def restore(self, snapshot: object) -> None:
        """Take settings from :meth:`snapshot`; outputs go off."""
        if not isinstance(snapshot, _Snapshot):
            raise ScpiError(syntax.PARAMETER_ERROR)
        for channel, settings in zip(
            self.channels.values(), snapshot.channels, strict=True
        ):
            channel.settings = settings
            channel.settings = channel.copy()  # the memory keeps its own
            channel.settings.output = False
        self.stored = dict(snapshot.stored)
        self.outputs.timer = snapshot.timer
        self.outputs.trigger_source = snapshot.trigger_source
        self.refresh()

    def refresh(self, number: int | None = None) -> None:
        """Put one channel's settings, or those of both, on the circuit."""
        self.outputs.refresh(number)

    def trigger_in(self, line: str) -> None:
        """Take an edge on the trigger input.

        A trigger wire carries a pulse of no width: its rising and its falling edge come
        at the same time, so it triggers at either slope.
        """
        self.outputs.trigger(EXTERNAL_EVENTS)

    def group_trigger(self) -> None:
        """Force a trigger, as ``*TRG`` and ``TRIGger``."""
        self.outputs.trigger(BUS_EVENTS)

    def set_trigger_source(self, source: str) -> None:
        """Choose between the internal timer and the external input."""
        self.outputs.trigger_source = source
        self.refresh()

    def set_timer(self, value: float | Extreme) -> None:
        """Set the period of the internal trigger in s."""
        self.outputs.timer = TIMER.resolve(value)
        self.refresh()

    def change(
        self, number: int, action: Callable[[AfgChannel], None], coupling: str = ""
    ) -> None:
        """Change a channel and put it on the circuit, whatever was clipped.

        Parameters
        ----------
        number : int
            The channel.
        action : callable
            Takes the channel and changes it, or raises and changes nothing.
        coupling : str
            Name of the stored switch that couples the channels, if any.
        """
        both = bool(coupling) and bool(self.stored[f"{coupling}{number}"])
        for which in (number, 3 - number) if both else (number,):
            try:
                action(self.channels[which])
            except ScpiError as error:
                if error.code == syntax.SETTINGS_CONFLICT:
                    self.refresh(which)
                raise
            self.refresh(which)

    def copy_channel(self, source: str, target: str) -> None:
        """Copy all settings of one channel to the other."""
        settings = self.channels[int(source[-1])].copy()
        self.channels[int(target[-1])].settings = settings
        self.refresh(int(target[-1]))

    def memory_changed(self, name: str = "") -> None:
        """Put the channels that play a memory, or any, on the circuit anew."""
        names = (name,) if name else tuple(self.memory.content)
        for number, channel in self.channels.items():
            if any(channel.plays(memory) for memory in names):
                self.refresh(number)

    def erase(self) -> None:
        """Erase setups and user waveforms and reset, as ``SYSTem:SECurity``."""
        self.memories.clear()
        self.locked_states.clear()
        self.memory.erase()
        self.reset()


class TektronixAfg31252(TektronixAfg31000):
    """A simulated AFG31252: 250 MHz, 10 Vpp from the open output."""

    model: ClassVar[limits.AfgModel] = limits.AFG31252
    identity: ClassVar[str] = f"TEKTRONIX,{model.name},C013001,SCPI:99.0 FV:1.6.1"
