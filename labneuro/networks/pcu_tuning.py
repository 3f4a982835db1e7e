"""Hardware-aware offline fine-tuning: four numbers of one network, side by side.

The three stages of the paper: the codebook is the calibrated model's; the operators of
a trained network are replaced by it; the network is trained on, with the measured
operators forward and, by the bypass, the ideal ones' gradients backward. The tracker's
tuning ends with one epoch more, for its activation functions; what it does to them is
not told. Here they may be ideal up to such a final stage and measured in it
(`activations_last`), or measured all along.

Beside this: the ideal network, the network with operators replaced and nothing else
("uncorrected"), the network trained on without the bypass, whose gradients end at the
first look-up that they meet, and, as a control, the ideal network trained on for as
long.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: section 2.5, Figure 5; section 4.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch

from labneuro.networks.analog_layers import AnalogActivation, program
from labneuro.networks.analogize import analogize
from labneuro.networks.pcu_schedule import learning_rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from labneuro.networks.analog_operators import Mode, WeightNoise
    from labneuro.networks.catalog import Progress
    from labneuro.networks.codebook import Codebook
    from labneuro.networks.pcu_settings import TuningSettings


IDEAL = "ideal"
CONTROL = "ideal, trained on"
UNCORRECTED = "uncorrected"
WITHOUT_BYPASS = "fine-tuned without bypass"
WITH_BYPASS = "fine-tuned with bypass"
VARIANTS = (IDEAL, UNCORRECTED, WITHOUT_BYPASS, WITH_BYPASS, CONTROL)
_LARGEST_GRADIENT = 1.0
_SEED_OF_STAGE = 1 << 20  # stages draw batches of their own


class TuningTask(ABC):
    """A network and what it is to learn."""

    @abstractmethod
    def make(self, seed: int) -> nn.Module:
        """Return a fresh network."""

    @abstractmethod
    def loss(self, network: Any, seed: int, step: int) -> torch.Tensor:  # noqa: ANN401  the task's own kind
        """Return the loss of one batch, drawn by seed and step."""

    @abstractmethod
    def scores(self, network: Any) -> dict[str, float]:  # noqa: ANN401  as above
        """Return the results of a test, the main one first."""

    @abstractmethod
    def features(self, network: Any) -> torch.Tensor:  # noqa: ANN401  as above
        """Return a layer's output on fixed inputs, to be compared."""


@dataclass(frozen=True)
class TuningPlan:
    """How long and how fast to train.

    Attributes
    ----------
    rates : tuple of float
        Learning rate of each step of the training of the ideal network.
    tuning_rates, final_rates : tuple of float
        The same of the fine-tuning of every variant and of its final stage.
    activations_last : bool
        Whether activation functions are ideal in the fine-tuning and measured in its
        final stage only.
    weight_decay : float
        Of AdamW.
    weight_noise : str
        ``"none"``, ``"programming"`` or ``"read"``.
    answer_noise : bool
        Whether single answers deviate from their mean.
    programmings : int
        Programmings over which a test is averaged.
    """

    rates: tuple[float, ...]
    tuning_rates: tuple[float, ...]
    final_rates: tuple[float, ...]
    activations_last: bool
    weight_decay: float
    weight_noise: WeightNoise
    answer_noise: bool
    programmings: int

    @property
    def total(self) -> int:
        """Steps of the training and of all fine-tunings."""
        tuning = len(self.tuning_rates) + len(self.final_rates)
        untuned = {IDEAL, UNCORRECTED}
        return len(self.rates) + tuning * (len(VARIANTS) - len(untuned))


def tuning_plan(settings: TuningSettings) -> TuningPlan:
    """Return what the settings of a study ask for.

    Parameters
    ----------
    settings : TuningSettings
        Steps, rates and schedules, decay and noise.

    Returns
    -------
    TuningPlan
    """
    drop = {"drop_at": settings.drop_at, "drop_factor": settings.drop_factor}
    return TuningPlan(
        rates=learning_rates(
            settings.schedule, settings.learning_rate, settings.steps, **drop
        ),
        tuning_rates=learning_rates(
            settings.tuning_schedule,
            settings.tuning_rate,
            settings.tuning_steps,
            **drop,
        ),
        final_rates=learning_rates(
            "constant", settings.final_rate, settings.final_steps
        ),
        activations_last=settings.activations_last,
        weight_decay=settings.weight_decay,
        weight_noise=settings.weight_noise,
        answer_noise=settings.answer_noise,
        programmings=settings.programmings,
    )


@dataclass(frozen=True)
class VariantRow:
    """One variant of one network.

    Attributes
    ----------
    seed : int
        Seed of weights, batches and noise.
    variant : str
        One of :data:`VARIANTS`.
    scores : dict of str to float
        Results of the test, means over programmings.
    feature_error : float
        Root mean square of the difference of a layer's output from the ideal
        network's, over the rms of the latter.
    loss : tuple of float
        Loss of each (fine-tuning) step.
    """

    seed: int
    variant: str
    scores: dict[str, float]
    feature_error: float
    loss: tuple[float, ...]


_TRIED: tuple[tuple[str, Mode | None], ...] = (
    (UNCORRECTED, "bypass"),
    (WITHOUT_BYPASS, "codebook"),
    (WITH_BYPASS, "bypass"),
    (CONTROL, None),
)


def four_numbers(
    task: TuningTask,
    codebook: Codebook,
    plan: TuningPlan,
    seed: int,
    progress: Progress,
    label: str,
) -> tuple[list[VariantRow], nn.Module, nn.Module]:
    """Train a network, then try every variant of it.

    Parameters
    ----------
    task : TuningTask
        What is learnt.
    codebook : Codebook
        The measured operators.
    plan : TuningPlan
        Length and rates.
    seed : int
        Seed of everything; sets torch's default generator.
    progress : callable
        Called with a label, steps done and in total.
    label : str
        Name of this run for the progress.

    Returns
    -------
    tuple of list of VariantRow, Module, Module
        A row a variant, the ideal network and the one tuned with bypass.
    """
    torch.manual_seed(seed)
    ideal = task.make(seed)
    done = 0

    def step_done() -> None:
        nonlocal done
        done += 1
        progress(label, done, plan.total)

    training = _Training(task, plan, seed, step_done)
    first_loss = training.train(ideal)
    reference = task.features(ideal)
    rows = [VariantRow(seed, IDEAL, task.scores(ideal), 0.0, first_loss)]
    tuned = ideal
    for variant, mode in _TRIED:
        network = copy.deepcopy(ideal)
        if mode is not None:
            analogize(
                network,
                codebook,
                mode=mode,
                weight_noise=plan.weight_noise,
                answer_noise=plan.answer_noise,
            )
        loss = () if variant == UNCORRECTED else training.tune(network)
        scores = _tested(task, network, 1 if mode is None else plan.programmings)
        error = _relative(task.features(network), reference)
        rows.append(VariantRow(seed, variant, scores, error, loss))
        tuned = network if variant == WITH_BYPASS else tuned
    return rows, ideal, tuned


@dataclass(frozen=True)
class _Training:
    """What all trainings of one network share."""

    task: TuningTask
    plan: TuningPlan
    seed: int
    step_done: Callable[[], None]

    def train(self, network: nn.Module) -> tuple[float, ...]:
        """Train a network in place; return the loss of each step."""
        return self._steps(network, self.plan.rates, 0)

    def tune(self, network: nn.Module) -> tuple[float, ...]:
        """Fine-tune a network in place; return the loss of each step."""
        activations = [m for m in network.modules() if isinstance(m, AnalogActivation)]
        measured = [activation.operators for activation in activations]
        if self.plan.activations_last:
            for activation in activations:
                activation.operators = replace(activation.operators, mode="ideal")
        losses = self._steps(network, self.plan.tuning_rates, 1)
        for activation, operators in zip(activations, measured, strict=True):
            activation.operators = operators
        return losses + self._steps(network, self.plan.final_rates, 2)

    def _steps(
        self, network: nn.Module, rates: tuple[float, ...], stage: int
    ) -> tuple[float, ...]:
        """Make one step at each rate, with an optimiser of this stage's own."""
        optimizer = torch.optim.AdamW(
            network.parameters(), weight_decay=self.plan.weight_decay
        )
        losses = []
        network.train()
        for step, rate in enumerate(rates):
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = self.task.loss(network, self.seed + _SEED_OF_STAGE * stage, step)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
            losses.append(loss.item())
            self.step_done()
        return tuple(losses)


def _tested(task: TuningTask, network: nn.Module, times: int) -> dict[str, float]:
    found = []
    for _ in range(times):
        program(network)
        found.append(task.scores(network))
    return {name: fmean(part[name] for part in found) for name in found[0]}


def _relative(found: torch.Tensor, reference: torch.Tensor) -> float:
    difference = (found - reference).square().mean() / reference.square().mean()
    return float(difference.sqrt())
