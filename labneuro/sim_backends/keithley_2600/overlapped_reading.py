"""Readings of the Series 2600B that go on while other things happen.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.measure.overlappedY()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS

if TYPE_CHECKING:
    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.converter import Converter
    from labneuro.sim_backends.keithley_2600.overlapped import Steps
    from labneuro.sim_backends.wiring import Reading


def sample_steps(
    converter: Converter, clock: Clock, letters: str, *, first: bool
) -> Steps[tuple[float, tuple[float, ...]]]:
    """Make one reading, as :meth:`Converter.sample` does, and yield what it waits for.

    Parameters
    ----------
    converter : Converter
    clock : Clock
        Bench time.
    letters : str
        What is wanted: ``"i"``, ``"v"``, ``"r"``, ``"p"`` or ``"iv"``.
    first : bool
        Whether the measure delay comes first.

    Yields
    ------
    float
        Time until it goes on, in s.

    Returns
    -------
    float
        When the integration started, in s.
    tuple of float
        The values.
    """
    letter = "i" if "i" in letters else letters[0]
    yield converter.before[letter] if first else datasheet.MEASURE_OVERHEAD
    if clock.now >= converter.zero_due:
        yield converter.reference_time
        converter.note_references()
    start = clock.now
    reading = yield from _convert(converter)
    amps = volts = 0.0
    if letters != "v":
        amps = yield from _read(converter, AMPS, reading)
    if letters != "i":
        volts = yield from _read(converter, VOLTS, reading)
    return start, converter.derive(letters, volts, amps)


def _convert(converter: Converter) -> Steps[Reading]:
    average = converter.average()
    try:
        yield converter.aperture
    finally:
        reading = average.end()
    if reading.limited is not converter.limited:
        converter.note_limited(reading.limited)
    return reading


def _read(converter: Converter, quantity: int, reading: Reading) -> Steps[float]:
    """Return current or voltage of a conversion; converts again to find its range."""
    amps = quantity == AMPS
    while True:
        value = reading.current if amps else reading.voltage
        scale = converter.amps if amps else converter.volts
        auto = converter.auto_amps if amps else converter.auto_volts
        pause = 0.0
        if auto and not scale.lower < abs(value) <= scale.span:
            pause = converter.next_range(quantity, value)
        if not pause:
            return converter.on_scale(value, scale)
        yield pause
        reading = yield from _convert(converter)
