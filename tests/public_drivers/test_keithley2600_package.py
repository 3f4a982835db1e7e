"""The driver ``keithley2600`` from PyPI, unchanged, on a simulated 2636B.

Its sweeps run on the trigger model: armed by ``*trg``, stepped by event blenders, and
polled by the status model.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pyvisa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("xdrlib", reason="keithley2600 2.1.0 needs it: Python below 3.13")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # xdrlib, which it imports
    keithley2600 = pytest.importorskip("keithley2600")

# The driver keeps one object an address, also after it was disconnected.
ADDRESSES = (f"TCPIP0::192.0.2.{host}::inst0::INSTR" for host in range(10, 250))
DRIVER = "keithley2600 2.1.0"
LOAD_A, LOAD_B = 1e3, 2e3
WIRING = "[[device.Au, device.Pd, ground], [it.smua], [it.smub]]"
RESISTORS = (
    "[{between: [it.smua, ground], value: 1 kohm}, "
    "{between: [it.smub, ground], value: 2 kohm}]"
)


@pytest.fixture
def keithley(one_instrument: Callable[..., str]) -> Iterator[Any]:
    """Return the driver, connected to a 2636B with 1 kohm on A and 2 kohm on B."""
    address = next(ADDRESSES)
    library = one_instrument(
        "Keithley 2636B", address, wiring=WIRING, resistors=RESISTORS
    )
    driver = keithley2600.Keithley2600(address, visa_library=library)
    assert driver.connected
    yield driver
    assert driver.read_error_queue() == []
    driver.disconnect()
    driver.rm.close()


@pytest.mark.public_driver(DRIVER, "Keithley2600", "apply voltage, measure, ramp")
def test_source_and_measure(keithley: Any) -> None:
    keithley.apply_voltage(keithley.smua, 1.5)
    assert keithley.measure_voltage(keithley.smua) == pytest.approx(1.5, rel=1e-4)
    assert keithley.measure_current(keithley.smua) == pytest.approx(1.5e-3, rel=1e-3)
    keithley.ramp_to_voltage(keithley.smua, 0.5, delay=0.0, step_size=0.5)
    assert keithley.smua.source.levelv == 0.5


@pytest.mark.parametrize("pulsed", [False, True])
@pytest.mark.public_driver(DRIVER, "Keithley2600", "voltage_sweep_single_smu")
def test_sweep_of_one_channel(keithley: Any, pulsed: bool) -> None:
    levels = np.linspace(0.0, 2.0, 9)
    volts, amps = keithley.voltage_sweep_single_smu(
        keithley.smua, levels, t_int=0.001, delay=-1, pulsed=pulsed
    )
    assert volts == pytest.approx(levels, abs=1e-4)
    assert amps == pytest.approx(levels / LOAD_A, rel=1e-3, abs=1e-8)
    expected = 0.0 if pulsed else 2.0  # a sweep without pulses stays where it ended
    assert keithley.smua.source.levelv == pytest.approx(expected)


@pytest.mark.public_driver(DRIVER, "Keithley2600", "voltage_sweep_single_smu, chunks")
def test_sweep_of_a_long_list(keithley: Any) -> None:
    """A list beyond its chunk size is sent number by number."""
    levels = np.linspace(-1.0, 1.0, keithley.CHUNK_SIZE + 5)
    volts, _ = keithley.voltage_sweep_single_smu(
        keithley.smua, levels, t_int=0.0001, delay=0, pulsed=False
    )
    assert volts == pytest.approx(levels, abs=2e-4)


@pytest.mark.public_driver(DRIVER, "Keithley2600", "voltage_sweep_dual_smu")
def test_sweep_of_both_channels(keithley: Any) -> None:
    first, second = np.linspace(0.0, 2.0, 6), np.linspace(1.0, -1.0, 6)
    volts_a, amps_a, volts_b, amps_b = keithley.voltage_sweep_dual_smu(
        keithley.smua, keithley.smub, first, second, 0.001, -1, pulsed=False
    )
    assert volts_a == pytest.approx(first, abs=1e-4)
    assert volts_b == pytest.approx(second, abs=1e-4)
    assert amps_a == pytest.approx(first / LOAD_A, rel=1e-3, abs=1e-8)
    assert amps_b == pytest.approx(second / LOAD_B, rel=1e-3, abs=1e-8)


@pytest.mark.public_driver(DRIVER, "Keithley2600", "transfer_measurement")
def test_transfer_curve(keithley: Any) -> None:
    table = keithley.transfer_measurement(
        keithley.smua, keithley.smub, 0.0, 1.0, 0.5, [0.5, "trailing"], 0.001, 0, False
    )
    gate = np.array([0.0, 0.5, 1.0, 1.0, 0.5, 0.0])
    assert table["Gate voltage"] == pytest.approx(gate)
    drain = table["Drain current (Vd = 0.5)"]
    assert drain == pytest.approx(np.full(6, 0.5 / LOAD_B), rel=1e-3)
    trailing = table["Drain current (Vd = trailing)"]
    assert trailing == pytest.approx(gate / LOAD_B, rel=1e-3, abs=1e-8)
    assert keithley.smua.source.output == 0


@pytest.mark.public_driver(DRIVER, "Keithley2600", "output_measurement")
def test_output_curve(keithley: Any) -> None:
    table = keithley.output_measurement(
        keithley.smua, keithley.smub, 0.0, 1.0, 0.5, [0.25], 0.001, 0, True
    )
    drain = np.array([0.0, 0.5, 1.0, 1.0, 0.5, 0.0])
    assert table["Drain voltage"] == pytest.approx(drain)
    measured = table["Drain current (Vg = 0.25)"]
    assert measured == pytest.approx(drain / LOAD_B, rel=1e-3, abs=1e-8)


@pytest.mark.public_driver(DRIVER, "Keithley2600", "trigger model, waiting")
def test_a_sweep_without_its_trigger_times_out(keithley: Any) -> None:
    """Nothing answers before the event or a device clear; then all is as before."""
    keithley.smua.trigger.arm.stimulus = keithley.digio.trigger[1].EVENT_ID
    keithley.smua.trigger.initiate()
    connection = keithley.connection
    usual, connection.timeout = connection.timeout, 300
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        connection.query("*OPC?")
    connection.clear()
    connection.timeout = usual
    assert keithley.status.operation.sweeping.condition == 0
    assert connection.query("*OPC?") == "1"


@pytest.mark.public_driver(DRIVER, "Keithley2600", "trigger model, two timers")
def test_pulse_train_through_the_driver(keithley: Any) -> None:
    """The manual's two-timer pulse train, attribute by attribute."""
    smua, trigger = keithley.smua, keithley.trigger
    period, width = trigger.timer[1], trigger.timer[2]
    smua.measure.nplc, smua.measure.autozero = 0.001, smua.AUTOZERO_OFF
    smua.measure.rangei, smua.source.rangev = 0.01, 5
    period.delay, period.count, period.passthrough = 5e-3, 9, True
    period.stimulus = smua.trigger.ARMED_EVENT_ID
    width.delay, width.stimulus = 600e-6, period.EVENT_ID
    smua.trigger.source.listv([5])
    smua.trigger.source.action = smua.ENABLE
    smua.trigger.measure.i(smua.nvbuffer1)
    smua.trigger.measure.action = smua.ENABLE
    smua.trigger.source.stimulus = period.EVENT_ID
    smua.trigger.endpulse.action = smua.SOURCE_IDLE
    smua.trigger.endpulse.stimulus = width.EVENT_ID
    smua.trigger.count = 10
    smua.source.output = smua.OUTPUT_ON
    smua.trigger.initiate()
    keithley.waitcomplete()
    stamps = [smua.nvbuffer1.timestamps[k] for k in range(1, 11)]
    assert stamps == pytest.approx([5e-3 * k for k in range(10)], abs=1e-6)
    amps = keithley.read_buffer(smua.nvbuffer1)
    assert amps == pytest.approx([5 / LOAD_A] * 10, rel=2e-2)
