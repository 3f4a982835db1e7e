"""Instruments of one bench share circuit and clock: over VISA, into a file."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.data.reader import RunFile
from labneuro.data.validation import validate
from labneuro.instruments.connection import connect
from labneuro.instruments.roles import ScopeTrigger, VerticalScale, Waveform
from labneuro.plotting.catalog import run_figure
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

BENCH = """\
description: an 81160A pulse, seen by a scope, read by a source meter through a switch
visa_library: "@labneuro"
instruments:
  generator: {model: Keysight 81160A, address: "GPIB0::10::INSTR"}
  scope: {model: Keysight MSO-X 3104T, address: "GPIB0::11::INSTR"}
  smu: {model: Keithley 2636B, address: "GPIB0::12::INSTR"}
  switch: {model: Keithley 3706A, address: "GPIB0::13::INSTR"}
roles:
  pulse_generator: generator.ch1
  oscilloscope: scope
  source_meter: smu.smua
  switch_matrix: switch
device:
  id: D
  model: hnno
  geometry: {channel_length: 20 um}
  limits: {voltage: 6 V, current: 2 mA}
limits: {voltage: 10 V, current: 10 mA}
wiring:
  nets:
    - [generator.ch1, scope.ch1, device.Au]
    - [smu.smua, switch.slot1_row1]
    - [device.Pd, switch.slot1_column03]
  probes: {scope.ch1: 10x}
simulation: {card: hnno, seed: 2, overrides: {relaxation_time: 1e3 s}}
"""


@pytest.fixture
def bench(write):
    with connect(load_bench(write("bench.yaml", BENCH))) as connected:
        yield connected


def read_resistance(bench):
    levels = np.array([-0.05, 0.05])
    current = bench.source_meter.sweep(levels, 1e-3).current
    return 0.1 / (current[1] - current[0])


def test_pulse_moves_the_device_the_scope_shows_it_the_source_meter_reads_it(bench):
    """5 V for 1 ms is 0.25 V/um: it fires, and the resistance is a tenth afterwards."""
    generator, scope, smu = (
        bench.pulse_generator,
        bench.oscilloscope,
        bench.source_meter,
    )
    smu.configure(compliance_current=1e-3, current_range=10e-6, power_line_cycles=0.1)
    bench.switch_matrix.connect(["1103"])
    assert bench.switch_matrix.closed() == ("1103",)
    pulse = Waveform(((5.0, 1e-3), (0.0, 1e-3)))
    generator.load(pulse)
    generator.output_on()
    smu.output_on()
    before = read_resistance(bench)
    assert before == pytest.approx(100e3, rel=0.1)
    scope.configure(
        {"ch1": VerticalScale(8.0, 2.0)},
        duration=3e-3,
        before_trigger=0.5e-3,
        trigger=ScopeTrigger("ch1", 2.5),
    )
    scope.arm()
    generator.fire()
    scope.wait(1.0)
    capture = scope.fetch()
    inside = (capture.time > 0.1e-3) & (capture.time < 0.9e-3)
    seen = capture.voltage["ch1"][inside].mean()
    assert seen == pytest.approx(5.0, rel=0.02)
    after = read_resistance(bench)
    assert after == pytest.approx(before / 10, rel=0.2)
    bench.switch_matrix.make_safe()
    open_route = smu.sweep(np.array([0.05]), 1e-3).current
    assert abs(open_route[0]) < 1e-9


def test_pulse_capture_recipe_ends_in_a_valid_file_and_a_figure(tmp_path):
    """The shipped recipe: the switch fires late in each pulse, stochastically."""
    recipe = load_recipe("hybrid/pulse-capture", ["captures=3"])
    path = run(recipe, load_bench("ts-scope-sim"), tmp_path / "ts.h5")
    assert validate(path) == []
    with RunFile.open(path) as stored:
        readings = stored.readings()
        figure = run_figure(stored)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "ch1 (V)",
        "ch2 (V)",
        "ch3 (V)",
    ]
    fired = []
    for step in range(3):
        rows = readings["step"] == step
        time, volts = readings["time"][rows], readings["voltage_ch3"][rows]
        quiet = (time > 0.05e-3) & (time < 0.2e-3)
        assert np.abs(volts[quiet]).mean() < 0.05
        fired.append(time[volts > 0.5][0])
        last = (time > 0.95e-3) & (time < 0.99e-3)
        # 1.2 V over 50 ohm, 1 kohm, the device's 2 kohm and 20 kohm.
        expected = 1.2 * 20e3 / (50 + 1e3 + 2e3 + 20e3)
        assert volts[last].mean() == pytest.approx(expected, rel=0.03)
    assert len(set(fired)) == 3
    assert all(0.3e-3 < time < 1e-3 for time in fired)
