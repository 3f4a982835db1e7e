"""The plan knows what a run will do: it equals a walk of what the instruments got."""

from __future__ import annotations

import math
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labneuro.errors import LimitError
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols.firing_probability import FiringProbability
from labneuro.protocols.resistance_read import ResistanceRead
from labneuro.protocols.sensitization_train import SensitizationTrain
from labneuro.protocols.state_map import StateMap
from labneuro.safety import UNITS, Limits

fields = st.floats(0.1e6, 0.25e6).map(lambda field: round(field, -2))
widths = st.floats(20e-6, 500e-6).map(lambda width: round(width, 7))
events = st.builds(
    lambda width, reset, reset_width, read, cycles: {
        "pulses": {"width": width, "reset_field": reset, "reset_width": reset_width},
        "read": {"voltage": read, "power_line_cycles": cycles, "spike_below": 0.5},
    },
    widths,
    fields,
    widths,
    st.floats(0.01, 0.1).map(lambda volts: round(volts, 4)),
    st.floats(0.001, 0.1).map(lambda cycles: round(cycles, 4)),
)
sweeps = st.builds(
    lambda start, more: {"start": start, "stop": start + more + 1e3, "points": 2},
    fields,
    st.floats(0.0, 3e4),
)
RECIPES = {
    FiringProbability: st.fixed_dictionaries(
        {"pulse_fields": sweeps, "events": st.integers(30, 32), "settings": events}
    ),
    SensitizationTrain: st.fixed_dictionaries(
        {
            "fields": st.lists(fields, min_size=1, max_size=2),
            "pulses": st.integers(30, 32),
            "trains": st.integers(1, 2),
            "settings": events,
        }
    ),
    StateMap: st.fixed_dictionaries(
        {
            "pulse_fields": sweeps,
            "events": st.just(30),
            "accumulating_fields": st.lists(fields, min_size=1, max_size=1),
            "kinetics": st.just({"field": 0.19e6, "pulses": (2,)}),
            "settings": events,
        }
    ),
    ResistanceRead: st.fixed_dictionaries(
        {
            "voltage": st.floats(0.01, 0.1).map(lambda volts: round(volts, 4)),
            "points": st.integers(3, 9),
            "sweeps": st.integers(1, 3),
            "settling": st.floats(0.0, 0.1).map(lambda time: round(time, 5)),
        }
    ),
}


class Walk:
    """Goes through all that the instruments were told, set-point by set-point."""

    def __init__(self, world, circuit):
        self._world, self._circuit = world, circuit
        self._compliance = self._aperture = math.nan
        self._waveform = ()
        self.largest = dict.fromkeys(UNITS, 0.0)

    def step(self, log):
        """Take what one step of the plan did."""
        generator, meter = [(0.0, 0.0)], [(0.0, 0.0)]
        for what, detail in log:
            if what == "configure":
                self._compliance = detail[0]
                self._aperture = self._world.source_meter.aperture
            elif what == "load":
                self._waveform = detail.segments
            elif what == "sweep":
                levels, settling = detail
                meter += [(level, settling + self._aperture) for level in levels]
                meter.append((0.0, 0.0))
            elif what == "reads":
                held = detail.settling + self._aperture
                for _ in range(detail.count):
                    generator += [*self._waveform, (0.0, 0.0)]
                    meter += [(detail.read_voltage, held), (0.0, 0.0)]
        self._judge(generator, meter)

    def _judge(self, generator, meter):
        differences = product({v for v, _ in generator}, {v for v, _ in meter})
        voltage = max(abs(high - low) for high, low in differences)
        current = min(self._compliance, voltage / 50.0)
        pulse = longest = 0.0
        for level, duration in generator:
            pulse = pulse + duration if level else 0.0
            longest = max(longest, pulse)
        overhead = self._circuit.overheads["source_meter"]
        jumps = [
            abs(after[0] - before[0])
            for points in (generator, meter)
            for before, after in pairwise(points)
        ]
        self._note("voltage", voltage)
        self._note("current", current)
        self._note("power", voltage * current)
        self._note("charge", current * longest)
        self._note("step_voltage", max(jumps, default=0.0))
        exposure = [abs(level) * time for level, time in generator]
        exposure += [abs(level) * (time + overhead) for level, time in meter]
        self.largest["exposure"] += math.fsum(exposure)

    def _note(self, quantity, value):
        self.largest[quantity] = max(self.largest[quantity], value)


def walked(make_bench, protocol):
    """Run a protocol on fake instruments and walk what they were told."""
    bench, world = make_bench()
    world.source_meter = bench.source_meter
    walk = Walk(world, device_circuit(bench.config))
    measurement = protocol.measurement(bench)
    measurement.prepare()
    for index in range(len(protocol.plan(bench.config.device).steps)):
        measurement.measure(index)
        walk.step(world.log)
        world.log.clear()
    return bench.config, walk.largest


@pytest.mark.parametrize("kind", RECIPES, ids=lambda kind: kind.__name__)
@settings(max_examples=8)
@given(data=st.data(), tight=st.sampled_from(sorted(UNITS)))
def test_the_plan_is_what_the_run_does(make_bench, kind, data, tight):
    """Every quantity is equal; a limit is passed at the value and refused below."""
    protocol = kind(**data.draw(RECIPES[kind]))
    config, largest = walked(make_bench, protocol)
    plan, circuit = protocol.plan(config.device), device_circuit(config)
    found = {one.quantity: one for one in plan.extremes(config.safe_limits, circuit)}
    for quantity, value in largest.items():
        assert found[quantity].value == pytest.approx(value, rel=1e-9), quantity
    if found[tight].value == 0.0:
        return
    for factor, refused in ((1 + 1e-6, False), (1 - 1e-6, True)):
        limits = Limits(**{"current": 2e-3, tight: factor * largest[tight]})
        if not refused:
            plan.check(limits, circuit)
        elif tight != "current" or kind is ResistanceRead:
            # For events the limit of the current is the compliance: never beyond it.
            with pytest.raises(LimitError, match=r"^step \d+ "):
                plan.check(limits, circuit)
