"""One channel of the AFG31000: what its settings play."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.control import ChannelControl
from labneuro.sim_backends.tektronix_afg31000.waves import (
    ModulatedWave,
    PulseWidthWave,
    SweptWave,
    signal,
    sweep_duration,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.sim_backends.tektronix_afg31000.memory import WaveformMemory
    from labneuro.sim_backends.tektronix_afg31000.playing import Score
    from labneuro.sim_backends.tektronix_afg31000.waveform_files import ArbitraryFile

    Array = NDArray[np.float64]


class AfgChannel(ChannelControl):
    """A channel's settings, their ranges and its waveform.

    Parameters
    ----------
    model : AfgModel
        What the instrument can do.
    memory : WaveformMemory
        The instrument's waveform memories.
    generator : numpy.random.Generator
        For the noise shape.
    """

    def __init__(
        self,
        model: limits.AfgModel,
        memory: WaveformMemory,
        generator: np.random.Generator,
    ) -> None:
        super().__init__(model, memory)
        self._generator = generator

    @property
    def levels(self) -> tuple[float, float]:
        """Levels of the open output in V at the wave's lowest and highest point."""
        settings = self.settings
        levels = (settings.low, settings.high)
        return levels[::-1] if settings.inverted else levels

    def cycle(self) -> waveforms.Cycle:
        """Return one cycle of the output, in V of the open output."""
        settings = self.settings
        shape = settings.shape
        special = {
            "DC": lambda: waveforms.constant_cycle(self._offset(), self.period),
            "PRN": self._noise,
            "PULS": self._pulse,
        }
        if shape in special:
            return special[shape]()
        low, high = self.levels
        turn = settings.phase / (2.0 * math.pi)
        shares = self._shares(shape, settings.file)
        if shares is not None:
            points = low + (high - low) * shares
            return waveforms.arbitrary_cycle(points, self.period, turn)
        symmetry = settings.symmetry / 100.0
        return waveforms.shape_cycle(shape, self.period, low, high, turn, symmetry)

    def _noise(self) -> waveforms.Cycle:
        low, high = sorted(self.levels)
        return waveforms.noise_cycle(low, high, self._generator)

    def _pulse(self) -> waveforms.Cycle:
        settings = self.settings
        return waveforms.pulse_cycle(
            self.period,
            *self.levels,
            width=self.width,
            delay=settings.delay,
            leading=settings.leading,
            trailing=settings.trailing,
        )

    def _shares(self, shape: str, file: ArbitraryFile | None) -> Array | None:
        """Return the points of an arbitrary waveform, 0 to 1; None for other shapes."""
        if shape == "EFIL" and file is not None:
            return file.shares
        return self._memory.shares(shape) if shape in self._memory.content else None

    def idle_level(self, cycle: waveforms.Cycle) -> float:
        """Return the open-circuit level between bursts, in V.

        ``STARt`` and ``OFF`` keep the first point of the waveform, ``END`` its last,
        ``DC`` the offset (source (e) of the limits; what ``OFF`` does is not said).
        """
        return {"DC": self._offset(), "END": cycle.last}.get(
            self.settings.idle, cycle.first
        )

    def plays(self, memory: str) -> bool:
        """Return whether a waveform memory is in use, as carrier or modulating wave."""
        settings = self.settings
        used = {settings.shape}
        if settings.run_mode in limits.MODULATIONS:
            used.add(getattr(settings, f"{settings.run_mode.lower()}_shape", ""))
        return memory in used

    def _carrier(self) -> Callable[[Array], Array]:
        settings = self.settings
        shares = self._shares(settings.shape, settings.file)
        if settings.shape != "RAMP":
            return signal(settings.shape, shares, self._generator)
        symmetry = settings.symmetry / 100.0
        return lambda place: waveforms.shape_values("RAMP", place % 1.0, symmetry)

    def _modulator(self) -> Callable[[Array], Array]:
        kind = self.settings.run_mode.lower()
        shape = getattr(self.settings, f"{kind}_shape", "SQU")  # FSK has no other
        shares = self._shares(shape, getattr(self.settings, f"{kind}_file", None))
        return signal(shape, shares, self._generator)

    def modulated(self, begin: float) -> Score:
        """Return the modulated wave that begins at a bench time in s."""
        settings, modulator, levels = self.copy(), self._modulator(), self.levels
        if settings.run_mode == "PWM":
            return PulseWidthWave(settings, self.width, modulator, levels, begin)
        return ModulatedWave(settings, self._carrier(), modulator, levels, begin)

    def swept(self, begin: float, every: float) -> SweptWave:
        """Return the sweep that begins at a bench time and repeats, in s."""
        return SweptWave(self.copy(), self._carrier(), self.levels, begin, every)

    @property
    def sweep_duration(self) -> float:
        """Time of one sweep with hold and return, in s."""
        return sweep_duration(self.settings)
