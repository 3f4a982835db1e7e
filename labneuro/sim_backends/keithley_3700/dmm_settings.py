"""The settings of the Series 3700A's multimeter: each function has its own.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``dmm.*``; Series 3700
Reference Manual 3700S-901-01 Rev. C, p. 13-110 (aperture), p. 13-153 (NPLC), p. 13-157
(range). Number 1114 with "Setting conflicts with function selected" is the manual's at
``dmm.inputdivider``. Defaults that its text does not give are chosen: display digits,
detectors, thresholds, RTD constants (those of a PT100), numbers of the units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from labneuro.sim_backends.keithley_3700.channels import CONFLICT
from labneuro.sim_backends.keithley_3700.meter import RANGES
from labneuro.sim_backends.tsp.values import TspProblem, number, one_of, whole, within

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS = (
    "accurrent",
    "acvolts",
    "commonsideohms",
    "continuity",
    "dccurrent",
    "dcvolts",
    "fourwireohms",
    "frequency",
    "nofunction",
    "period",
    "temperature",
    "twowireohms",
)
NO_FUNCTION, DEFAULT_FUNCTION = "nofunction", "dcvolts"
CONTINUITY_NPLC = 0.006
_ALL = frozenset(FUNCTIONS) - {NO_FUNCTION}
_COUNTED = frozenset(("frequency", "period"))
_OHMS = frozenset(("twowireohms", "fourwireohms", "commonsideohms"))
_FOUR_WIRE = frozenset(("fourwireohms", "commonsideohms"))
_AC = frozenset(("acvolts", "accurrent"))
_VOLTS = frozenset(("dcvolts", "acvolts"))
_TEMPERATURE = frozenset(("temperature",))
_SWITCH = one_of((0, 1))
_LARGEST = {
    "dcvolts": 303.0,
    "acvolts": 303.0,
    "dccurrent": 3.1,
    "accurrent": 3.1,
    "twowireohms": 120e6,
    "fourwireohms": 120e6,
    "commonsideohms": 120e6,
}
_THERMISTORS = ((3500.0, 2252.0), (7500.0, 5000.0), (1e9, 10000.0))
_BANDWIDTHS = ((30.0, 3.0), (300.0, 30.0), (1e9, 300.0))


def conflict() -> TspProblem:
    """Return the error of a setting that the active function does not have."""
    return TspProblem(CONFLICT, "Setting conflicts with function selected")


class FunctionSetting(NamedTuple):
    """A setting that some functions have.

    Attributes
    ----------
    functions : frozenset of str
        Which ones.
    default : float
        Value after a reset.
    check : callable
        Returns the value as it is kept, or raises.
    """

    functions: frozenset[str]
    default: float
    check: Callable[[object], float]


def _step(steps: tuple[tuple[float, float], ...]) -> Callable[[object], float]:
    """Return a check that takes the value of the first step above what is asked."""

    def check(value: object) -> float:
        wanted = within(0.0, 1e9)(value)
        return next(kept for bound, kept in steps if wanted < bound or bound >= 1e9)  # noqa: PLR2004  the last

    return check


SETTINGS: dict[str, FunctionSetting] = {
    "autodelay": FunctionSetting(_ALL, 1, one_of((0, 1, 2))),
    "autozero": FunctionSetting(_ALL - {"continuity"}, 1, one_of((0, 1, 2))),
    "linesync": FunctionSetting(
        _OHMS | _TEMPERATURE | {"continuity", "dccurrent", "dcvolts"}, 0, _SWITCH
    ),
    "inputdivider": FunctionSetting(frozenset(("dcvolts",)), 0, _SWITCH),
    "dbreference": FunctionSetting(_VOLTS, 1.0, within(1e-7, 1000.0)),
    "detectorbandwidth": FunctionSetting(_AC, 300.0, _step(_BANDWIDTHS)),
    "displaydigits": FunctionSetting(_ALL, 6, whole(3, 7)),
    "drycircuit": FunctionSetting(_FOUR_WIRE, 0, _SWITCH),
    "offsetcompensation": FunctionSetting(_FOUR_WIRE | _TEMPERATURE, 0, _SWITCH),
    "opendetector": FunctionSetting(_FOUR_WIRE | _TEMPERATURE, 1, _SWITCH),
    "fourrtd": FunctionSetting(_TEMPERATURE, 0, whole(0, 5)),
    "threertd": FunctionSetting(_TEMPERATURE, 0, whole(0, 5)),
    "refjunction": FunctionSetting(_TEMPERATURE, 0, whole(0, 2)),
    "rtdalpha": FunctionSetting(_TEMPERATURE, 0.00385055, within(0.0, 0.01)),
    "rtdbeta": FunctionSetting(_TEMPERATURE, 0.10863, within(0.0, 1.0)),
    "rtddelta": FunctionSetting(_TEMPERATURE, 1.4999, within(0.0, 5.0)),
    "rtdzero": FunctionSetting(_TEMPERATURE, 100.0, within(0.0, 10_000.0)),
    "simreftemperature": FunctionSetting(_TEMPERATURE, 23.0, within(-200.0, 1e3)),
    "thermistor": FunctionSetting(_TEMPERATURE, 5000.0, _step(_THERMISTORS)),
    "thermocouple": FunctionSetting(_TEMPERATURE, 1, whole(0, 7)),
    "transducer": FunctionSetting(_TEMPERATURE, 1, whole(1, 4)),
    "units": FunctionSetting(_VOLTS | _TEMPERATURE, 0, whole(0, 4)),
    "threshold": FunctionSetting(_COUNTED | {"continuity"}, 10.0, within(0.0, 1000.0)),
    "filter.count": FunctionSetting(_ALL, 10, whole(1, 100)),
    "filter.enable": FunctionSetting(_ALL, 0, _SWITCH),
    "filter.type": FunctionSetting(_ALL, 1, _SWITCH),
    "filter.window": FunctionSetting(_ALL, 0.1, within(0.0, 10.0)),
    "math.enable": FunctionSetting(_ALL, 0, _SWITCH),
    "math.format": FunctionSetting(_ALL, 2, whole(0, 3)),
    "math.percent": FunctionSetting(_ALL, 1.0, within(-1e9, 1e9)),
    "math.mxb.mfactor": FunctionSetting(_ALL, 1.0, within(-1e9, 1e9)),
    "math.mxb.bfactor": FunctionSetting(_ALL, 0.0, within(-1e9, 1e9)),
    "rel.enable": FunctionSetting(_ALL, 0, _SWITCH),
    "rel.level": FunctionSetting(_ALL, 0.0, within(-1e12, 1e12)),
}
for _limit in ("limit1", "limit2"):
    SETTINGS |= {
        f"{_limit}.autoclear": FunctionSetting(_ALL, 1, _SWITCH),
        f"{_limit}.enable": FunctionSetting(_ALL, 0, _SWITCH),
        f"{_limit}.high.value": FunctionSetting(_ALL, 1.0, within(-1e12, 1e12)),
        f"{_limit}.low.value": FunctionSetting(_ALL, -1.0, within(-1e12, 1e12)),
    }


class DmmSettings:
    """What every function of the multimeter is set to.

    Parameters
    ----------
    line_frequency : float
        In Hz.

    Attributes
    ----------
    function : str
        The active function.
    """

    def __init__(self, line_frequency: float) -> None:
        self.line_frequency = line_frequency
        self.function = DEFAULT_FUNCTION
        self._values: dict[str, dict[str, Any]] = {}
        self.reset()

    def reset(self) -> None:
        """Return all functions to the defaults, and to DC volts."""
        self.function = DEFAULT_FUNCTION
        self._values = {name: self.defaults(name) for name in FUNCTIONS}

    def defaults(self, function: str) -> dict[str, Any]:
        """Return the default settings of a function."""
        values: dict[str, Any] = {
            name: setting.default
            for name, setting in SETTINGS.items()
            if function in setting.functions
        }
        if function in _COUNTED:
            values["aperture"] = 0.01
        elif function in _ALL:
            values["nplc"] = CONTINUITY_NPLC if function == "continuity" else 1.0
        if function in RANGES:
            values |= {"autorange": 1, "range": RANGES[function][-1]}
        return values

    @property
    def active(self) -> dict[str, Any]:
        """The settings of the active function, by name."""
        return self._values[self.function]

    @active.setter
    def active(self, values: dict[str, Any]) -> None:
        self._values[self.function] = dict(values)

    @property
    def aperture(self) -> float | None:
        """Integration time of the active function in s, or None."""
        values = self.active
        if "aperture" in values:
            return float(values["aperture"])
        return float(values["nplc"]) / self.line_frequency if "nplc" in values else None

    def get(self, name: str) -> Any:  # noqa: ANN401  a number, or nil
        """Return a setting of the active function, or None where it has none."""
        if name == "aperture":
            return None if self.function == "continuity" else self.aperture
        return self.active.get(name)

    def set(self, name: str, value: object) -> None:
        """Change a setting of the active function.

        Raises
        ------
        TspProblem
            If it does not have it, or the value is not allowed.
        """
        special = {
            "aperture": self._set_aperture,
            "nplc": self._set_nplc,
            "range": self._set_range,
            "autorange": self._set_autorange,
        }
        if name in special:
            special[name](value)
        elif name not in self.active:
            raise conflict()
        else:
            kept = SETTINGS[name].check(value)
            # "Once" refreshes the references and leaves autozero off.
            self.active[name] = 0 if name == "autozero" and kept == 2 else kept  # noqa: PLR2004  once
        if name == "drycircuit" and self.active[name]:
            self.active["offsetcompensation"] = 1

    def _set_aperture(self, value: object) -> None:
        if self.function in _COUNTED:
            self.active["aperture"] = within(0.01, 0.273)(value)
            return
        if "nplc" not in self.active or self.function == "continuity":
            raise conflict()
        least = 0.0005 / self.line_frequency
        self.active["nplc"] = within(least, 0.25)(value) * self.line_frequency

    def _set_nplc(self, value: object) -> None:
        if "nplc" not in self.active or self.function == "continuity":
            raise conflict()
        most = 15.0 if self.line_frequency > 55.0 else 12.0  # noqa: PLR2004  60 or 50 Hz
        self.active["nplc"] = within(0.0005, most)(value)

    def _set_range(self, value: object) -> None:
        if self.function not in RANGES:
            raise conflict()
        wanted = within(0.0, _LARGEST[self.function])(abs(number(value)))
        self.active["range"] = self.fit(wanted)
        self.active["autorange"] = 0

    def _set_autorange(self, value: object) -> None:
        if self.function not in RANGES:
            raise conflict()
        self.active["autorange"] = _SWITCH(value)

    def fit(self, expected: float) -> float:
        """Return the full scale that holds a value best."""
        ranges = RANGES[self.function]
        return next((full for full in ranges if expected <= full), ranges[-1])
