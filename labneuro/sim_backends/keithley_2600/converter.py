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

    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet
    from labneuro.sim_backends.keithley_2600.noise import NoiseStream
    from labneuro.sim_backends.keithley_2600.source import Source
    from labneuro.sim_backends.wiring import Average, Circuit, Reading

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
    limited, overflowed : bool
        Whether the source was at its limit in the last conversion, and whether the last
        reading was beyond its range.
    zero_due : float
        Bench time in s at which the reference conversions have expired.
    rescaled : callable
        Called when a range in use has changed.
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
        self._draw = noise.draw
        self.rescaled: Callable[[], None] = _nobody
        self._tell_limited, self._tell_overflowed = limited, overflowed
        self.limited = self.overflowed = False
        currents = (*sheet.current, sheet.pulse_current)
        self.ranges = {
            AMPS: MeasureRange(currents, first=len(sheet.current) - 1),
            VOLTS: MeasureRange(sheet.voltage, first=len(sheet.voltage) - 1),
        }
        self._nplc = self.aperture = 0.0
        self._scales: dict[int, list[Scale]] = {}
        self._settings: Mapping[str, float] = {}
        self._zeroed: OrderedDict[float, float] = OrderedDict()
        self.zero_due = _NEVER

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
        self.before = {letter: overhead + self._delay(letter) for letter in LETTERS}
        self.rescaled()

    def ranges_itself(self, quantity: int) -> bool:
        """Whether the range of a quantity is chosen automatically."""
        one = self.ranges[quantity]
        return one.auto and not one.follow and quantity != self._source.function

    def index(self, quantity: int) -> int:
        """Return the range in use: the source's own where both functions agree."""
        one = self.ranges[quantity]
        if quantity == self._source.function:
            return one.holding(self._source.ranges[quantity].sheet.full_scale)
        if one.follow:
            return one.holding(self._source.limits[quantity])
        return one.place

    def _delay(self, letter: str) -> float:
        """Return the pause before a reading; the automatic one is for current only."""
        delay = self._settings["delay"]
        if delay != DELAY_AUTO:
            return delay
        return 0.0 if letter == "v" else self.amps.delay * self._settings["delayfactor"]

    # -- conversions -------------------------------------------------------------------

    def get_ready(self, letter: str, *, first: bool = True) -> float:
        """Let overhead, delay and autozero pass; return when the integration starts.

        The delay is that of the first of several readings.
        """
        clock = self._clock
        clock.advance(self.before[letter] if first else datasheet.MEASURE_OVERHEAD)
        start = clock.now
        if start >= self.zero_due:
            self.take_references()
            start = clock.now
        return start

    def convert(self) -> Reading:
        """Integrate once."""
        reading = self._circuit.measure(self._drive, self.aperture)
        if reading.limited is not self.limited:
            self.note_limited(reading.limited)
        return reading

    def average(self) -> Average:
        """Begin an integration that goes on while other things happen."""
        return self._circuit.average(self._drive)

    def compliance(self) -> bool:
        """Whether the source is at its limit now."""
        reading = self._circuit.measure(self._drive, 0.0)
        if reading.limited is not self.limited:
            self.note_limited(reading.limited)
        return self.limited

    def read_amps(self, reading: Reading) -> float:
        """Return the current of a conversion; converts again to find its range."""
        value, scale = reading.current, self.amps
        while self.auto_amps and not scale.lower < abs(value) <= scale.span:
            pause = self.next_range(AMPS, value)
            if not pause:
                break
            self._clock.advance(pause)
            value, scale = self.convert().current, self.amps
        return self.on_scale(value, scale)

    def read_volts(self, reading: Reading) -> float:
        """Return the voltage of a conversion; converts again to find its range."""
        value, scale = reading.voltage, self.volts
        while self.auto_volts and not scale.lower < abs(value) <= scale.span:
            pause = self.next_range(VOLTS, value)
            if not pause:
                break
            self._clock.advance(pause)
            value, scale = self.convert().voltage, self.volts
        return self.on_scale(value, scale)

    def sample(
        self, letters: str, *, first: bool = True
    ) -> tuple[float, tuple[float, ...]]:
        """Return start time in s and the wanted values of one conversion."""
        start = self.get_ready("i" if "i" in letters else letters[0], first=first)
        reading = self.convert()
        amps = self.read_amps(reading) if letters != "v" else 0.0
        volts = self.read_volts(reading) if letters != "i" else 0.0
        return start, self.derive(letters, volts, amps)

    @staticmethod
    def derive(letters: str, volts: float, amps: float) -> tuple[float, ...]:
        """Return the wanted values of one conversion, in the order of `letters`."""
        return tuple(_derive(letter, volts, amps) for letter in letters)

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
            return start, self.on_scale(reading.current, self.amps)
        return start, self.on_scale(reading.voltage, self.volts)

    def hold_range(self, quantity: int, limit: float) -> None:
        """Take the range that holds a limit, so that no reading has to find one."""
        if self.ranges_itself(quantity):
            one = self.ranges[quantity]
            one.place = one.fit(limit)
            self._choose_scales()

    def next_range(self, quantity: int, value: float) -> float:
        """Take the range that a value needs.

        Returns
        -------
        float
            Time in s until it can be used; 0 if it is in use already.
        """
        one = self.ranges[quantity]
        place = one.fit(abs(value), datasheet.OVER_MEASURE)
        if place == one.place:
            return 0.0
        one.place = place
        self._choose_scales()
        pause = self._delay("i") if quantity == AMPS else 0.0
        if self._source.high_capacitance:
            pause *= self._settings["highcrangedelayfactor"]
        return datasheet.MEASURE_RANGE_CHANGE + pause

    def on_scale(self, value: float, scale: Scale) -> float:
        """Return a value as it is read: with noise, quantised, or too large."""
        value += scale.deviation * self._draw()
        if -scale.span <= value <= scale.span:
            if self.overflowed:
                self._note_overflow(state=False)
            return round(value * scale.per_step) * scale.step
        self._note_overflow(state=True)
        return OVERFLOW

    def note_limited(self, state: bool) -> None:
        """Note whether the source is at its limit."""
        self.limited = state
        self._tell_limited(state)

    def _note_overflow(self, *, state: bool) -> None:
        self.overflowed = state
        self._tell_overflowed(state)

    # -- the short way for single plain readings ---------------------------------------

    def reader(self, quantity: int) -> Callable[[], tuple[float, float]]:
        """Return a function that makes one reading: start time in s and value.

        It holds until :attr:`rescaled` is called, and does nothing that the present
        ranges and settings do not need.
        """
        advance, measure = self._clock.advance, self._circuit.measure
        drive, aperture, clock = self._drive, self.aperture, self._clock
        amps = quantity == AMPS
        before = self.before["i" if amps else "v"]
        field, finish = (1, self.read_amps) if amps else (0, self.read_volts)
        lower, top, scale = self._bounds(quantity)
        deviation, per_step, step = scale.deviation, scale.per_step, scale.step
        draw, rescale = self._draw, self.on_scale

        def read() -> tuple[float, float]:
            advance(before)
            start = clock.now
            if start >= self.zero_due:
                self.take_references()
                start = clock.now
            reading = measure(drive, aperture)
            if reading[2] is not self.limited:
                self.note_limited(reading[2])
            value = reading[field]
            if not lower < (-value if value < 0.0 else value) < top:
                return start, finish(reading)
            noisy = value + deviation * draw()
            if -top < noisy < top and not self.overflowed:
                return start, round(noisy * per_step) * step
            return start, rescale(value, scale)

        return read

    def pair_reader(self) -> Callable[[], tuple[float, float, float]]:
        """Return a function that reads both: start time in s, current and voltage.

        It holds as that of :meth:`reader`.
        """
        advance, measure = self._clock.advance, self._circuit.measure
        drive, aperture, clock = self._drive, self.aperture, self._clock
        before, draw = self.before["i"], self._draw
        i_lower, i_top, amps = self._bounds(AMPS)
        v_lower, v_top, volts = self._bounds(VOLTS)
        i_noise, v_noise = amps.deviation, volts.deviation

        def read() -> tuple[float, float, float]:
            advance(before)
            start = clock.now
            if start >= self.zero_due:
                self.take_references()
                start = clock.now
            reading = measure(drive, aperture)
            volt, ampere, limited = reading
            if limited is not self.limited:
                self.note_limited(limited)
            if (
                i_lower < (-ampere if ampere < 0.0 else ampere) < i_top
                and v_lower < (-volt if volt < 0.0 else volt) < v_top
                and not self.overflowed
            ):
                ampere += i_noise * draw()
                volt += v_noise * draw()
                if -i_top < ampere < i_top and -v_top < volt < v_top:
                    ampere = round(ampere * amps.per_step) * amps.step
                    return start, ampere, round(volt * volts.per_step) * volts.step
            return start, self.read_amps(reading), self.read_volts(reading)

        return read

    def _bounds(self, quantity: int) -> tuple[float, float, Scale]:
        """Return between which magnitudes a reading needs no second look, and a range.

        The last bit of a range is left out: there the noise may decide.
        """
        amps = quantity == AMPS
        scale = self.amps if amps else self.volts
        auto = self.auto_amps if amps else self.auto_volts
        return (scale.lower if auto else -1.0), 0.999 * scale.span, scale

    # -- autozero ----------------------------------------------------------------------

    def _plan_autozero(self) -> None:
        self.zero_due = _NEVER
        if self._settings["autozero"] == AUTOZERO_AUTO:
            self.zero_due = self._zeroed.get(self.aperture, -_NEVER)

    def take_references(self) -> None:
        """Make the two reference conversions and note until when they hold."""
        self._clock.advance(self.reference_time)
        self.note_references()

    @property
    def reference_time(self) -> float:
        """Time that the two reference conversions take, in s."""
        return 2.0 * (self.aperture + datasheet.MEASURE_OVERHEAD)

    def note_references(self) -> None:
        """Note until when the reference conversions hold that were just made."""
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


def _nobody() -> None:
    """Stand for whoever is to be told of changes, before there is one."""
