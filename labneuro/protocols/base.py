"""What a measurement protocol is: parameters, a plan, a layout, an execution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from labneuro.units import InputModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.data.layout import RunLayout
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.safety import Limits


@dataclass(frozen=True)
class Step:
    """One thing that a run does between two acknowledgements.

    Attributes
    ----------
    label : str
        What it is, for plan and progress.
    voltages : tuple of float
        Every level that any output takes during the step, in V.
    current : float
        Compliance during the step, in A.
    pulses : int
        Number of stimulating pulses.
    duration : float
        Expected bench time in s.
    """

    label: str
    voltages: tuple[float, ...]
    current: float
    pulses: int
    duration: float


@dataclass(frozen=True)
class Plan:
    """Every step of a run, known before any instrument is touched.

    Attributes
    ----------
    steps : tuple of Step
        In order of execution.
    """

    steps: tuple[Step, ...]

    @property
    def duration(self) -> float:
        """Expected bench time in s."""
        return sum(step.duration for step in self.steps)

    @property
    def pulses(self) -> int:
        """Number of stimulating pulses."""
        return sum(step.pulses for step in self.steps)

    @property
    def lowest_voltage(self) -> float:
        """Most negative level in V."""
        return min((min(step.voltages) for step in self.steps), default=0.0)

    @property
    def highest_voltage(self) -> float:
        """Most positive level in V."""
        return max((max(step.voltages) for step in self.steps), default=0.0)

    def check(self, limits: Limits) -> None:
        """Raise if any set-point of any step is beyond the limits.

        Raises
        ------
        LimitError
            Naming the step, the value and the limit.
        """
        for number, step in enumerate(self.steps, start=1):
            where = f"step {number} ({step.label})"
            for voltage in step.voltages:
                limits.check("voltage", voltage, where)
            limits.check("current", step.current, where)


@dataclass(frozen=True)
class Block:
    """What one step measured.

    Attributes
    ----------
    rows : mapping of str to ndarray, each shape (readings,)
        New rows of the readings table, by column.
    plots : mapping of str to mapping of str to ndarray
        Plot arrays as they stand now, by plot and array name.
    """

    rows: Mapping[str, NDArray[np.generic]]
    plots: Mapping[str, Mapping[str, NDArray[np.float64]]] = field(default_factory=dict)


class Measurement(ABC):
    """One execution of a protocol on a bench."""

    @abstractmethod
    def prepare(self) -> None:
        """Configure the instruments and switch the outputs on, at 0 V."""

    @abstractmethod
    def measure(self, index: int) -> Block:
        """Execute step `index` of the plan."""


class MeasurementProtocol(InputModel, ABC):
    """A frozen, validated set of parameters that yields a plan and can be executed."""

    summary: ClassVar[str]
    device_models: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def plan(self, device: DeviceConfig) -> Plan:
        """Return every step for a device, without touching an instrument."""

    @abstractmethod
    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the columns and plots of the run file."""

    @abstractmethod
    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
