"""The lateral-inhibition array: a passive resistive array with comparators.

Rows are the neurons' inhibition signals and a bias; columns go to comparators whose
positive input is the reference: an output is high while its column stays below it. A
neuron's own row has the lowest conductance in its column, the others' rows the highest,
so the winner's column stays low and the losers' columns rise.

The columns' voltages solve the nodal equations of the array, drivers' resistance and
comparators' input conductance included; without driver resistance they are the passive
dividers ``sum(g v) / (sum(g) + input conductance)``.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import CardError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UNITS = {
    "neurons": "",
    "bias_voltage": "V",
    "reference_voltage": "V",
    "input_high": "V",
    "output_high": "V",
    "inhibiting_conductance": "S",
    "idle_conductance": "S",
    "output_resistance": "ohm",
    "driver_resistance": "ohm",
    "comparator_conductance": "S",
    "conductance_spread": "",
}
_MAY_BE_ZERO = ("driver_resistance", "comparator_conductance", "conductance_spread")


@dataclass(frozen=True)
class LateralInhibitionParameters:
    """Parameters of a lateral-inhibition array, in SI units.

    Attributes
    ----------
    neurons : float
        How many neurons n the array is for: n columns, n rows and the bias.
    bias_voltage, reference_voltage : float
        At the bias row, and at the comparators. V
    input_high, output_high : float
        High levels of the neurons' signals, and of the comparators. V
    inhibiting_conductance, idle_conductance : float
        Of the other neurons' rows, and of the own and the bias row. S
    output_resistance : float
        Of a comparator's output. ohm
    driver_resistance : float
        Of whatever drives each row. ohm
    comparator_conductance : float
        Input conductance of a comparator. S
    conductance_spread : float
        Standard deviation of the programmed conductances' logarithm.
    """

    neurons: float
    bias_voltage: float
    reference_voltage: float
    input_high: float
    output_high: float
    inhibiting_conductance: float
    idle_conductance: float
    output_resistance: float
    driver_resistance: float
    comparator_conductance: float
    conductance_spread: float

    def __post_init__(self) -> None:
        if not (self.neurons >= 1 and float(self.neurons).is_integer()):
            raise CardError(
                f"neurons: must be a whole number from 1 on, not {self.neurons}"
            )
        for name in UNITS:
            value = getattr(self, name)
            if name in _MAY_BE_ZERO:
                if not value >= 0:
                    raise CardError(f"{name}: must not be negative, not {value}")
            elif not value > 0:
                raise CardError(f"{name}: must be above 0, not {value}")


def draw_array(
    mean: LateralInhibitionParameters, seed: int
) -> LateralInhibitionParameters:
    """Return the mean: what varies is drawn cell by cell when an array is made."""
    return mean


def programmed_conductances(
    parameters: LateralInhibitionParameters, seed: int = 0
) -> NDArray[np.float64]:
    """Return the array's conductances in S, shape (neurons + 1, neurons), bias last.

    Parameters
    ----------
    parameters : LateralInhibitionParameters
        Values and their spread.
    seed : int
        Seed of the spread.
    """
    neurons = int(parameters.neurons)
    wanted = np.full((neurons + 1, neurons), parameters.inhibiting_conductance)
    wanted[-1] = parameters.idle_conductance
    np.fill_diagonal(wanted, parameters.idle_conductance)
    step = np.random.default_rng(seed).standard_normal(wanted.shape)
    return wanted * np.exp(parameters.conductance_spread * step)


class LateralInhibitionArray:
    """An n x (n + 1) array with its comparators; it has no state in time.

    Parameters
    ----------
    parameters : LateralInhibitionParameters
        Voltages, conductances, resistances.
    seed : int
        Seed of the conductances' spread.
    """

    def __init__(self, parameters: LateralInhibitionParameters, seed: int = 0) -> None:
        self.parameters = parameters
        self.conductance = programmed_conductances(parameters, seed)
        self._transfer = self._solve()

    def _solve(self) -> NDArray[np.float64]:
        """Return the columns' voltages for 1 V at each row, shape (n, n + 1)."""
        g = self.conductance
        rows, columns = g.shape
        loads = np.diag(g.sum(axis=0) + self.parameters.comparator_conductance)
        resistance = self.parameters.driver_resistance
        if resistance == 0.0:
            return np.linalg.solve(loads, g.T).astype(np.float64)
        nodal = np.zeros((rows + columns, rows + columns))
        nodal[:rows, :rows] = np.diag(g.sum(axis=1) + 1.0 / resistance)
        nodal[:rows, rows:] = -g
        nodal[rows:, :rows] = -g.T
        nodal[rows:, rows:] = loads
        injected = np.zeros((rows + columns, rows))
        injected[:rows] = np.eye(rows) / resistance
        return np.linalg.solve(nodal, injected)[rows:].astype(np.float64)

    def reprogram(self, conductance: ArrayLike) -> None:
        """Put the array at conductances in S, shape (neurons + 1, neurons)."""
        given = np.asarray(conductance, dtype=np.float64)
        if given.shape != self.conductance.shape or not (given > 0.0).all():
            raise ValueError(
                f"conductance: must be above 0 and of shape {self.conductance.shape}, "
                f"not {given.shape}"
            )
        self.conductance = given.copy()
        self._transfer = self._solve()

    def column_voltages(self, row_voltages: ArrayLike) -> NDArray[np.float64]:
        """Return the voltages at the comparators in V.

        Parameters
        ----------
        row_voltages : array_like, shape (..., neurons)
            Voltages of the neurons' signals in V; the bias is added.

        Returns
        -------
        ndarray, shape (..., neurons)
        """
        rows = np.asarray(row_voltages, dtype=np.float64)
        bias = self.parameters.bias_voltage * self._transfer[:, -1]
        found: NDArray[np.float64] = rows @ self._transfer[:, :-1].T + bias
        return found

    def gates(self, inhibition: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs to the synapses' shared gates in V.

        Parameters
        ----------
        inhibition : array_like of bool, shape (..., neurons)
            The neurons' lateral-inhibition signals.

        Returns
        -------
        ndarray, shape (..., neurons)
            0 or `output_high`.
        """
        signals = np.asarray(inhibition, dtype=np.float64) * self.parameters.input_high
        active = self.column_voltages(signals) < self.parameters.reference_voltage
        return np.where(active, self.parameters.output_high, 0.0)
