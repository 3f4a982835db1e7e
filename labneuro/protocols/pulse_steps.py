"""Plan steps and spike counts that the pulse protocols share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.counting import wilson_interval
from labneuro.data.layout import Column, Plot, RunLayout
from labneuro.instruments.stress import GENERATOR, METER, Levels
from labneuro.protocols.base import Step
from labneuro.protocols.pulse_events import (
    BASELINE_EVENTS,
    INITIAL,
    READINGS,
    EventSettings,
    PulseEvent,
    Sensitization,
    channel_length,
    event_train,
    level,
    reset_train,
)
from labneuro.units import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig

LOWEST_LINE_FREQUENCY = 50.0  # Hz: its power-line cycles are the longest
_WIDTH = 2 * 1.959963984540054  # of a 95 % interval, in standard deviations


PROBABILITY = Column("probability", "", "firing probability")
COUNTS = (
    Column("spikes", "", "spikes counted"),
    Column("trials", "", "pulses counted"),
)


def pulse_layout(plot: Plot) -> RunLayout:
    """Return the layout of a run of pulse events with its one plot."""
    return RunLayout(
        readings=READINGS,
        readings_signal="resistance",
        readings_axis="time",
        plots=(plot,),
        default=plot.name,
    )


def baseline_step(
    settings: EventSettings, length: float, label: str = "baseline: reset and read"
) -> Step:
    """Return the step that resets the device and reads its initial resistance."""
    train = reset_train(settings, length)
    return Step(
        label=label,
        levels=(
            Levels(GENERATOR, train.waveform.segments, BASELINE_EVENTS),
            read_levels(settings, BASELINE_EVENTS),
        ),
        current=settings.read.current_range,
        pulses=0,
        duration=BASELINE_EVENTS * train.period,
    )


def resumption(settings: EventSettings, device: DeviceConfig) -> tuple[Step, ...]:
    """Return what is done to the device before a run goes on: reset and read again."""
    label = "resumption: reset and read"
    return (baseline_step(settings, channel_length(device), label),)


def probe_step(
    event: PulseEvent,
    count: int,
    settings: EventSettings,
    length: float,
    current: float,
) -> Step:
    """Return the step that repeats an event with reset."""
    state = event.state
    # The accumulating pulses are told apart from what follows: they may be thousands.
    train = event_train(PulseEvent(INITIAL, event.pulse_field), settings, length)
    period = event_train(event, settings, length).period
    after = f" after {state.pulses} at {show(state.field, 'V/m')}" * bool(state.pulses)
    return Step(
        label=f"{count} events at {show(event.pulse_field, 'V/m')}{after}",
        levels=(
            *_accumulation(state, count, settings, length),
            Levels(GENERATOR, train.waveform.segments, count),
            read_levels(settings, count),
        ),
        current=current,
        pulses=count * (state.pulses + 1),
        duration=count * period,
    )


def read_levels(settings: EventSettings, count: int) -> Levels:
    """Return the level of the small-signal readings of `count` events."""
    read = settings.read
    held = read.settling + read.power_line_cycles / LOWEST_LINE_FREQUENCY
    return Levels(METER, ((read.voltage, held),), count)


def _accumulation(
    state: Sensitization, count: int, settings: EventSettings, length: float
) -> tuple[Levels, ...]:
    if not state.pulses:
        return ()
    width = settings.pulses.width
    pulse = (level(state.field, length), width)
    gap = (0.0, state.interval - width)
    return (Levels(GENERATOR, (pulse, gap), state.pulses * count),)


class Tally:
    """Spikes and trials on a grid, as they come in.

    Parameters
    ----------
    shape : tuple of int
        Shape of the plot.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.spikes = np.zeros(shape)
        self.trials = np.zeros(shape)

    def add(self, where: tuple[int, ...], spike: NDArray[np.generic]) -> None:
        """Count the events of a train; baseline reads (-1) do not count."""
        counted = spike >= np.int8(0)
        self.spikes[where] += np.count_nonzero(spike == np.int8(1))
        self.trials[where] += np.count_nonzero(counted)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return probability, its error and the counts; NaN where none was counted.

        The error is the width of the 95 % Wilson interval over 3.92: unlike
        sqrt(p (1 - p) / n) it does not vanish at no spike or at all spikes.
        """
        counted = self.trials > 0
        probability = np.full(self.trials.shape, np.nan)
        probability[counted] = self.spikes[counted] / self.trials[counted]
        errors = np.full(self.trials.shape, np.nan)
        low, high = wilson_interval(self.spikes[counted], self.trials[counted])
        errors[counted] = (high - low) / _WIDTH
        return {
            "signal": probability,
            "errors": errors,
            "spikes": self.spikes.copy(),
            "trials": self.trials.copy(),
        }
