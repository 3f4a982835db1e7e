"""What the simulated MSO-X 3104T shows: scaling, math, memories, its picture."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image


def test_ac_coupling_of_a_channel_removes_the_mean(table: Any) -> None:
    table.source.set_level(3.0)
    table.send(":CHAN1:RANG 8;COUP AC")
    table.clock.advance(1.0)
    table.ask(":DIG CHAN1;*OPC?")
    assert table.value(":MEAS:VAV?") == pytest.approx(0.0, abs=0.02)
    table.send(":CHAN1:COUP DC")
    table.ask(":DIG CHAN1;*OPC?")
    assert table.value(":MEAS:VAV?") == pytest.approx(3.0, abs=0.02)


def test_the_probe_setting_scales_what_is_shown(table: Any) -> None:
    table.source.set_level(0.1)
    table.send(":CHAN1:PROB 10;RANG 4")
    table.ask(":DIG CHAN1;*OPC?")
    assert table.value(":MEAS:VAV?") == pytest.approx(1.0, abs=0.01)


def test_running_shows_the_last_acquisition(table: Any) -> None:
    table.send(":CHAN1:RANG 4;:TIM:RANG 1e-4;:TRIG:LEV 0.5;SWE NORM", ":RUN")
    table.pulse(1e-3, 2e-5, 1.0)
    table.clock.advance(5e-3)
    assert table.value(":MEAS:VMAX?") == pytest.approx(1.0, abs=0.02)
    table.pulse(1e-3, 2e-5, 1.5)
    table.clock.advance(5e-3)
    assert table.value(":MEAS:VMAX?") == pytest.approx(1.5, abs=0.02)
    table.clock.advance(1.0)
    assert table.value(":MEAS:VMAX?") == pytest.approx(1.5, abs=0.02)
    assert table.scope.acquisition.is_running


def test_autoscale_finds_the_signal(table: Any) -> None:
    table.square(1e-4, 0.4, cycles=5000)
    table.send(":AUToscale")
    assert table.value(":CHAN1:SCAL?") == pytest.approx(0.1)
    assert table.value(":TIM:SCAL?") == pytest.approx(2e-5)
    assert table.ask(":TRIG:SOUR?;:CHAN2:DISP?") == "CHAN1;0"
    assert table.value(":MEAS:FREQ?") == pytest.approx(1e4, rel=1e-3)


def test_math_adds_and_transforms(table: Any) -> None:
    table.square(1e-4, 1.0, cycles=2000)
    table.send(":CHAN1:RANG 4;:TIM:RANG 2e-3;:TRIG:LEV 0.5;:FUNC:DISP 1")
    table.send(":FUNC:OPER ADD;SOUR1 CHAN1;SOUR2 CHAN1")
    assert table.value(":MEAS:VPP? FUNC") == pytest.approx(2.0, abs=0.05)
    table.send(":FUNC:OPER FFT;:FFT:CENT 50 kHz;:FFT:SPAN 100 kHz;:FUNC:FFT:VTYP VRMS")
    peak = table.value(":MEAS:TMAX? FUNC")
    assert table.value(":MEAS:VMAX? FUNC") == pytest.approx(0.5, rel=0.02)
    assert peak == pytest.approx(0.0, abs=2e3)
    table.send(":FUNC:FFT:CENT 15 kHz;:FUNC:FFT:SPAN 15 kHz")
    assert table.value(":MEAS:TMAX? FUNC") == pytest.approx(1e4, rel=0.1)
    assert table.error() == 0


def test_a_reference_waveform_stays(table: Any) -> None:
    table.source.set_level(1.0)
    table.send(":CHAN1:RANG 4")
    table.ask(":DIG CHAN1;*OPC?")
    table.send(":WMEM1:SAVE CHAN1")
    table.source.set_level(0.0)
    table.ask(":DIG CHAN1;*OPC?")
    assert table.value(":MEAS:VAV? WMEM1") == pytest.approx(1.0, abs=0.02)
    assert table.value(":MEAS:VAV? CHAN1") == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("form", "kind"), [("PNG", "PNG"), ("BMP", "BMP"), ("BMP8bit", "BMP")]
)
def test_the_screenshot_shows_the_waveform(table: Any, form: str, kind: str) -> None:
    block = table.ask_bytes(f":DISP:DATA? {form},COLor")
    first = Image.open(io.BytesIO(block[10:]))
    assert first.format == kind
    assert first.size == (800, 480)
    assert int(block[2:10]) == len(block) - 10
    table.source.set_level(10.0)
    table.ask(":DIG CHAN1;*OPC?")
    second = Image.open(io.BytesIO(table.ask_bytes(f":DISP:DATA? {form}")[10:]))

    def height(image: Image.Image) -> float:
        pixels = np.asarray(image.convert("RGB")).astype(int)
        yellow = pixels[..., 0] - pixels[..., 2] > 60
        return float(np.median(np.nonzero(yellow)[0]))

    # 10 V at 5 V a division: two divisions of 50.4 points up.
    assert height(first) - height(second) == pytest.approx(2 * 50.4, abs=3)


def test_the_multimeter_reads_the_mean_and_the_rms(table: Any) -> None:
    table.square(1e-4, 2.0, cycles=2000)
    table.send(":CHAN1:RANG 4;:TIM:RANG 1e-3;:TRIG:LEV 0.5")
    assert table.value(":DVM:CURR?") == 9.9e37
    table.send(":DVM:ENAB 1;SOUR CHAN1;MODE DC")
    assert table.value(":DVM:CURR?") == pytest.approx(1.0, abs=0.02)
    table.send(":DVM:MODE DCRM")
    assert table.value(":DVM:CURR?") == pytest.approx(math.sqrt(2.0), abs=0.02)
    table.send(":DVM:MODE ACRM")
    assert table.value(":DVM:CURR?") == pytest.approx(1.0, abs=0.02)
    assert table.value(":DVM:FREQ?") == pytest.approx(1e4, rel=1e-3)
