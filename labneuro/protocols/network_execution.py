"""The execution of a network's training on an open bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.data.digit_font import digit_patterns
from labneuro.errors import InstrumentError
from labneuro.protocols.base import Block, Measurement
from labneuro.protocols.network_bench import NetworkBench
from labneuro.protocols.network_inference import black_inputs, show_digits
from labneuro.protocols.network_rows import (
    DIGITS,
    NOBODY,
    READING,
    TRAINING,
    RowTable,
    count_spikes,
    firing_event,
    select,
    spikes_in,
)
from labneuro.protocols.network_tasks import (
    ANSWER,
    READ,
    TEACH,
    TEST,
    TRAIN,
    training_tasks,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.instruments.connection import ConnectedBench
    from labneuro.protocols.network_bench import Burst
    from labneuro.protocols.network_rows import FiringEvent
    from labneuro.protocols.network_tasks import BurstSchedule, Task
    from labneuro.protocols.network_training import NetworkTraining

    Rows = Mapping[str, NDArray[np.generic]]

_SAME = 0.05  # relative difference of conductances that counts as none
_MAP = -1  # in place of a digit
_CHECK = -1  # in place of an event: what a resumed run compares with


class TrainingExecution(Measurement):
    """Executes the tasks of a NetworkTraining run.

    Parameters
    ----------
    protocol : NetworkTraining
        The parameters.
    bench : ConnectedBench
        An open bench.
    """

    def __init__(self, protocol: NetworkTraining, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._tasks = training_tasks(protocol)
        self._patterns = digit_patterns(protocol.font)
        self._longest = max(protocol.bursts.most, protocol.second_bursts.most)
        train = protocol.train.model_copy(update={"pulses": self._longest})
        self._bench = NetworkBench(
            bench, train, protocol.channels, protocol.reading, protocol.gates
        )
        self._hidden = protocol.hidden
        self._drawing = protocol.drawing()
        self._does = {
            READ: self._read_layer,
            TRAIN: self._train,
            ANSWER: self._answer,
            TEACH: self._teach,
            TEST: self._test,
        }

    def prepare(self) -> None:
        """Configure the instruments; the generator's outputs go on at 0 V."""
        self._bench.prepare(self._protocol.amplitude)

    def measure(self, index: int) -> Block:
        """Execute a task."""
        task = self._tasks[index]
        table = RowTable(index)
        self._does[task.kind](task, table)
        rows = table.rows()
        self._learn_answers(task, rows)
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Rows]) -> str:
        """Draw what has been measured; the synapses must be as they were left.

        Raises
        ------
        InstrumentError
            If one is not.
        """
        for index, rows in enumerate(steps):
            self._learn_answers(self._tasks[index], rows)
            self._drawing.add(index, rows)
        last = _last_neuron(steps)
        if last is None:
            return ""
        layer, neuron, before = last
        current = self._bench.read(layer, neuron)
        now = current / self._protocol.reading.voltage
        for place in np.flatnonzero(np.abs(now - before) > _SAME * before):
            raise InstrumentError(
                f"synapse {place + 1} of neuron {neuron} of layer {layer} has "
                f"{now[place]:.4g} S and was left at {before[place]:.4g} S: what it "
                "has learned is gone; begin a new run"
            )
        return f"the synapses of neuron {neuron} of layer {layer} are as they were left"

    def _read_layer(self, task: Task, table: RowTable) -> None:
        for neuron in self._protocol.neurons:
            self._read(table, task.layer, neuron, _MAP, 0)

    def _read(
        self, table: RowTable, layer: int, neuron: int, digit: int, event: int
    ) -> None:
        table.reading(
            self._bench.read(layer, neuron),
            self._protocol.reading.voltage,
            layer=layer,
            neuron=neuron,
            digit=digit,
            event=event,
        )

    def _train(self, task: Task, table: RowTable) -> None:
        """Show digits; in blocks until there are enough firing events."""
        protocol = self._protocol
        self._bench.hold_clock(at_end=protocol.train.hold_clock)
        self._bench.watch(protocol.bursts.most)
        in_blocks = protocol.order == "block"
        shown: dict[int, int] = {}
        done, winner = 0, 1
        for digit in task.digits:
            if in_blocks and done >= protocol.events:
                break
            number = shown[digit] = shown.get(digit, task.begin) + 1
            self._bench.show(black_inputs(self._patterns[digit]), learn=True)
            event = self._present(
                table,
                protocol.bursts,
                protocol.amplitude,
                layer=1,
                digit=digit,
                event=number,
            )
            done += max(1, event.periods)
            winner = event.winner or winner
            watched = number in protocol.watched_events
            if digit == protocol.watched_digit and watched and event.winner:
                self._read(table, 1, event.winner, digit, number)
        self._read(table, 1, winner, _MAP, _CHECK)

    def _present(
        self, table: RowTable, schedule: BurstSchedule, amplitude: float, **values: int
    ) -> FiringEvent:
        """Play longer and longer bursts until somebody, or the target, has learned.

        Who fires in the last pulse is depressed and not potentiated: a longer burst
        makes up for it.
        """
        target = values.get("neuron", NOBODY)
        for pulses in schedule.pulses:
            burst = self._bench.play(pulses, amplitude)
            table.burst(burst, kind=TRAINING, **values)
            event = self._event(burst)
            if event.complete[target - 1] if target else event.complete.any():
                break
        return event

    def _event(self, burst: Burst) -> FiringEvent:
        spikes = spikes_in(burst.levels, self._protocol.channels.level)
        return firing_event(spikes, burst.pulses)

    def _answer(self, task: Task, table: RowTable) -> None:
        protocol = self._protocol
        show_digits(
            self._bench,
            table,
            self._patterns,
            protocol.amplitude,
            layer=task.layer,
            window=protocol.answer_window,
            noise=0,
        )

    def _learn_answers(self, task: Task, rows: Rows) -> None:
        """Note which hidden neuron spikes most for each digit."""
        if task.kind != ANSWER:
            return
        counts = count_spikes(rows, self._protocol.channels.level)
        most = counts.argmax(axis=1) + 1
        self._hidden = tuple(
            int(most[digit]) if counts[digit].any() else NOBODY
            for digit in range(DIGITS)
        )

    def _teach(self, task: Task, table: RowTable) -> None:
        """Pulse the digit's hidden neuron until its target fires."""
        protocol = self._protocol
        (digit,) = task.digits
        hidden = NOBODY if self._hidden is None else self._hidden[digit]
        target = digit + 1
        if hidden:
            self._bench.hold_clock(at_end=protocol.train.hold_clock)
            self._bench.watch(protocol.second_bursts.most)
            self._bench.teach(hidden, target)
            self._present(
                table,
                protocol.second_bursts,
                protocol.second_amplitude,
                layer=2,
                digit=digit,
                event=1,
                neuron=target,
                input=hidden,
            )
        self._read(table, 2, target, _MAP, _CHECK)

    def _test(self, task: Task, table: RowTable) -> None:
        protocol = self._protocol
        if protocol.test is None:
            raise ValueError("test: this step needs it")
        show_digits(
            self._bench,
            table,
            protocol.test.patterns(protocol.font, task.noise),
            protocol.amplitude,
            layer=task.layer,
            window=protocol.test.window,
            noise=task.noise,
        )


def _last_neuron(
    steps: Sequence[Rows],
) -> tuple[int, int, NDArray[np.float64]] | None:
    """Return layer, neuron and conductances that were read last, or None."""
    for rows in reversed(steps):
        there = select(rows, kind=READING)
        if len(there["step"]):
            layer, neuron = int(there["layer"][-1]), int(there["neuron"][-1])
            last = select(there, layer=layer, neuron=neuron, event=there["event"][-1])
            values = np.asarray(last["conductance"], dtype=np.float64)
            return layer, neuron, values
    return None
