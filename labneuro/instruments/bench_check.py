"""Look a connected bench over without harm: identity, firmware, errors, wiring.

Nothing beyond 0 V is put out. What an instrument cannot tell, or what would drive its
outputs, is reported as not checked.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.errors import InstrumentError, LimitError, SafeStateError
from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.instruments.keithley_3700 import Keithley3700
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labneuro.instruments.base import Driver
    from labneuro.instruments.connection import ConnectedBench

OK, WARNING, FAILED, NOT_CHECKED = "ok", "warning", "FAILED", "not checked"

FIRMWARE: dict[str, tuple[str, str]] = {
    "Keithley 2636B": (r"([\d.]+)\s*$", "3.4."),
    "Keithley 2612A": (r"([\d.]+)\s*$", "2.2."),
    "Keithley 3706A": (r"([\w.]+)\s*$", "01.56"),
    "Tektronix AFG31000": (r"FV:\s*V?([\d.]+)", "1.6."),
    "Keysight 81160A": (r"([\d.-]+)\s*$", "1.0.3."),
    "Keysight MSO-X 3104T": (r"([\d.]+)\s*$", "07.20."),
    "Agilent B1500A": (r"([\w.]+)\s*$", "A.06.01."),
}
"""Where an identity holds the firmware, and how the one begins that is simulated: the
driver has been tried with no other."""

_QUIET = 1e-6  # A at most through an output at 0 V where nothing else drives
_FULL = 0.9  # of it counts as too much
_INTERLOCK_BIT = 1 << 11  # 2600BS-901-01 Rev. F p. 9-283
_INTERLOCKED_FROM = 20.0  # V, the ranges above need it (the same)


class Finding(NamedTuple):
    """What a check has found.

    Attributes
    ----------
    instrument : str
        Its name on the bench.
    check : str
        What was looked at.
    verdict : str
        ``"ok"``, ``"warning"``, ``"FAILED"`` or ``"not checked"``.
    text : str
        What was seen, or why it was not looked at.
    """

    instrument: str
    check: str
    verdict: str
    text: str


def check_bench(bench: ConnectedBench) -> list[Finding]:
    """Look at every instrument of a bench; the outputs stay off or at 0 V.

    Parameters
    ----------
    bench : ConnectedBench
        The bench, whose identities are those of the models in its file by now.

    Returns
    -------
    list of Finding
        By instrument, in the bench file's order.

    Raises
    ------
    SafeStateError
        If an output could not be made safe after a reading at 0 V.
    """
    found = []
    for name, driver in bench.drivers.items():
        identity = bench.identities[name]
        found.append(Finding(name, "identity", OK, identity))
        found.append(_firmware(name, bench.config.instruments[name].model, identity))
        checks: dict[str, Callable[[], tuple[str, str]]] = {
            "errors before": partial(_errors, bench, name),
            "self-test": partial(_self_test, driver),
            "interlock": partial(_interlock, bench, driver),
            **_wiring(bench, name),
            "errors after": partial(_errors, bench, name),
        }
        found += _carried_out(name, checks)
    return found


def _carried_out(
    name: str, checks: dict[str, Callable[[], tuple[str, str]]]
) -> Iterator[Finding]:
    for check, look in checks.items():
        try:
            yield Finding(name, check, *look())
        except SafeStateError:
            raise
        except (InstrumentError, LimitError) as error:
            yield Finding(name, check, FAILED, str(error))


def _firmware(name: str, model: str, identity: str) -> Finding:
    if model not in FIRMWARE:
        return Finding(name, "firmware", NOT_CHECKED, "no version is known")
    place, known = FIRMWARE[model]
    match = re.search(place, identity)
    version = match[1] if match else ""
    if version.startswith(known):
        return Finding(name, "firmware", OK, version)
    text = f"{version or 'none found'}; the driver has been tried with {known}* only"
    return Finding(name, "firmware", WARNING, text)


def _errors(bench: ConnectedBench, name: str) -> tuple[str, str]:
    errors = bench.drivers[name].errors
    return (FAILED, "; ".join(errors)) if errors else (OK, "none")


def _self_test(driver: Driver) -> tuple[str, str]:
    # TSP instruments answer 0 without a test; others may drive their outputs in it.
    if not isinstance(driver, Keithley2600 | Keithley3700):
        return NOT_CHECKED, "its self-test may drive the outputs"
    answer = float(driver.ask("*TST?"))
    return (OK, "passed") if answer == 0 else (FAILED, f"*TST? gave {answer:g}")


def _interlock(bench: ConnectedBench, driver: Driver) -> tuple[str, str]:
    if not isinstance(driver, Keithley2600):
        return NOT_CHECKED, "cannot be read"
    state = int(float(driver.ask("print(status.measurement.condition)")))
    text = f"INTERLOCK bit {int(bool(state & _INTERLOCK_BIT))}"
    if bench.limits.voltage <= _INTERLOCKED_FROM:
        return OK, f"{text}; not needed up to {show(_INTERLOCKED_FROM, 'V')}"
    return (
        WARNING,
        f"{text}; needed above {show(_INTERLOCKED_FROM, 'V')}: look yourself",
    )


def _wiring(
    bench: ConnectedBench, name: str
) -> dict[str, Callable[[], tuple[str, str]]]:
    """Return the look at the wires that an instrument's role allows."""
    looks: dict[str, Callable[[ConnectedBench], tuple[str, str]]] = {
        "source_meter": _quiet,
        "current_pulser": lambda _: (NOT_CHECKED, "it only puts out"),
        "switch_matrix": _open,
        "pulse_generator": lambda _: (NOT_CHECKED, "it only puts out"),
        "clock_generator": lambda _: (NOT_CHECKED, "it only puts out"),
        "gate_supply": lambda _: (NOT_CHECKED, "it only puts out"),
        "oscilloscope": lambda _: (NOT_CHECKED, "it sees nothing without a trigger"),
        "second_oscilloscope": lambda _: (NOT_CHECKED, "as the oscilloscope"),
    }
    return {
        f"wiring of {target}": partial(looks[role], bench)
        for role, target in bench.config.roles.items()
        if target.partition(".")[0] == name
    }


def _quiet(bench: ConnectedBench) -> tuple[str, str]:
    """Read the current of the source meter at 0 V; anything driving there shows."""
    meter = bench.source_meter
    most = min(_QUIET, bench.limits.current)
    try:
        meter.configure(
            compliance_current=most, current_range=most, power_line_cycles=1.0
        )
        meter.output_on()
        reading = meter.sweep(np.zeros(1), 0.02)
    finally:
        bench.make_safe()  # by a new connection, if need be
    current = float(reading.current[0])
    text = f"{show(current, 'A')} at 0 V"
    if reading.in_compliance or not abs(current) < _FULL * most:
        return FAILED, f"{text}: something drives this net"
    return OK, text


def _open(bench: ConnectedBench) -> tuple[str, str]:
    closed = bench.switch_matrix.closed()
    if closed:
        return WARNING, f"closed before any run: {', '.join(closed)}"
    return OK, "every relay is open"
