"""What a measurement protocol is: parameters, a plan, a layout, an execution."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from labneuro.instruments.stress import (
    METER,
    PULSER,
    Stress,
    check_levels,
    check_stress,
    stress_of,
    summed,
)
from labneuro.safety import UNITS
from labneuro.units import InputModel, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.data.layout import RunLayout
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.stress import DeviceCircuit, Levels
    from labneuro.safety import Limits


@dataclass(frozen=True)
class Step:
    """One thing that a run does between two acknowledgements.

    Attributes
    ----------
    label : str
        What it is, for plan and progress.
    levels : tuple of Levels
        Every set-point of every output during the step, in order for each output.
    current : float
        Largest current that the step expects: the measuring range, in A.
    pulses : int
        Number of stimulating pulses.
    duration : float
        Expected bench time in s.
    compliance : float
        Of the source meter, in A, or the current pulser's largest level; infinite
        where it is the limit of the bench.
    """

    label: str
    levels: tuple[Levels, ...]
    current: float
    pulses: int
    duration: float
    compliance: float = math.inf

    @property
    def voltages(self) -> tuple[float, ...]:
        """Every level that any output takes during the step, in V, each once."""
        every = (level for one in self.levels for level, _ in one.segments)
        return tuple(dict.fromkeys(every))

    def stress(self, limits: Limits, circuit: DeviceCircuit | None) -> Stress:
        """Return what the step does to the device at most.

        Parameters
        ----------
        limits : Limits
            Of the bench: the compliance, where the step has none of its own.
        circuit : DeviceCircuit or None
            How the device is wired.
        """
        compliance = min(self.compliance, limits.current)
        bounded = {
            one.output: compliance
            for one in self.levels
            if one.output in (METER, PULSER)
        }
        return stress_of(self.levels, bounded, circuit)


@dataclass(frozen=True)
class Extreme:
    """The largest of a limited quantity in a plan.

    Attributes
    ----------
    quantity : str
        As in `Limits`.
    value : float
        In its unit; of the exposure the sum over the plan.
    step : int
        Number of the step where it is largest, from 1; 0 for the whole plan.
    """

    quantity: str
    value: float
    step: int


@dataclass(frozen=True)
class Plan:
    """Every step of a run, known before any instrument is touched.

    Attributes
    ----------
    steps : tuple of Step
        In order of execution.
    done : int
        How many of them an earlier part of the run has measured.
    prologue : tuple of Step
        What a run that is taken up does before the first of the others.
    exposure : float
        What the device has had of the run at most, in V s.
    warnings : tuple of str
        What is allowed but should be known before the run, a line each.
    """

    steps: tuple[Step, ...]
    done: int = 0
    prologue: tuple[Step, ...] = ()
    exposure: float = 0.0
    warnings: tuple[str, ...] = ()

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

    def extremes(
        self, limits: Limits, circuit: DeviceCircuit | None = None
    ) -> tuple[Extreme, ...]:
        """Return the largest of each limited quantity.

        Parameters
        ----------
        limits : Limits
            Of the bench, for the compliance.
        circuit : DeviceCircuit, optional
            How the device is wired.
        """
        stresses = [step.stress(limits, circuit) for step in self.steps] or [Stress()]
        found = []
        for quantity in UNITS:
            values = [getattr(one, quantity) for one in stresses]
            total = quantity == "exposure"
            value = summed(values) if total else max(values)
            step = 0 if total or not self.steps else values.index(value) + 1
            found.append(Extreme(quantity, value, step))
        return tuple(found)

    def check(self, limits: Limits, circuit: DeviceCircuit | None = None) -> None:
        """Raise if any set-point to come, or the whole exposure, is beyond the limits.

        Parameters
        ----------
        limits : Limits
            Of bench and device.
        circuit : DeviceCircuit, optional
            How the device is wired, and what the instruments can do. Without it the
            current, power and charge of the device are not checked.

        Raises
        ------
        LimitError
            Naming the step, the value and the limit.
        """
        exposure = self.exposure
        for where, step in self._ahead():
            check_levels(step.levels, limits, circuit, where)
            limits.check("current", step.current, where)
            if math.isfinite(step.compliance):
                limits.check("current", step.compliance, f"{where}: compliance")
            stress = step.stress(limits, circuit)
            exposure = summed([exposure, stress.exposure])
            check_stress(replace(stress, exposure=exposure), limits, where)

    def _ahead(self) -> Iterator[tuple[str, Step]]:
        """Yield what is to come, each with what a message calls it."""
        before = ""
        if self.exposure:
            before = f", {show(self.exposure, UNITS['exposure'])} before it was resumed"
        for step in self.prologue:
            yield f"before step {self.done + 1} ({step.label}){before}", step
        for number in range(self.done, len(self.steps)):
            step = self.steps[number]
            yield f"step {number + 1} ({step.label}){before}", step


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


class Drawing:
    """The plots of a run, drawn from its readings alone as they come in.

    A run draws with it, and so does whoever has nothing but the readings: a resumed run
    takes it up, and the recovery of a killed one draws all plots again. This base class
    is for protocols without plots.
    """

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        """Take up the rows of a step; return the plots as they stand now.

        Parameters
        ----------
        index : int
            The step of the plan.
        rows : mapping of str to ndarray, each shape (readings,)
            Its rows of the readings table, by column.

        Returns
        -------
        mapping of str to mapping of str to ndarray
            Plot arrays by plot and array name.
        """
        del index, rows
        return {}


class Measurement(ABC):
    """One execution of a protocol on a bench."""

    @abstractmethod
    def prepare(self) -> None:
        """Configure the instruments and switch the outputs on, at 0 V."""

    @abstractmethod
    def measure(self, index: int) -> Block:
        """Execute step `index` of the plan."""

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Take up a run that was interrupted, between :meth:`prepare` and a step.

        Brings the device into the state that the next step expects, and the plots to
        where they were. The default does nothing: it suits a protocol without plots
        whose every step brings its own state with it.

        Parameters
        ----------
        steps : sequence of mapping of str to ndarray
            The rows of each step that has been measured, from the first on.

        Returns
        -------
        str
            What was found, one line for the event log; may be empty.

        Raises
        ------
        InstrumentError
            If the device is not what it was.
        """
        del steps
        return ""


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

    def prologue(self, device: DeviceConfig) -> tuple[Step, ...]:
        """Return what :meth:`Measurement.restore` puts out; the default is nothing.

        Parameters
        ----------
        device : DeviceConfig
            The device of a run that is taken up.
        """
        del device
        return ()

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet; the default has none."""
        return Drawing()

    @abstractmethod
    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
