"""The 2600 driver on the wire, with commands and replies as in the manual."""

import math
import struct

import numpy as np
import pytest
from pymeasure.test import expected_protocol
from pyvisa.constants import StatusCode
from pyvisa.errors import VisaIOError

from labneuro.errors import InstrumentError
from labneuro.instruments.keithley_2600 import Keithley2600, Keithley2612
from labneuro.instruments.keithley_2600_scripts import SCRIPT

NO_ERROR = ("print(errorqueue.next())", "0.00000e+00\tQueue Is Empty\t0.00000e+00")
TIMEOUT = {"timeout": 10_000}

SETTINGS = [
    ("source_function", "voltage", "source.func", "1", "1.00000e+00"),
    ("source_function", "current", "source.func", "0", "0.00000e+00"),
    ("source_voltage", -0.1, "source.levelv", "-0.1", "-1.00000e-01"),
    ("source_current", 1e-6, "source.leveli", "1e-06", "1.00000e-06"),
    ("source_voltage_range", 0.2, "source.rangev", "0.2", "2.00000e-01"),
    ("source_current_range", 1e-3, "source.rangei", "0.001", "1.00000e-03"),
    ("source_voltage_autorange", False, "source.autorangev", "0", "0.00000e+00"),
    ("source_current_autorange", True, "source.autorangei", "1", "1.00000e+00"),
    ("source_delay", -1, "source.delay", "-1", "-1.00000e+00"),
    ("compliance_current", 2e-3, "source.limiti", "0.002", "2.00000e-03"),
    ("compliance_voltage", 20.0, "source.limitv", "20", "2.00000e+01"),
    ("output_enabled", True, "source.output", "1", "1.00000e+00"),
    ("output_off_mode", "high_impedance", "source.offmode", "2", "2.00000e+00"),
    ("four_wire", True, "sense", "1", "1.00000e+00"),
    ("high_capacitance", False, "source.highc", "0", "0.00000e+00"),
    ("current_range", 1e-6, "measure.rangei", "1e-06", "1.00000e-06"),
    ("voltage_range", 2.0, "measure.rangev", "2", "2.00000e+00"),
    ("current_autorange", False, "measure.autorangei", "0", "0.00000e+00"),
    ("voltage_autorange", True, "measure.autorangev", "1", "1.00000e+00"),
    ("power_line_cycles", 0.01, "measure.nplc", "0.01", "1.00000e-02"),
    ("autozero", "once", "measure.autozero", "1", "1.00000e+00"),
    ("measure_delay", 0.25, "measure.delay", "0.25", "2.50000e-01"),
    ("measure_count", 5, "measure.count", "5", "5.00000e+00"),
    ("filter_enabled", True, "measure.filter.enable", "1", "1.00000e+00"),
    ("filter_type", "median", "measure.filter.type", "2", "2.00000e+00"),
    ("filter_count", 100, "measure.filter.count", "100", "1.00000e+02"),
]


@pytest.mark.parametrize("channel", ["smua", "smub"])
@pytest.mark.parametrize(("name", "value", "path", "sent", "reply"), SETTINGS)
def test_each_setting_is_one_assignment_and_one_print(
    channel, name, value, path, sent, reply
):
    conversation = [
        (f"{channel}.{path} = {sent}", None),
        (f"print({channel}.{path})", reply),
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        setattr(getattr(smu, channel), name, value)
        assert getattr(getattr(smu, channel), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_function", "power"),
        ("source_voltage", 200.1),
        ("source_voltage", -200.1),
        ("source_voltage", math.nan),
        ("source_current", 1.6),
        ("source_voltage_range", 201.0),
        ("source_current_range", -1e-3),
        ("source_voltage_autorange", 2),
        ("source_delay", -0.5),
        ("compliance_current", 0.0),
        ("compliance_current", 1.51),
        ("compliance_voltage", 0.019),
        ("output_enabled", "on"),
        ("output_off_mode", "open"),
        ("current_range", 5e-11),
        ("voltage_range", 1e3),
        ("power_line_cycles", 0.0009),
        ("power_line_cycles", 25.1),
        ("autozero", True),
        ("measure_delay", -2),
        ("measure_count", 0),
        ("filter_type", "mean"),
        ("filter_count", 101),
    ],
)
def test_a_value_out_of_range_is_refused_and_nothing_is_sent(name, value):
    with (
        expected_protocol(Keithley2600, []) as smu,
        pytest.raises(ValueError, match=r"Value of|does not match"),
    ):
        setattr(smu.smua, name, value)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("voltage", "measure.v"),
        ("current", "measure.i"),
        ("resistance", "measure.r"),
        ("power", "measure.p"),
    ],
)
def test_an_overflow_is_not_a_number(name, command):
    conversation = [
        (f"print(smub.{command}())", "9.91000e+37"),
        (f"print(smub.{command}())", "-1.25000e-09"),
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        assert math.isnan(getattr(smu.smub, name))
        assert getattr(smu.smub, name) == -1.25e-9


def test_compliance_is_a_lua_boolean():
    conversation = [
        ("print(smua.source.compliance)", "true"),
        ("print(smua.source.compliance)", "false"),
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        assert smu.smua.compliance_reached is True
        assert smu.smua.compliance_reached is False


def test_a_trigger_line_is_addressed_by_its_number():
    conversation = [
        ("digio.trigger[14].mode = 1", None),
        ("digio.trigger[14].pulsewidth = 2e-05", None),
        ("digio.trigger[14].assert()", None),
        ("print(digio.trigger[14].mode)", "8.00000e+00"),
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        smu.digio14.mode = "falling"
        smu.digio14.pulse_width = 20e-6
        smu.digio14.send()
        assert smu.digio14.mode == "rising_master"


def test_messages_without_a_value():
    conversation = [
        ("smua.reset()", None),
        ("smub.abort()", None),
        ("reset()", None),
        ("*CLS", None),
        ("errorqueue.clear()", None),
        ("abort", None),
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        smu.smua.reset()
        smu.smub.abort()
        smu.reset()
        smu.clear()
        smu.clear_errors()
        smu.abort_script()


def test_the_identity_keeps_its_commas():
    identity = "Keithley Instruments Inc., Model 2636B, 4013312, 3.2.2"
    conversation = [("*IDN?", identity), ("print(localnode.linefreq)", "5.00000e+01")]
    with expected_protocol(Keithley2600, conversation) as smu:
        assert smu.identity == identity
        assert smu.line_frequency == 50.0


def test_the_error_queue_is_read_to_its_end():
    error = "print(errorqueue.next())"
    queue = [
        (error, "-2.85000e+02\tTSP Syntax error at line 1\t2.00000e+01\t1.00000e+00"),
        (error, "1.10200e+03\tParameter too big\t2.00000e+01\t1.00000e+00"),
        NO_ERROR,
    ]
    with expected_protocol(Keithley2600, queue) as smu:
        assert smu.errors == [
            "-285 TSP Syntax error at line 1",
            "1102 Parameter too big",
        ]
    with (
        expected_protocol(Keithley2600, queue) as smu,
        pytest.raises(InstrumentError, match=r"reports -285 .*; 1102 Parameter too"),
    ):
        smu.check_errors()
    with expected_protocol(Keithley2600, [NO_ERROR]) as smu:
        assert smu.check_errors() == []


def test_the_script_is_uploaded_once_a_session():
    conversation = [
        (f"loadscript labneuro\n{SCRIPT}endscript", None),
        ("labneuro.run()", None),
        NO_ERROR,
    ]
    with expected_protocol(Keithley2600, conversation) as smu:
        smu.load_script()
        smu.load_script()


def test_a_script_that_is_refused_is_not_taken_for_loaded():
    refused = [
        (f"loadscript labneuro\n{SCRIPT}endscript", None),
        ("labneuro.run()", None),
        (NO_ERROR[0], "-2.85000e+02\tTSP Syntax error\t2.00000e+01\t1.00000e+00"),
        NO_ERROR,
    ]
    with expected_protocol(Keithley2600, 2 * refused) as smu:
        for _ in range(2):
            with pytest.raises(InstrumentError, match="TSP Syntax error"):
                smu.load_script()


def test_doubles_come_as_one_block_and_the_time_out_is_put_back(time_outs):
    # Every byte that could be mistaken: a line feed and a hash inside the numbers.
    numbers = np.array([1e-9, 9.91e37, -0.0, struct.unpack("<d", b"\n#0\n\r\n\n?")[0]])
    block = b"#0" + struct.pack("<4d", *numbers) + b"\n"
    with expected_protocol(
        Keithley2600, [("go()", block)], connection_attributes=TIMEOUT
    ) as smu:
        waited = time_outs(smu)
        assert smu.ask_doubles("go()", 4, duration=2.5).tobytes() == numbers.tobytes()
        assert waited == [12.5]
        assert smu.adapter.connection.timeout == 10_000


@pytest.mark.parametrize(
    "block", [b"", b"1.00000e+00\n", b"#0" + bytes(15) + b"\n", b"#1" + bytes(17)]
)
def test_what_is_no_block_is_an_error(block):
    with (
        expected_protocol(
            Keithley2600, [("go()", block)], connection_attributes=TIMEOUT
        ) as smu,
        pytest.raises(InstrumentError, match="not a block of 19 bytes"),
    ):
        smu.ask_doubles("go()", 2)


def test_no_answer_is_explained_by_the_error_queue():
    conversation = [
        ("go()", None),
        (NO_ERROR[0], "-2.86000e+02\tTSP Runtime error\t2.00000e+01\t1.00000e+00"),
        NO_ERROR,
    ]
    with expected_protocol(
        Keithley2600, conversation, connection_attributes=TIMEOUT
    ) as smu:

        def time_out(_count):
            raise VisaIOError(StatusCode.error_timeout)

        smu.adapter.read_bytes = time_out
        with pytest.raises(InstrumentError, match=r"'go\(\)' \(-286 TSP Runtime err"):
            smu.ask_doubles("go()", 2)
        smu.adapter.connection.clear.assert_called_once_with()
        assert smu.adapter.connection.timeout == 10_000


@pytest.mark.parametrize(
    ("name", "good", "path", "sent", "bad"),
    [
        ("compliance_current", 1e-8, "source.limiti", "1e-08", 1e-9),
        ("compliance_current", 1.5, "source.limiti", "1.5", 3.0),
        ("current_range", 1e-7, "measure.rangei", "1e-07", 1e-8),
        ("source_voltage", 0.1, "source.levelv", "0.1", 201.0),
    ],
)
def test_the_2612_has_limits_of_its_own(name, good, path, sent, bad):
    with expected_protocol(Keithley2612, [(f"smub.{path} = {sent}", None)]) as smu:
        setattr(smu.smub, name, good)
        with pytest.raises(ValueError, match="not in range"):
            setattr(smu.smub, name, bad)
