"""Spikes of frozen neurons with a gradient, for training by back-propagation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit

from labneuro.networks.counter_random import DRAW_RANGE, draw
from labneuro.networks.stochastic_neuron import TABLE_CELLS

if TYPE_CHECKING:
    from torch.autograd.function import FunctionCtx

    from labneuro.networks.stochastic_neuron import PulsedNeuron

_ZERO = np.float32(0)


class StochasticFiring(torch.autograd.Function):
    """Firing rates of frozen neurons, with the gradient of their expectation.

    Forward, spikes are drawn; backward, each pulse passes on the derivative of its
    firing probability (the straight-through estimate: the expectation's own gradient,
    taken at the drives that occurred).
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        source: torch.Tensor,
        drive: torch.Tensor,
        neuron: PulsedNeuron,
        key: np.uint64,
    ) -> torch.Tensor:
        """Draw spikes and return the rates.

        Parameters
        ----------
        ctx : context of torch.autograd
            Keeps the derivatives for :meth:`backward`.
        source : Tensor of float32
            Where the gradient goes: `drive` itself, shape (time_steps, images,
            neurons), or its mean over time, shape (images, neurons), which then
            receives the derivative averaged over time.
        drive : Tensor of float32, shape (time_steps, images, neurons)
            Weighted sum of the input spikes at each time step.
        neuron : PulsedNeuron
            The calibrated neuron.
        key : uint64
            Random stream of the spikes.

        Returns
        -------
        Tensor of float32, shape (images, neurons)
            Share of time steps with a spike.
        """
        rises = torch.empty_like(source)
        counts = torch.empty(drive.shape[1:])
        cells_per_field = TABLE_CELLS / neuron.highest_field
        gain = neuron.gain * cells_per_field
        _fire_frozen(
            drive.detach().numpy(),
            rises.numpy().reshape(-1, *counts.shape),
            counts.numpy(),
            neuron.table,
            np.float32(1.0 + neuron.rest_field * cells_per_field),
            np.float32(gain),
            key,
        )
        ctx.save_for_backward(rises)
        # From a rise over a table cell to the slope by drive of the mean over time.
        ctx.slope_scale = gain / (DRAW_RANGE * len(drive))  # type: ignore[attr-defined]
        return counts.div_(len(drive))

    @staticmethod
    def backward(
        ctx: FunctionCtx, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None, None, None]:
        """Return the gradient with respect to the source."""
        (rises,) = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient = gradients[0] * ctx.slope_scale  # type: ignore[attr-defined]
        return rises * gradient, None, None, None


@njit(cache=True, nogil=True)
def _fire_frozen(drive, rises, counts, table, rest, gain, key):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202
    """Draw spikes; `rest` and `gain` are in cells of the table.

    `rises` keeps every time step, or, where it has room for one, their sum.
    """
    time_steps, images, neurons = drive.shape
    highest = np.float32(len(table) - 1) + np.float32(0.5)
    for image in range(images):
        counts[image, :] = _ZERO
        for step in range(time_steps):
            first = (step * images + image) * neurons
            kept = min(step, len(rises) - 1)
            if kept == step:
                rises[kept, image, :] = _ZERO
            for cell in range(neurons):
                field = rest + gain * drive[step, image, cell]
                field = min(max(field, _ZERO), highest)
                row = np.uint32(np.int32(field))  # unsigned: no wrap-around to check
                begin, rise = table[row, 0], table[row, 1]
                chance = begin + (field - np.float32(row)) * rise
                fired = np.float32(draw(key, first + cell)) < chance
                counts[image, cell] += np.float32(fired)
                rises[kept, image, cell] += rise
