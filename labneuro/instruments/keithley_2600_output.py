"""One channel of a Keithley 2600 in a role of a bench: what all its roles share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from labneuro.errors import BenchConfigError, InstrumentError, LimitError
from labneuro.instruments import shutdown
from labneuro.instruments.guard import Guard
from labneuro.instruments.keithley_2600_scripts import VALUES_PER_READING
from labneuro.units import show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.instruments.keithley_2600 import Keithley2600
    from labneuro.instruments.keithley_2600_channels import Keithley2600Channel
    from labneuro.safety import Limits

MOST_READINGS = 50_000
"""A buffer holds more than this many readings with time stamps (SPEC-2600S)."""

LONGEST_SCRIPT = 4000.0
"""In s. Time stamps at 1 us resolution are unique for 71 minutes (manual, buffers)."""

IN_COMPLIANCE = 0x40
"""Buffer status bit B6 (manual p. 7-34)."""

READING_OVERHEAD = 2e-3
"""Time in s that a reading may take at most beside its waits, for time-outs only."""

_LINE_FREQUENCIES = (50.0, 60.0)


class Keithley2600Output:
    """One channel of a 2600 that sources voltage or current by scripts.

    Autozero is done once, when it is configured: with every reading it would take three
    integrations, and the period of a train would depend on it.

    Parameters
    ----------
    driver : Keithley2600
        The instrument.
    channel : str
        ``"smua"`` or ``"smub"``.
    limits : Limits or Guard
        What may be set at most; checked before anything is sent. A power limit is set
        in the instrument, too.

    Raises
    ------
    BenchConfigError
        If there is no such channel.
    """

    ranges: ClassVar[dict[str, tuple[float, float, str]]]
    """Smallest and largest value of each setting, and its unit."""
    sourced: ClassVar[tuple[str, str]]
    """What it sources: ``("voltage", "V")`` or ``("current", "A")``."""
    output: ClassVar[str]
    """The output's name in plans and limits, see :mod:`labneuro.instruments.stress`."""

    def __init__(
        self, driver: Keithley2600, channel: str, limits: Limits | Guard
    ) -> None:
        if channel not in ("smua", "smub"):
            raise BenchConfigError(
                f"roles: {channel!r} is no channel of {driver.name}; smua or smub"
            )
        self.driver = driver
        self.channel: Keithley2600Channel = getattr(driver, channel)
        self.guard = Guard.of(limits)
        self.limits = self.guard.limits
        self._name = channel
        self._where = f"{driver.name} {channel}"
        self._aperture = math.nan
        self._configured = False

    def output_on(self) -> None:
        """Switch the output on, at 0 V or 0 A.

        Raises
        ------
        InstrumentError
            If the compliance has not been set by `configure` or the instrument
            reports an error.
        """
        self._require_configured()
        self._rest()
        self.guard.switch_on(self.output)
        self.channel.output_enabled = True
        self.driver.check_errors()

    def make_safe(self) -> None:
        """Stop what runs, go to 0 V or 0 A, switch the output off, and read that back.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm that the output is off.
        """
        channel = self.channel
        self._configured = False
        shutdown.make_safe(
            self._where,
            (
                ("device clear", self.driver.device_clear),
                ("abort script", self.driver.abort_script),
                ("abort channel", channel.abort),
                (f"0 {self.sourced[1]}", self._rest),
                ("output off", lambda: setattr(channel, "output_enabled", False)),
            ),
            lambda: channel.output_enabled is False,
        )
        self.guard.release(self.output)

    def _rest(self) -> None:
        setattr(self.channel, f"source_{self.sourced[0]}", 0.0)

    def _begin(self) -> None:
        """Reset the channel and take it over from whoever configured it before."""
        self._configured = False
        self.driver.configured_by[self._name] = self
        self.channel.reset()
        self.channel.source_function = self.sourced[0]

    def _limit_power(self) -> None:
        if self.limits.power < math.inf:
            self.channel.power_limit = self.limits.power

    def _finish(self, power_line_cycles: float) -> None:
        """Set how readings are taken, load the script, and look for errors."""
        channel = self.channel
        channel.measure_delay = 0
        channel.measure_count = 1
        channel.filter_enabled = False
        channel.power_line_cycles = power_line_cycles
        channel.autozero = "once"
        frequency = self.driver.line_frequency
        if frequency not in _LINE_FREQUENCIES:
            raise InstrumentError(f"{self._where}: line frequency {frequency!r} Hz")
        self._aperture = power_line_cycles / frequency
        self.driver.load_script()
        self.driver.check_errors()
        self._configured = True

    def _take(self, command: str, count: int, duration: float) -> NDArray[np.float64]:
        """Run a function of the script; return reading, time and status by row."""
        values = self.driver.ask_doubles(command, VALUES_PER_READING * count, duration)
        self.driver.check_errors()
        return values.reshape(count, VALUES_PER_READING)

    def _first_time(self) -> float:
        """Return the instrument's clock at the first reading of the buffer, in s."""
        command = f"printnumber({self._name}.nvbuffer1.basetimestamp)"
        return float(self.driver.ask_doubles(command, 1)[0])

    def _check_range(self, key: str, value: float) -> None:
        low, high, unit = self.ranges[key]
        if not low <= value <= high:
            raise LimitError(
                f"{self._where}: {key} {show(value, unit)} is not within "
                f"{show(low, unit)} to {show(high, unit)}"
            )

    def _require_configured(self) -> None:
        if not self._configured or self.driver.configured_by[self._name] is not self:
            raise InstrumentError(
                f"{self._where}: the compliance is not set; configure it first"
            )
