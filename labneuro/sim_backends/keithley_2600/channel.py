"""One source-measure unit of a Series 2600B: source, meter, buffers, contact check.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.*``, p. 9-202 to 9-276.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer, make_buffer
from labneuro.sim_backends.keithley_2600.converter import Converter
from labneuro.sim_backends.keithley_2600.meter import Meter
from labneuro.sim_backends.keithley_2600.ranges import VOLTS
from labneuro.sim_backends.keithley_2600.source import HIGH_Z, ON, Source
from labneuro.sim_backends.keithley_2600.sweep import TriggerModel
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

    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet
    from labneuro.sim_backends.keithley_2600.noise import NoiseStream
    from labneuro.sim_backends.keithley_2600.status import ChannelStatus
    from labneuro.sim_backends.wiring import Circuit, Drive

_LOCAL, _REMOTE, _CALIBRATION = 0, 1, 3
_CONTACT_HIGH_Z = 5048
# Values of the constants: 2600BS-901-01 Rev. F, at the attributes that take them.
CONSTANTS: dict[str | int, object] = {
    "ASYNC": 0,
    "AUTORANGE_FOLLOW_LIMIT": 2,
    "AUTORANGE_OFF": 0,
    "AUTORANGE_ON": 1,
    "AUTOZERO_AUTO": 2,
    "AUTOZERO_OFF": 0,
    "AUTOZERO_ONCE": 1,
    "CALSET_DEFAULT": 0,
    "CALSET_FACTORY": 1,
    "CALSET_NOMINAL": 2,
    "CALSET_PREVIOUS": 3,
    "CALSTATE_CALIBRATING": 1,
    "CALSTATE_LOCKED": 0,
    "CALSTATE_UNLOCKED": 2,
    "CAL_AUTO": 0,
    "CAL_NEGATIVE": 2,
    "CAL_POSITIVE": 1,
    "CONTACT_FAST": 0,
    "CONTACT_MEDIUM": 1,
    "CONTACT_SLOW": 2,
    "DELAY_AUTO": -1,
    "DELAY_OFF": 0,
    "DISABLE": 0,
    "ENABLE": 1,
    "FILL_ONCE": 0,
    "FILL_WINDOW": 1,
    "FILTER_MEDIAN": 2,
    "FILTER_MOVING_AVG": 0,
    "FILTER_OFF": 0,
    "FILTER_ON": 1,
    "FILTER_REPEAT_AVG": 1,
    "LIMIT_AUTO": -1,
    "OE_NONE": 0,
    "OE_OUTPUT_OFF": 1,
    "OUTPUT_DCAMPS": 0,
    "OUTPUT_DCVOLTS": 1,
    "OUTPUT_HIGH_Z": 2,
    "OUTPUT_NORMAL": 0,
    "OUTPUT_OFF": 0,
    "OUTPUT_ON": 1,
    "OUTPUT_ZERO": 1,
    "REL_OFF": 0,
    "REL_ON": 1,
    "SENSE_CALA": 3,
    "SENSE_LOCAL": 0,
    "SENSE_REMOTE": 1,
    "SETTLE_DIRECT_IRANGE": 3,
    "SETTLE_FAST_ALL": 128,
    "SETTLE_FAST_POLARITY": 2,
    "SETTLE_FAST_RANGE": 1,
    "SETTLE_SMOOTH": 0,
    "SETTLE_SMOOTH_100NA": 4,
    "SOURCE_HOLD": 1,
    "SOURCE_IDLE": 0,
}
_STEP_FUNCTIONS = ("i", "v", "r", "p", "iv")


class Channel:
    """One source-measure unit.

    Parameters
    ----------
    sheet : ModelSheet
        The model's data sheet.
    drive : Drive
        Its output on the circuit.
    circuit : Circuit
        The wiring.
    noise : NoiseStream
        The instrument's noise.
    line_frequency : float
        In Hz.
    interlock : callable
        Whether the interlock is engaged.
    status : ChannelStatus
        Its bits in the status model.
    build : callable
        Makes a Lua table of an instrument object.
    """

    def __init__(
        self,
        sheet: ModelSheet,
        drive: Drive,
        circuit: Circuit,
        noise: NoiseStream,
        line_frequency: float,
        interlock: Callable[[], bool],
        status: ChannelStatus,
        build: Callable[[TspObject], Any],
    ) -> None:
        self._build = build
        self._status = status
        self._settings: dict[str, float] = {}
        self.source = Source(sheet, drive, circuit.clock, interlock)
        converter = Converter(
            sheet,
            self.source,
            drive,
            circuit,
            noise,
            self._note_limited,
            status.overflowed,
        )
        self.meter = Meter(
            converter, self.source, circuit.clock, line_frequency, sheet.measure_delay
        )
        self.source.changed = self.meter.refresh
        self.buffers = (ReadingBuffer(), ReadingBuffer())
        self.trigger = TriggerModel(
            self.source, self.meter, circuit.clock, status.sweeping
        )
        self.lua = self._lua_table()

    def reset(self) -> None:
        """Turn off and return to the defaults (``smuX.reset()``)."""
        self.source.reset()
        self.meter.reset()
        self.trigger.reset()
        self._settings.update(_DEFAULTS)
        for buffer in self.buffers:
            buffer.reset()

    def _note_limited(self, state: bool) -> None:
        self._status.limited(state=state, current=self.source.function == VOLTS)

    # -- what Lua sees -----------------------------------------------------------------

    def _lua_table(self) -> TspObject:
        source, meter = self.source, self.meter
        source.lua.getters["compliance"] = meter.converter.compliance
        table = TspObject(
            "smu",
            getters={"sense": lambda: _REMOTE if meter.four_wire else _LOCAL},
            setters={"sense": self._set_sense},
            functions={
                "reset": self.reset,
                "abort": self.trigger.abort,
                "makebuffer": self._make_buffer,
                "savebuffer": lambda _buffer=None: None,
            },
            objects={
                **CONSTANTS,
                "source": source.lua,
                "measure": meter.lua,
                "trigger": self.trigger.lua,
                "contact": self._contact(),
                "cal": _calibration(),
                "nvbuffer1": self.buffers[0].lua_object(),
                "nvbuffer2": self.buffers[1].lua_object(),
            },
            handle=self,
        )
        for letters in _STEP_FUNCTIONS:
            table.functions[f"measure{letters}andstep"] = self._step_function(letters)
        return table

    def _set_sense(self, value: object) -> None:
        mode = int(one_of((_LOCAL, _REMOTE, _CALIBRATION))(value))
        self.meter.four_wire = mode != _LOCAL
        self.meter.refresh()

    def _make_buffer(self, capacity: object = None) -> Any:  # noqa: ANN401  a Lua table
        return self._build(make_buffer(capacity).lua_object())

    def _step_function(self, letters: str) -> Callable[..., object]:
        """Return a function that measures and then changes the source level."""

        def measure_and_step(level: object = None) -> object:
            wanted = number(level)
            values = self.meter.measure(letters)
            self.source.set_level(self.source.function, wanted)
            return values if len(letters) > 1 else values[0]

        return measure_and_step

    def _contact(self) -> TspObject:
        contact = TspObject(
            functions={
                "check": self._check_contact,
                "r": self._contact_resistance,
                "calibratehi": lambda: None,
                "calibratelo": lambda: None,
            }
        )
        add_settings(contact, self._settings, _CONTACT_SETTINGS)
        return contact

    def _check_contact(self) -> bool:
        high, low = self._contact_resistance()
        return max(high, low) < self._settings["threshold"]

    def _contact_resistance(self) -> tuple[float, float]:
        """Return the contact resistances at HI and LO: contacts here are ideal."""
        source = self.source
        if source.output != ON and source.settings["offmode"] == HIGH_Z:
            raise TspProblem(_CONTACT_HIGH_Z)
        return 0.0, 0.0


def _calibration() -> TspObject:
    """Return the calibration object: locked, with nothing to adjust."""
    return TspObject(
        getters={
            name: lambda: 0
            for name in ("state", "polarity", "date", "adjustdate", "due")
        },
        functions={
            name: lambda: None for name in ("lock", "restore", "save", "unlock")
        },
    )


_CONTACT_SETTINGS = (
    Setting("speed", 0, whole(0, 2)),
    Setting("threshold", 50.0, within(0.0, 1e6)),
)
_DEFAULTS = {setting.name: float(setting.default) for setting in _CONTACT_SETTINGS}
