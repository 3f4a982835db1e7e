"""The analog-to-digital converter of one channel of a Series 2600B: single readings.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F: ranges p. 2-63, autozero p. 9-218,
measure delay p. 9-221.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS, MeasureRange, Scale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet
    from labneuro.sim_backends.keithley_2600.noise import NoiseStream
    from labneuro.sim_backends.keithley_2600.source import Source
    from labneuro.sim_backends.wiring import Circuit, Drive, Reading

OVERFLOW = datasheet.OVERFLOW
AUTOZERO_OFF, AUTOZERO_ONCE, AUTOZERO_AUTO = 0, 1, 2
DELAY_AUTO = -1.0
LETTERS = "ivrp"
_NEVER = float("inf")


class Converter:
    """Makes single readings of current and voltage.

    Parameters
    ----------
    sheet : ModelSheet
        The model's data sheet.
    source : Source
        The channel's source.
    drive : Drive
        The channel's output on the circuit.
    circuit : Circuit
        The wiring.
    noise : NoiseStream
        Standard normal variates.
    limited, overflowed : callable
        Called with whether the source is at its limit when that changes, and with
        whether a reading overflowed when that changes.

    Attributes
    ----------
    ranges : dict of int to MeasureRange
        Of ``AMPS`` and ``VOLTS``.
    aperture : float
        Integration time in s.
    limited : bool
        Whether the source was at its limit in the last conversion.
    amps, volts : Scale
        Ranges in use.
    """

    def __init__(
        self,
        sheet: ModelSheet,
        source: Source,
        drive: Drive,
        circuit: Circuit,
        noise: NoiseStream,
        limited: Callable[[bool], None],
        overflowed: Callable[[bool], None],
    ) -> None:
        self._source, self._drive, self._circuit = source, drive, circuit
        self._clock = circuit.clock
        self._noise = noise
        self._tell_limited, self._tell_overflowed = limited, overflowed
        self.limited = self._overflowed = False
        self.ranges = {
            AMPS: MeasureRange(sheet.current),
            VOLTS: MeasureRange(sheet.voltage),
        }
        self._nplc = self.aperture = 0.0
        self._scales: dict[int, list[Scale]] = {}
        self._settings: Mapping[str, float] = {}
        self._zeroed: OrderedDict[float, float] = OrderedDict()
        self._zero_due = _NEVER

    def reset(self) -> None:
        """Return to automatic ranges and forget the reference conversions."""
        for one in self.ranges.values():
            one.reset()
        self._zeroed.clear()

    # -- making ready ------------------------------------------------------------------

    def refresh(self, settings: Mapping[str, float], line_frequency: float) -> None:
        """Make ready after a change of a setting of the meter or the source."""
        self._settings = settings
        nplc = settings["nplc"]
        self.aperture = nplc / line_frequency
        if nplc != self._nplc:
            self._nplc = nplc
            self._scales = {
                quantity: one.prepare(nplc) for quantity, one in self.ranges.items()
            }
        self._choose_scales()
        self._plan_autozero()

    def _choose_scales(self) -> None:
        self.amps = self._scales[AMPS][self.index(AMPS)]
        self.volts = self._scales[VOLTS][self.index(VOLTS)]
        self.auto_amps = self.ranges_itself(AMPS)
        self.auto_volts = self.ranges_itself(VOLTS)
        overhead = datasheet.MEASURE_OVERHEAD
        self._before = {letter: overhead + self._delay(letter) for letter in LETTERS}

    def ranges_itself(self, quantity: int) -> bool:
        """Whether the range of a quantity is chosen automatically."""
        return self.ranges[quantity].auto and quantity != self._source.function

    def index(self, quantity: int) -> int:
        """Return the range in use: the source's own where both functions agree."""
        one = self.ranges[quantity]
        if quantity == self._source.function:
            return one.fit(self._source.ranges[quantity].sheet.full_scale)
        return one.place

    def _delay(self, letter: str) -> float:
        """Return the pause before a reading; the automatic one is for current only."""
        delay = self._settings["delay"]
        if delay != DELAY_AUTO:
            return delay
        return 0.0 if letter == "v" else self.amps.delay * self._settings["delayfactor"]

    # -- conversions -------------------------------------------------------------------

    def get_ready(self, letter: str) -> float:
        """Let overhead, delay and autozero pass; return when the integration starts."""
        clock = self._clock
        clock.advance(self._before[letter])
        start = clock.now
        if start >= self._zero_due:
            self.take_references()
            start = clock.now
        return start

    def convert(self) -> Reading:
        """Integrate once."""
        reading = self._circuit.measure(self._drive, self.aperture)
        if reading.limited is not self.limited:
            self._note_limited(reading.limited)
        return reading

    def compliance(self) -> bool:
        """Whether the source is at its limit now."""
        reading = self._circuit.measure(self._drive, 0.0)
        if reading.limited is not self.limited:
            self._note_limited(reading.limited)
        return self.limited

    def read_amps(self, reading: Reading) -> float:
        """Return the current of a conversion; converts again to find its range."""
        value, scale = reading.current, self.amps
        while self.auto_amps and not scale.lower < abs(value) <= scale.span:
            if not self._move_range(AMPS, value):
                break
            value, scale = self.convert().current, self.amps
        return self._on_scale(value, scale)

    def read_volts(self, reading: Reading) -> float:
        """Return the voltage of a conversion; converts again to find its range."""
        value, scale = reading.voltage, self.volts
        while self.auto_volts and not scale.lower < abs(value) <= scale.span:
            if not self._move_range(VOLTS, value):
                break
            value, scale = self.convert().voltage, self.volts
        return self._on_scale(value, scale)

    def sample(self, letters: str) -> tuple[float, tuple[float, ...]]:
        """Return start time in s and the wanted values of one conversion."""
        start = self.get_ready("i" if "i" in letters else letters[0])
        reading = self.convert()
        amps = self.read_amps(reading) if letters != "v" else 0.0
        volts = self.read_volts(reading) if letters != "i" else 0.0
        return start, tuple(_derive(letter, volts, amps) for letter in letters)

    def read_now(self, letter: str) -> tuple[float, float]:
        """Integrate from now on, without overhead or delay, on the range in use.

        Returns
        -------
        tuple of float
            Start time in s and current in A or voltage in V.
        """
        start = self._clock.now
        reading = self.convert()
        if letter == "i":
            return start, self._on_scale(reading.current, self.amps)
        return start, self._on_scale(reading.voltage, self.volts)

    def hold_range(self, quantity: int, limit: float) -> None:
        """Take the range that holds a limit, so that no reading has to find one."""
        if self.ranges_itself(quantity):
            one = self.ranges[quantity]
            one.place = one.fit(limit)
            self._choose_scales()

    def _move_range(self, quantity: int, value: float) -> bool:
        """Change to the range that a value needs; False if it is in use already."""
        one = self.ranges[quantity]
        place = one.fit(abs(value), datasheet.OVER_MEASURE)
        if place == one.place:
            return False
        one.place = place
        self._choose_scales()
        pause = self._delay("i") if quantity == AMPS else 0.0
        self._clock.advance(datasheet.MEASURE_RANGE_CHANGE + pause)
        return True

    def _on_scale(self, value: float, scale: Scale) -> float:
        value += scale.deviation * self._noise.draw()
        if -scale.span <= value <= scale.span:
            if self._overflowed:
                self._note_overflow(state=False)
            return round(value * scale.per_step) * scale.step
        self._note_overflow(state=True)
        return OVERFLOW

    def _note_limited(self, state: bool) -> None:
        self.limited = state
        self._tell_limited(state)

    def _note_overflow(self, *, state: bool) -> None:
        self._overflowed = state
        self._tell_overflowed(state)

    # -- autozero ----------------------------------------------------------------------

    def _plan_autozero(self) -> None:
        self._zero_due = _NEVER
        if self._settings["autozero"] == AUTOZERO_AUTO:
            self._zero_due = self._zeroed.get(self.aperture, -_NEVER)

    def take_references(self) -> None:
        """Make the two reference conversions and note until when they hold."""
        self._clock.advance(2.0 * (self.aperture + datasheet.MEASURE_OVERHEAD))
        valid = max(
            datasheet.AUTOZERO_VALID, datasheet.AUTOZERO_APERTURES * self.aperture
        )
        self._zeroed[self.aperture] = self._clock.now + valid
        self._zeroed.move_to_end(self.aperture)
        if len(self._zeroed) > datasheet.AUTOZERO_CACHE:
            self._zeroed.popitem(last=False)
        self._plan_autozero()


def _derive(letter: str, volts: float, amps: float) -> float:
    if letter == "v":
        return volts
    if letter == "i":
        return amps
    if OVERFLOW in (volts, amps):
        return OVERFLOW
    if letter == "p":
        return volts * amps
    return volts / amps if amps else OVERFLOW
