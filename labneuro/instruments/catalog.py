"""The instrument models that a bench file may name, and what drives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, cast

from labneuro.errors import BenchConfigError
from labneuro.safety import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.instruments.base import Driver
    from labneuro.instruments.guard import Guard
    from labneuro.instruments.roles import SafeInstrument

    RoleClass = Callable[[Driver, str, Limits | Guard], SafeInstrument]


@dataclass(frozen=True)
class DriverEntry:
    """How a model is driven; modules are imported when asked for.

    Attributes
    ----------
    driver : str
        Import path of the driver, ``"module:class"``.
    identity_pattern : str
        Regular expression that the answer to ``*IDN?`` must contain.
    roles : mapping of str to str
        Import path of the class that fills each role.
    vendor_library : str
        Name of the vendor's library that the driver calls in place of VISA; it is then
        made of a serial number and the library.
    limits : Limits
        What the model can put out at most, known without asking it.
    output_resistance : float
        The smallest that can be behind an output, in ohm; 0 if it counts as none.
    overhead : float
        How much longer than its settling and its integration the level of a reading
        may last, in s.
    """

    driver: str
    identity_pattern: str
    roles: Mapping[str, str]
    vendor_library: str = ""
    limits: Limits = field(default_factory=Limits)
    output_resistance: float = 0.0
    overhead: float = 0.0

    def driver_class(self) -> Callable[..., Driver]:
        """Return the driver's class."""
        return cast("Callable[..., Driver]", _load(self.driver))

    def safe_messages(self) -> tuple[str, ...]:
        """Return what makes the instrument safe, for whoever has no driver left."""
        messages: tuple[str, ...] = getattr(_load(self.driver), "safe_messages", ())
        return messages

    def role_class(self, role: str) -> RoleClass:
        """Return the class that fills a role; made of driver, channel name and limits.

        Raises
        ------
        BenchConfigError
            If the model cannot fill it.
        """
        if role not in self.roles:
            raise BenchConfigError(
                f"roles.{role}: the instrument fills only {', '.join(self.roles)}"
            )
        return cast("RoleClass", _load(self.roles[role]))


def _load(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


_HERE = "labneuro.instruments"
# 200 V and steady 1.5 A, though not both at once (2636B and 2612A specifications).
_KEITHLEY_2600 = Limits(voltage=200.0, current=1.5)

DRIVERS: Mapping[str, DriverEntry] = {
    "Keithley 2636B": DriverEntry(
        driver=f"{_HERE}.keithley_2600:Keithley2600",
        identity_pattern=r"(?i)keithley instruments.*\bmodel 2636B\b",
        roles={
            "source_meter": (
                f"{_HERE}.keithley_2600_source_meter:Keithley2600SourceMeter"
            ),
            "current_pulser": (
                f"{_HERE}.keithley_2600_current_pulser:Keithley2600CurrentPulser"
            ),
            "gate_supply": (
                f"{_HERE}.keithley_2600_gate_supply:Keithley2600GateSupply"
            ),
        },
        limits=_KEITHLEY_2600,
        overhead=2e-3,
    ),
    "Keithley 2612A": DriverEntry(
        driver=f"{_HERE}.keithley_2600:Keithley2612",
        identity_pattern=r"(?i)keithley instruments.*\bmodel 2612A\b",
        roles={
            "source_meter": (
                f"{_HERE}.keithley_2600_programming:Keithley2612Programmer"
            ),
            "current_pulser": (
                f"{_HERE}.keithley_2600_current_pulser:Keithley2600CurrentPulser"
            ),
            "gate_supply": (
                f"{_HERE}.keithley_2600_gate_supply:Keithley2600GateSupply"
            ),
        },
        limits=_KEITHLEY_2600,
        overhead=2e-3,
    ),
    "Tektronix AFG31000": DriverEntry(
        driver=f"{_HERE}.tektronix_afg31000:TektronixAFG31000",
        identity_pattern=r"(?i)^\s*tektronix\s*,\s*AFG31\d{3}\b",
        roles={
            "pulse_generator": (
                f"{_HERE}.tektronix_afg31000_pulses:Afg31000PulseGenerator"
            )
        },
        limits=Limits(voltage=10.0),  # open output, the models with the widest span
        output_resistance=50.0,
    ),
    "Keithley 3706A": DriverEntry(
        driver=f"{_HERE}.keithley_3700:Keithley3700",
        identity_pattern=r"(?i)keithley instruments.*\bmodel 3706A\b",
        roles={
            "switch_matrix": (
                f"{_HERE}.keithley_3700_switch_matrix:Keithley3700SwitchMatrix"
            )
        },
    ),
    "Keysight MSO-X 3104T": DriverEntry(
        driver=f"{_HERE}.keysight_msox3000:KeysightMSOX3000",
        identity_pattern=r"(?i)^\s*(agilent|keysight) technologies\s*,\s*MSO-X 3104T\b",
        roles={
            "oscilloscope": (
                f"{_HERE}.keysight_msox3000_oscilloscope:Msox3000Oscilloscope"
            ),
            "second_oscilloscope": (
                f"{_HERE}.keysight_msox3000_oscilloscope:Msox3000Oscilloscope"
            ),
        },
    ),
    "Keysight 81160A": DriverEntry(
        driver=f"{_HERE}.keysight_81160a:Keysight81160A",
        identity_pattern=r"(?i)^\s*(agilent|keysight) technologies\s*,\s*81160A\b",
        roles={
            "pulse_generator": (
                f"{_HERE}.keysight_81160a_pulses:Keysight81160APulseGenerator"
            ),
            "clock_generator": (
                f"{_HERE}.keysight_81160a_pulses:Keysight81160AClockGenerator"
            ),
        },
        limits=Limits(voltage=10.0),  # open output
        output_resistance=5.0,  # or 50 ohm, as it is set
    ),
    "PicoScope 4824": DriverEntry(
        driver=f"{_HERE}.picoscope_4000:PicoScope4000",
        identity_pattern=r"^Pico Technology,PicoScope 4824\b",
        roles={
            "oscilloscope": (
                f"{_HERE}.picoscope_4000_oscilloscope:PicoScope4000Oscilloscope"
            ),
            "second_oscilloscope": (
                f"{_HERE}.picoscope_4000_oscilloscope:PicoScope4000Oscilloscope"
            ),
        },
        vendor_library="ps4000a",
    ),
    "Agilent B1500A": DriverEntry(
        driver=f"{_HERE}.agilent_b1500a:AgilentB1500A",
        identity_pattern=r"(?i)^\s*(agilent|keysight) technologies\s*,\s*B1500A\b",
        roles={
            "source_meter": (
                f"{_HERE}.agilent_b1500a_source_meter:AgilentB1500ASourceMeter"
            )
        },
        limits=Limits(voltage=200.0, current=1.0),  # of the HPSMU
        overhead=30e-3,
    ),
}


def driver_entry(model: str) -> DriverEntry:
    """Return how a model is driven.

    Parameters
    ----------
    model : str
        As in a bench file, such as ``"Keithley 2636B"``.

    Raises
    ------
    BenchConfigError
        If no driver is known; lists the known models.
    """
    if model not in DRIVERS:
        raise BenchConfigError(
            f"model {model!r} is not known; known: {', '.join(DRIVERS)}"
        )
    return DRIVERS[model]
