"""The H-NNO neuron against its own laws: exact where they are, counted where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from labneuro.devices.hnno import (
    HnnoDevice,
    HnnoParameters,
    HnnoPopulation,
    draw_population,
    firing_probability,
)
from labneuro.errors import CardError

FALSE_ALARM = 1e-6  # of each statistical test, at a fixed seed
PULSE = 100e-6
REST = 5e-3
RESET = -0.19e6


def population(parameters, count=1, seed=0):
    """Return a population of equal devices."""
    return HnnoPopulation([parameters] * count, seed)


def binomial(spikes, trials, probability):
    """Return the p-value of a count against its probability."""
    return stats.binomtest(int(spikes), trials, probability).pvalue


# ---- the card against the figures that are quoted of the paper


def test_card_meets_the_quoted_figures(card_parameters):
    """10 % thresholds 0.1974 and 0.1750 V/um; 3 % at 0.19 V/um; midpoint 0.1877."""
    card = card_parameters
    shift = card.saturated_shift(0.19e6)
    assert card.threshold() * 1e-6 == pytest.approx(0.1974, abs=0.5e-4)
    assert card.threshold(shift) * 1e-6 == pytest.approx(0.1750, abs=1e-4)
    assert (card.midpoint - shift) * 1e-6 == pytest.approx(0.1877, abs=0.5e-4)
    initial = firing_probability(0.19e6, card.midpoint, card.slope)
    assert initial == pytest.approx(0.03, abs=0.5e-3)
    assert card.channel_length * 0.21e6 == pytest.approx(4.2)
    assert card.spike_contrast == 10


def test_several_pulses_sensitize(card_parameters):
    """Eight pulses at 0.19 V/um raise the probability there from 3 % to over 40 %."""
    card = card_parameters
    shift = card.shift_after(0.19e6, 8)
    assert firing_probability(0.19e6, card.midpoint - shift, card.slope) > 0.4
    assert card.shift_after(0.15e6, 1000) == 0.0


@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9])
def test_threshold_inverts_the_sigmoid(card_parameters, probability):
    """At the threshold of a probability that probability is reached."""
    card = card_parameters
    field = card.threshold(0.01e6, probability)
    reached = firing_probability(field, card.midpoint - 0.01e6, card.slope)
    assert reached == pytest.approx(probability, rel=1e-12)


# ---- firing


@pytest.mark.parametrize("field", [0.18e6, 0.19e6, 0.2e6, 0.21e6, 0.22e6, 0.24e6])
def test_pulse_fires_with_the_sigmoid(card_parameters, field):
    """A 100 us pulse from the initial state, 40 000 devices."""
    card, count = card_parameters, 40_000
    spikes = population(card, count, seed=1).advance(field, PULSE).sum()
    expected = firing_probability(field, card.midpoint, card.slope)
    assert binomial(spikes, count, expected) > FALSE_ALARM


@pytest.mark.parametrize(("field", "pulses"), [(0.17e6, 30), (0.19e6, 3), (0.19e6, 30)])
def test_sensitized_pulse_fires_with_the_shifted_sigmoid(quiet, field, pulses):
    """After weak pulses the sigmoid's midpoint is lower by the shift they left."""
    count = 20_000
    devices = population(quiet, count, seed=2)
    for _ in range(pulses):
        devices.advance(field, PULSE)
        devices.advance(0.0, REST)
    spikes = devices.advance(0.195e6, PULSE).sum()
    midpoint = quiet.midpoint - quiet.shift_after(field, pulses)
    expected = firing_probability(0.195e6, midpoint, quiet.slope)
    assert binomial(spikes, count, expected) > FALSE_ALARM


@pytest.mark.parametrize("share", [0.25, 0.5, 2.0, 5.0])
def test_survival_is_exponential_in_the_width(quiet, share):
    """Not firing over k widths has the k-th power of the probability over one."""
    count = 20_000
    spikes = population(quiet, count, seed=3).advance(0.205e6, share * PULSE).sum()
    one = firing_probability(0.205e6, quiet.midpoint, quiet.slope)
    assert binomial(spikes, count, 1 - (1 - one) ** share) > FALSE_ALARM


def test_two_halves_are_one_pulse_in_law(quiet):
    """Two 50 us halves fire with the probability of one 100 us pulse."""
    count = 40_000
    devices = population(quiet, count, seed=4)
    first = devices.advance(0.2e6, PULSE / 2)
    second = devices.advance(0.2e6, PULSE / 2)
    assert not (first & second).any()
    expected = firing_probability(0.2e6, quiet.midpoint, quiet.slope)
    assert binomial((first | second).sum(), count, expected) > FALSE_ALARM


LIFE = [
    (0.20e6, PULSE),
    (0.15e6, 1e-3),
    (0.0, REST),
    (0.24e6, PULSE),
    (0.21e6, PULSE),
    (-0.05e6, 1e-3),
    (RESET, PULSE),
    (0.0, REST),
    (0.19e6, PULSE),
    (0.0, REST),
    (0.19e6, PULSE),
]


@pytest.mark.parametrize("parts", [2, 7])
def test_outcome_does_not_depend_on_the_cutting(card_parameters, parts):
    """One seed, each step cut in parts: the same firings, the same state."""
    whole, cut = (population(card_parameters, 300, seed=5) for _ in range(2))
    for _ in range(20):
        for field, duration in LIFE:
            fired = whole.advance(field, duration)
            pieces = [cut.advance(field, duration / parts) for _ in range(parts)]
            assert np.array_equal(np.sum(pieces, axis=0), fired)
            assert cut.shift == pytest.approx(whole.shift, rel=1e-9, abs=1e-6)
            assert cut.resistance == pytest.approx(whole.resistance, rel=1e-9)


def test_pulse_fires_at_most_once(quiet):
    """However strong and long, a pulse is one event; the next one can fire again."""
    devices = population(quiet, 50)
    spikes = sum(devices.advance(0.3e6, PULSE).astype(int) for _ in range(100))
    assert (spikes == 1).all()
    devices.advance(0.0, REST)
    assert devices.advance(0.3e6, PULSE).all()


# ---- sensitization, noise filter, retention, reset


@pytest.mark.parametrize("field", [0.161e6, 0.17e6, 0.19e6, 0.23e6])
@pytest.mark.parametrize("pulses", [1, 4, 30])
def test_shift_after_pulses(quiet, field, pulses):
    """The shift follows its exponential law in the number of pulses."""
    devices = population(replace(quiet, retention_time=1e12))
    for _ in range(pulses):
        devices.advance(field, PULSE)
        devices.advance(0.0, REST)
    assert devices.shift[0] == pytest.approx(quiet.shift_after(field, pulses), 1e-9)


def test_pulse_acts_on_the_next_one_only(quiet):
    """The shift that a pulse leaves is there from its end on."""
    devices = population(quiet)
    devices.advance(0.19e6, PULSE)
    assert devices.shift[0] == 0.0
    devices.advance(0.0, 1e-9)
    assert devices.shift[0] == pytest.approx(quiet.shift_after(0.19e6, 1), 1e-9)


@pytest.mark.parametrize("field", [0.10e6, 0.15e6, 0.16e6])
def test_nothing_moves_below_the_floor(card_parameters, field):
    """2000 pulses up to the floor field leave no shift at all: noise is filtered."""
    devices = population(card_parameters, 20)
    devices.endure(np.array([field, 0.0]), np.array([PULSE, REST]), 2000)
    assert (devices.shift == 0.0).all()


def test_shift_fades_at_rest(quiet):
    """A state fades exponentially with the retention time."""
    devices = population(quiet)
    devices.advance(0.19e6, 1.0)
    devices.advance(0.0, 1e-9)
    before = devices.shift[0]
    devices.advance(0.0, 2.0 * quiet.retention_time)
    assert devices.shift[0] == pytest.approx(before * np.exp(-2.0), rel=1e-9)


def test_rate_noise_is_lognormal(quiet):
    """Cycle to cycle the sensitization rate scatters as the card says."""
    noisy = replace(quiet, sensitization_noise=0.1)
    devices = population(noisy, 5000, seed=6)
    devices.advance(0.19e6, PULSE)
    devices.advance(0.0, 1e-9)
    share = devices.shift / noisy.saturated_shift(0.19e6)
    log_rate = np.log(-np.log1p(-share) * noisy.sensitization_time / PULSE)
    assert stats.kstest(log_rate / 0.1, stats.norm.cdf).pvalue > FALSE_ALARM


def test_reset_restores(quiet):
    """A 100 us reverse pulse leaves less than exp(-10) of shift and of spike."""
    devices = population(quiet, 10)
    for _ in range(30):
        devices.advance(0.24e6, PULSE)
        devices.advance(0.0, REST)
    devices.advance(0.3e6, PULSE)
    devices.advance(0.0, 1e-9)
    shift, resistance = devices.shift, devices.resistance
    assert (shift > 0.02e6).all()
    devices.advance(RESET, PULSE)
    assert (devices.shift <= shift * np.exp(-10) * (1 + 1e-9)).all()
    spiking = np.log(quiet.resistance / resistance)
    left = np.log(quiet.resistance / devices.resistance)
    assert left == pytest.approx(spiking * np.exp(-10), rel=1e-6)


def test_small_reverse_field_does_not_reset(quiet):
    """Below the reset field a reverse field, such as a reading's, does nothing."""
    devices = population(quiet)
    devices.advance(0.19e6, 1e-3)
    devices.advance(-0.99 * quiet.reset_field, PULSE)
    kept = devices.shift[0]
    devices.advance(-quiet.reset_field, PULSE)
    assert kept == pytest.approx(quiet.shift_after(0.19e6, 10), rel=1e-6)
    assert devices.shift[0] < kept * 1e-4


# ---- resistance


def test_spike_lowers_the_resistance_and_relaxes(quiet):
    """A firing divides the resistance by the contrast; its logarithm recovers."""
    devices = population(quiet)
    assert devices.resistance[0] == pytest.approx(quiet.resistance)
    assert devices.advance(0.3e6, PULSE)[0]
    assert devices.resistance[0] == pytest.approx(quiet.resistance / 10.0)
    for duration in (1e-3, 19e-3, 40e-3):
        before = np.log(quiet.resistance / devices.resistance[0])
        devices.advance(0.0, duration)
        after = np.log(quiet.resistance / devices.resistance[0])
        decay = np.exp(-duration / quiet.relaxation_time)
        assert after == pytest.approx(before * decay, rel=1e-9)


def test_resistance_noise_is_drawn_at_each_reset(card_parameters):
    """The logarithm scatters from reset to reset and stays in between."""
    card = card_parameters
    devices = population(card, seed=7)
    drawn = []
    for _ in range(5000):
        devices.advance(RESET, PULSE / 2)
        drawn.append(devices.resistance[0])
        devices.advance(RESET, PULSE / 2)
        devices.advance(0.0, REST)
        assert devices.resistance[0] == drawn[-1]
    steps = np.log(np.array(drawn) / card.resistance) / card.resistance_noise
    assert stats.kstest(steps, stats.norm.cdf).pvalue > FALSE_ALARM


# ---- endurance


def test_midpoint_drifts_over_a_million_cycles(card_parameters):
    """After 1e6 cycles the midpoint is higher by two decades' drift."""
    card = card_parameters
    device = population(card, seed=8)
    levels = np.array([0.21e6, 0.0, RESET, 0.0])
    durations = np.array([PULSE, REST, PULSE, 2e-3])
    device.endure(levels, durations, 1_000_000)
    count = 40_000
    spikes = device.endure(levels, durations, count)[0]
    drift = card.midpoint_drift * np.log10(1.02e6 / card.drift_onset)
    assert drift == pytest.approx(1000.0, rel=0.01)
    drifted = firing_probability(0.21e6, card.midpoint + drift, card.slope)
    assert binomial(spikes, count, drifted) > FALSE_ALARM
    assert binomial(spikes, count, 0.5) < FALSE_ALARM  # and is told from no drift


def test_no_drift_before_its_onset(card_parameters):
    """The first ten thousand cycles fire with the card's midpoint."""
    device = population(card_parameters, seed=9)
    levels, durations = np.array([0.21e6, RESET]), np.array([PULSE, PULSE])
    spikes = device.endure(levels, durations, 10_000)[0]
    assert binomial(spikes, 10_000, 0.5) > FALSE_ALARM


def test_endurance_is_the_same_as_single_steps(card_parameters):
    """The compiled loop and step by step live the same life."""
    fast, slow = (population(card_parameters, 3, seed=10) for _ in range(2))
    spikes = fast.endure(np.array([0.2e6, 0.0]), np.array([PULSE, REST]), 50)
    steps = sum(
        slow.advance(field, duration).astype(int)
        for _ in range(50)
        for field, duration in ((0.2e6, PULSE), (0.0, REST))
    )
    assert np.array_equal(spikes, steps)
    assert np.array_equal(fast.shift, slow.shift)
    assert np.array_equal(fast.resistance, slow.resistance)


# ---- populations


def test_population_spread(card_parameters):
    """Midpoints are normal, slopes, shifts and resistances lognormal, 4000 devices."""
    card = card_parameters
    drawn = draw_population(card, 4000, seed=11)
    steps = {
        "midpoint": [
            (one.midpoint - card.midpoint) / card.midpoint_spread for one in drawn
        ],
        "slope": [np.log(one.slope / card.slope) / card.slope_spread for one in drawn],
        "shift": [
            np.log(one.saturation_shift / card.saturation_shift) / card.shift_spread
            for one in drawn
        ],
        "resistance": [
            np.log(one.resistance / card.resistance) / card.resistance_spread
            for one in drawn
        ],
    }
    for values in steps.values():
        assert stats.kstest(values, stats.norm.cdf).pvalue > FALSE_ALARM
    correlation = np.corrcoef(list(steps.values()))[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < stats.norm.ppf(1 - 1e-7) / np.sqrt(4000)


def test_devices_do_not_depend_on_the_population_size(card_parameters):
    """Device k of a seed is the same one and lives the same life in any company."""
    few = draw_population(card_parameters, 3, seed=12)
    many = draw_population(card_parameters, 9, seed=12)
    assert many[:3] == few
    small, large = HnnoPopulation(few, 13), HnnoPopulation(many, 13)
    for field, duration in LIFE * 10:
        fired = small.advance(field, duration)
        assert np.array_equal(large.advance(field, duration)[:3], fired)
    assert np.array_equal(large.resistance[:3], small.resistance)


def test_life_repeats_by_seed(card_parameters):
    """One seed gives one life, another seed another one."""
    lives = []
    for seed in (14, 14, 15):
        devices = population(card_parameters, 5, seed)
        fired = [
            devices.advance(0.21e6, PULSE) for _ in range(20) if _is_reset(devices)
        ]
        lives.append((np.array(fired), devices.resistance))
    assert np.array_equal(lives[0][0], lives[1][0])
    assert np.array_equal(lives[0][1], lives[1][1])
    assert not np.array_equal(lives[0][0], lives[2][0])


def _is_reset(devices):
    devices.advance(RESET, PULSE)
    return True


def test_each_device_has_its_own_field(quiet):
    """An array of fields gives each device its own."""
    devices = population(quiet, 3)
    fired = devices.advance(np.array([0.0, 0.3e6, -0.3e6]), PULSE)
    assert fired.tolist() == [False, True, False]


# ---- the device as a circuit sees it


def test_device_is_the_population_of_one(card_parameters):
    """Voltages over the channel length are the fields of the population."""
    device = HnnoDevice(card_parameters, seed=16)
    devices = population(card_parameters, seed=16)
    for field, duration in LIFE * 5:
        device.advance(field * card_parameters.channel_length, duration)
        devices.advance(field, duration)
        assert device.resistance == pytest.approx(devices.resistance[0], rel=1e-12)
    assert device.population.shift == pytest.approx(devices.shift, rel=1e-9)


@pytest.mark.parametrize(("source", "series"), [(4.2, 50.0), (-0.1, 0.0), (0.0, 1e6)])
def test_operating_point_is_ohmic(quiet, source, series):
    """Kirchhoff's and Ohm's law hold at the operating point."""
    device = HnnoDevice(quiet, seed=0)
    voltage, current = device.operating_point(source, series)
    assert voltage + series * current == pytest.approx(source)
    assert voltage == pytest.approx(quiet.resistance * current)


def test_shorter_channel_takes_less_voltage(quiet):
    """The field decides, not the voltage."""
    short = replace(quiet, channel_length=quiet.channel_length / 10)
    device = HnnoDevice(short, seed=0)
    device.advance(0.6, PULSE)
    assert device.resistance == pytest.approx(short.resistance / 10.0)


# ---- parameters


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("slope", 0.0, "slope: must be above 0, not 0.0"),
        ("channel_length", -1.0, "channel_length: must be above 0, not -1.0"),
        ("reset_field", 0.0, "reset_field: must be above 0, not 0.0"),
        ("relaxation_time", float("nan"), "relaxation_time: must be above 0, not nan"),
        ("floor_field", -1.0, "floor_field: must not be negative, not -1.0"),
        ("midpoint_spread", float("nan"), "midpoint_spread: must not be negative"),
    ],
)
def test_impossible_parameters_are_told(quiet, name, value, told):
    """A device that cannot be is refused with the parameter's name."""
    with pytest.raises(CardError) as caught:
        replace(quiet, **{name: value})
    assert told in str(caught.value)


def test_units_name_every_parameter():
    """The card's keys are the parameters, neither more nor fewer."""
    from labneuro.devices.hnno import UNITS

    assert set(UNITS) == set(HnnoParameters.__dataclass_fields__)
