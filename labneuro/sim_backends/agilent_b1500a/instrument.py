"""The simulated Agilent B1500A semiconductor device analyzer.

Measurement data wait in the output data buffer, answers to queries in the query buffer;
a read takes the query buffer first. A pause without end (``PA``, ``WS``) keeps whatever
comes later in the input buffer until its event.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.agilent_b1500a import (
    commands_frame,
    commands_program,
    commands_smu,
    commands_spgu,
    commands_sweep,
    datasheet,
    errors,
    flex,
    formats,
)
from labneuro.sim_backends.agilent_b1500a.converters import Converters
from labneuro.sim_backends.agilent_b1500a.errors import ErrorQueue, FlexError
from labneuro.sim_backends.agilent_b1500a.measurement import Measurement
from labneuro.sim_backends.agilent_b1500a.program import ProgramMemory
from labneuro.sim_backends.agilent_b1500a.setup import Setup
from labneuro.sim_backends.agilent_b1500a.smu import Smu
from labneuro.sim_backends.agilent_b1500a.spgu import PulseTrain, SpguChannel
from labneuro.sim_backends.base import Reply, SimulatedInstrument, Terminals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.sim_backends.agilent_b1500a.flex import Command, Unit
    from labneuro.sim_backends.agilent_b1500a.formats import Element
    from labneuro.sim_backends.base import Surroundings

_DATA_READY, _WAIT, _SET_READY, _ERROR, _REQUEST = 1, 2, 16, 32, 64
_DIGITAL_PORTS = 16
EXT_IN, EXT_OUT = -1, -2
_OUTPUT_TERMINAL, _INPUT_TERMINAL = 2, 1
_START_MEASUREMENT = 1
BY_GROUP_TRIGGER, BY_EXTERNAL = 1, 3  # TM


def slot_number(name: str) -> int:
    """Return the number of a slot from its name in a bench file, 0 if it is none."""
    digits = name.removeprefix("slot")
    known = [str(number) for number in range(1, datasheet.SLOTS + 1)]
    return int(digits) if name != digits and digits in known else 0


_NO_LINE_END = (4, 5, 14, 15, 25)  # formats that end with EOI or a comma alone


class AgilentB1500A(SimulatedInstrument):
    """A B1500A with the modules that the bench file puts into its slots.

    Terminals are ``smu1`` for an SMU in slot 1, ``spgu5_1`` and ``spgu5_2`` for an SPGU
    in slot 5.

    Parameters
    ----------
    name : str
        Name on the bench.
    surroundings : Surroundings
        What it shares with the bench.
    """

    trigger_outputs: ClassVar[tuple[str, ...]] = (
        "ext_out",
        *(f"dio{number}" for number in range(1, _DIGITAL_PORTS + 1)),
    )
    trigger_inputs: ClassVar[tuple[str, ...]] = (
        "ext_in",
        *(f"dio{number}" for number in range(1, _DIGITAL_PORTS + 1)),
    )

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.queue = ErrorQueue()
        self._interlock_open = False
        self.program = ProgramMemory()
        self.setup: Setup = Setup()
        self.converters = Converters()
        self.train = PulseTrain()
        self.timer_start = self.clock.now
        self.timer_channels: set[int] = set()
        self.request_mask = 0
        self.smus: dict[int, Smu] = {}
        self.spgus: dict[int, SpguChannel] = {}
        self.models = _models(self.modules)
        for slot, model in self.models.items():
            self._install(slot, model)
        self._data: deque[tuple[Reply, int]] = deque()
        self._inbox: deque[str | Unit] = deque()
        self._waiting = False
        self._commands: dict[str, Command] = {}
        for tables in (
            commands_frame,
            commands_program,
            commands_smu,
            commands_sweep,
            commands_spgu,
        ):
            self._commands.update(tables.commands(self))

    @classmethod
    def terminals_with(cls, modules: Mapping[str, str]) -> Terminals:
        """Return the terminals of the modules in their slots."""
        outputs: list[str] = []
        for slot, model in _models(modules).items():
            if model in datasheet.SMUS:
                outputs.append(f"smu{slot}")
            else:
                outputs += [f"spgu{slot}_1", f"spgu{slot}_2"]
        return Terminals(tuple(outputs))

    def _install(self, slot: int, model: str) -> None:
        if model in datasheet.SMUS:
            drive = self.drives[f"smu{slot}"]
            sheet = datasheet.SMUS[model]
            self.smus[slot] = Smu(slot, sheet, drive, self, self.converters)
            return
        for sub, number in ((1, slot), (2, 100 * slot + 2)):
            drive = self.drives[f"spgu{slot}_{sub}"]
            self.spgus[number] = SpguChannel(number, drive, self)

    # -- messages ----------------------------------------------------------------------

    @property
    def interlock_open(self) -> bool:
        """Whether the interlock is open: voltages beyond 42 V are then refused."""
        return self._interlock_open

    @interlock_open.setter
    def interlock_open(self, state: bool) -> None:
        self._interlock_open = state
        if state:
            for smu in self.smus.values():
                smu.interlock_opened()

    def report_failure(self, code: int | None) -> None:
        """Enter an error into the queue; the public lists name none of the hardware.

        Raises
        ------
        BenchConfigError
            If the instrument has no error of that number.
        """
        number = errors.PARAMETER if code is None else code
        if number not in errors.MESSAGES:
            known = ", ".join(str(one) for one in errors.MESSAGES if one)
            raise BenchConfigError(f"faults: no error {number}; known: {known}")
        self.queue.add(number)

    def write(self, message: bytes) -> None:
        """Take one whole message; answers to older ones that were not read are lost."""
        self._replies.clear()
        parts = flex.split_message(message)
        if self._waiting:
            self._write_waiting(parts)
            return
        self._inbox.extend(parts)
        self._work()

    def _write_waiting(self, parts: list[str]) -> None:
        """Keep commands for later; ``AB`` and ``XE`` end a pause at once."""
        first = parts[0].strip().upper() if parts else ""
        if first == "AB":
            self.abort()
            return
        self._inbox.extend(parts[1:] if first == "XE" else parts)
        if first == "XE":
            self.go_on()

    def _work(self) -> None:
        """Carry out what is in the input buffer; a syntax error empties it."""
        while self._inbox and not self._waiting:
            command = self._inbox.popleft()
            try:
                if isinstance(command, flex.Unit):
                    unit = command
                else:
                    unit = flex.parse_unit(command, self._commands)
                if not self.program.keeps(unit):
                    self.execute(unit)
            except FlexError as error:
                self.queue.add(error.code)
                if error.code in errors.SYNTAX_ERRORS:
                    self._inbox.clear()

    def execute(self, unit: Unit) -> None:
        """Carry out one command."""
        arguments = flex.convert(unit, self.program.variables)
        answer = self._commands[unit.header].run(arguments)
        if answer is not None:
            self.reply(answer.encode("ascii") + b"\r")

    def replay(self, units: list[Unit]) -> None:
        """Carry out stored commands before what else waits in the input buffer."""
        self._inbox.extendleft(reversed(units))

    def pause(self) -> None:
        """Wait for an event before the next command."""
        self._waiting = True

    def go_on(self) -> None:
        """End a pause."""
        self._waiting = False
        self._work()

    def abort(self) -> None:
        """Stop what runs and forget the commands that wait; outputs stay."""
        self._waiting = False
        self._inbox.clear()

    # -- data --------------------------------------------------------------------------

    def give(self, elements: list[Element]) -> None:
        """Put measurement data into the output data buffer as one message."""
        content = formats.encode(elements, self.setup.form)
        end = b"" if self.setup.form in _NO_LINE_END else b"\n"
        self._data.append((Reply(self.clock.now, content, end), len(elements)))

    @property
    def data_count(self) -> int:
        """How many data wait to be read."""
        return sum(count for _, count in self._data)

    def clear_data(self) -> None:
        """Empty the output data buffer."""
        self._data.clear()

    def measure(self) -> None:
        """Carry out the measurement that ``MM`` has chosen."""
        self.give(Measurement(self).run())

    def next_reply(self) -> Reply | None:
        """Take the oldest answer to a query, or else the oldest data."""
        if self._replies:
            return self._replies.popleft()
        return self._data.popleft()[0] if self._data else None

    @property
    def message_available(self) -> bool:
        """Whether an answer or data wait to be read."""
        return bool(self._replies or self._data)

    def query_interrupted(self) -> bool:
        """Drop the rest of what was partly read, such as the line end after data."""
        return True

    def status_byte(self) -> int:
        """Return the status byte: data, wait, ready, error, request (Table 4-29)."""
        value = _DATA_READY if self.message_available else 0
        value |= _WAIT if self._waiting else _SET_READY
        value |= _ERROR if self.queue else 0
        return value | (_REQUEST if value & self.request_mask else 0)

    def clear(self) -> None:
        """Take a device clear: abort what waits, empty input and output."""
        self.abort()
        self.program.close()
        self._replies.clear()
        self._data.clear()

    def reset(self) -> None:
        """Return to the initial settings; errors and programs stay."""
        self.setup = Setup()
        self.converters.reset()
        self.train = PulseTrain()
        self.timer_start = self.clock.now
        self.timer_channels.clear()
        self._data.clear()
        for smu in self.smus.values():
            smu.reset()
        for spgu in self.spgus.values():
            spgu.reset()

    # -- channels ----------------------------------------------------------------------

    def smu(self, number: int) -> Smu:
        """Return an SMU by channel number; error 153 if there is none."""
        if number not in self.smus:
            known = number in self.spgus
            raise FlexError(errors.CHANNEL if known else errors.NO_MODULE)
        return self.smus[number]

    def active(self, number: int) -> Smu:
        """Return an SMU whose output is on; error 200 if it is off."""
        smu = self.smu(number)
        if not smu.on:
            raise FlexError(errors.OUTPUT_OFF)
        return smu

    def spgu(self, number: int) -> SpguChannel:
        """Return an SPGU channel by its number; error 153 if there is none."""
        if number not in self.spgus:
            known = number in self.smus
            raise FlexError(errors.CHANNEL if known else errors.NO_MODULE)
        return self.spgus[number]

    def sourced(self, number: int) -> None:
        """Take note that a channel began to put out: ``TSR`` may wait for that."""
        if number in self.timer_channels:
            self.timer_channels.discard(number)
            self.timer_start = self.clock.now

    # -- triggers ----------------------------------------------------------------------

    def send_port(self, port: int) -> None:
        """Send an edge on a trigger output port."""
        self.send_trigger("ext_out" if port == EXT_OUT else f"dio{port}")

    def announce(self, kind: int) -> None:
        """Send the trigger of a type of event on the ports that are set for it."""
        for port, (terminal, _, wanted) in self.setup.ports.items():
            if (
                terminal == _OUTPUT_TERMINAL
                and wanted == kind
                and self.setup.trigger_mode == BY_EXTERNAL
            ):
                self.send_port(port)

    def trigger_in(self, line: str) -> None:
        """Take an edge: it ends a pause, or starts a measurement after ``TM3``."""
        port = EXT_IN if line == "ext_in" else int(line.removeprefix("dio"))
        terminal, _, kind = self.setup.ports.get(port, (0, 0, 0))
        if terminal != _INPUT_TERMINAL:
            return
        if self._waiting:
            self.go_on()
        elif self.setup.trigger_mode == BY_EXTERNAL and kind == _START_MEASUREMENT:
            self._inbox.append("XE")
            self._work()

    def group_trigger(self) -> None:
        """Take a group execute trigger, which counts after ``TM1``."""
        if self.setup.trigger_mode != BY_GROUP_TRIGGER:
            return
        if self._waiting:
            self.go_on()
        else:
            self._inbox.append("XE")
            self._work()


def _models(modules: Mapping[str, str]) -> dict[int, str]:
    """Return the modules by slot number, in order; refuse what there is not."""
    found: dict[int, str] = {}
    for name, model in (modules or datasheet.DEFAULT_MODULES).items():
        slot = slot_number(name)
        if not slot:
            raise BenchConfigError(f"modules.{name}: no slot; slot1 to slot10")
        if model not in datasheet.SMUS and model not in datasheet.SPGUS:
            known = ", ".join((*datasheet.SMUS, *datasheet.SPGUS))
            raise BenchConfigError(f"modules.{name}: {model!r} is not known: {known}")
        found[slot] = model
    return dict(sorted(found.items()))
