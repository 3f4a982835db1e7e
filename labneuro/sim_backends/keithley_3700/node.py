"""What the Series 3700A says of itself, and its small helpers: node, timer, bits.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``localnode.*``,
``memory.*``, ``timer.*``, ``bit.*``. Identity and serial number have the form that
ESRF's public driver and QCoDeS recorded from instruments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    add_settings,
    number,
    one_of,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized

    from labneuro.sim_backends.clock import Clock

MODEL, SERIAL, FIRMWARE = "3706A", "04447336", "01.56a"
IDENTITY = f"KEITHLEY INSTRUMENTS INC.,MODEL {MODEL},{SERIAL},{FIRMWARE}"
_PATTERN_SHARE, _CONFIGURATION_SHARE = 0.1, 0.5  # % of memory each; chosen
_NODE_SETTINGS = (
    Setting("showerrors", 0, whole(0, 1)),
    Setting("prompts4882", 1, whole(0, 1)),
    Setting("description", f"Keithley {MODEL} #{SERIAL}", text),
    Setting("emulation", 0, one_of((0, 3706))),
    Setting("password", "", text),
    Setting("passwordmode", 0, whole(0, 3)),
)


def local_node(
    line_frequency: float,
    reset: Callable[[], None],
    prompts: tuple[Callable[[], bool], Callable[[bool], None]],
) -> TspObject:
    """Return the ``localnode`` object.

    Parameters
    ----------
    line_frequency : float
        In Hz.
    reset : callable
        Resets the instrument.
    prompts : tuple of callable
        Says whether prompts are on, and switches them.
    """
    values: dict[str, float | str] = {}
    node = TspObject(
        getters={
            "model": lambda: "3706" if values["emulation"] else MODEL,
            "serialno": lambda: SERIAL,
            "revision": lambda: FIRMWARE,
            "linefreq": lambda: line_frequency,
            "license": lambda: "",
            "prompts": lambda: int(prompts[0]()),
        },
        setters={"prompts": lambda value: prompts[1](bool(one_of((0, 1))(value)))},
        functions={"reset": reset},
        objects={"OFF": 0, "EMULATION_3706": 3706},
    )
    add_settings(node, values, _NODE_SETTINGS)
    # The password can be set only.
    del node.getters["password"]
    return node


def timer(clock: Clock) -> TspObject:
    """Return the ``timer`` object."""
    start = [clock.now]

    def reset() -> None:
        start[0] = clock.now

    measure = TspObject(functions={"t": lambda: clock.now - start[0]})
    return TspObject(functions={"reset": reset}, objects={"measure": measure})


def memory(patterns: Callable[[], Sized], configurations: Sized) -> TspObject:
    """Return the ``memory`` object: percentages of system, scripts, patterns, DMM.

    Parameters
    ----------
    patterns : callable
        Returns the channel patterns.
    configurations : sized
        The user's DMM configurations.
    """

    def used() -> tuple[float, ...]:
        pattern = min(100.0, _PATTERN_SHARE * len(patterns()))
        configuration = min(100.0, _CONFIGURATION_SHARE * len(configurations))
        # Of the system and its scripts nothing else is counted.
        return (pattern + configuration) / 2, 0.0, pattern, configuration

    def written(values: Iterable[float]) -> str:
        return ", ".join(f"{value:.2f}" for value in values)

    return TspObject(
        functions={
            "available": lambda: written(100.0 - value for value in used()),
            "used": lambda: written(used()),
        }
    )


def _whole(value: object) -> int:
    return int(number(value))


def _weight(index: object) -> int:
    return 1 << (_whole(index) - 1)


def bits() -> TspObject:
    """Return the ``bit`` object: functions of whole numbers, bits counted from 1."""

    def get_field(value: object = None, at: object = None, width: object = None) -> int:
        mask = (1 << _whole(width)) - 1
        return _whole(value) // _weight(at) & mask

    def set_field(
        value: object = None,
        at: object = None,
        width: object = None,
        field: object = None,
    ) -> int:
        mask = (1 << _whole(width)) - 1
        cleared = _whole(value) & ~(mask * _weight(at))
        return cleared | (_whole(field) & mask) * _weight(at)

    return TspObject(
        functions={
            "bitand": lambda a=None, b=None: _whole(a) & _whole(b),
            "bitor": lambda a=None, b=None: _whole(a) | _whole(b),
            "bitxor": lambda a=None, b=None: _whole(a) ^ _whole(b),
            "clear": lambda a=None, at=None: _whole(a) & ~_weight(at),
            "get": lambda a=None, at=None: _whole(a) & _weight(at),
            "set": lambda a=None, at=None: _whole(a) | _weight(at),
            "test": lambda a=None, at=None: bool(_whole(a) & _weight(at)),
            "toggle": lambda a=None, at=None: _whole(a) ^ _weight(at),
            "getfield": get_field,
            "setfield": set_field,
        }
    )
