"""How long ``labneuro --help`` and ``labneuro run --help`` take to answer.

Prints medians of interleaved runs in seconds, and as ratios to starting Python alone.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "labneuro --help": [sys.executable, "-m", "labneuro", "--help"],
    "labneuro run --help": [sys.executable, "-m", "labneuro", "run", "--help"],
}
ROUNDS = 9


def main() -> None:
    """Measure and print."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append(time.perf_counter() - start)
    bare = statistics.median(times["python -c pass"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:22} {median:6.3f} s  {median / bare:5.1f} x bare Python")


if __name__ == "__main__":
    main()
