"""Acquisitions: when the oscilloscope is armed, triggers, and what it then keeps.

Nothing happens by itself: whenever the oscilloscope is spoken to, it looks through what
its inputs have seen since the last time, takes the triggers that it would have taken
and keeps the stretch of each input that belongs to them. Samples are made of them when
they are asked for. While it runs continuously only the last acquisition (the last
``:ACQuire:COUNt`` ones in average mode) can matter, and only those are kept.

Triggers have no jitter and no hysteresis: the trigger path carries no noise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.record import (
    Plan,
    Record,
    Shot,
    path_filter,
)
from labneuro.sim_backends.keysight_msox3000.trigger import candidates, trigger_signal
from labneuro.sim_backends.sampling import SignalPath, accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from labneuro.sim_backends.drives import Probe
    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.sampling import Signal

    Array = NDArray[np.float64]

RUN, SINGLE, DIGITIZE = "RUN", "SING", "DIG"
_MARGIN = 1e-9  # s kept before what is needed: rounding of bench times


class Acquisition:
    """The acquisition system.

    Parameters
    ----------
    scope : KeysightMsox3104T
        The instrument, for its inputs and settings.
    on_trigger : callable
        Called once for each trigger that is noticed.

    Attributes
    ----------
    kind : str
        ``RUN``, ``SINGLE`` or ``DIGITIZE`` while armed, otherwise empty.
    record : Record, optional
        The last complete acquisition.
    stale : bool
        Whether settings have changed since that.
    """

    def __init__(
        self, scope: KeysightMsox3104T, on_trigger: Callable[[], None]
    ) -> None:
        self._scope = scope
        self._on_trigger = on_trigger
        self.kind = ""
        self.record: Record | None = None
        self.stale = True
        self._plan: Plan | None = None
        self._paths: dict[str, SignalPath] = {}
        self._trigger_path = SignalPath()
        self._edges: list[float] = []
        self._forced: list[float] = []
        self._armed = self._ready = self._idle_since = self._noticed = 0.0
        self._shots: list[Shot] = []

    @property
    def is_running(self) -> bool:
        """Whether it waits for triggers or acquires."""
        return bool(self.kind)

    @property
    def is_armed(self) -> bool:
        """Whether the pre-trigger memory is full, so that a trigger counts."""
        return self.is_running and self._scope.clock.now >= self._ready

    def arm(self, kind: str, only: Collection[str] | None = None) -> None:
        """Begin to look for triggers, from now on.

        Parameters
        ----------
        kind : str
            ``RUN``, ``SINGLE`` or ``DIGITIZE``.
        only : set of str, optional
            Sources that are acquired in place of the displayed ones.
        """
        scope = self._scope
        self.kind = kind
        self._plan = plan = Plan.of(scope.settings, kind == RUN, only)
        self._start_recording(plan)
        now = scope.clock.now
        self._shots = []
        self._edges, self._forced = [], []
        self._armed = self._noticed = now
        self._ready = now + plan.before
        self._idle_since = self._ready
        self.stale = True

    def rearm(self) -> None:
        """Begin anew because a setting has changed."""
        if self.kind and self._plan is not None:
            self.arm(self.kind, self._plan.only)

    def stop(self) -> None:
        """Stop; what has been acquired stays."""
        if self._shots and self._plan is not None:
            self.record = Record(self._plan, self._shots, self._scope)
            self._shots = []
        self._halt()

    def _halt(self) -> None:
        self.kind = ""
        for probe in self._scope.probes.values():
            if probe.recording:
                probe.stop()

    def _start_recording(self, plan: Plan) -> None:
        for name, probe in self._scope.probes.items():
            if name in plan.inputs and not probe.recording:
                probe.start()
                self._path(name).settle()
                if name == plan.trigger_input:
                    self._trigger_path.settle()
            elif name not in plan.inputs and probe.recording:
                probe.stop()

    def _path(self, name: str) -> SignalPath:
        return self._paths.setdefault(name, SignalPath())

    def external_edge(self) -> None:
        """Take note of an edge at the external trigger input, now."""
        if self.kind:
            self._edges.append(self._scope.clock.now)

    def force(self) -> None:
        """Trigger now, whatever the inputs do."""
        if self.kind:
            self._forced.append(self._scope.clock.now)

    def update(self) -> None:
        """Take the triggers that have come and complete what is complete."""
        plan = self._plan
        if not self.kind or plan is None:
            return
        now = self._scope.clock.now
        self._scope.circuit.live()
        signals = {name: self._signal(name, plan) for name in plan.inputs}
        present = {name: one for name, one in signals.items() if one is not None}
        trigger = self._seen_by_trigger(plan, present)
        times = candidates(self._scope, plan, trigger, self._edges, self._armed, now)
        times = np.union1d(times, np.array(self._forced))
        while self.kind and self._take(plan, present, times, now):
            pass
        if self.kind:
            self._tidy(plan, present, trigger, times, now)

    def _signal(self, name: str, plan: Plan) -> Signal | None:
        """Return what an input passes on, or None before any time has passed."""
        times, volts = self._scope.probes[name].trace()
        if not times.size:
            return None
        return self._path(name).passed(times, volts, path_filter(plan, name))

    def _seen_by_trigger(self, plan: Plan, present: dict[str, Signal]) -> Signal | None:
        signal = present.get(plan.trigger_input)
        return signal and trigger_signal(self._trigger_path, signal, plan.trigger)

    def _take(
        self, plan: Plan, signals: dict[str, Signal], times: Array, now: float
    ) -> bool:
        """Take triggers one after the other; after too long a wait, one by itself.

        Returns
        -------
        bool
            Whether any was taken, so that there may be more.
        """
        ready = self._ready
        found = accepted(times, ready, plan.dead)
        self._note(found)
        complete = found[found + plan.after <= now]
        if plan.automatic:
            complete = self._with_automatic(plan, complete, found, now)
        if not complete.size:
            return False
        wanted = plan.wanted
        if self.kind == RUN:
            chosen = complete[-wanted:]
        else:
            chosen = complete[: wanted - len(self._shots)]
        self._shots += [Shot.of(plan, signals, time) for time in chosen.tolist()]
        self._ready = max(ready, float(complete[-1]) + plan.dead)
        self._idle_since = max(self._ready, self._idle_since)
        self._finish(plan)
        return True

    def _with_automatic(
        self, plan: Plan, complete: Array, found: Array, now: float
    ) -> Array:
        """Add the trigger of the AUTO sweep where none has come for too long."""
        if self.kind == RUN:
            last = float(found[-1]) if found.size else self._idle_since
            due = max(last + datasheet.AUTO_TRIGGER, now - plan.after)
        else:
            due = self._idle_since + datasheet.AUTO_TRIGGER
            if found.size and found[0] <= due:
                return complete
        if due + plan.after > now:
            return complete
        self._note(np.array([due]))
        if self.kind == RUN:
            return np.append(complete, due)
        return np.array([due])

    def _note(self, times: Array) -> None:
        """Set the trigger event and the trigger output for what is new."""
        fresh = times[times > self._noticed]
        if fresh.size:
            self._noticed = float(fresh[-1])
            self._on_trigger()

    def _finish(self, plan: Plan) -> None:
        if self.kind == RUN:
            self._shots = self._shots[-plan.wanted :]
            self.record = Record(plan, list(self._shots), self._scope)
            self.stale = False
        elif len(self._shots) >= plan.wanted:
            self.record = Record(plan, self._shots, self._scope)
            self._shots = []
            self.stale = False
            self._halt()

    def _tidy(
        self,
        plan: Plan,
        signals: dict[str, Signal],
        trigger: Signal | None,
        times: Array,
        now: float,
    ) -> None:
        """Forget what no acquisition can need any more."""
        open_triggers = times[times >= self._ready]
        oldest = float(open_triggers[0]) if open_triggers.size else now
        self._edges = [time for time in self._edges if time >= oldest]
        self._forced = [time for time in self._forced if time >= oldest]
        self._armed = max(self._armed, oldest - _MARGIN)
        if plan.pulses:
            oldest -= plan.longest_pulse
        before = min(oldest, now - plan.after) - plan.before - _MARGIN
        for name, signal in signals.items():
            self._path(name).forget(signal, before)
            if name == plan.trigger_input and trigger is not None:
                self._trigger_path.forget(trigger, before)
            self._probe(name).forget(before)

    def _probe(self, name: str) -> Probe:
        return self._scope.probes[name]

    @property
    def pause(self) -> float:
        """Time in s to let pass before it is worth looking again, while it runs."""
        if self._plan is None or not self.kind:
            return math.inf
        return max(self._plan.before + self._plan.after, datasheet.MESSAGE_TIME)
