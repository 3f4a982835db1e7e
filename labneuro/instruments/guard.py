"""The guard of a bench: every set-point is checked before it is sent, and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labneuro.instruments.stress import (
    METER,
    Levels,
    check_levels,
    check_stress,
    stress_of,
    summed,
)
from labneuro.safety import Limits, tightest

if TYPE_CHECKING:
    from labneuro.instruments.stress import DeviceCircuit


class Guard:
    """Knows what the outputs of one bench do together, and what they have done.

    Parameters
    ----------
    limits : Limits
        What may be set at most.
    circuit : DeviceCircuit, optional
        How the device is wired. Without it an instrument is checked by itself: the
        device's current, power and charge are not.
    """

    def __init__(self, limits: Limits, circuit: DeviceCircuit | None = None) -> None:
        self.limits = limits
        self._circuit = circuit
        self._compliances: dict[str, float] = {}
        self._loaded: dict[str, Levels] = {}
        self._on: set[str] = set()
        self._exposure = 0.0

    @classmethod
    def of(cls, limits: Limits | Guard) -> Guard:
        """Return the guard itself, or one of a single instrument with these limits."""
        return limits if isinstance(limits, Guard) else cls(limits)

    @property
    def exposure(self) -> float:
        """Exposure asked for up to now, and carried from before, in V s."""
        return self._exposure

    def carry(self, exposure: float) -> None:
        """Begin from what the device has had before.

        Parameters
        ----------
        exposure : float
            In V s.
        """
        self._exposure = summed([self._exposure, exposure])

    def comply(self, current: float, where: str, output: str = METER) -> None:
        """Check the largest current of a source meter or a current pulser; keep it.

        Parameters
        ----------
        current : float
            In A.
        where : str
            The channel, for the message.
        output : str
            The role that the channel fills.

        Raises
        ------
        LimitError
            If it is beyond the limits.
        """
        own = self._circuit.limits.get(output, Limits()) if self._circuit else Limits()
        allowed = tightest([self.limits, own])
        what = "compliance" if output == METER else "largest current"
        allowed.check("current", current, f"{where} {what}")
        self._compliances[output] = current

    def check(self, levels: Levels, where: str) -> None:
        """Check the levels and the steps of an output by themselves.

        Raises
        ------
        LimitError
            If a level or a step is beyond the limits.
        """
        check_levels([levels], self.limits, self._circuit, where)
        self.limits.check("step_voltage", levels.largest_step, where)

    def load(self, levels: Levels, where: str) -> None:
        """Check what an output will play at each trigger from now on, and keep it.

        Raises
        ------
        LimitError
            If a level or a step is beyond the limits.
        """
        self.check(levels, where)
        self._loaded[levels.output] = levels

    def play(self, levels: Levels, where: str) -> None:
        """Check and count what an output is about to do.

        Raises
        ------
        LimitError
            If it is beyond the limits, alone or with all that was done before.
        """
        self._play([levels], where)

    def trigger(self, count: int, where: str, reads: Levels | None = None) -> None:
        """Check and count `count` triggers, and what the source meter does with them.

        Parameters
        ----------
        count : int
            How often the loaded waveforms will be played.
        where : str
            The channel that triggers, for the message.
        reads : Levels, optional
            Of the source meter, after the triggers.

        Raises
        ------
        LimitError
            If it is beyond the limits, alone or with all that was done before.
        """
        played = [
            replace(one, count=one.count * count) for one in self._loaded.values()
        ]
        self._play([*played, reads] if reads else played, where)

    def switch_on(self, output: str) -> None:
        """Note that an output is on from now."""
        self._on.add(output)

    def release(self, output: str) -> None:
        """Forget an output that has been switched off."""
        self._on.discard(output)
        self._loaded.pop(output, None)
        self._compliances.pop(output, None)

    def _play(self, levels: list[Levels], where: str) -> None:
        for one in levels:
            self.check(one, where)
        # An output that is off may hold the device's other side by another limit.
        used = self._on.union(one.output for one in levels)
        compliances = {
            output: current
            for output, current in self._compliances.items()
            if output in used
        }
        stress = stress_of(levels, compliances, self._circuit)
        total = replace(stress, exposure=summed([self._exposure, stress.exposure]))
        check_stress(total, self.limits, where)
        self._exposure = total.exposure
