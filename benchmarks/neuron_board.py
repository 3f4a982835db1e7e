"""Speed and accuracy of the neuron board's event-driven solver.

One board without noise, 1.4 to 2.0 V, 2 kHz, 250 us, as in Figure 3 of the paper. Speed
is the processor time of one simulated second, compiled and warmed up; one thread does
it, so it is the wall time where nothing else runs. Exact and loose runs take turns, and
the best of each counts. A loose run is ten simulated seconds, because starting a run
costs some 20 us of Python; what one second by itself costs is printed, too. The limit
of the exact setting is 0.016 s, that of the loose one, which passes whole firing cycles
in closed form, a hundredth of it. Accuracy is against the tests' reference, which
integrates the same board by fixed steps of 20 ns: the first firing, all firings, and
whether every clock period agrees on its spike.

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
LONG_RUN = 10  # simulated seconds
REFERENCE = Path(__file__).parents[1] / "tests/devices/neuron_board_reference.py"
LIMIT = 0.016  # s per simulated second


def quiet_board() -> NeuronBoardParameters:
    """Return the card's board without noise."""
    values = load_card("neuron-board").values(UNITS, "neuron-board")
    board = neuron_board_parameters(**values)
    return replace(board, switch=replace(board.switch, rate_noise=0.0))


def seconds(
    board: NeuronBoardParameters, volts: float, run: float, *, loose: bool
) -> float:
    """Return the time of one simulated second in s, in a run of some seconds."""
    population = NeuronBoardPopulation([board], 0, loose=loose)
    start = time.process_time()
    population.run([volts, 0.0], round(run * SECOND))
    return (time.process_time() - start) / run


def best_of(board: NeuronBoardParameters, volts: float) -> list[float]:
    """Return the best times of a simulated second: exact, loose, loose by itself."""
    kinds = ((1, False), (LONG_RUN, True), (1, True))
    for _, loose in kinds:
        seconds(board, volts, 0.01, loose=loose)
    taken = [
        [seconds(board, volts, run, loose=loose) for run, loose in kinds]
        for _ in range(REPEATS)
    ]
    return [float(best) for best in np.min(taken, axis=0)]


def speed(board: NeuronBoardParameters) -> None:
    """Print the time of a simulated second at four amplitudes."""
    noisy = replace(board, switch=replace(board.switch, rate_noise=0.1))
    print(
        "ms per simulated second   exact (of limit)   loose (of a hundredth of it)   "
        "exact / loose   loose, one second alone"
    )
    for name, one in (("no noise", board), ("10 % noise", noisy)):
        for volts in (1.4, 1.6, 1.8, 2.0):
            exact, loose, alone = best_of(one, volts)
            print(
                f"{volts:.1f} V, {name:10}         {exact * 1e3:7.2f} "
                f"({exact / LIMIT:.2f})     {loose * 1e3:7.4f} "
                f"({loose / LIMIT * 100:.2f})             {exact / loose:6.0f}       "
                f"   {alone * 1e3:7.4f}"
            )


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
