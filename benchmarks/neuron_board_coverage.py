"""How often the 95 % intervals of the neuron board's fit hold the truth.

Each board is drawn from the card, with a growth voltage and a noise of its own; its
firings come from the compiled population, between samples of 1.6 us, and not from an
oscilloscope. Usage: ``python benchmarks/neuron_board_coverage.py [BOARDS]``.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np

from labneuro.analysis.neuron_board import fit_board
from labneuro.analysis.neuron_board_data import Clocking, FiringRun, Integration
from labneuro.analysis.spikes import SpikeShapes
from labneuro.bench import load_card
from labneuro.counting import wilson_interval
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import PAPER_CLOCK, NeuronBoardPopulation
from labneuro.devices.neuron_board_parameters import NeuronBoardParameters, draw_board

AMPLITUDES = (1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0)
TRAINS, PULSES, SAMPLE = 3, 60, 1.6e-6
CLOCKING = Clocking(PAPER_CLOCK.period, PAPER_CLOCK.delay, PAPER_CLOCK.width, 0, PULSES)
NAMES = ("growth_rate", "growth_voltage", "rate_noise")


def integrations(
    board: NeuronBoardParameters, amplitude: float, seed: int
) -> list[Integration]:
    """Return what one train of a fresh board says."""
    fired = NeuronBoardPopulation([board], seed).run([amplitude, 0.0], PULSES)
    found: list[Integration] = []
    begin = 0
    for pulse in np.flatnonzero(np.isfinite(fired.fired_at[0])):
        moment = fired.fired_at[0][pulse] - CLOCKING.pulse_start(int(pulse))
        low = SAMPLE * math.floor(moment / SAMPLE)
        if moment > CLOCKING.width - CLOCKING.delay:  # no latch sees it
            return found
        ends = max(low, 0.0), min(low + SAMPLE, CLOCKING.width)
        found.append(Integration(amplitude, int(pulse) - begin + 1, *ends, True))
        begin = int(pulse) + 2
    if begin < PULSES:
        left = PULSES - begin
        found.append(Integration(amplitude, left, CLOCKING.width, math.inf, False))
    return found


def main(boards: int) -> None:
    """Fit the boards and print how often each interval holds the truth."""
    card = load_parameters("neuron_board", load_card("neuron-board"), "neuron-board")
    none = np.empty(0)
    nothing = SpikeShapes(none, np.empty((0, 0)), none, none)
    held = dict.fromkeys(NAMES, 0)
    for number in range(boards):
        draw = np.random.default_rng((7, number))
        board = draw_board(card, number)
        switch = replace(
            board.switch,
            growth_voltage=board.switch.growth_voltage * draw.uniform(0.9, 1.1),
            rate_noise=draw.uniform(0.05, 0.15),
        )
        # The same rate at 1.36 V across the switch: all boards fire at all amplitudes.
        scale = math.sinh(1.36 / board.switch.growth_voltage)
        rate = switch.growth_rate * scale / math.sinh(1.36 / switch.growth_voltage)
        board = replace(board, switch=replace(switch, growth_rate=rate))
        seen = [
            one
            for place, volts in enumerate(AMPLITUDES)
            for train in range(TRAINS)
            for one in integrations(board, volts, 1000 * number + 10 * place + train)
        ]
        first, second = board.first_resistance, board.second_resistance
        run = FiringRun(
            clocking=CLOCKING,
            share=second / (first + second),
            integrations=tuple(seen),
            spikes={volts: [none] for volts in AMPLITUDES},
            shapes=dict.fromkeys(AMPLITUDES, nothing),
            grounded=dict.fromkeys(AMPLITUDES, none),
            recovery=dict.fromkeys(AMPLITUDES, none),
            disagreements=0,
        )
        found = fit_board(str(number), [run]).model.parameters
        for name in NAMES:
            low, high = found[name].interval
            truth = getattr(board.switch, name)
            held[name] += low is not None and high is not None and low <= truth <= high
    for name, count in held.items():
        lowest, highest = wilson_interval([count], [boards])
        print(
            f"{name}: {count} of {boards} "
            f"({float(lowest[0]):.0%} to {float(highest[0]):.0%})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
