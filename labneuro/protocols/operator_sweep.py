"""Operators of the computing units over their operands, for errors and codebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.devices.pcu_operators import SOFTPLUS_OFFSET
from labneuro.errors import InstrumentError
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.operator_inputs import Curve, Grid, NominalDiode
from labneuro.protocols.operator_units import (
    TRIPLE,
    Composed,
    UnitCurve,
    rotated,
)
from labneuro.protocols.pcu_units import (
    GUARD_COMPLIANCE,
    LINE_PERIOD,
    RELAYS,
    BinaryPulseSettings,
    StepPulseSettings,
    UnitMeasurement,
    UnitProtocol,
    staircase,
    sweep_levels,
)
from labneuro.units import Ampere, Second, Siemens, Volt, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Array = NDArray[np.float64]

CURVE, ANSWER = 0, 1
"""Kinds of readings: a unit's own curve, an operator's answer."""
_READINGS = (
    Column("step", "", "step: one unit's curve or one operator", "i4"),
    Column("kind", "", "0 curve of a unit, 1 answer of an operator", "i4"),
    Column("unit", "", "row and column of the unit, of an operator its last", "i4"),
    Column("operator", "", "number of the operator, from 0; -1 for a curve", "i4"),
    Column("repeat", "", "repeat, from 0", "i4"),
    Column("input", "", "first operand, as in the codebook; V for a curve"),
    Column("second_input", "", "second operand, NaN if none"),
    Column("ideal", "", "ideal answer, as in the codebook; NaN for a curve"),
    Column("answer", "", "measured answer, as in the codebook; NaN for a curve"),
    Column("current", "A", "current, NaN where the answer is a share of several"),
)
Operator = Literal[
    "multiplier", "divider", "exponential", "softplus", "sigmoid", "softmax"
]
_ROUNDING = 1e-6  # V
TWO_OPERANDS = ("multiplier", "divider")
_LOGARITHMIC = (*TWO_OPERANDS, "softmax")


class OperatorSweep(UnitProtocol):
    """Every unit is programmed; then operators made of them are asked over a grid.

    Multiplier and divider need three units, a softmax of two inputs seven for each
    input. Nine units make `operators` of them by rotation: operators share units. The
    units of an operator are measured one after the other; see
    :mod:`labneuro.protocols.operator_units`.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    operator : str
        ``multiplier``, ``divider``, ``exponential``, ``softplus``, ``sigmoid`` or
        ``softmax``.
    operators : int
        Number of operators.
    inputs : Grid
        Of multiplier and divider both operands in reference currents; of the
        exponential its exponent; of softplus and sigmoid the voltage in V; of the
        softmax the difference of the two logits.
    repeats : int
        How often the grid is measured.
    multistate : float
        Conductance of M1 in S that every unit is programmed to.
    offset : float
        V that softplus adds to its input.
    nominal : NominalDiode
        What the circuits assume of the units.
    curve : Curve
        Of the logarithmic units.
    current_range : float
        Measuring range of the answers in A, and the compliance.
    settling : float
        Wait from level to integration in s.
    power_line_cycles : float
        Integration time in power-line cycles.
    step_pulses : StepPulseSettings
        How M1 is programmed.
    binary : BinaryPulseSettings
        How M2 is set, or reset for the sigmoid.
    """

    summary: ClassVar[str] = "operators over their operands: errors and codebook"

    operator: Operator = "multiplier"
    operators: Annotated[int, Field(ge=1, le=1000)] = 10
    inputs: Grid = Grid(start=0.5, stop=5.0, points=10)
    repeats: Annotated[int, Field(ge=1, le=1000)] = 3
    multistate: Annotated[Siemens, Field(gt=0)] = 500e-6
    offset: Volt = SOFTPLUS_OFFSET
    nominal: NominalDiode = NominalDiode()
    curve: Curve = Curve()
    current_range: Annotated[Ampere, Field(gt=0)] = 10e-6
    settling: Annotated[Second, Field(ge=0, le=10)] = 5e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 1.0
    step_pulses: StepPulseSettings = StepPulseSettings()
    binary: BinaryPulseSettings = BinaryPulseSettings()

    @model_validator(mode="after")
    def _operands_fit(self) -> OperatorSweep:
        if self.operator in TWO_OPERANDS and self.inputs.start <= 0:
            raise ValueError("inputs.start: operands must be above 0")
        if self.operator in _LOGARITHMIC and len(self.units) < TRIPLE:
            raise ValueError(f"units: a {self.operator} needs at least three")
        return self

    @property
    def operands(self) -> tuple[Array, Array]:
        """First and second operand of each asked point, shape (points,) each."""
        values = self.inputs.values
        if self.operator in TWO_OPERANDS:
            first, second = np.meshgrid(values, values, indexing="ij")
            return first.ravel(), second.ravel()
        if self.operator == "softmax":
            values = 1.0 / (1.0 + np.exp(-values))
        return values, np.full(len(values), np.nan)

    @property
    def ideal(self) -> Array:
        """Ideal answers as the codebook counts them; NaN where a fit gives the scale.

        Softplus and sigmoid are measured in V and A: what they should be is a matter of
        the fit of A and K.
        """
        first, second = self.operands
        known: dict[str, Callable[[], Array]] = {
            "multiplier": lambda: first * second,
            "divider": lambda: first / second,
            "exponential": lambda: np.exp(first),
            "softmax": lambda: first,
        }
        if self.operator in known:
            return np.asarray(known[self.operator]())
        return np.full(len(first), np.nan)

    @property
    def curves(self) -> tuple[int, ...]:
        """Units whose curve is measured first; each is programmed with it."""
        return self.units

    @property
    def curve_levels(self) -> Array:
        """Levels of a unit's curve in V, of a unit that is only programmed 0 V."""
        if self.operator in _LOGARITHMIC:
            return staircase(0.0, self.curve.stop, increment=self.curve.increment)
        return np.zeros(1)

    @property
    def highest(self) -> float:
        """The largest magnitude in V that a unit is driven at."""
        values, unit = np.abs(self.inputs.values), self.nominal.unit
        if self.operator == "softplus":
            return float(np.abs(self.inputs.values + self.offset).max())
        if self.operator == "sigmoid":
            return float(values.max())
        if self.operator == "exponential":
            return float(np.abs(unit.emission * self.inputs.values + unit.offset).max())
        # Multiplier and divider: at most what makes the output unit's full range.
        return self.curve.stop

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the largest voltage would do to M1 and M2, where it would."""
        found = []
        on = self.operator != "sigmoid"
        limit = self.nominal.disturbing_voltage(self.multistate)
        if on and self.highest > limit:
            found.append(
                f"{self.operator}: {show(self.highest, 'V')} across a unit reprograms "
                f"M1: at {show(self.multistate, 'S')} it leaves its dead zone of "
                f"{show(self.nominal.dead_zone, 'V')} from {show(limit, 'V')} on"
            )
        if not on and self.highest > self.nominal.binary_set:
            found.append(
                f"sigmoid: {show(self.highest, 'V')} across a unit sets M2, which "
                f"begins at {show(self.nominal.binary_set, 'V')}"
            )
        return tuple(found)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a unit (program, curve) and one an operator."""
        del device
        prepared = [self._prepare_step(unit) for unit in self.curves]
        asked = [self._ask_step(number) for number in range(self.operators)]
        return Plan((*prepared, *asked), warnings=self.warnings)

    @property
    def _held(self) -> float:
        return self.settling + self.power_line_cycles * LINE_PERIOD

    def _prepare_step(self, unit: int) -> Step:
        pulses = self.step_pulses.step("", self.multistate)
        levels = self.curve_levels
        return Step(
            label=f"program unit {unit} and measure its curve",
            levels=(
                *pulses.levels,
                *self.binary.switch_levels(on=self.operator != "sigmoid"),
                *sweep_levels(levels, self._held),
            ),
            current=max(pulses.current, self.binary.compliance, self.current_range),
            compliance=max(
                pulses.compliance, self.binary.compliance, self.current_range
            ),
            pulses=pulses.pulses + 1,
            duration=pulses.duration + 4 * RELAYS + self._held * len(levels),
        )

    def _ask_step(self, number: int) -> Step:
        sweeps = 6 if self.operator == "softmax" else 1
        count = sweeps * self.repeats * len(self.operands[0])
        # The levels follow from measured curves; these are the most they may be.
        levels = np.tile([self.highest, -self.highest], (count + 1) // 2)
        return Step(
            label=f"{self.operator} {number}",
            levels=sweep_levels(levels, self._held),
            current=self.current_range,
            compliance=max(GUARD_COMPLIANCE, self.current_range),
            pulses=0,
            duration=sweeps * RELAYS + self._held * count,
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the codebook."""
        del device
        first = Column("input", "V" if self.in_volts else "", "input")
        values = self.inputs.values
        if self.operator == "softmax":
            values = self.operands[0]
        axes = [
            Axis(Column("operator", "", "operator"), np.arange(self.operators)),
            Axis(first, values),
        ]
        if self.operator in TWO_OPERANDS:
            axes.append(Axis(Column("second_input", "", "second operand"), values))
        plot = Plot(
            name="codebook",
            title=f"Codebook of the {self.operator}: mean answer by input and operator",
            signal=Column("mean", "A" if self.in_volts else "", "mean answer"),
            axes=tuple(axes),
            errors=False,
            further=(
                Column(
                    "deviation",
                    "A" if self.in_volts else "",
                    "standard deviation of single answers, NaN of one repeat",
                ),
            ),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="answer",
            readings_axis="input",
            plots=(plot,),
            default="codebook",
        )

    @property
    def in_volts(self) -> bool:
        """Whether inputs are in V and answers in A: softplus and sigmoid."""
        return self.operator in ("softplus", "sigmoid")

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Codebook(self)

    def prologue(self, device: DeviceConfig) -> tuple[Step, ...]:
        """Return the programming and the curves of every unit, done anew."""
        return self.plan(device).steps[: len(self.curves)]

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return OperatorExecution(self, bench)


class _Codebook(Drawing):
    """Mean and deviation of the answers, by operator and input."""

    def __init__(self, protocol: OperatorSweep) -> None:
        points = protocol.inputs.points
        two = protocol.operator in TWO_OPERANDS
        inner = (points, points) if two else (points,)
        self._prepared = len(protocol.curves)
        self._repeats = protocol.repeats
        self._mean = np.full((protocol.operators, *inner), np.nan)
        self._deviation = np.full_like(self._mean, np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, Array]]:
        if index < self._prepared:
            return {}
        answers = np.asarray(rows["answer"], dtype=np.float64)
        answers = answers.reshape(self._repeats, *self._mean.shape[1:])
        place = index - self._prepared
        self._mean[place] = answers.mean(axis=0)
        if self._repeats > 1:
            self._deviation[place] = answers.std(axis=0, ddof=1)
        return {"codebook": {"signal": self._mean, "deviation": self._deviation}}


class OperatorExecution(UnitMeasurement):
    """Programs the units, then asks the operators.

    Parameters
    ----------
    protocol : OperatorSweep
        The parameters.
    bench : ConnectedBench
        An open bench.
    """

    def __init__(self, protocol: OperatorSweep, bench: ConnectedBench) -> None:
        elements = ("multistate", "binary", "unit")
        routes = ((one, unit) for one in elements for unit in protocol.units)
        super().__init__(bench, protocol.drawing(), routes)
        self._protocol = protocol
        self._nominal = protocol.nominal.unit
        self._curves: dict[int, UnitCurve] = {}
        self._composed = Composed(self._curves, self._drive, self._nominal)

    def measure(self, index: int) -> Block:
        """Execute a step."""
        prepared = self._protocol.curves
        if index < len(prepared):
            rows = self._prepare(index, prepared[index])
        else:
            rows = self._ask(index, index - len(prepared))
        return Block(rows, self.drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Draw what has been measured; program every unit again and take its curve."""
        super().restore(steps)
        for index in range(min(len(steps), len(self._protocol.curves))):
            self._prepare(index, self._protocol.curves[index])
        return f"{len(self._curves)} units programmed again"

    def _prepare(self, index: int, unit: int) -> dict[str, NDArray[np.generic]]:
        protocol = self._protocol
        self.program(unit, protocol.multistate, protocol.step_pulses)
        self.switch(unit, protocol.binary, on=protocol.operator != "sigmoid")
        levels = protocol.curve_levels
        current = self._drive(unit, levels)
        self._curves[unit] = UnitCurve(
            levels, current, self._nominal.saturation_current
        )
        count = len(levels)
        missing = np.full(count, np.nan)
        return {
            "step": np.full(count, index, dtype=np.int32),
            "kind": np.full(count, CURVE, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "operator": np.full(count, -1, dtype=np.int32),
            "repeat": np.zeros(count, dtype=np.int32),
            "input": levels,
            "second_input": missing,
            "ideal": missing,
            "answer": missing,
            "current": current,
        }

    def _drive(self, unit: int, volts: Array) -> Array:
        """Drive a unit from word to bit at voltages; return the currents in A."""
        protocol = self._protocol
        most = max(protocol.highest, float(protocol.curve_levels.max()))
        if np.abs(volts).max() > most + _ROUNDING:
            raise InstrumentError(
                f"unit {unit}: the operator asks for {np.abs(volts).max():.3g} V, "
                f"planned are {most:.3g} V; raise curve.stop"
            )
        self.route(
            "unit",
            unit,
            current_range=protocol.current_range,
            power_line_cycles=protocol.power_line_cycles,
        )
        return self.sweep(np.round(volts, 9), protocol.settling).current

    def _ask(self, index: int, number: int) -> dict[str, NDArray[np.generic]]:
        protocol = self._protocol
        first, second = protocol.operands
        count, repeats = len(first), protocol.repeats
        last, answers = _ASKED[protocol.operator](
            self, number, np.tile(first, repeats), np.tile(second, repeats)
        )
        total = count * repeats
        scale = 1.0 if protocol.in_volts else self._nominal.reference_current
        shares = protocol.operator == "softmax"
        return {
            "step": np.full(total, index, dtype=np.int32),
            "kind": np.full(total, ANSWER, dtype=np.int32),
            "unit": np.full(total, last, dtype=np.int32),
            "operator": np.full(total, number, dtype=np.int32),
            "repeat": np.repeat(np.arange(repeats, dtype=np.int32), count),
            "input": np.tile(first, repeats),
            "second_input": np.tile(second, repeats),
            "ideal": np.tile(protocol.ideal, repeats),
            "answer": answers if shares else answers / scale,
            "current": np.full(total, np.nan) if shares else answers,
        }

    def pair(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask a multiplier or a divider; return its last unit and currents in A."""
        triple = rotated(self._protocol.units, number, TRIPLE)
        if number >= len(self._protocol.units):  # the same units, otherwise arranged
            triple = triple[::-1]
        unit = self._nominal.reference_current
        one = self._protocol.operator == "multiplier"
        circuit = self._composed.multiply if one else self._composed.divide
        return triple[-1], circuit(triple, first * unit, second * unit)

    def single(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask one unit; return it and its currents in A."""
        del second
        protocol = self._protocol
        (unit,) = rotated(protocol.units, number, 1)
        if protocol.operator == "exponential":
            return unit, self._composed.exponential(unit, first)
        offset = protocol.offset if protocol.operator == "softplus" else 0.0
        return unit, self._drive(unit, first + offset)

    def shares(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask a softmax of two inputs; return a unit and the first input's share."""
        del second
        logits = np.stack([np.log(first / (1.0 - first)), np.zeros(len(first))], 1)
        units = self._protocol.units
        return (
            rotated(units, number + 6, 1)[0],
            self._composed.softmax(units, number, logits)[:, 0],
        )


_ASKED = {
    "multiplier": OperatorExecution.pair,
    "divider": OperatorExecution.pair,
    "exponential": OperatorExecution.single,
    "softplus": OperatorExecution.single,
    "sigmoid": OperatorExecution.single,
    "softmax": OperatorExecution.shares,
}
