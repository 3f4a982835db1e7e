"""The threshold switch's fit: against the device itself, and with known truth."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labneuro.analysis.catalog import fit_function
from labneuro.analysis.censored import Intervals
from labneuro.analysis.threshold_switch import (
    calibrate,
    fit_runs,
    fit_switch,
    held_parameters,
)
from labneuro.analysis.threshold_switch_data import (
    FiringTimes,
    SwitchingVoltages,
    TrainCounts,
    firing_times,
)
from labneuro.analysis.threshold_switch_integration import fit_integration, rate_factor
from labneuro.analysis.threshold_switch_relaxation import fit_relaxation, predicted
from labneuro.bench import load_bench
from labneuro.devices.threshold_switch import ThresholdSwitchPopulation
from labneuro.errors import FitError
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

SERIES = 21e3
HELD = held_parameters()
VALUES = np.array(
    [HELD.growth_rate, HELD.growth_voltage, HELD.rate_noise, HELD.leak_time]
)
AMPLITUDES = (1.0, 1.1, 1.2, 1.3, 1.4)


def share():
    """Return the part of the source voltage that falls across the device off."""
    return 1.0 / (1.0 + SERIES * HELD.off_conductance)


def times_of(seed, events=40, width=1e-3, resolution=0.25e-6):
    """Return single pulses drawn from the law itself, relaxations from the device."""
    generator = np.random.default_rng(seed)
    grid = np.arange(1.0, width / resolution + 1.0) * resolution
    volts, low, high = [], [], []
    for level in AMPLITUDES:
        factor = rate_factor(VALUES, HELD, np.full(len(grid), level * share()), grid)
        drawn = np.exp(HELD.rate_noise * generator.standard_normal(events))
        place = np.searchsorted(-factor, -drawn)
        fired = place < len(grid)
        end = grid[np.minimum(place, len(grid) - 1)]
        volts += [level] * events
        low += np.where(fired, end - resolution, width).tolist()
        high += np.where(fired, end, math.inf).tolist()
    integration = Intervals.of(low, high)
    bare = FiringTimes(
        amplitude=np.array(volts),
        integration=integration,
        relaxation=integration,
        width=width,
        series_resistance=SERIES,
        monitor_voltage=0.05,
        firing_current=5e-6,
        relaxed_current=1e-6,
    )
    seen = np.zeros(len(volts))
    noise = generator.normal(0.0, 0.2e-6, int(bare.fired.sum()))
    seen[bare.fired] = np.maximum(predicted(HELD, bare) + noise, 1e-6)
    relaxation = Intervals.of(
        np.where(bare.fired, np.maximum(seen - 0.1e-6, 0.0), 0.0),
        np.where(bare.fired, seen + 0.1e-6, np.inf),
    )
    return replace(bare, relaxation=relaxation)


def counts_of(seed, trains=60, pulses=10):
    """Return trains drawn from the law itself."""
    generator = np.random.default_rng(seed)
    volts, first = [], []
    for level in AMPLITUDES:
        factor = rate_factor(
            *(VALUES, HELD, np.full(pulses, level * share()), 250e-6),
            pulses=np.arange(float(pulses)),
            monitor=0.05 * share(),
            width=250e-6,
            gap=250e-6,
        )
        drawn = np.exp(HELD.rate_noise * generator.standard_normal(trains))
        place = np.searchsorted(-factor, -drawn)
        volts += [level] * trains
        first += np.where(place < pulses, place + 1, 0).tolist()
    number = np.array(first)
    measured = (np.array(volts), number, number + 1, np.zeros(len(number)))
    return TrainCounts(*measured, 250e-6, 250e-6, pulses, SERIES, 0.05)


@pytest.mark.parametrize("level", [1.05, 1.2, 1.4])
def test_the_law_is_that_of_the_device(level):
    """A device without noise fires where the factor is 1, and relaxes as predicted."""
    device = ThresholdSwitchPopulation([replace(HELD, rate_noise=0.0)], 1)
    time, source, fired, relaxed, fine = 0.0, level, 0.0, 0.0, 0.05e-6
    while not relaxed:
        near = device.integration[0] > 0.96 or device.bridge[0] > 0.01
        step = fine if near and (not fired or time > 1e-3) else 2e-6
        step = min(step, 1e-3 - time) if time < 1e-3 else step
        device.advance(source, SERIES, step)
        time = 1e-3 if abs(time + step - 1e-3) < 1e-12 else time + step
        conductance = device.conductance[0]
        current = source * conductance / (1.0 + SERIES * conductance)
        fired = fired or (time if current > 5e-6 else 0.0)
        if time > 1e-3 and current < 1e-6:
            relaxed = time - 1e-3
        source = 0.05 if time >= 1e-3 else level
    factor = rate_factor(VALUES, HELD, np.array([level * share()]), np.array([fired]))
    assert factor[0] == pytest.approx(1.0, abs=1e-3)
    moment = Intervals.of([fired], [fired])
    one = replace(times_of(0, 1), amplitude=np.array([level]), integration=moment)
    assert predicted(HELD, one)[0] == pytest.approx(relaxed, abs=1e-6)


def test_what_inputs_draw_lowers_all_voltages():
    """A share of 0.999 of the source is a source of 0.999 of the voltage."""
    whole = times_of(2, 5)
    loaded = replace(whole, source_share=0.999)
    lower = replace(
        whole,
        amplitude=0.999 * whole.amplitude,
        monitor_voltage=0.999 * whole.monitor_voltage,
    )
    np.testing.assert_allclose(predicted(HELD, loaded), predicted(HELD, lower))
    shorter = predicted(HELD, loaded) - predicted(HELD, whole)
    assert -0.5e-6 < np.mean(shorter) < -0.2e-6  # 50 uV less, at 6 to 7 us/mV
    assert loaded.share(1e-6) == pytest.approx(0.999 / (1.0 + SERIES * 1e-6))
    counts = replace(counts_of(2, 5), source_share=0.999)
    assert counts.share(1e-6) == pytest.approx(loaded.share(1e-6))


def test_a_run_that_does_not_say_what_inputs_draw_is_read_with_the_whole_voltage():
    names = ("amplitude", "integration_low", "integration_high", "relaxation_low")
    rows = dict.fromkeys((*names, "relaxation_high", "fired"), np.ones(1))
    known = {
        "width": "1 ms",
        "series_resistance": "20 kohm",
        "monitor_voltage": "50 mV",
        "readout": {"firing_current": "5 uA", "relaxed_current": "1 uA"},
    }
    said = {**known, "source_share": 0.99895}
    runs: list[Any] = [
        SimpleNamespace(path="a.h5", parameters=one, readings=lambda: rows)
        for one in (known, said)
    ]
    old, new = map(firing_times, runs)
    assert (old.source_share, new.source_share) == (1.0, 0.99895)


def test_the_law_over_gaps_is_that_of_the_device():
    """Pulses to the first firing of 60 devices whose rates are known."""
    rates = np.geomspace(0.7, 1.4, 60)
    device = ThresholdSwitchPopulation(
        [
            replace(HELD, growth_rate=HELD.growth_rate * r, rate_noise=0.0)
            for r in rates
        ],
        1,
    )
    first = np.zeros(len(rates))
    for number in range(1, 11):
        device.advance(1.1, SERIES, 250e-6)
        first[(device.firings > 0) & (first == 0)] = number
        device.advance(0.05, SERIES, 250e-6)
    factor = rate_factor(
        *(VALUES, HELD, np.full(10, 1.1 * share()), 250e-6),
        pulses=np.arange(10.0),
        monitor=0.05,
        width=250e-6,
        gap=250e-6,
    )
    np.testing.assert_array_equal(first, np.searchsorted(-factor, -rates) + 1)


def test_intervals_cover_the_truth():
    """Short form of benchmarks/ts_coverage.py: 8 data sets, three numbers each.

    24 intervals at 95 %: fewer than 18 would be a false alarm in 10 000 or less.
    """
    hits = 0
    for seed in range(8):
        fit = fit_integration([times_of(seed)], [], HELD).fit
        for name in fit.names:
            low, high = fit.interval(name)
            assert low is not None
            assert high is not None
            hits += low <= getattr(HELD, name) <= high
    assert 18 <= hits <= 24


def test_what_is_not_determined_is_held_and_named():
    fit = fit_switch("a", [times_of(3)])
    assert "leak_time" in fit.held
    assert fit.model.parameters["leak_time"].standard_error is None
    assert fit.model.parameters["leak_time"].value == HELD.leak_time
    both = fit_switch("a", [times_of(3), counts_of(4)])
    assert "leak_time" not in both.held
    leak = both.model.parameters["leak_time"]
    low, high = leak.interval
    assert low is not None
    assert high is not None
    assert low < HELD.leak_time < high
    for name in ("relaxation_time", "thickening_time", "thickest_bridge"):
        found = both.model.parameters[name]
        assert found.value == pytest.approx(getattr(HELD, name), rel=0.01)


def test_tables_say_which_family_wins_and_what_the_law_says():
    cycles = SwitchingVoltages(
        Intervals.of(
            np.repeat([0.3, 0.31, 0.32], 10), np.repeat([0.31, 0.32, 0.33], 10)
        ),
        Intervals.of(np.full(30, 0.06), np.full(30, 0.07)),
        0,
    )
    model = calibrate([fit_switch("a", [times_of(5), counts_of(6), cycles])])
    firing = {row["amplitude"]: row for row in model.tables["firing"]}
    assert list(firing) == list(AMPLITUDES)
    fired = float(firing[1.0]["fired"] or 0) / 40
    assert fired == pytest.approx(0.59, abs=4 * math.sqrt(0.24 / 40))
    assert firing[1.0]["law_share"] == pytest.approx(0.59, abs=0.2)
    families = list(model.tables["families"])
    assert {row["quantity"] for row in families} == {
        "integration_time",
        "relaxation_time",
        "pulses_to_fire",
        "threshold_voltage",
    }
    assert min(float(row["aic_difference"] or 0) for row in families) == 0.0
    told = [
        row
        for row in model.tables["distributions"]
        if str(row["family"]).startswith("none")
    ]
    assert "hold_voltage" in {row["quantity"] for row in told}
    shares = [row for row in model.tables["pulses_to_fire"] if row["amplitude"] == 1.1]
    assert sum(float(row["law_share"] or 0) for row in shares) == pytest.approx(1.0)
    assert model["hold_voltage"] == pytest.approx(0.065)
    assert model.parameter("hold_voltage").interval == pytest.approx((0.06, 0.07))


def test_several_devices_give_the_spread_of_the_rate():
    one, other = (
        fit_switch(name, [times_of(seed)]) for name, seed in (("a", 7), ("b", 8))
    )
    model = calibrate([one, other])
    assert "growth_rate" in model.population_spread
    expected = model.population_spread["growth_rate"] / model["growth_rate"]
    assert model["rate_spread"] == pytest.approx(expected)


def test_run_files_are_fitted_as_the_catalog_says(tmp_path):
    """Over VISA: 10 pulses at each of three amplitudes."""
    recipe = load_recipe(
        "hybrid/firing-pulse", ["amplitudes=[1.1 V, 1.2 V, 1.3 V]", "events=10"]
    )
    path = run(recipe, load_bench("ts-scope-sim"), tmp_path / "ts.h5", seed=4)
    assert fit_function("threshold_switch") is fit_runs
    model = fit_runs([path])
    for name in ("growth_rate", "growth_voltage", "rate_noise", "relaxation_time"):
        low, high = model.parameter(name).interval
        assert low is not None
        assert high is not None
        middle, truth = model[name], getattr(HELD, name)
        assert low - (middle - low) < truth < high + (high - middle)
    assert model.source_runs[0].path == str(path)
    assert model.goodness_of_fit["events"] == 30


def test_one_amplitude_does_not_determine_the_voltage():
    times = times_of(9)
    rows = times.amplitude == 1.2
    one = replace(
        times,
        amplitude=times.amplitude[rows],
        integration=Intervals(
            times.integration.low[rows], times.integration.high[rows]
        ),
    )
    with pytest.raises(FitError, match="two amplitudes"):
        fit_integration([one], [], HELD)


def test_no_files_and_other_protocols_are_refused(tmp_path):
    with pytest.raises(FitError, match="no run file"):
        fit_runs([])
    recipe = load_recipe("hybrid/pulse-capture", ["captures=1", "points=10"])
    path = run(recipe, load_bench("ts-scope-sim"), tmp_path / "ts.h5", seed=4)
    with pytest.raises(FitError, match="allowed are FiringPulse"):
        fit_runs([path])


def test_a_firing_at_the_pulses_end_is_left_out_of_the_relaxation():
    """Its bridge has not formed: 12 us off, as two samples may make it, would count."""
    seen = times_of(6)
    calm = fit_relaxation([seen], HELD)
    first = np.flatnonzero(seen.fired)[0]
    late = seen.width - 1.5e-6
    low, high = (one.copy() for one in (seen.integration.low, seen.integration.high))
    low[first], high[first] = late - 0.25e-6, late
    ends = seen.relaxation.low.copy(), seen.relaxation.high.copy()
    for end in ends:
        end[first] = 60e-6
    odd = replace(
        seen,
        integration=Intervals.of(low, high),
        relaxation=Intervals.of(*ends),
    )
    found = fit_relaxation([odd], HELD)
    assert found.censored == calm.censored + 1
    assert found.count == calm.count - 1
    np.testing.assert_allclose(found.values, calm.values, rtol=1e-3)
    assert found.deviation == pytest.approx(calm.deviation, rel=0.05)
