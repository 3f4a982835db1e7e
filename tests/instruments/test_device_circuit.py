"""The wiring of a bench file: what it lets through the device."""

from __future__ import annotations

import math

import pytest

from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError
from labneuro.instruments.device_circuit import device_circuit
from labneuro.instruments.stress import CLOCK, GENERATOR, METER, PULSER

BENCH = """
description: d
visa_library: "@py"
instruments:
  smu: {{model: Keithley 2636B, address: "A"}}
  afg: {{model: Tektronix AFG31000, address: "B"}}
  scope: {{model: Keysight MSO-X 3104T, address: "C"}}
  switch: {{model: Keithley 3706A, address: "D"}}
roles: {{source_meter: smu.smua, pulse_generator: afg.ch1}}
device: {{id: D, model: hnno}}
limits: {{current: 1 mA}}
wiring:
  nets: {nets}
  resistors: {resistors}
"""


@pytest.fixture
def circuit(write):
    """Return the circuit of a bench with these nets and resistors."""

    def make(nets, resistors="[]"):
        text = BENCH.format(nets=nets, resistors=resistors)
        return device_circuit(load_bench(write("b.yaml", text)))

    return make


@pytest.mark.parametrize(
    ("nets", "resistors", "bound"),
    [
        # At 5 V and 1 mA of compliance.
        ("[[afg.ch1, device.Au], [smu.smua, device.Pd]]", "[]", 1e-3),
        ("[[afg.ch1, device.Au, scope.ch1], [device.Pd, ground]]", "[]", 0.1),
        ("[[afg.ch1, device.Au], [device.Pd, ground], [smu.smua, ground]]", "[]", 0.1),
        (
            "[[device.Pd, smu.smua]]",
            "[{between: [afg.ch1, device.Au], value: 10 kohm}]",
            5e-4,
        ),
        (
            "[[device.Pd, ground]]",
            "[{between: [afg.ch1, device.Au], value: 10 kohm},"
            " {between: [device.Au, ground], value: 10 kohm}]",
            1e-3,
        ),
        # Any relays may be closed: a route to the source meter is one in series.
        (
            "[[afg.ch1, device.Au], [device.Pd, switch.slot1_row1],"
            " [smu.smua, switch.slot1_column01]]",
            "[]",
            1e-3,
        ),
        (
            "[[device.Au, switch.slot1_row1], [device.Pd, switch.slot1_row2],"
            " [smu.smua, switch.slot1_column01], [afg.ch1, switch.slot1_column02]]",
            "[]",
            1e-3,
        ),
        (
            "[[device.Au, switch.slot1_row1], [device.Pd, switch.slot1_row2],"
            " [ground, switch.slot1_column01], [afg.ch1, switch.slot1_column02]]",
            "[]",
            0.1,
        ),
        # A channel without role and an unnamed terminal bound nothing.
        ("[[device.Au, ground], [smu.smub, device.Pd]]", "[]", math.inf),
        ("[[device.Au, afg.ch2], [smu.smua, device.Pd]]", "[]", 1e-3),
        ("[[device.Au, afg.ch1]]", "[]", 0.1),
        ("[[afg.ch1, scope.ch1]]", "[]", math.inf),
        # Shorted, also by way of ground on two nets.
        ("[[device.Au, device.Pd], [afg.ch1, scope.ch1]]", "[]", 0.0),
        ("[[device.Au, ground], [device.Pd, ground]]", "[]", 0.0),
    ],
)
def test_what_bounds_the_current(circuit, nets, resistors, bound):
    """The smaller of what the device's terminals let pass."""
    found = circuit(nets, resistors).largest_current(5.0, {METER: 1e-3})
    assert found == pytest.approx(bound)


def test_models_bring_their_own_limits(circuit):
    """Known without connecting, and named as the instrument's."""
    found = circuit("[[afg.ch1, device.Au], [smu.smua, device.Pd]]")
    assert found.limits[METER].voltage == 200.0
    assert found.limits[METER].current == 1.5
    assert found.limits[GENERATOR].told("voltage") == "10 V (instrument limit)"
    assert found.overheads[METER] > 0.0
    assert found.resistances[GENERATOR] == 50.0


def test_one_channel_in_two_roles_bounds_by_the_larger(write):
    """A current pulser and a source meter on one channel are one output."""
    text = BENCH.replace("roles: {{", "roles: {{current_pulser: smu.smua, ")
    nets = "[[smu.smua, device.Au], [device.Pd, ground]]"
    found = device_circuit(
        load_bench(write("b.yaml", text.format(nets=nets, resistors="[]")))
    )
    assert found.shared == {PULSER: METER}
    assert found.largest_current(1.0, {PULSER: 2e-3}) == 2e-3
    assert found.largest_current(1.0, {PULSER: 2e-3, METER: 5e-3}) == 5e-3
    assert math.isinf(found.largest_current(1.0, {}))


def test_resistors_beside_the_device_take_no_more_than_the_source_gives():
    """Of the FMES bench: 1 V would drive 4 mA through all, the pulser 1 mA."""
    found = device_circuit(load_bench("fmes-sim"))
    assert found.largest_current(1.0, {PULSER: 1e-3}) == 1e-3
    assert found.limits[PULSER].told("current") == "1.5 A (instrument limit)"


def test_a_clock_is_an_output_and_a_second_oscilloscope_is_none():
    """Of the neuron bench: two outputs of 5 ohm, all else only sees."""
    found = device_circuit(load_bench("neuron-sim"))
    assert found.largest_current(2.5, {}) == pytest.approx(2 * 2.5 / 5.0)
    assert found.resistances == {GENERATOR: 5.0, CLOCK: 5.0}


def test_an_unknown_model_is_told_with_its_file(write):
    """The plan needs to know what an instrument can do."""
    text = BENCH.format(nets="[]", resistors="[]").replace("2636B", "2636X")
    bench = load_bench(write("b.yaml", text))
    with pytest.raises(BenchConfigError, match=r"b\.yaml: instruments\.smu: model"):
        device_circuit(bench)
