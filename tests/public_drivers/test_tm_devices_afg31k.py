"""Tektronix's tm_devices, driver AFG31K, unchanged, on the simulated AFG31000."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

from labneuro.sim_backends.visa.powered_benches import power_on

try:
    VERSION = version("tm_devices")
except PackageNotFoundError:
    VERSION = ""
WHAT = (f"tm_devices {VERSION}", "AFG31K")
HOST = "192.0.2.20"
SHAPES = (
    *("SIN", "SQUARE", "PULSE", "RAMP", "PRNOISE", "DC", "SINC", "GAUSSIAN"),
    *("LORENTZ", "ERISE", "EDECAY", "HAVERSINE"),
)
# An AFG reads ARBitrary as no shape at all: its manual has USER, EMEMory and EFILe.
ARBITRARY = (
    "tm_devices sends 'SOURCE1:FUNCTION ARB', which is no shape of the manual; the "
    "instrument's error is -224 and the shape stays"
)


@pytest.fixture
def library(one_instrument):
    """Return the VISA library of a bench with 50 ohm on each channel."""
    return one_instrument(
        "Tektronix AFG31000",
        f"TCPIP0::{HOST}::inst0::INSTR",
        wiring="[[device.Au, device.Pd, ground], [it.ch1], [it.ch2]]",
        resistors="[{between: [it.ch1, ground], value: 50 ohm},"
        " {between: [it.ch2, ground], value: 50 ohm}]",
    )


@pytest.fixture
def afg(tektronix_devices, library):
    """Return the driver."""
    return tektronix_devices(library).add_afg(HOST)


@pytest.fixture
def volts(library):
    """Return a function that measures channel 1 over steps of a time."""
    bench = power_on(library).bench
    drive = bench.instruments["it"].drives["ch1"]

    def measure(step, count=1):
        means = [bench.circuit.measure(drive, step).voltage for _ in range(count)]
        return np.array(means)

    return measure


def generate(afg, shape, **settings):
    """Call what versions 2 and below and 3 call by different names."""
    function = afg.source_device_constants.functions[shape]
    call = getattr(afg, "generate_function", None) or afg.generate_waveform
    call(1e3, function, 1.0, 0.1, **settings)


@pytest.mark.public_driver(*WHAT, "add_afg, identity, *OPT, channels")
def test_it_is_found_by_its_identity(afg):
    assert "AFG31K" in [one.__name__ for one in type(afg).__mro__]
    assert (afg.model, afg.manufacturer) == ("AFG31102", "TEKTRONIX")
    assert afg.serial == "C013001"
    assert afg.total_channels == 2
    assert afg.all_channel_names_list == ("SOURCE1", "SOURCE2")
    assert str(afg.sw_version) == "1.6.1"
    assert afg.ieee_cmds.opt() == "0"
    assert afg.source_device_constants.memory_max_record_length == 131072


@pytest.mark.public_driver(*WHAT, "generate_function (every shape)")
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_generated(afg, volts, shape):
    """The driver reads back each setting itself; the mean lies within the levels."""
    generate(afg, shape, channel="SOURCE1")
    assert afg.query("OUTPUT1:STATE?") == "1"
    assert afg.query("OUTPUT2:STATE?") == "0"
    assert -0.4 <= volts(1e-3)[0] <= 0.6
    if shape in ("SIN", "SQUARE", "DC", "HAVERSINE"):
        assert volts(1e-3)[0] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.public_driver(*WHAT, "generate_function (arbitrary)")
@pytest.mark.xfail(reason=ARBITRARY, raises=AssertionError, strict=True)
def test_arbitrary_is_generated(afg):
    generate(afg, "ARBITRARY", channel="SOURCE1")


@pytest.mark.public_driver(*WHAT, "generate_function (load, polarity, duty cycle)")
def test_settings_of_a_pulse(afg, volts):
    """Duty cycle 20 %, inverted, said for no load: half of it into 50 ohm."""
    generate(
        afg,
        "PULSE",
        channel="all",
        duty_cycle=20.0,
        polarity="INVERTED",
        termination="HIGHZ",
    )
    assert float(afg.query("OUTPUT2:IMPEDANCE?")) > 1e37
    assert afg.query("OUTPUT2:POLARITY?") == "INV"
    assert volts(1e-3)[0] == pytest.approx(0.5 * (0.1 + 0.3), abs=1e-5)


@pytest.mark.public_driver(*WHAT, "setup_burst, generate_burst")
def test_burst(afg, volts):
    """Three cycles of 1 kHz for one trigger."""
    functions = afg.source_device_constants.functions
    if hasattr(afg, "setup_burst"):
        afg.setup_burst(1e3, functions.SQUARE, 1.0, 0.1, 3, channel="SOURCE1")
        before = volts(0.5e-3, 8)
        assert before == pytest.approx(before[0]), "it waits"
        afg.generate_burst()
    else:
        generate(afg, "SQUARE", channel="SOURCE1", burst=3)
    assert volts(0.5e-3, 6) == pytest.approx([0.6, -0.4] * 3)
    after = volts(0.5e-3, 6)
    assert after == pytest.approx(after[0]), "no fourth"


@pytest.mark.public_driver(*WHAT, "set_and_check, query, query_response")
def test_set_and_check(afg):
    afg.set_and_check("SOURCE1:FREQUENCY:FIXED", 2500.0)
    afg.set_and_check("SOURCE2:VOLTAGE:AMPLITUDE", 0.5, tolerance=1e-3)
    afg.set_and_check("TRIGGER:SEQUENCE:SOURCE", "EXT")
    afg.query_response("SOURCE1:FREQUENCY?", 2500.0)
    with pytest.raises(AssertionError, match="SIN"):
        afg.set_and_check("SOURCE1:FUNCTION:SHAPE", "SINUSOID")


@pytest.mark.public_driver(*WHAT, "expect_esr")
def test_errors_are_expected(afg):
    """It raises where the instrument's registers or queue hold something else."""
    afg.expect_esr(0)
    wrong = '-222,"Data out of range"'
    # One text with a line for each error, or a tuple of them from version 2 on.
    is_old = VERSION.startswith("1.")
    expected = f'{wrong}\n0,"No error"' if is_old else (wrong,)
    afg.write("SOURCE1:FREQUENCY 1e9")
    afg.expect_esr(16, expected)
    afg.write("SOURCE1:FREQUENCY 1e9")
    with pytest.raises(AssertionError, match="Data out of range"):
        afg.expect_esr(0)
    afg.expect_esr(0)  # what has been read is gone


@pytest.mark.public_driver(*WHAT, "reset, cleanup, *OPC")
def test_reset_and_cleanup(afg):
    generate(afg, "RAMP", channel="SOURCE1")
    afg.reset()
    assert afg.query("SOURCE1:FUNCTION:SHAPE?") == "SIN"
    afg.write("SOURCE1:FREQUENCY 2e3", opc=True)
    afg.cleanup()
    assert float(afg.query("SOURCE1:FREQUENCY?")) == 1e6


@pytest.mark.public_driver(*WHAT, "get_waveform_constraints")
def test_constraints_are_those_of_the_instrument(afg):
    """What the driver says may be set is what the instrument says."""
    if not hasattr(afg, "get_waveform_constraints"):
        pytest.skip(f"tm_devices {VERSION} has no get_waveform_constraints")
    functions = afg.source_device_constants.functions
    afg.write("OUTPUT1:IMPEDANCE INFINITY")
    for function in (functions.SIN, functions.SQUARE, functions.RAMP):
        said = afg.get_waveform_constraints(function, frequency=1e3)
        afg.write(f"SOURCE1:FREQUENCY 1e3;:SOURCE1:FUNCTION {function.value}")
        highest = float(afg.query("SOURCE1:FREQUENCY? MAX"))
        assert said.frequency_range.upper == pytest.approx(highest)
        largest = float(afg.query("SOURCE1:VOLTAGE:AMPLITUDE? MAX"))
        assert said.amplitude_range.upper == pytest.approx(largest)
