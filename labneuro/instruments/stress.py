"""What a device is put under by the set-points of its outputs: the largest of all.

Every number here is a bound from above, from set-points and wiring alone: it holds for
any device and any state of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from labneuro.errors import LimitError
from labneuro.safety import UNITS, WORDS, Limits, tightest
from labneuro.units import round_off_noise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GENERATOR = "pulse_generator"
CLOCK = "clock_generator"
METER = "source_meter"
PULSER = "current_pulser"
GATE = "gate_supply"
GATE_COMPLIANCE = 1e-6
"""Current limit of every gate supply in A: a gate takes none."""
_PULSED = (GENERATOR, CLOCK, PULSER)
_THROUGH = ("current", "power", "charge")  # what needs a bound of the current


@dataclass(frozen=True)
class Levels:
    """Set-points of one output, from a rest at 0 V to a rest at 0 V.

    Attributes
    ----------
    output : str
        The role that puts them out.
    segments : tuple of (float, float)
        Level in V and duration in s of each, in order.
    count : int
        How often they are put out, 0 V in between.
    """

    output: str
    segments: tuple[tuple[float, float], ...]
    count: int = 1

    @cached_property
    def span(self) -> tuple[float, float]:
        """Lowest and highest level in V, 0 V included; NaN if a level is none."""
        levels = [0.0, *(level for level, _ in self.segments)]
        if any(math.isnan(level) for level in levels):
            return math.nan, math.nan
        return min(levels), max(levels)

    @cached_property
    def largest_step(self) -> float:
        """Largest change from a level to the next, in V."""
        levels = [0.0, *(level for level, _ in self.segments), 0.0]
        return max(abs(after - before) for before, after in pairwise(levels))

    @cached_property
    def longest_pulse(self) -> float:
        """Longest time away from 0 V, in s."""
        parts = groupby(self.segments, key=lambda segment: segment[0] != 0.0)
        pulses = [math.fsum(time for _, time in part) for away, part in parts if away]
        return max(pulses, default=0.0)

    def exposure(self, overhead: float = 0.0) -> float:
        """Return magnitude times duration, summed over all, in V s.

        Parameters
        ----------
        overhead : float
            How much longer each level may last, in s.
        """
        once = math.fsum(
            abs(level) * (duration + overhead) for level, duration in self.segments
        )
        return self.count * once


@dataclass(frozen=True)
class DeviceTerminal:
    """What can drive a current through one terminal of the device.

    Attributes
    ----------
    outputs : tuple of str
        Roles whose outputs are joined to it.
    conductance : float
        Of all resistors from it to elsewhere, in S.
    open_ended : bool
        Whether something that bounds no current is joined to it, such as ground.
    """

    outputs: tuple[str, ...] = ()
    conductance: float = 0.0
    open_ended: bool = False


@dataclass(frozen=True)
class DeviceCircuit:
    """How the device is joined to the outputs of a bench.

    Attributes
    ----------
    terminals : tuple of DeviceTerminal
        The device's.
    poles : tuple of DeviceTerminal
        Everything that a current through the device can come from or go to.
    resistances : mapping of str to float
        Resistance behind the output of a role, in ohm.
    limits : mapping of str to Limits
        What the instrument that fills a role can do at most.
    overheads : mapping of str to float
        How much longer than asked for a level of a role may last, in s.
    shared : mapping of str to str
        A role whose channel fills another role, too, and that one: `outputs` name
        only the other.
    """

    terminals: tuple[DeviceTerminal, ...]
    resistances: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    overheads: Mapping[str, float] = field(default_factory=dict)
    poles: tuple[DeviceTerminal, ...] = ()
    shared: Mapping[str, str] = field(default_factory=dict)

    def largest_current(
        self, voltage: float, compliances: Mapping[str, float]
    ) -> float:
        """Return a current in A that the device's cannot exceed.

        The current enters by some terminals and leaves by the others, so it cannot
        exceed what all terminals but the most generous one let pass. It comes from some
        poles and goes to the others, so the same is true of the poles.

        Parameters
        ----------
        voltage : float
            Largest voltage between any two outputs in V.
        compliances : mapping of str to float
            Current limit in A of each source meter in use.
        """
        if voltage == 0.0:
            return 0.0
        known: dict[str, float] = {GATE: GATE_COMPLIANCE}
        for role, current in compliances.items():
            channel = self.shared.get(role, role)
            known[channel] = max(known.get(channel, 0.0), current)
        cuts = [self.terminals, self.poles] if self.poles else [self.terminals]
        through = []
        for cut in cuts:
            bounds = [self._bound(one, voltage, known) for one in cut]
            through.append(math.fsum(sorted(bounds)[:-1]))
        return round_off_noise(min(through))

    def _bound(
        self, terminal: DeviceTerminal, voltage: float, compliances: Mapping[str, float]
    ) -> float:
        if terminal.open_ended:
            return math.inf
        total = terminal.conductance * voltage
        for output in terminal.outputs:
            resistance = self.resistances.get(output, 0.0)
            source = voltage / resistance if resistance else math.inf
            total += min(compliances.get(output, math.inf), source)
        return total


@dataclass(frozen=True)
class Stress:
    """The largest of each limited quantity, in the units of `Limits`.

    Attributes
    ----------
    voltage : float
        Between any level of one output and any of another one or ground.
    current, power, charge : float
        Bounds; infinite where nothing bounds them.
    step_voltage : float
        Of consecutive set-points of one output.
    exposure : float
        Sum over all set-points.
    """

    voltage: float = 0.0
    current: float = 0.0
    power: float = 0.0
    charge: float = 0.0
    step_voltage: float = 0.0
    exposure: float = 0.0


def stress_of(
    levels: Sequence[Levels],
    compliances: Mapping[str, float],
    circuit: DeviceCircuit | None,
) -> Stress:
    """Return what set-points that may coincide do to the device at most.

    Parameters
    ----------
    levels : sequence of Levels
        Of all outputs; any level of one may meet any level of another.
    compliances : mapping of str to float
        Current limit in A of each source meter in use.
    circuit : DeviceCircuit or None
        Without it current, power and charge are left at 0.
    """
    voltage = _across(levels)
    overheads = circuit.overheads if circuit else {}
    current = circuit.largest_current(voltage, compliances) if circuit else 0.0
    width = max(
        (
            one.longest_pulse + overheads.get(one.output, 0.0)
            for one in levels
            if one.output in _PULSED
        ),
        default=0.0,
    )
    exposure = math.fsum(one.exposure(overheads.get(one.output, 0.0)) for one in levels)
    return Stress(
        voltage=voltage,
        current=current,
        power=round_off_noise(voltage * current) if current else 0.0,
        charge=round_off_noise(current * width) if current and width else 0.0,
        step_voltage=max((one.largest_step for one in levels), default=0.0),
        exposure=summed([exposure]),
    )


def summed(exposures: Iterable[float]) -> float:
    """Return a sum free of the rounding of its terms: a total at a limit is not beyond.

    Parameters
    ----------
    exposures : iterable of float
        In V s.
    """
    return float(f"{math.fsum(exposures):.12g}")


def check_levels(
    levels: Iterable[Levels], limits: Limits, circuit: DeviceCircuit | None, where: str
) -> None:
    """Raise if a level is beyond the limits, or beyond its instrument's own.

    Raises
    ------
    LimitError
        Naming the level, the limit and whose it is.
    """
    own = circuit.limits if circuit else {}
    for one in levels:
        allowed = tightest([limits, own.get(one.output, Limits())])
        for level, _ in one.segments:
            if not abs(level) <= allowed.voltage:
                allowed.check("voltage", level, where)


def check_stress(stress: Stress, limits: Limits, where: str) -> None:
    """Raise if any quantity is beyond its limit.

    Raises
    ------
    LimitError
        Naming the value, the limit and whose it is.
    """
    for quantity in UNITS:
        value, limit = getattr(stress, quantity), getattr(limits, quantity)
        if math.isinf(value) and math.isfinite(limit) and quantity in _THROUGH:
            raise LimitError(
                f"{where}: nothing in the wiring bounds the {WORDS[quantity]}, whose "
                f"limit is {limits.told(quantity)}; a source meter or a resistor in "
                "series with the device would"
            )
        place = f"{where}, across the device" if quantity == "voltage" else where
        limits.check(quantity, value, place)


def _across(levels: Sequence[Levels]) -> float:
    """Return the largest voltage between two outputs, or of one, in V."""
    spans = {"ground": (0.0, 0.0)}
    for one in levels:
        if math.isnan(one.span[0]):
            return math.nan
        low, high = spans.get(one.output, (0.0, 0.0))
        spans[one.output] = min(low, one.span[0]), max(high, one.span[1])
    return round_off_noise(
        max(
            high - low
            for first, (_, high) in spans.items()
            for second, (low, _) in spans.items()
            if first != second or len(spans) == 1
        )
    )
