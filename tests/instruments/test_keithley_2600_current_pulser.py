"""The 2600 as a bench's current pulser: what is sent, refused and brought back."""

import itertools
import struct

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import (
    BenchConfigError,
    InstrumentError,
    LimitError,
    SafeStateError,
)
from labneuro.instruments.guard import Guard
from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.instruments.keithley_2600_current_pulser import (
    Keithley2600CurrentPulser,
)
from labneuro.instruments.keithley_2600_scripts import SCRIPT
from labneuro.instruments.keithley_2600_source_meter import Keithley2600SourceMeter
from labneuro.instruments.roles import CurrentPulses
from labneuro.instruments.stress import PULSER, DeviceCircuit, DeviceTerminal
from labneuro.safety import Limits

LIMITS = Limits(voltage=2.0, current=2e-3)
SETTINGS = {
    "compliance_voltage": 1.0,
    "largest_current": 1e-3,
    "voltage_range": 0.2,
    "power_line_cycles": 0.001,
}
NO_ERROR = ("print(errorqueue.next())", "0.00000e+00\tQueue Is Empty\t0.00000e+00")
CONFIGURE = [
    ("smua.reset()", None),
    ("smua.source.func = 0", None),
    ("smua.source.autorangei = 0", None),
    ("smua.source.rangei = 0.001", None),
    ("smua.source.leveli = 0", None),
    ("smua.source.limitv = 1", None),
    ("smua.measure.autorangev = 0", None),
    ("smua.measure.rangev = 0.2", None),
    ("smua.source.delay = 0", None),
    ("smua.measure.delay = 0", None),
    ("smua.measure.count = 1", None),
    ("smua.measure.filter.enable = 0", None),
    ("smua.measure.nplc = 0.001", None),
    ("smua.measure.autozero = 1", None),
    ("print(localnode.linefreq)", "5.00000e+01"),
    (f"loadscript labneuro\n{SCRIPT}endscript", None),
    ("labneuro.run()", None),
    NO_ERROR,
    NO_ERROR,
]
PULSES = CurrentPulses(((1e-3, 2), (-5e-4, 1)), width=1e-3, period=2e-3)
# 0.001/50 s of integration and 40 us for what the reading takes beside it.
CALL = "labneuro_pulses(smua, 2, {0.001, -0.0005}, {2, 1}, 6e-05, 0.001, 0.002, 0)"
BASE = "printnumber(smua.nvbuffer1.basetimestamp)"


def block(*rows):
    """Pack readings, times and statuses as printbuffer interleaves them."""
    numbers = list(itertools.chain.from_iterable(rows))
    return b"#0" + struct.pack(f"<{len(numbers)}d", *numbers) + b"\n"


def answer(status=0):
    """Return six readings, two of each pulse, the third overflowed."""
    volts = (0.1, 0.01, 9.91e37, 0.02, -0.05, 0.015)
    times = (0.0, 1e-3, 2e-3, 3e-3, 4e-3, 5e-3)
    return block(*((v, t, status) for v, t in zip(volts, times, strict=True)))


def check_wire(conversation):
    """Check all that a driver sends, over a connection with a time-out of 10 s."""
    return expected_protocol(
        Keithley2600, conversation, connection_attributes={"timeout": 10_000}
    )


def test_configuring_sets_the_compliance_and_leaves_the_output_off():
    with check_wire(CONFIGURE) as smu:
        Keithley2600CurrentPulser(smu, "smua", LIMITS).configure(**SETTINGS)
    assert not any("output = 1" in sent for sent, _ in CONFIGURE)


def test_a_power_limit_is_set_in_the_instrument():
    place = CONFIGURE.index(("smua.source.limitv = 1", None)) + 1
    more = [*CONFIGURE[:place], ("smua.source.limitp = 0.01", None)]
    with check_wire([*more, *CONFIGURE[place:]]) as smu:
        limits = Limits(voltage=2.0, current=2e-3, power=0.01)
        pulser = Keithley2600CurrentPulser(smu, "smua", limits)
        pulser.configure(**SETTINGS)
        assert pulser.guard.exposure == 0.0


def test_the_output_goes_on_at_zero_ampere():
    on = [("smua.source.leveli = 0", None), ("smua.source.output = 1", None), NO_ERROR]
    with check_wire([*CONFIGURE, *on]) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        pulser.output_on()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("compliance_voltage", 2.1, "2.1 V is beyond the limit of 2 V"),
        ("compliance_voltage", float("nan"), "is not within 20 mV to 200 V"),
        ("largest_current", 2.1e-3, "2.1 mA is beyond the limit of 2 mA"),
        ("largest_current", 0.0, "is not within 1 nA to 1.5 A"),
        ("voltage_range", 300.0, "voltage_range 300 V is not within"),
        ("power_line_cycles", 30.0, "power_line_cycles 30 is not within 0.001 to 25"),
    ],
)
def test_settings_beyond_a_limit_are_refused_before_anything_is_sent(
    key, value, message
):
    with check_wire([]) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        with pytest.raises(LimitError, match=message):
            pulser.configure(**{**SETTINGS, key: value})


def test_nothing_runs_without_a_compliance():
    with check_wire([]) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        for run in (
            pulser.output_on,
            lambda: pulser.pulses(PULSES),
            lambda: pulser.watch(1, 1.0),
        ):
            with pytest.raises(InstrumentError, match="configure it first"):
                run()


def test_another_role_of_the_channel_takes_the_configuration_away():
    with check_wire(CONFIGURE) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        smu.configured_by["smua"] = meter
        with pytest.raises(InstrumentError, match="configure it first"):
            pulser.output_on()


def test_pulses_are_one_call_and_one_block():
    conversation = [*CONFIGURE, (CALL, answer()), NO_ERROR, (BASE, block((7.0,)))]
    with check_wire(conversation) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        found = pulser.pulses(PULSES)
    np.testing.assert_array_equal(found.peak, [0.1, np.nan, -0.05])
    np.testing.assert_array_equal(found.residual, [0.01, 0.02, 0.015])
    np.testing.assert_allclose(found.peak_time, [0.0, 2e-3, 4e-3])
    np.testing.assert_allclose(found.residual_time, [1e-3, 3e-3, 5e-3])
    assert (found.in_compliance, found.start) == (False, 7.0)


@pytest.mark.parametrize(("status", "limited"), [(0x40, True), (0xBF, False)])
def test_the_compliance_bit_of_any_reading_counts(status, limited):
    conversation = [
        *CONFIGURE,
        (CALL, answer(status)),
        NO_ERROR,
        (BASE, block((0.0,))),
    ]
    with check_wire(conversation) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        assert pulser.pulses(PULSES).in_compliance is limited


def test_watching_is_one_call_and_one_block():
    readings = block((0.5, 0.0, 0), (9.91e37, 1.0, 0))
    call = "labneuro_watch(smua, 2, 6e-05, 1)"
    with check_wire(
        [*CONFIGURE, (call, readings), NO_ERROR, (BASE, block((3.0,)))]
    ) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        found = pulser.watch(2, 1.0)
    np.testing.assert_array_equal(found.voltage, [0.5, np.nan])
    np.testing.assert_array_equal(found.time, [0.0, 1.0])
    assert found.start == 3.0


@pytest.mark.parametrize(
    ("pulses", "message"),
    [
        (CurrentPulses(((2.1e-3, 1),), 1e-3, 2e-3), "2.1 mA is beyond the limit"),
        (CurrentPulses(((1.5e-3, 1),), 1e-3, 2e-3), "beyond the configured 1 mA"),
        (CurrentPulses(((float("nan"), 1),), 1e-3, 2e-3), "is beyond the limit"),
        (CurrentPulses((), 1e-3, 2e-3), "0 trains; 1 to 20"),
        (CurrentPulses(((1e-3, 1),) * 21, 1e-3, 2e-3), "21 trains; 1 to 20"),
        (CurrentPulses(((1e-3, 0),), 1e-3, 2e-3), "0 readings; 1 to 50000"),
        (CurrentPulses(((1e-3, 3), (1e-3, -1)), 1e-3, 2e-3), "-2 readings"),
        (CurrentPulses(((1e-3, 25_001),), 1e-3, 2e-3), "50002 readings"),
        (CurrentPulses(((1e-3, 5000),), 1e-3, 1.0), "a script of 83.33 min"),
        (CurrentPulses(((1e-3, 1),), 1e-3, 2e-3, -1), "-1 silent rounds; 0 or more"),
        (CurrentPulses(((1e-3, 1000),), 1e-3, 2e-3, 2500), "a script of 83.37 min"),
        (CurrentPulses(((1e-3, 1),), 1e-3, 1.05e-3), "leaves no room"),
        (CurrentPulses(((1e-3, 1),), 5e-5, 2e-3), "leaves no room"),
        (CurrentPulses(((1e-3, 1),), float("nan"), 2e-3), "leaves no room"),
    ],
)
def test_pulses_beyond_a_limit_are_refused_and_not_sent(pulses, message):
    with check_wire(CONFIGURE) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        with pytest.raises(LimitError, match=message):
            pulser.pulses(pulses)
        assert pulser.guard.exposure == 0.0


@pytest.mark.parametrize(
    ("count", "interval", "message"),
    [
        (0, 1.0, "0 readings"),
        (50_001, 1e-3, "50001 readings"),
        (5000, 1.0, "a script of 83.33 min"),
        (1, 1e-5, "shorter than"),
        (1, float("nan"), "a script of"),
    ],
)
def test_watching_beyond_the_instrument_is_refused(count, interval, message):
    with check_wire(CONFIGURE) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.configure(**SETTINGS)
        with pytest.raises(LimitError, match=message):
            pulser.watch(count, interval)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        # 1 mA for 1 ms and 2 ms of overhead.
        ({"charge": 2.9e-6}, "charge per pulse 3 uC is beyond the limit of 2.9 uC"),
        ({"exposure": 5e-3}, r"exposure 6 mV\*s is beyond the limit of 5 mV\*s"),
        ({"step_voltage": 0.9}, "step between set-points 1 V is beyond"),
    ],
)
def test_the_guard_refuses_what_the_device_must_not_see(limits, message):
    circuit = DeviceCircuit(
        terminals=(DeviceTerminal((PULSER,)), DeviceTerminal(open_ended=True)),
        overheads={PULSER: 2e-3},
    )
    guard = Guard(Limits(voltage=2.0, current=2e-3, **limits), circuit)
    with check_wire(CONFIGURE) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", guard)
        pulser.configure(**SETTINGS)
        with pytest.raises(LimitError, match=message):
            pulser.pulses(CurrentPulses(((1e-3, 2),), 1e-3, 2e-3))


def test_making_safe_goes_to_zero_and_reads_back():
    safe = [
        ("abort", None),
        ("smua.abort()", None),
        ("smua.source.leveli = 0", None),
        ("smua.source.output = 0", None),
        ("print(smua.source.output)", "0.00000e+00"),
    ]
    with check_wire(safe) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        pulser.make_safe()


def test_an_output_that_stays_on_is_told():
    safe = [
        ("abort", None),
        ("smua.abort()", None),
        ("smua.source.leveli = 0", None),
        ("smua.source.output = 0", None),
        ("print(smua.source.output)", "1.00000e+00"),
    ]
    with check_wire(safe) as smu:
        pulser = Keithley2600CurrentPulser(smu, "smua", LIMITS)
        with pytest.raises(SafeStateError, match="smua"):
            pulser.make_safe()


def test_only_channels_of_the_instrument_fill_the_role():
    with check_wire([]) as smu, pytest.raises(BenchConfigError, match="no channel"):
        Keithley2600CurrentPulser(smu, "ch1", LIMITS)
