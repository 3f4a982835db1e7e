"""What protocols share that route one perovskite computing unit at a time.

The relays move only while the source is at 0 V, and a route is judged by the nets that
it joins before any output goes on. A wait of the relays' settling time is the switch's
own: `connect` returns when all have settled.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 1a-e, 2b, "Electrical
Characterization".
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, field_validator

from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.instruments.matrix_routes import GROUND, MatrixRoutes
from labneuro.instruments.step_pulses import ProgrammingSourceMeter, StepPulses
from labneuro.instruments.stress import METER, PULSER, Levels
from labneuro.protocols.base import Measurement, MeasurementProtocol, Step
from labneuro.units import Ampere, InputModel, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import CurrentReadings
    from labneuro.instruments.step_pulses import StepPulseReadings
    from labneuro.protocols.base import Drawing

SIDE = 3
"""Rows and columns of an array."""
ALL_UNITS = tuple(10 * i + j for i in (1, 2, 3) for j in (1, 2, 3))
LINE_PERIOD = 0.02
"""s; the longer of the two"""
RELAYS = 0.02
"""s expected for the relays and the configuration of a step."""
GUARD_COMPLIANCE = 2e-3
"""Of the guard, in A."""
GUARD_AT_REST = Levels(PULSER, ((0.0, 0.0),))
"""The guard on at 0 V: its compliance counts."""


def staircase(*corners: float, increment: float) -> NDArray[np.float64]:
    """Return levels from corner to corner in V, free of rounding noise.

    Parameters
    ----------
    *corners : float
        In V, visited in order.
    increment : float
        Height of a stair in V.
    """
    parts = [np.array(corners[:1])]
    for start, stop in pairwise(corners):
        count = max(1, round(abs(stop - start) / increment))
        parts.append(np.linspace(start, stop, count + 1)[1:])
    return np.asarray(np.round(np.concatenate(parts), 9), dtype=np.float64)


def sweep_levels(levels: Iterable[float], held: float) -> tuple[Levels, ...]:
    """Return the set-points of a sweep and of the guard that follows it.

    Parameters
    ----------
    levels : iterable of float
        V
    held : float
        Duration of each in s.
    """
    segments = tuple((float(level), held) for level in levels)
    return Levels(METER, segments), Levels(PULSER, segments)


class StepPulseSettings(InputModel):
    """How M1 is programmed: incremental step pulses with verify.

    Attributes
    ----------
    tolerance : float
        Largest relative deviation that counts as reached.
    first : float
        Magnitude of the first pulse in each direction, in V.
    increment : float
        Growth from pulse to pulse, in V.
    largest : float
        Magnitude at which pulses stay, in V.
    width : float
        Of a pulse in s.
    read_voltage : float
        V
    current_range : float
        Measuring range of the readings in A.
    compliance : float
        Current limit during pulses in A.
    settling : float
        From the read level to the integration, in s.
    power_line_cycles : float
        Integration time in power-line cycles.
    most_pulses : int
        Pulses after which it is given up.
    """

    tolerance: Annotated[float, Field(ge=1e-4, le=0.5)] = 0.02
    first: Annotated[Volt, Field(gt=0)] = 0.2
    increment: Annotated[Volt, Field(ge=0)] = 0.1
    largest: Annotated[Volt, Field(gt=0)] = 1.5
    width: Annotated[Second, Field(gt=0, le=10)] = 0.02
    read_voltage: Annotated[Volt, Field(gt=0)] = 0.01
    current_range: Annotated[Ampere, Field(gt=0)] = 20e-6
    compliance: Annotated[Ampere, Field(gt=0)] = 2e-3
    settling: Annotated[Second, Field(ge=0, le=10)] = 5e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 1.0
    most_pulses: Annotated[int, Field(ge=1, le=400)] = 100

    def pulses(self, target: float) -> StepPulses:
        """Return the pulses to a conductance in S."""
        return StepPulses(
            target,
            self.tolerance,
            self.first,
            self.increment,
            self.largest,
            self.width,
            self.read_voltage,
            self.settling,
            self.most_pulses,
        )

    @property
    def aperture(self) -> float:
        """Integration time in s."""
        return self.power_line_cycles * LINE_PERIOD

    def step(self, label: str, target: float) -> Step:
        """Return the step of a plan that programs M1 with the most pulses."""
        levels = self.pulses(target).levels(self.aperture)
        once = self.width + self.settling + self.aperture
        return Step(
            label=label,
            levels=(levels, GUARD_AT_REST),
            current=self.compliance,
            compliance=max(GUARD_COMPLIANCE, self.compliance),
            pulses=self.most_pulses,
            duration=RELAYS + (self.most_pulses + 1) * once,
        )


class BinaryPulseSettings(InputModel):
    """How M2 is set and reset: one pulse each.

    Attributes
    ----------
    set_voltage, reset_voltage : float
        Levels from configure line 2 to the bit line in V.
    width : float
        Of a pulse in s.
    read_voltage : float
        V
    compliance : float
        Current limit during pulses, and measuring range of the low-resistance state,
        in A.
    low_range : float
        Measuring range of the high-resistance state in A.
    settling : float
        From the read level to the integration, in s.
    power_line_cycles : float
        Integration time in power-line cycles.
    """

    set_voltage: Annotated[Volt, Field(gt=0)] = 0.8
    reset_voltage: Annotated[Volt, Field(lt=0)] = -0.75
    width: Annotated[Second, Field(gt=0, le=10)] = 0.02
    read_voltage: Annotated[Volt, Field(gt=0)] = 0.1
    compliance: Annotated[Ampere, Field(gt=0)] = 2e-3
    low_range: Annotated[Ampere, Field(gt=0)] = 100e-9
    settling: Annotated[Second, Field(ge=0, le=10)] = 0.02
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 1.0

    @property
    def aperture(self) -> float:
        """Integration time in s."""
        return self.power_line_cycles * LINE_PERIOD

    def switch_levels(self, *, on: bool) -> tuple[Levels, ...]:
        """Return the set-points of a set or a reset pulse and of the reading after."""
        level = self.set_voltage if on else self.reset_voltage
        return (
            *sweep_levels([level], self.width + self.aperture),
            *sweep_levels([self.read_voltage], self.settling + self.aperture),
        )


class UnitProtocol(MeasurementProtocol):
    """Base of protocols that measure some units of the 3x3 array.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    """

    device_models: ClassVar[tuple[str, ...]] = ("pcu",)

    units: Annotated[tuple[int, ...], Field(min_length=1, max_length=9)] = ALL_UNITS

    @field_validator("units")
    @classmethod
    def _known_units(cls, units: tuple[int, ...]) -> tuple[int, ...]:
        for unit in units:
            if unit not in ALL_UNITS:
                raise ValueError(f"{unit} is no unit; row and column, 11 to 33")
        if len(set(units)) < len(units):
            raise ValueError("a unit is given twice")
        return units


def lines_of(unit: int) -> dict[str, str]:
    """Return the four terminals of a unit: word, configure1, configure2, bit."""
    row, column = divmod(unit, 10)
    return {
        "word": f"word_{row}",
        "configure1": f"configure1_{unit}",
        "configure2": f"configure2_{unit}",
        "bit": f"bit_{column}",
    }


class UnitMeasurement(Measurement):
    """An execution that routes one unit after the other.

    Parameters
    ----------
    bench : ConnectedBench
        An open bench.
    drawing : Drawing
        The plots.
    routes : iterable of (str, int)
        Every element and unit that will be routed: judged by :meth:`prepare`.
    """

    def __init__(
        self,
        bench: ConnectedBench,
        drawing: Drawing,
        routes: Iterable[tuple[str, int]],
    ) -> None:
        meter = bench.source_meter
        if not isinstance(meter, ProgrammingSourceMeter):
            raise BenchConfigError(
                f"{bench.config.path}: roles.source_meter: must be one that "
                "programs by itself and can be guarded, such as a Keithley 2612A"
            )
        self.meter: ProgrammingSourceMeter = meter
        self.matrix = bench.switch_matrix
        self.drawing = drawing
        self._bench = bench
        self._routes = MatrixRoutes(bench.config)
        self._wanted = list(dict.fromkeys(routes))

    def prepare(self) -> None:
        """Judge every route and open all relays; outputs go on with their routes."""
        for element, unit in self._wanted:
            self._channels(element, unit)
        self.matrix.connect(())

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Draw what has been measured; each step brings its own state with it."""
        for index, rows in enumerate(steps):
            self.drawing.add(index, rows)
        return ""

    def route(
        self,
        element: str,
        unit: int,
        *,
        current_range: float,
        power_line_cycles: float,
        compliance: float | None = None,
    ) -> None:
        """Route an element of a unit to the source meter and switch the output on.

        The output is off while the relays move.

        Parameters
        ----------
        element : str
            ``"multistate"``, ``"binary"``, ``"forward"`` (D1), or ``"unit"``.
        unit : int
            Row and column.
        current_range, compliance : float
            A; without compliance it is the range.
        power_line_cycles : float
            Integration time.
        """
        limit = current_range if compliance is None else compliance
        self.meter.configure(
            compliance_current=limit,
            current_range=current_range,
            power_line_cycles=power_line_cycles,
        )
        self.matrix.connect(self._channels(element, unit))
        # On a route without a guard its row is open; but an output that is off would
        # bound no current.
        self.meter.guard_with(self._bench.current_pulser, GUARD_COMPLIANCE)
        self.meter.output_on()

    def sweep(self, levels: NDArray[np.float64], settling: float) -> CurrentReadings:
        """Sweep and refuse readings that overflowed or were limited.

        Raises
        ------
        InstrumentError
            If one did.
        """
        found = self.meter.sweep(levels, settling)
        if found.in_compliance or not np.isfinite(found.current).all():
            raise InstrumentError(
                "a reading overflowed its range or was limited; raise its current range"
            )
        return found

    def program(
        self, unit: int, target: float, settings: StepPulseSettings
    ) -> StepPulseReadings:
        """Program M1 of a unit to a conductance in S.

        Raises
        ------
        InstrumentError
            If a reading overflowed or a pulse was limited by the compliance.
        """
        self.route(
            "multistate",
            unit,
            current_range=settings.current_range,
            compliance=settings.compliance,
            power_line_cycles=settings.power_line_cycles,
        )
        found = self.meter.step_pulses(settings.pulses(target))
        if found.limited:
            raise InstrumentError(
                f"unit {unit}: a pulse was held by the compliance; raise "
                "step_pulses.compliance"
            )
        if not np.isfinite(found.current).all():
            raise InstrumentError(
                f"unit {unit}: a reading overflowed; raise step_pulses.current_range"
            )
        return found

    def switch(self, unit: int, settings: BinaryPulseSettings, *, on: bool) -> float:
        """Set or reset M2 of a unit; return the current read afterwards in A.

        Raises
        ------
        InstrumentError
            If a reading overflowed.
        """
        self.route_binary(unit, settings, settings.compliance)
        level = settings.set_voltage if on else settings.reset_voltage
        # A reset may end at the compliance: D2 carries the rest then.
        self.meter.sweep(np.array([level]), settings.width)
        return self.read_binary(unit, settings, on=on)

    def read_binary(
        self, unit: int, settings: BinaryPulseSettings, *, on: bool
    ) -> float:
        """Return the current of M2 and D2 at the read voltage in A."""
        self.route_binary(
            unit, settings, settings.compliance if on else settings.low_range
        )
        levels = np.array([settings.read_voltage])
        return float(self.sweep(levels, settings.settling).current[0])

    def route_binary(
        self, unit: int, settings: BinaryPulseSettings, range_: float
    ) -> None:
        """Route M2 of a unit on a current range in A."""
        self.route(
            "binary",
            unit,
            current_range=range_,
            power_line_cycles=settings.power_line_cycles,
        )

    def _channels(self, element: str, unit: int) -> tuple[str, ...]:
        roles = self._bench.config.roles
        outputs = {
            "source": roles["source_meter"],
            "ground": GROUND,
            "guard": roles.get("current_pulser", ""),
        }
        chosen = _ROUTES[element](unit)
        return self._routes.channels(
            {outputs[line]: terminals for line, terminals in chosen.items()}
        )


_Route = dict[str, list[str]]


def _multistate(unit: int) -> _Route:
    """Return M1, without a guard, which does not follow step pulses."""
    lines = lines_of(unit)
    return {"source": [lines["word"]], "ground": [lines["configure1"]]}


def _binary(unit: int) -> _Route:
    """Return M2 and D2: nothing across D1, which the guard holds."""
    lines = lines_of(unit)
    return {
        "source": [lines["configure2"]],
        "ground": [lines["bit"]],
        "guard": [lines["configure1"]],
    }


def _forward(unit: int) -> _Route:
    """Return D1 alone: nothing across M1, which is guarded, nor across M2 and D2."""
    lines = lines_of(unit)
    return {
        "source": [lines["configure1"]],
        "ground": [lines["configure2"], lines["bit"]],
        "guard": [lines["word"]],
    }


def _whole(unit: int) -> _Route:
    """Return the unit from word to bit; all other word and bit lines are guarded."""
    lines = lines_of(unit)
    words = [f"word_{i + 1}" for i in range(SIDE)]
    bits = [f"bit_{j + 1}" for j in range(SIDE)]
    others = [one for one in words + bits if one not in (lines["word"], lines["bit"])]
    return {
        "source": [lines["word"]],
        "ground": [lines["bit"]],
        "guard": others,
    }


_ROUTES = {
    "multistate": _multistate,
    "binary": _binary,
    "forward": _forward,
    "unit": _whole,
}
