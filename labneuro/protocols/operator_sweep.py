"""Operators of the computing units over their operands, for errors and codebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.devices.pcu_composed import GELU_SLOPE
from labneuro.devices.pcu_operators import SOFTPLUS_OFFSET
from labneuro.errors import InstrumentError
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.operator_answers import READINGS, OperatorAnswers
from labneuro.protocols.operator_inputs import Curve, Grid, NominalDiode
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

Operator = Literal[
    "multiplier", "divider", "exponential", "softplus", "sigmoid", "softmax", "gelu"
]
_ROUNDING = 1e-6  # V
TWO_OPERANDS = ("multiplier", "divider")
_FEWEST_UNITS = {"multiplier": 3, "divider": 3, "softmax": 3, "gelu": 4}
"""Of operators with logarithmic units."""


class OperatorSweep(UnitProtocol):
    """Every unit is programmed; then operators made of them are asked over a grid.

    Multiplier and divider need three units, a GELU four, a softmax of two inputs seven
    for each input. Nine units make `operators` of them by rotation: they share units. A
    GELU's first unit is reset before it is a sigmoid and set again afterwards. The
    units of an operator are measured one after the other; see
    :mod:`labneuro.protocols.operator_units`.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    operator : str
        ``multiplier``, ``divider``, ``exponential``, ``softplus``, ``sigmoid``,
        ``softmax`` or ``gelu``.
    operators : int
        Number of operators.
    inputs : Grid
        Of multiplier and divider both operands in reference currents; of the
        exponential its exponent; of softplus and sigmoid the voltage in V; of the
        softmax the difference of the two logits; of the GELU its argument.
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
    gate_range : float
        The same of a GELU's sigmoid.
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
    gate_range: Annotated[Ampere, Field(gt=0)] = 100e-9
    settling: Annotated[Second, Field(ge=0, le=10)] = 5e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 1.0
    step_pulses: StepPulseSettings = StepPulseSettings()
    binary: BinaryPulseSettings = BinaryPulseSettings()

    @model_validator(mode="after")
    def _operands_fit(self) -> OperatorSweep:
        if self.operator in TWO_OPERANDS and self.inputs.start <= 0:
            raise ValueError("inputs.start: operands must be above 0")
        fewest = _FEWEST_UNITS.get(self.operator, 1)
        if len(self.units) < fewest:
            raise ValueError(f"units: a {self.operator} needs at least {fewest}")
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
            "gelu": lambda: first / (1.0 + np.exp(-GELU_SLOPE * first)),
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
        if self.operator in _FEWEST_UNITS:
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
        if self.operator == "gelu":
            gate = float(GELU_SLOPE * unit.emission * values.max())
            return max(gate, self.curve.stop)
        # Multiplier and divider: at most what makes the output unit's full range.
        return self.curve.stop

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the largest voltage would do to M1 and M2, where it would."""
        found = []
        limit = self.nominal.disturbing_voltage(self.multistate)
        if self.operator != "sigmoid" and self.highest > limit:
            found.append(
                f"{self.operator}: {show(self.highest, 'V')} across a unit reprograms "
                f"M1: at {show(self.multistate, 'S')} it leaves its dead zone of "
                f"{show(self.nominal.dead_zone, 'V')} from {show(limit, 'V')} on"
            )
        gates = self.operator in ("sigmoid", "gelu")
        if gates and self.highest > self.nominal.binary_set:
            found.append(
                f"{self.operator}: {show(self.highest, 'V')} across a unit sets M2, "
                f"which begins at {show(self.nominal.binary_set, 'V')}"
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
        sweeps = {"softmax": 6, "gelu": 2}.get(self.operator, 1)
        count = sweeps * self.repeats * len(self.operands[0])
        # The levels follow from measured curves; these are the most they may be.
        levels = sweep_levels(
            np.tile([self.highest, -self.highest], (count + 1) // 2), self._held
        )
        most, pulses = self.current_range, 0
        if self.operator == "gelu":
            switched = [self.binary.switch_levels(on=on) for on in (False, True)]
            levels = (*switched[0], *levels, *switched[1])
            most, pulses = max(most, self.gate_range, self.binary.compliance), 2
        return Step(
            label=f"{self.operator} {number}",
            levels=levels,
            current=most,
            compliance=max(GUARD_COMPLIANCE, most),
            pulses=pulses,
            duration=(sweeps + 3 * pulses) * RELAYS + self._held * count,
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
            readings=READINGS,
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
        self._answers = OperatorAnswers(protocol, self._drive, self._gate)

    def measure(self, index: int) -> Block:
        """Execute a step."""
        prepared = self._protocol.curves
        if index < len(prepared):
            rows = self._prepare(index, prepared[index])
        else:
            rows = self._answers.ask(index, index - len(prepared))
        return Block(rows, self.drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Draw what has been measured; program every unit again and take its curve."""
        super().restore(steps)
        done = min(len(steps), len(self._protocol.curves))
        for index in range(done):
            self._prepare(index, self._protocol.curves[index])
        return f"{done} units programmed again"

    def _prepare(self, index: int, unit: int) -> dict[str, NDArray[np.generic]]:
        protocol = self._protocol
        self.program(unit, protocol.multistate, protocol.step_pulses)
        self.switch(unit, protocol.binary, on=protocol.operator != "sigmoid")
        return self._answers.take_curve(index, unit)

    def _drive(self, unit: int, volts: Array) -> Array:
        """Drive a unit from word to bit at voltages; return the currents in A."""
        return self._driven(unit, volts, self._protocol.current_range)

    def _gate(self, unit: int, volts: Array) -> Array:
        """Drive a unit with M2 reset meanwhile; return the currents in A."""
        protocol = self._protocol
        self.switch(unit, protocol.binary, on=False)
        current = self._driven(unit, volts, protocol.gate_range)
        self.switch(unit, protocol.binary, on=True)
        return current

    def _driven(self, unit: int, volts: Array, current_range: float) -> Array:
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
            current_range=current_range,
            power_line_cycles=protocol.power_line_cycles,
        )
        return self.sweep(np.round(volts, 9), protocol.settling).current
