"""The 2600 as the supply of a gate: what is sent, and what is refused."""

import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError, LimitError
from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.instruments.keithley_2600_gate_supply import Keithley2600GateSupply
from labneuro.safety import Limits

NO_ERROR = ("print(errorqueue.next())", "0.00000e+00\tQueue Is Empty\t0.00000e+00")
ON = [
    ("smub.reset()", None),
    ("smub.source.func = 1", None),
    ("smub.source.limiti = 1e-06", None),
    ("smub.source.levelv = 0", None),
    ("smub.source.output = 1", None),
    NO_ERROR,
]
HELD = [("smub.source.levelv = 2.02", None), NO_ERROR]


def test_holds_a_voltage_at_a_limit_of_1_microampere():
    with expected_protocol(Keithley2600, [*ON, *HELD]) as driver:
        Keithley2600GateSupply(driver, "smub", Limits(voltage=3.0)).hold(2.02)


def test_moves_to_another_voltage_without_going_off():
    again = [("smub.source.levelv = 3", None), NO_ERROR]
    with expected_protocol(Keithley2600, [*ON, *HELD, *again]) as driver:
        gate = Keithley2600GateSupply(driver, "smub", Limits(voltage=3.0))
        gate.hold(2.02)
        gate.hold(3.0)


def test_a_power_limit_is_set_in_the_instrument():
    limited = [*ON[:3], ("smub.source.limitp = 0.5", None), *ON[3:], *HELD]
    with expected_protocol(Keithley2600, limited) as driver:
        limits = Limits(voltage=3.0, power=0.5)
        Keithley2600GateSupply(driver, "smub", limits).hold(2.02)


def test_a_voltage_beyond_the_limits_is_not_sent():
    with expected_protocol(Keithley2600, []) as driver:
        gate = Keithley2600GateSupply(driver, "smub", Limits(voltage=3.0))
        with pytest.raises(LimitError, match=r"3\.1 V"):
            gate.hold(3.1)


def test_a_channel_that_another_role_has_taken_is_told():
    with expected_protocol(Keithley2600, [*ON, *HELD]) as driver:
        gate = Keithley2600GateSupply(driver, "smub", Limits(voltage=3.0))
        gate.hold(2.02)
        driver.configured_by["smub"] = object()
        with pytest.raises(InstrumentError, match="configure it first"):
            gate.hold(2.5)
