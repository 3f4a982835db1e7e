"""What stands for the libraries of makers whose instruments do not speak VISA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.picoscope_4000.instrument import PicoScope4824
from labneuro.sim_backends.picoscope_4000.sdk import SimulatedPs4000a

if TYPE_CHECKING:
    from labneuro.sim_backends.simulated_bench import SimulatedBench
    from labneuro.sim_backends.turn import MessageLock


def make_library(name: str, bench: SimulatedBench, lock: MessageLock) -> object:
    """Return a maker's library on the instruments of a simulated bench.

    Parameters
    ----------
    name : str
        The library, such as ``"ps4000a"``.
    bench : SimulatedBench
        The bench.
    lock : MessageLock
        Held during every call.

    Raises
    ------
    BenchConfigError
        If there is none of that name.
    """
    if name != "ps4000a":
        raise BenchConfigError(f"library {name!r} is not simulated; known: ps4000a")
    units = {
        config.address: instrument
        for key, config in bench.config.instruments.items()
        if isinstance(instrument := bench.instruments[key], PicoScope4824)
    }
    return SimulatedPs4000a(units, lock)
