"""Models are found by name, drivers and roles are made as the catalogue says."""

import re
import subprocess
import sys

import pytest
from pymeasure.instruments import Instrument
from pymeasure.test import expected_protocol

from labneuro.errors import BenchConfigError
from labneuro.instruments.catalog import DRIVERS, driver_entry
from labneuro.instruments.roles import (
    GateSupply,
    Oscilloscope,
    PulseGenerator,
    SourceMeter,
    SwitchMatrix,
)
from labneuro.safety import Limits

ROLES = {
    "source_meter": SourceMeter,
    "pulse_generator": PulseGenerator,
    "clock_generator": PulseGenerator,
    "gate_supply": GateSupply,
    "oscilloscope": Oscilloscope,
    "second_oscilloscope": Oscilloscope,
    "switch_matrix": SwitchMatrix,
}


@pytest.mark.parametrize(
    ("model", "role", "channel"),
    [
        ("Keithley 2636B", "source_meter", "smua"),
        ("Keithley 2636B", "gate_supply", "smub"),
        ("Keithley 2612A", "gate_supply", "smub"),
        ("Tektronix AFG31000", "pulse_generator", "ch2"),
        ("Keithley 2612A", "source_meter", "smub"),
        ("Keithley 3706A", "switch_matrix", ""),
        ("Keysight 81160A", "pulse_generator", "ch2"),
        ("Keysight 81160A", "clock_generator", "ch1"),
        ("Keysight MSO-X 3104T", "oscilloscope", ""),
        ("Keysight MSO-X 3104T", "second_oscilloscope", ""),
        ("Agilent B1500A", "source_meter", "smu1"),
    ],
)
def test_a_model_has_a_driver_and_fills_its_role_without_any_message(
    model, role, channel
):
    entry = driver_entry(model)
    driver_class = entry.driver_class()
    assert isinstance(driver_class, type)
    assert issubclass(driver_class, Instrument)
    with expected_protocol(driver_class, []) as driver:
        filled = entry.role_class(role)(driver, channel, Limits())
    assert isinstance(filled, ROLES[role])


@pytest.mark.parametrize(
    ("model", "identity", "matches"),
    [
        (
            "Keithley 2636B",
            "Keithley Instruments Inc., Model 2636B, 4013312, 3.2",
            True,
        ),
        ("Keithley 2636B", "KEITHLEY INSTRUMENTS,MODEL 2636B,4013312,3.2.2\n", True),
        ("Keithley 2636B", "Keithley Instruments Inc., Model 2612B, 41, 3.2", False),
        ("Keithley 2636B", "KEITHLEY INSTRUMENTS,MODEL DAQ6510,2636B,1.0", False),
        ("Tektronix AFG31000", "TEKTRONIX,AFG31052,C013001,SCPI:99.0 FV:1.5", True),
        ("Tektronix AFG31000", "TEKTRONIX,AFG3102C,C013001,SCPI:99.0 FV:1.5", False),
        ("Tektronix AFG31000", "TEKTRONIX,MSO54,C013001,CF:91.1CT", False),
        ("Keysight 81160A", "Agilent Technologies,81160A,MY51400123,1.0.3.0-2", True),
        ("Keysight 81160A", "Agilent Technologies,81150A,MY51400123,1.0.3.0-2", False),
    ],
)
def test_the_identity_pattern_tells_models_apart(model, identity, matches):
    found = re.search(driver_entry(model).identity_pattern, identity)
    assert (found is not None) is matches


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(BenchConfigError, match="'Keithley 2400' is not known; known: "):
        driver_entry("Keithley 2400")


def test_a_role_that_the_model_cannot_fill_is_refused():
    with pytest.raises(BenchConfigError, match="fills only source_meter"):
        driver_entry("Keithley 2636B").role_class("pulse_generator")


def test_the_catalogue_imports_no_driver_until_asked():
    code = (
        "import sys, labneuro.instruments.catalog; "
        "sys.exit('pymeasure' in sys.modules or 'pyvisa' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "Keithley 2636B" in DRIVERS
