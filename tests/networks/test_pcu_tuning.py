"""Tests of labneuro/networks/pcu_tuning.py: variants, stages, rates of a tuning."""

from typing import Any

import pytest
import torch

from labneuro.networks.analog_layers import AnalogActivation
from labneuro.networks.pcu_schedule import learning_rates
from labneuro.networks.pcu_settings import PcuTrackingSettings
from labneuro.networks.pcu_tuning import (
    CONTROL,
    VARIANTS,
    WITH_BYPASS,
    TuningPlan,
    TuningTask,
    four_numbers,
    tuning_plan,
)


def _plan(**changes):
    common: dict[str, Any] = {
        "rates": (1e-2,) * 2,
        "tuning_rates": (1e-2,) * 3,
        "final_rates": (),
        "activations_last": False,
        "weight_decay": 0.0,
        "weight_noise": "none",
        "answer_noise": False,
        "programmings": 1,
    }
    return TuningPlan(**common | changes)


class _Line(TuningTask):
    """One linear layer, a GELU and a linear layer learn a parabola."""

    def make(self, seed):
        return torch.nn.Sequential(
            torch.nn.Linear(1, 12), torch.nn.GELU(), torch.nn.Linear(12, 1)
        )

    def loss(self, network, seed, step):
        x = torch.linspace(-2, 2, 64)[:, None]
        return (network(x) - x.square()).square().mean()

    def scores(self, network):
        network.eval()
        with torch.no_grad():
            return {"fit": max(0.0, 1.0 - float(self.loss(network, 0, 0)))}

    def features(self, network):
        network.eval()
        with torch.no_grad():
            return network(torch.linspace(-2, 2, 64)[:, None])


def test_tuning_recovers_what_the_operators_cost(codebook):
    """The order of the paper: uncorrected < without bypass <= with bypass <= ideal."""
    plan = _plan(
        rates=learning_rates("cosine", 2e-2, 400),
        tuning_rates=learning_rates("cosine", 1e-2, 200),
        weight_noise="programming",
        programmings=4,
    )
    calls = []
    rows, _, tuned = four_numbers(
        _Line(), codebook, plan, 1, lambda *told: calls.append(told), "line"
    )
    fit = {row.variant: row.scores["fit"] for row in rows}
    assert fit["ideal"] > 0.99
    assert fit["uncorrected"] < fit["fine-tuned with bypass"] < fit["ideal"]
    assert fit["fine-tuned without bypass"] < fit["ideal"]
    assert calls[-1] == ("line", 1000, 1000)
    assert tuned is not None


class _Watched(_Line):
    """Notes the seed, the step and the mode of the GELU of every loss."""

    def __init__(self):
        self.seen = []

    def loss(self, network, seed, step):
        kind = network[1]
        mode = kind.operators.mode if isinstance(kind, AnalogActivation) else "digital"
        if network.training:
            self.seen.append((seed, step, mode))
        return super().loss(network, seed, step)


@pytest.mark.parametrize(("last", "first_mode"), [(False, "bypass"), (True, "ideal")])
def test_a_final_stage_follows_with_measured_activations(codebook, last, first_mode):
    """Every variant is tuned alike; each stage has batches of its own."""
    task = _Watched()
    plan = _plan(final_rates=(1e-3,) * 2, activations_last=last)
    calls = []
    rows, *_ = four_numbers(
        task, codebook, plan, 7, lambda *told: calls.append(told), "line"
    )
    assert calls[-1] == ("line", 17, 17) == ("line", plan.total, plan.total)
    assert [len(row.loss) for row in rows] == [2, 0, 5, 5, 5]
    assert [row.variant for row in rows] == list(VARIANTS)
    with_bypass = task.seen[2 + 5 : 2 + 10]
    assert [mode for *_, mode in with_bypass] == [first_mode] * 3 + ["bypass"] * 2
    assert [step for _, step, _ in with_bypass] == [0, 1, 2, 0, 1]
    assert len({seed for seed, *_ in task.seen}) == 3
    assert {mode for *_, mode in task.seen[-5:]} == {"digital"}


def test_activations_that_come_last_are_ideal_until_then(codebook):
    """Without weight noise the GELU is all that differs from the control's network."""
    losses = {}
    for last in (False, True):
        plan = _plan(
            rates=(1e-2,) * 30,
            tuning_rates=(0.0,),
            final_rates=(0.0,),
            activations_last=last,
        )
        rows, *_ = four_numbers(_Line(), codebook, plan, 1, lambda *_: None, "")
        losses[last] = {row.variant: row.loss for row in rows}
    ideal = losses[True][CONTROL][0]
    measured = losses[False][WITH_BYPASS]
    assert losses[True][WITH_BYPASS] == pytest.approx((ideal, measured[1]))
    assert abs(measured[0] - ideal) > 0.005 * ideal


def test_settings_become_the_rates_of_each_step():
    """The tracker's schedule in the paper: ten epochs, the last two lower, one more."""
    settings = PcuTrackingSettings(
        steps=50,
        learning_rate=4e-4,
        schedule="constant",
        tuning_steps=10,
        tuning_rate=4e-4,
        tuning_schedule="step",
        final_steps=1,
        final_rate=4e-5,
        activations_last=True,
    )
    plan = tuning_plan(settings)
    assert plan.rates == (4e-4,) * 50
    assert plan.tuning_rates == pytest.approx((4e-4,) * 8 + (4e-5,) * 2)
    assert plan.final_rates == (4e-5,)
    assert plan.activations_last
    default = tuning_plan(PcuTrackingSettings())
    assert default.rates == learning_rates("cosine", 2e-3, 500)
    assert default.tuning_rates == learning_rates("cosine", 5e-4, 80)
    assert default.final_rates == ()
