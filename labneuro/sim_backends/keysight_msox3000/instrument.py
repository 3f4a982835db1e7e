"""The Keysight InfiniiVision MSO-X 3104T mixed-signal oscilloscope.

It samples what its inputs see of the circuit, through its bandwidth, with its noise, in
its codes. ``:DIGitize`` blocks: what follows it is carried out once the acquisition is
complete, which without a trigger it never is until a device clear. Every message takes
a millisecond, so that a client that polls sees time pass.

What is not simulated: triggers other than edge and pulse width (their mode can be set
and never triggers but by AUTO and by force), trigger jitter and hysteresis,
interpolation between samples, serial decoding, mask test, lister, the built-in wave
generator's output (state only) and files. A trigger sends its edge on TRIG OUT when
the oscilloscope is next spoken to, not at the trigger's own time.

References
----------
Keysight, InfiniiVision 3000T X-Series Oscilloscopes, Programmer's Guide and User's
Guide; see :mod:`labneuro.sim_backends.keysight_msox3000.datasheet`.
"""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from labneuro.sim_backends.base import Reply
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keysight_msox3000 import (
    autoscale,
    datasheet,
    horizontal,
    measure_commands,
    root,
    screen,
    vertical,
    waveform_commands,
)
from labneuro.sim_backends.keysight_msox3000.acquisition import (
    DIGITIZE,
    RUN,
    Acquisition,
)
from labneuro.sim_backends.keysight_msox3000.math_functions import calculate
from labneuro.sim_backends.keysight_msox3000.measurements import Thresholds, Waveform
from labneuro.sim_backends.keysight_msox3000.settings import Settings
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.instrument import ScpiInstrument
from labneuro.sim_backends.scpi.status import Status
from labneuro.sim_backends.scpi.syntax import ScpiError

if TYPE_CHECKING:
    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.keysight_msox3000.measure_commands import Options
    from labneuro.sim_backends.keysight_msox3000.record import Record
    from labneuro.sim_backends.keysight_msox3000.traces import Trace
    from labneuro.sim_backends.scpi.tree import Command

_RUNNING, _WAITS_FOR_TRIGGER = 1 << 3, 1 << 5  # operation status register
_TRIGGERED = 0x01  # status byte
_PATIENCE = 2.0  # s that a read lets pass by itself to see a trigger come
_GROWTH = 0.25  # a wait is looked at again after this share of what it has taken


class ScopeStatus(Status):
    """Status registers with the trigger event in bit 0 of the status byte.

    Attributes
    ----------
    triggered, armed : bool
        The trigger and the armed event register.
    """

    triggered = False
    armed = False

    def _bits(self, message_available: bool) -> int:
        return super()._bits(message_available) | _TRIGGERED * self.triggered

    def clear(self) -> None:
        """Clear events and errors, as ``*CLS``."""
        super().clear()
        self.triggered = self.armed = False


class KeysightMsox3104T(ScpiInstrument):
    """A simulated MSO-X 3104T: 1 GHz, 4 analog and 16 digital channels.

    Attributes
    ----------
    settings : Settings
        Everything that can be set.
    acquisition : Acquisition
        The acquisition system.
    shown_measurements : dict
        Parameters and statistics of the measurements on the screen.
    reference_waveforms : dict of str to Trace
        What is in the waveform memories.
    """

    inputs: ClassVar[tuple[str, ...]] = (
        *(f"ch{number}" for number in range(1, datasheet.ANALOG_CHANNELS + 1)),
        *(f"d{number}" for number in range(datasheet.DIGITAL_CHANNELS)),
    )
    trigger_inputs: ClassVar[tuple[str, ...]] = ("external",)
    trigger_outputs: ClassVar[tuple[str, ...]] = ("trigger",)
    identity: ClassVar[str] = (
        "KEYSIGHT TECHNOLOGIES,MSO-X 3104T,MY55140001,07.20.2017102614"
    )
    error_queue_length: ClassVar[int] = 30
    no_error: ClassVar[str] = '+0,"No error"'
    commands: ClassVar[tuple[Command, ...]] = (
        *vertical.COMMANDS,
        *horizontal.COMMANDS,
        *waveform_commands.COMMANDS,
        *measure_commands.COMMANDS,
        *screen.COMMANDS,
        *root.COMMANDS,
    )

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.status: ScopeStatus = ScopeStatus(self.status.errors)
        self.settings = Settings()
        self.shown_measurements: dict[str, tuple[Options, list[float]]] = {}
        self.reference_waveforms: dict[str, Trace] = {}
        self._counted: dict[str, Record | None] = {}
        self._backlog: deque[tuple[Any, list[bytes]]] = deque()
        self._thinned: tuple[Trace, float, Trace] | None = None
        self._waveforms: dict[str, Waveform] = {}
        self.acquisition = Acquisition(self, self._triggered)
        self.acquisition.arm(RUN)

    def format_number(self, value: float) -> str:
        """Write a number as this maker does; 9.9E+37 as in the guide."""
        return "+9.9E+37" if value == datasheet.INVALID else f"{value:+.5E}"

    # --- messages -----------------------------------------------------------------

    def write(self, message: bytes) -> None:
        """Take a message; behind a ``:DIGitize`` it waits for the acquisition."""
        self.clock.advance(datasheet.MESSAGE_TIME)
        self._catch_up()
        super().write(message)
        self._update_status()

    def _catch_up(self) -> None:
        """Look what the inputs have seen, then carry out what waited for that."""
        self.acquisition.update()
        self._update_status()
        while self._backlog and not self._blocked:
            program, answers = self._backlog.popleft()
            self._carry_out(program, answers)

    @property
    def _blocked(self) -> bool:
        return self.acquisition.kind == DIGITIZE

    def _execute(self, program: Any) -> None:  # noqa: ANN401  as the base compiles it
        if self._backlog:
            self._backlog.append((program, []))
        else:
            self._carry_out(program, [])

    def _carry_out(self, program: Any, answers: list[bytes]) -> None:  # noqa: ANN401  same
        """Carry out a message up to where it must wait for an acquisition."""
        for position, (function, arguments, is_query) in enumerate(program):
            if self._blocked:
                self._backlog.appendleft((program[position:], answers))
                return
            try:
                answer = function(self, *arguments)
            except ScpiError as error:
                self.status.report(error.code)
                continue
            finally:
                self._update_status()
            if is_query:
                answers.append(self._encode(answer))
        if answers:
            self._replies.append(Reply(self.clock.now, b";".join(answers)))

    @property
    def message_available(self) -> bool:
        """Whether a response waits to be read (MAV).

        Who asks for that has time: on a clock that jumps, an acquisition that triggers
        by itself is waited for.
        """
        if self._backlog:
            self._catch_up()
            automatic = self.settings.trigger.sweep == "AUTO"
            if automatic and isinstance(self.clock, VirtualClock):
                self._await_acquisition()
        return bool(self._replies)

    def next_reply(self) -> Reply | None:
        """Take the oldest response message, or None while there is none.

        Who reads while a ``:DIGitize`` blocks waits for the acquisition.
        """
        self._await_acquisition()
        return super().next_reply()

    def _await_acquisition(self) -> None:
        """Let time pass until what waits for an acquisition can be answered."""
        waited = 0.0
        while self._backlog and not self._replies and waited < _PATIENCE:
            step = max(self.acquisition.pause, _GROWTH * waited)
            step = min(step, _PATIENCE - waited)
            waited += step
            self.clock.advance(step)
            self._catch_up()

    def query_unanswered(self) -> None:
        """Report -420, unless the answer is only late."""
        if not self._backlog:
            super().query_unanswered()

    def clear(self) -> None:
        """Take a device clear: a ``:DIGitize`` that waits is given up."""
        super().clear()
        self._backlog.clear()
        if self._blocked:
            self.acquisition.stop()
        self._update_status()

    def status_byte(self) -> int:
        """Return the status byte of a serial poll; polling takes time, too."""
        if self.acquisition.is_running:
            self.clock.advance(datasheet.MESSAGE_TIME)
            self._catch_up()
        return super().status_byte()

    # --- status -------------------------------------------------------------------

    def _triggered(self) -> None:
        self.status.triggered = self.status.armed = True
        self.send_trigger("trigger")

    def _update_status(self) -> None:
        running, armed = self.acquisition.is_running, self.acquisition.is_armed
        before = self.status.operation.condition
        self.status.armed |= armed and not before & _WAITS_FOR_TRIGGER
        self.status.operation.set_condition(
            _RUNNING * running | _WAITS_FOR_TRIGGER * armed
        )

    def take_trigger_event(self) -> bool:
        """Return whether a trigger has come since this was last asked."""
        event, self.status.triggered = self.status.triggered, False
        return event

    def take_armed_event(self) -> bool:
        """Return whether the trigger was armed since this was last asked."""
        event, self.status.armed = self.status.armed, False
        return event

    def trigger_in(self, line: str) -> None:
        """Take an edge at the external trigger input."""
        self.acquisition.external_edge()

    def group_trigger(self) -> None:
        """Acquire once, as ``*TRG`` and ``:DIGitize`` do (Programmer's Guide, *TRG)."""
        self.acquisition.arm(DIGITIZE)

    # --- settings -----------------------------------------------------------------

    def settings_changed(self) -> None:
        """Begin acquisitions anew: a setting that they depend on has changed."""
        self.acquisition.stale = True
        self.acquisition.rearm()

    def apply_impedances(self) -> None:
        """Put the channels' input resistances on the circuit."""
        for number, channel in enumerate(self.settings.channels, 1):
            fifty = channel.impedance == "FIFT"
            self.probes[f"ch{number}"].load(
                datasheet.FIFTY_OHM if fifty else datasheet.MEGOHM
            )

    def reset(self) -> None:
        """Bring all settings to their defaults; the oscilloscope runs."""
        self.shown_measurements.clear()
        self.take_settings(Settings())
        self.acquisition.arm(RUN)

    def take_settings(self, settings: Settings) -> None:
        """Use other settings."""
        self.settings = settings
        self.apply_impedances()
        self.settings_changed()

    def snapshot(self) -> object:
        """Return a copy of all settings."""
        return copy.deepcopy(self.settings)

    def restore(self, snapshot: object) -> None:
        """Take settings from :meth:`snapshot`."""
        if not isinstance(snapshot, Settings):
            raise ScpiError(syntax.PARAMETER_ERROR)
        self.take_settings(copy.deepcopy(snapshot))

    def autoscale(self, sources: tuple[str, ...]) -> None:
        """Find signals and scales, as ``:AUToscale``."""
        autoscale.autoscale(self, sources)

    def _shown(self, source: str) -> list[tuple[Any, str]]:
        """Return where it is kept whether a source is on the screen."""
        settings = self.settings
        if source.startswith("CHAN"):
            return [(settings.channels[int(source[4:]) - 1], "display")]
        if source.startswith("DIG"):
            return [(settings.digital[int(source[3:])], "display")]
        if source.startswith("POD"):
            first = (int(source[3:]) - 1) * datasheet.POD_CHANNELS
            pod = settings.digital[first : first + datasheet.POD_CHANNELS]
            return [(one, "display") for one in pod]
        if source in ("FUNC", "MATH", "FFT"):
            return [(settings.function, "display")]
        return []

    def show(self, source: str, *, on: bool = True) -> None:
        """Put a source on the screen or take it off."""
        if self.is_shown(source) == on:
            return
        for owner, name in self._shown(source):
            setattr(owner, name, on)
        if source.startswith(("BUS", "WMEM")):
            header = f"{source[:-1]}{'ory' * (source[0] == 'W')}{{1-2}}:DISPlay"
            self.settings.stored[f"{header} {source[-1]}"] = on
        self.settings_changed()

    def is_shown(self, source: str) -> bool:
        """Whether a source is on the screen."""
        if source.startswith(("BUS", "WMEM")):
            header = f"{source[:-1]}{'ory' * (source[0] == 'W')}{{1-2}}:DISPlay"
            return bool(self.settings.stored.get(f"{header} {source[-1]}", False))
        return any(getattr(owner, name) for owner, name in self._shown(source))

    # --- waveforms ----------------------------------------------------------------

    def clear_display(self) -> None:
        """Forget what was acquired."""
        self.acquisition.record = None
        self.acquisition.rearm()

    def current_record(self) -> Record | None:
        """Return the last acquisition; while it runs by itself, one of its settings.

        In AUTO sweep an acquisition with new settings is never far, so it is waited
        for; in NORMal sweep it may never come, and the last one there is serves.
        """
        acquisition = self.acquisition
        automatic = self.settings.trigger.sweep == "AUTO"
        while acquisition.kind == RUN and acquisition.stale and automatic:
            self.clock.advance(max(acquisition.pause, 0.5 * datasheet.AUTO_TRIGGER))
            acquisition.update()
        return acquisition.record

    def is_new_record(self, name: str) -> bool:
        """Whether a measurement has not yet counted the last acquisition."""
        record = self.current_record()
        new = self._counted.get(name) is not record
        self._counted[name] = record
        return new

    def trace(self, source: str) -> Trace | None:
        """Return the waveform of a source, or None if there is none."""
        source = "FUNC" if source in ("MATH", "FFT") else source
        if source.startswith("WMEM"):
            return self.reference_waveforms.get(source)
        record = self.current_record()
        if record is None or source == "EXT":
            return None
        segment = self.settings.acquire.segment
        if source == "FUNC":
            function = self.settings.function
            first = record.trace(function.source1, segment)
            second = record.trace(function.source2, segment)
            return calculate(function, first, second)
        return record.trace(source, segment)

    def thinned(self, trace: Trace, most: float) -> Trace:
        """Return a waveform with fewer points; the last one is remembered."""
        known = self._thinned
        if known is None or known[0] is not trace or known[1] != most:
            known = self._thinned = (trace, most, trace.thinned(most))
        return known[2]

    def measured(self, source: str, trace: Trace, thresholds: Thresholds) -> Waveform:
        """Return a waveform to measure on; what was found on it is remembered."""
        known = self._waveforms.get(source)
        reference = self.settings.timebase.position
        same = known is not None and known.trace is trace
        if known is None or not same or known.thresholds != thresholds:
            known = self._waveforms[source] = Waveform(trace, reference, thresholds)
        return known
