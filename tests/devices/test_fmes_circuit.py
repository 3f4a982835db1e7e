"""The FMES device on a circuit: a current source, and resistors behind relays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.fmes import UNITS, FmesDevice, FmesParameters, FmesPopulation
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.wiring import Circuit

CLOSED = 0.1  # ohm of a closed contact
RESISTORS = {"sw.b": 500.0, "sw.c": 8000.0}


def quiet(name: str) -> FmesParameters:
    parameters = FmesParameters(**load_card(name).values(UNITS, name))
    return replace(parameters, charge_noise=0.0)


class Bench:
    """A current source beside the device, two resistors behind contacts."""

    def __init__(self, card: str) -> None:
        self.clock = VirtualClock()
        self.device = FmesDevice(quiet(card), 0)
        nets = [["smu.hi", "device.positive", "sw.a"], ["ground", "device.negative"]]
        nets += [[terminal] for terminal in RESISTORS]
        grounded = [(terminal, "ground", ohm) for terminal, ohm in RESISTORS.items()]
        self.circuit = Circuit(self.clock, nets, self.device, grounded)
        self.source = self.circuit.drive("smu.hi")
        self.source.current_source(0.0, limit=5.0)
        self.contacts = {
            ohm: self.circuit.contact("sw.a", terminal, CLOSED)
            for terminal, ohm in RESISTORS.items()
        }

    def train(self, current: float, pulses: int) -> np.ndarray:
        """Send pulses of 1 ms, 500 Hz; return peak and residual voltages."""
        found = np.empty((pulses, 2))
        for index in range(pulses):
            for column, level in ((0, current), (1, 0.0)):
                self.source.set_level(level)
                self.clock.advance(1e-3)
                found[index, column] = self.circuit.measure(self.source, 0.0).voltage
        return found


@pytest.mark.parametrize("card", ["fmes-2b", "fmes"])
def test_resistor_switched_in_mid_train(card):
    """Open, 500 ohm, 8000 ohm: as the population behind the same resistors."""
    bench = Bench(card)
    other = FmesPopulation([quiet(card)], 0)
    for ohm in (np.inf, 500.0, 8000.0, np.inf):
        for own, contact in bench.contacts.items():
            contact.close() if own == ohm else contact.open()
        measured = bench.train(1e-3, 10)
        train = other.pulse(1e-3, 1e-3, 1e-3, ohm + CLOSED, 10)
        expected = np.stack([train.peak[0], train.residual[0]], axis=1)
        np.testing.assert_allclose(measured, expected, rtol=1e-5)


def test_learning_speed_follows_the_resistor():
    """The PSV rises faster through 8000 ohm than through 500, and fastest open."""
    rises = []
    for ohm in (500.0, 8000.0, np.inf):
        bench = Bench("fmes-2b")
        if ohm in bench.contacts:
            bench.contacts[ohm].close()
        rises.append(bench.train(1e-3, 20)[-1, 1])
    assert rises == sorted(rises)
    assert rises[-1] > 1.5 * rises[0]


def test_averages_follow_the_voltage_within_a_pulse():
    """An aperture over a whole pulse: the mean of the exact course."""
    bench = Bench("fmes-f")
    bench.source.set_level(1e-3)
    reading = bench.circuit.measure(bench.source, 1e-3)
    p = bench.device.parameters
    mean = 1e-3 * p.fast_resistance + 0.5 * 1e-6 / p.fast_capacitance
    assert reading.voltage == pytest.approx(mean, rel=1e-4)
    assert reading.current == pytest.approx(1e-3, rel=1e-9)


def test_the_voltage_limit_of_the_source_holds():
    """At its limit the source is a voltage source, and the current falls."""
    bench = Bench("fmes-f")
    bench.source.current_source(1e-3, limit=0.1)
    bench.clock.advance(0.5)
    reading = bench.circuit.measure(bench.source, 0.0)
    assert reading.limited
    assert reading.voltage == pytest.approx(0.1, rel=1e-6)
    assert reading.current < 1e-6


def test_forgetting_through_the_resistor_is_exponential():
    """u falls by e in (R + r) C once the source is off."""
    bench = Bench("fmes-f")
    bench.contacts[8000.0].close()
    bench.train(1e-3, 5)
    first = bench.circuit.measure(bench.source, 0.0).voltage
    p = bench.device.parameters
    tau = (8000.0 + CLOSED + p.fast_resistance) * p.fast_capacitance
    bench.clock.advance(tau)
    last = bench.circuit.measure(bench.source, 0.0).voltage
    assert last / first == pytest.approx(np.exp(-1.0), rel=1e-4)
