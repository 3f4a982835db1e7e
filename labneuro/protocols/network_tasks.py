"""What a network's training run does, step by step, known before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from labneuro.protocols.base import Step
from labneuro.protocols.network_bench import LAYER_INPUTS
from labneuro.protocols.network_inference import LAYER_NAMES, digits_step
from labneuro.protocols.network_rows import DIGITS
from labneuro.units import InputModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labneuro.instruments.stress import Levels
    from labneuro.protocols.network_training import NetworkTraining

READ, TRAIN, ANSWER, TEACH, TEST = "read", "train", "answer", "teach", "test"
Order = Literal["random", "block"]
_BURSTS_AN_EVENT = 3.0  # about; for the expected time only
_MESSAGES = 0.035  # s of arming and transfer, a burst


class BurstSchedule(InputModel):
    """How the number of pulses grows until somebody fires.

    Attributes
    ----------
    first : int
        Pulses of the first burst.
    increment : int
        How many more the next one has. Without a held clock a firing in the very last
        pulse is interrupted, so 1 would interrupt the first firing each time.
    most : int
        Of the longest burst; then the digit is taken away.
    """

    first: Annotated[int, Field(ge=2, le=1000)] = 3
    increment: Annotated[int, Field(ge=1, le=1000)] = 1
    most: Annotated[int, Field(ge=2, le=1000)] = 40

    @model_validator(mode="after")
    def _rises(self) -> BurstSchedule:
        if self.most < self.first:
            raise ValueError("most: must not be below first")
        return self

    @property
    def pulses(self) -> tuple[int, ...]:
        """Pulses of each burst of a presentation."""
        return tuple(range(self.first, self.most + 1, self.increment))


class Task(NamedTuple):
    """What one step does.

    Attributes
    ----------
    kind : str
        ``"read"`` all synapses of a layer, ``"train"`` the first layer, ``"answer"``:
        which hidden neuron answers each digit, ``"teach"`` the second layer a digit,
        ``"test"``.
    layer : int
        1 or 2.
    digits : tuple of int
        Digits in the order in which they are shown; in blocks one digit.
    begin : int
        How often each of them has been shown before.
    noise : int
        Pixels turned over in a test.
    """

    kind: str
    layer: int
    digits: tuple[int, ...] = ()
    begin: int = 0
    noise: int = 0


def training_tasks(protocol: NetworkTraining) -> list[Task]:
    """Return all tasks of a run, in order."""
    tasks: list[Task] = []
    if 1 in protocol.layers:
        tasks += [Task(READ, 1), *_first_layer(protocol), Task(READ, 1)]
    if 2 in protocol.layers:  # noqa: PLR2004  the second layer
        if protocol.hidden is None:
            tasks.append(Task(ANSWER, 1))
        tasks.append(Task(READ, 2))
        known = protocol.hidden or (1,) * DIGITS
        tasks += [Task(TEACH, 2, (digit,)) for digit in range(DIGITS) if known[digit]]
        tasks.append(Task(READ, 2))
    if protocol.test is not None:
        for noise in protocol.test.noisy:
            tasks += [Task(TEST, layer, noise=noise) for layer in protocol.layers]
    return tasks


def _first_layer(protocol: NetworkTraining) -> Iterator[Task]:
    if protocol.order == "block":
        for digit in range(DIGITS):
            yield Task(TRAIN, 1, (digit,) * protocol.events)
        return
    generator = np.random.default_rng((protocol.order_seed, protocol.events))
    for turn in range(protocol.events):
        digits = tuple(int(digit) for digit in generator.permutation(DIGITS))
        yield Task(TRAIN, 1, digits, turn)


def task_step(protocol: NetworkTraining, task: Task) -> Step:
    """Return what a task puts out at most, and how long it is expected to take."""
    if task.kind == READ:
        return reading_step(protocol, task.layer, len(protocol.neurons))
    if task.kind in (TRAIN, TEACH):
        return _burst_step(protocol, task)
    window = protocol.answer_window
    if task.kind == TEST and protocol.test is not None:
        window = protocol.test.window
    changes = {"pulses": window, "hold_clock": False}
    train = protocol.train.model_copy(update=changes)
    return digits_step(
        train,
        protocol.reading,
        protocol.gates,
        protocol.amplitude,
        task.layer,
        task.noise,
    )


def reading_step(protocol: NetworkTraining, layer: int, neurons: int) -> Step:
    """Return the step that reads all synapses of some neurons of a layer."""
    reading, count = protocol.reading, neurons * LAYER_INPUTS[layer]
    return Step(
        label=f"{count} synapses of the {LAYER_NAMES[layer]} layer",
        levels=(reading.levels(count), protocol.gates.held(learn=True)),
        current=reading.current_range,
        compliance=reading.current_range,
        pulses=0,
        duration=count * reading.duration,
    )


def _burst_step(protocol: NetworkTraining, task: Task) -> Step:
    """Return the step of presentations; each may need all bursts of its schedule."""
    teaching = task.kind == TEACH
    schedule = protocol.second_bursts if teaching else protocol.bursts
    amplitude = protocol.second_amplitude if teaching else protocol.amplitude
    levels: list[Levels] = []
    pulses, shown = 0, len(task.digits)
    for count in schedule.pulses:
        train = protocol.train.model_copy(update={"pulses": count})
        levels += [replace(one, count=shown) for one in train.levels(amplitude)]
        pulses += count * shown
    # The oscilloscopes show the longest burst each time.
    bursts = shown * min(_BURSTS_AN_EVENT, len(schedule.pulses))
    watched = _watched_readings(protocol, task)
    read = reading_step(protocol, task.layer, 1 + watched)
    return Step(
        label=_label(task, amplitude),
        levels=(*levels, *read.levels),
        current=read.current,
        compliance=read.compliance,
        pulses=pulses,
        duration=bursts * (train.duration + _MESSAGES) + read.duration,
    )


def _watched_readings(protocol: NetworkTraining, task: Task) -> int:
    """Return how often the watched digit's winner is read within a task."""
    if task.kind != TRAIN:
        return 0
    shown = _numbers(task)
    return sum(
        digit == protocol.watched_digit and number in protocol.watched_events
        for digit, number in zip(task.digits, shown, strict=True)
    )


def _numbers(task: Task) -> Sequence[int]:
    """Return for each presentation of a task how often the digit has been shown."""
    seen: dict[int, int] = {}
    found = []
    for digit in task.digits:
        seen[digit] = seen.get(digit, task.begin) + 1
        found.append(seen[digit])
    return found


def _label(task: Task, amplitude: float) -> str:
    digits = sorted(set(task.digits))
    if task.kind == TEACH:
        return f"second layer is taught digit {digits[0]}, {amplitude:g} V"
    if len(digits) == 1:
        return f"digit {digits[0]}, {len(task.digits)} firing events, {amplitude:g} V"
    return f"ten digits, time {task.begin + 1}, {amplitude:g} V"
