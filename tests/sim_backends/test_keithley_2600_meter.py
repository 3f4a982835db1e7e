"""The 2636B's meter: ranges, noise, timing, filter, relative, counts."""

from __future__ import annotations

import statistics

import pytest

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.filter import (
    MEDIAN,
    MOVING_AVERAGE,
    REPEAT_AVERAGE,
    ReadingFilter,
)

QUIET = "smua.measure.autozero = 0 smua.measure.delay = 0"
SIX_SIGMA = 6.0  # false alarms: 2e-9 a comparison


def source_volts(bench, level):
    bench.send(f"{QUIET} smua.source.levelv = {level} smua.source.output = 1")


@pytest.mark.parametrize(
    ("level", "full_scale"),
    [
        (1.0, 1e-3),
        (0.1, 1e-4),
        (0.102, 1e-4),
        (0.103, 1e-3),
        (9e-4, 1e-6),
        (0.0, 100e-12),
    ],
)
def test_the_current_finds_its_range(smu_bench, level, full_scale):
    """Automatic ranging ends on the lowest range that holds 102 % of full scale."""
    source_volts(smu_bench, level)
    reading = smu_bench.value("smua.measure.i()")
    assert reading == pytest.approx(level / 1000.01, rel=1e-4, abs=1e-13)
    assert smu_bench.value("smua.measure.rangei") == full_scale


def test_the_lowest_range_bounds_automatic_ranging(smu_bench):
    smu_bench.send("smua.measure.lowrangei = 1e-6")
    source_volts(smu_bench, 0.0)
    smu_bench.value("smua.measure.i()")
    assert smu_bench.value("smua.measure.rangei") == 1e-6


def test_a_fixed_range_overflows(smu_bench):
    """Beyond 102 % of a fixed range the reading is 9.91e37 and the status says so."""
    source_volts(smu_bench, 1.0)
    smu_bench.send("smua.measure.rangei = 1e-4")
    assert smu_bench.value("smua.measure.autorangei") == 0
    assert smu_bench.value("smua.measure.i()") == 9.91e37
    assert smu_bench.value("status.measurement.reading_overflow.condition") == 2
    assert smu_bench.values("smua.measure.r(), smua.measure.p()") == [9.91e37] * 2
    smu_bench.send("smua.measure.rangei = 1e-3")
    assert smu_bench.value("smua.measure.i()") == pytest.approx(1e-3, rel=1e-4)
    assert smu_bench.value("status.measurement.reading_overflow.condition") == 0


def test_compliance_is_a_clamped_reading_not_an_overflow(smu_bench):
    smu_bench.send("smua.source.limiti = 1e-4")
    source_volts(smu_bench, 1.0)
    assert smu_bench.value("smua.measure.i()") == pytest.approx(1e-4)
    assert smu_bench.value("smua.measure.v()") == pytest.approx(0.1)
    assert smu_bench.ask("print(smua.source.compliance)") == "true"
    assert smu_bench.value("status.measurement.current_limit.condition") == 2
    smu_bench.send("smua.source.levelv = 0.01")
    assert smu_bench.ask("print(smua.source.compliance)") == "false"
    assert smu_bench.value("status.measurement.current_limit.condition") == 0


def test_voltage_compliance_of_a_current_source(smu_bench):
    smu_bench.send("smua.source.func = 0 smua.source.limitv = 0.5")
    smu_bench.send("smua.source.leveli = 1e-3 smua.source.output = 1")
    assert smu_bench.value("smua.measure.v()") == pytest.approx(0.5)
    assert smu_bench.value("status.measurement.voltage_limit.condition") == 2


def test_the_source_determines_the_range_of_its_own_function(smu_bench):
    """The measure range is the source range when both functions agree."""
    source_volts(smu_bench, 1.0)
    smu_bench.send("smua.measure.rangev = 200")
    assert smu_bench.value("smua.measure.rangev") == 2.0
    smu_bench.send("smua.source.rangev = 20")
    assert smu_bench.value("smua.measure.rangev") == 20.0
    smu_bench.send("smua.source.func = 0")
    assert smu_bench.value("smua.measure.rangev") == 200.0


@pytest.mark.parametrize(
    ("nplc", "full_scale"),
    [(0.001, 1e-3), (0.01, 1e-3), (0.1, 1e-3), (1.0, 1e-3), (10.0, 1e-2)],
)
def test_noise(make_smu_bench, nplc, full_scale):
    """The deviation of many readings is the data sheet's; five-sigma bound."""
    bench = make_smu_bench(noise=True)
    source_volts(bench, 0.5)
    count = 2000
    bench.send(f"smua.measure.nplc = {nplc} smua.measure.rangei = {full_scale}")
    bench.send(f"smua.measure.count = {count} smua.measure.i(smua.nvbuffer1)")
    readings = bench.numbers(
        f"format.asciiprecision = 16 printbuffer(1, {count}, smua.nvbuffer1)"
    )
    scale = bench.smu.channels["smua"].meter.converter.amps
    expected = scale.deviation
    spread = statistics.stdev(readings)
    rounding = scale.step / 12**0.5
    assert spread == pytest.approx(
        (expected**2 + rounding**2) ** 0.5, rel=5.0 / (2 * count) ** 0.5
    )
    error = statistics.fmean(readings) - 0.5 / 1000.01
    assert abs(error) < 5.0 * spread / count**0.5 + scale.step


def test_readings_lie_on_the_steps_of_the_display(make_smu_bench):
    bench = make_smu_bench(noise=True)
    source_volts(bench, 0.5)
    bench.send("smua.measure.rangei = 1e-3 smua.measure.nplc = 0.01")
    bench.send("format.asciiprecision = 16")
    for _ in range(20):
        steps = bench.value("smua.measure.i()") / 1e-9
        assert steps == pytest.approx(round(steps), abs=1e-6)


@pytest.mark.parametrize(("nplc", "aperture"), [(1, 0.02), (0.001, 2e-5), (25, 0.5)])
def test_a_reading_takes_its_aperture_and_an_overhead(smu_bench, nplc, aperture):
    source_volts(smu_bench, 0.1)
    smu_bench.send(f"smua.measure.nplc = {nplc}")
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(
        aperture + datasheet.MEASURE_OVERHEAD, rel=1e-6
    )


def test_rates_of_the_data_sheet(make_smu_bench):
    """20 000 readings/s to memory and 7000/s source-measure at 0.001 NPLC, 60 Hz."""
    bench = make_smu_bench()
    source_volts(bench, 0.1)
    bench.send("localnode.linefreq = 60 smua.measure.nplc = 0.001")
    bench.send("smua.measure.rangei = 1e-3 smua.measure.count = 1000")
    seconds = bench.time_of("smua.measure.i(smua.nvbuffer1)")
    assert 1000 / seconds == pytest.approx(20_000, rel=1e-3)
    bench.send("smua.measure.count = 1")
    loop = "for k = 1, 1000 do smua.source.levelv = 0.1 smua.measure.i() end"
    assert 1000 / bench.time_of(loop) == pytest.approx(7000, rel=1e-3)


def test_automatic_delay_is_the_settling_of_the_current_range(smu_bench):
    """Before current readings only, times the factor (Rev. F p. 9-221)."""
    source_volts(smu_bench, 1e-4)
    smu_bench.send("smua.measure.delay = smua.DELAY_AUTO smua.measure.rangei = 1e-6")
    plain = 0.02 + datasheet.MEASURE_OVERHEAD
    assert smu_bench.time_of("smua.measure.i()") == pytest.approx(plain + 2.5e-3)
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(plain)
    smu_bench.send("smua.measure.delayfactor = 2")
    assert smu_bench.time_of("smua.measure.i()") == pytest.approx(plain + 5e-3)


def test_autozero_adds_two_conversions_now_and_then(smu_bench):
    """References are taken anew when they are old or the aperture is another one."""
    source_volts(smu_bench, 0.1)
    plain = 0.02 + datasheet.MEASURE_OVERHEAD
    smu_bench.send("smua.measure.autozero = smua.AUTOZERO_AUTO")
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(3 * plain)
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(plain)
    smu_bench.send("delay(11)")
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(3 * plain)
    smu_bench.send("smua.measure.nplc = 2 smua.measure.v() smua.measure.nplc = 1")
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(plain)
    assert smu_bench.time_of(
        "smua.measure.autozero = smua.AUTOZERO_ONCE"
    ) == pytest.approx(2 * plain)
    assert smu_bench.value("smua.measure.autozero") == 0


def test_the_reference_cache_holds_ten_apertures(smu_bench):
    source_volts(smu_bench, 0.1)
    smu_bench.send("smua.measure.autozero = 2")
    for tenth in range(1, 12):
        smu_bench.send(f"smua.measure.nplc = {tenth / 10} smua.measure.v()")
    smu_bench.send("smua.measure.nplc = 1.1")
    plain = 0.022 + datasheet.MEASURE_OVERHEAD
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(plain)
    smu_bench.send("smua.measure.nplc = 0.1")
    first = 0.002 + datasheet.MEASURE_OVERHEAD
    assert smu_bench.time_of("smua.measure.v()") == pytest.approx(3 * first)


def test_counts_are_paced_by_the_interval(smu_bench):
    source_volts(smu_bench, 0.1)
    smu_bench.send("smua.measure.nplc = 0.1 smua.measure.count = 5")
    smu_bench.send("smua.measure.interval = 0.01 smua.measure.v(smua.nvbuffer1)")
    stamps = smu_bench.numbers("printbuffer(1, 5, smua.nvbuffer1.timestamps)")
    assert stamps == pytest.approx([0.0, 0.01, 0.02, 0.03, 0.04], abs=1e-6)


def test_an_interval_that_is_too_short_is_as_fast_as_possible(smu_bench):
    source_volts(smu_bench, 0.1)
    smu_bench.send("smua.measure.count = 3 smua.measure.interval = 1e-3")
    smu_bench.send("smua.measure.v(smua.nvbuffer1)")
    stamps = smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1.timestamps)")
    step = 0.02 + datasheet.MEASURE_OVERHEAD
    assert stamps == pytest.approx([0.0, step, 2 * step], abs=2e-6)


def test_a_single_reading_comes_from_the_last_of_a_count(smu_bench):
    source_volts(smu_bench, 1.0)
    smu_bench.send("smua.measure.count = 4")
    amps, volts = smu_bench.values("smua.measure.iv(smua.nvbuffer1, smua.nvbuffer2)")
    assert amps == pytest.approx(volts / 1000.0, rel=1e-4)
    assert smu_bench.values("smua.nvbuffer1.n, smua.nvbuffer2.n") == [4, 4]


def test_relative_readings(smu_bench):
    source_volts(smu_bench, 1.0)
    smu_bench.send("smua.measure.rel.leveli = 4e-4 smua.measure.rel.enablei = 1")
    assert smu_bench.value("smua.measure.i()") == pytest.approx(6e-4, rel=1e-4)
    smu_bench.send("smua.measure.rel.enablei = 0")
    assert smu_bench.value("smua.measure.i()") == pytest.approx(1e-3, rel=1e-4)


def test_a_repeating_filter_narrows_the_noise(make_smu_bench):
    """The mean of 16 readings spreads a quarter as much; six-sigma bound."""
    bench = make_smu_bench(noise=True)
    source_volts(bench, 0.5)
    bench.send("smua.measure.nplc = 0.001 smua.measure.rangei = 1e-3")
    spreads = []
    for filtered in (0, 1):
        bench.send(
            f"smua.measure.filter.count = 16 smua.measure.filter.type = 1 "
            f"smua.measure.filter.enable = {filtered}"
        )
        bench.send("b = smua.makebuffer(400) b.appendmode = 1")
        bench.send("for k = 1, 400 do smua.measure.i(b) end")
        bench.send("format.asciiprecision = 16")
        spreads.append(statistics.stdev(bench.numbers("printbuffer(1, 400, b)")))
    ratio = spreads[0] / spreads[1]
    assert ratio == pytest.approx(4.0, rel=SIX_SIGMA / 400**0.5)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (REPEAT_AVERAGE, [2.0, 5.0]),
        (MOVING_AVERAGE, [2.0, 3.0]),
        (MEDIAN, [2.0, 3.0]),
    ],
)
def test_filters(kind, expected):
    """Repeat takes a new stack each time, moving and median only the newest."""
    readings = iter(range(1, 20))

    def again():
        return (float(next(readings)),)

    filter_ = ReadingFilter()
    filter_.begin("i")
    settings = {"filter.count": 3, "filter.type": kind}
    found = [filter_.apply(again(), settings, again)[0] for _ in range(2)]
    assert found == expected


def test_an_overflow_in_a_filter_stays_an_overflow():
    filter_ = ReadingFilter()
    settings = {"filter.count": 2, "filter.type": REPEAT_AVERAGE}
    assert filter_.apply((1.0,), settings, lambda: (9.91e37,)) == (9.91e37,)


def test_filter_and_count_exclude_each_other(smu_bench):
    smu_bench.send("smua.measure.filter.count = 5 smua.measure.filter.enable = 1")
    smu_bench.send("smua.measure.count = 3")
    assert smu_bench.error() == 5025
    assert smu_bench.value("smua.measure.count") == 1


def test_a_meter_behind_an_open_output_sees_the_other_source(smu_bench):
    """Output off in HIGH-Z is an open circuit: channel A reads what B puts there."""
    other = smu_bench.circuit.drive("smu.smua")
    other.voltage_source(1.5, 1.0)
    smu_bench.send("smua.source.offmode = 2 smua.source.func = 0")
    assert smu_bench.value("smua.measure.v()") == pytest.approx(1.5, rel=2e-3)


def test_an_ammeter_reads_another_instrument(smu_bench):
    """Sourcing 0 V, channel A measures the current that another source drives."""
    other = smu_bench.circuit.drive("smu.smua")
    other.voltage_source(1.0, 1e6)
    smu_bench.send(f"{QUIET} smua.source.levelv = 0 smua.source.output = 1")
    assert smu_bench.value("smua.measure.i()") == pytest.approx(-1e-6, rel=1e-4)
