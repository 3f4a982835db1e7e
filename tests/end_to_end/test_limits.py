"""With limits given, the simulated device never sees more than they allow."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from labneuro.bench import load_bench
from labneuro.devices.hnno import HnnoDevice
from labneuro.errors import LimitError
from labneuro.instruments.connection import connect
from labneuro.instruments.device_circuit import device_circuit
from labneuro.instruments.roles import TriggeredReads, Waveform
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import check_plan, run
from labneuro.safety import UNITS
from labneuro.sim_backends.wiring import Circuit
from labneuro.workspace import find

RECIPES = {
    "hnno/firing": ["events=30", "pulse_fields.points=3"],
    "hnno/sensitization": ["fields=[0.15 V/um, 0.19 V/um]", "trains=1", "pulses=30"],
    "hnno/state-map": [
        "events=30",
        "pulse_fields.points=2",
        "accumulating_fields=[0.19 V/um]",
        "kinetics={field: 0.19 V/um, pulses: [2]}",
    ],
    "hnno/resistance": ["sweeps=2"],
}
# A level is met within the generator's and the source meter's resolution.
RESOLUTION = {"voltage": 1e-3, "step_voltage": 2e-3}


class Seen:
    """What a device has seen, from one steady time to the next."""

    def __init__(self):
        self.spans: list[tuple[float, float, float]] = []

    def add(self, voltage, current, duration):
        """Note volts, amperes and seconds."""
        self.spans.append((voltage, current, duration))

    @property
    def largest(self):
        """Return the largest of each quantity of `Limits`."""
        charge = pulse = 0.0
        for voltage, current, duration in self.spans:
            # The readings' level is no pulse: at most 0.1 V.
            pulse = pulse + abs(current) * duration if abs(voltage) > 0.15 else 0.0
            charge = max(charge, pulse)
        return {
            "voltage": max(abs(volts) for volts, _, _ in self.spans),
            "current": max(abs(amps) for _, amps, _ in self.spans),
            "power": max(abs(volts * amps) for volts, amps, _ in self.spans),
            "charge": charge,
            "exposure": math.fsum(abs(volts) * time for volts, _, time in self.spans),
        }


@pytest.fixture
def seen(monkeypatch):
    """Return what the simulated device sees: the circuit's volts and amperes."""
    found = Seen()
    circuits: list[Any] = []
    solve, advance = Circuit._solve, HnnoDevice.advance

    def noted_solve(self):
        circuits[:] = [self]
        return solve(self)

    def noted_advance(self, voltage, duration):
        if circuits and circuits[0].device is self:  # not its trial when it is loaded
            found.add(voltage, circuits[0]._device_current, duration)
        advance(self, voltage, duration)

    monkeypatch.setattr(Circuit, "_solve", noted_solve)
    monkeypatch.setattr(HnnoDevice, "advance", noted_advance)
    return found


@pytest.fixture
def bench(write):
    """Return the shipped bench with other limits."""
    content = yaml.safe_load(find("bench", "hnno-sim").read_text(encoding="utf-8"))

    def make(name="b", **limits):
        content["device"]["limits"] = {
            key: f"{value!r} {UNITS[key]}" for key, value in limits.items()
        }
        return load_bench(write(f"{name}.yaml", yaml.safe_dump(content)))

    return make


@pytest.mark.parametrize("name", RECIPES)
def test_a_device_sees_no_more_than_the_limits(name, bench, seen, tmp_path):
    """The limits are just what the plan needs; each is kept by what was seen."""
    recipe, wide = load_recipe(name, RECIPES[name]), bench("wide", current=2e-3)
    plan = check_plan(recipe.protocol, wide)
    extremes = plan.extremes(wide.safe_limits, device_circuit(wide))
    limits = {one.quantity: one.value for one in extremes if one.value}
    limits["current"] = 2e-3
    tight = bench("tight", **limits)
    run(recipe, tight, tmp_path / "x.h5", seed=4)
    for quantity, value in seen.largest.items():
        allowed = limits.get(quantity, math.inf)
        assert value <= allowed + RESOLUTION.get(quantity, 0.0), quantity
    # Nor are the bounds out of all proportion: the device did see the pulses.
    largest = next(one.value for one in extremes if one.quantity == "voltage")
    assert seen.largest["voltage"] > 0.9 * largest
    assert seen.largest["exposure"] > 0.2 * limits["exposure"]


def test_the_compliance_holds_what_the_device_would_draw(bench, seen, tmp_path):
    """A limit below the pulse current clips the current, and the run says so or ends.

    4.6 V over the device's resistance would drive more than 50 uA.
    """
    recipe = load_recipe(
        "hnno/firing", [*RECIPES["hnno/firing"], "settings.read.current_range=50 uA"]
    )
    run(recipe, bench(current=50e-6), tmp_path / "x.h5", seed=4)
    assert seen.largest["current"] == pytest.approx(50e-6, rel=1e-3)


@pytest.mark.parametrize("quantity", ["voltage", "power", "charge", "exposure"])
def test_a_limit_just_below_is_refused_before_the_bench_is_connected(
    quantity, bench, monkeypatch, tmp_path
):
    """One part in a thousand decides, and no instrument is touched."""
    monkeypatch.setattr("labneuro.protocols.runner.connect", None)
    recipe, wide = load_recipe("hnno/firing"), bench("wide", current=2e-3)
    plan = check_plan(recipe.protocol, wide)
    extremes = plan.extremes(wide.safe_limits, device_circuit(wide))
    value = next(one.value for one in extremes if one.quantity == quantity)
    tight = bench("tight", **{"current": 2e-3, quantity: 0.999 * value})
    with pytest.raises(LimitError, match=r"^step \d+ .*\(device limit\)$"):
        run(recipe, tight, tmp_path / "x.h5")
    assert not list(tmp_path.glob("x.*"))


def test_the_roles_hold_the_limits_without_a_plan(bench, seen):
    """By hand, over VISA: what is refused was never played."""
    config = bench(voltage=4.0, current=1e-3, charge=1e-6, exposure=20e-3)
    with connect(config, seed=1) as connected:
        meter, generator = connected.source_meter, connected.pulse_generator
        meter.configure(
            compliance_current=1e-3, current_range=1e-3, power_line_cycles=0.01
        )
        generator.load(Waveform(((3.0, 1e-3),)))
        meter.output_on()
        generator.output_on()
        reads = TriggeredReads(2, 0.1, 2e-3, 1e-3, 5e-3, connected.trigger_line)
        meter.triggered_reads(reads)
        meter.triggered_reads(reads)
        before = len(seen.spans)
        with pytest.raises(LimitError, match=r"voltage 4\.1 V is beyond the limit"):
            generator.load(Waveform(((4.1, 1e-3),)))
        with pytest.raises(LimitError, match=r"exposure 33\.2 mV"):
            meter.triggered_reads(TriggeredReads(**{**vars(reads), "count": 6}))
        generator.load(Waveform(((1.0, 1.5e-3),)))
        with pytest.raises(LimitError, match=r"charge per pulse 1\.5 uC is beyond"):
            meter.triggered_reads(reads)
        assert max((abs(v) for v, _, _ in seen.spans[before:]), default=0.0) < 0.01
    assert seen.largest["exposure"] <= connected.guard.exposure <= 20e-3
    assert seen.largest["charge"] <= 1e-6
    assert seen.largest["voltage"] <= 3.0 + RESOLUTION["voltage"]
