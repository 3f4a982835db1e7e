"""Speed and accuracy of the neuron board's event-driven solver.

One board without noise, 1.4 to 2.0 V, 2 kHz, 250 us, as in Figure 3 of the paper. Speed
is the processor time of one simulated second, the best of several, compiled and warmed
up; one thread does it, so it is the wall time where nothing else runs, and neighbours
on the machine do not count. The limit is 0.016 s. The loose setting has a closed form
for the firing. Accuracy is against the tests' reference, which integrates the same
board by fixed steps of 20 ns: the first firing, all firings, and whether every clock
period agrees on its spike.

Run: ``python benchmarks/neuron_board.py [periods of the reference]``
"""

import importlib.util
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from labneuro.bench import load_card
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_parameters import (
    UNITS,
    NeuronBoardParameters,
    neuron_board_parameters,
)

REPEATS, SECOND = 15, 2000  # clock periods of 0.5 ms in a second
REFERENCE = Path(__file__).parents[1] / "tests/devices/neuron_board_reference.py"
LIMIT = 0.016  # s per simulated second


def quiet_board() -> NeuronBoardParameters:
    """Return the card's board without noise."""
    values = load_card("neuron-board").values(UNITS, "neuron-board")
    board = neuron_board_parameters(**values)
    return replace(board, switch=replace(board.switch, rate_noise=0.0))


def seconds(board: NeuronBoardParameters, volts: float, *, loose: bool) -> float:
    """Return the best time of one simulated second in s."""
    taken = []
    for _ in range(REPEATS + 1):
        population = NeuronBoardPopulation([board], 0, loose=loose)
        start = time.process_time()
        population.run([volts, 0.0], SECOND)
        taken.append(time.process_time() - start)
    return min(taken[1:])


def speed(board: NeuronBoardParameters) -> None:
    """Print the time of a simulated second at four amplitudes."""
    print("amplitude   exact: ms per s (of limit)   loose: ms per s (exact / loose)")
    for volts in (1.4, 1.6, 1.8, 2.0):
        exact, loose = (seconds(board, volts, loose=how) for how in (False, True))
        print(
            f"{volts:.1f} V       {exact * 1e3:7.2f} ({exact / LIMIT:.2f})"
            f"               {loose * 1e3:7.3f} ({exact / loose:.1f})"
        )
    boards = NeuronBoardPopulation([board] * 20, 0)
    start = time.process_time()
    boards.run([1.6, 0.0], SECOND)
    taken = time.process_time() - start
    print(f"20 boards at 1.6 V: {taken / 20 * 1e3:.2f} ms per simulated second each")


def accuracy(board: NeuronBoardParameters, periods: int) -> None:
    """Print how far firings and spikes are from the reference at 61 amplitudes."""
    spec = importlib.util.spec_from_file_location("reference", REFERENCE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(REFERENCE)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    first: dict[bool, list[float]] = {False: [], True: []}
    every: dict[bool, list[float]] = {False: [], True: []}
    same = {False: 0, True: 0}
    amplitudes = np.linspace(1.4, 2.0, 61)
    for volts in amplitudes:
        fired_at, spikes = reference.reference_run(board, float(volts), periods)
        for loose in (False, True):
            population = NeuronBoardPopulation([board], 0, loose=loose)
            found = population.run([volts, 0.0], periods)
            error = np.abs(found.fired_at[0] - fired_at)
            first[loose].append(float(error[np.isfinite(fired_at)][0]))
            every[loose].append(float(np.nanmax(error)))
            same[loose] += bool((found.spikes[0] == spikes).all())
    for loose, name in ((False, "exact"), (True, "loose")):
        print(
            f"{name}: first firing within {max(first[loose]) * 1e6:.3f} us, "
            f"all within {max(every[loose]) * 1e6:.3f} us of steps of 20 ns; "
            f"spike clocks the same at {same[loose]} of {len(amplitudes)} amplitudes "
            f"over {periods * 0.5:.0f} ms"
        )


def main() -> None:
    """Measure and print."""
    board = quiet_board()
    speed(board)
    accuracy(board, int(sys.argv[1]) if len(sys.argv) > 1 else 200)


if __name__ == "__main__":
    main()
