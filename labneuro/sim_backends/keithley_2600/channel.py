"""One source-measure unit of a Series 2600B: source, meter, buffers, contact check.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.*``, p. 9-202 to 9-276.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600.buffer import (
    ReadingBuffer,
    as_buffer,
    make_buffer,
)
from labneuro.sim_backends.keithley_2600.contact import ContactCheck
from labneuro.sim_backends.keithley_2600.converter import Converter
from labneuro.sim_backends.keithley_2600.meter import Meter
from labneuro.sim_backends.keithley_2600.ranges import VOLTS
from labneuro.sim_backends.keithley_2600.source import ON, Source
from labneuro.sim_backends.keithley_2600.trigger_model import TriggerModel
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import TspProblem, number, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet
    from labneuro.sim_backends.keithley_2600.noise import NoiseStream
    from labneuro.sim_backends.keithley_2600.status import ChannelStatus
    from labneuro.sim_backends.keithley_2600.triggering import Triggering
    from labneuro.sim_backends.wiring import Circuit

_LOCAL, _REMOTE, _CALIBRATION = 0, 1, 3
_OUTPUT_IS_ON, _NO_SUCH_BUFFER = 5008, 5033
# Values of the constants: 2600BS-901-01 Rev. F, at the attributes that take them.
CONSTANTS: dict[str | int, object] = {
    "ASYNC": 2,
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
    triggering : Triggering
        Events and overlapped operations of the instrument.
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
        triggering: Triggering,
    ) -> None:
        self._build = build
        self._triggering = triggering
        self._status = status
        self._sense = _LOCAL
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
        self.source.mode_changed = self.meter.follow_mode
        self._contact = ContactCheck(self.source, drive, circuit)
        self.buffers = (ReadingBuffer(), ReadingBuffer())
        self.trigger = TriggerModel(self.source, self.meter, status, triggering)
        for letters in _STEP_FUNCTIONS:
            overlapped = self.trigger.overlapped(letters)
            self.meter.lua.functions[f"overlapped{letters}"] = overlapped
        self.lua = self._lua_table()

    def reset(self) -> None:
        """Turn off and return to the defaults (``smuX.reset()``)."""
        self.trigger.reset()
        self.source.reset()
        self.meter.reset()
        self._contact.reset()
        self._sense = _LOCAL
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
            getters={"sense": lambda: self._sense},
            setters={"sense": self._set_sense},
            functions={
                "reset": self.reset,
                "abort": self.trigger.abort,
                "makebuffer": self._make_buffer,
                "savebuffer": _save_buffer,
            },
            objects={
                **CONSTANTS,
                "source": source.lua,
                "measure": meter.lua,
                "trigger": self.trigger.lua,
                "contact": self._contact.lua,
                "cal": _calibration(),
                **{
                    f"nvbuffer{number}": self._triggering.watched_buffer(
                        buffer.lua_object()
                    )
                    for number, buffer in enumerate(self.buffers, start=1)
                },
            },
            handle=self,
        )
        for letters in _STEP_FUNCTIONS:
            table.functions[f"measure{letters}andstep"] = self._step_function(letters)
        return table

    def _set_sense(self, value: object) -> None:
        """Choose where the voltage is sensed; leads here have no resistance."""
        mode = int(one_of((_LOCAL, _REMOTE, _CALIBRATION))(value))
        if mode == _CALIBRATION and self.source.output == ON:
            raise TspProblem(_OUTPUT_IS_ON)
        self._sense = mode
        self.meter.four_wire = mode != _LOCAL
        self.meter.refresh()

    def _make_buffer(self, capacity: object = None) -> Any:  # noqa: ANN401  a Lua table
        table = make_buffer(capacity).lua_object()
        return self._build(self._triggering.watched_buffer(table))

    def _step_function(self, letters: str) -> Callable[..., object]:
        """Return a function that measures and then changes the source level."""

        def measure_and_step(level: object = None) -> object:
            wanted = number(level)
            values = self.meter.measure(letters)
            self.source.set_level(self.source.function, wanted)
            return values if len(letters) > 1 else values[0]

        return measure_and_step


def _save_buffer(buffer: object = None) -> None:
    """Keep a dedicated buffer in nonvolatile memory: what it holds stays readable."""
    if not as_buffer(buffer, 1).dedicated:
        raise TspProblem(_NO_SUCH_BUFFER)


def _refuse(code: int) -> Callable[..., None]:
    def refuse(_value: object = None) -> None:
        raise TspProblem(code)

    return refuse


def _calibration() -> TspObject:
    """Return the calibration object: locked, and no password unlocks it here."""
    return TspObject(
        getters={
            name: lambda: 0
            for name in ("state", "polarity", "date", "adjustdate", "due")
        },
        setters={
            "polarity": _refuse(5011),
            "password": _refuse(5011),
            "date": _refuse(5016),
            "adjustdate": _refuse(5016),
            "due": _refuse(5016),
        },
        functions={
            "lock": lambda: None,
            "save": _refuse(5013),
            "restore": _refuse(5014),
            "unlock": _refuse(5019),
        },
    )
