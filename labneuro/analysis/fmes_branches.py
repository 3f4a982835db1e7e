"""Branch parameters of the FMES synapse by generalised least squares.

Every reading is predicted at its own instant by the device's own solver and compared in
units of its noise, which is correlated along a train (:mod:`fmes_noise`). Unknowns are
the logarithms of the parameters, so that intervals stay above zero; what the meter's
gain may be wrong by is added to the covariance run by run. First two linear branches
with self-discharge are fitted. Where they leave residuals that follow each other, the
crowding fast, middle and growing slow branch is fitted, to at most two trains and
two sweeps, as its solver takes a hundred times longer; self-discharge is then held at
the value of the linear form. It is kept if the likelihood of the same readings pays for
it by the Bayesian information criterion.

References
----------
G. Schwarz, Ann. Stat. 6, 461 (1978), doi:10.1214/aos/1176344136: the criterion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from labneuro.analysis.fmes_noise import Noise, Spectrum, estimate
from labneuro.calibration import FittedParameter
from labneuro.counting import LEVEL
from labneuro.devices.fmes_parameters import UNITS, FmesParameters
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_schedule import Block

LINEAR = "two linear branches"
CROWDED = "crowding, middle and growing branch"
PATH = "path_resistance"
"""Relays and leads in series with every resistor: fitted beside the device."""
GAIN_ACCURACY = 3e-4
"""Systematic share of all readings of a run, chosen: above the 0.015 to 0.02 % of
reading that the data sheet gives for a 2600B's lower voltage and current ranges."""
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
}
_PULSES_A_GROUP = {LINEAR: 1, CROWDED: 10}
_ROUNDS = 2  # of noise and fit; more change no digit that is told
_MOST_STEPS = 20
_REACH = 12.0  # of the logarithms around their start
_UNDETERMINED = 1.0  # standard error of a logarithm: a factor of 2.7 either way
_LONG_BLOCK = 50  # readings
_CORRELATED = 6.0  # standard errors
_MOST = {"PotentiationDepression": 2, "CurrentVoltage": 2, "LearnForget": 0}
_LONGEST_DECAY = 10.0  # s of a decay below which self-discharge is held


@dataclass(frozen=True)
class BranchFit:
    """Branches of one device.

    Attributes
    ----------
    form : str
        :data:`LINEAR` or :data:`CROWDED`.
    parameters : FmesParameters
        The device, charge noise included.
    fitted : dict of str to FittedParameter
        What was fitted, with 95 % intervals.
    covariance_of : tuple of str
        Parameters with a standard error, in the order of `covariance`.
    covariance : ndarray
        Their covariance matrix.
    held : tuple of str
        Parameters that were not fitted, or that the data do not determine.
    noise : Noise
        Of pulses and readings.
    deviance : float
        Twice the negative logarithm of the likelihood.
    blocks : tuple of Block
        The data.
    predicted : tuple of ndarray
        What the fit makes of each block.
    whitened : tuple of ndarray
        Residuals of each block as independent numbers of deviation 1.
    path : float
        Resistance of relays and leads in ohm, 0 if not fitted.
    """

    form: str
    parameters: FmesParameters
    fitted: dict[str, FittedParameter]
    covariance_of: tuple[str, ...]
    covariance: NDArray[np.float64]
    held: tuple[str, ...]
    noise: Noise
    deviance: float
    blocks: tuple[Block, ...]
    predicted: tuple[NDArray[np.float64], ...]
    whitened: tuple[NDArray[np.float64], ...]
    path: float

    @property
    def correlation(self) -> float:
        """Correlation of whitened residuals two readings apart: peaks with peaks."""
        long = [one for one in self.whitened if one.shape[1] >= _LONG_BLOCK]
        square = sum(float(np.sum(one**2)) for one in long)
        product = sum(float(np.sum(one[:, 2:] * one[:, :-2])) for one in long)
        return product / square if square > 0.0 else 0.0


def device_of(values: Mapping[str, float]) -> FmesParameters:
    """Return the device of some parameters; the others are absent or neutral."""
    return FmesParameters(
        **{name: values.get(name, _NEUTRAL.get(name, 0.0)) for name in UNITS}
    )


def fit_branches(blocks: Sequence[Block]) -> BranchFit:
    """Fit the branches of one device.

    Parameters
    ----------
    blocks : sequence of Block
        From :func:`~labneuro.analysis.fmes_schedule.blocks_of`.

    Raises
    ------
    FitError
        If there is no block.
    """
    if not blocks:
        raise FitError("no reading to fit branches to")
    linear = _Search(blocks, LINEAR)
    simple = linear.run()
    if not misses(simple):
        return simple
    few = thinned(blocks)
    rich = _Search(few, CROWDED, simple.parameters).run()
    compared = _Search(few, LINEAR).run()
    price = np.log(sum(block.measured.size for block in few))
    gain = compared.deviance - rich.deviance
    dearer = (len(rich.fitted) - len(compared.fitted)) * price
    return rich if gain > dearer else simple


def misses(fit: BranchFit) -> bool:
    """Return whether residuals follow each other more than noise does.

    The test: their correlation against its standard error, over the blocks that are
    long enough to show it.
    """
    count = sum(one.size for one in fit.whitened if one.shape[1] >= _LONG_BLOCK)
    return count > 0 and abs(fit.correlation) * np.sqrt(count) > _CORRELATED


def thinned(blocks: Sequence[Block]) -> list[Block]:
    """Return at most two trains and two sweeps, the ends included, and the pairs."""
    kept = set(range(len(blocks)))
    for name, most in _MOST.items():
        own = [place for place, block in enumerate(blocks) if block.name == name]
        chosen = np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(int)
        kept -= set(own) - {own[place] for place in chosen}
    return [blocks[place] for place in sorted(kept)]


class _Search:
    """The fit of one form."""

    def __init__(
        self, blocks: Sequence[Block], form: str, simple: FmesParameters | None = None
    ) -> None:
        self.blocks, self.form = tuple(blocks), form
        self.starts = dict(_LINEAR_STARTS if form == LINEAR else _CROWDED_STARTS)
        self.fixed: dict[str, float] = {}
        if simple is not None:  # two linear branches tell the slow one's size
            self.starts["slow_capacitance"] = (0.9 * simple.slow_capacitance,)
            self.fixed["slow_leak"] = simple.slow_leak
        elif max(_resting(block) for block in blocks) < _LONGEST_DECAY:
            del self.starts["slow_leak"]
            self.fixed["slow_leak"] = 0.0
        if any(np.isfinite(block.resistance) for block in blocks):
            self.starts[PATH] = (0.5, 0.5)
        self.names = tuple(self.starts)
        self.keys = [block.key for block in blocks]

    def device(self, unknown: NDArray[np.float64]) -> FmesParameters:
        values = dict(zip(self.names, np.exp(unknown).tolist(), strict=True))
        return device_of(self.fixed | values)

    def residuals(self, unknown: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        device = self.device(unknown)
        path = self.path(unknown)
        return [block.measured - block.predict(device, path) for block in self.blocks]

    def path(self, unknown: NDArray[np.float64]) -> float:
        return float(np.exp(unknown[-1])) if self.names[-1] == PATH else 0.0

    def run(self) -> BranchFit:
        unknown = self._first()
        for _ in range(_ROUNDS):
            device = self.device(unknown)
            path = self.path(unknown)
            spectra = [
                Spectrum(one.sensitivity(device, path, _PULSES_A_GROUP[self.form]))
                for one in self.blocks
            ]
            noise = estimate(self.residuals(unknown), spectra, self.keys)
            unknown, jacobian = self._solve(unknown, spectra, noise)
        noise = estimate(self.residuals(unknown), spectra, self.keys)
        return self._result(unknown, jacobian, spectra, noise)

    def _first(self) -> NDArray[np.float64]:
        """Return the likeliest start, fitted with white noise of equal shares."""
        plain = [Spectrum(np.zeros((b.measured.shape[1], 1))) for b in self.blocks]
        starts = [
            np.log([values[number] for values in self.starts.values()])
            for number in range(len(self.starts["fast_resistance"]))
        ]
        start = min(starts, key=lambda one: self._deviance(one, plain))
        noise = estimate(self.residuals(start), plain, self.keys)
        return self._solve(start, plain, noise)[0]

    def _deviance(
        self, unknown: NDArray[np.float64], spectra: Sequence[Spectrum]
    ) -> float:
        residuals = self.residuals(unknown)
        return likelihood(residuals, spectra, self.keys)

    def _solve(
        self,
        start: NDArray[np.float64],
        spectra: Sequence[Spectrum],
        noise: Noise,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        def whitened(unknown: NDArray[np.float64]) -> NDArray[np.float64]:
            parts = self.white(self.residuals(unknown), spectra, noise)
            return np.concatenate([one.ravel() for one in parts])

        found = optimize.least_squares(
            whitened,
            start,
            bounds=(start - _REACH, start + _REACH),
            x_scale=0.1,
            diff_step=1e-4,
            ftol=1e-9,
            max_nfev=_MOST_STEPS,
        )
        return found.x, found.jac

    def white(
        self,
        residuals: Sequence[NDArray[np.float64]],
        spectra: Sequence[Spectrum],
        noise: Noise,
    ) -> list[NDArray[np.float64]]:
        return [
            spectrum.whiten(one, noise.reading[key], noise.charge)
            for one, spectrum, key in zip(residuals, spectra, self.keys, strict=True)
        ]

    def _systematic(
        self,
        predicted: Sequence[NDArray[np.float64]],
        spectra: Sequence[Spectrum],
        noise: Noise,
        projector: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the covariance that a wrong gain of each run's meter brings."""
        whole = [
            np.broadcast_to(one, block.measured.shape)
            for one, block in zip(predicted, self.blocks, strict=True)
        ]
        white = self.white(whole, spectra, noise)
        total = np.zeros((len(projector), len(projector)))
        for name in dict.fromkeys(self.keys):
            parts = zip(white, self.keys, strict=True)
            own = [one.ravel() * (key == name) for one, key in parts]
            moved = GAIN_ACCURACY * (projector @ np.concatenate(own))
            total += np.outer(moved, moved)
        return total

    def _result(
        self,
        unknown: NDArray[np.float64],
        jacobian: NDArray[np.float64],
        spectra: Sequence[Spectrum],
        noise: Noise,
    ) -> BranchFit:
        covariance = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True)
        device, path = self.device(unknown), self.path(unknown)
        predicted = tuple(block.predict(device, path) for block in self.blocks)
        projector = covariance @ jacobian.T
        covariance = covariance + self._systematic(predicted, spectra, noise, projector)
        errors = np.sqrt(np.diag(covariance))
        # A direction that moves nothing has no error by the pseudo-inverse, but none.
        silent = np.sum(jacobian**2, axis=0) < 1.0 / _UNDETERMINED**2
        errors[silent] = np.inf
        values = np.exp(unknown)
        fitted = {
            name: _parameter(name, values[place], errors[place])
            for place, name in enumerate(self.names)
        }
        fitted["charge_noise"] = _charge_noise(noise)
        known = [
            place
            for place, name in enumerate(self.names)
            if fitted[name].standard_error is not None
        ]
        scale = values[known]
        held = {name for name, one in fitted.items() if one.standard_error is None}
        held |= set(UNITS) - set(fitted)
        return BranchFit(
            form=self.form,
            parameters=type(device)(**(vars(device) | {"charge_noise": noise.charge})),
            fitted=fitted,
            covariance_of=tuple(self.names[place] for place in known),
            covariance=covariance[np.ix_(known, known)] * np.outer(scale, scale),
            held=tuple(name for name in UNITS if name in held),
            noise=noise,
            deviance=self._deviance(unknown, spectra),
            blocks=self.blocks,
            predicted=predicted,
            whitened=tuple(self.white(self.residuals(unknown), spectra, noise)),
            path=path,
        )


def likelihood(
    residuals: Sequence[NDArray[np.float64]],
    spectra: Sequence[Spectrum],
    keys: Sequence[str],
) -> float:
    """Return twice the negative logarithm of the likelihood at its best noise."""
    noise = estimate(residuals, spectra, keys)
    total = 0.0
    for one, spectrum, key in zip(residuals, spectra, keys, strict=True):
        reading = noise.reading[key]
        white = spectrum.whiten(one, reading, noise.charge)
        variance = reading**2 + noise.charge**2 * spectrum.power
        rest = one.shape[1] - len(variance)
        spread = np.sum(np.log(variance)) + rest * np.log(reading**2)
        total += float(np.sum(white**2) + one.shape[0] * spread)
    return total


def _resting(block: Block) -> float:
    """Return the longest time without a source that a block reads in, in s."""
    level, series, duration, *_ = block.segments
    idle = (level == 0.0) & (series > 0.0)
    return float(np.sum(duration[idle])) if idle.any() else 0.0


def _parameter(name: str, value: float, error: float) -> FittedParameter:
    """Return a parameter whose logarithm has a normal error."""
    known = bool(error < _UNDETERMINED)
    reach = float(stats.norm.ppf(0.5 + LEVEL / 2.0)) * float(error)
    return FittedParameter(
        name=name,
        unit=UNITS.get(name, "ohm"),
        value=float(value),
        standard_error=float(value * error) if known else None,
        interval=(
            (float(value * np.exp(-reach)), float(value * np.exp(reach)))
            if known
            else (None, None)
        ),
    )


def _charge_noise(noise: Noise) -> FittedParameter:
    error = np.inf if noise.charge_error is None else noise.charge_error / noise.charge
    return _parameter("charge_noise", noise.charge, float(error))
