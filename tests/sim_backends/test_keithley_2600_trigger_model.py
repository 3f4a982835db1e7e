"""The 2636B's trigger model: layers, events, pulse trains, synchronised channels."""

from __future__ import annotations

from itertools import pairwise

import pytest

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.wiring import Circuit

PREPARE = (
    "smua.measure.autozero = 0 smub.measure.autozero = 0",
    "smua.measure.nplc = 0.001 smub.measure.nplc = 0.001",
    "smua.measure.delay = 0 smub.measure.delay = 0",
    "smua.measure.rangei = 0.1 smub.measure.rangei = 0.1",
    "smua.source.rangev = 5 smub.source.rangev = 5",
    "smua.source.output = 1 smub.source.output = 1",
)
# A pulse train as the manual's example makes one (Rev. B p. 3-46): timer 1 is the
# period, timer 2 the width.
PULSES = (
    "period = trigger.timer[1] width = trigger.timer[2]",
    "period.delay = {period} period.count = {points} - 1 period.passthrough = true",
    "period.stimulus = smua.trigger.ARMED_EVENT_ID",
    "width.delay = {width} width.stimulus = period.EVENT_ID",
    "smua.trigger.source.listv({{5}}) smua.trigger.source.action = smua.ENABLE",
    "smua.trigger.source.stimulus = period.EVENT_ID",
    "smua.trigger.endpulse.action = smua.SOURCE_IDLE",
    "smua.trigger.endpulse.stimulus = width.EVENT_ID smua.trigger.count = {points}",
)
READING = 0.001 / 50 + datasheet.MEASURE_OVERHEAD


@pytest.fixture
def make_pair_bench(make_smu_bench, monkeypatch):
    """Return a function that sets up a 2636B with 1 kohm between its channels."""

    def wire(clock, _nets, device):
        nets = [["smu.smua", "device.high"], ["smu.smub", "device.low"]]
        return Circuit(clock, nets, device)

    def make():
        module = make_smu_bench.__init__.__globals__
        monkeypatch.setitem(module, "Circuit", wire)
        return make_smu_bench()

    return make


def lived_runs(bench):
    """Return volt and duration of each steady stretch at the device."""
    runs: list[list[float]] = []
    for volt, seconds in bench.device.lived:
        if runs and abs(runs[-1][0] - volt) < 1e-9:
            runs[-1][1] += seconds
        else:
            runs.append([volt, seconds])
    return runs


def watch_lines(bench, count):
    """Return a list to which lines 1 to `count` add their number and the time."""
    noted = []
    for line in range(1, count + 1):

        def note(line=line):
            noted.append((line, bench.clock.now))

        bench.smu.trigger_lines[f"digio{line}"].append(note)
        bench.send(f"digio.trigger[{line}].mode = 1")
        bench.send(f"digio.trigger[{line}].pulsewidth = 1e-6")
    return noted


# -- the order of layers, events and actions ------------------------------------------

_EVENTS = (
    "SWEEPING",
    "ARMED",
    "SOURCE_COMPLETE",
    "MEASURE_COMPLETE",
    "PULSE_COMPLETE",
    "SWEEP_COMPLETE",
    "IDLE",
)


def test_the_events_of_two_sweeps_of_two_points(smu_bench):
    """The order is that of the manual's figure; delays and readings take their time."""
    noted = watch_lines(smu_bench, len(_EVENTS))
    smu_bench.send(*PREPARE, "smua.source.delay = 0.25")
    for line, event in enumerate(_EVENTS, start=1):
        smu_bench.send(
            f"digio.trigger[{line}].stimulus = smua.trigger.{event}_EVENT_ID"
        )
    smu_bench.send("smua.trigger.source.listv({1, 2}) smua.trigger.source.action = 1")
    smu_bench.send("smua.trigger.measure.i(smua.nvbuffer1)")
    smu_bench.send("smua.trigger.measure.action = 1 smua.trigger.count = 2")
    smu_bench.send("smua.trigger.arm.count = 2 smua.trigger.initiate() waitcomplete()")
    point = [(3, 0.25), (4, READING), (5, 0.0)]
    after = datasheet.SWEEP_SOURCE_TIME
    first = [(2, 0.0), *point, (3, 0.25 + after), *point[1:], (6, after)]
    expected = [(1, 0.0), *first, *first, (7, 0.0)]
    assert [line for line, _ in noted] == [line for line, _ in expected]
    times = [time for _, time in noted]
    steps = [b - a for a, b in pairwise(times)]
    assert steps == pytest.approx([step for _, step in expected[1:]], abs=1e-9)
    assert smu_bench.value("smua.nvbuffer1.n") == 4


@pytest.mark.parametrize("layer", ["arm", "source", "measure", "endpulse"])
def test_each_detector_waits_for_its_event(smu_bench, layer):
    """Nothing goes on before the event; set() does in its place."""
    smu_bench.send(*PREPARE, "smua.trigger.source.listv({1})")
    smu_bench.send("smua.trigger.source.action = 1 smua.trigger.measure.action = 1")
    smu_bench.send("smua.trigger.measure.i(smua.nvbuffer1)")
    smu_bench.send(f"smua.trigger.{layer}.stimulus = trigger.EVENT_ID")
    for go_on in ("*TRG", f"smua.trigger.{layer}.set()"):
        smu_bench.send("smua.trigger.initiate() delay(100)")
        assert smu_bench.value("status.operation.sweeping.condition") == 2
        level = 1.0 if layer in ("measure", "endpulse") else 0.0
        assert smu_bench.value("smua.source.levelv") == level
        readings = 1 if layer == "endpulse" else 0
        assert smu_bench.value("smua.nvbuffer1.n") == readings
        smu_bench.send(go_on, "waitcomplete()")
        assert smu_bench.value("status.operation.sweeping.condition") == 0
        assert smu_bench.value("smua.nvbuffer1.n") == 1


def test_initiating_forgets_earlier_events(smu_bench):
    """Rev. F p. 9-263: the four detectors are cleared."""
    smu_bench.send("smua.trigger.arm.stimulus = trigger.EVENT_ID", "*TRG")
    smu_bench.send("smua.trigger.arm.set() smua.trigger.initiate() delay(1)")
    assert smu_bench.value("status.operation.sweeping.condition") == 2


@pytest.mark.parametrize(("autoclear", "levels"), [(0, [3, 0]), (1, [0, 3])])
def test_autoclear_between_arm_and_trigger_layer(smu_bench, autoclear, levels):
    """An event that came while the model was in the arm layer (Rev. C p. 7-254)."""
    smu_bench.send(*PREPARE, "smua.trigger.source.listv({3})")
    smu_bench.send("smua.trigger.source.action = 1 smua.trigger.endsweep.action = 1")
    smu_bench.send(f"smua.trigger.autoclear = {autoclear}")
    smu_bench.send("smua.trigger.arm.stimulus = trigger.EVENT_ID")
    smu_bench.send("smua.trigger.source.stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send("smua.trigger.initiate()", "trigger.generator[1].assert()")
    smu_bench.send("*TRG", "delay(1)")
    assert smu_bench.value("smua.source.levelv") == levels[0]
    smu_bench.send("smua.source.levelv = 0", "trigger.generator[1].assert()")
    smu_bench.send("delay(1)")
    assert smu_bench.value("smua.source.levelv") == levels[1]


@pytest.mark.parametrize(
    ("layer", "bit"), [("arm", 2), ("source", 4), ("measure", 8), ("endpulse", 16)]
)
def test_a_second_event_is_an_overrun(smu_bench, layer, bit):
    """Bits ARM, SRC, MEAS, ENDP of the channel's overrun register (Rev. F p. 9-313)."""
    overruns = "status.operation.instrument.smua.trigger_overrun"
    waits = "source" if layer == "arm" else "arm"
    smu_bench.send(f"{overruns}.enable = {bit}")
    smu_bench.send(f"smua.trigger.{waits}.stimulus = trigger.EVENT_ID")
    smu_bench.send(f"smua.trigger.{layer}.stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send("smua.trigger.initiate()")
    if layer == "arm":
        smu_bench.send("trigger.generator[1].assert()")  # taken: the model waits for it
    smu_bench.send("trigger.generator[1].assert()")
    assert smu_bench.value(f"{overruns}.condition") == 0
    smu_bench.send("trigger.generator[1].assert()")
    assert smu_bench.value(f"{overruns}.condition") == bit
    assert smu_bench.value("status.operation.trigger_overrun.condition") == 2
    smu_bench.send("smua.abort() smua.trigger.initiate()")
    assert smu_bench.value(f"{overruns}.condition") == 0


def test_trigger_attributes_after_a_reset(smu_bench):
    names = ["arm.stimulus", "arm.count", "count", "source.action", "measure.action"]
    smu_bench.send(*(f"smua.trigger.{name} = 1" for name in names))
    smu_bench.send("smua.trigger.source.limiti = 0.5", "smua.reset()")
    values = [smu_bench.value(f"smua.trigger.{name}") for name in names]
    assert values == [0, 1, 1, 0, 0]
    assert smu_bench.value("smua.trigger.source.limiti") == -1
    assert smu_bench.values("smua.DISABLE, smua.ENABLE, smua.ASYNC") == [0, 1, 2]


# -- pulses by timers -----------------------------------------------------------------


def test_a_single_pulse(smu_bench):
    """The manual's example: a timer, started when the arm layer is left, ends it."""
    smu_bench.send(*PREPARE)
    smu_bench.send("t = trigger.timer[1] t.delay = 500e-6")
    smu_bench.send("t.stimulus = smua.trigger.ARMED_EVENT_ID")
    smu_bench.send("smua.trigger.source.listv({5}) smua.trigger.source.action = 1")
    smu_bench.send("smua.trigger.endpulse.action = 0")
    smu_bench.send("smua.trigger.endpulse.stimulus = t.EVENT_ID")
    smu_bench.device.lived.clear()
    smu_bench.send("smua.trigger.initiate() waitcomplete()", "smua.measure.i()")
    pulses = [run for run in lived_runs(smu_bench) if run[0] > 1.0]
    assert len(pulses) == 1
    assert pulses[0][1] == pytest.approx(500e-6, abs=1e-9)


def test_a_pulse_train_by_two_timers(smu_bench):
    """Widths, periods and time stamps hold to the microsecond, and better."""
    smu_bench.send(*PREPARE, "smua.measure.delay = 200e-6")
    train = [line.format(period=5e-3, width=600e-6, points=10) for line in PULSES]
    smu_bench.send(*train, "smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2)")
    smu_bench.device.lived.clear()
    smu_bench.send("smua.trigger.measure.action = smua.ENABLE")
    smu_bench.send("smua.trigger.initiate() waitcomplete()", "smua.measure.i()")
    runs = lived_runs(smu_bench)
    widths = [seconds for volt, seconds in runs if volt > 1.0]
    gaps = [seconds for volt, seconds in runs if volt < 1.0]
    assert widths == pytest.approx([600e-6] * 10, abs=1e-9)
    assert gaps[1:-1] == pytest.approx([4400e-6] * 9, abs=1e-9)
    stamps = smu_bench.numbers("printbuffer(1, 10, smua.nvbuffer1.timestamps)")
    assert stamps == pytest.approx([5e-3 * k for k in range(10)], abs=1e-6)
    volts = smu_bench.numbers("printbuffer(1, 10, smua.nvbuffer2)")
    assert volts == pytest.approx([5.0] * 10, rel=1e-3)


def test_a_pulse_that_is_shorter_than_its_reading_is_prolonged(smu_bench):
    """The model takes the end of the pulse when the reading is done."""
    smu_bench.send(*PREPARE, "smua.measure.nplc = 0.1")
    train = [line.format(period=0.1, width=600e-6, points=2) for line in PULSES]
    smu_bench.send(*train, "smua.trigger.measure.i(smua.nvbuffer1)")
    smu_bench.device.lived.clear()
    smu_bench.send("smua.trigger.measure.action = smua.ENABLE")
    smu_bench.send("smua.trigger.initiate() waitcomplete()", "smua.measure.i()")
    widths = [seconds for volt, seconds in lived_runs(smu_bench) if volt > 1.0]
    reading = 0.1 / 50 + datasheet.MEASURE_OVERHEAD
    assert widths == pytest.approx([reading] * 2, rel=1e-6)


def test_pulses_that_time_each_other(smu_bench):
    """Timers for reading, end and gap; set() starts the first pulse."""
    smu_bench.send(*PREPARE, "smua.trigger.measure.i(smua.nvbuffer1)")
    for number, delay, start, target in (
        (1, 2e-3, "SOURCE_COMPLETE", "measure"),
        (2, 3e-3, "SOURCE_COMPLETE", "endpulse"),
        (3, 7e-3, "PULSE_COMPLETE", "source"),
    ):
        smu_bench.send(
            f"trigger.timer[{number}].delay = {delay} "
            f"trigger.timer[{number}].stimulus = smua.trigger.{start}_EVENT_ID "
            f"smua.trigger.{target}.stimulus = trigger.timer[{number}].EVENT_ID"
        )
    smu_bench.send("smua.trigger.source.linearv(1, 1, 1) smua.trigger.count = 4")
    smu_bench.send("smua.trigger.source.action = 1 smua.trigger.measure.action = 1")
    smu_bench.send("smua.trigger.endpulse.action = smua.SOURCE_IDLE")
    smu_bench.device.lived.clear()
    smu_bench.send("smua.trigger.initiate() delay(0.5)")
    assert smu_bench.value("smua.nvbuffer1.n") == 0
    smu_bench.send("smua.trigger.source.set() waitcomplete()", "smua.measure.i()")
    runs = [seconds for _, seconds in lived_runs(smu_bench)]
    assert runs[1:-1] == pytest.approx([3e-3, 7e-3] * 3 + [3e-3], abs=1e-9)
    stamps = smu_bench.numbers("printbuffer(1, 4, smua.nvbuffer1.timestamps)")
    assert stamps == pytest.approx([0.01 * k for k in range(4)], abs=1e-6)


# -- two channels ---------------------------------------------------------------------


def test_both_channels_measure_at_once(smu_bench):
    """Channel B follows the source events of channel A; the readings coincide."""
    smu_bench.send(*PREPARE, "smub.source.levelv = 2")
    for name in ("smua", "smub"):
        smu_bench.send(
            f"{name}.trigger.measure.iv({name}.nvbuffer1, {name}.nvbuffer2) "
            f"{name}.trigger.measure.action = 1 {name}.trigger.count = 5 "
            f"{name}.trigger.measure.stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID"
        )
    smu_bench.send("smua.trigger.source.linearv(0, 1, 5) smua.source.delay = 3e-3")
    smu_bench.send("smua.trigger.source.action = 1")
    smu_bench.send("smub.trigger.initiate() smua.trigger.initiate() waitcomplete()")
    for name in ("smua", "smub"):
        stamps = smu_bench.numbers(f"printbuffer(1, 5, {name}.nvbuffer1.timestamps)")
        step = 3e-3 + READING + datasheet.SWEEP_SOURCE_TIME
        assert stamps == pytest.approx([step * k for k in range(5)], abs=1e-6)
    bases = "smua.nvbuffer1.basetimestamp, smub.nvbuffer1.basetimestamp"
    first, second = smu_bench.values(bases)
    assert first == second
    volts = smu_bench.numbers("printbuffer(1, 5, smub.nvbuffer2)")
    assert volts == pytest.approx([2.0] * 5, abs=1e-3)


def test_a_reading_averages_over_what_the_other_channel_does(make_pair_bench):
    """Channel A integrates for 20 ms while B, at the other end, steps every 5 ms."""
    bench = make_pair_bench()
    bench.send(*PREPARE, "smua.measure.nplc = 1 smub.source.delay = 5e-3")
    bench.send("smub.trigger.source.listv({0, 1, 2, 3, 4}) smub.trigger.count = 5")
    bench.send("smub.trigger.source.action = 1")
    bench.send("smub.trigger.initiate() delay(1e-3) print(smua.measure.i())")
    (reply,) = bench.replies()
    start = 1e-3 + datasheet.MEASURE_OVERHEAD
    step = 5e-3 + datasheet.SWEEP_SOURCE_TIME
    edges = [start, step, 2 * step, 3 * step, 4 * step, start + 20e-3]
    spans = [b - a for a, b in pairwise(edges)]
    volts = sum(level * span for level, span in enumerate(spans)) / 20e-3
    assert float(reply) == pytest.approx(-volts / 1000.0, rel=1e-3)


# -- digital lines and other instruments ----------------------------------------------


def test_an_edge_starts_the_sweep_and_each_point_sends_one(smu_bench):
    noted = watch_lines(smu_bench, 1)
    smu_bench.send(*PREPARE, "digio.trigger[2].mode = digio.TRIG_FALLING")
    smu_bench.send("digio.trigger[1].stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID")
    smu_bench.send("smua.trigger.arm.stimulus = digio.trigger[2].EVENT_ID")
    smu_bench.send("smua.trigger.source.listv({1, 2, 3}) smua.trigger.count = 3")
    smu_bench.send("smua.trigger.source.action = 1 smua.source.delay = 0.1")
    smu_bench.send("smua.trigger.initiate()", "delay(5)")
    assert noted == []
    start = smu_bench.clock.now
    smu_bench.smu.trigger_in("digio2")
    smu_bench.send("waitcomplete()")
    times = [time - start for _, time in noted]
    step = 0.1 + datasheet.SWEEP_SOURCE_TIME
    assert times == pytest.approx([0.1, 0.1 + step, 0.1 + 2 * step])


def test_whoever_lets_time_pass_lets_the_sweep_go_on(smu_bench):
    """Another instrument's operation takes 1 s: the points come at their own times."""
    noted = watch_lines(smu_bench, 1)
    smu_bench.send(*PREPARE, "smua.source.delay = 0.1")
    smu_bench.send("digio.trigger[1].stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID")
    smu_bench.send("smua.trigger.source.listv({1}) smua.trigger.count = 5")
    smu_bench.send("smua.trigger.source.action = 1 smua.trigger.initiate()")
    smu_bench.clock.advance(1.0)
    assert len(noted) == 5
    step = 0.1 + datasheet.SWEEP_SOURCE_TIME
    times = [time for _, time in noted]
    assert times[-1] - times[0] == pytest.approx(4 * step)


# -- asynchronous measurements --------------------------------------------------------


def test_asynchronous_readings_do_not_hold_up_the_source(smu_bench):
    smu_bench.send(*PREPARE, "smua.measure.nplc = 1")
    smu_bench.send("smua.trigger.measure.action = smua.ASYNC")
    smu_bench.send("smua.trigger.measure.i(smua.nvbuffer1)")
    smu_bench.send("smua.trigger.measure.stimulus = smua.trigger.ARMED_EVENT_ID")
    smu_bench.send("smua.trigger.source.listv({1, 3}) smua.trigger.count = 2")
    smu_bench.send("smua.trigger.source.action = 1 smua.source.delay = 10e-3")
    seconds = smu_bench.time_of("smua.trigger.initiate() waitcomplete()")
    assert seconds == pytest.approx(20e-3 + 2 * datasheet.SWEEP_SOURCE_TIME, abs=1e-4)
    amps = smu_bench.numbers("printbuffer(1, 1, smua.nvbuffer1)")
    assert amps == pytest.approx([2e-3], rel=1e-2)  # half the time 1 V, half 3 V


# -- limits of a sweep ----------------------------------------------------------------


def test_a_sweep_without_end_runs_until_it_is_aborted(smu_bench):
    smu_bench.send(*PREPARE, "smua.trigger.source.listv({1, 2})")
    smu_bench.send("smua.trigger.source.action = 1 smua.source.delay = 0.01")
    smu_bench.send("smua.trigger.count = 0 smua.trigger.initiate() delay(10)")
    for _ in range(5):
        assert smu_bench.value("status.operation.sweeping.condition") == 2
    smu_bench.send("smua.abort()")
    assert smu_bench.value("status.operation.sweeping.condition") == 0
    assert smu_bench.value("smua.source.output") == 1
