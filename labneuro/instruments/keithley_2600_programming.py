"""A Keithley 2612A channel that programs memristors, guarded by the other channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError, InstrumentError, LimitError
from labneuro.instruments.keithley_2600_current_pulser import Keithley2600CurrentPulser
from labneuro.instruments.keithley_2600_scripts import call
from labneuro.instruments.keithley_2600_source_meter import Keithley2612SourceMeter
from labneuro.instruments.step_pulses import ProgrammingSourceMeter, StepPulseReadings
from labneuro.instruments.stress import PULSER, Levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.instruments.guard import Guard
    from labneuro.instruments.keithley_2600 import Keithley2600
    from labneuro.instruments.roles import CurrentPulser, CurrentReadings
    from labneuro.instruments.step_pulses import StepPulses
    from labneuro.safety import Limits

MOST_PULSES = 400
"""Pulses of one call: their amplitudes come back as one list of arguments."""
_PULSE_OVERHEAD = 5e-3  # s a pulse and its reading beside their waits, for the time-out


class Keithley2612Programmer(Keithley2612SourceMeter, ProgrammingSourceMeter):
    """One channel of a 2612A as source meter, and the other one as its guard.

    Parameters
    ----------
    driver : Keithley2600
        The instrument.
    channel : str
        ``"smua"`` or ``"smub"``.
    limits : Limits or Guard
        What may be set at most; checked before anything is sent.
    """

    def __init__(
        self, driver: Keithley2600, channel: str, limits: Limits | Guard
    ) -> None:
        super().__init__(driver, channel, limits)
        self._shield = ""
        self._read_range = self._compliance = math.nan

    def configure(
        self,
        *,
        compliance_current: float,
        current_range: float,
        power_line_cycles: float,
    ) -> None:
        """Prepare voltage sourcing at 0 V, without a guard, the output still off.

        Parameters and errors are those of the base class.
        """
        self._shield = ""
        super().configure(
            compliance_current=compliance_current,
            current_range=current_range,
            power_line_cycles=power_line_cycles,
        )
        self._read_range, self._compliance = current_range, compliance_current

    def guard_with(self, guard: CurrentPulser, compliance_current: float) -> None:
        """Let the other channel follow every level of sweeps until `configure`.

        Parameters
        ----------
        guard : CurrentPulser
            The role of this instrument's other channel.
        compliance_current : float
            Its limit in A.

        Raises
        ------
        BenchConfigError
            If it is not the other channel of this instrument.
        LimitError
            If the compliance is beyond the limits.
        """
        self._require_configured()
        other = {"smua": "smub", "smub": "smua"}[self._name]
        channel = getattr(self.driver, other)
        mine = isinstance(guard, Keithley2600CurrentPulser) and guard.channel is channel
        if not mine:
            raise BenchConfigError(
                f"roles.current_pulser: must be {self.driver.name}.{other}, the other "
                "channel of the source meter, to guard it"
            )
        where = f"{self.driver.name} {other}"
        self._check_range("compliance_current", compliance_current)
        self.guard.comply(compliance_current, where, PULSER)
        self.driver.configured_by[other] = self
        channel.reset()
        channel.source_function = "voltage"
        channel.source_voltage_autorange = False
        channel.source_voltage = 0.0
        channel.compliance_current = compliance_current
        if self.limits.power < math.inf:
            channel.power_limit = self.limits.power
        self.guard.switch_on(PULSER)
        channel.output_enabled = True
        self.driver.check_errors()
        self._shield = other

    def sweep(self, voltages: NDArray[np.float64], settling: float) -> CurrentReadings:
        """Measure the current at each level as one script; a guard follows the levels.

        Parameters and errors are those of the base class.
        """
        if self._shield:
            held = settling + self._aperture
            levels = tuple((float(one), held) for one in voltages)
            self.guard.play(Levels(PULSER, levels), f"{self.driver.name} guard")
        return super().sweep(voltages, settling)

    def make_safe(self) -> None:
        """Make the channel safe as the base class does, and bring the guard to 0 V.

        The guard's output is switched off by the role that its channel fills.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm that the output is off.
        """
        shield, self._shield = self._shield, ""
        super().make_safe()
        if shield:
            getattr(self.driver, shield).source_voltage = 0.0

    def _sweep_command(self, range_: float, count: int, settling: float) -> str:
        if not self._shield:
            return super()._sweep_command(range_, count, settling)
        return call("guarded_sweep", self._name, self._shield, range_, count, settling)

    def step_pulses(self, pulses: StepPulses) -> StepPulseReadings:
        """Program by incremental step pulses: three calls, whatever their number.

        Each pulse is put out on the measuring range of the compliance.

        Parameters
        ----------
        pulses : StepPulses
            At most 400.

        Raises
        ------
        LimitError
            If a level is beyond the limits, or there are too many pulses.
        InstrumentError
            If the instrument reports an error or does not answer.
        """
        self._require_configured()
        self._check_levels([pulses.largest, pulses.read_voltage])
        self._check_durations(width=pulses.width, settling=pulses.settling)
        if not 0 < pulses.most <= MOST_PULSES:
            raise LimitError(
                f"{self._where}: {pulses.most} pulses; 1 to {MOST_PULSES} a call"
            )
        once = pulses.width + pulses.settling + self._aperture + _PULSE_OVERHEAD
        self.guard.play(pulses.levels(self._aperture), self._where)
        command = call(
            "step_pulses",
            self._name,
            self._read_range,
            self._compliance,
            pulses.target * pulses.read_voltage,
            pulses.tolerance,
            pulses.first,
            pulses.increment,
            pulses.largest,
            pulses.width,
            pulses.read_voltage,
            pulses.settling,
            pulses.most,
        )
        duration = (pulses.most + 1) * once
        count, limited = self.driver.ask_doubles(command, 2, duration)
        if not 1 <= count <= pulses.most + 1:
            raise InstrumentError(
                f"{self._where}: told of {count:g} readings, at most {pulses.most + 1}"
            )
        block = self._measure(call("step_readings", self._name), int(count), 0.0)
        applied = self.driver.ask_doubles(call("step_amplitudes"), int(count))
        self.driver.check_errors()
        time = block.time - block.time[0]
        return StepPulseReadings(applied, block.current, time, bool(limited))
