"""Plan steps and spike counts that the pulse protocols share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.counting import wilson_interval
from labneuro.data.layout import Column, Plot, RunLayout
from labneuro.protocols.base import Step
from labneuro.protocols.pulse_events import (
    BASELINE_EVENTS,
    READINGS,
    EventSettings,
    PulseEvent,
    event_train,
    reset_train,
)
from labneuro.units import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def baseline_step(settings: EventSettings, length: float) -> Step:
    """Return the step that resets the device and reads its initial resistance."""
    train = reset_train(settings, length)
    return Step(
        label="baseline: reset and read",
        voltages=(settings.read.voltage, *train.waveform.levels),
        current=settings.read.current_range,
        pulses=0,
        duration=BASELINE_EVENTS * train.period,
    )


def probe_step(
    event: PulseEvent,
    count: int,
    settings: EventSettings,
    length: float,
    current: float,
) -> Step:
    """Return the step that repeats an event with reset."""
    train = event_train(event, settings, length)
    state = event.state
    after = f" after {state.pulses} at {show(state.field, 'V/m')}" * bool(state.pulses)
    return Step(
        label=f"{count} events at {show(event.pulse_field, 'V/m')}{after}",
        voltages=(settings.read.voltage, *dict.fromkeys(train.waveform.levels)),
        current=current,
        pulses=count * (state.pulses + 1),
        duration=count * train.period,
    )


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
