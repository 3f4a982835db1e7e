"""What the PCU card's units do without instruments, in the words of run files.

The units are those that the simulated bench draws; memristors, diodes and cells alone,
driven as the recipes drive them, leave the readings that a run would: so the same
functions tell both. There is no meter, no relay, no guard and no other path.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.diode import diode_current
from labneuro.devices.pcu_array import draw_array
from labneuro.devices.pcu_cell import cell_elements, cell_points, pair_point
from labneuro.devices.pcu_memristors import MemristorPopulation
from labneuro.errors import InputError
from labneuro.protocols.diode_sweep import DiodeSweep
from labneuro.protocols.incremental_step_pulse import IncrementalStepPulse
from labneuro.protocols.operator_answers import OperatorAnswers
from labneuro.protocols.operator_sweep import OperatorSweep
from labneuro.protocols.pcu_units import ALL_UNITS, LINE_PERIOD
from labneuro.protocols.resistive_switching import (
    HIGH_RESISTANCE,
    RESET,
    SET,
    SWEEP,
    ResistiveSwitching,
)
from labneuro.protocols.retention import Retention
from labneuro.protocols.vector_matrix_product import VectorMatrixProduct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from labneuro.bench import BenchConfig
    from labneuro.devices.pcu_parameters import PcuParameters
    from labneuro.protocols.base import MeasurementProtocol
    from labneuro.protocols.pcu_units import BinaryPulseSettings, StepPulseSettings

    Array = NDArray[np.float64]
    Readings = dict[str, NDArray[Any]]
    Units = Mapping[int, PcuParameters]

_SEED = 0


def units_of_bench(bench: BenchConfig) -> dict[int, PcuParameters]:
    """Return the nine units behind a simulated bench, by row and column.

    Parameters
    ----------
    bench : BenchConfig
        Of device model ``pcu``.

    Raises
    ------
    InputError
        If it is not simulated.
    """
    simulation = bench.simulation
    if simulation is None:
        raise InputError(
            f"{bench.path}: simulation: is missing; nothing is known of it"
        )
    mean: PcuParameters = load_parameters(
        "pcu", load_card(simulation.card), simulation.card
    )
    drawn = [mean] * len(ALL_UNITS)
    if simulation.drawn_by is not None:
        drawn = draw_array(mean, simulation.drawn_by)
    return dict(zip(ALL_UNITS, drawn, strict=True))


def card_readings(protocol: MeasurementProtocol, units: Units) -> Readings:
    """Return what a run of a protocol would read of units without instruments.

    Parameters
    ----------
    protocol : MeasurementProtocol
        As a run had it.
    units : mapping of int to PcuParameters
        By row and column.

    Returns
    -------
    dict of str to ndarray, shape (readings,)
        The columns that the fits read.

    Raises
    ------
    InputError
        If the protocol is none of the PCU's.
    """
    for kind, measured in _MEASURED.items():
        if isinstance(protocol, kind):
            return measured(protocol, units)
    raise InputError(f"{type(protocol).__name__}: measures no perovskite units")


class _Rows:
    """Columns that grow step by step."""

    def __init__(self) -> None:
        self._parts: dict[str, list[NDArray[Any]]] = defaultdict(list)

    def add(self, count: int, **columns: ArrayLike) -> None:
        for name, values in columns.items():
            self._parts[name].append(np.broadcast_to(np.asarray(values), count))

    @property
    def readings(self) -> Readings:
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}


class _Multistate:
    """M1 of one unit, programmed by step pulses as the instrument does."""

    def __init__(self, unit: PcuParameters, number: int) -> None:
        self._one = MemristorPopulation([unit], "multistate", _SEED + number)

    def hold(self, voltage: float, duration: float) -> float:
        """Hold a voltage in V for a time in s; return the conductance in S."""
        self._one.advance(voltage, duration)
        return float(self._one.conductance[0])

    def program(
        self, target: float, settings: StepPulseSettings
    ) -> tuple[Array, Array]:
        """Return amplitudes in V and conductances in S, reading by reading."""
        held = settings.settling + settings.aperture
        amplitudes, side = [0.0], 0
        found = [self.hold(settings.read_voltage, held)]
        while (
            abs(found[-1] / target - 1.0) > settings.tolerance
            and len(found) <= settings.most_pulses
        ):
            wanted = 1 if found[-1] < target else -1
            size = abs(amplitudes[-1]) + settings.increment
            size = min(size, settings.largest) if wanted == side else settings.first
            side = wanted
            self.hold(side * size, settings.width)
            amplitudes.append(side * size)
            found.append(self.hold(settings.read_voltage, held))
        return np.array(amplitudes), np.array(found)


class _Binary:
    """M2 of one unit with the backward diode beside it."""

    def __init__(self, unit: PcuParameters, number: int) -> None:
        self._one = MemristorPopulation([unit], "binary", _SEED + number)
        leak = unit.saturation_current * unit.backward_ratio
        self._diode = leak, unit.emission_voltage, unit.series_resistance

    def sweep(self, levels: Array, held: float) -> Array:
        """Return the currents in A at the end of each level in V."""
        currents = []
        for volts in levels:
            self._one.advance(float(volts), held)
            point = pair_point(float(volts), self._one.conductance[0], *self._diode)
            currents.append(point[0])
        return np.array(currents)

    def switch(self, settings: BinaryPulseSettings, *, on: bool) -> float:
        """Set or reset it; return the current read afterwards in A."""
        level = settings.set_voltage if on else settings.reset_voltage
        self.sweep(np.array([level]), settings.width)
        read = np.array([settings.read_voltage])
        return float(self.sweep(read, settings.settling + settings.aperture)[0])


def _diodes(protocol: DiodeSweep, units: Units) -> Readings:
    rows = _Rows()
    for unit in protocol.units:
        one = units[unit]
        resistance = one.series_resistance + protocol.lead_resistance
        for number, band in enumerate(protocol.bands):
            current = diode_current(
                band.levels, one.saturation_current, one.emission_voltage, resistance
            )
            rows.add(
                band.points,
                unit=unit,
                band=number,
                voltage=band.levels,
                current=current,
            )
    return rows.readings


def _step_pulses(protocol: IncrementalStepPulse, units: Units) -> Readings:
    rows = _Rows()
    memristors = {unit: _Multistate(units[unit], unit) for unit in protocol.units}
    for step, (unit, _, state) in enumerate(protocol.conditions):
        target = protocol.targets[state]
        amplitude, found = memristors[unit].program(target, protocol.step_pulses)
        rows.add(
            len(found),
            step=step,
            unit=unit,
            target=target,
            pulse=np.arange(len(found)),
            amplitude=amplitude,
            conductance=found,
        )
    return rows.readings


def _switching(protocol: ResistiveSwitching, units: Units) -> Readings:
    rows, pulses = _Rows(), protocol.pulses
    memristors = {unit: _Binary(units[unit], unit) for unit in protocol.units}
    held = pulses.settling + pulses.aperture
    for unit, cycle in protocol.conditions:
        one = memristors[unit]
        one.switch(pulses, on=False)
        swept = one.sweep(protocol.levels, protocol.stair)
        read = [one.switch(pulses, on=on) for on in (True, False)]
        slopes = np.array(protocol.slope_levels)
        for kind, volts, current in (
            (SWEEP, protocol.levels, swept),
            (SET, np.array([pulses.read_voltage]), read[:1]),
            (RESET, np.array([pulses.read_voltage]), read[1:]),
            (HIGH_RESISTANCE, slopes, one.sweep(slopes, held)),
        ):
            rows.add(
                len(volts),
                unit=unit,
                cycle=cycle,
                kind=kind,
                voltage=volts,
                current=current,
            )
    return rows.readings


def _retention(protocol: Retention, units: Units) -> Readings:
    rows = _Rows()
    first = {unit: _Multistate(units[unit], unit) for unit in protocol.units}
    second = {unit: _Binary(units[unit], unit) for unit in protocol.units}
    for step, (unit, state) in enumerate(protocol.conditions):
        if protocol.memristor == "binary":
            second[unit].switch(protocol.binary, on=state == 1)
            current = second[unit].sweep(protocol.levels, protocol.interval)
        else:
            first[unit].program(protocol.targets[state], protocol.step_pulses)
            current = np.array(
                [
                    volts * first[unit].hold(volts, protocol.interval)
                    for volts in protocol.levels
                ]
            )
        rows.add(
            len(current),
            step=step,
            unit=unit,
            state=state,
            time=protocol.interval * np.arange(len(current)),
            voltage=protocol.levels,
            current=current,
        )
    return rows.readings


def _operators(protocol: OperatorSweep, units: Units) -> Readings:
    def driven(unit: int, volts: Array, *, reset: bool) -> Array:
        one = units[unit]
        binary = one.binary_low if reset else one.binary_high
        cell = cell_elements([one], protocol.multistate, binary)
        return np.asarray(cell_points(volts, cell).current)

    answers = OperatorAnswers(
        protocol,
        lambda unit, volts: driven(unit, volts, reset=protocol.operator == "sigmoid"),
        lambda unit, volts: driven(unit, volts, reset=True),
    )
    steps = [answers.take_curve(k, unit) for k, unit in enumerate(protocol.curves)]
    steps += [
        answers.ask(len(protocol.curves) + number, number)
        for number in range(protocol.operators)
    ]
    return {name: np.concatenate([one[name] for one in steps]) for name in steps[0]}


def _product(protocol: VectorMatrixProduct, units: Units) -> Readings:
    rows = _Rows()
    held = protocol.settling + protocol.power_line_cycles * LINE_PERIOD
    for step, (unit, weight) in enumerate(
        zip(protocol.units, protocol.weights, strict=True)
    ):
        one = _Multistate(units[unit], unit)
        one.program(weight, protocol.step_pulses)
        volts = protocol.elements[:, step]
        current = np.array([level * one.hold(float(level), held) for level in volts])
        rows.add(
            len(volts),
            step=step,
            unit=unit,
            target=weight,
            voltage=volts,
            current=current,
        )
    return rows.readings


_MEASURED: dict[type, Callable[[Any, Units], Readings]] = {
    DiodeSweep: _diodes,
    IncrementalStepPulse: _step_pulses,
    ResistiveSwitching: _switching,
    Retention: _retention,
    OperatorSweep: _operators,
    VectorMatrixProduct: _product,
}
