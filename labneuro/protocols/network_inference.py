"""Digits with noisy pixels are shown to a network; ten spike lines are counted.

The first layer in one pass, the second one in another: ten channels see ten neurons.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from labneuro.data.digit_font import PIXELS, Font, digit_patterns, flip_pixels
from labneuro.data.layout import RunLayout
from labneuro.instruments.stress import METER, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.protocols.network_bench import (
    BurstTrain,
    GateLevels,
    NetworkBench,
    NetworkReading,
    SpikeChannels,
)
from labneuro.protocols.network_rows import (
    COLUMNS,
    DIGITS,
    INFERENCE,
    RowTable,
    count_spikes,
    rates_plot,
)
from labneuro.units import InputModel, Volt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Rows = Mapping[str, NDArray[np.generic]]

LAYER_NAMES = {1: "first", 2: "second"}
_MESSAGES = 0.045  # s of relays, arming and transfer


class DigitTest(InputModel):
    """Digits with noise, shown for some clock periods each.

    Attributes
    ----------
    noisy : tuple of int
        Numbers of pixels that are turned over; 0 is the clean digit.
    noise_seed : int
        Chooses the pixels.
    window : int
        Pulses for which a digit is shown.
    """

    noisy: tuple[Annotated[int, Field(ge=0, le=PIXELS)], ...] = (0, 2, 4)
    noise_seed: Annotated[int, Field(ge=0)] = 1
    window: Annotated[int, Field(ge=5, le=1000)] = 100

    @field_validator("noisy")
    @classmethod
    def _each_once(cls, noisy: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(noisy)) < len(noisy):
            raise ValueError("a number of pixels is given twice")
        return noisy

    def patterns(self, font: str, noise: int) -> NDArray[np.float64]:
        """Return the pixels of all digits, shape (digits, pixels): 1 black, 0 white.

        Parameters
        ----------
        font : str
            As for :func:`~labneuro.data.digit_font.digit_patterns`.
        noise : int
            Pixels of each digit that are turned over; both layers see the same ones.
        """
        generator = np.random.default_rng((self.noise_seed, noise))
        return flip_pixels(digit_patterns(font), noise, generator)


def black_inputs(pattern: NDArray[np.float64]) -> list[int]:
    """Return the inputs of black pixels, from 1."""
    return [int(place) + 1 for place in np.flatnonzero(pattern > 0.0)]


def show_digits(
    bench: NetworkBench,
    table: RowTable,
    patterns: NDArray[np.float64],
    amplitude: float,
    *,
    layer: int,
    window: int,
    noise: int,
) -> None:
    """Show every digit once, gates just open, and add what was seen to a table.

    Parameters
    ----------
    bench : NetworkBench
        Ready.
    table : RowTable
        Gets a row a clock period.
    patterns : ndarray, shape (digits, pixels)
        1 black, 0 white.
    amplitude : float
        Of the pulses in V.
    layer : int
        Which layer is watched.
    window : int
        Pulses a digit.
    noise : int
        For the table.
    """
    bench.hold_clock(at_end=False)
    bench.watch(window)
    for digit, pattern in enumerate(patterns):
        bench.show(black_inputs(pattern), learn=False, chain=layer != 1)
        burst = bench.play(window, amplitude)
        table.burst(
            burst, kind=INFERENCE, layer=layer, digit=digit, event=1, noise=noise
        )


def digits_step(
    train: BurstTrain,
    reading: NetworkReading,
    gates: GateLevels,
    amplitude: float,
    layer: int,
    noise: int,
) -> Step:
    """Return the step in which a layer sees all digits, the source meter at 0 V.

    Parameters
    ----------
    train : BurstTrain
        Clock and pulses for each digit.
    reading : NetworkReading
        The meter's range.
    gates : GateLevels
        Level of the gates.
    amplitude : float
        Of the pulses in V.
    layer, noise : int
        Which layer is watched, and how many pixels are turned over.
    """
    levels = [replace(one, count=DIGITS) for one in train.levels(amplitude)]
    return Step(
        label=f"{LAYER_NAMES[layer]} layer: ten digits, {noise} noisy pixels",
        levels=(*levels, Levels(METER, ((0.0, 0.0),)), gates.held(learn=False)),
        current=reading.current_range,
        compliance=reading.current_range,
        pulses=DIGITS * train.pulses,
        duration=DIGITS * (train.duration + _MESSAGES),
    )


class NetworkInference(MeasurementProtocol):
    """Shows digits to the network as it is; learns nothing.

    On hardware the network keeps what a NetworkTraining run has taught it. A simulated
    bench begins every run with a fresh, untrained network; there NetworkTraining's own
    `test` measures the trained one.

    Attributes
    ----------
    layers : tuple of int
        Layers that are watched, one pass for each.
    font : str
        The digits: ``spread`` or ``plain``.
    test : DigitTest
        Noise and window.
    amplitude : float
        Of a black pixel's pulses in V, at the open output.
    train : BurstTrain
        Clock and pulses; its number of pulses is not used, the clock not held.
    channels : SpikeChannels
        Where spikes are seen.
    reading : NetworkReading
        The source meter, which stays at 0 V: its range.
    gates : GateLevels
        Levels of the synapses' gates.
    """

    summary: ClassVar[str] = "firing rates of a network of hybrid neurons by digit"
    device_models: ClassVar[tuple[str, ...]] = ("hybrid_network",)

    layers: Annotated[tuple[Literal[1, 2], ...], Field(min_length=1, max_length=2)] = (
        1,
        2,
    )
    font: Font = "spread"
    test: DigitTest = DigitTest()
    amplitude: Annotated[Volt, Field(gt=0)] = 1.6
    train: BurstTrain = BurstTrain(hold_clock=False)
    channels: SpikeChannels = SpikeChannels()
    reading: NetworkReading = NetworkReading()
    gates: GateLevels = GateLevels()

    @field_validator("layers")
    @classmethod
    def _each_once(cls, layers: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(layers)) < len(layers):
            raise ValueError("a layer is given twice")
        return layers

    @property
    def _shown(self) -> BurstTrain:
        """Clock and pulses of one digit."""
        changes = {"pulses": self.test.window, "hold_clock": False}
        return self.train.model_copy(update=changes)

    def passes(self) -> Iterator[tuple[int, int]]:
        """Yield noise and layer of every step."""
        for noise in self.test.noisy:
            for layer in self.layers:
                yield noise, layer

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a noise and layer."""
        del device
        return Plan(
            tuple(
                digits_step(
                    self._shown, self.reading, self.gates, self.amplitude, layer, noise
                )
                for noise, layer in self.passes()
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return clock periods as rows, firing rates as plots."""
        del device
        plots = tuple(rates_plot(layer, self.test.noisy) for layer in self.layers)
        return RunLayout(
            readings=COLUMNS,
            readings_signal="spike_01",
            readings_axis="period",
            plots=plots,
            default=plots[-1].name,
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Rates(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class RateTables:
    """Firing rates by layer as they come in.

    Parameters
    ----------
    layers : sequence of int
        Which layers.
    test : DigitTest
        Noise and window.
    period : float
        Of the clock in s.
    level : float
        A spike is above this, in V.
    """

    def __init__(
        self, layers: Sequence[int], test: DigitTest, period: float, level: float
    ) -> None:
        self._noisy, self._level = list(test.noisy), level
        self._duration = test.window * period
        shape = len(test.noisy), DIGITS, DIGITS
        self._rates = {layer: np.full(shape, np.nan) for layer in layers}

    def add(self, rows: Rows) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Take up the rows of an inference step; return the plots."""
        layer, noise = (int(np.asarray(rows[name])[0]) for name in ("layer", "noise"))
        counts = count_spikes(rows, self._level)
        self._rates[layer][self._noisy.index(noise)] = counts / self._duration
        return self.plots()

    def plots(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Return the plots as they are."""
        return {
            f"{LAYER_NAMES[layer]}_rates": {"signal": rates}
            for layer, rates in self._rates.items()
        }


class _Rates(Drawing):
    def __init__(self, protocol: NetworkInference) -> None:
        self._tables = RateTables(
            protocol.layers,
            protocol.test,
            protocol.train.period,
            protocol.channels.level,
        )

    def add(
        self, index: int, rows: Rows
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        del index
        return self._tables.add(rows)


class _Execution(Measurement):
    def __init__(self, protocol: NetworkInference, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._bench = NetworkBench(
            bench,
            protocol.train,
            protocol.channels,
            protocol.reading,
            protocol.gates,
        )
        self._passes = list(protocol.passes())
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        self._bench.prepare(self._protocol.amplitude)

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        noise, layer = self._passes[index]
        table = RowTable(index)
        show_digits(
            self._bench,
            table,
            protocol.test.patterns(protocol.font, noise),
            protocol.amplitude,
            layer=layer,
            window=protocol.test.window,
            noise=noise,
        )
        rows = table.rows()
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Rows]) -> str:
        """Draw what has been measured; inference leaves the network as it is."""
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
