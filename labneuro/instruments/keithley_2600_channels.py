"""Channels of the Keithley 2600 SourceMeter instruments: one property a setting.

References
----------
Keithley Series 2600B Reference Manual, 2600BS-901-01 Rev. C (2016), section 7; ranges
and limits of the 2636B.
"""

from __future__ import annotations

import math

from pymeasure.instruments import Channel
from pymeasure.instruments.validators import (
    joined_validators,
    strict_discrete_set,
    strict_range,
)

OVERFLOW = 9.9e37
"""Readings from here on are an overflow; the instrument sends 9.91e37."""

_SWITCH = {True: 1, False: 0}
_delay_or_auto = joined_validators(strict_discrete_set, strict_range)


def overflow_to_nan(value: float) -> float:
    """Return NaN for the number that the instrument sends on overflow.

    Examples
    --------
    >>> overflow_to_nan(9.91e37)
    nan
    >>> overflow_to_nan(-2e-9)
    -2e-09
    """
    return math.nan if abs(value) >= OVERFLOW else value


class Keithley2600Channel(Channel):
    """One source-measure unit, ``smua`` or ``smub``; limits are those of the 2636B."""

    source_function = Channel.control(
        "print({ch}.source.func)",
        "{ch}.source.func = %d",
        """Control what is sourced: ``"voltage"`` or ``"current"``.""",
        validator=strict_discrete_set,
        values={"current": 0, "voltage": 1},
        map_values=True,
    )

    source_voltage = Channel.control(
        "print({ch}.source.levelv)",
        "{ch}.source.levelv = %.10g",
        """Control the source level in V, -200 to 200.""",
        validator=strict_range,
        values=(-200.0, 200.0),
    )

    source_current = Channel.control(
        "print({ch}.source.leveli)",
        "{ch}.source.leveli = %.10g",
        """Control the source level in A, -1.5 to 1.5.""",
        validator=strict_range,
        values=(-1.5, 1.5),
    )

    source_voltage_range = Channel.control(
        "print({ch}.source.rangev)",
        "{ch}.source.rangev = %.10g",
        """Control the source range by the largest level in V, 0 to 200.""",
        validator=strict_range,
        values=(0.0, 200.0),
    )

    source_current_range = Channel.control(
        "print({ch}.source.rangei)",
        "{ch}.source.rangei = %.10g",
        """Control the source range by the largest level in A, 0 to 1.5.""",
        validator=strict_range,
        values=(0.0, 1.5),
    )

    source_voltage_autorange = Channel.control(
        "print({ch}.source.autorangev)",
        "{ch}.source.autorangev = %d",
        """Control whether the voltage source chooses its range.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    source_current_autorange = Channel.control(
        "print({ch}.source.autorangei)",
        "{ch}.source.autorangei = %d",
        """Control whether the current source chooses its range.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    source_delay = Channel.control(
        "print({ch}.source.delay)",
        "{ch}.source.delay = %.10g",
        """Control the wait after a source action in s, at least 0; -1 is automatic.""",
        validator=_delay_or_auto,
        values=((-1,), (0.0, math.inf)),
    )

    compliance_current = Channel.control(
        "print({ch}.source.limiti)",
        "{ch}.source.limiti = %.10g",
        """Control the current limit of the voltage source in A, 100 pA to 1.5 A.""",
        validator=strict_range,
        values=(1e-10, 1.5),
    )

    power_limit = Channel.control(
        "print({ch}.source.limitp)",
        "{ch}.source.limitp = %.10g",
        """Control the power limit of the source in W, at least 0; 0 is none.""",
        validator=strict_range,
        values=(0.0, 1e4),
    )

    compliance_voltage = Channel.control(
        "print({ch}.source.limitv)",
        "{ch}.source.limitv = %.10g",
        """Control the voltage limit of the current source in V, 20 mV to 200 V.""",
        validator=strict_range,
        values=(0.02, 200.0),
    )

    compliance_reached = Channel.measurement(
        "print({ch}.source.compliance)",
        """Get whether the source is held by its limit.""",
        values={True: "true", False: "false"},
        map_values=True,
        cast=str,
    )

    output_enabled = Channel.control(
        "print({ch}.source.output)",
        "{ch}.source.output = %d",
        """Control whether the output is on.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    output_off_mode = Channel.control(
        "print({ch}.source.offmode)",
        "{ch}.source.offmode = %d",
        """Control what an output that is off does: ``"normal"`` (0 V at a small current
        limit), ``"zero"`` or ``"high_impedance"`` (relay open).""",
        validator=strict_discrete_set,
        values={"normal": 0, "zero": 1, "high_impedance": 2},
        map_values=True,
    )

    four_wire = Channel.control(
        "print({ch}.sense)",
        "{ch}.sense = %d",
        """Control whether the voltage is sensed at the device (4-wire).""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    high_capacitance = Channel.control(
        "print({ch}.source.highc)",
        "{ch}.source.highc = %d",
        """Control the high-capacitance mode.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    current_range = Channel.control(
        "print({ch}.measure.rangei)",
        "{ch}.measure.rangei = %.10g",
        """Control the measure range by the largest current in A, 100 pA to 1.5 A.""",
        validator=strict_range,
        values=(1e-10, 1.5),
    )

    voltage_range = Channel.control(
        "print({ch}.measure.rangev)",
        "{ch}.measure.rangev = %.10g",
        """Control the measure range by the largest voltage in V, 0 to 200.""",
        validator=strict_range,
        values=(0.0, 200.0),
    )

    current_autorange = Channel.control(
        "print({ch}.measure.autorangei)",
        "{ch}.measure.autorangei = %d",
        """Control whether the current meter chooses its range.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    voltage_autorange = Channel.control(
        "print({ch}.measure.autorangev)",
        "{ch}.measure.autorangev = %d",
        """Control whether the voltmeter chooses its range.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    power_line_cycles = Channel.control(
        "print({ch}.measure.nplc)",
        "{ch}.measure.nplc = %.10g",
        """Control the integration time in power-line cycles, 0.001 to 25.""",
        validator=strict_range,
        values=(0.001, 25.0),
    )

    autozero = Channel.control(
        "print({ch}.measure.autozero)",
        "{ch}.measure.autozero = %d",
        """Control the correction of offsets: ``"off"``, ``"once"`` (now, then off) or
        ``"auto"`` (with every reading).""",
        validator=strict_discrete_set,
        values={"off": 0, "once": 1, "auto": 2},
        map_values=True,
    )

    measure_delay = Channel.control(
        "print({ch}.measure.delay)",
        "{ch}.measure.delay = %.10g",
        """Control the wait before a reading in s, at least 0; -1 is automatic.""",
        validator=_delay_or_auto,
        values=((-1,), (0.0, math.inf)),
    )

    measure_count = Channel.control(
        "print({ch}.measure.count)",
        "{ch}.measure.count = %d",
        """Control how many readings one measurement takes, at least 1.""",
        validator=strict_range,
        values=(1, math.inf),
        get_process=int,
    )

    filter_enabled = Channel.control(
        "print({ch}.measure.filter.enable)",
        "{ch}.measure.filter.enable = %d",
        """Control whether readings pass the digital filter.""",
        validator=strict_discrete_set,
        values=_SWITCH,
        map_values=True,
    )

    filter_type = Channel.control(
        "print({ch}.measure.filter.type)",
        "{ch}.measure.filter.type = %d",
        """Control the digital filter: ``"moving"``, ``"repeat"`` or ``"median"``.""",
        validator=strict_discrete_set,
        values={"moving": 0, "repeat": 1, "median": 2},
        map_values=True,
    )

    filter_count = Channel.control(
        "print({ch}.measure.filter.count)",
        "{ch}.measure.filter.count = %d",
        """Control how many readings the digital filter takes, 1 to 100.""",
        validator=strict_range,
        values=(1, 100),
        get_process=int,
    )

    voltage = Channel.measurement(
        "print({ch}.measure.v())",
        """Measure the voltage in V; NaN where the range overflowed.""",
        get_process=overflow_to_nan,
    )

    current = Channel.measurement(
        "print({ch}.measure.i())",
        """Measure the current in A; NaN where the range overflowed.""",
        get_process=overflow_to_nan,
    )

    resistance = Channel.measurement(
        "print({ch}.measure.r())",
        """Measure the resistance in ohm; NaN where a range overflowed.""",
        get_process=overflow_to_nan,
    )

    power = Channel.measurement(
        "print({ch}.measure.p())",
        """Measure the power in W; NaN where a range overflowed.""",
        get_process=overflow_to_nan,
    )

    def reset(self) -> None:
        """Bring this channel's settings to their defaults: output off, 0 V."""
        self.write("{ch}.reset()")

    def abort(self) -> None:
        """Stop a sweep or an overlapped measurement of this channel."""
        self.write("{ch}.abort()")


class Keithley2612Channel(Keithley2600Channel):
    """One source-measure unit of a 2612A or 2612B, whose ranges begin at 100 nA.

    References
    ----------
    Keithley Series 2600B Reference Manual, 2600BS-901-01 Rev. F, p. 9-244 (limits from
    10 nA); Series 2600A Reference Manual, p. 19-139 (ranges). More than 1.5 A flow in
    pulses only.
    """

    compliance_current = Channel.control(
        "print({ch}.source.limiti)",
        "{ch}.source.limiti = %.10g",
        """Control the current limit of the voltage source in A, 10 nA to 1.5 A.""",
        validator=strict_range,
        values=(1e-8, 1.5),
    )

    current_range = Channel.control(
        "print({ch}.measure.rangei)",
        "{ch}.measure.rangei = %.10g",
        """Control the measure range by the largest current in A, 100 nA to 1.5 A.""",
        validator=strict_range,
        values=(1e-7, 1.5),
    )


class TriggerLine(Channel):
    """One digital line (1 to 14) used as a trigger, manual p. 7-57."""

    mode = Channel.control(
        "print(digio.trigger[{ch}].mode)",
        "digio.trigger[{ch}].mode = %d",
        """Control edge and logic: ``"falling"`` sends a low pulse,
        ``"rising_master"`` a high one; see the manual for the others.""",
        validator=strict_discrete_set,
        values={
            "bypass": 0,
            "falling": 1,
            "rising": 2,
            "either": 3,
            "synchronous_acceptor": 4,
            "synchronous": 5,
            "synchronous_master": 6,
            "rising_acceptor": 7,
            "rising_master": 8,
        },
        map_values=True,
    )

    pulse_width = Channel.control(
        "print(digio.trigger[{ch}].pulsewidth)",
        "digio.trigger[{ch}].pulsewidth = %.10g",
        """Control the length of an output trigger in s; 0 holds it until released.""",
        validator=strict_range,
        values=(0.0, math.inf),
    )

    def send(self) -> None:
        """Send one trigger."""
        self.write("digio.trigger[{ch}].assert()")
