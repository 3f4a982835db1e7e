"""Wall time of a pulse on one FMES device, alone and in arrays, as ratios.

A source sends 1 ms pulses through a closed relay to the first device of each array; the
others hang open, or lie beside it on a bus that ends in 100 ohm. Printed are medians of
interleaved rounds in one process.
"""

from __future__ import annotations

import statistics
import time

from labneuro.bench import load_card
from labneuro.devices.device_array import DeviceArray
from labneuro.devices.fmes import UNITS, FmesDevice, FmesParameters
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.port_circuit import PortCircuit
from labneuro.sim_backends.wiring import Circuit

PULSES, ROUNDS, BUS = 40, 5, 100.0


def alone(parameters: FmesParameters) -> Circuit:
    """Return a circuit with one two-terminal device."""
    nets = [["s.o", "device.positive"], ["device.negative", "ground"]]
    return Circuit(VirtualClock(), nets, FmesDevice(parameters, 0))


def array(parameters: FmesParameters, count: int, *, joined: bool) -> Circuit:
    """Return a circuit with an array on a bus; `joined` devices share the source."""
    numbers = [f"{number:02d}" for number in range(1, count + 1)]
    high = [f"device.positive_{number}" for number in numbers]
    low = [f"device.negative_{number}" for number in numbers]
    taken = high if joined else high[:1]
    devices = DeviceArray([FmesDevice(parameters, seed) for seed in range(count)])
    nets = [["s.o", *taken], [*low, "bus.end"]]
    return PortCircuit(VirtualClock(), nets, devices, [("bus.end", "ground", BUS)])


def pulse_time(circuit: Circuit) -> float:
    """Return the wall time of a pulse and the pause after it in s."""
    source = circuit.drives[0] if circuit.drives else circuit.drive("s.o")
    source.current_source(0.0, limit=5.0)
    start = time.perf_counter()
    for _ in range(PULSES):
        for level in (1e-3, 0.0):
            source.set_level(level)
            circuit.clock.advance(1e-3)
        circuit.measure(source, 0.0)
    return (time.perf_counter() - start) / PULSES


def main() -> None:
    """Print the times."""
    card = FmesParameters(**load_card("fmes-2b").values(UNITS, "fmes-2b"))
    circuits = {
        "one device of two terminals": alone(card),
        "array of 1": array(card, 1, joined=False),
        "array of 9, one in use": array(card, 9, joined=False),
        "array of 3, all on one source": array(card, 3, joined=True),
    }
    times: dict[str, list[float]] = {name: [] for name in circuits}
    for circuit in circuits.values():
        pulse_time(circuit)  # compiles
    for _ in range(ROUNDS):
        for name, circuit in circuits.items():
            times[name].append(pulse_time(circuit))
    medians = {name: statistics.median(found) for name, found in times.items()}
    unit = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"{name:32} {median * 1e6:8.0f} us a pulse  {median / unit:6.1f} x")


if __name__ == "__main__":
    main()
