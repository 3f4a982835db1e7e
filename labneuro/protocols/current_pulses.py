"""What protocols share that send current pulses past a switched regulating resistor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import AfterValidator, Field

from labneuro.errors import InstrumentError, UnitError
from labneuro.instruments.stress import PULSER, Levels
from labneuro.protocols.base import Drawing, Measurement, MeasurementProtocol
from labneuro.units import InputModel, Second, Volt, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import CurrentPulses, PulseVoltages

OPEN = "open"
"""Name of the condition without a regulating resistor."""


def channels_of(text: str) -> tuple[str, ...]:
    """Return the matrix channels that a recipe names, separated by commas."""
    return tuple(one.strip() for one in text.split(",") if one.strip())


def resistance_of(name: str) -> float:
    """Return the resistance in ohm that a recipe names; infinite for ``open``."""
    return math.inf if name == OPEN else parse(name, "ohm")


def _check_resistances(resistors: dict[str, str]) -> dict[str, str]:
    for name in resistors:
        try:
            value = resistance_of(name)
        except UnitError as error:
            raise ValueError(f"{error}; or write {OPEN!r}") from error
        if not value > 0.0:
            raise ValueError(f"{name!r} is not a resistance above 0 ohm")
    return resistors


Resistors = Annotated[dict[str, str], AfterValidator(_check_resistances)]


class Discharge(InputModel):
    """How the device is brought to rest before each step.

    Attributes
    ----------
    channels : str
        Matrix channels to close, separated by commas.
    duration : float
        For how long, at 0 A, in s.
    """

    channels: str = "1101"
    duration: Annotated[Second, Field(gt=1e-3, le=3600)] = 60.0


class PulserSettings(InputModel):
    """Settings of the current pulser.

    Attributes
    ----------
    compliance_voltage : float
        Limit of the voltage, either sign, in V.
    voltage_range : float
        Largest voltage to be measured in V.
    power_line_cycles : float
        Integration time in power-line cycles.
    """

    compliance_voltage: Annotated[Volt, Field(gt=0)] = 1.0
    voltage_range: Annotated[Volt, Field(gt=0)] = 0.2
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.001


class CurrentPulseProtocol(MeasurementProtocol):
    """Base of protocols whose regulating resistor is switched by the bench.

    Attributes
    ----------
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none.
    discharge : Discharge
        How the device is brought to rest before each step.
    pulser : PulserSettings
        Of the source.
    """

    resistors: Resistors = Field(default={OPEN: ""}, min_length=1, max_length=50)
    discharge: Discharge = Discharge()
    pulser: PulserSettings = PulserSettings()

    @property
    def resistances(self) -> NDArray[np.float64]:
        """Every resistance in ohm, infinite for open, shape (resistors,)."""
        return np.array([resistance_of(name) for name in self.resistors])

    def levels(self, pulses: CurrentPulses) -> tuple[Levels, ...]:
        """Return what pulses can put across the device at most: the compliance."""
        volts, gap = self.pulser.compliance_voltage, pulses.period - pulses.width
        return tuple(
            Levels(
                PULSER,
                ((math.copysign(volts, level), pulses.width), (0.0, gap)),
                count * (pulses.silent + 1),
            )
            for level, count in pulses.trains
        )


class PulsedMeasurement(Measurement):
    """An execution that discharges, puts a resistor beside the device, and pulses.

    Parameters
    ----------
    protocol : CurrentPulseProtocol
        The parameters.
    bench : ConnectedBench
        An open bench.
    current : float
        Largest current of a pulse in A.
    drawing : Drawing
        The plots.
    """

    def __init__(
        self,
        protocol: CurrentPulseProtocol,
        bench: ConnectedBench,
        current: float,
        drawing: Drawing,
    ) -> None:
        self._settings, self._current = protocol, current
        self.pulser = bench.current_pulser
        self.matrix = bench.switch_matrix
        self.drawing = drawing

    def prepare(self) -> None:
        """Discharge from the beginning: configure, close the relays, output on."""
        settings = self._settings.pulser
        self.pulser.configure(
            compliance_voltage=settings.compliance_voltage,
            largest_current=self._current,
            voltage_range=settings.voltage_range,
            power_line_cycles=settings.power_line_cycles,
        )
        self.matrix.connect(channels_of(self._settings.discharge.channels))
        self.pulser.output_on()

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Draw what has been measured; each step discharges the device itself."""
        for index, rows in enumerate(steps):
            self.drawing.add(index, rows)
        return ""

    def rest(self) -> float:
        """Discharge the device; return the voltage in V that is left."""
        discharge = self._settings.discharge
        self.matrix.connect(channels_of(discharge.channels))
        return float(self.pulser.watch(1, discharge.duration).voltage[0])

    def put_beside(self, name: str) -> None:
        """Put a regulating resistor beside the device."""
        self.matrix.connect(channels_of(self._settings.resistors[name]))

    def pulse(self, pulses: CurrentPulses) -> PulseVoltages:
        """Send pulses.

        Raises
        ------
        InstrumentError
            If a reading overflowed its range or the voltage was limited.
        """
        found = self.pulser.pulses(pulses)
        if found.in_compliance:
            raise InstrumentError(
                "the voltage was held by its limit, so the current was not reached; "
                "raise pulser.compliance_voltage"
            )
        if np.isnan(found.peak).any() or np.isnan(found.residual).any():
            raise InstrumentError(
                "a voltage overflowed its range; raise pulser.voltage_range"
            )
        return found
