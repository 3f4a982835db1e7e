"""Search for the branch parameters of one form of the FMES synapse.

Every reading is predicted at its own instant by the device's own solver and compared in
units of its noise, which is correlated along a train (:mod:`fmes_noise`). Unknowns are
the logarithms of the parameters, so that intervals stay above zero.

The noise of a pulse's charge changes later readings, and not quite in proportion:
within 2 % of noise the current of a staircase bends by more than a self-discharge of
1 uS moves it. So the sensitivities are taken about the likeliest noise of each pulse
and not about none; noise, parameters and that place are found in turns.

References
----------
M. J. Lindstrom and D. M. Bates, Biometrics 46, 673 (1990), doi:10.2307/2532087: random
effects expanded about their likeliest values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.fmes_noise import Noise, Spectrum, estimate
from labneuro.analysis.fmes_sensitivity import sensitivity
from labneuro.analysis.fmes_solver import Solution, least_squares
from labneuro.devices.fmes_parameters import UNITS, FmesParameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_schedule import Block

LINEAR = "two linear branches"
CROWDED = "crowding, middle and growing branch"
PATH = "path_resistance"
"""Relays and leads in series with every resistor: fitted beside the device."""
_NEUTRAL = {"pulse_threshold": 1e-6, "fade_onset": 1e4}
_LINEAR_STARTS: dict[str, tuple[float, ...]] = {
    "fast_resistance": (120.0, 180.0),
    "fast_capacitance": (40e-6, 80e-6),
    "slow_resistance": (300.0, 150.0),
    "slow_capacitance": (8e-3, 2e-3),
    "slow_leak": (1e-6, 1e-6),
}
_CROWDED_STARTS: dict[str, tuple[float, ...]] = {
    "fast_resistance": (150.0,),
    "fast_capacitance": (80e-6,),
    "fast_crowding": (500.0,),
    "middle_resistance": (250.0,),
    "middle_capacitance": (0.7e-3,),
    "slow_resistance": (350.0,),
    "slow_capacitance": (7e-3,),
    "slow_growth": (0.4,),
    "slow_leak": (1e-6,),
}
_MOST_GROUPS = 400  # of pulses: longer trains have several in each
_ROUNDS = 2  # of noise and fit; more change no digit that is told
_MOST_STEPS = 40
_REACH = 12.0  # of the logarithms around their start
_ROUGH, _FINE = 1.0, 1e-3  # of half a chi square: worth no further step


class Expansion(NamedTuple):
    """Where the readings of a block are expanded in the noise of its pulses.

    Attributes
    ----------
    spectrum : Spectrum
        Of the sensitivities there.
    factor : ndarray or None, shape (pulses,)
        How much longer than the clock says the device lives in each pulse.
    offset : ndarray, shape (kept,)
        What that noise does to the readings by the sensitivities, in V or A.
    """

    spectrum: Spectrum
    factor: NDArray[np.float64] | None
    offset: NDArray[np.float64]


def device_of(values: Mapping[str, float]) -> FmesParameters:
    """Return the device of some parameters; the others are absent or neutral."""
    return FmesParameters(
        **{name: values.get(name, _NEUTRAL.get(name, 0.0)) for name in UNITS}
    )


class Search:
    """The fit of one form.

    Parameters
    ----------
    blocks : sequence of Block
        The data.
    form : str
        :data:`LINEAR` or :data:`CROWDED`.
    simple : FmesParameters, optional
        Linear branches of the same device, from which the other form starts.

    Attributes
    ----------
    names : tuple of str
        The unknowns.
    expansions : list of Expansion
        Of each block.
    """

    def __init__(
        self, blocks: Sequence[Block], form: str, simple: FmesParameters | None = None
    ) -> None:
        self.blocks, self.form = tuple(blocks), form
        self._starts = dict(_LINEAR_STARTS if form == LINEAR else _CROWDED_STARTS)
        if simple is not None:  # two linear branches tell the slow one's size
            self._starts["slow_capacitance"] = (0.9 * simple.slow_capacitance,)
        if any(np.isfinite(block.resistance) for block in blocks):
            self._starts[PATH] = (0.5, 0.5)
        self.names = tuple(self._starts)
        self.keys = [block.key for block in blocks]
        self._groups = [block.groups(_MOST_GROUPS) for block in blocks]
        self.expansions = [
            _plain(block, int(group[-1]) + 1)
            for block, group in zip(blocks, self._groups, strict=True)
        ]

    def device(self, unknown: NDArray[np.float64]) -> FmesParameters:
        """Return the device of some unknowns."""
        values = dict(zip(self.names, np.exp(unknown).tolist(), strict=True))
        return device_of(values)

    def path(self, unknown: NDArray[np.float64]) -> float:
        """Return the resistance of relays and leads in ohm."""
        return float(np.exp(unknown[-1])) if self.names[-1] == PATH else 0.0

    def residuals(self, unknown: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return readings less predictions, block by block."""
        device, path = self.device(unknown), self.path(unknown)
        return [
            block.measured - block.predict(device, path, one.factor) + one.offset
            for block, one in zip(self.blocks, self.expansions, strict=True)
        ]

    def noise(self, unknown: NDArray[np.float64], *, error: bool = False) -> Noise:
        """Return the noise that makes the residuals likeliest."""
        residuals = self.residuals(unknown)
        return estimate(residuals, self.spectra, self.keys, error=error)

    @property
    def spectra(self) -> list[Spectrum]:
        """Sensitivities of each block."""
        return [one.spectrum for one in self.expansions]

    def run(self) -> tuple[Solution, Noise]:
        """Return the fit and its noise."""
        start = self._start()
        noise = self.noise(start)
        unknown = self._solve(start, noise, _ROUGH).unknown
        for _ in range(_ROUNDS):
            self._expand(unknown, noise)
            found = self._solve(unknown, self.noise(unknown), _FINE)
            unknown = found.unknown
            noise = self.noise(unknown)
        return found, self.noise(unknown, error=True)

    def _start(self) -> NDArray[np.float64]:
        """Return the likeliest start, with white noise."""
        starts = [
            np.log([values[number] for values in self._starts.values()])
            for number in range(len(self._starts["fast_resistance"]))
        ]
        return min(starts, key=self.deviance)

    def deviance(self, unknown: NDArray[np.float64]) -> float:
        """Return twice the negative logarithm of the likelihood at its best noise."""
        residuals = self.residuals(unknown)
        noise = estimate(residuals, self.spectra, self.keys)
        white = self.white(residuals, noise)
        total = 0.0
        for one, spectrum, key in zip(white, self.spectra, self.keys, strict=True):
            reading = noise.reading[key]
            variance = reading**2 + noise.charge**2 * spectrum.power
            rest = one.shape[1] - len(variance)
            spread = np.sum(np.log(variance)) + rest * np.log(reading**2)
            total += float(np.sum(one**2) + one.shape[0] * spread)
        return total

    def white(
        self, residuals: Sequence[NDArray[np.float64]], noise: Noise
    ) -> list[NDArray[np.float64]]:
        """Return residuals as independent numbers of deviation 1."""
        return [
            spectrum.whiten(one, noise.reading[key], noise.charge)
            for one, spectrum, key in zip(
                residuals, self.spectra, self.keys, strict=True
            )
        ]

    def _solve(
        self, start: NDArray[np.float64], noise: Noise, precision: float
    ) -> Solution:
        def whitened(unknown: NDArray[np.float64]) -> NDArray[np.float64]:
            parts = self.white(self.residuals(unknown), noise)
            return np.concatenate([one.ravel() for one in parts])

        return least_squares(
            whitened, start, reach=_REACH, precision=precision, most=_MOST_STEPS
        )

    def _expand(self, unknown: NDArray[np.float64], noise: Noise) -> None:
        """Expand every block about the likeliest noise of its pulses."""
        device, path = self.device(unknown), self.path(unknown)
        residuals = self.residuals(unknown)
        for place, block in enumerate(self.blocks):
            one, group = self.expansions[place], self._groups[place]
            factor, likeliest = None, np.zeros(int(group[-1]) + 1)
            # Repeated readings have noise of their own, each so little that none is
            # as good a place.
            if len(block.measured) == 1:
                reading = noise.reading[block.key]
                likeliest = one.spectrum.likeliest(
                    residuals[place][0], reading, noise.charge
                )
                size = np.sqrt(np.bincount(group))
                factor = np.exp((likeliest / size)[group])
            columns = sensitivity(block, device, path, group, factor)
            self.expansions[place] = Expansion(
                Spectrum(columns), factor, columns @ likeliest
            )


def _plain(block: Block, groups: int) -> Expansion:
    """Return the expansion that knows of no pulse noise."""
    readings = block.measured.shape[1]
    return Expansion(Spectrum(np.zeros((readings, groups))), None, np.zeros(readings))
