"""Hardware-aware offline fine-tuning: four numbers of one network, side by side.

The three stages of the paper: the codebook is the calibrated model's; the operators of
a trained network are replaced by it; the network is trained on, with the measured
operators forward and, by the bypass, the ideal ones' gradients backward. Beside it: the
ideal network, the network with operators replaced and nothing else ("uncorrected"), the
network trained on without the bypass, whose gradients end at the first look-up that
they meet, and, as a control, the ideal network trained on for as long.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: section 2.5, Figure 5.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch

from labneuro.networks.analog_layers import program
from labneuro.networks.analogize import analogize

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from labneuro.networks.analog_operators import Mode, WeightNoise
    from labneuro.networks.codebook import Codebook

    Progress = Callable[[str, int, int], None]

IDEAL = "ideal"
CONTROL = "ideal, trained on"
UNCORRECTED = "uncorrected"
WITHOUT_BYPASS = "fine-tuned without bypass"
WITH_BYPASS = "fine-tuned with bypass"
VARIANTS = (IDEAL, UNCORRECTED, WITHOUT_BYPASS, WITH_BYPASS, CONTROL)
_LARGEST_GRADIENT = 1.0
_WARM_UP = 0.1  # of the steps


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
    steps, learning_rate : int, float
        Training of the ideal network (half-cosine decline).
    tuning_steps, tuning_rate : int, float
        Fine-tuning, of every variant.
    weight_decay : float
        Of AdamW.
    weight_noise : str
        ``"none"``, ``"programming"`` or ``"read"``.
    answer_noise : bool
        Whether single answers deviate from their mean.
    programmings : int
        Programmings over which a test is averaged.
    """

    steps: int
    learning_rate: float
    tuning_steps: int
    tuning_rate: float
    weight_decay: float
    weight_noise: WeightNoise
    answer_noise: bool
    programmings: int


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
    total = plan.steps + 3 * plan.tuning_steps
    done = 0

    def step_done() -> None:
        nonlocal done
        done += 1
        progress(label, done, total)

    def train(network: nn.Module, *, tuning: bool) -> tuple[float, ...]:
        return _train(task, network, plan, seed, step_done, tuning=tuning)

    first_loss = train(ideal, tuning=False)
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
        loss = () if variant == UNCORRECTED else train(network, tuning=True)
        scores = _tested(task, network, 1 if mode is None else plan.programmings)
        error = _relative(task.features(network), reference)
        rows.append(VariantRow(seed, variant, scores, error, loss))
        tuned = network if variant == WITH_BYPASS else tuned
    return rows, ideal, tuned


def _train(
    task: TuningTask,
    network: nn.Module,
    plan: TuningPlan,
    seed: int,
    step_done: Callable[[], None],
    *,
    tuning: bool,
) -> tuple[float, ...]:
    """Train or tune a network in place; return the loss of each step."""
    steps = plan.tuning_steps if tuning else plan.steps
    rate = plan.tuning_rate if tuning else plan.learning_rate
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=rate, weight_decay=plan.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _decline(step, steps)
    )
    losses = []
    network.train()
    for step in range(steps):
        loss = task.loss(network, seed + (1 << 20) * tuning, step)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        step_done()
    return tuple(losses)


def _decline(step: int, steps: int) -> float:
    """Return the share of the rate: a short rise, then half a cosine down."""
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))


def _tested(task: TuningTask, network: nn.Module, times: int) -> dict[str, float]:
    found = []
    for _ in range(times):
        program(network)
        found.append(task.scores(network))
    return {name: fmean(part[name] for part in found) for name in found[0]}


def _relative(found: torch.Tensor, reference: torch.Tensor) -> float:
    difference = (found - reference).square().mean() / reference.square().mean()
    return float(difference.sqrt())
