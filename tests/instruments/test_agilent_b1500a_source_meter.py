"""An SMU of the B1500A as a bench's source meter."""

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
from labneuro.instruments.agilent_b1500a import AgilentB1500A
from labneuro.instruments.agilent_b1500a_source_meter import (
    AgilentB1500ASourceMeter,
    staircase,
)
from labneuro.instruments.roles import TriggeredReads
from labneuro.safety import Limits
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

LIMITS = Limits(voltage=6.0, current=2e-3)
SETTINGS = {
    "compliance_current": 1e-3,
    "current_range": 1e-5,
    "power_line_cycles": 0.01,
}
NO_ERROR = ("ERRX?", '+0,"No Error."')
CONFIGURE = [
    (
        "CL 2;CM 0;FMT 13,0;TSC 1;FL 0,2;SSR 2,0;CMM 2,1;RI 2,-15;AAD 2,0;"
        "AIT 0,3,0.000200",
        None,
    ),
    NO_ERROR,
]
READS = TriggeredReads(
    count=2,
    read_voltage=0.1,
    read_delay=2.5e-3,
    settling=1e-3,
    period=10e-3,
    trigger_line="ext_out",
)


def check_wire(conversation):
    """Check all that a driver sends, over a connection with a time-out of 10 s."""
    return expected_protocol(
        AgilentB1500A, conversation, connection_attributes={"timeout": 10_000}
    )


def pair(time, current, status=0):
    """Return 8-byte data: time stamp and current on the 10 uA range of channel 2."""
    count = round(current / 1e-5 * 1e6)
    return (
        b"\x03"
        + round(time * 1e6).to_bytes(6, "big")
        + b"\x02"
        + struct.pack(">BBiBB", 0x81, 15, count, status, 2)
    )


def meter_on(it):
    """Return the configured source meter."""
    meter = AgilentB1500ASourceMeter(it, "smu2", LIMITS)
    meter.configure(**SETTINGS)
    return meter


def test_a_staircase_is_one_batch():
    data = b"".join(pair(0.1 * n, 1e-6 * n, 8 * (n == 2)) for n in range(3)) + b"\r\n"
    conversation = [
        *CONFIGURE,
        ("CN 2;DV 2,5,0,0.001", None),
        NO_ERROR,
        (
            "WM 1,1;WT 0,0.0010;WV 2,1,20,0,1,3,0.001;MM 2,2;BC;TSR;XE",
            data,
        ),
        ("DV 2,20,0,0.001", None),
        NO_ERROR,
    ]
    with check_wire(conversation) as it:
        meter = meter_on(it)
        meter.output_on()
        found = meter.sweep(np.array([0, 0.5, 1.0]), 1e-3)
    assert found.voltage == pytest.approx([0, 0.5, 1])
    assert found.current == pytest.approx([0, 1e-6, 2e-6])
    assert found.time == pytest.approx([0, 0.1, 0.2])
    assert found.in_compliance is True


def test_other_levels_are_a_program():
    data = b"".join(pair(0.1 * n, 1e-6) + b"\r\n" for n in range(3))
    conversation = [
        *CONFIGURE,
        (
            "ST 1;DV 2,20,0,0.001;PA 0.0010;TTI 2,-15;DV 2,20,1,0.001;PA 0.0010;"
            "TTI 2,-15;DV 2,20,-1,0.001;PA 0.0010;TTI 2,-15;END",
            None,
        ),
        NO_ERROR,
        ("DO 1", data),
        ("DV 2,20,0,0.001", None),
        NO_ERROR,
    ]
    with check_wire(conversation) as it:
        found = meter_on(it).sweep(np.array([0, 1.0, -1.0]), 1e-3)
    assert found.current == pytest.approx([1e-6] * 3)
    assert found.in_compliance is False


def test_a_train_is_a_stored_program():
    one = (
        "OSX -2;PA 0.0025;DV 2,5,0.1,0.001;PA 0.0010;TTI 2,-15;DV 2,5,0,0.001;PA 0.0063"
    )
    data = b"".join(pair(0.01 * n, 1e-6) + b"\r\n" for n in range(2))
    conversation = [
        *CONFIGURE,
        ("TGP -2,2,2,0;BC;TSR", None),
        (f"ST 1;{one};{one};END", None),
        NO_ERROR,
        ("DO 1", data),
        NO_ERROR,
    ]
    with check_wire(conversation) as it:
        found = meter_on(it).triggered_reads(READS)
    assert found.current == pytest.approx([1e-6] * 2)
    assert found.voltage == pytest.approx([0.1] * 2)
    assert found.time == pytest.approx([0, 0.01])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"trigger_line": "digio1"}, BenchConfigError, "ext_out, dio1 to dio16"),
        ({"read_voltage": 7.0}, LimitError, "beyond the limit of 6 V"),
        ({"count": 0}, LimitError, "a train of 0 triggers"),
        ({"settling": -1.0}, LimitError, "settling"),
        ({"period": 100.0}, LimitError, "period"),
    ],
)
def test_a_train_that_makes_no_sense_is_refused(change, error, message):
    with check_wire(CONFIGURE) as it:
        meter = meter_on(it)
        with pytest.raises(error, match=message):
            meter.triggered_reads(TriggeredReads(**{**vars(READS), **change}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compliance_current": 3e-3}, "beyond the limit of 2 mA"),
        ({"compliance_current": 0.0}, "compliance_current"),
        ({"current_range": 2.0}, "current_range"),
        ({"power_line_cycles": 101.0}, "power_line_cycles"),
    ],
)
def test_settings_beyond_the_limits_are_refused(change, message):
    with check_wire([]) as it, pytest.raises(LimitError, match=message):
        AgilentB1500ASourceMeter(it, "smu2", LIMITS).configure(**{**SETTINGS, **change})


def test_levels_beyond_the_limits_are_refused():
    with check_wire(CONFIGURE) as it:
        meter = meter_on(it)
        for levels in ([7.0], [], np.linspace(0, 1, 1002)):
            with pytest.raises(LimitError):
                meter.sweep(np.asarray(levels), 1e-3)


def test_nothing_goes_on_without_a_compliance():
    with check_wire([]) as it:
        meter = AgilentB1500ASourceMeter(it, "smu2", LIMITS)
        with pytest.raises(InstrumentError, match="configure it first"):
            meter.output_on()
        with pytest.raises(InstrumentError, match="configure it first"):
            meter.sweep(np.zeros(1), 0.0)


def test_an_unknown_channel_is_refused():
    with check_wire([]) as it, pytest.raises(BenchConfigError, match="'smua' is no"):
        AgilentB1500ASourceMeter(it, "smua", LIMITS)


def test_the_safe_state_is_read_back():
    conversation = [
        ("AB", None),
        ("DZ 2", None),
        ("CL 2", None),
        ("*LRN? 2", "CL2"),
    ]
    with check_wire(conversation) as it:
        AgilentB1500ASourceMeter(it, "smu2", LIMITS).make_safe()
        it.adapter.connection.clear.assert_called_once_with()


def test_a_state_that_is_not_confirmed_is_an_error(faulty):
    adapter = faulty(["CL 2"], "DV2,20,+00.0000E+00,+1.00000E-03,0,0")
    meter = AgilentB1500ASourceMeter(AgilentB1500A(adapter), "smu2", LIMITS)
    with pytest.raises(SafeStateError, match=r"output off: .*lost"):
        meter.make_safe()
    assert adapter.seen == ["device clear", "AB", "DZ 2", "CL 2", "*LRN? 2"]


@pytest.mark.parametrize(
    ("levels", "mode"),
    [
        ([0.5], (1, 1)),
        ([0, 1, 2], (1, 3)),
        ([1, 0, 0, 1], (3, 2)),
        ([0, 1, 0], None),
        ([0, 1, 3, 3, 1, 0], None),
        ([], None),
    ],
)
def test_staircases_are_recognised(levels, mode):
    assert staircase([float(level) for level in levels]) == mode


# -- on the simulated instrument -------------------------------------------------------

ADDRESS = "GPIB0::17::INSTR"
BENCH = f"""\
description: a B1500A with 10 kohm at SMU 2
visa_library: "@labneuro"
instruments:
  it: {{model: Agilent B1500A, address: "{ADDRESS}"}}
roles: {{}}
device: {{id: D, model: hnno}}
limits: {{voltage: 10 V, current: 10 mA}}
wiring:
  nets: [[device.Au, device.Pd, ground], [it.smu2]]
  resistors: [{{between: [it.smu2, ground], value: 10 kohm}}]
simulation: {{card: hnno, noise: false}}
"""


@pytest.fixture
def simulated(tmp_path):
    path = tmp_path / "bench.yaml"
    path.write_text(BENCH, encoding="utf-8")
    library = f"{path}@labneuro"
    it = AgilentB1500A(ADDRESS, visa_library=library, timeout=10_000)
    meter = AgilentB1500ASourceMeter(it, "smu2", LIMITS)
    meter.configure(compliance_current=1e-3, current_range=1e-4, power_line_cycles=0.1)
    meter.output_on()
    yield meter, power_on(library).bench
    power_off(library)


@pytest.mark.parametrize(
    "levels",
    [
        np.linspace(-0.5, 0.5, 11),
        np.array([0, 0.25, 0.5, 0.5, 0.25, 0]),
        np.array([0.5, 0.1, -0.3, 0.2]),
    ],
)
def test_a_sweep_measures_the_resistor(simulated, levels):
    meter, _ = simulated
    found = meter.sweep(levels, 2e-3)
    assert found.current == pytest.approx(levels / 1e4, rel=1e-3, abs=1e-8)
    assert np.all(np.diff(found.time) > 2e-3)
    assert not found.in_compliance


def test_a_long_train_is_measured_in_parts(simulated):
    meter, bench = simulated
    triggers = []
    bench.instruments["it"].trigger_lines["ext_out"].append(
        lambda: triggers.append(bench.clock.now)
    )
    found = meter.triggered_reads(TriggeredReads(**{**vars(READS), "count": 1100}))
    assert len(triggers) == len(found.current) == 1100
    assert found.current == pytest.approx(np.full(1100, 1e-5), rel=1e-3)
    # The waits fill 10 ms; switching and reading overhead come on top.
    periods = np.diff(found.time)
    assert periods.min() >= 10e-3
    assert np.median(periods) < 11e-3


def test_the_output_ends_safe(simulated):
    meter, bench = simulated
    meter.sweep(np.array([0.5]), 0.0)
    meter.make_safe()
    assert bench.instruments["it"].smus[2].on is False
    assert meter.driver.errors == []


def test_an_error_of_the_instrument_is_told(simulated):
    meter, _ = simulated
    meter.driver.write("CL 2")
    with pytest.raises(InstrumentError, match="200 Channel output switch must be ON"):
        meter.sweep(np.array([0.5]), 0.0)
