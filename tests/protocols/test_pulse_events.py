"""Pulse events: when what happens, what is read, and what is no reading."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from labneuro.bench import DeviceConfig
from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.protocols.pulse_events import (
    BASELINE_EVENTS,
    INITIAL,
    EventBench,
    EventSettings,
    PulseEvent,
    PulseSettings,
    ReadSettings,
    Sensitization,
    channel_length,
    event_train,
    level,
    reset_train,
)

LENGTH = 20e-6
SETTINGS = EventSettings()
STATE = Sensitization(field=0.19e6, pulses=3, interval=1e-3, rest=0.2)


def test_event_waveform():
    """Accumulating pulses, rest, probing pulse, gap, reset pulse, in this order."""
    train = event_train(PulseEvent(STATE, 0.21e6), SETTINGS, LENGTH)
    levels, durations = zip(*train.waveform.segments, strict=True)
    assert levels == pytest.approx((3.8, 0, 3.8, 0, 3.8, 0, 4.2, 0, -3.8))
    assert durations == pytest.approx(
        (1e-4, 0.9e-3, 1e-4, 0.9e-3, 1e-4, 0.2, 1e-4, 5e-3, 1e-4)
    )


@pytest.mark.parametrize("tenths", range(1, 100))
def test_levels_are_free_of_rounding_noise(tenths):
    """A field of 0.3 V/um over 20 um is 6 V, not a bit more than the limit."""
    volts = tenths / 10
    field = round(volts / LENGTH, 3)
    assert level(field, LENGTH) == volts
    assert level(-field, LENGTH) == -volts


def test_initial_event_is_pulse_and_reset():
    """Without sensitization an event is one pulse and its reset."""
    train = event_train(PulseEvent(INITIAL, 0.21e6), SETTINGS, LENGTH)
    assert np.array(train.waveform.segments) == pytest.approx(
        np.array([(4.2, 1e-4), (0.0, 5e-3), (-3.8, 1e-4)])
    )


def test_event_without_reset_ends_with_the_pulse():
    """In a train of accumulating pulses nothing reverses the field."""
    train = event_train(PulseEvent(INITIAL, 0.19e6), SETTINGS, LENGTH, reset=False)
    assert train.waveform.segments[0] == pytest.approx((3.8, 1e-4))
    assert len(train.waveform.segments) == 1


times = st.floats(1e-6, 1e-2)


@given(
    width=times,
    reset_delay=st.floats(2e-3, 0.1),
    delay=times,
    settling=times,
    cycles=st.floats(0.001, 1.0),
    pulses=st.integers(0, 5),
    rest=times,
)
def test_reading_falls_between_pulse_and_reset(
    width, reset_delay, delay, settling, cycles, pulses, rest
):
    """Whatever the settings, the reading starts after the pulse and ends before reset.

    The accumulating pulses keep their interval and the whole waveform ends before the
    next trigger.
    """
    read = ReadSettings(delay=delay, settling=settling, power_line_cycles=cycles)
    assume(read.duration + 1e-3 <= reset_delay)
    settings = EventSettings(
        pulses=PulseSettings(width=width, reset_delay=reset_delay), read=read
    )
    state = Sensitization(0.19e6, pulses, 2 * width, rest)
    train = event_train(PulseEvent(state, 0.21e6), settings, LENGTH)
    segments = train.waveform.segments
    starts = np.cumsum([0.0, *(duration for _, duration in segments)])
    pulse, reset = len(segments) - 3, len(segments) - 1
    assert train.read_delay == pytest.approx(starts[pulse] + width + delay)
    assert train.read_delay + settling + cycles / 50 <= starts[reset] - 0.999e-3
    assert train.period == pytest.approx(
        train.waveform.duration + settings.pulses.recovery
    )
    spacing = np.diff(starts[0 : 2 * pulses : 2])
    assert spacing == pytest.approx(2 * width)
    if pulses:
        assert starts[pulse] - starts[pulse - 1] == pytest.approx(rest)


def test_reset_train_reads_after_recovery():
    """The baseline is read a recovery after the reset pulse, before the next one."""
    train = reset_train(SETTINGS, LENGTH)
    assert train.waveform.segments[0] == pytest.approx((-3.8, 1e-4))
    assert train.read_delay == pytest.approx(1e-4 + 2e-3)
    assert train.period > train.read_delay + SETTINGS.read.duration


@pytest.mark.parametrize(
    ("pulses", "read", "told"),
    [
        ({"width": 0.0}, {}, "greater than 0"),
        ({"width": "100 V"}, {}, "is not a quantity in s"),
        ({"width": 1e308}, {}, "less than or equal to 3600"),
        ({"reset_field": -1e5}, {}, "greater than 0"),
        ({"reset_delay": 1e-3}, {}, "pulses.reset_delay: the reading takes 0.0012 s"),
        ({}, {"delay": 5e-3}, "pulses.reset_delay: the reading takes"),
        ({}, {"power_line_cycles": 25}, "pulses.reset_delay: the reading takes 0.501"),
        ({}, {"power_line_cycles": 26}, "less than or equal to 25"),
        ({}, {"voltage": 0.2}, "less than or equal to 0.1"),
        ({}, {"voltage": 0.0}, "greater than or equal to 0.000001"),
        ({}, {"spike_below": 1.0}, "less than 1"),
        ({}, {"current_range": float("nan")}, "finite"),
        ({}, {"speed": 1}, "Extra inputs are not permitted"),
    ],
)
def test_refuses_settings(pulses, read, told):
    """Settings that no event can have are refused."""
    with pytest.raises(ValidationError, match=told):
        EventSettings.model_validate({"pulses": pulses, "read": read})


def test_fields_need_a_channel_length():
    """The bench file's missing key is named."""
    with pytest.raises(
        BenchConfigError, match=r"device\.geometry.channel_length: this k"
    ):
        channel_length(DeviceConfig(id="a", model="hnno"))


@pytest.fixture
def events(make_bench):
    """Return a prepared event bench and the world behind it."""
    bench, world = make_bench(resistance_noise=0.0)
    one = EventBench(bench, SETTINGS)
    one.prepare()
    return one, world


def test_prepare_sets_compliance_before_the_output(events):
    """Compliance at the bench's limit, a waveform loaded, then the outputs on."""
    _, world = events
    assert [name for name, _ in world.log] == [
        "configure",
        "load",
        "output on",
        "output on",
    ]
    assert world.done("configure") == [(2e-3, 100e-6)]
    assert world.device.population.shift[0] == 0.0


def test_baseline_reads_the_initial_resistance(events):
    """Sixteen readings of the reset device, marked as no events."""
    one, world = events
    rows = one.baseline(0)
    assert rows["resistance"] == pytest.approx(100e3, rel=1e-3)
    assert rows["spike"].tolist() == [-1] * BASELINE_EVENTS
    assert (rows["pulse_field"] == 0).all()
    assert world.done("reads")[0].trigger_line == "digio1"


def test_probe_counts_the_firings(events):
    """Every firing of the device is a spike, every spike a firing."""
    one, world = events
    one.baseline(0)
    rows = one.probe(3, PulseEvent(INITIAL, 0.21e6), 200)
    fired = [bool(event) for event in world.trains[-1]]
    assert rows["spike"].tolist() == fired
    assert 60 < sum(fired) < 140
    assert (rows["step"] == 3).all()
    assert rows["event"].tolist() == list(range(200))
    assert (rows["pulse_field"] == 0.21e6).all()
    assert rows["spike"].dtype == np.int8


def test_sensitized_probe_counts_the_last_pulse_only(events):
    """A spike during accumulation has relaxed before the probing pulse."""
    one, world = events
    one.baseline(0)
    event = PulseEvent(STATE._replace(pulses=30), 0.19e6)
    rows = one.probe(1, event, 100)
    probing = 29 * 1e-3 + 1e-4 + 0.2
    fired = [any(time > probing for time in times) for times in world.trains[-1]]
    assert rows["spike"].tolist() == fired
    assert sum(len(times) for times in world.trains[-1]) > sum(fired)
    assert (rows["accumulated_pulses"] == 30).all()
    assert (rows["accumulating_field"] == 0.19e6).all()


def test_accumulate_reads_after_each_pulse(events):
    """A reset, then pulses without reset; each reading says how many came before."""
    one, world = events
    one.baseline(0)
    rows = one.accumulate(2, 0.19e6, 40, 0.2)
    assert rows["accumulated_pulses"].tolist() == [0, *range(40)]
    assert rows["accumulating_field"].tolist() == [0.0, *[0.19e6] * 40]
    assert rows["spike"].tolist() == [-1, *(bool(one) for one in world.trains[-1])]
    assert len({len(column) for column in rows.values()}) == 1
    assert world.done("reads")[-1].period == 0.2


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (np.nan, "a reading overflowed its range or was limited"),
        (-1.0, "a reading is no resistance; check contacts and wiring"),
    ],
)
def test_reading_that_is_none_stops_the_run(events, factor, told):
    """An overflow, or noise around no current at all, is no count."""
    one, world = events
    one.baseline(0)
    world.reading = lambda current: current * factor
    with pytest.raises(InstrumentError, match=told):
        one.probe(1, PulseEvent(INITIAL, 0.21e6), 30)


def test_limited_reading_stops_the_run(events):
    """A reading in compliance is no resistance."""
    one, world = events
    one.baseline(0)
    world.in_compliance = True
    with pytest.raises(
        InstrumentError, match=r"was limited; raise read\.current_range"
    ):
        one.probe(1, PulseEvent(INITIAL, 0.21e6), 30)


@pytest.mark.parametrize(
    "reading",
    [
        lambda current: current * np.nan,
        lambda current: current * 0.0,
        lambda current: -current,
        lambda current: np.where(np.arange(len(current)) == 3, 5 * current, current),
    ],
    ids=["overflow", "open", "reverse", "unsteady"],
)
def test_baseline_must_be_a_steady_resistance(events, reading):
    """Without a baseline there is no criterion for a spike."""
    one, world = events
    world.reading = reading
    with pytest.raises(
        InstrumentError, match="baseline: the small-signal readings are"
    ):
        one.baseline(0)


def test_spike_criterion_is_a_share_of_the_baseline(make_bench):
    """A criterion below the contrast finds no spike, a wide one all."""
    counts = []
    for spike_below in (0.05, 0.5):
        bench, _ = make_bench(resistance_noise=0.0)
        read = replace_read(spike_below=spike_below)
        one = EventBench(bench, EventSettings(read=read))
        one.prepare()
        one.baseline(0)
        counts.append(int(one.probe(1, PulseEvent(INITIAL, 0.25e6), 30)["spike"].sum()))
    assert counts == [0, 30]


def replace_read(**changes: float) -> ReadSettings:
    """Return default read settings with changes."""
    return ReadSettings.model_validate({**ReadSettings().model_dump(), **changes})
