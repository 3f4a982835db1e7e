"""The PicoScope's driver and role on the simulated library, and on a fake one."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from labneuro.errors import BenchConfigError, InstrumentError, LimitError
from labneuro.instruments.connection import connect
from labneuro.instruments.picoscope_4000 import PicoScope4000
from labneuro.instruments.picoscope_4000_oscilloscope import PicoScope4000Oscilloscope
from labneuro.instruments.roles import ScopeTrigger, VerticalScale, Waveform
from labneuro.instruments.vendor_libraries import vendor_library
from labneuro.safety import Limits

BENCH = """\
description: a generator into 1 kohm, seen by a PicoScope
visa_library: "@labneuro"
instruments:
  afg: {model: Tektronix AFG31000, address: "GPIB0::2::INSTR"}
  pico: {model: PicoScope 4824, address: GO123/0456}
roles: {pulse_generator: afg.ch1, oscilloscope: pico}
device: {id: D, model: hnno, limits: {voltage: 5 V, current: 1 mA}}
limits: {voltage: 5 V, current: 10 mA}
wiring:
  nets: [[device.Au, device.Pd, ground], [afg.ch1, pico.a], [pico.b]]
  resistors:
    - {between: [afg.ch1, pico.b], value: 1 kohm}
    - {between: [pico.b, ground], value: 1 kohm}
simulation: {card: hnno, seed: 1}
"""


@pytest.fixture
def bench(write):
    from labneuro.bench import load_bench

    with connect(load_bench(write("bench.yaml", BENCH))) as connected:
        yield connected


class FakeLibrary:
    """Notes every call; functions answer with the status that is asked for."""

    def __init__(self):
        self.calls = []
        self.status = {}

    def __getattr__(self, name):
        if not name.startswith("ps4000a"):
            raise AttributeError(name)

        def function(*arguments):
            plain = [getattr(one, "value", one) for one in arguments]
            self.calls.append((name, plain))
            if name == "ps4000aOpenUnit":
                arguments[0]._obj.value = 7
            if name == "ps4000aMaximumValue":
                arguments[1]._obj.value = 32767
            if name == "ps4000aGetTimebase2":
                arguments[3]._obj.value = (arguments[1] + 1) * 12.5
            return self.status.get(name, 0)

        return function


@pytest.fixture
def library():
    return FakeLibrary()


@pytest.fixture
def pico(library):
    return PicoScope4000("GO123/0456", library)


def test_open_asks_for_the_serial_number(pico, library):
    assert library.calls[0][0] == "ps4000aOpenUnit"
    assert library.calls[0][1][1] == b"GO123/0456"
    assert pico.full_scale_count == 32767


def test_channel_takes_the_range_that_holds_the_voltage(pico, library):
    """ps4000aSetChannel(handle, channel, enabled, coupling DC, range, offset)."""
    pico.set_channel("c", enabled=True, largest_voltage=1.5)
    assert library.calls[-1] == ("ps4000aSetChannel", [7, 2, 1, 1, 7, 0.0])
    pico.set_channel("a", enabled=True, largest_voltage=0.05)
    assert library.calls[-1] == ("ps4000aSetChannel", [7, 0, 1, 1, 2, 0.0])
    with pytest.raises(LimitError, match="no range holds 60 V; the widest is 50 V"):
        pico.set_channel("a", enabled=True, largest_voltage=60)


def test_trigger_is_in_counts_of_the_range(pico, library):
    """ps4000aSetSimpleTrigger(handle, on, source, threshold, direction, 0, 0)."""
    pico.set_channel("b", enabled=True, largest_voltage=2.0)
    pico.set_trigger("b", 1.0, rising=True)
    assert library.calls[-1][1] == [7, 1, 1, 16384, 2, 0, 0]
    pico.set_trigger("external", 0.0, rising=False)
    assert library.calls[-1][1] == [7, 1, 8, 0, 3, 0, 0]
    with pytest.raises(LimitError, match=r"2\.5 V is beyond the range of 2 V"):
        pico.set_trigger("b", 2.5, rising=True)
    with pytest.raises(InstrumentError, match="trigger input d is off"):
        pico.set_trigger("d", 0.1, rising=True)


def test_interval_is_what_the_library_says(pico, library):
    timebase, interval = pico.interval_near(1e-6, 1000)
    assert timebase == 79
    assert interval == pytest.approx(1e-6)
    assert library.calls[-1][1][1:3] == [79, 1000]


def test_failed_call_is_named(pico, library):
    library.status["ps4000aRunBlock"] = 0x48
    with pytest.raises(
        InstrumentError, match="RunBlock failed with status 0x48: too many samples"
    ):
        pico.run_block(0, 10, 0, 12.5e-9)


def test_missing_unit_is_told(library):
    library.status["ps4000aOpenUnit"] = 3
    with pytest.raises(InstrumentError, match="no unit with this serial number"):
        PicoScope4000("GO1", library)


def test_binding_that_is_not_installed_is_told():
    with pytest.raises(InstrumentError, match="pip install picosdk"):
        vendor_library("ps4000a", "@py")


def test_identity(bench):
    assert bench.identities["pico"] == (
        "Pico Technology,PicoScope 4824,GO123/0456,simulated"
    )


def test_role_captures_a_pulse_of_the_generator(bench):
    """Open 2 V behind 50 ohm into 2 kohm: 1.95 V and half of it; 2 ms long."""
    scope, generator = bench.oscilloscope, bench.pulse_generator
    scales = {"a": VerticalScale(4.0), "b": VerticalScale(2.0, 0.5)}
    scope.configure(
        scales, duration=5e-3, before_trigger=1e-3, trigger=ScopeTrigger("a", 1.0)
    )
    generator.load(Waveform(((2.0, 2e-3), (0.0, 1e-3))))
    generator.output_on()
    scope.arm()
    assert not scope.captured()
    generator.fire()
    scope.wait(1.0)
    capture = scope.fetch()
    assert set(capture.voltage) == {"a", "b"}
    assert capture.clipped == {"a": False, "b": False}
    assert capture.time[0] == pytest.approx(-1e-3, rel=1e-3)
    assert capture.time[-1] == pytest.approx(4e-3, rel=1e-3)
    load = 1 / (1 / 1e6 + 1 / (1e3 + 1 / (1e-3 + 1e-6)))
    expected = 2.0 * load / (load + 50)
    inside = (capture.time > 1e-4) & (capture.time < 1.9e-3)
    assert np.mean(capture.voltage["a"][inside]) == pytest.approx(expected, rel=2e-3)
    half = np.mean(capture.voltage["b"][inside])
    assert half == pytest.approx(expected / 2, rel=2e-3)
    outside = (capture.time < -1e-4) | (capture.time > 2.1e-3)
    assert abs(np.mean(capture.voltage["a"][outside])) < 0.01


def test_range_clips_and_says_so(bench):
    scope, generator = bench.oscilloscope, bench.pulse_generator
    scope.configure(
        {"a": VerticalScale(1.0)},
        duration=2e-3,
        before_trigger=1e-4,
        trigger=ScopeTrigger("a", 0.2),
    )
    generator.load(Waveform(((2.0, 1e-3), (0.0, 1e-3))))
    generator.output_on()
    scope.arm()
    generator.fire()
    scope.wait(1.0)
    capture = scope.fetch()
    assert capture.clipped == {"a": True}
    assert capture.voltage["a"].max() == pytest.approx(0.5, rel=1e-3)


def test_no_trigger_is_told(bench):
    scope = bench.oscilloscope
    scope.configure(
        {"a": VerticalScale(4.0)},
        duration=1e-3,
        before_trigger=1e-4,
        trigger=ScopeTrigger("a", 1.0),
    )
    scope.arm()
    with pytest.raises(InstrumentError, match=r"no trigger came within 0\.01 s"):
        scope.wait(0.01)
    with pytest.raises(InstrumentError, match="no samples are available"):
        scope.fetch()


def test_unknown_channel_is_told(library):
    scope = PicoScope4000Oscilloscope(PicoScope4000("x", library), "", Limits())
    with pytest.raises(BenchConfigError, match="'ch1' is no channel; it has a, b"):
        scope.configure(
            {"ch1": VerticalScale(1.0)},
            duration=1e-3,
            before_trigger=0.0,
            trigger=ScopeTrigger("ch1", 0.1),
        )
    with pytest.raises(InstrumentError, match="configure a capture first"):
        scope.arm()


def test_library_refuses_as_the_vendors(bench):
    """Statuses of the guide for a wrong handle, channel, range, timebase."""
    sdk = bench.drivers["pico"]._library
    zero = ctypes.c_int16(99)
    assert sdk.ps4000aStop(zero) == 12
    handle = bench.drivers["pico"]._handle
    assert sdk.ps4000aSetChannel(handle, 8, 1, 1, 7, ctypes.c_float(0)) == 16
    assert sdk.ps4000aSetChannel(handle, 0, 1, 1, 40, ctypes.c_float(0)) == 15
    again = ctypes.c_int16()
    assert sdk.ps4000aOpenUnit(ctypes.byref(again), None) == 3
    count, overflow = ctypes.c_uint32(10), ctypes.c_int16()
    values = (handle, 0, ctypes.byref(count), 0, 0, 0, ctypes.byref(overflow))
    assert sdk.ps4000aGetValues(*values) == 37
