"""A source/monitor unit of the B1500A.

A source is checked as a whole before anything changes: a command that is refused leaves
the output as it was.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``DV``, ``DI``, ``TV``, ``TI``,
``CMM``, ``RI``, ``RV``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import converters, datasheet, errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.formats import (
    COMPLIANCE,
    CURRENT,
    INVALID,
    NORMAL,
    OVERFLOW,
    VOLTAGE,
    Element,
)

if TYPE_CHECKING:
    import numpy as np

    from labneuro.sim_backends.agilent_b1500a.converters import Converters
    from labneuro.sim_backends.agilent_b1500a.datasheet import SmuSheet
    from labneuro.sim_backends.base import SimulatedInstrument
    from labneuro.sim_backends.drives import Drive

_ROUNDING = 1.0 + 1e-9
OTHER = {VOLTAGE: CURRENT, CURRENT: VOLTAGE}


@dataclass(frozen=True)
class Output:
    """What an SMU is set to put out.

    Attributes
    ----------
    quantity : str
        ``V`` or ``I``.
    range_code : int
        Range or ranging type as it was set.
    level : float
        In V or A, as set.
    compliance : float
        Largest magnitude of the other quantity, in A or V.
    polarity : int
        0 automatic, 1 manual.
    compliance_range : int
        Ranging type of the compliance.
    """

    quantity: str = VOLTAGE
    range_code: int = datasheet.INITIAL_VOLTAGE_RANGE
    level: float = 0.0
    compliance: float = datasheet.INITIAL_COMPLIANCE
    polarity: int = 0
    compliance_range: int = 16  # 100 uA, as *LRN? shows it after CN


@dataclass
class SmuSettings:
    """What stays when the output changes."""

    filter: bool = False
    series_resistor: bool = False
    operation: int = 0  # CMM
    current_range: int = 0  # RI
    voltage_range: int = 0  # RV
    auto_rule: int = 1  # RM
    auto_rate: int = 50
    converter: int = converters.FAST


class Smu:
    """One SMU in its slot.

    Parameters
    ----------
    number : int
        Slot, which is also the channel number.
    sheet : SmuSheet
        The module's data sheet.
    drive : Drive
        Its output on the circuit.
    frame : SimulatedInstrument
        The mainframe: clock, circuit, noise.
    shared : Converters
        Integration settings of all SMUs.
    """

    def __init__(
        self,
        number: int,
        sheet: SmuSheet,
        drive: Drive,
        frame: SimulatedInstrument,
        shared: Converters,
    ) -> None:
        self.number = number
        self.sheet = sheet
        self._drive = drive
        self._frame = frame
        self._converters = shared
        self._generator: np.random.Generator = frame.generator
        self.reset()

    def reset(self) -> None:
        """Open the output and return to the initial settings."""
        self.on = False
        self.output = Output()
        self.saved: Output | None = None
        self.settings = SmuSettings()
        self._last_ranges: dict[str, int] = {}
        self._drive.open()

    # -- the output --------------------------------------------------------------------

    def switch_on(self) -> None:
        """Close the output relay; 0 V with 100 uA, whatever was set before."""
        self._frame.clock.advance(datasheet.SWITCH_TIME)
        self.on = True
        self.initialise()

    def initialise(self) -> None:
        """Return the source to 0 V with 100 uA."""
        self.saved = None
        self.apply(Output())

    def switch_off(self) -> None:
        """Open the output relay."""
        self._frame.clock.advance(datasheet.SWITCH_TIME)
        self.on = False
        self.saved = None
        self._drive.open()

    def zero(self) -> None:
        """Put out 0 V and remember what was put out before."""
        if self.saved is None:
            self.saved = self.output
            compliance = datasheet.INITIAL_COMPLIANCE
            if self.output.quantity == VOLTAGE:
                compliance = self.output.compliance
            self.apply(Output(compliance=compliance))

    def restore(self) -> None:
        """Put out again what `zero` took away; does nothing without it."""
        if self.saved is not None:
            output, self.saved = self.saved, None
            self.apply(output)

    def checked(
        self,
        quantity: str,
        range_code: int,
        level: float,
        compliance: float | None = None,
        *,
        power: bool = False,
    ) -> Output:
        """Return what a source command asks for.

        Parameters
        ----------
        quantity : str
            ``V`` or ``I``.
        range_code : int
            Range or ranging type.
        level : float
            In V or A.
        compliance : float, optional
            In A or V; None keeps the present one.
        power : bool
            Whether a power compliance makes the current limit that of the module.

        Raises
        ------
        FlexError
            124 for a wrong range, 120 for a level beyond it, 123 for a compliance
            beyond the module's limits or one that is missing.
        """
        code = self.range_of(quantity, range_code)
        fixed = code < 0
        span = self._extent(quantity, -code) if fixed else self._largest(quantity)
        if not abs(level) <= span * _ROUNDING:
            raise FlexError(errors.PARAMETER)
        if quantity == VOLTAGE and not self._allowed(level):
            raise FlexError(errors.PARAMETER)  # the guide's own number was not found
        if compliance is None:
            if self.output.quantity != quantity:
                raise FlexError(errors.COMPLIANCE)
            compliance = self.output.compliance
        self._check_compliance(quantity, level, abs(compliance), power=power)
        return Output(quantity, code, level, abs(compliance), 0, 0)

    def _check_compliance(
        self, quantity: str, level: float, limit: float, *, power: bool
    ) -> None:
        sheet = self.sheet
        if quantity == VOLTAGE:
            least = sheet.least_current
            most = sheet.largest_current if power else sheet.current_at(level)
        else:
            least = sheet.voltages[0].full_scale / datasheet.FORCE_COUNTS
            most = sheet.largest_voltage if power else sheet.voltage_at(level)
        if not least / _ROUNDING <= limit <= most * _ROUNDING:
            raise FlexError(errors.COMPLIANCE)
        if quantity != VOLTAGE and not self._allowed(limit):
            raise FlexError(errors.COMPLIANCE)

    def _allowed(self, voltage: float) -> bool:
        """Whether the interlock lets a voltage through."""
        closed = not self._frame.interlock_open
        return closed or abs(voltage) <= datasheet.INTERLOCK_VOLTAGE

    def interlock_opened(self) -> None:
        """Open the output relay if it could be beyond what is safe to touch."""
        output = self.output
        volts = output.level if output.quantity == VOLTAGE else output.compliance
        if self.on and not self._allowed(volts):
            self.switch_off()

    def range_of(self, quantity: str, code: int) -> int:
        """Return the code by which the instrument answers; error 124 for none of it."""
        magnitude = abs(code)
        if quantity == VOLTAGE:
            magnitude = datasheet.SAME_VOLTAGE_RANGE.get(magnitude, magnitude)
            known = [one.code for one in self.sheet.voltages]
        else:
            known = list(self.sheet.currents)
        if magnitude and magnitude not in known:
            raise FlexError(errors.RANGE)
        return magnitude if code >= 0 else -magnitude

    def apply(self, output: Output) -> None:
        """Put out what has been checked."""
        clock, resistance = self._frame.clock, self.sheet.resistance
        if self.settings.series_resistor:
            resistance += datasheet.SERIES_RESISTOR
        self.output = output
        self._lowest = abs(output.range_code)
        clock.advance(self._set_time())
        level = self.quantised(output.level)
        if output.quantity == VOLTAGE:
            self._drive.voltage_source(level, resistance, output.compliance)
        else:
            self._drive.current_source(
                level, datasheet.PARALLEL_RESISTANCE, output.compliance
            )

    def put_out(self, level: float, limit: float | None = None) -> None:
        """Change the level within a measurement; `limit` A or V replaces the limit."""
        output = self.output
        if limit is not None and limit != output.compliance:
            self.apply(replace(output, level=level, compliance=limit))
            return
        self.output = replace(output, level=level)
        self._frame.clock.advance(self._set_time())
        self._drive.set_level(self.quantised(level))

    def step(self, level: float) -> None:
        """Change the level at once: the edge of a pulse."""
        self.output = replace(self.output, level=level)
        self._drive.set_level(self.quantised(level))

    def hold_range(self, levels: list[float]) -> None:
        """Take the range that all levels of a sweep need."""
        quantity = self.output.quantity
        largest = max(abs(level) for level in levels)
        code = self._covering(quantity, abs(self.output.range_code), largest)
        self._lowest = code

    def _set_time(self) -> float:
        extra = datasheet.FILTER_TIME if self.settings.filter else 0.0
        return datasheet.SET_TIME + extra

    def quantised(self, level: float) -> float:
        """Return a level in steps of its range."""
        quantity = self.output.quantity
        code = self._covering(quantity, self._lowest, abs(level))
        resolution = self._extent(quantity, code) / datasheet.FORCE_COUNTS
        return round(level / resolution) * resolution

    @property
    def output_range(self) -> int:
        """Code of the range that the source is on."""
        quantity = self.output.quantity
        return self._covering(quantity, self._lowest, abs(self.output.level))

    def binary_range(self, quantity: str, code: int) -> int:
        """Return the code of a range in binary data."""
        if quantity == CURRENT:
            return code
        return next(one.binary for one in self.sheet.voltages if one.code == code)

    # -- ranges ------------------------------------------------------------------------

    def _scale(self, quantity: str) -> list[tuple[int, float]]:
        if quantity == VOLTAGE:
            return [(one.code, one.full_scale) for one in self.sheet.voltages]
        return [(code, datasheet.current_range(code)) for code in self.sheet.currents]

    def _largest(self, quantity: str) -> float:
        return self._scale(quantity)[-1][1]

    def _extent(self, quantity: str, code: int) -> float:
        return dict(self._scale(quantity))[code]

    def _covering(
        self, quantity: str, lowest: int, value: float, over: float = 1.0
    ) -> int:
        """Return the lowest range from `lowest` on that holds a value."""
        scale = self._scale(quantity)
        floor = dict(scale).get(lowest, 0.0)
        for code, extent in scale:
            if extent >= floor and value <= extent * over * _ROUNDING:
                return code
        return scale[-1][0]

    # -- measuring ---------------------------------------------------------------------

    def kinds(self) -> tuple[str, ...]:
        """Return what this channel measures in a measurement mode (``CMM``)."""
        force, other = self.output.quantity, OTHER[self.output.quantity]
        return {
            0: (other,),
            1: (CURRENT,),
            2: (VOLTAGE,),
            3: (force,),
            4: (other, force),
        }[self.settings.operation]

    def limited(self) -> bool:
        """Return whether the output is at its compliance now."""
        return self.on and self._frame.circuit.measure(self._drive, 0.0).limited

    def duration(self, kind: str, *, pulsed: bool = False) -> float:
        """Return how long a reading of the present value takes, in s."""
        code = self._measuring_range(kind, self.set_range(kind))
        return self._conversion(kind, code, pulsed=pulsed).duration

    def set_range(self, kind: str) -> int:
        """Return the ranging type that ``RI`` or ``RV`` has set."""
        one = self.settings
        return one.current_range if kind == CURRENT else one.voltage_range

    def measure(
        self, kind: str, ranging: int, *, pulsed: bool = False, overhead: bool = True
    ) -> Element:
        """Take one reading.

        Parameters
        ----------
        kind : str
            ``V`` or ``I``.
        ranging : int
            Range or ranging type.
        pulsed : bool
            Whether a pulse is measured, with the converter for pulses.
        overhead : bool
            Whether the time beside the integration passes too.
        """
        code = self._measuring_range(kind, ranging)
        clock = self._frame.clock
        if overhead:
            clock.advance(datasheet.READ_OVERHEAD)
            if code != self._last_ranges.get(kind, code):
                clock.advance(datasheet.RANGE_CHANGE_TIME)
        self._last_ranges[kind] = code
        conversion = self._conversion(kind, code, pulsed=pulsed)
        reading = self._frame.circuit.measure(self._drive, conversion.duration)
        value = reading.voltage if kind == VOLTAGE else reading.current
        extent = self._extent(kind, code)
        fine = not pulsed and self.settings.converter == converters.FINE
        step = extent / (datasheet.FINE_COUNTS if fine else datasheet.FAST_COUNTS)
        if self._frame.noise:
            value += step * conversion.scatter * self._generator.standard_normal()
        value = round(value / step) * step
        status = COMPLIANCE if reading.limited else NORMAL
        if abs(value) > extent * datasheet.OVER_RANGE:
            status, value = OVERFLOW, INVALID
        binary = self.binary_range(kind, code)
        return Element(status, self.number, kind, value, binary, fine=fine)

    def _conversion(
        self, kind: str, code: int, *, pulsed: bool
    ) -> converters.Conversion:
        converter = converters.PULSED if pulsed else self.settings.converter
        if not pulsed and converter == converters.PULSED:
            converter = converters.FAST
        frequency = self._frame.line_frequency
        return self._converters.conversion(
            converter, code if kind == CURRENT else 0, frequency
        )

    def _measuring_range(self, kind: str, ranging: int) -> int:
        """Return the code of the range that a reading is taken on."""
        output = self.output
        if kind == output.quantity:
            return self.output_range
        highest = self._covering(kind, 0, output.compliance)
        if ranging < 0:
            fixed = -ranging
            most = self._extent(kind, highest)
            return fixed if self._extent(kind, fixed) <= most else highest
        point = self._frame.circuit.measure(self._drive, 0.0)
        value = abs(point.voltage if kind == VOLTAGE else point.current)
        code = self._covering(kind, ranging, value, datasheet.OVER_RANGE)
        return min(code, highest, key=lambda one: self._extent(kind, one))
