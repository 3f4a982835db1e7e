"""A simulated bench: instruments, wiring, device and clock, as a bench file says.

To add an instrument, write its class in a file of its own and name it in ``MODELS``.
"""

from __future__ import annotations

import copy
import zlib
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeGuard

import numpy as np
from pyvisa import rname

from labneuro import workspace
from labneuro.devices.base import MultiTerminalDevice, TwoTerminalDevice
from labneuro.devices.cards import Card
from labneuro.devices.catalog import load_device, parameter_units
from labneuro.devices.device_array import DeviceArray, member_seed
from labneuro.errors import BenchConfigError, CardError
from labneuro.sim_backends.base import BenchInstrument, Surroundings, Terminals
from labneuro.sim_backends.clock import Clock, RealClock, VirtualClock
from labneuro.sim_backends.drives import MEGOHM_INPUT
from labneuro.sim_backends.port_circuit import PortCircuit
from labneuro.sim_backends.wiring import GROUND, Circuit
from labneuro.units import validate_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.bench import BenchConfig, SimulationConfig


Device = TwoTerminalDevice | MultiTerminalDevice


class InstrumentModel(NamedTuple):
    """Where an instrument model is simulated.

    Attributes
    ----------
    path : str
        ``"module:Class"``; the module is imported when a bench needs it.
    stiff : str
        How the names of those terminals begin that hold a voltage with next to no
        resistance, so that two of them on one net would fight.
    vendor_library : str
        The maker's library through which it is spoken to, if not by VISA; its address
        is then a serial number.
    """

    path: str
    stiff: str = ""
    vendor_library: str = ""

    def load(self) -> type[BenchInstrument]:
        """Import and return the class."""
        module, _, name = self.path.partition(":")
        kind: type[BenchInstrument] = getattr(import_module(module), name)
        return kind


MODELS: dict[str, InstrumentModel] = {
    "Agilent B1500A": InstrumentModel(
        "labneuro.sim_backends.agilent_b1500a.instrument:AgilentB1500A", stiff="smu"
    ),
    "Keithley 2636B": InstrumentModel(
        "labneuro.sim_backends.keithley_2600.instrument:Keithley2636B", stiff="smu"
    ),
    "Keithley 2612A": InstrumentModel(
        "labneuro.sim_backends.keithley_2600.instrument:Keithley2612A", stiff="smu"
    ),
    "Tektronix AFG31000": InstrumentModel(
        "labneuro.sim_backends.tektronix_afg31000.instrument:TektronixAfg31000"
    ),
    "Tektronix AFG31252": InstrumentModel(
        "labneuro.sim_backends.tektronix_afg31000.instrument:TektronixAfg31252"
    ),
    "Keithley 3706A": InstrumentModel(
        "labneuro.sim_backends.keithley_3700.instrument:Keithley3706A"
    ),
    "Keysight MSO-X 3104T": InstrumentModel(
        "labneuro.sim_backends.keysight_msox3000.instrument:KeysightMsox3104T"
    ),
    "Keysight 81160A": InstrumentModel(
        "labneuro.sim_backends.keysight_81160a.instrument:Keysight81160A"
    ),
    "PicoScope 4824": InstrumentModel(
        "labneuro.sim_backends.picoscope_4000.instrument:PicoScope4824",
        vendor_library="ps4000a",
    ),
}

_RESOURCE_CLASSES = ("INSTR", "SOCKET", "RAW")
_TRIAL_VOLTAGE, _TRIAL_RESISTANCE, _TRIAL_TIME = 1e-3, 1e3, 1e-9  # V, ohm, s
_CLOCKS: dict[str, Callable[[], Clock]] = {"virtual": VirtualClock, "real": RealClock}


class SimulatedBench:
    """Everything that stands on a simulated bench.

    Parameters
    ----------
    config : BenchConfig
        The bench file.
    seed : int, optional
        In place of the file's seed.
    clock : str, optional
        ``"virtual"`` or ``"real"``, in place of the file's clock.

    Attributes
    ----------
    config : BenchConfig
    simulation : SimulationConfig
        The file's section with `seed` and `clock` put in.
    clock : Clock
    device : TwoTerminalDevice or MultiTerminalDevice
    circuit : Circuit
    instruments : dict of str to BenchInstrument
        By their name in the bench file.

    Raises
    ------
    BenchConfigError
        If the file asks for what cannot be simulated; one line with file and key.
    CardError
        If the device card is wrong.
    """

    def __init__(
        self, config: BenchConfig, seed: int | None = None, clock: str | None = None
    ) -> None:
        self.config = config
        self.simulation = _simulation(config, seed, clock)
        self.clock = _CLOCKS[self.simulation.clock]()
        self.device = _load_device(config, self.simulation)
        kinds = _load_kinds(config)
        _check_addresses(config)
        _check_terminals(config, _known_terminals(config, kinds, self.device))
        _check_stiff_outputs(config)
        _check_floating(config, self.device)
        self.circuit = _wire_circuit(config, self.clock, self.device)
        self.instruments = {
            name: kind(name, self._surroundings(name)) for name, kind in kinds.items()
        }
        self._wire_triggers(kinds)

    def _surroundings(self, name: str) -> Surroundings:
        # By name: another instrument on the bench must not change this one's noise.
        stream = (self.simulation.seed, zlib.crc32(name.encode()))
        return Surroundings(
            clock=self.clock,
            circuit=self.circuit,
            generator=np.random.default_rng(stream),
            line_frequency=self.simulation.line_frequency,
            noise=self.simulation.noise,
            modules=self.config.instruments[name].modules,
        )

    def _wire_triggers(self, kinds: dict[str, type[BenchInstrument]]) -> None:
        for source, target in self.config.wiring.triggers:
            sender, _, output = source.partition(".")
            receiver, _, entry = target.partition(".")
            _check_line(self.config, kinds[sender].trigger_outputs, source, "output")
            _check_line(self.config, kinds[receiver].trigger_inputs, target, "input")
            receive = partial(self.instruments[receiver].trigger_in, entry)
            self.instruments[sender].trigger_lines[output].append(receive)


def parse_address(address: str) -> rname.ResourceName:
    """Parse a VISA resource name, whose keywords may be in any case.

    Raises
    ------
    pyvisa.rname.InvalidResourceName
        If it is none.
    """
    parts = address.strip().split("::")
    parts[0] = parts[0].upper()
    if parts[-1].upper() in _RESOURCE_CLASSES:
        parts[-1] = parts[-1].upper()
        if parts[-2].upper() in _RESOURCE_CLASSES:
            del parts[-2]  # pyvisa makes "...::instr::INSTR" of a small "...::instr"
    return rname.parse_resource_name("::".join(parts))


def _refuse(config: BenchConfig, message: str) -> NoReturn:
    raise BenchConfigError(f"{config.path}: {message}")


def _simulation(
    config: BenchConfig, seed: int | None, clock: str | None
) -> SimulationConfig:
    if config.simulation is None:
        _refuse(config, "simulation: a simulated bench needs this section")
    if clock is not None and clock not in _CLOCKS:
        _refuse(config, f"clock must be 'virtual' or 'real', not {clock!r}")
    changes: dict[str, object] = {}
    if seed is not None:
        changes["seed"] = seed
    if clock is not None:
        changes["clock"] = clock
    return config.simulation.model_copy(update=changes)


def _load_kinds(config: BenchConfig) -> dict[str, type[BenchInstrument]]:
    kinds = {}
    for name, instrument in config.instruments.items():
        if instrument.model not in MODELS:
            known = ", ".join(sorted(MODELS))
            _refuse(
                config,
                f"instruments.{name}.model: {instrument.model!r} cannot be simulated; "
                f"known: {known}",
            )
        try:
            kinds[name] = MODELS[instrument.model].load()
        except ImportError as error:
            raise BenchConfigError(
                f"{config.path}: instruments.{name}.model: {instrument.model!r} cannot "
                f"be loaded: {error}"
            ) from error
    return kinds


def _check_addresses(config: BenchConfig) -> None:
    owners: dict[str, str] = {}
    for name, instrument in config.instruments.items():
        address = instrument.address
        if not MODELS[instrument.model].vendor_library:
            try:
                address = str(parse_address(address)).upper()
            except rname.InvalidResourceName as error:
                raise BenchConfigError(
                    f"{config.path}: instruments.{name}.address: {address!r} "
                    "is not a VISA resource name"
                ) from error
        if address in owners:
            _refuse(
                config,
                f"instruments.{name}.address: {instrument.address!r} is also "
                f"that of {owners[address]!r}",
            )
        owners[address] = name


def _check_line(
    config: BenchConfig, lines: tuple[str, ...], terminal: str, kind: str
) -> None:
    if terminal.partition(".")[2] not in lines:
        known = ", ".join(lines) or "none"
        _refuse(
            config,
            f"wiring.triggers: {terminal!r} is no trigger {kind}; known: {known}",
        )


def _known_terminals(
    config: BenchConfig,
    kinds: dict[str, type[BenchInstrument]],
    device: Device,
) -> dict[str, Terminals]:
    """Return the terminals of every instrument and of the device."""
    known = {"device": Terminals(contacts=device.terminals)}
    for name, kind in kinds.items():
        try:
            known[name] = kind.terminals_with(config.instruments[name].modules)
        except BenchConfigError as error:
            raise BenchConfigError(
                f"{config.path}: instruments.{name}.{error}"
            ) from error
    return known


def _check_terminals(config: BenchConfig, known: dict[str, Terminals]) -> None:
    wiring = config.wiring
    nets = [terminal for net in wiring.nets for terminal in net]
    ends = [end for one in wiring.resistors for end in one.between]
    for key, terminals in (("nets", nets), ("resistors", ends)):
        for terminal in terminals:
            if terminal != GROUND:
                owner, _, name = terminal.partition(".")
                _check_one(config, key, terminal, name in known[owner].all, known)
    for terminal in wiring.probes:
        owner, _, name = terminal.partition(".")
        _check_one(config, "probes", terminal, name in known[owner].inputs, known)


def _check_one(
    config: BenchConfig,
    key: str,
    terminal: str,
    found: bool,
    known: dict[str, Terminals],
) -> None:
    owner = terminal.partition(".")[0]
    if not found:
        of = known[owner]
        names = ", ".join(of.inputs if key == "probes" else of.all) or "none"
        kind = "voltage input" if key == "probes" else "terminal"
        _refuse(
            config,
            f"wiring.{key}: {terminal!r} is no {kind}; {owner!r} has: {names}",
        )


def _check_stiff_outputs(config: BenchConfig) -> None:
    for net in config.wiring.nets:
        stiff = [terminal for terminal in net if _is_stiff(config, terminal)]
        if len(stiff) > 1:
            _refuse(
                config,
                f"wiring.nets: {stiff[0]!r} and {stiff[1]!r} are both voltage sources "
                "without resistance and cannot share a net",
            )
        if stiff and GROUND in net:
            _refuse(
                config,
                f"wiring.nets: {stiff[0]!r} is a voltage source without resistance and "
                "cannot share a net with ground",
            )


def _is_stiff(config: BenchConfig, terminal: str) -> bool:
    owner, _, name = terminal.partition(".")
    instrument = config.instruments.get(owner)
    if instrument is None:
        return False
    begin = MODELS[instrument.model].stiff
    return bool(begin) and name.startswith(begin)


def _check_floating(config: BenchConfig, device: Device) -> None:
    """Refuse a device terminal from which no wire or resistor leads on.

    A device of many terminals may have some joined by a wire and nothing else.
    """
    alone = "device." if isinstance(device, TwoTerminalDevice) else ""
    resisted = {end for one in config.wiring.resistors for end in one.between}
    for name in device.terminals:
        terminal = f"device.{name}"
        net = next((net for net in config.wiring.nets if terminal in net), ())
        leads = [
            one
            for one in net
            if one != terminal and not (alone and one.startswith(alone))
        ]
        if net and not leads and not resisted.intersection(net):
            _refuse(
                config,
                f"wiring.nets: {terminal!r} floats: its net holds no instrument, no "
                "ground and no resistor",
            )


def _wire_circuit(config: BenchConfig, clock: Clock, device: Device) -> Circuit:
    resistors = [(*one.between, one.value) for one in config.wiring.resistors]
    tips = {
        f"{name}.{channel}": (division - 1.0) * MEGOHM_INPUT
        for name in config.instruments
        for channel, division in config.probe_divisions(name).items()
    }
    try:
        if isinstance(device, MultiTerminalDevice):
            return PortCircuit(clock, config.wiring.nets, device, resistors, tips)
        return Circuit(clock, config.wiring.nets, device, resistors, tips)
    except BenchConfigError as error:
        raise BenchConfigError(f"{config.path}: {error}") from error


def _load_device(config: BenchConfig, simulation: SimulationConfig) -> Device:
    """Return the device, or the array of devices that the bench file asks for."""
    path = workspace.find("card", simulation.card)
    card = validate_input(Card, workspace.read_yaml(path), str(path), CardError)
    known = parameter_units(config.device.model)
    overrides: dict[str, str | float] = {
        key: f"{length!r} m"
        for key, length in config.device.geometry.items()
        if key in known
    }
    overrides.update(simulation.overrides)
    # Of the file: another stream of noise must not put another device there.
    drawn_by = config.simulation.drawn_by if config.simulation else None

    def member(index: int) -> Device:
        return load_device(
            config.device.model,
            card,
            str(path),
            overrides,
            draw=simulation.draw_device,
            seed=member_seed(simulation.seed, index),
            device_seed=None if drawn_by is None else member_seed(drawn_by, index),
        )

    count = config.device.array
    if count is None:
        return _compiled(member(0))
    members = [one for one in map(member, range(count)) if _is_two_terminal(one)]
    if len(members) < count:
        _refuse(
            config,
            f"device.array: {config.device.model!r} has more than two terminals; an "
            "array is of devices with two",
        )
    _compiled(members[0])
    return DeviceArray(members)


def _compiled(device: Device) -> Device:
    """Have a model's loops compiled now: later an instrument's time-out would pay."""
    if isinstance(device, TwoTerminalDevice):
        trial = copy.deepcopy(device)
        trial.operating_point(_TRIAL_VOLTAGE, _TRIAL_RESISTANCE)
        trial.advance_behind(_TRIAL_VOLTAGE, _TRIAL_RESISTANCE, _TRIAL_TIME)
        trial.steady_for(_TRIAL_VOLTAGE, _TRIAL_RESISTANCE)
    return device


def _is_two_terminal(device: Device) -> TypeGuard[TwoTerminalDevice]:
    return isinstance(device, TwoTerminalDevice)
