"""Tests of labneuro/networks/hybrid_snn*.py: parts, learning, inference, results."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.bench import load_card
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.data.digit_font import digit_patterns
from labneuro.devices import rs_synapse, threshold_switch
from labneuro.errors import CalibrationError, CardError, NotInWorkspaceError
from labneuro.networks.hybrid_snn import HybridSnnSettings, simulate
from labneuro.networks.hybrid_snn_layer import LayerGroup, LayerKind
from labneuro.networks.hybrid_snn_parts import network_parts
from labneuro.networks.hybrid_snn_training import (
    infer,
    train_first,
    train_second,
    training_order,
)

FIRST, SECOND = LayerKind(0, 30, inhibited=True), LayerKind(1, 10, inhibited=False)
QUICK = HybridSnnSettings(seeds=1, passes=3, window=20, noisy=(0, 2), rest=1)


def make_model(*, without="", model="threshold_switch", extra=None, **changes):
    """Return a calibrated model of the card's single device, with changes."""
    units = threshold_switch.UNITS
    values = load_card("threshold-switch").values(units, "card")
    values.update(changes)
    values.pop(without, None)
    values.update(extra or {})
    return CalibratedModel(
        model=model,
        parameters=tuple(
            FittedParameter(
                name=name,
                unit=units.get(name, ""),
                value=value,
                standard_error=20.0 if name == "growth_rate" else None,
            )
            for name, value in values.items()
        ),
    )


@pytest.fixture(scope="module")
def parts():
    return network_parts(make_model(), QUICK)


@pytest.fixture(scope="module")
def result():
    return simulate(make_model(), QUICK)


def test_every_number_has_a_source(parts):
    """The switch's are the model's, the circuit's and the synapse's the cards'."""
    assert parts.sources["growth_rate"] == "fitted"
    assert parts.sources["leak_time"] == "held in the model"
    assert parts.sources["synapse_set_time"] == "card rs-synapse"
    assert parts.sources["board_ground_resistance"] == "setting"
    assert parts.board.switch.growth_rate == 439.8
    assert parts.board.ground_resistance == 1.0
    counts = parts.source_counts()
    assert counts["fitted"] + counts["held in the model"] == 17


def test_a_missing_number_of_the_switch_is_refused():
    """The card has it, and is not asked."""
    with pytest.raises(CalibrationError, match="has no 'relaxation_time'"):
        network_parts(make_model(without="relaxation_time"), QUICK)
    with pytest.raises(CalibrationError, match="needs a calibrated model of"):
        network_parts(make_model(model="hnno"), QUICK)
    with pytest.raises(CalibrationError, match="leak_time: must be above 0"):
        network_parts(make_model(leak_time=-1.0), QUICK)


def test_synapses_of_the_model_go_before_the_card_s():
    """Without a card, those that the model lacks are refused."""
    own = network_parts(make_model(extra={"synapse_set_time": 3e-3}), QUICK)
    assert own.synapse.set_time == 3e-3
    assert own.synapse.reset_time == 2e-3
    assert own.sources["synapse_set_time"] == "fitted"
    bare = QUICK.model_copy(update={"synapse_card": ""})
    with pytest.raises(CalibrationError, match="synapse_card names no card"):
        network_parts(make_model(), bare)
    card = load_card("rs-synapse").values(rs_synapse.UNITS, "card")
    given = {f"synapse_{name}": value for name, value in card.items()}
    full = network_parts(make_model(extra=given), bare)
    assert full.synapse.set_time == 2e-3
    assert "card rs-synapse" not in full.source_counts()


def test_a_wrong_card_is_told():
    for key, name, error in (
        ("board_card", "rs-synapse", CardError),
        ("synapse_card", "neuron-board", CardError),
        ("array_card", "no-such-card", NotInWorkspaceError),
    ):
        wrong = QUICK.model_copy(update={key: name})
        with pytest.raises(error, match=name):
            network_parts(make_model(), wrong)


def test_devices_are_drawn_from_the_network_s_seed(parts):
    """Copies are the same devices, other seeds and layers are not."""
    one = LayerGroup(parts, FIRST, [3], 0)
    two = LayerGroup(parts, FIRST, [4, 3], 0, copies=2)
    np.testing.assert_array_equal(two.conductance[2], one.conductance[0])
    np.testing.assert_array_equal(two.conductance[3], one.conductance[0])
    assert not np.array_equal(two.conductance[0], one.conductance[0])
    other = LayerGroup(parts, SECOND, [3], 0)
    assert not np.array_equal(other.conductance[0, 0], one.conductance[0, 0, :10])


def test_the_winner_learns_the_digit_and_nobody_else_does(parts):
    """Its black pixels are set, its white ones reset, all others stay."""
    group = LayerGroup(parts, FIRST, [1], 0)
    patterns = digit_patterns()
    events = train_first(group, patterns, np.array([[2]]), QUICK)
    while events.winners[0, 0] < 0:  # several at once: nobody learns, so try again
        np.testing.assert_allclose(events.history[-1], events.history[0], rtol=0.06)
        events = train_first(group, patterns, np.array([[2]]), QUICK)
    winner = events.winners[0, 0]
    learned, black = events.history[-1][winner], patterns[2] > 0.0
    assert learned[black].min() > 700e-6
    assert learned[~black].max() < 80e-6
    others = np.arange(10) != winner
    np.testing.assert_allclose(
        events.history[-1][others], events.history[0][others], rtol=0.06
    )


def test_without_stochasticity_and_from_rest_one_neuron_has_all(parts):
    """Equal neurons fire together and shut each other out, or one has them all."""
    group = LayerGroup(parts.deterministic, FIRST, [0, 1, 2, 3], 0)
    digits = np.tile(np.arange(10), (4, 3))
    events = train_first(group, digit_patterns("plain"), digits, QUICK, from_rest=True)
    for winners in events.winners:
        alone = np.bincount(winners[winners >= 0], minlength=10)
        assert alone.max() >= 0.75 * alone.sum()
    noisy = LayerGroup(parts, FIRST, [0, 1, 2, 3], 0)
    events = train_first(noisy, digit_patterns("plain"), digits, QUICK)
    learners = [len(set(row[row >= 0].tolist())) for row in events.winners]
    assert min(learners) >= 4


@pytest.mark.parametrize("timely", [False, True])
def test_inhibition_at_once_leaves_one_winner(parts, timely):
    """At clock edges, several often fire in one period; at once, hardly ever."""
    group = LayerGroup(parts, FIRST, [0, 1, 2, 3], 0)
    group.neurons.rivals = 10 if timely else 0
    digits = np.tile(np.arange(10), (4, 3))
    events = train_first(group, digit_patterns(), digits, QUICK)
    together = (events.spiked.sum(axis=2) > 1).mean()
    assert together < 0.05 if timely else together > 0.25
    learned = np.abs(group.conductance - 400e-6).mean(axis=2) > 150e-6
    for winners, own in zip(events.winners, learned, strict=True):
        assert set(np.flatnonzero(own)) == set(winners[winners >= 0].tolist())


def test_timely_inhibition_is_a_setting(result):
    """It changes who learns in training."""
    timely = QUICK.model_copy(update={"timely_inhibition": True, "ablations": False})
    found = simulate(make_model(), timely)
    assert found.networks[0].together <= 1
    assert result.networks[0].together > 1


def test_training_order():
    """At random, all digits in each pass; in blocks, each digit once for all passes."""
    random = training_order(3, [0, 1])
    block = training_order(3, [0, 1], "block")
    assert random.shape == block.shape == (2, 30)
    for row in random.reshape(6, 10):
        assert sorted(row) == list(range(10))
    for row in block.reshape(2, 10, 3):
        np.testing.assert_array_equal(row, row[:, :1].repeat(3, axis=1))
        assert sorted(row[:, 0]) == list(range(10))
    assert not np.array_equal(block[0], block[1])


def test_without_inhibition_several_learn_the_same(parts):
    """All gates are on, so every neuron that fires programs its synapses."""
    digits = np.tile(np.arange(10), (1, 2))
    patterns = digit_patterns()
    learned = {}
    for inhibited in (True, False):
        group = LayerGroup(parts, LayerKind(0, 30, inhibited), [5], 0)
        train_first(group, patterns, digits, QUICK)
        moved = np.abs(group.conductance[0] - 400e-6).mean(axis=1) > 150e-6
        learned[inhibited] = moved.sum()
    assert learned[False] == 10
    assert learned[True] < 10


def test_the_second_layer_is_taught_within_a_cycle(parts):
    """The chosen synapse of the target is set in one period, all others stay low."""
    group = LayerGroup(parts, SECOND, [0], 0)
    group.set_conductance(parts.synapse.lowest_conductance)
    hidden = np.arange(10)[::-1][None].copy()
    hidden[0, 7] = -1
    taught = train_second(group, hidden, QUICK)
    assert taught.pulses[0, 7] == 0
    assert (np.delete(taught.pulses[0], 7) > 1).all()
    learned = group.conductance[0]
    chosen = np.zeros((10, 10), dtype=bool)
    chosen[np.arange(10), hidden[0]] = True
    chosen[7] = False
    assert learned[chosen].min() > 700e-6
    assert learned[~chosen].max() < 60e-6
    watched = taught.history[0][:, 9]
    assert watched[-2] < 100e-6
    assert watched[-1] > 700e-6


def test_inference_answers_and_leaves_the_weights(parts):
    """A neuron with a digit's pixels answers it most; conductances stay."""
    patterns = digit_patterns()
    layer = LayerGroup(parts, FIRST, [0], 3, copies=10, learning=False)
    weights = np.where(patterns > 0, 980e-6, 42e-6)
    layer.set_conductance(weights[None])
    before = layer.conductance
    second = LayerGroup(parts, SECOND, [0], 4, copies=10, learning=False)
    second.set_conductance(np.where(np.eye(10) > 0, 980e-6, 42e-6)[None])
    window = QUICK.model_copy(update={"window": 60})
    counts = infer(layer, second, patterns, window)
    assert (counts.first.argmax(axis=1) == np.arange(10)).sum() >= 9
    assert (counts.second.argmax(axis=1) == np.arange(10)).sum() >= 9
    assert counts.first[5, 6] > counts.first[5, 4]  # close digits answer, too
    np.testing.assert_allclose(layer.conductance, before, atol=5e-6)


def test_result_has_a_row_for_everything(result):
    """Five variants; noise for the network itself; maps of the first one."""
    variants = list(dict.fromkeys(row.variant for row in result.networks))
    assert len(variants) == 5
    noises = [(part.variant, part.noise) for part in result.summary()]
    assert noises[:2] == [("network", 0), ("network", 2)]
    assert len(noises) == 6
    assert result.maps.first_events.shape[1] == 30
    assert result.maps.first_after.shape == (10, 30)
    assert set(result.maps.rates) == {0, 2}
    table = result.accuracy_table
    assert "Hamming distance" in table
    assert "13 card rs-synapse" in table
    content = json.loads(result.to_json())
    assert content["sources"]["growth_rate"] == "fitted"
    assert content["summary"][0]["standard_deviation"] is None


def test_seed_repeats_everything():
    """The same seed gives the same text; progress counts to the end."""
    small = QUICK.model_copy(update={"ablations": False, "passes": 1, "window": 10})
    seen = []
    first = simulate(make_model(), small, progress=lambda *step: seen.append(step[1:]))
    assert seen == [(step, 4) for step in range(1, 5)]
    again = simulate(make_model(), small)
    assert again.to_json() == first.to_json()
    assert simulate(make_model(), small, seed=7).to_json() != first.to_json()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noisy": "0,4,2"}, "must rise"),
        ({"noisy": 3}, "must begin with 0"),
        ({"noisy": "0,31"}, "30"),
        ({"font": "bold"}, "spread"),
        ({"order": "sorted"}, "block"),
        ({"seeds": 0}, "1"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        HybridSnnSettings(**changes)


def test_quick_makes_it_smaller_only():
    """What is smaller already stays."""
    quick = HybridSnnSettings(quick=True, seeds=1, noisy="0,2,3").effective()
    assert (quick.seeds, quick.passes, quick.window) == (1, 8, 40)
    assert quick.noisy == (0, 2)
    assert HybridSnnSettings().effective() == HybridSnnSettings()
