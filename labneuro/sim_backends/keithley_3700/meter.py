"""How the Series 3700A's multimeter sees the circuit.

HI is the terminal ``dmm``, SENSE HI is ``dmm_sense``; both LO are on the bench's common
ground. Readings carry noise but no calibration error.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D: p. 4-... "Resistance measurements"
(constant current up to 1 Mohm; above it 6.4 V through 10 Mohm), p. 8-16 (10 uA on the
100 kohm range), ``dmm.inputdivider``, ``dmm.range`` (largest values); Series 3700
User's Manual 3700S-900-01 Rev. A, p. 5-32 (overflow beyond 120 % of range). The data
sheet was not found: test currents of the other ranges, shunts and noise are chosen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.sim_backends.drives import Probe
    from labneuro.sim_backends.wiring import Circuit

OVERFLOW = 9.9e37
OVER_RANGE = 1.2
DIVIDER, NO_DIVIDER = 10e6, 10e9
"""Input resistance in ohm with the divider and without."""
_DIVIDED_FROM = 100.0  # V: the 100 V and 300 V ranges always use the divider
_LARGEST_VOLTS = 303.0
_BURDEN = 0.1  # V across the shunt at full scale
_REFERENCE = (6.4, 10e6)  # V and ohm of the ratiometric ohms ranges
_RATIOMETRIC_FROM = 10e6  # ohm
_TEST_CURRENTS = {1.0: 10e-3, 10.0: 10e-3, 100.0: 1e-3, 1e3: 1e-3, 10e3: 100e-6}
_LEAST_TEST_CURRENT = 10e-6
_OPEN_VOLTAGE = 14.0  # V at most from the test current
_NOISE = 1e-7  # of range, rms at 1 power-line cycle
_CONTINUITY_RANGE = 1e3
_AC_CYCLE = 1.0 / 300.0  # s: AC readings last a cycle of 300 Hz at the least

VOLT_RANGES = (0.1, 1.0, 10.0, 100.0, 300.0)
OHM_RANGES = (10.0, 100.0, 1e3, 10e3, 100e3, 1e6, 10e6, 100e6)
RANGES: dict[str, tuple[float, ...]] = {
    "dcvolts": VOLT_RANGES,
    "acvolts": VOLT_RANGES,
    "dccurrent": (10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0, 3.0),
    "accurrent": (1e-3, 10e-3, 100e-3, 1.0, 3.0),
    "twowireohms": OHM_RANGES,
    "fourwireohms": (1.0, *OHM_RANGES),
    "commonsideohms": (1.0, *OHM_RANGES),
}
UNITS = {
    "dcvolts": "Volts DC",
    "acvolts": "Volts AC",
    "dccurrent": "Amps DC",
    "accurrent": "Amps AC",
    "twowireohms": "Ohms 2W",
    "fourwireohms": "Ohms 4W",
    "commonsideohms": "Ohms CS",
    "frequency": "Hertz",
    "period": "Seconds",
    "continuity": "Ohms",
    "temperature": "Celsius",
}


class Meter:
    """The multimeter's input stage.

    Parameters
    ----------
    circuit : Circuit
        What it measures.
    high, sense : Probe
        Its input terminals.
    generator : numpy.random.Generator, optional
        Source of its noise; without it there is none.
    """

    def __init__(
        self,
        circuit: Circuit,
        high: Probe,
        sense: Probe,
        generator: np.random.Generator | None,
    ) -> None:
        self._circuit, self._high, self._sense = circuit, high, sense
        self._generator = generator
        self.divider = False
        self._measures: dict[str, Callable[[float, float], float]] = {
            "dcvolts": self._dc_volts,
            "acvolts": self._ac_volts,
            "dccurrent": self._dc_current,
            "accurrent": self._ac_current,
            "twowireohms": self._ohms,
            "fourwireohms": self._sensed_ohms,
            "commonsideohms": self._sensed_ohms,
            "continuity": lambda _full, aperture: self._ohms(
                _CONTINUITY_RANGE, aperture
            ),
            "frequency": lambda _full, aperture: self._frequency(aperture),
            "period": self._period,
        }
        self.rest()

    def rest(self) -> None:
        """Take away what a measurement put on the terminals."""
        self._high.load(NO_DIVIDER)
        self._sense.load(NO_DIVIDER)

    def measure(self, function: str, full: float, aperture: float) -> float:
        """Measure on a range; overflow where the range is exceeded.

        Parameters
        ----------
        function : str
            As ``dmm.func``.
        full : float
            Full scale of the range in the unit of the function.
        aperture : float
            Integration time in s, which passes.
        """
        try:
            value = self._measures[function](full, aperture)
        finally:
            self.rest()
        if function not in RANGES:
            return value
        most = _LARGEST_VOLTS if full == VOLT_RANGES[-1] else OVER_RANGE * full
        if not abs(value) <= most:
            return OVERFLOW
        return value + self._noise(full)

    def resistance(self, aperture: float) -> float:
        """Return the resistance of a four-wire sensor, in ohm."""
        return self.measure("fourwireohms", _CONTINUITY_RANGE, aperture)

    def _noise(self, full: float) -> float:
        if self._generator is None:
            return 0.0
        return _NOISE * full * self._generator.standard_normal()

    def _load(self, full: float) -> None:
        divided = self.divider or full >= _DIVIDED_FROM
        self._high.load(DIVIDER if divided else NO_DIVIDER)

    def _dc_volts(self, full: float, aperture: float) -> float:
        self._load(full)
        return self._circuit.measure(self._high, aperture).voltage

    def _ac_volts(self, full: float, aperture: float) -> float:
        self._load(full)
        return self._alternating(aperture)

    def _dc_current(self, full: float, aperture: float) -> float:
        shunt = _BURDEN / full
        self._high.load(shunt)
        return self._circuit.measure(self._high, aperture).voltage / shunt

    def _ac_current(self, full: float, aperture: float) -> float:
        shunt = _BURDEN / full
        self._high.load(shunt)
        return self._alternating(aperture) / shunt

    def _ohms(self, full: float, aperture: float) -> float:
        return self._excited(self._high, full, aperture)

    def _sensed_ohms(self, full: float, aperture: float) -> float:
        return self._excited(self._sense, full, aperture)

    def _excited(self, at: Probe, full: float, aperture: float) -> float:
        """Send the test current out of HI and return ohm from the volts `at` a lead."""
        if full >= _RATIOMETRIC_FROM:
            self._high.voltage_source(*_REFERENCE)
        else:
            current = _TEST_CURRENTS.get(full, _LEAST_TEST_CURRENT)
            self._high.current_source(current, limit=_OPEN_VOLTAGE)
        volts = self._circuit.measure(at, aperture).voltage
        reading = self._circuit.measure(self._high, 0.0)
        if reading.limited or reading.current <= 0.0:
            return math.inf
        return volts / reading.current

    # -- what changes within a reading -------------------------------------------------

    def _trace(
        self, aperture: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how long each voltage at HI lasted in an aperture, and the volts."""
        self._high.start()
        begin = self._circuit.time
        self._circuit.measure(self._high, max(aperture, _AC_CYCLE))
        times, volts = self._high.trace()
        self._high.stop()
        ends = np.append(times[1:], self._circuit.time)
        return ends - np.maximum(times, begin), volts

    def _alternating(self, aperture: float) -> float:
        """Return the root mean square of what changes."""
        spans, volts = self._trace(aperture)
        mean = np.average(volts, weights=spans)
        return float(np.sqrt(np.average((volts - mean) ** 2, weights=spans)))

    def _frequency(self, aperture: float) -> float:
        """Return how often a second the voltage rises through its middle, in Hz."""
        self._load(0.0)
        spans, volts = self._trace(aperture)
        high = volts > 0.5 * (volts.max() + volts.min())
        starts = np.cumsum(spans) - spans
        rises = starts[1:][high[1:] & ~high[:-1]]
        if len(rises) <= 1:
            return 0.0
        return float((len(rises) - 1) / (rises[-1] - rises[0]))

    def _period(self, _full: float, aperture: float) -> float:
        frequency = self._frequency(aperture)
        return 1.0 / frequency if frequency else 0.0
