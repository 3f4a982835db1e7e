"""The simulated benches that are switched on in this process.

A bench lives outside any VISA library object, so that every resource manager and
session that names it meets the same instruments in the same state.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError
from labneuro.sim_backends.base import SimulatedInstrument
from labneuro.sim_backends.faults import Faults
from labneuro.sim_backends.simulated_bench import SimulatedBench, parse_address
from labneuro.sim_backends.turn import MessageLock
from labneuro.sim_backends.vendor_libraries import make_library
from labneuro.sim_backends.visa.station import Neighbours, Station

if TYPE_CHECKING:
    from pyvisa import rname

SUFFIX = "@labneuro"
_OPTIONS = ("seed", "clock", "fresh")


class PoweredBench:
    """A bench that is switched on: its instruments at their addresses.

    Parameters
    ----------
    bench : SimulatedBench
        The bench.

    Attributes
    ----------
    bench : SimulatedBench
    lock : MessageLock
        Held during every operation on any of its instruments.
    stations : dict of str to Station
        By canonical VISA resource name.
    faults : dict of str to Faults
        By the instrument's name.
    """

    def __init__(self, bench: SimulatedBench) -> None:
        self.bench = bench
        self.lock = MessageLock(bench.clock.turn)
        self.stations: dict[str, Station] = {}
        self.faults: dict[str, Faults] = {}
        self._by_key: dict[tuple[object, ...], Station] = {}
        neighbours = Neighbours()
        self._libraries: dict[str, object] = {}
        for name, config in bench.config.instruments.items():
            instrument = bench.instruments[name]
            if not isinstance(instrument, SimulatedInstrument):
                continue  # a vendor's library speaks to it
            address = parse_address(config.address)
            faults = self.faults[name] = Faults(instrument, bench.simulation.seed)
            station = Station(name, address, instrument, neighbours, faults)
            self.stations[str(address)] = station
            self._by_key[_key(address)] = station
        for number, fault in enumerate(bench.simulation.faults):
            if fault.instrument not in self.faults:
                raise BenchConfigError(
                    f"{bench.config.path}: simulation.faults.{number}.instrument: "
                    f"{fault.instrument!r} has no VISA connection that could fail"
                )
            self.faults[fault.instrument].add(fault)

    def vendor_library(self, name: str) -> object:
        """Return what stands for a maker's library.

        Raises
        ------
        BenchConfigError
            If there is none of that name.
        """
        if name not in self._libraries:
            self._libraries[name] = make_library(name, self.bench, self.lock)
        return self._libraries[name]

    def find(self, address: rname.ResourceName) -> Station | None:
        """Return the station at an address, or None."""
        return self._by_key.get(_key(address))

    def switch_off(self) -> None:
        """Abort whatever still runs on the instruments."""
        for station in self.stations.values():
            station.clear()


def _key(address: rname.ResourceName) -> tuple[object, ...]:
    """Return what two spellings of one address have in common."""
    parts = str(address).upper().split("::")
    return tuple(_number(part) for part in parts)


def _number(part: str) -> object:
    """Read USB numbers, which may be written in hexadecimal or in decimal."""
    try:
        return int(part, 0)
    except ValueError:
        return part


class _Key(NamedTuple):
    path: Path
    text: str
    options: tuple[tuple[str, str], ...]


_BENCHES: dict[_Key, PoweredBench] = {}
_LOCK = threading.RLock()


def power_on(specification: str) -> PoweredBench:
    """Return the bench of a specification; the first to name it switches it on.

    Parameters
    ----------
    specification : str
        Bench file or name in a workspace, then options after a question mark, joined
        by ``&``: ``seed=7`` and ``clock=real`` override the file's simulation section,
        another ``fresh=<token>`` makes a bench of its own.

    Returns
    -------
    PoweredBench
        The same object as long as file, its content and the options are the same.

    Raises
    ------
    NotInWorkspaceError
        If there is no such bench.
    BenchConfigError
        If an option or the bench file is wrong.
    """
    name, options = _read_specification(specification)
    config = load_bench(name)
    key = _Key(config.path, config.text, tuple(sorted(options.items())))
    with _LOCK:
        powered = _BENCHES.get(key)
        if powered is None:
            seed = options.get("seed")
            bench = SimulatedBench(
                config,
                seed=None if seed is None else int(seed),
                clock=options.get("clock"),
            )
            powered = _BENCHES[key] = PoweredBench(bench)
    return powered


def power_off(specification: str) -> None:
    """Switch a bench off; whoever names it next meets it as new.

    Parameters
    ----------
    specification : str
        As for :func:`power_on`; a bench that is not on stays off.
    """
    name, options = _read_specification(specification)
    wanted = tuple(sorted(options.items()))
    with _LOCK:
        for key in list(_BENCHES):
            # The file itself may be gone or edited by now.
            named = name == key.path.stem or Path(name).resolve() == key.path
            if named and key.options == wanted:
                _BENCHES.pop(key).switch_off()


def _read_specification(specification: str) -> tuple[str, dict[str, str]]:
    name, _, query = specification.removesuffix(SUFFIX).partition("?")
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise BenchConfigError(
                f"{specification!r}: unknown option {key!r}; known: {known}"
            )
        if key in options:
            raise BenchConfigError(f"{specification!r}: option {key!r} is given twice")
        options[key] = value
    seed = options.get("seed", "0")
    if not (seed.isascii() and seed.isdigit()):
        raise BenchConfigError(
            f"{specification!r}: seed must be a whole number from 0 on, not {seed!r}"
        )
    return name, options
