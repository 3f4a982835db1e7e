"""The 2600 as a bench's source meter: what is sent, refused and brought back."""

import itertools
import re
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
from labneuro.instruments import keithley_2600_source_meter
from labneuro.instruments.catalog import driver_entry
from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.instruments.keithley_2600_scripts import SCRIPT
from labneuro.instruments.keithley_2600_source_meter import (
    Keithley2600SourceMeter,
    Keithley2612SourceMeter,
    _parts,
)
from labneuro.instruments.roles import TriggeredReads
from labneuro.safety import Limits

LIMITS = Limits(voltage=6.0, current=2e-3)
SETTINGS = {
    "compliance_current": 1e-3,
    "current_range": 1e-5,
    "power_line_cycles": 0.01,
}
NO_ERROR = ("print(errorqueue.next())", "0.00000e+00\tQueue Is Empty\t0.00000e+00")
CONFIGURE = [
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
    NO_ERROR,
    NO_ERROR,
]
READS = TriggeredReads(
    count=3,
    read_voltage=0.1,
    read_delay=2.5e-3,
    settling=1e-3,
    period=10e-3,
    trigger_line="digio1",
)
LINE = [
    ("digio.trigger[1].mode = 1", None),
    ("digio.trigger[1].pulsewidth = 1e-05", None),
]


def block(*rows):
    """Pack readings, times and statuses as printbuffer interleaves them."""
    numbers = list(itertools.chain.from_iterable(rows))
    return b"#0" + struct.pack(f"<{len(numbers)}d", *numbers) + b"\n"


def check_wire(conversation):
    """Check all that a driver sends, over a connection with a time-out of 10 s."""
    return expected_protocol(
        Keithley2600, conversation, connection_attributes={"timeout": 10_000}
    )


def test_configuring_sets_the_compliance_and_leaves_the_output_off():
    with check_wire(CONFIGURE) as smu:
        Keithley2600SourceMeter(smu, "smua", LIMITS).configure(**SETTINGS)
    assert not any("output = 1" in sent for sent, _ in CONFIGURE)


def test_the_output_goes_on_at_zero_volt():
    on = [("smua.source.levelv = 0", None), ("smua.source.output = 1", None), NO_ERROR]
    with check_wire([*CONFIGURE, *on]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        meter.output_on()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("compliance_current", 2.1e-3, "2.1 mA is beyond the limit of 2 mA"),
        ("compliance_current", 0.0, "is not within 100 pA to 1.5 A"),
        ("compliance_current", float("nan"), "is not within"),
        ("current_range", 2.0, "current_range 2 A is not within"),
        ("power_line_cycles", 30.0, "power_line_cycles 30 is not within 0.001 to 25"),
    ],
)
def test_settings_beyond_a_limit_are_refused_before_anything_is_sent(
    key, value, message
):
    with check_wire([]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        with pytest.raises(LimitError, match=message):
            meter.configure(**{**SETTINGS, key: value})


def test_nothing_runs_without_a_compliance():
    with check_wire([]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        for run in (
            meter.output_on,
            lambda: meter.sweep(np.array([0.1]), 1e-3),
            lambda: meter.triggered_reads(READS),
        ):
            with pytest.raises(InstrumentError, match="configure it first"):
                run()


def test_a_failed_configuration_does_not_let_the_output_on():
    refused = [
        *CONFIGURE[:-1],
        (NO_ERROR[0], "1.10200e+03\tParameter too big\t2.00000e+01\t1.00000e+00"),
        NO_ERROR,
    ]
    with check_wire(refused) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        with pytest.raises(InstrumentError, match="Parameter too big"):
            meter.configure(**SETTINGS)
        with pytest.raises(InstrumentError, match="configure it first"):
            meter.output_on()


def test_a_train_is_one_call_and_one_block():
    # 10 ms less 2.5 ms, 1 ms and 0.01/50 s of integration leave 6.3 ms.
    train = "labneuro_train(smua, 1, 0.1, 3, 0.1, 0.0025, 0.001, 0.0063)"
    answer = block((1e-6, 0.5, 0), (9.91e37, 0.51, 0), (1e-3, 0.52, 0x40))
    with check_wire([*CONFIGURE, *LINE, (train, answer), NO_ERROR]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        readings = meter.triggered_reads(READS)
    np.testing.assert_array_equal(readings.voltage, [0.1, 0.1, 0.1])
    np.testing.assert_array_equal(readings.current, [1e-6, np.nan, 1e-3])
    np.testing.assert_allclose(readings.time, [0.0, 0.01, 0.02], atol=1e-12)
    assert readings.in_compliance is True


def test_only_the_compliance_bit_of_the_last_reading_counts():
    train = "labneuro_train(smua, 1, 0.1, 3, 0.1, 0.0025, 0.001, 0.0063)"
    answer = block((1e-6, 0.0, 0x40), (1e-6, 0.01, 0), (1e-6, 0.02, 0xBF))
    with check_wire([*CONFIGURE, *LINE, (train, answer), NO_ERROR]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        assert meter.triggered_reads(READS).in_compliance is False


def test_a_period_that_is_too_short_leaves_no_rest():
    train = "labneuro_train(smua, 1, 0.1, 1, 0.1, 0.0025, 0.001, 0)"
    reads = TriggeredReads(1, 0.1, 2.5e-3, 1e-3, 1e-3, "digio1")
    conversation = [*CONFIGURE, *LINE, (train, block((1e-6, 0, 0))), NO_ERROR]
    with check_wire(conversation) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        assert meter.triggered_reads(reads).current.tolist() == [1e-6]


def test_a_long_train_is_cut_and_joined_on_one_time_axis(monkeypatch):
    monkeypatch.setattr(keithley_2600_source_meter, "MOST_READINGS", 2)
    first = "labneuro_train(smua, 1, 0.1, 2, 0.1, 0.0025, 0.001, 0.0063)"
    second = "labneuro_train(smua, 1, 0.1, 1, 0.1, 0.0025, 0.001, 0.0063)"
    base = "printnumber(smua.nvbuffer1.basetimestamp)"
    conversation = [
        *CONFIGURE,
        *LINE,
        (first, block((1e-6, 0.0, 0), (2e-6, 0.01, 0))),
        NO_ERROR,
        (base, block((1000.0,))),
        (second, block((3e-6, 0.0, 0))),
        NO_ERROR,
        (base, block((1000.5,))),
    ]
    with check_wire(conversation) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        readings = meter.triggered_reads(READS)
    assert readings.current.tolist() == [1e-6, 2e-6, 3e-6]
    np.testing.assert_allclose(readings.time, [0.0, 0.01, 0.5], atol=1e-12)


@pytest.mark.parametrize(
    ("count", "period", "expected"),
    [
        (10_000, 0.01, [10_000]),
        (50_000, 0.01, [50_000]),
        (100_001, 0.01, [50_000, 50_000, 1]),
        (3000, 2.0, [2000, 1000]),
        (2, 1e5, [1, 1]),
    ],
)
def test_parts_fit_buffer_and_time_stamps(count, period, expected):
    assert list(_parts(count, period)) == expected


def test_the_time_out_covers_the_train_and_is_put_back(time_outs):
    train = "labneuro_train(smua, 1, 0.1, 3, 0.1, 0.0025, 0.001, 0.0063)"
    answer = block(*[(1e-6, 0.0, 0)] * 3)
    with check_wire([*CONFIGURE, *LINE, (train, answer), NO_ERROR]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        waited = time_outs(smu)
        meter.triggered_reads(READS)
        assert len(waited) == 1
        assert 10.03 <= waited[0] <= 10.1
        assert smu.adapter.connection.timeout == 10_000


def test_a_sweep_takes_the_range_of_its_largest_level():
    levels = [-0.1, 0.0, 0.1]
    conversation = [
        *CONFIGURE,
        ("labneuro_store(1, {-0.1, 0, 0.1})", None),
        (
            "labneuro_sweep(smua, 0.1, 3, 0.001)",
            block((-1e-7, 0.0, 0), (0.0, 0.01, 0), (1e-7, 0.02, 0)),
        ),
        NO_ERROR,
    ]
    with check_wire(conversation) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        readings = meter.sweep(np.array(levels), 1e-3)
    assert readings.voltage.tolist() == levels
    assert readings.current.tolist() == [-1e-7, 0.0, 1e-7]
    assert readings.in_compliance is False


@pytest.mark.parametrize(
    ("points", "settling", "message"),
    [
        (0, 1e-3, "a sweep of 0 points; 1 to 50000"),
        (50_001, 1e-3, "a sweep of 50001 points"),
        (5, 1e3, "a sweep of 83.33 min; at most 66.67 min"),
        (5, -1.0, "settling -1 s"),
    ],
)
def test_a_sweep_that_the_buffer_cannot_hold_is_refused(points, settling, message):
    with check_wire(CONFIGURE) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        with pytest.raises(LimitError, match=message):
            meter.sweep(np.zeros(points), settling)


@pytest.mark.parametrize("level", [6.1, -6.1, float("nan"), float("inf")])
def test_levels_beyond_the_limits_are_refused_before_anything_is_sent(level):
    reads = TriggeredReads(1, level, 0.0, 0.0, 0.0, "digio1")
    with check_wire(CONFIGURE) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        with pytest.raises(LimitError, match=r"smua: voltage .* beyond the limit"):
            meter.sweep(np.array([0.0, level]), 1e-3)
        with pytest.raises(LimitError, match=r"smua: voltage .* beyond the limit"):
            meter.triggered_reads(reads)


def test_the_instruments_own_range_holds_without_limits():
    with check_wire(CONFIGURE) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", Limits())
        meter.configure(**SETTINGS)
        with pytest.raises(LimitError, match="instrument's 200 V"):
            meter.sweep(np.array([201.0]), 1e-3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"trigger_line": "digio15"}, BenchConfigError, "digio1 to digio14"),
        ({"trigger_line": "1"}, BenchConfigError, "'1' is no trigger line"),
        ({"count": 0}, LimitError, "a train of 0 triggers"),
        ({"settling": -1e-3}, LimitError, "settling -1"),
        ({"period": float("inf")}, LimitError, "period inf"),
    ],
)
def test_a_train_that_makes_no_sense_is_refused(change, error, message):
    reads = TriggeredReads(**{**vars(READS), **change})
    with check_wire(CONFIGURE) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        with pytest.raises(error, match=message):
            meter.triggered_reads(reads)


def test_an_unknown_channel_is_refused():
    with (
        check_wire([]) as smu,
        pytest.raises(BenchConfigError, match="'smuc' is no channel"),
    ):
        Keithley2600SourceMeter(smu, "smuc", LIMITS)


def test_the_safe_state_is_read_back():
    conversation = [
        ("abort", None),
        ("smub.abort()", None),
        ("smub.source.levelv = 0", None),
        ("smub.source.output = 0", None),
        ("print(smub.source.output)", "0.00000e+00"),
    ]
    with check_wire(conversation) as smu:
        Keithley2600SourceMeter(smu, "smub", LIMITS).make_safe()
        smu.adapter.connection.clear.assert_called_once_with()


def test_after_the_safe_state_the_output_needs_a_new_configuration():
    safe = [
        ("abort", None),
        ("smua.abort()", None),
        ("smua.source.levelv = 0", None),
        ("smua.source.output = 0", None),
        ("print(smua.source.output)", "0.00000e+00"),
    ]
    with check_wire([*CONFIGURE, *safe]) as smu:
        meter = Keithley2600SourceMeter(smu, "smua", LIMITS)
        meter.configure(**SETTINGS)
        meter.make_safe()
        with pytest.raises(InstrumentError, match="configure it first"):
            meter.output_on()


EVERY_STEP = [
    "device clear",
    "abort",
    "smua.abort()",
    "smua.source.levelv = 0",
    "smua.source.output = 0",
    "print(smua.source.output)",
]


@pytest.mark.parametrize("lost", [EVERY_STEP[:1], EVERY_STEP[:4]])
def test_every_step_is_tried_although_the_first_fail(faulty, lost):
    adapter = faulty(lost, "0.00000e+00")
    Keithley2600SourceMeter(Keithley2600(adapter), "smua", LIMITS).make_safe()
    assert adapter.seen == EVERY_STEP


@pytest.mark.parametrize(
    ("lost", "answer", "message"),
    [
        (EVERY_STEP, "", r"device clear: .*; output off: .*; read-back: .*lost"),
        ([], "1.00000e+00", "it reports that its output is on"),
        (["smua.source.output = 0"], "1.00000e+00", r"\(output off: .*lost"),
        ([], "garbage", "read-back"),
    ],
)
def test_a_state_that_is_not_confirmed_is_an_error(faulty, lost, answer, message):
    adapter = faulty(lost, answer)
    meter = Keithley2600SourceMeter(Keithley2600(adapter), "smua", LIMITS)
    with pytest.raises(SafeStateError, match=message):
        meter.make_safe()
    assert adapter.seen == EVERY_STEP


@pytest.mark.parametrize(
    ("key", "value"), [("compliance_current", 1e-9), ("current_range", 1e-8)]
)
def test_the_2612_refuses_what_is_below_its_ranges(key, value):
    with check_wire([]) as smu:
        meter = Keithley2612SourceMeter(smu, "smua", LIMITS)
        with pytest.raises(LimitError, match=key):
            meter.configure(**{**SETTINGS, key: value})


def test_the_2612_is_driven_by_its_identity():
    entry = driver_entry("Keithley 2612A")
    identity = "Keithley Instruments Inc., Model 2612A, 1234567, 2.2.6"
    assert re.search(entry.identity_pattern, identity)
    assert not re.search(entry.identity_pattern, identity.replace("2612A", "2636B"))
    assert entry.driver_class().__name__ == "Keithley2612"
    role = entry.role_class("source_meter")
    assert isinstance(role, type)
    assert issubclass(role, Keithley2612SourceMeter)
