"""A Keithley 2600 channel as the supply of a transistor's gate."""

from __future__ import annotations

from typing import ClassVar

from labneuro.instruments.keithley_2600_output import Keithley2600Output
from labneuro.instruments.roles import GateSupply
from labneuro.instruments.stress import GATE, GATE_COMPLIANCE, Levels


class Keithley2600GateSupply(Keithley2600Output, GateSupply):
    """One channel of a 2600 that holds a voltage and takes no readings."""

    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {}
    sourced: ClassVar[tuple[str, str]] = ("voltage", "V")
    output: ClassVar[str] = GATE

    def hold(self, voltage: float) -> None:
        """Put out a voltage in V, from 0 V on; the first time the output goes on.

        Raises
        ------
        LimitError
            If the voltage is beyond the limits of the bench or the instrument.
        InstrumentError
            If the instrument reports an error.
        """
        self.guard.play(Levels(GATE, ((voltage, 0.0),)), self._where)
        if not self._configured:
            self._begin()
            self.channel.compliance_current = GATE_COMPLIANCE
            self._limit_power()
            self._configured = True
            self.output_on()
        self._require_configured()
        self.channel.source_voltage = voltage
        self.driver.check_errors()
