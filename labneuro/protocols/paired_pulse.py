"""Paired pulses: how much the second answer exceeds the first, by interval."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.roles import CurrentPulses
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.current_pulses import CurrentPulseProtocol, PulsedMeasurement
from labneuro.units import Ampere, Second, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one resistor at one interval", "i4"),
    Column("resistance", "ohm", "regulating resistance, infinite if open"),
    Column("interval", "s", "from the end of the first pulse to the second"),
    Column("repeat", "", "repetition, from 0", "i4"),
    Column("first", "V", "voltage at the end of the first pulse"),
    Column("second", "V", "voltage at the end of the second pulse"),
    Column("index", "", "second over first"),
    Column("start_voltage", "V", "voltage after the discharge before the pair"),
)
_SWITCHING = 0.1  # s expected for the relays of a pair


class PairedPulse(CurrentPulseProtocol):
    """Two current pulses, at each interval and beside each regulating resistor.

    Attributes
    ----------
    current : float
        Of both pulses in A.
    width : float
        Length of a pulse in s.
    intervals : tuple of float
        From the end of the first pulse to the start of the second, in s.
    repeats : int
        Pairs at each interval, each after a discharge.
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none.
    discharge : Discharge
        How the device is brought to rest before each pair.
    pulser : PulserSettings
        Of the source.
    """

    summary: ClassVar[str] = "pairs of current pulses over interval and resistor"

    current: Annotated[Ampere, Field(gt=0)] = 1e-3
    width: Annotated[Second, Field(gt=0)] = 1e-3
    intervals: Annotated[
        tuple[Annotated[Second, Field(gt=0, le=1000)], ...],
        Field(min_length=1, max_length=200),
    ] = (1e-3, 3e-3, 10e-3, 30e-3, 100e-3)
    repeats: Annotated[int, Field(ge=1, le=1000)] = 3

    @property
    def conditions(self) -> list[tuple[str, float]]:
        """Resistor and interval of each step."""
        return list(product(self.resistors, self.intervals))

    def pair(self, interval: float) -> CurrentPulses:
        """Return the two pulses at an interval in s."""
        return CurrentPulses(((self.current, 2),), self.width, self.width + interval)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a resistor and interval."""
        del device
        return Plan(
            tuple(
                Step(
                    label=f"{self.repeats} pairs {show(interval, 's')} apart, {name}",
                    levels=self.levels(self.pair(interval)) * self.repeats,
                    current=self.current,
                    compliance=self.current,
                    pulses=2 * self.repeats,
                    duration=self.repeats
                    * (
                        self.discharge.duration
                        + _SWITCHING
                        + self.pair(interval).duration
                    ),
                )
                for name, interval in self.conditions
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the map of the index."""
        del device
        plot = Plot(
            name="paired_pulse",
            title="Paired-pulse index, mean of the repetitions",
            signal=Column("index", "", "second over first"),
            axes=(
                Axis(
                    Column("resistance", "ohm", "regulating resistance"),
                    self.resistances,
                ),
                Axis(
                    Column("interval", "s", "interval between the pulses"),
                    np.array(self.intervals),
                ),
            ),
            further=(
                Column("first", "V", "voltage at the end of the first pulse"),
                Column("second", "V", "voltage at the end of the second pulse"),
            ),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="index",
            readings_axis="interval",
            plots=(plot,),
            default="paired_pulse",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Map(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Map(Drawing):
    """Means over the repetitions by resistor and interval."""

    def __init__(self, protocol: PairedPulse) -> None:
        shape = len(protocol.resistors), len(protocol.intervals)
        names = ("signal", "errors", "first", "second")
        self._plot = {name: np.full(shape, np.nan) for name in names}

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        place = np.unravel_index(index, self._plot["signal"].shape)
        found = np.asarray(rows["index"], dtype=np.float64)
        self._plot["signal"][place] = found.mean()
        if len(found) > 1:
            self._plot["errors"][place] = found.std(ddof=1) / np.sqrt(len(found))
        for name in ("first", "second"):
            self._plot[name][place] = np.asarray(rows[name], dtype=np.float64).mean()
        return {"paired_pulse": self._plot}


class _Execution(PulsedMeasurement):
    def __init__(self, protocol: PairedPulse, bench: ConnectedBench) -> None:
        super().__init__(protocol, bench, protocol.current, protocol.drawing())
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        name, interval = protocol.conditions[index]
        resistor = list(protocol.resistors).index(name)
        starts, peaks = [], []
        for _ in range(protocol.repeats):
            starts.append(self.rest())
            self.put_beside(name)
            peaks.append(self.pulse(protocol.pair(interval)).peak)
        first, second = np.array(peaks).T
        count = protocol.repeats
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "resistance": np.full(count, protocol.resistances[resistor]),
            "interval": np.full(count, interval),
            "repeat": np.arange(count, dtype=np.int32),
            "first": first,
            "second": second,
            "index": second / first,
            "start_voltage": np.array(starts),
        }
        return Block(rows, self.drawing.add(index, rows))
