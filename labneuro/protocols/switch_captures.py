"""Captures of a threshold switch's events: played, judged, drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.data.layout import Axis, Column, Plot
from labneuro.instruments.roles import ScopeTrigger, Waveform
from labneuro.protocols.base import Block, Drawing, Measurement
from labneuro.protocols.switch_events import BEFORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import Capture
    from labneuro.protocols.switch_events import SwitchEvents

    Rows = Mapping[str, NDArray[np.generic]]
    Plots = Mapping[str, Mapping[str, NDArray[np.float64]]]

COMMON = (
    Column("step", "", "step: one amplitude", "i4"),
    Column("event", "", "event of the step", "i4"),
    Column("amplitude", "V", "pulse amplitude"),
    Column("time", "s", "time from the first edge; NaN in the row of an event"),
    Column("current", "A", "current through the read-out resistor"),
)
"""Columns that every protocol of events has first."""

_PATIENCE = 10.0  # s beyond the length of the events


class Crossing(NamedTuple):
    """Between which two samples a voltage passed a level, in s; NaN if it did not."""

    low: float
    high: float


NEVER = Crossing(math.nan, math.nan)


def first_above(
    time: NDArray[np.float64], volts: NDArray[np.float64], level: float
) -> Crossing:
    """Return when a voltage first rises above a level.

    Parameters
    ----------
    time, volts : ndarray, shape (samples,)
        In s and V.
    level : float
        In V. A voltage that is above it from the first sample on passed it there.
    """
    above = np.flatnonzero(volts > level)
    if not above.size:
        return NEVER
    place = int(above[0])
    return Crossing(float(time[max(place - 1, 0)]), float(time[place]))


def falls_below(
    time: NDArray[np.float64], volts: NDArray[np.float64], level: float
) -> Crossing:
    """Return when a voltage falls below a level for good.

    Noise may carry it through the level several times: the two samples enclose all of
    these, so that their middle is not late.

    Parameters
    ----------
    time, volts : ndarray, shape (samples,)
        In s and V; at least one.
    level : float
        In V. Where it is above it in the last sample, it fell after that: the upper end
        is infinite; where it is never above it, both are the first time.
    """
    above = volts > level
    if not above.any():
        return Crossing(float(time[0]), float(time[0]))
    last = int(np.flatnonzero(above)[-1])
    if last + 1 == len(time):
        return Crossing(float(time[last]), math.inf)
    first = int(np.argmin(above))
    return Crossing(float(time[max(first - 1, 0)]), float(time[last + 1]))


class SwitchCaptures:
    """Plays the events of one amplitude and yields what the oscilloscope saw.

    Parameters
    ----------
    protocol : SwitchEvents
        The parameters.
    bench : ConnectedBench
        Its generator and its oscilloscope.
    """

    def __init__(self, protocol: SwitchEvents, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._generator = bench.pulse_generator
        self._oscilloscope = bench.oscilloscope

    def prepare(self) -> None:
        """Configure both instruments and switch the output on."""
        self._load(self._protocol.amplitudes[0], 1)
        self._generator.output_on()

    def _load(self, amplitude: float, count: int) -> None:
        protocol = self._protocol
        below = protocol.conditioning.amplitude
        self._oscilloscope.configure(
            protocol.readout.scales,
            duration=BEFORE + protocol.watched,
            before_trigger=BEFORE,
            trigger=ScopeTrigger(protocol.readout.trigger, 0.5 * (below + amplitude)),
        )
        self._oscilloscope.divide(count)
        self._generator.load(Waveform(protocol.event(amplitude) * count))

    def play(self, amplitude: float) -> Iterator[Capture]:
        """Yield the capture of each event, times from its first edge."""
        protocol = self._protocol
        left, loaded = protocol.events, 0
        length = math.fsum(time for _, time in protocol.event(amplitude))
        while left:
            count = min(left, protocol.segments)
            if count != loaded:
                self._load(amplitude, count)
                loaded = count
            self._oscilloscope.arm()
            self._generator.fire()
            self._oscilloscope.wait(count * length + _PATIENCE)
            yield from self._oscilloscope.fetch_segments()
            left -= count


def waveform_plot(protocol: SwitchEvents) -> Plot:
    """Return the plot of the waveforms that are kept."""
    kept = np.arange(protocol.waveforms, dtype=np.float64)
    return Plot(
        name="waveforms",
        title="Current of the first events of each amplitude",
        signal=Column("current", "A", "current through the read-out resistor"),
        axes=(
            Axis(COMMON[2], np.array(protocol.amplitudes)),
            Axis(Column("event", "", "event"), kept),
            Axis(Column("time", "s", "time from the first edge"), protocol.grid),
        ),
        errors=False,
    )


class EventDrawing(Drawing):
    """The waveforms of a run, and what a function draws of its events.

    Parameters
    ----------
    protocol : SwitchEvents
        The parameters.
    draw_events : callable
        Takes step and rows of the events; returns their plots as they stand now.
    """

    def __init__(
        self, protocol: SwitchEvents, draw_events: Callable[[int, Rows], Plots]
    ) -> None:
        self._shape = protocol.waveforms, protocol.points
        self._waveforms = np.full((len(protocol.amplitudes), *self._shape), np.nan)
        self._draw_events = draw_events

    def add(self, index: int, rows: Rows) -> Plots:
        """Take up the rows of a step; return the plots as they stand now."""
        current = np.asarray(rows["current"], dtype=np.float64)
        points = np.isfinite(np.asarray(rows["time"], dtype=np.float64))
        self._waveforms[index] = current[points].reshape(self._shape)
        events = {key: one[~points] for key, one in rows.items()}
        drawn = self._draw_events(index, events)
        return {"waveforms": {"signal": self._waveforms}, **drawn}


class EventMeasurement(Measurement):
    """Plays the events of each amplitude and judges them.

    Parameters
    ----------
    protocol : SwitchEvents
        The parameters.
    bench : ConnectedBench
        Its generator and its oscilloscope.
    """

    def __init__(self, protocol: SwitchEvents, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._captures = SwitchCaptures(protocol, bench)
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        """Configure the instruments and switch the output on, at 0 V."""
        self._captures.prepare()

    def measure(self, index: int) -> Block:
        """Play all events of one amplitude."""
        protocol = self._protocol
        amplitude = protocol.amplitudes[index]
        parts: list[dict[str, NDArray[np.float64]]] = []
        for event, capture in enumerate(self._captures.play(amplitude)):
            common = {"step": index, "event": event, "amplitude": amplitude}
            parts.append(_columns(common | {"time": math.nan}, protocol.judge(capture)))
            if event < protocol.waveforms:
                current = np.interp(
                    protocol.grid, capture.time, protocol.current(capture)
                )
                shown = {"time": protocol.grid, "current": current}
                parts.append(_columns(common, protocol.of_a_point, shown))
        rows: dict[str, NDArray[np.generic]] = {
            column.name: np.concatenate([part[column.name] for part in parts]).astype(
                column.storage
            )
            for column in protocol.readings
        }
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Rows]) -> str:
        """Draw what has been measured; each event conditions the device itself."""
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""


def _columns(
    *parts: Mapping[str, float] | Mapping[str, NDArray[np.float64]],
) -> dict[str, NDArray[np.float64]]:
    """Return numbers as columns, all as long as the longest."""
    joined = {key: np.atleast_1d(one) for part in parts for key, one in part.items()}
    count = max(len(one) for one in joined.values())
    return {
        key: np.broadcast_to(one, count).astype(np.float64)
        for key, one in joined.items()
    }
