"""The wiring of a bench file as what bounds the current through its device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError
from labneuro.instruments.catalog import driver_entry
from labneuro.instruments.stress import (
    CLOCK,
    GATE,
    GENERATOR,
    METER,
    PULSER,
    DeviceCircuit,
    DeviceTerminal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labneuro.bench import BenchConfig, Wiring
    from labneuro.instruments.catalog import DriverEntry

_OUTPUTS = (GENERATOR, CLOCK, METER, PULSER, GATE)
_GROUND = "ground"
_SWITCH = ("switch_matrix",)
_SCOPE = ("oscilloscope", "second_oscilloscope")
_Node = frozenset[str]


def device_circuit(bench: BenchConfig) -> DeviceCircuit:
    """Return how the device of a bench is joined to its outputs.

    Oscilloscope inputs carry no current worth a limit. Any relays of a switch matrix
    may be closed. A channel that fills no role, or ground, is taken to bound nothing,
    and so is a device terminal that the bench file does not name.

    Parameters
    ----------
    bench : BenchConfig
        The bench.

    Raises
    ------
    BenchConfigError
        If no driver is known for an instrument.
    """
    entries = {name: _entry(bench, name) for name in bench.instruments}
    targets = {role: bench.roles[role] for role in _OUTPUTS if role in bench.roles}
    roles: dict[str, str] = {}
    for role, target in targets.items():
        roles.setdefault(target, role)
    filled = {role: entries[_owner(target)] for role, target in targets.items()}
    nodes = _Nodes(bench.wiring, roles, entries)
    named = nodes.device_terminals()
    places = dict.fromkeys(nodes.node(terminal) for terminal in named)
    missing = (DeviceTerminal(open_ended=True),) * max(0, 2 - len(named))
    return DeviceCircuit(
        terminals=(*(nodes.terminal(place) for place in places), *missing),
        resistances={role: one.output_resistance for role, one in filled.items()},
        limits={
            role: one.limits.named("instrument limit") for role, one in filled.items()
        },
        overheads={role: one.overhead for role, one in filled.items()},
        poles=(*nodes.poles(places), *missing),
        shared={
            role: roles[target]
            for role, target in targets.items()
            if roles[target] != role
        },
    )


def _entry(bench: BenchConfig, name: str) -> DriverEntry:
    try:
        return driver_entry(bench.instruments[name].model)
    except BenchConfigError as error:
        raise BenchConfigError(f"{bench.path}: instruments.{name}: {error}") from error


def _owner(terminal: str) -> str:
    return terminal.partition(".")[0]


class _Nodes:
    """The nets of a bench, each with all the terminals that are joined."""

    def __init__(
        self,
        wiring: Wiring,
        roles: Mapping[str, str],
        entries: Mapping[str, DriverEntry],
    ) -> None:
        self._roles, self._entries = roles, entries
        self._resistors = wiring.resistors
        self._nets = [frozenset(net) for net in wiring.nets if _GROUND not in net]
        grounded = (set(net) for net in wiring.nets if _GROUND in net)
        self._nets.append(frozenset({_GROUND}.union(*grounded)))
        ends = (end for one in wiring.resistors for end in one.between)
        named = dict.fromkeys((*(one for net in wiring.nets for one in net), *ends))
        self._named = list(named)

    def device_terminals(self) -> list[str]:
        """Return the device's terminals that the wiring names."""
        return [one for one in self._named if _owner(one) == "device"]

    def node(self, terminal: str) -> _Node:
        """Return all terminals that a terminal is joined to, itself included."""
        nets = (net for net in self._nets if terminal in net)
        return next(nets, frozenset({terminal}))

    def terminal(self, node: _Node) -> DeviceTerminal:
        """Return what can drive a current through a terminal of the device."""
        joined = node.union(*self._switched(node))
        return DeviceTerminal(
            outputs=tuple(
                sorted(self._roles[one] for one in joined & set(self._roles))
            ),
            conductance=sum(
                sum(end in joined for end in one.between) / one.value
                for one in self._resistors
                if self.node(one.between[0]) != self.node(one.between[1])
            ),
            open_ended=any(self._is_open(one) for one in joined),
        )

    def poles(self, places: Iterable[_Node]) -> list[DeviceTerminal]:
        """Return everything that the nets of the device can be joined to."""
        reached, waiting = set[_Node](), list(places)
        while waiting:
            node = waiting.pop()
            if node in reached:
                continue
            reached.add(node)
            waiting += self._switched(node)
            for one in self._resistors:
                ends = [self.node(end) for end in one.between]
                waiting += ends if node in ends else []
        every = sorted(frozenset[str]().union(*reached))
        sources = [one for one in every if one in self._roles or self._is_open(one)]
        return [
            DeviceTerminal((self._roles[one],))
            if one in self._roles
            else DeviceTerminal(open_ended=True)
            for one in sources
        ]

    def _switched(self, node: _Node) -> list[_Node]:
        """Return the nets that relays may join to a net."""
        switches = {_owner(one) for one in node if self._fills_only(one, _SWITCH)}
        return [self.node(one) for one in self._named if _owner(one) in switches]

    def _is_open(self, terminal: str) -> bool:
        """Whether a terminal may draw any current."""
        known = terminal in self._roles or _owner(terminal) == "device"
        idle = self._fills_only(terminal, _SWITCH) or self._fills_only(terminal, _SCOPE)
        return not (known or idle)

    def _fills_only(self, terminal: str, roles: tuple[str, ...]) -> bool:
        entry = self._entries.get(_owner(terminal))
        return entry is not None and set(entry.roles) <= set(roles)
