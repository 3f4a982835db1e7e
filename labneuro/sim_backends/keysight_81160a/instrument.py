"""The Keysight (Agilent) 81160A pulse function arbitrary noise generator.

Each output and each complementary output is a voltage behind the source resistance;
switched off, its relay is open. What a trigger starts becomes level changes on the
circuit's plan; in between the output rests at its idle level. A change of a setting
starts the waveform anew.

The trigger output of a channel gives an edge when a trigger starts its waveform (Sync
Out A is channel 1, B channel 2); a waveform that runs by itself gives none. Slope,
level and resistance of the trigger input are kept, but an edge on its wire always
counts; a gate level cannot come over a trigger wire, so a gated output stays idle.
Modulation, sweep, pattern mode and channel addition are kept as settings only.

References
----------
Keysight, 81150A and 81160A User's Guide; see the sources of
:mod:`labneuro.sim_backends.keysight_81160a.limits`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.keysight_81160a.channel import PulseChannel
from labneuro.sim_backends.keysight_81160a.commands import COMMANDS
from labneuro.sim_backends.keysight_81160a.memory import VOLATILE, WaveformMemory
from labneuro.sim_backends.keysight_81160a.outputs import ChannelOutput
from labneuro.sim_backends.keysight_81160a.settings import ChannelSettings
from labneuro.sim_backends.keysight_81160a.stored import STORED_DEFAULTS
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.instrument import ScpiInstrument
from labneuro.sim_backends.scpi.syntax import ScpiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.scpi.tree import Command

_BUS_SOURCE, _WIRE_SOURCE = "MAN", "EXT"
_TRIGGER_OUTPUTS = {1: "trigger", 2: "trigger2"}


class _Snapshot(NamedTuple):
    channels: dict[int, ChannelSettings]
    stored: dict[str, Any]
    tracked: int


class Keysight81160A(ScpiInstrument):
    """A simulated 81160A with two channels."""

    terminals: ClassVar[tuple[str, ...]] = (
        "ch1",
        "ch2",
        "ch1_complement",
        "ch2_complement",
    )
    trigger_inputs: ClassVar[tuple[str, ...]] = ("trigger",)
    trigger_outputs: ClassVar[tuple[str, ...]] = tuple(_TRIGGER_OUTPUTS.values())
    identity: ClassVar[str] = "Agilent Technologies,81160A,MY51400123,1.0.3.0-2.6"
    options: ClassVar[str] = "002,330"
    error_queue_length: ClassVar[int] = limits.ERROR_QUEUE
    commands: ClassVar[tuple[Command, ...]] = COMMANDS

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.waveforms = WaveformMemory()
        self.channels = {
            number: PulseChannel(number, self.waveforms, self.generator)
            for number in (1, 2)
        }
        self._outputs = {
            number: ChannelOutput(
                channel,
                (self.drives[f"ch{number}"], self.drives[f"ch{number}_complement"]),
                self.circuit,
                self.clock,
            )
            for number, channel in self.channels.items()
        }
        self.stored: dict[str, Any] = dict(STORED_DEFAULTS)
        self.state_names: dict[int, str] = {}
        self.tracked = 0

    def format_number(self, value: float) -> str:
        """Write a number with twelve digits, as many as a frequency has."""
        return f"{value:.11E}"

    def reset(self) -> None:
        """Bring all settings to their defaults; waveforms and errors stay."""
        for channel in self.channels.values():
            channel.settings = ChannelSettings()
        self.stored = dict(STORED_DEFAULTS)
        self.tracked = 0
        self.refresh()

    def snapshot(self) -> object:
        """Return a copy of all settings."""
        settings = {number: one.settings for number, one in self.channels.items()}
        return _Snapshot(settings, dict(self.stored), self.tracked)

    def restore(self, snapshot: object) -> None:
        """Take settings from :meth:`snapshot`; outputs go off."""
        if not isinstance(snapshot, _Snapshot):
            raise ScpiError(syntax.PARAMETER_ERROR)
        for number, settings in snapshot.channels.items():
            off = settings.changed(output=False, complement=False)
            self.channels[number].settings = off
        self.stored, self.tracked = dict(snapshot.stored), snapshot.tracked
        self.refresh()

    def refresh(self, *numbers: int) -> None:
        """Put some channels' settings, or those of both, on the circuit."""
        for number in numbers or tuple(self._outputs):
            self._outputs[number].refresh()

    def change(self, number: int, action: Callable[[PulseChannel], None]) -> None:
        """Change a channel and put it on the circuit.

        Parameters
        ----------
        number : int
            The channel; while one tracks the other, both are changed.
        action : callable
            Takes the channel and changes it, or raises and changes nothing.
        """
        both = (number, 3 - number) if self.tracked else (number,)
        before = {which: self.channels[which].settings for which in both}
        try:
            for which in both:
                action(self.channels[which])
        except ScpiError:
            for which, settings in before.items():
                self.channels[which].settings = settings
            raise
        self.refresh(*both)

    def track(self, number: int, state: bool) -> None:
        """Let the other channel follow `number`: it takes all its settings now."""
        if state:
            settings = self.channels[number].settings
            self.channels[3 - number].settings = settings
            held = self.waveforms.volatile
            if number in held:
                held[3 - number] = held[number]
            self.refresh(3 - number)
        if state or self.tracked == number:
            self.tracked = number if state else 0

    def download(self, number: int, store: Callable[[], None]) -> None:
        """Fill a channel's volatile memory, which the channel then plays as USER.

        That the download selects it is what PyMeasure's example for the instrument
        relies on; the manual's words were not found.
        """
        store()
        self.channels[number].set_waveform(VOLATILE)
        self.refresh(number)

    def forget_waveforms(self, number: int, delete: Callable[[], None]) -> None:
        """Delete waveforms; a channel that had chosen one goes back to the default.

        Raises
        ------
        ScpiError
            -221 while an output plays what would be deleted.
        """
        kept = dict(self.waveforms.user), dict(self.waveforms.volatile)
        delete()
        for which, channel in self.channels.items():
            of = channel.settings
            if self._missing(which, of.waveform):
                if of.shape == "USER" and (of.output or of.complement):
                    self.waveforms.user, self.waveforms.volatile = kept
                    raise ScpiError(syntax.SETTINGS_CONFLICT)
                channel.settings = of.changed(waveform=limits.DEFAULT_WAVEFORM)

    def _missing(self, number: int, name: str) -> bool:
        try:
            self.waveforms.codes(number, name)
        except ScpiError:
            return True
        return False

    def trigger_in(self, line: str) -> None:
        """Take an edge on the trigger input: start what waits for it."""
        self._trigger(_WIRE_SOURCE)

    def group_trigger(self) -> None:
        """Take a trigger, as ``*TRG``, ``:TRIGger`` and the MAN key."""
        self._trigger(_BUS_SOURCE)

    def _trigger(self, source: str) -> None:
        started = [
            number
            for number, channel in self.channels.items()
            if channel.settings.arm_source == source and self._outputs[number].trigger()
        ]
        for number in started:
            self.send_trigger(_TRIGGER_OUTPUTS[number])
