"""Parameters of the hybrid neuron: the circuit's and its threshold switch's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from labneuro.devices import threshold_switch
from labneuro.devices.threshold_switch import ThresholdSwitchParameters
from labneuro.errors import CardError

CIRCUIT_UNITS = {
    "first_resistance": "ohm",
    "second_resistance": "ohm",
    "read_out_resistance": "ohm",
    "latch_threshold": "V",
    "clock_threshold": "V",
    "logic_high": "V",
    "output_resistance": "ohm",
    "ground_resistance": "ohm",
    "open_resistance": "ohm",
    "depression_voltage": "V",
    "depression_resistance": "ohm",
    "depression_enabled": "",
}
UNITS = {**CIRCUIT_UNITS, **threshold_switch.UNITS}


@dataclass(frozen=True)
class NeuronBoardParameters:
    """Parameters of one neuron board, in SI units.

    Attributes
    ----------
    first_resistance, second_resistance : float
        The test board's fixed resistors from its inputs to node 1. ohm
    read_out_resistance : float
        From node 2 to ground. ohm
    latch_threshold, clock_threshold : float
        Above these voltages node 2 is high for L1, and the clock for both latches. V
    logic_high : float
        High level of the digital outputs. V
    output_resistance : float
        Of the digital outputs. ohm
    ground_resistance, open_resistance : float
        Of T1 from node 1 to ground, when L2 is high and when it is low. ohm
    depression_voltage, depression_resistance : float
        What the depression module lifts node 1 with. V, ohm
    depression_enabled : float
        1: the depression module is fitted; 0: it is not.
    switch : ThresholdSwitchParameters
        The threshold switch between node 1 and node 2.
    """

    first_resistance: float
    second_resistance: float
    read_out_resistance: float
    latch_threshold: float
    clock_threshold: float
    logic_high: float
    output_resistance: float
    ground_resistance: float
    open_resistance: float
    depression_voltage: float
    depression_resistance: float
    depression_enabled: float
    switch: ThresholdSwitchParameters

    def __post_init__(self) -> None:
        for name in CIRCUIT_UNITS:
            value = getattr(self, name)
            if name == "depression_enabled":
                if value not in (0.0, 1.0):
                    raise CardError(f"{name}: must be 0 or 1, not {value}")
            elif not value > 0:
                raise CardError(f"{name}: must be above 0, not {value}")


_SWITCH_NAMES = [field.name for field in fields(ThresholdSwitchParameters)]


def neuron_board_parameters(**values: float) -> NeuronBoardParameters:
    """Return a board's parameters from one flat set of numbers.

    Parameters
    ----------
    **values : float
        Those of :data:`UNITS`, in SI units: the circuit's and the switch's.

    Raises
    ------
    CardError
        If a number is out of its range.
    """
    switch = ThresholdSwitchParameters(**{name: values[name] for name in _SWITCH_NAMES})
    circuit = {name: values[name] for name in CIRCUIT_UNITS}
    return NeuronBoardParameters(**circuit, switch=switch)


def flat_values(parameters: NeuronBoardParameters) -> dict[str, float]:
    """Return the numbers of :data:`UNITS` of a board, in SI units."""
    values = asdict(parameters)
    return {**values.pop("switch"), **values}


def draw_board(
    mean: NeuronBoardParameters, seed: int, index: int = 0
) -> NeuronBoardParameters:
    """Draw board `index` of a seed: its switch varies, its circuit does not."""
    drawn = threshold_switch.draw_device(mean.switch, seed, index)
    return replace(mean, switch=drawn)
