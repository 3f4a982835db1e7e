"""Clocked pulse trains on a neuron board, and what oscilloscopes see of its nodes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Column
from labneuro.errors import InstrumentError
from labneuro.instruments.roles import ScopeTrigger, VerticalScale, Waveform
from labneuro.instruments.stress import CLOCK, GENERATOR, Levels
from labneuro.units import InputModel, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import Capture, Oscilloscope

BEFORE = 50e-6
"""What a capture shows before the first edge of the clock, in s."""
TIME = Column("time", "s", "time from the first edge of the clock")
EXTERNAL = "external"
_PATIENCE = 10.0  # s beyond the length of a capture
_TRIGGER_SHARE = 0.5  # of the clock's level
_SOMETHING = 0.1  # of the screen: below it there is no edge
_GREATEST_SHIFT = 0.05  # of a period by which two oscilloscopes may see an edge apart


class SeenNode(InputModel):
    """A node of the board that an oscilloscope sees.

    Attributes
    ----------
    channel : str
        Of the oscilloscope.
    range : float
        Full height of the screen in V.
    offset : float
        Voltage at its centre in V.
    """

    channel: str
    range: Annotated[Volt, Field(gt=0)] = 4.0
    offset: Volt = 1.0

    @property
    def scale(self) -> VerticalScale:
        """What the screen shows."""
        return VerticalScale(self.range, self.offset)


class ClockedTrain(InputModel):
    """The clock, and an input pulse in each of its periods but the first ones.

    Attributes
    ----------
    period : float
        Of the clock, which is high in its first half, in s.
    level : float
        High level of the clock in V, at the open output.
    delay : float
        From the clock's rise to that of the pulse, in s.
    width : float
        Of the pulses in s.
    quiet : int
        Periods without a pulse before the first and after the last one: the latches
        fall back and the device relaxes.
    pulses : int
        Periods with a pulse.
    """

    period: Annotated[Second, Field(gt=0)] = 500e-6
    level: Annotated[Volt, Field(gt=0)] = 1.5
    delay: Annotated[Second, Field(gt=0)] = 5e-6
    width: Annotated[Second, Field(gt=0)] = 250e-6
    quiet: Annotated[int, Field(ge=3, le=1000)] = 4
    pulses: Annotated[int, Field(ge=1, le=10_000)] = 60

    @model_validator(mode="after")
    def _pulse_within_a_period(self) -> ClockedTrain:
        if not self.delay + self.width < self.period:
            raise ValueError("width: delay and width must end within the period")
        return self

    @property
    def periods(self) -> int:
        """All periods of the clock."""
        return self.pulses + 2 * self.quiet

    @property
    def duration(self) -> float:
        """Of all periods, in s."""
        return self.periods * self.period

    @property
    def start(self) -> float:
        """From the clock's first edge to that of the first period with a pulse."""
        return self.quiet * self.period

    @property
    def clock(self) -> tuple[tuple[float, float], ...]:
        """Level and duration of the clock's parts."""
        half = 0.5 * self.period
        return ((self.level, half), (0.0, half)) * self.periods

    def input(self, amplitude: float) -> tuple[tuple[float, float], ...]:
        """Return level and duration of the input's parts."""
        one = (amplitude, self.width), (0.0, self.period - self.width)
        return ((0.0, self.start + self.delay), *(one * self.pulses))

    def levels(self, amplitude: float) -> tuple[Levels, Levels]:
        """Return what both outputs put out."""
        return Levels(GENERATOR, self.input(amplitude)), Levels(CLOCK, self.clock)


def node_columns(
    *groups: Mapping[str, SeenNode], dtype: str = "f4"
) -> tuple[Column, ...]:
    """Return a column a node, in the order given.

    Parameters
    ----------
    *groups : mapping of str to SeenNode
        Nodes by name.
    dtype : str
        Of the columns; single precision holds all that an oscilloscope knows.
    """
    return tuple(
        Column(name, "V", f"voltage of {name.replace('_', ' ')}", dtype)
        for group in groups
        for name in group
    )


def check_nodes(first: Mapping[str, SeenNode], second: Mapping[str, SeenNode]) -> None:
    """Raise if nodes cannot be columns of one table.

    Raises
    ------
    ValueError
        If a node is named twice or a channel shows two.
    """
    twice = sorted(set(first) & set(second))
    if twice:
        raise ValueError(f"second_nodes: {twice[0]!r} is among nodes, too")
    for key, group in (("nodes", first), ("second_nodes", second)):
        channels = [one.channel for one in group.values()]
        for channel in channels:
            if channels.count(channel) > 1:
                raise ValueError(f"{key}: channel {channel!r} is given twice")


class BoardCaptures:
    """Plays trains on a board and captures its nodes with one or two oscilloscopes.

    Parameters
    ----------
    train : ClockedTrain
        Clock and pulses.
    bench : ConnectedBench
        Both outputs of its generator, and its oscilloscopes.
    nodes, second_nodes : mapping of str to SeenNode
        What each oscilloscope sees; the second one is not used without any. It
        triggers on the node ``clock``.
    trigger : str
        Channel of the first oscilloscope that sees the clock, or ``"external"``.
    """

    def __init__(
        self,
        train: ClockedTrain,
        bench: ConnectedBench,
        nodes: Mapping[str, SeenNode],
        second_nodes: Mapping[str, SeenNode],
        trigger: str = EXTERNAL,
    ) -> None:
        self._train = train
        self._generator, self._clock = bench.pulse_generator, bench.clock_generator
        self._seen: list[tuple[Oscilloscope, Mapping[str, SeenNode], str]] = [
            (bench.oscilloscope, nodes, trigger)
        ]
        if second_nodes:
            source = second_nodes["clock"].channel
            self._seen.append((bench.second_oscilloscope, second_nodes, source))

    def prepare(self, amplitude: float) -> None:
        """Configure all instruments and switch both outputs on, at 0 V."""
        train = self._train
        for scope, nodes, source in self._seen:
            scope.configure(
                {one.channel: one.scale for one in nodes.values()},
                duration=BEFORE + train.duration,
                before_trigger=BEFORE,
                trigger=ScopeTrigger(source, _TRIGGER_SHARE * train.level),
            )
        self._clock.load(Waveform(train.clock))
        self._generator.load(Waveform(train.input(amplitude)))
        self._clock.output_on()
        self._generator.output_on()
        self._clock.join()

    def play(self, amplitude: float) -> dict[str, NDArray[np.float64]]:
        """Play the train once.

        Parameters
        ----------
        amplitude : float
            Of the input pulses in V.

        Returns
        -------
        dict of str to ndarray, shape (points,)
            ``time`` in s as the first oscilloscope sampled it, and each node's voltage
            in V; what the second one saw is interpolated to these times.

        Raises
        ------
        InstrumentError
            If the two oscilloscopes do not agree on the time.
        """
        self._generator.load(Waveform(self._train.input(amplitude)))
        for scope, _, _ in self._seen:
            scope.arm()
        self._generator.fire()
        for scope, _, _ in self._seen:
            scope.wait(self._train.duration + _PATIENCE)
        captures = [scope.fetch() for scope, _, _ in self._seen]
        self._check_edges(captures)
        time = captures[0].time
        found = {"time": time}
        for capture, (_, nodes, _) in zip(captures, self._seen, strict=True):
            for name, node in nodes.items():
                volts = capture.voltage[node.channel]
                if capture is not captures[0]:
                    volts = np.interp(time, capture.time, volts)
                found[name] = volts
        return found

    def _check_edges(self, captures: list[Capture]) -> None:
        """Refuse captures of one node by both that show its first edge far apart."""
        if len(captures) == 1:
            return
        (_, nodes, _), (_, others, _) = self._seen
        for name, again in others.items():
            first = nodes.get(name.removesuffix("_again"))
            if not name.endswith("_again") or first is None:
                continue
            seen = _first_edge(captures[0], first), _first_edge(captures[1], again)
            limit = _GREATEST_SHIFT * self._train.period
            if abs(seen[0] - seen[1]) > limit:
                raise InstrumentError(
                    f"nodes: the oscilloscopes see the first edge of {name!r} at "
                    f"{seen[0]:.6g} s and {seen[1]:.6g} s; check both triggers"
                )


def _first_edge(capture: Capture, node: SeenNode) -> float:
    """Return when a node first rises to half of what it reaches, in s; NaN if never."""
    volts = capture.voltage[node.channel]
    top = float(volts.max())
    if top < _SOMETHING * node.range:
        return math.nan
    return float(capture.time[int(np.argmax(volts > 0.5 * top))])
