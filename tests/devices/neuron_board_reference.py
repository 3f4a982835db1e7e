"""A neuron board integrated by fixed steps of 20 ns: what the event solver must match.

Heun's method on the model's two rate equations, written anew from the equations; the
clock, the inputs and the latches are looked at on every step.
"""

import math
from dataclasses import astuple

import numpy as np
from numba import njit

from labneuro.devices.neuron_board_parameters import NeuronBoardParameters

STEP = 20e-9
_PERIOD, _RISE, _HALF, _FALL = 25000, 250, 12500, 12750  # in steps


@njit(cache=True)
def _sigmoid(z):
    return 1.0 / (1.0 + math.exp(-min(max(z, -60.0), 60.0)))


@njit(cache=True)
def _slope(x, y, u, r, p):
    """Return dx/dt, dy/dt and the current behind a source u with resistance r."""
    g0, v0, tx, tset, tc, tg, ty, ym = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
    ih, vb, wb, goff, gon, wx, wy = p[8], p[9], p[10], p[11], p[12], p[13], p[14]
    share = _sigmoid((y - 0.5) / wy)
    g = goff * math.exp(share * math.log(gon / goff))
    v = u / (1.0 + r * g)
    latch = (v * g / ih) ** 2
    held = latch * latch / (1.0 + latch * latch)
    forming = max(1.0 - y, 0.0) / tset
    dx = g0 * math.sinh(min(v, 3.0) / v0) - x / tx
    dx -= x * _sigmoid((y - 0.8) / wy) / tc
    dy = _sigmoid((x - 1.0) / wx) * _sigmoid((v - vb) / wb) * forming
    dy += held * share * (forming + (ym - y) / tg) - (1.0 - held) * y / ty
    return dx, dy, v * g


@njit(cache=True)
def _integrate(amplitude, p, circuit, divide, fired, spikes):
    first, second, read, threshold, on, off = circuit
    x, y, l1, l2, current = 0.0, 0.0, 0, 0, 0.0
    step, period = STEP / divide, _PERIOD * divide
    for k in range(fired.shape[0] * period):
        place = k % period
        if place == 0:
            l2 = l1
            spikes[k // period] = l2 == 1
        if place == _HALF * divide:
            l1 = 1 if current * read > threshold else 0
        total = 1.0 / first + 1.0 / second + (1.0 / on if l2 else 1.0 / off)
        driven = _RISE * divide <= place < _FALL * divide
        u = amplitude / first / total if driven else 0.0
        r = 1.0 / total + read
        a, b, _ = _slope(x, y, u, r, p)
        c, d, current = _slope(x + step * a, y + step * b, u, r, p)
        x += 0.5 * step * (a + c)
        new = y + 0.5 * step * (b + d)
        if y <= 0.5 < new:
            fired[k // period] = (k + (0.5 - y) / (new - y)) * step
        y = new


def reference_run(
    board: NeuronBoardParameters, amplitude: float, periods: int, divide: int = 1
):
    """Return firing times (NaN: none) and spikes by period; input 2 is grounded.

    2 kHz, inputs 5 us behind the clock and 250 us wide, without noise and depression;
    `divide`: the step is 20 ns by this.
    """
    circuit = (
        board.first_resistance,
        board.second_resistance,
        board.read_out_resistance,
        board.latch_threshold,
        board.ground_resistance,
        board.open_resistance,
    )
    switch = np.array(astuple(board.switch)[:15])
    fired, spikes = np.full(periods, np.nan), np.zeros(periods, dtype=np.bool_)
    _integrate(amplitude, switch, circuit, divide, fired, spikes)
    return fired, spikes
