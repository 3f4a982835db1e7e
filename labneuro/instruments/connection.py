"""A bench whose instruments are connected: drivers, roles, limits, safe end."""

from __future__ import annotations

import logging
import re
import uuid
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pyvisa

from labneuro.errors import (
    BenchConfigError,
    InstrumentError,
    LabneuroError,
    SafeStateError,
)
from labneuro.instruments import signals
from labneuro.instruments.bench_lock import hold_bench
from labneuro.instruments.catalog import driver_entry
from labneuro.instruments.device_circuit import device_circuit
from labneuro.instruments.guard import Guard
from labneuro.instruments.roles import Oscilloscope
from labneuro.instruments.vendor_libraries import vendor_library
from labneuro.instruments.watchdog import orders_for, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.bench import BenchConfig, InstrumentConfig, Role
    from labneuro.instruments.base import Driver
    from labneuro.instruments.roles import (
        CurrentPulser,
        GateSupply,
        PulseGenerator,
        SafeInstrument,
        SourceMeter,
        SwitchMatrix,
    )
    from labneuro.instruments.watchdog import Watchdog
    from labneuro.safety import Limits

# Stimuli end first, then what measures and holds the device's other side; relays move
# when nothing drives them.
_SAFE_ORDER: tuple[Role, ...] = (
    "pulse_generator",
    "clock_generator",
    "current_pulser",
    "source_meter",
    "gate_supply",
    "switch_matrix",
    "oscilloscope",
    "second_oscilloscope",
)
_HURRIED = 0.3  # s for an answer once a second signal has come
_log = logging.getLogger(__name__)


@dataclass
class ConnectedBench:
    """Open instruments of a bench, by role.

    Attributes
    ----------
    config : BenchConfig
        The bench file.
    limits : Limits
        Tightest limits of bench and device.
    identities : dict of str to str
        What each instrument answered to ``*IDN?``.
    drivers : dict of str to Driver
        By the instrument's name.
    roles : dict of str to SafeInstrument
        By role.
    library : str
        The VISA library's specification.
    watchdog : Watchdog, optional
        What makes a bench on hardware safe if this process cannot.
    hurried : bool
        Whether a second signal has asked for the end at once.
    guard : Guard
        Checks and counts every set-point of all roles.
    """

    config: BenchConfig
    limits: Limits
    identities: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, Driver] = field(default_factory=dict)
    roles: dict[str, SafeInstrument] = field(default_factory=dict)
    library: str = ""
    watchdog: Watchdog | None = None
    hurried: bool = False
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        """Wire the guard as the bench file says."""
        self.guard = Guard(self.limits, device_circuit(self.config))

    @property
    def source_meter(self) -> SourceMeter:
        """The channel that sources a voltage and measures the current."""
        return cast("SourceMeter", self._role("source_meter"))

    @property
    def current_pulser(self) -> CurrentPulser:
        """The channel that sources current pulses and measures the voltage."""
        return cast("CurrentPulser", self._role("current_pulser"))

    @property
    def pulse_generator(self) -> PulseGenerator:
        """The channel that plays pulses."""
        return cast("PulseGenerator", self._role("pulse_generator"))

    @property
    def clock_generator(self) -> PulseGenerator:
        """The channel that plays the clock beside the pulses."""
        return cast("PulseGenerator", self._role("clock_generator"))

    @property
    def gate_supply(self) -> GateSupply:
        """The channel that holds the gate of a series transistor."""
        return cast("GateSupply", self._role("gate_supply"))

    @property
    def oscilloscope(self) -> Oscilloscope:
        """The instrument that captures voltages in time."""
        return cast("Oscilloscope", self._role("oscilloscope"))

    @property
    def second_oscilloscope(self) -> Oscilloscope:
        """The instrument that captures what the oscilloscope has no channel for."""
        return cast("Oscilloscope", self._role("second_oscilloscope"))

    @property
    def switch_matrix(self) -> SwitchMatrix:
        """The relays that route terminals."""
        return cast("SwitchMatrix", self._role("switch_matrix"))

    @property
    def trigger_line(self) -> str:
        """The source meter's output that triggers the pulse generator."""
        source = self.config.roles["source_meter"].partition(".")[0]
        target = self.config.roles["pulse_generator"].partition(".")[0]
        return self.config.trigger_line(source, target)

    def _role(self, name: Role) -> SafeInstrument:
        if name not in self.roles:
            raise BenchConfigError(
                f"{self.config.path}: roles.{name}: this key is missing; "
                "the protocol needs it"
            )
        return self.roles[name]

    def make_safe(self) -> None:
        """Bring every output to its safe state, in order, whatever fails.

        Raises
        ------
        SafeStateError
            After all were tried, naming each that could not be made safe.
        """
        with signals.uninterrupted():
            if self.hurried:
                self.hurry()
            tried = [self._make_one_safe(one) for one in _SAFE_ORDER]
            failed = [reason for reason in tried if reason]
            if failed:
                raise SafeStateError("not made safe: " + "; ".join(failed))

    def hurry(self) -> None:
        """Wait for no instrument any longer than it takes to answer at once."""
        self.hurried = True
        for name, driver in self.drivers.items():
            try:
                driver.hurry(_HURRIED)
            except Exception as error:  # a session that is gone has no time-out
                _log.debug("instruments.%s: %s", name, error)

    def check_watchdog(self) -> None:
        """Raise if the watchdog has acted or ended: what is measured then is void.

        Raises
        ------
        InstrumentError
            With what it said.
        """
        if self.watchdog is not None:
            self.watchdog.check()

    def _make_one_safe(self, role: Role) -> str:
        """Make a role's output safe, by a new connection if need be; say why not."""
        if role not in self.roles:
            return ""
        target = self.config.roles[role]
        reasons: list[str] = []
        for attempt in (self._keep_connection, self._reconnect):
            try:
                with signals.step():
                    attempt(target.partition(".")[0])
                self.roles[role].make_safe()
            except (Exception, KeyboardInterrupt) as error:  # the other outputs first
                reason = str(error) or type(error).__name__
                if reason not in reasons:
                    reasons.append(reason)
            else:
                if reasons:
                    _log.warning("%s: made safe by a new connection", target)
                return ""
        return f"{role} ({target}): {'; by a new connection: '.join(reasons)}"

    def _keep_connection(self, name: str) -> None:
        """Go on with an instrument's connection as it is."""

    def _reconnect(self, name: str) -> None:
        """Open an instrument anew: its connection may be what is broken."""
        try:
            self.drivers[name].disconnect()
        except Exception as error:  # it may be gone; some instruments take only one
            _log.debug("instruments.%s: not closed: %s", name, error)
        instrument = self.config.instruments[name]
        timeout = _HURRIED if self.hurried else instrument.timeout
        again = instrument.model_copy(update={"timeout": timeout})
        self.drivers[name] = _open(name, again, self.library)
        for role, target in self.config.roles.items():
            if role in self.roles and target.partition(".")[0] == name:
                self.roles[role] = _fill(self, role)

    def errors(self) -> dict[str, list[str]]:
        """Return and empty every instrument's error queue, by instrument."""
        return {name: list(driver.errors) for name, driver in self.drivers.items()}


@contextmanager
def connect(config: BenchConfig, seed: int | None = None) -> Iterator[ConnectedBench]:
    """Open the instruments of a bench; leave with every output safe and off.

    A bench on hardware is locked against other processes and watched. In the main
    thread a first SIGINT, SIGTERM or SIGHUP ends the block by `KeyboardInterrupt`, a
    second one shortens the waits on the way out.

    Parameters
    ----------
    config : BenchConfig
        The bench.
    seed : int, optional
        Seed of a simulated bench, in place of the bench file's.

    Raises
    ------
    BenchInUseError
        If another process holds the bench or one of its instruments.
    InstrumentError
        If an instrument does not answer or is another model, or the watchdog does not
        start.
    SafeStateError
        If an output could not be made safe at the end.
    """
    for name in config.instruments:
        _check_model(config, name)
    bench = ConnectedBench(config, config.safe_limits)
    bench.library = _visa_library(config, seed)
    with ExitStack() as around:
        guard = around.enter_context(signals.SignalGuard(bench.hurry))
        _watch(bench, around)
        try:
            try:
                _open_all(bench)
                if bench.watchdog is not None:
                    bench.watchdog.wait_armed()
                yield bench
            finally:
                guard.hold()
        finally:  # also if the first signal comes just before the guard holds
            guard.hold()
            try:
                bench.make_safe()
            finally:
                _close_all(bench)


def _watch(bench: ConnectedBench, around: ExitStack) -> None:
    """Hold and watch a bench on hardware; a simulated one lives in this process."""
    if bench.config.simulated:
        return
    locks = around.enter_context(hold_bench(bench.config))
    messages = {
        name: driver_entry(one.model).safe_messages()
        for name, one in bench.config.instruments.items()
    }
    if any(messages.values()):
        orders = orders_for(bench.config, messages)
        bench.watchdog = around.enter_context(watch(orders, locks))


def _visa_library(config: BenchConfig, seed: int | None) -> str:
    if not config.simulated:
        return config.visa_library
    # A token of its own: each connection finds a bench just switched on.
    options = f"fresh={uuid.uuid4().hex}"
    if seed is not None:
        options += f"&seed={seed}"
    return f"{config.path}?{options}{config.visa_library}"


def _open_all(bench: ConnectedBench) -> None:
    for name, instrument in bench.config.instruments.items():
        bench.drivers[name] = _open(name, instrument, bench.library)
        bench.identities[name] = _identify(name, instrument, bench.drivers[name])
    for role in bench.config.roles:
        bench.roles[role] = _fill(bench, role)


def _fill(bench: ConnectedBench, role: Role) -> SafeInstrument:
    """Return what fills a role of a bench."""
    owner, _, channel = bench.config.roles[role].partition(".")
    entry = driver_entry(bench.config.instruments[owner].model)
    try:
        filled = entry.role_class(role)(bench.drivers[owner], channel, bench.guard)
    except BenchConfigError as error:
        raise BenchConfigError(f"{bench.config.path}: {error}") from error
    if isinstance(filled, Oscilloscope):
        filled.probes = bench.config.probe_divisions(owner)
    return filled


def _check_model(config: BenchConfig, name: str) -> None:
    try:
        driver_entry(config.instruments[name].model)
    except BenchConfigError as error:
        raise BenchConfigError(f"{config.path}: instruments.{name}: {error}") from error


def _open(name: str, instrument: InstrumentConfig, library: str) -> Driver:
    entry = driver_entry(instrument.model)
    driver_class = entry.driver_class()
    try:
        if entry.vendor_library:
            functions = vendor_library(entry.vendor_library, library)
            return driver_class(instrument.address, functions)
        with warnings.catch_warnings():
            # What pyvisa-py says about GPIB, whatever instrument is opened.
            warnings.filterwarnings("ignore", "GPIB library not found")
            return driver_class(
                instrument.address,
                visa_library=library,
                timeout=round(instrument.timeout * 1000),
            )
    except LabneuroError as error:
        if entry.vendor_library:
            raise InstrumentError(f"instruments.{name}: {error}") from error
        raise
    except (pyvisa.errors.Error, OSError, ValueError) as error:
        raise InstrumentError(
            f"instruments.{name}: {instrument.address} cannot be opened: {error}"
        ) from error


def _identify(name: str, instrument: InstrumentConfig, driver: Driver) -> str:
    try:
        identity = str(driver.identity).strip()
    except InstrumentError as error:
        raise InstrumentError(
            f"instruments.{name}: {instrument.address} does not answer *IDN?: {error}"
        ) from error
    pattern = driver_entry(instrument.model).identity_pattern
    if not re.search(pattern, identity):
        raise InstrumentError(
            f"instruments.{name}: {identity!r} is no {instrument.model}; "
            "check the address"
        )
    return identity


def _close_all(bench: ConnectedBench) -> None:
    closing = {
        f"instruments.{name}": one.disconnect for name, one in bench.drivers.items()
    }
    if bench.config.simulated:
        backend: Any = pyvisa.highlevel.open_visa_library(bench.library)
        closing["bench"] = backend.power_off
    for name, close in closing.items():
        try:
            close()
        except Exception as error:  # the other connections are closed, too
            _log.warning("%s: not closed: %s", name, error)
