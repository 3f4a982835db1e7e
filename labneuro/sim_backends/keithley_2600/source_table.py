"""What Lua sees of a channel's source: ``smuX.source``.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.source.*``, p. 9-237 to
9-255.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    add_settings,
    number,
    one_of,
    whole,
    within,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.keithley_2600.source import Source

DELAY_AUTO = -1.0
_SWITCH = one_of((0, 1))


def source_table(source: Source) -> TspObject:
    """Return the instrument object of a source.

    Parameters
    ----------
    source : Source
        Whose attributes they are; its `settings` are filled with the defaults.
    """
    table = TspObject()
    changed = source.setting_changed
    add_settings(table, source.settings, _SETTINGS, changed=changed)
    add_settings(table, source.settings, [_HIGH_C])
    table.setters["highc"] = source.set_high_capacitance
    table.getters["func"] = lambda: source.function
    table.setters["func"] = source.set_function
    table.getters["output"] = lambda: source.output
    table.setters["output"] = source.set_output
    for function, letter in ((AMPS, "i"), (VOLTS, "v")):
        _add_quantity(table, source, function, letter)
        # Calibration is locked; the constants cannot be changed.
        table.functions[f"calibrate{letter}"] = source.refuse_calibration
    return table


def _add_quantity(table: TspObject, source: Source, function: int, letter: str) -> None:
    chosen = source.ranges[function]
    table.getters.update(
        {
            f"level{letter}": lambda: chosen.level,
            f"range{letter}": lambda: chosen.sheet.full_scale,
            f"autorange{letter}": lambda: int(chosen.auto),
            f"lowrange{letter}": lambda: chosen.sheets[chosen.lowest].full_scale,
            f"limit{letter}": lambda: source.limits[function],
        }
    )
    table.setters.update(
        {
            f"level{letter}": partial(source.set_quickly, function),
            f"range{letter}": partial(source.set_range, function),
            f"autorange{letter}": partial(source.set_auto, function),
            f"lowrange{letter}": partial(source.set_lowest, function),
            f"limit{letter}": partial(source.set_limit, function),
        }
    )


def _delay(value: object) -> float:
    if number(value) == DELAY_AUTO:
        return DELAY_AUTO
    return within(0.0, math.inf)(value)


_HIGH_C = Setting("highc", 0, _SWITCH)
_SETTINGS = (
    Setting("delay", 0.0, _delay),
    Setting("limitp", 0.0, within(0.0, 1e4)),
    Setting("offmode", 0, whole(0, 2)),
    Setting("offfunc", VOLTS, _SWITCH),
    Setting("offlimiti", 1e-3, within(100e-12, 1.5)),  # default: Rev. B p. 7-226
    Setting("offlimitv", 40.0, within(20e-3, 200.0)),  # default: Rev. B p. 7-226
    # No source of error in these three is simulated, so they change nothing else.
    Setting("sink", 0, _SWITCH),
    Setting("settling", 0, one_of((0, 1, 2, 3, 4, 128))),
    Setting("outputenableaction", 0, _SWITCH),
)
