"""Compiled training of a perceptron with one hidden layer, by pulses or ideally.

All kernels share one order of work: a batch's images pass forward and backward with the
weights that the batch found, then every image updates the weights by the outer product
of its inputs and its errors. A batch of one image is training sample by sample.
"""

# Kernels take arrays; their types are in the docstrings.
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numpy as np
from numba import njit

from labneuro.networks.pulse_update import pulse_row

LOGISTIC, RECTIFIED = 0, 1
_ZERO, _ONE = np.float32(0), np.float32(1)
_BRIGHTEST = np.float32(1.0 / 255.0)


@njit(cache=True, nogil=True)
def _lit_pixels(image, place, value):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Gather the pixels above 0; return how many and their sum."""
    count, total = 0, _ZERO
    for i in range(len(image)):
        if image[i] > 0:
            place[count] = i
            value[count] = np.float32(image[i]) * _BRIGHTEST
            total += value[count]
            count += 1
    return count, total


@njit(cache=True, nogil=True)
def _activate(drive, activation):  # type: ignore[no-untyped-def]  # pragma: no cover
    for j in range(len(drive)):
        if activation == LOGISTIC:
            drive[j] = _ONE / (_ONE + np.exp(-drive[j]))
        else:
            drive[j] = max(drive[j], _ZERO)


@njit(cache=True, nogil=True)
def _forward(  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    place,
    value,
    count,
    total,
    hidden_weight,
    output_weight,
    scales,
    hidden,
    output,
    activation,
):
    """Fill `hidden` with activities and `output` with the drives of the classes.

    A weight is ``gain * (voltage - reference)``; `scales` holds gain and reference of
    the hidden and of the output layer.
    """
    hidden[:] = -scales[1] * total
    for k in range(count):
        x, weights = value[k], hidden_weight[place[k]]
        for j in range(len(hidden)):
            hidden[j] += x * weights[j]
    hidden *= scales[0]
    _activate(hidden, activation)
    output[:] = -scales[3] * hidden.sum()
    for j in range(len(hidden)):
        for c in range(len(output)):
            output[c] += hidden[j] * output_weight[j, c]
    output *= scales[2]


@njit(cache=True, nogil=True)
def _output_error(output, label):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Turn drives into softmax minus target, in place; return the cross-entropy."""
    output -= output.max()
    for c in range(len(output)):
        output[c] = np.exp(output[c])
    output /= output.sum()
    loss = -np.log(max(output[label], np.float32(1e-12)))
    output[label] -= _ONE
    return loss


@njit(cache=True, nogil=True)
def _hidden_error(hidden, output, output_weight, scales, error, activation):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill `error` with the loss's slope by each hidden drive."""
    base = scales[3] * output.sum()
    for j in range(len(hidden)):
        back = -base
        for c in range(len(output)):
            back += output[c] * output_weight[j, c]
        if activation == LOGISTIC:
            error[j] = scales[2] * back * hidden[j] * (_ONE - hidden[j])
        else:
            error[j] = scales[2] * back if hidden[j] > _ZERO else _ZERO


@njit(cache=True, nogil=True)
def _batch_errors(images, labels, part, layers, scales, work, activation):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill the activities and errors of a batch; return its summed loss."""
    hidden_weight, output_weight = layers
    place, value, hidden, hidden_error, output_error = work
    loss = 0.0
    for b in range(len(part)):
        count, total = _lit_pixels(images[part[b]], place, value)
        _forward(
            place,
            value,
            count,
            total,
            hidden_weight,
            output_weight,
            scales,
            hidden[b],
            output_error[b],
            activation,
        )
        loss += _output_error(output_error[b], labels[part[b]])
        _hidden_error(
            hidden[b],
            output_error[b],
            output_weight,
            scales,
            hidden_error[b],
            activation,
        )
    return loss


@njit(cache=True, nogil=True)
def _scratch(pixels, hidden, classes, batch):  # type: ignore[no-untyped-def]  # pragma: no cover
    return (
        np.empty(pixels, np.int64),
        np.empty(pixels, np.float32),
        np.empty((batch, hidden), np.float32),
        np.empty((batch, hidden), np.float32),
        np.empty((batch, classes), np.float32),
    )


@njit(cache=True, nogil=True)
def _update_layer(voltage, steps, place, strength, demand, chosen, key, drawn):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Send one image's pulses to a layer; return how many."""
    sent = 0
    for k in range(len(place)):
        i = place[k]
        sent += pulse_row(voltage[i], steps[i], strength[k], demand, chosen, key, drawn)
        drawn += len(demand)
    return sent


@njit(cache=True, nogil=True)
def _update(image, b, layers, steps, rates, work, key, drawn):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Update both layers by image `b` of its batch; count pulses and numbers drawn."""
    place, value, hidden, hidden_error, output_error = work
    neurons, classes = layers[1].shape
    chosen = np.empty(max(neurons, classes), np.int32)
    count, _ = _lit_pixels(image, place, value)
    lit, every = place[:count], np.arange(neurons)
    error = hidden_error[b] * rates[0]
    sent = _update_layer(layers[0], steps[0], lit, value, error, chosen, key, drawn)
    drawn += count * neurons
    x, error = hidden[b], output_error[b] * rates[1]
    sent += _update_layer(layers[1], steps[1], every, x, error, chosen, key, drawn)
    return sent, drawn + neurons * classes


@njit(cache=True, nogil=True)
def train_pulsed(  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    images,
    labels,
    order,
    batch,
    layers,
    steps,
    scales,
    rates,
    activation,
    key,
):
    """Train one epoch by pulses, in place.

    Parameters
    ----------
    images : ndarray of uint8, shape (images, pixels)
    labels : ndarray of uint8, shape (images,)
    order : ndarray of int64, shape (images,)
        In which the images come.
    batch : int
        Images that pass before their updates.
    layers : tuple of ndarray of float32
        PSV in V of the hidden (pixels, hidden) and the output layer (hidden, classes).
    steps : tuple of ndarray of float32
        Step tables of both layers, see :class:`~.pulse_update.SynapseArray`.
    scales : ndarray of float32, shape (4,)
        Gain in 1/V and reference in V of the hidden and of the output layer.
    rates : ndarray of float32, shape (2,)
        Pulses for one unit of input times error, of either layer.
    activation : int
        :data:`LOGISTIC` or :data:`RECTIFIED`.
    key : uint64
        Random stream of this epoch.

    Returns
    -------
    (float, int)
        Mean cross-entropy and number of pulses sent.
    """
    neurons, classes = layers[1].shape
    work = _scratch(images.shape[1], neurons, classes, batch)
    loss, sent, drawn = 0.0, 0, 0
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        loss += _batch_errors(images, labels, part, layers, scales, work, activation)
        for b in range(len(part)):
            image = images[part[b]]
            pulses, drawn = _update(image, b, layers, steps, rates, work, key, drawn)
            sent += pulses
    return loss / len(order), sent


@njit(cache=True, nogil=True)
def train_ideal(images, labels, order, batch, layers, scales, rates, activation):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Train one epoch by stochastic gradient descent without any device, in place.

    Parameters are those of :func:`train_pulsed`; `layers` and `rates` are in weights.

    Returns
    -------
    float
        Mean cross-entropy.
    """
    neurons, classes = layers[1].shape
    work = _scratch(images.shape[1], neurons, classes, batch)
    place, value, hidden, hidden_error, output_error = work
    loss = 0.0
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        loss += _batch_errors(images, labels, part, layers, scales, work, activation)
        for b in range(len(part)):
            count, _ = _lit_pixels(images[part[b]], place, value)
            hidden_error[b] *= rates[0]
            output_error[b] *= rates[1]
            for k in range(count):
                x, weights = value[k], layers[0][place[k]]
                for j in range(neurons):
                    weights[j] -= x * hidden_error[b, j]
            for j in range(neurons):
                for c in range(classes):
                    layers[1][j, c] -= hidden[b, j] * output_error[b, c]
    return loss / len(order)


@njit(cache=True, nogil=True)
def classify(images, layers, scales, activation, answer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill `answer` with the class that has the largest drive for each image."""
    neurons, classes = layers[1].shape
    place, value, hidden, _, output = _scratch(images.shape[1], neurons, classes, 1)
    for n in range(len(images)):
        count, total = _lit_pixels(images[n], place, value)
        _forward(
            place,
            value,
            count,
            total,
            layers[0],
            layers[1],
            scales,
            hidden[0],
            output[0],
            activation,
        )
        answer[n] = np.argmax(output[0])
