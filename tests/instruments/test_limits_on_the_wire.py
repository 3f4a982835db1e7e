"""The limits in the roles: what is sent before an output goes on, and what never is."""

from __future__ import annotations

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import LimitError
from labneuro.instruments.agilent_b1500a import AgilentB1500A
from labneuro.instruments.agilent_b1500a_source_meter import AgilentB1500ASourceMeter
from labneuro.instruments.guard import Guard
from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.instruments.keithley_2600_scripts import SCRIPT
from labneuro.instruments.keithley_2600_source_meter import Keithley2600SourceMeter
from labneuro.instruments.keysight_81160a import Keysight81160A
from labneuro.instruments.keysight_81160a_pulses import Keysight81160APulseGenerator
from labneuro.instruments.roles import TriggeredReads, Waveform
from labneuro.instruments.stress import (
    GENERATOR,
    METER,
    DeviceCircuit,
    DeviceTerminal,
    Levels,
)
from labneuro.instruments.tektronix_afg31000 import TektronixAFG31000
from labneuro.instruments.tektronix_afg31000_pulses import Afg31000PulseGenerator
from labneuro.safety import Limits

SETTINGS = {
    "compliance_current": 1e-3,
    "current_range": 1e-5,
    "power_line_cycles": 0.01,
}
KEITHLEY_NO_ERROR = (
    "print(errorqueue.next())",
    "0.00000e+00\tQueue Is Empty\t0.00000e+00",
)
KEITHLEY = [
    ("smua.reset()", None),
    ("smua.source.func = 1", None),
    ("smua.source.autorangev = 0", None),
    ("smua.source.levelv = 0", None),
    ("smua.source.limiti = 0.001", None),
    ("smua.measure.autorangei = 0", None),
    ("smua.measure.rangei = 1e-05", None),
    ("smua.measure.delay = 0", None),
    ("smua.measure.count = 1", None),
    ("smua.measure.filter.enable = 0", None),
    ("smua.measure.nplc = 0.01", None),
    ("smua.measure.autozero = 1", None),
    ("print(localnode.linefreq)", "5.00000e+01"),
    (f"loadscript labneuro\n{SCRIPT}endscript", None),
    ("labneuro.run()", None),
    KEITHLEY_NO_ERROR,
    KEITHLEY_NO_ERROR,
]
B1500A = [
    (
        "CL 2;CM 0;FMT 13,0;TSC 1;FL 0,2;SSR 2,0;CMM 2,1;RI 2,-15;AAD 2,0;"
        "AIT 0,3,0.000200",
        None,
    ),
    ("ERRX?", '+0,"No Error."'),
]
METERS = {
    "2636B": (Keithley2600, Keithley2600SourceMeter, "smua", "digio1", KEITHLEY),
    "B1500A": (AgilentB1500A, AgilentB1500ASourceMeter, "smu2", "ext_out", B1500A),
}
GENERATORS = {
    "AFG31000": (TektronixAFG31000, Afg31000PulseGenerator),
    "81160A": (Keysight81160A, Keysight81160APulseGenerator),
}
IN_SERIES = DeviceCircuit(
    (DeviceTerminal((GENERATOR,)), DeviceTerminal((METER,))), {GENERATOR: 50.0}
)


def loaded(limits, levels=((4.0, 1e-4),)):
    """Return a guard whose generator holds a waveform."""
    guard = Guard(limits, IN_SERIES)
    guard.load(Levels(GENERATOR, levels), "generator")
    return guard


def reads(line, count=10, voltage=0.1):
    """Return a train of readings of 1.2 ms."""
    return TriggeredReads(count, voltage, 1e-3, 1e-3, 1e-2, line)


def test_the_power_limit_is_set_after_the_compliance_and_before_the_output_goes_on():
    """Only where there is one: a reset has left none."""
    limiti = [sent for sent, _ in KEITHLEY].index("smua.source.limiti = 0.001")
    conversation = [
        *KEITHLEY[: limiti + 1],
        ("smua.source.limitp = 0.005", None),
        *KEITHLEY[limiti + 1 :],
        ("smua.source.levelv = 0", None),
        ("smua.source.output = 1", None),
        KEITHLEY_NO_ERROR,
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", Limits(power=5e-3))
        meter.configure(**SETTINGS)
        meter.output_on()


@pytest.mark.parametrize("model", METERS)
@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"power": 4e-3}, "power 4.1 mW is beyond the limit of 4 mW"),
        ({"power": 3.9e-3}, "power"),
        ({"charge": 90e-9}, "charge per pulse 100 nC is beyond the limit of 90 nC"),
        ({"exposure": 5e-3}, "exposure 5.2 mV*s is beyond the limit of 5 mV*s"),
        ({"voltage": 4.05}, "across the device: voltage 4.1 V is beyond the limit of"),
    ],
)
def test_a_train_that_harms_the_device_is_never_sent(model, limits, told):
    """The generator's waveform and the reading are judged together, first."""
    driver, role, channel, line, configure = METERS[model]
    if model == "2636B" and "power" in limits:
        power = (f"smua.source.limitp = {limits['power']:.10g}", None)
        configure = [*configure[:5], power, *configure[5:]]
    with expected_protocol(driver, configure) as it:
        meter = role(it, channel, loaded(Limits(**limits)))
        meter.configure(**SETTINGS)
        with pytest.raises(LimitError) as caught:
            meter.triggered_reads(reads(line, voltage=-0.1))
    assert told in str(caught.value)


@pytest.mark.parametrize("model", METERS)
@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"step_voltage": 0.9}, "step between set-points 1 V is beyond the limit"),
        ({"exposure": 2e-3}, "exposure 2.4 mV*s is beyond the limit of 2 mV*s"),
    ],
)
def test_a_sweep_that_harms_the_device_is_never_sent(model, limits, told):
    """The way from 0 V to the first level counts, and the time at each level."""
    driver, role, channel, _, configure = METERS[model]
    with expected_protocol(driver, configure) as it:
        meter = role(it, channel, Limits(**limits))
        meter.configure(**SETTINGS)
        with pytest.raises(LimitError) as caught:
            meter.sweep(np.array([1.0, 0.5, 0.5]), 1e-3)
    assert told in str(caught.value)


@pytest.mark.parametrize("model", METERS)
def test_a_refused_compliance_is_never_sent(model):
    """The compliance is the first thing that is checked."""
    driver, role, channel, _, _ = METERS[model]
    with expected_protocol(driver, []) as it:
        meter = role(it, channel, Limits(current=0.9e-3).named("device limit"))
        with pytest.raises(LimitError, match=r"of 900 uA \(device limit\)$"):
            meter.configure(**SETTINGS)


@pytest.mark.parametrize("model", GENERATORS)
@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"voltage": 3.0}, "voltage 4 V is beyond the limit of 3 V (device limit)"),
        ({"step_voltage": 6.0}, "step between set-points 7 V is beyond the limit"),
    ],
)
def test_a_waveform_that_harms_the_device_is_never_sent(model, limits, told):
    """Nothing is loaded, so nothing can be triggered."""
    driver, role = GENERATORS[model]
    with expected_protocol(driver, []) as it:
        generator = role(it, "ch1", Limits(**limits).named("device limit"))
        with pytest.raises(LimitError) as caught:
            generator.load(Waveform(((4.0, 1e-4), (-3.0, 1e-4))))
    assert told in str(caught.value)


@pytest.mark.parametrize("model", GENERATORS)
def test_a_shot_that_harms_the_device_is_never_fired(model):
    """4 V over the generator's 50 ohm, with no source meter on."""
    driver, role = GENERATORS[model]
    with expected_protocol(driver, []) as it:
        generator = role(it, "ch1", loaded(Limits(current=1e-3)))
        with pytest.raises(LimitError, match="ch1: current 80 mA is beyond the limit"):
            generator.fire()
