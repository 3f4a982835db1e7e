"""The linear part of a circuit: coefficients, clamping, caching."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.network import CURRENT, VOLTAGE, Network, Source


def one_node(source: Source, load: float) -> Network:
    """Return a source with a load to ground."""
    return Network(1, [source], [(0, -1, load)], ())


def test_a_network_follows_levels():
    """Coefficients hold for every level: the network is solved once."""
    source = Source(0, VOLTAGE, 1.0, 1.0)
    network = one_node(source, 3.0)
    assert network.voltage[0].value(0.0, 0.0) == pytest.approx(0.75)
    source.level = 2.0
    assert network.voltage[0].value(0.0, 0.0) == pytest.approx(1.5)
    assert network.current[0].value(0.0, 0.0) == pytest.approx(0.5)


def test_the_thevenin_source_of_the_device():
    sources = [Source(0, VOLTAGE, 5.0, 50.0), Source(1, VOLTAGE, 1.0, 0.01)]
    network = Network(2, sources, [], (0, 1))
    open_circuit = sum(c * source.level for source, c in network.source_terms)
    assert open_circuit == pytest.approx(4.0)
    assert network.series == pytest.approx(50.01)


def test_a_clamped_network_is_made_once():
    network = one_node(Source(0, CURRENT, 1.0, 1e12, 2.0), 1e3)
    clamped = network.clamp(0, positive=True)
    assert network.clamp(0, positive=True) is clamped
    assert clamped.limited == {0}
    assert clamped.voltage[0].value(0.0, 0.0) == pytest.approx(2.0, rel=1e-5)
    assert network.clamp(0, positive=False).voltage[0].value(0.0, 0.0) == pytest.approx(
        -2.0, rel=1e-5
    )


def test_a_limit_that_nothing_can_reach_is_not_checked():
    """An output that is alone on its net draws no current whatever its level."""
    alone = Network(1, [Source(0, VOLTAGE, 1.0, 0.01, 1e-3)], [], ())
    assert alone.limits == ()
    loaded = one_node(Source(0, VOLTAGE, 1.0, 0.01, 1e-3), 1e3)
    assert [limit.source for limit in loaded.limits] == [0]
