"""Pulse response: the voltage that one current pulse leaves, by intensity and width."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.roles import CurrentPulses
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.current_pulses import (
    CurrentPulseProtocol,
    PulsedMeasurement,
    resistance_of,
)
from labneuro.units import Ampere, Second, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one resistor, current and width", "i4"),
    Column("resistance", "ohm", "regulating resistance, infinite if open"),
    Column("current", "A", "current of the pulse"),
    Column("width", "s", "length of the pulse"),
    Column("repeat", "", "repetition, from 0", "i4"),
    Column("peak", "V", "voltage at the end of the pulse"),
    Column("residual", "V", "voltage at the end of the gap"),
    Column("start_voltage", "V", "voltage after the discharge before the pulse"),
)
_SWITCHING = 0.1  # s expected for the relays of a pulse


class PulseResponse(CurrentPulseProtocol):
    """One pulse from rest, at each current and width, beside each resistor.

    Attributes
    ----------
    currents : tuple of float
        Intensities of the pulse in A, either sign.
    widths : tuple of float
        Lengths of the pulse in s.
    gap : float
        From the end of the pulse to the end of the second reading, in s.
    repeats : int
        Pulses at each condition, each after a discharge.
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none.
    discharge : Discharge
        How the device is brought to rest before each pulse.
    pulser : PulserSettings
        Of the source.
    """

    summary: ClassVar[str] = "single pulses over intensity, width and resistor"

    currents: Annotated[
        tuple[Ampere, ...],
        Field(min_length=1, max_length=1000),
    ] = (0.5e-3, 1e-3)
    widths: Annotated[
        tuple[Annotated[Second, Field(gt=0, le=100)], ...],
        Field(min_length=1, max_length=1000),
    ] = (1e-3, 2e-3)
    gap: Annotated[Second, Field(gt=0, le=100)] = 1e-3
    repeats: Annotated[int, Field(ge=1, le=1000)] = 3

    @property
    def conditions(self) -> list[tuple[str, float, float]]:
        """Resistor, current and width of each step."""
        return list(product(self.resistors, self.currents, self.widths))

    def pulse(self, current: float, width: float) -> CurrentPulses:
        """Return one pulse of a current in A and a width in s."""
        return CurrentPulses(((current, 1),), width, width + self.gap)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a resistor, current and width."""
        del device
        return Plan(tuple(self._step(*one) for one in self.conditions))

    def _step(self, name: str, current: float, width: float) -> Step:
        pulse = self.pulse(current, width)
        each = self.discharge.duration + _SWITCHING + pulse.duration
        what = f"{show(current, 'A')} for {show(width, 's')}"
        return Step(
            label=f"{self.repeats} pulses of {what}, {name}",
            levels=self.levels(pulse) * self.repeats,
            current=abs(current),
            compliance=abs(current),
            pulses=self.repeats,
            duration=self.repeats * each,
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the residual voltage by condition."""
        del device
        plot = Plot(
            name="pulse_response",
            title="Voltage at the end of the gap, mean of the repetitions",
            signal=Column("residual", "V", "voltage at the end of the gap"),
            axes=(
                Axis(
                    Column("resistance", "ohm", "regulating resistance"),
                    self.resistances,
                ),
                Axis(
                    Column("current", "A", "current of the pulse"),
                    np.array(self.currents),
                ),
                Axis(
                    Column("width", "s", "length of the pulse"), np.array(self.widths)
                ),
            ),
            further=(Column("peak", "V", "voltage at the end of the pulse"),),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="residual",
            readings_axis="current",
            plots=(plot,),
            default="pulse_response",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Map(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Map(Drawing):
    """Means over the repetitions by resistor, current and width."""

    def __init__(self, protocol: PulseResponse) -> None:
        shape = tuple(
            len(one) for one in (protocol.resistors, protocol.currents, protocol.widths)
        )
        names = ("signal", "errors", "peak")
        self._plot = {name: np.full(shape, np.nan) for name in names}

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        place = np.unravel_index(index, self._plot["signal"].shape)
        found = np.asarray(rows["residual"], dtype=np.float64)
        self._plot["signal"][place] = found.mean()
        if len(found) > 1:
            self._plot["errors"][place] = found.std(ddof=1) / np.sqrt(len(found))
        self._plot["peak"][place] = np.asarray(rows["peak"], dtype=np.float64).mean()
        return {"pulse_response": self._plot}


class _Execution(PulsedMeasurement):
    def __init__(self, protocol: PulseResponse, bench: ConnectedBench) -> None:
        largest = max(abs(one) for one in protocol.currents)
        super().__init__(protocol, bench, largest, protocol.drawing())
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        name, current, width = protocol.conditions[index]
        starts, peaks, residuals = [], [], []
        for _ in range(protocol.repeats):
            starts.append(self.rest())
            self.put_beside(name)
            found = self.pulse(protocol.pulse(current, width))
            peaks.append(found.peak[0])
            residuals.append(found.residual[0])
        count = protocol.repeats
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "resistance": np.full(count, resistance_of(name)),
            "current": np.full(count, current),
            "width": np.full(count, width),
            "repeat": np.arange(count, dtype=np.int32),
            "peak": np.array(peaks),
            "residual": np.array(residuals),
            "start_voltage": np.array(starts),
        }
        return Block(rows, self.drawing.add(index, rows))
