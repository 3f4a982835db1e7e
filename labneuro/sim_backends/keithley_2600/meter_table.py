"""What Lua sees of a channel's meter: ``smuX.measure``.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.measure.*``, p. 9-214 to
9-235.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.buffer import LARGEST_CAPACITY
from labneuro.sim_backends.keithley_2600.converter import (
    AUTOZERO_AUTO,
    AUTOZERO_OFF,
    DELAY_AUTO,
    LETTERS,
)
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    number,
    one_of,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.keithley_2600.meter import Meter

_CALIBRATION_LOCKED = 5017


def meter_table(meter: Meter) -> TspObject:
    """Return the instrument object of a meter.

    Parameters
    ----------
    meter : Meter
        Whose attributes they are; its `settings` are filled with the defaults.
    """
    table, averaging, relative = TspObject(), TspObject(), TspObject()
    changed = meter.setting_changed
    add_settings(table, meter.settings, _SETTINGS, changed=changed)
    add_settings(averaging, meter.settings, _FILTER_SETTINGS, "filter.", changed)
    add_settings(relative, meter.settings, _REL_SETTINGS, "rel.", changed)
    table.objects.update({"filter": averaging, "rel": relative})
    table.setters["autozero"] = meter.set_autozero
    table.setters["count"] = meter.set_count
    for quantity, letter in ((AMPS, "i"), (VOLTS, "v")):
        _add_quantity(table, meter, quantity, letter)
        table.functions[letter] = meter.single(quantity)
        table.functions[f"calibrate{letter}"] = _refuse_calibration
    for letter in "rp":
        table.functions[letter] = _derived(meter, letter)
    table.functions["iv"] = meter.both()
    return table


def _derived(meter: Meter, letter: str) -> Callable[..., Any]:
    return lambda target=None: meter.measure(letter, target)[0]


def _add_quantity(table: TspObject, meter: Meter, quantity: int, letter: str) -> None:
    converter, one = meter.converter, meter.converter.ranges[quantity]
    table.getters.update(
        {
            f"range{letter}": lambda: one.full_scale(converter.index(quantity)),
            f"autorange{letter}": partial(meter.get_auto, quantity),
            f"lowrange{letter}": lambda: one.full_scale(one.lowest),
        }
    )
    table.setters.update(
        {
            f"range{letter}": partial(meter.set_range, quantity),
            f"autorange{letter}": partial(meter.set_auto, quantity),
            f"lowrange{letter}": partial(meter.set_lowest, quantity),
        }
    )


def _delay(value: object) -> float:
    if number(value) == DELAY_AUTO:
        return DELAY_AUTO
    return within(0.0, math.inf)(value)


def _refuse_calibration() -> None:
    raise TspProblem(_CALIBRATION_LOCKED)


_SWITCH = one_of((0, 1))
_SETTINGS = (
    Setting("nplc", 1.0, within(*datasheet.NPLC_RANGE)),
    Setting("count", 1, whole(1, LARGEST_CAPACITY)),
    Setting("interval", 0.0, within(0.0, 1e6)),
    Setting("delay", 0.0, _delay),
    Setting("delayfactor", 1.0, within(0.0, 1e6)),
    Setting("highcrangedelayfactor", 10.0, within(1.0, 99.0)),
    Setting("autozero", AUTOZERO_AUTO, whole(AUTOZERO_OFF, AUTOZERO_AUTO)),
    Setting("analogfilter", 1, _SWITCH),
)
_FILTER_SETTINGS = (
    Setting("count", 1, whole(1, 100)),
    Setting("enable", 0, _SWITCH),
    Setting("type", 1, whole(0, 2)),
)
_REL_SETTINGS = tuple(
    setting
    for letter in LETTERS
    for setting in (
        Setting(f"enable{letter}", 0, _SWITCH),
        Setting(f"level{letter}", 0.0, number),
    )
)
