"""The ``dmm`` of the Series 3700A as its Lua sees it.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``dmm.*``. The numbers
of the constants are the manual's where its text gives them; those of units, filters and
math formats are chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_3700.buffer import LARGEST_CAPACITY, DmmBuffer
from labneuro.sim_backends.keithley_3700.channels import CONFLICT
from labneuro.sim_backends.keithley_3700.dmm_settings import NO_FUNCTION, SETTINGS
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import TspProblem, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.keithley_3700.dmm import Dmm

_LARGEST_COUNT = 450_000  # chosen
_NO_DRIVE = 1100  # no USB flash drive is plugged in; number as "Command Unavailable"
_LIMITS = (1, 2)
_RANGED = ("aperture", "nplc", "range", "autorange")
# Reading these where the function has none notes an error besides the nil (manual).
_STRICT = frozenset(("autodelay", "autorange", "inputdivider"))
CONSTANTS: dict[str | int, object] = {
    "OFF": 0,
    "ON": 1,
    "AUTOZERO_ONCE": 2,
    "AUTODELAY_ONCE": 2,
    "CONNECT_NONE": 0,
    "CONNECT_TWO_WIRE": 1,
    "CONNECT_FOUR_WIRE": 3,
    "CONNECT_AMPS": 4,
    "CONNECT_TWO_WIRE_AMPS": 5,
    "CONNECT_ALL": 7,
    "DIGITS_3_5": 3,
    "DIGITS_4_5": 4,
    "DIGITS_5_5": 5,
    "DIGITS_6_5": 6,
    "DIGITS_7_5": 7,
    "FILTER_MOVING_AVG": 0,
    "FILTER_REPEAT_AVG": 1,
    "MATH_NONE": 0,
    "MATH_MXB": 1,
    "MATH_PERCENT": 2,
    "MATH_RECIPROCAL": 3,
    "REF_JUNCTION_SIMULATED": 0,
    "REF_JUNCTION_INTERNAL": 1,
    "REF_JUNCTION_EXTERNAL": 2,
    "RTD_PT100": 0,
    "RTD_D100": 1,
    "RTD_F100": 2,
    "RTD_PT385": 3,
    "RTD_PT3916": 4,
    "RTD_USER": 5,
    "TEMP_THERMOCOUPLE": 1,
    "TEMP_THERMISTOR": 2,
    "TEMP_THREERTD": 3,
    "TEMP_FOURRTD": 4,
    **{f"THERMOCOUPLE_{letter}": index for index, letter in enumerate("JKTERSBN")},
    "UNITS_VOLTS": 0,
    "UNITS_DECIBELS": 1,
    "UNITS_CELSIUS": 0,
    "UNITS_KELVIN": 2,
    "UNITS_FAHRENHEIT": 3,
    "AC_CURRENT": "accurrent",
    "AC_VOLTS": "acvolts",
    "COMMON_SIDE_OHMS": "commonsideohms",
    "CONTINUITY": "continuity",
    "DC_CURRENT": "dccurrent",
    "DC_VOLTS": "dcvolts",
    "FOUR_WIRE_OHMS": "fourwireohms",
    "FREQUENCY": "frequency",
    "NO_FUNCTION": NO_FUNCTION,
    "PERIOD": "period",
    "TEMPERATURE": "temperature",
    "TWO_WIRE_OHMS": "twowireohms",
}


class _Members:
    """Makes objects whose attributes are settings of the active function."""

    def __init__(self, dmm: Dmm, note: Callable[..., None]) -> None:
        self._dmm, self._note = dmm, note

    def add(self, target: TspObject, prefix: str, names: tuple[str, ...]) -> TspObject:
        """Give an object settings by their names behind a common prefix."""
        for name in names:
            key = prefix + name
            target.getters[name] = self._getter(key)
            target.setters[name] = self._setter(key)
        return target

    def _getter(self, key: str) -> Callable[[], object]:
        def get() -> Any:  # noqa: ANN401  a number, or nil
            found = self._dmm.settings.get(key)
            if found is None and key in _STRICT:
                self._note(CONFLICT, "Setting conflicts with function selected")
            return found

        return get

    def _setter(self, key: str) -> Callable[[object], None]:
        return lambda value: self._dmm.settings.set(key, value)


def dmm_object(
    dmm: Dmm, build: Callable[[TspObject], Any], note: Callable[..., None]
) -> TspObject:
    """Return the ``dmm`` object.

    Parameters
    ----------
    dmm : Dmm
        What it commands.
    build : callable
        Makes a Lua table of an instrument object.
    note : callable
        Puts an error into the queue.
    """
    members = _Members(dmm, note)
    plain = tuple(name for name in SETTINGS if "." not in name)
    target = TspObject(
        "dmm",
        getters={
            "func": lambda: dmm.settings.function,
            "connect": lambda: dmm.connection,
            "measurecount": lambda: dmm.count,
        },
        setters={
            "func": dmm.set_function,
            "connect": dmm.set_connection,
            "measurecount": lambda value: _set_count(dmm, value),
        },
        functions=_functions(dmm, build),
        objects={**CONSTANTS, **_objects(dmm, members)},
    )
    return members.add(target, "", (*plain, *_RANGED))


def _functions(
    dmm: Dmm, build: Callable[[TspObject], Any]
) -> dict[str, Callable[..., object]]:
    def timed(buffer: object = None) -> tuple[float, float, float]:
        record = dmm.measure(buffer)
        return record.value, record.seconds, record.fraction

    return {
        "measure": lambda buffer=None: dmm.measure(buffer).value,
        "measurewithtime": timed,
        "measurewithptp": timed,
        "makebuffer": lambda capacity=None: build(
            dmm.make_buffer(capacity).lua_object()
        ),
        "savebuffer": _refuse_drive,
        "appendbuffer": _refuse_drive,
        "close": dmm.close,
        "open": dmm.open,
        "setconfig": dmm.associate,
        "getconfig": dmm.associations,
        "reset": dmm.reset,
    }


def _objects(dmm: Dmm, members: _Members) -> dict[str | int, object]:
    math: dict[str, Any] = {}
    mxb = members.add(TspObject(), "math.mxb.", ("mfactor", "bfactor"))
    mxb.getters["units"] = lambda: math.get("units", "X")
    mxb.setters["units"] = lambda value: math.update(units=text(value))
    numbers = members.add(TspObject(), "math.", ("enable", "format", "percent"))
    numbers.objects["mxb"] = mxb
    rel = members.add(TspObject(), "rel.", ("enable", "level"))
    rel.functions["acquire"] = dmm.acquire_rel
    return {
        "filter": members.add(
            TspObject(), "filter.", ("count", "enable", "type", "window")
        ),
        "math": numbers,
        "rel": rel,
        "limit": TspObject(
            objects={number: _limit(dmm, members, number) for number in _LIMITS}
        ),
        "configure": TspObject(
            functions={
                "set": dmm.save_configuration,
                "recall": dmm.recall_configuration,
                "delete": dmm.delete_configuration,
                "query": dmm.describe_configuration,
            }
        ),
        "buffer": TspObject(
            getters={
                "maxcapacity": lambda: LARGEST_CAPACITY,
                "usedcapacity": lambda: dmm.used_capacity,
            },
            functions={"info": _buffer_info},
        ),
        "adjustment": TspObject(getters={"count": lambda: 0, "date": lambda: 0}),
        "calibration": _calibration(),
    }


def _limit(dmm: Dmm, members: _Members, number: int) -> TspObject:
    key = f"limit{number}."

    def clear() -> None:
        dmm.failed[f"{key}high.fail"] = dmm.failed[f"{key}low.fail"] = False

    def side(name: str) -> TspObject:
        bound = members.add(TspObject(), f"{key}{name}.", ("value",))
        bound.getters["fail"] = lambda: int(dmm.failed.get(f"{key}{name}.fail", False))
        return bound

    limit = members.add(TspObject(), key, ("autoclear", "enable"))
    limit.functions["clear"] = clear
    limit.objects |= {"high": side("high"), "low": side("low")}
    return limit


def _calibration() -> TspObject:
    """Return the calibration object: locked, with nothing to adjust."""
    names = ("ac", "dc", "lock", "save", "unlock")
    return TspObject(
        setters={"password": _take_password},
        functions={name: lambda: None for name in names},
    )


def _take_password(value: object) -> None:
    text(value)


def _set_count(dmm: Dmm, value: object) -> None:
    dmm.count = int(whole(1, _LARGEST_COUNT)(value))


def _buffer_info(buffer: object = None) -> tuple[int, int]:
    if not isinstance(buffer, DmmBuffer):
        raise TspProblem(1401, 1)
    return len(buffer), buffer.capacity


def _refuse_drive(_buffer: object = None, _file: object = None) -> None:
    raise TspProblem(_NO_DRIVE)
