"""The data sheet's tables hold together."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.keithley_2600.datasheet import (
    SHEETS,
    TIMING,
    largest_duty_cycle,
)

SHEET = SHEETS["2636B"]
ALL = [*SHEET.voltage, *SHEET.current]


@pytest.mark.parametrize("sheet", ALL)
def test_noise_falls_with_integration_time(sheet):
    deviations = [sheet.noise_deviation(n) for n in (0.001, 0.01, 0.1, 1.0, 10.0, 25.0)]
    assert deviations == sorted(deviations, reverse=True)
    assert deviations[-1] > 0.0


@pytest.mark.parametrize("sheet", ALL)
@pytest.mark.parametrize(("place", "nplc"), [(0, 0.1), (1, 0.01), (2, 0.001)])
def test_derating_is_met_where_the_sheet_gives_it(sheet, place, nplc):
    """Three deviations are the sheet's error term beside the slow noise."""
    term = sheet.derating[place] * sheet.full_scale / 3
    slow = sheet.noise / 6.6
    assert sheet.noise_deviation(nplc) == pytest.approx((term**2 + slow**2) ** 0.5)


@pytest.mark.parametrize("sheets", [SHEET.voltage, SHEET.current])
def test_ranges_ascend(sheets):
    scales = [sheet.full_scale for sheet in sheets]
    assert scales == sorted(set(scales))


def test_rates(close):
    """What the times were derived from: 10 500 and 1900 operations a second."""
    measure_and_print = 1 / 20_000 + TIMING.output
    assert close(1 / measure_and_print, 10_500)
    assert close(1 / (measure_and_print + TIMING.message), 1900)


@pytest.mark.parametrize(
    ("volts", "amps", "allowed"),
    [
        (20, 1.5, True),
        (20.2, 1.515, True),
        (21, 1, False),
        (200, 0.1, True),
        (200, 0.11, False),
        (0.2, 1.6, False),
    ],
)
def test_the_area_of_steady_operation(volts, amps, allowed):
    assert SHEET.allows(volts, amps) is allowed


def test_duty_cycle_limits():
    """The manual's example, no limit at small power, none left beyond the cooling."""
    charging = largest_duty_cycle(20.0, (5.0, 1.5), ambient=50.0)
    assert charging == pytest.approx(0.470, abs=5e-4)
    assert largest_duty_cycle(20.0, (20.0, 0.1)) == 1.0
    assert largest_duty_cycle(20.0, (0.0, 1.5), bias=(0.0, 1.5)) == 0.0
    assert largest_duty_cycle(200.0, (220.0, 1.0)) == 1.0
    sinking = largest_duty_cycle(20.0, (-20.0, 1.5))
    assert sinking < largest_duty_cycle(20.0, (20.0, 1.5))
