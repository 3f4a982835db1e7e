"""A bench whose instruments are connected: drivers, roles, limits, safe end."""

from __future__ import annotations

import logging
import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pyvisa

from labneuro.errors import (
    BenchConfigError,
    InstrumentError,
    LabneuroError,
    SafeStateError,
)
from labneuro.instruments.catalog import driver_entry
from labneuro.instruments.vendor_libraries import vendor_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.bench import BenchConfig, InstrumentConfig, Role
    from labneuro.instruments.base import Driver
    from labneuro.instruments.roles import (
        Oscilloscope,
        PulseGenerator,
        SafeInstrument,
        SourceMeter,
        SwitchMatrix,
    )
    from labneuro.safety import Limits

# Stimuli end first, then what measures and holds the device's other side; relays move
# when nothing drives them.
_SAFE_ORDER: tuple[Role, ...] = (
    "pulse_generator",
    "source_meter",
    "switch_matrix",
    "oscilloscope",
)
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
    """

    config: BenchConfig
    limits: Limits
    identities: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, Driver] = field(default_factory=dict)
    roles: dict[str, SafeInstrument] = field(default_factory=dict)

    @property
    def source_meter(self) -> SourceMeter:
        """The channel that sources a voltage and measures the current."""
        return cast("SourceMeter", self._role("source_meter"))

    @property
    def pulse_generator(self) -> PulseGenerator:
        """The channel that plays pulses."""
        return cast("PulseGenerator", self._role("pulse_generator"))

    @property
    def oscilloscope(self) -> Oscilloscope:
        """The instrument that captures voltages in time."""
        return cast("Oscilloscope", self._role("oscilloscope"))

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
        failed = []
        for name in _SAFE_ORDER:
            if name not in self.roles:
                continue
            try:
                self.roles[name].make_safe()
            except (Exception, KeyboardInterrupt) as error:  # the other outputs first
                reason = str(error) or type(error).__name__
                failed.append(f"{name} ({self.config.roles[name]}): {reason}")
        if failed:
            raise SafeStateError("not made safe: " + "; ".join(failed))

    def errors(self) -> dict[str, list[str]]:
        """Return and empty every instrument's error queue, by instrument."""
        return {name: list(driver.errors) for name, driver in self.drivers.items()}


@contextmanager
def connect(config: BenchConfig, seed: int | None = None) -> Iterator[ConnectedBench]:
    """Open the instruments of a bench; leave with every output safe and off.

    Parameters
    ----------
    config : BenchConfig
        The bench.
    seed : int, optional
        Seed of a simulated bench, in place of the bench file's.

    Raises
    ------
    InstrumentError
        If an instrument does not answer or is another model.
    SafeStateError
        If an output could not be made safe at the end.
    """
    bench = ConnectedBench(config, config.safe_limits)
    library = _visa_library(config, seed)
    try:
        _open_all(bench, library)
        yield bench
    finally:
        try:
            bench.make_safe()
        finally:
            _close_all(bench, library)


def _visa_library(config: BenchConfig, seed: int | None) -> str:
    if not config.simulated:
        return config.visa_library
    # A token of its own: each connection finds a bench just switched on.
    options = f"fresh={uuid.uuid4().hex}"
    if seed is not None:
        options += f"&seed={seed}"
    return f"{config.path}?{options}{config.visa_library}"


def _open_all(bench: ConnectedBench, library: str) -> None:
    for name, instrument in bench.config.instruments.items():
        _check_model(bench.config, name)
        bench.drivers[name] = _open(name, instrument, library)
        bench.identities[name] = _identify(name, instrument, bench.drivers[name])
    for role, target in bench.config.roles.items():
        owner, _, channel = target.partition(".")
        entry = driver_entry(bench.config.instruments[owner].model)
        try:
            role_class = entry.role_class(role)
            bench.roles[role] = role_class(bench.drivers[owner], channel, bench.limits)
        except BenchConfigError as error:
            raise BenchConfigError(f"{bench.config.path}: {error}") from error


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


def _close_all(bench: ConnectedBench, library: str) -> None:
    closing = {
        f"instruments.{name}": one.disconnect for name, one in bench.drivers.items()
    }
    if bench.config.simulated:
        backend: Any = pyvisa.highlevel.open_visa_library(library)
        closing["bench"] = backend.power_off
    for name, close in closing.items():
        try:
            close()
        except Exception as error:  # the other connections are closed, too
            _log.warning("%s: not closed: %s", name, error)
