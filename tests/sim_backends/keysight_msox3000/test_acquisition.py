"""Acquisitions of the simulated MSO-X 3104T: triggers, codes, records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labneuro.sim_backends.keysight_msox3000 import datasheet


def waveform(table: Any, source: str = "CHAN1") -> tuple[Any, Any]:
    """Fetch all points: times in s and codes."""
    table.send(f":WAV:SOUR {source};FORM BYTE;UNS 1;:WAV:POIN MAX")
    block = table.ask_bytes(":WAV:DATA?")
    codes = np.frombuffer(block[10:], dtype=np.uint8)
    pre = [float(part) for part in table.ask(":WAV:PRE?").split(",")]
    times = pre[5] + np.arange(codes.size) * pre[4]
    assert pre[2] == codes.size
    return times, codes


def volts(table: Any, source: str = "CHAN1") -> tuple[Any, Any]:
    """Fetch all points in s and V."""
    times, codes = waveform(table, source)
    scale = [float(part) for part in table.ask(":WAV:PRE?").split(",")]
    return times, (codes - scale[9]) * scale[7] + scale[8]


def test_a_pulse_is_where_it_was_and_as_high_as_it_was(table: Any) -> None:
    table.send(
        ":CHAN1:RANG 4;:TIM:RANG 1e-4;:TRIG:SWE NORM;LEV 0.5", ":DIG CHAN1;*OPC?"
    )
    table.pulse(2e-3, 2e-5, 1.0)
    assert table.scope.next_reply().content == b"1"
    times, seen = volts(table)
    high = seen > 0.5
    assert seen.max() == pytest.approx(1.0, abs=4 / 254)
    assert np.abs(seen[(times < -1e-8) | (times > 2.001e-5)]).max() < 4 / 254
    # The filter delays both edges alike; the trigger is where 0.5 V is passed.
    assert times[high][0] == pytest.approx(0.0, abs=times[1] - times[0])
    assert times[high][-1] == pytest.approx(2e-5, abs=2 * (times[1] - times[0]))


def test_an_edge_has_the_rise_time_of_the_bandwidth(table: Any) -> None:
    """One pole: 10 to 90 % in 2.2 tau, 0.35 over the bandwidth."""
    table.send(
        ":CHAN1:RANG 2;:TIM:RANG 1e-8;:TRIG:SWE NORM;LEV 0.5", ":DIG CHAN1;*OPC?"
    )
    table.pulse(1e-3, 1e-6, 1.0)
    table.scope.next_reply()
    fast = table.value(":MEAS:RIS?")
    assert 0.3e-9 < fast < 0.5e-9  # with samples every 0.2 ns
    table.send(":CHAN1:BWL 1;:TIM:RANG 2e-7", ":DIG CHAN1;*OPC?")
    table.pulse(1e-3, 1e-6, 1.0)
    table.scope.next_reply()
    assert table.value(":MEAS:RIS?") == pytest.approx(0.35 / 20e6, rel=0.02)


EDGES = [("POS", True, 0.0), ("NEG", False, 2e-5), ("EITH", True, 0.0)]


@pytest.mark.parametrize(("slope", "rising", "place"), EDGES)
def test_the_slope_chooses_the_edge(
    table: Any, slope: str, rising: bool, place: float
) -> None:
    table.send(f":CHAN1:RANG 4;:TIM:RANG 1e-4;:TRIG:SWE NORM;LEV 0.5;SLOP {slope}")
    table.send(":DIG CHAN1;*OPC?")
    begin = table.clock.now
    table.pulse(2e-3, 2e-5)
    table.scope.next_reply()
    shot = table.scope.acquisition.record.shots[0]
    assert shot.trigger == pytest.approx(begin + 2e-3 + place, abs=1e-9)
    times, seen = volts(table)
    after = seen[(times > 1e-7) & (times < 1e-6)]
    assert bool(after.mean() > 0.5) is rising


def test_an_inverted_channel_triggers_on_what_it_shows(table: Any) -> None:
    table.send(":CHAN1:RANG 4;INV 1;:TIM:RANG 1e-4;:TRIG:SWE NORM;LEV -0.5;SLOP NEG")
    table.send(":DIG CHAN1;*OPC?")
    table.pulse(2e-3, 2e-5)
    assert table.scope.next_reply() is not None
    assert volts(table)[1].min() == pytest.approx(-1.0, abs=4 / 254)


def test_the_time_base_places_the_trigger(table: Any) -> None:
    for reference, position, left in (
        ("CENT", 0.0, -5e-5),
        ("LEFT", 0.0, -1e-5),
        ("RIGH", 0.0, -9e-5),
        ("CENT", 2e-4, 1.5e-4),
    ):
        table.send(f":TIM:RANG 1e-4;REF {reference};POS {position}")
        assert table.ask(":DIG CHAN1;*OPC?") == "1"
        assert table.value(":WAV:XOR?") == pytest.approx(left)


def test_the_pretrigger_memory_is_filled_before_a_trigger_counts(table: Any) -> None:
    table.send(":TIM:RANG 1e-2;:TRIG:SWE NORM;LEV 0.5", ":SING")
    table.pulse(1e-3, 1e-4)
    table.clock.advance(2e-2)
    assert int(table.ask(":OPER:COND?")) & 8  # that one came too early
    table.pulse(1e-3, 1e-4)
    table.clock.advance(2e-2)
    assert table.ask(":OPER:COND?") == "+0"


RATES = [
    (":TIM:RANG 1e-7", 5e9, 500),
    (":TIM:RANG 1e-3", 2.5e9, 2_500_000),
    (":TIM:RANG 8e-4", 5e9, 4_000_000),
    (":TIM:RANG 1e-3;:CHAN2:DISP 1", 1.25e9, 1_250_000),
    (":TIM:RANG 1e-3;:CHAN3:DISP 1", 2.5e9, 2_500_000),
    (":TIM:RANG 10", 2.5e5, 2_500_000),
]


@pytest.mark.parametrize(("setup", "rate", "points"), RATES)
def test_sample_rate_and_memory(
    table: Any, setup: str, rate: float, points: int
) -> None:
    table.send(":STOP", setup)
    assert table.value(":ACQ:SRAT?") == pytest.approx(rate)
    assert table.value(":ACQ:POIN?") == points


def test_clipping_at_the_screen_is_in_the_codes(table: Any) -> None:
    table.send(
        ":CHAN1:RANG 1;:TIM:RANG 1e-4;:TRIG:LEV 0.2;SWE NORM", ":DIG CHAN1;*OPC?"
    )
    table.pulse(1e-3, 2e-5, 5.0)
    table.scope.next_reply()
    _, codes = waveform(table)
    assert codes.max() == 255
    assert codes.min() == 128
    assert table.value(":MEAS:VMAX?") == 9.9e37
    assert table.value(":MEAS:VMIN?") == pytest.approx(0.0, abs=0.01)
    table.source.set_level(-5.0)
    table.send(":TRIG:SWE AUTO")
    table.ask(":DIG CHAN1;*OPC?")
    assert waveform(table)[1].max() == 1


def test_offset_moves_the_screen(table: Any) -> None:
    table.source.set_level(3.0)
    table.send(":CHAN1:RANG 1;OFFS 3")
    table.ask(":DIG CHAN1;*OPC?")
    _, codes = waveform(table)
    assert set(codes.tolist()) == {128}
    assert table.value(":WAV:YOR?") == 3.0


def test_all_formats_say_the_same(table: Any) -> None:
    table.send(
        ":CHAN1:RANG 4;:TIM:RANG 1e-4;:TRIG:LEV 0.5;SWE NORM", ":DIG CHAN1;*OPC?"
    )
    table.pulse(1e-3, 2e-5, 1.3)
    table.scope.next_reply()
    table.send(":WAV:POIN 1000")
    read = {}
    for form, unsigned, order, kind in (
        ("BYTE", 1, "MSBF", ">u1"),
        ("BYTE", 0, "MSBF", ">i1"),
        ("WORD", 1, "MSBF", ">u2"),
        ("WORD", 0, "MSBF", ">i2"),
        ("WORD", 1, "LSBF", "<u2"),
        ("WORD", 0, "LSBF", "<i2"),
    ):
        table.send(f":WAV:FORM {form};UNS {unsigned};BYT {order}")
        block = table.ask_bytes(":WAV:DATA?")
        assert block[:2] == b"#8"
        assert int(block[2:10]) == len(block) - 10
        codes = np.frombuffer(block[10:], dtype=kind).astype(float)
        pre = [float(part) for part in table.ask(":WAV:PRE?").split(",")]
        read[kind] = (codes - pre[9]) * pre[7] + pre[8]
    table.send(":WAV:FORM ASC")
    text = table.ask_bytes(":WAV:DATA?")[10:].decode()
    shown = np.array([float(part) for part in text.split(",")])
    assert shown.size == 1000
    for one in read.values():
        assert one == pytest.approx(shown, rel=1e-5, abs=1e-6)
    assert table.ask(":WAV:PRE?").startswith("+4,+0,+1000,+1,")


def test_points_follow_mode_and_state(table: Any) -> None:
    table.send(":TIM:RANG 1e-3")
    table.ask(":DIG CHAN1;*OPC?")
    assert table.ask(":WAV:POIN:MODE?;:WAV:POIN?") == "NORM;+1000"
    table.send(":WAV:POIN 62500")
    assert table.ask(":WAV:POIN?") == "+62500"
    table.send(":WAV:POIN 1000000")
    assert table.ask(":WAV:POIN?") == "+62500"
    table.send(":WAV:POIN:MODE RAW")
    assert table.value(":WAV:POIN?") <= 1_000_000
    table.send(":WAV:POIN MAX")
    assert table.ask(":WAV:POIN:MODE?;:WAV:POIN?") == "MAX;+2500000"
    table.send(":RUN")
    assert table.value(":WAV:POIN?") <= 62500
    table.send(":ACQ:TYPE AVER", ":WAV:POIN:MODE RAW")
    assert table.ask(":WAV:POIN?") == "+0"
    table.send(":WAV:POIN:MODE NORM;:WAV:POIN 1000")
    assert table.ask(":WAV:POIN?") == "+1000"


def noise_of(table: Any) -> float:
    """Rms of what a channel shows of 0 V, without the mean."""
    table.ask(":DIG CHAN1;*OPC?")
    table.send(":WAV:FORM WORD;UNS 1;BYT MSBF;:WAV:POIN:MODE NORM;:WAV:POIN 1000")
    words = np.frombuffer(table.ask_bytes(":WAV:DATA?")[10:], dtype=">u2")
    return float(words.std() * table.value(":WAV:YINC?"))


def test_noise_shrinks_with_averaging_and_bandwidth(make_table: Any) -> None:
    """1000 points each: the rms is known to 2.2 %, so 15 % are 6 sigma."""
    table = make_table(noise=True)
    table.send(":CHAN1:RANG 8e-3;:TIM:RANG 1e-4")
    plain = noise_of(table)
    assert plain == pytest.approx(datasheet.noise(8e-3), rel=0.15)
    table.send("ACQ:TYPE AVER;COUN 16")
    assert noise_of(table) == pytest.approx(plain / 4, rel=0.15)
    table.send(":ACQ:TYPE HRES;:TIM:RANG 0.1")  # 200 samples make a point
    assert noise_of(table) == pytest.approx(plain / math.sqrt(200), rel=0.2)
    table.send(":ACQ:TYPE NORM;:CHAN1:BWL 1")
    assert noise_of(table) == pytest.approx(plain * math.sqrt(0.02), rel=0.3)


def test_a_seed_repeats_the_noise_and_another_does_not(make_table: Any) -> None:
    blocks = []
    for seed in (1, 1, 2):
        table = make_table(noise=True, seed=seed)
        table.send(":CHAN1:RANG 8e-3")
        table.ask(":DIG CHAN1;*OPC?")
        blocks.append(table.ask_bytes(":WAV:DATA?"))
    assert blocks[0] == blocks[1]
    assert blocks[0] != blocks[2]


def test_high_resolution_shows_less_than_a_code(table: Any) -> None:
    table.source.set_level(0.1)
    table.send(":CHAN1:RANG 40;:TIM:RANG 0.1;:ACQ:TYPE HRES")
    table.ask(":DIG CHAN1;*OPC?")
    table.send(":WAV:FORM WORD")
    words = np.frombuffer(table.ask_bytes(":WAV:DATA?")[10:], dtype=">u2")
    seen = (words[0] - 32768.0) * table.value(":WAV:YINC?")
    assert seen == pytest.approx(0.1, abs=40 / 254 / 2**3 / 2)
    table.send(":ACQ:TYPE NORM")
    table.ask(":DIG CHAN1;*OPC?")
    words = np.frombuffer(table.ask_bytes(":WAV:DATA?")[10:], dtype=">u2")
    assert words[0] % 256 == 0


def test_peak_detect_sees_what_falls_between_samples(table: Any) -> None:
    table.send(
        ":CHAN1:RANG 4;:TIM:RANG 1;POS 0.4;:TRIG:SWE NORM;LEV 0.5;:ACQ:TYPE PEAK"
    )
    table.send(":DIG CHAN1;*OPC?")
    now = table.clock.now
    edges = [(now + 0.2, 1.0), (now + 0.21, 0.0)]
    glitch = [(now + 0.5000001, 1.5), (now + 0.5000002, 0.0)]
    table.source.schedule(edges + glitch)
    table.scope.next_reply()
    assert table.value(":MEAS:VMAX?") == pytest.approx(1.5, abs=0.03)
    assert table.ask(":WAV:TYPE?") == "PEAK"
    table.send(":WAV:POIN 1000")
    codes = waveform(table)[1]
    pairs = codes.reshape(-1, 2)
    assert np.all(pairs[:, 0] <= pairs[:, 1])


def test_segments_hold_one_trigger_each(table: Any) -> None:
    table.send(":CHAN1:RANG 4;:TIM:RANG 1e-4;:TRIG:SWE NORM;LEV 0.5")
    table.send(":ACQ:MODE SEGM;:ACQ:SEGM:COUN 5", ":DIG CHAN1;*OPC?")
    table.square(1e-3, cycles=12)
    assert table.scope.next_reply().content == b"1"
    assert table.ask(":WAV:SEGM:COUN?") == "+5"
    tags = []
    for segment in range(1, 6):
        table.send(f":ACQ:SEGM:IND {segment}")
        tags.append(table.value(":WAV:SEGM:TTAG?"))
        assert table.value(":MEAS:VPP?") == pytest.approx(1.0, abs=0.03)
    assert tags == pytest.approx([0.0, 1e-3, 2e-3, 3e-3, 4e-3], abs=1e-9)
    table.send(":ACQ:SEGM:IND 6")
    assert table.error() == -222


PULSES = [
    ("QUAL LESS;LESS 15e-6", 10e-6),
    ("QUAL GRE;GRE 25e-6", 30e-6),
    ("QUAL RANG;RANG 25e-6,15e-6", 20e-6),
]


@pytest.mark.parametrize(("qualifier", "width"), PULSES)
def test_the_pulse_width_trigger_comes_at_the_end_of_a_fitting_pulse(
    table: Any, qualifier: str, width: float
) -> None:
    table.send(":CHAN1:RANG 4;:TIM:RANG 1e-4;:TRIG:SWE NORM;MODE GLIT")
    table.send(f":TRIG:GLIT:SOUR CHAN1;POL POS;LEV 0.5;{qualifier}")
    assert table.error() == 0
    table.send(":DIG CHAN1;*OPC?")
    begin = table.clock.now + 2e-3
    changes = []
    for number, one in enumerate((20e-6, 10e-6, 30e-6)):
        changes += [(begin + number * 1e-3, 1.0), (begin + number * 1e-3 + one, 0.0)]
    table.source.schedule(changes)
    table.scope.next_reply()
    number = {20e-6: 0, 10e-6: 1, 30e-6: 2}[width]
    trigger = table.scope.acquisition.record.shots[0].trigger
    assert trigger == pytest.approx(begin + number * 1e-3 + width, abs=1e-9)


def test_negative_pulses_and_digital_sources(table: Any) -> None:
    table.send(":TIM:RANG 1e-4;:TRIG:SWE NORM;:POD1:THR 0.5;:TRIG:MODE GLIT")
    table.send(":TRIG:GLIT:SOUR DIG3;POL NEG;QUAL LESS;LESS 50e-6")
    table.send(":DIG CHAN1;*OPC?")
    begin = table.clock.now
    table.source.set_level(1.0)
    table.source.schedule([(begin + 2e-3, 0.0), (begin + 2.02e-3, 1.0)])
    assert table.scope.next_reply() is not None
    trigger = table.scope.acquisition.record.shots[0].trigger
    assert trigger == pytest.approx(begin + 2.02e-3, abs=1e-9)


def test_pods_show_the_bits_of_their_channels(table: Any) -> None:
    table.send(":CHAN1:RANG 4;:TIM:RANG 1e-4;:POD1:THR 0.5;DISP 1")
    table.send(":TRIG:SOUR DIG3;SWE NORM", ":DIG CHAN1,POD1;*OPC?")
    table.pulse(1e-3, 2e-5)
    table.scope.next_reply()
    times, codes = waveform(table, "POD1")
    assert set(codes.tolist()) == {0, 8}
    assert times[codes == 8][0] == pytest.approx(0.0, abs=1e-8)
    assert np.ptp(times[codes == 8]) == pytest.approx(2e-5, abs=1e-8)
    assert table.ask(":WAV:YREF?;YINC?") == "+0;+1.00000000E+00"


def test_the_line_triggers_at_its_frequency(table: Any) -> None:
    table.send(":TRIG:SOUR LINE;SWE NORM;:TIM:RANG 1e-4", ":DIG CHAN1;*OPC?")
    assert table.scope.next_reply() is not None
    trigger = table.scope.acquisition.record.shots[0].trigger
    assert trigger * 50.0 == pytest.approx(round(trigger * 50.0), abs=1e-9)
