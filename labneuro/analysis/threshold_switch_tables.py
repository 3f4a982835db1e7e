"""Tables of a calibrated threshold switch: what figures and reports show."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special

from labneuro.analysis.censored import Intervals, compare
from labneuro.analysis.threshold_switch_integration import rate_factor
from labneuro.counting import wilson_interval
from labneuro.devices.threshold_switch import UNITS
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.threshold_switch import SwitchFit
    from labneuro.analysis.threshold_switch_data import FiringTimes, TrainCounts
    from labneuro.analysis.threshold_switch_integration import IntegrationFit

Row: TypeAlias = dict[str, float | str | None]
_QUANTILES = {"low": 0.05, "median": 0.5, "high": 0.95}


def tables(devices: Sequence[SwitchFit]) -> dict[str, list[Row]]:
    """Return every table, the devices' rows one after the other.

    Parameters
    ----------
    devices : sequence of SwitchFit
        The fits.

    Returns
    -------
    dict of str to list of dict
        ``firing`` (a row an amplitude of single pulses: how many fired, what the law
        says, times), ``pulses_to_fire`` (a row an amplitude and number of pulses),
        ``distributions`` (a row a quantity, amplitude and family, AIC above the best),
        ``families`` (the same summed over amplitudes) and ``held``. SI units.
    """
    makers = {
        "firing": _firing,
        "pulses_to_fire": _pulses_to_fire,
        "distributions": _distributions,
        "held": _held,
    }
    found: dict[str, list[Row]] = {
        name: [
            {"device_id": device.device_id, **row}
            for device in devices
            for row in make(device)
        ]
        for name, make in makers.items()
    }
    return found | {"families": list(_families(found["distributions"]))}


def _law(device: SwitchFit) -> IntegrationFit:
    if device.integration is None:
        raise FitError("no pulses: the law of integration was not fitted")
    return device.integration


def _firing(device: SwitchFit) -> Iterator[Row]:
    """Yield single pulses by amplitude, each beside the law."""
    for run in device.times:
        for level in np.unique(run.amplitude):
            rows = run.amplitude == level
            trials, fired = int(rows.sum()), int(run.fired[rows].sum())
            low, high = wilson_interval([fired], [trials])
            on = rows & run.fired
            relaxation = run.relaxation.middle[on]
            yield {
                "amplitude": float(level),
                "width": run.width,
                "events": trials,
                "fired": fired,
                "share_low": float(low[0]),
                "share_high": float(high[0]),
                **_law_of_pulse(_law(device), run, float(level)),
                "relaxation_mean": float(np.mean(relaxation)) if on.any() else None,
            }


def _law_of_pulse(law: IntegrationFit, run: FiringTimes, level: float) -> Row:
    """Return the law's share of pulses that fire, and quantiles of the time."""
    share = run.share(law.held.off_conductance)
    volts = np.array([level * share])
    row: Row = {"law_share": float(law.firing_probability(volts, run.width)[0])}
    for name, quantile in _QUANTILES.items():
        time = float(law.time_quantile(volts, quantile)[0])
        row[f"law_{name}"] = time if np.isfinite(time) else None
    return row


def _pulses_to_fire(device: SwitchFit) -> Iterator[Row]:
    """Yield how many trains first fired with the n-th pulse; 0 for none."""
    for run in device.counts:
        for level in np.unique(run.amplitude):
            rows = run.amplitude == level
            law = _law_of_counts(_law(device), run, float(level))
            seen = np.bincount(run.first_fire[rows], minlength=run.pulses + 1)
            for number, count in enumerate(seen.tolist()):
                yield {
                    "amplitude": float(level),
                    "pulses": number,
                    "trains": int(rows.sum()),
                    "count": count,
                    "law_share": float(law[number]),
                }


def _law_of_counts(
    law: IntegrationFit, run: TrainCounts, level: float
) -> NDArray[np.float64]:
    """Return the law's probability of each number of pulses, 0 for none."""
    share = run.share(law.held.off_conductance)
    values = law.parameters()
    factor = rate_factor(
        values,
        law.held,
        np.full(run.pulses, level * share),
        run.width,
        pulses=np.arange(run.pulses, dtype=np.float64),
        monitor=run.monitor_voltage * share,
        width=run.width,
        gap=run.gap,
    )
    by_then = special.ndtr(-np.log(factor) / values[2])
    return np.concatenate(([1.0 - by_then[-1]], np.diff(by_then, prepend=0.0)))


def samples(device: SwitchFit) -> Iterator[tuple[str, float | None, Intervals]]:
    """Yield each quantity that is distributed, with its amplitude and its events.

    Parameters
    ----------
    device : SwitchFit
        The fit of one device.
    """
    for run in device.times:
        for level in np.unique(run.amplitude):
            rows = run.amplitude == level
            for name, seen, here in (
                ("integration_time", run.integration, rows),
                ("relaxation_time", run.relaxation, rows & run.fired),
            ):
                yield name, float(level), Intervals(seen.low[here], seen.high[here])
    for train in device.counts:
        for level in np.unique(train.amplitude):
            yield (
                "pulses_to_fire",
                float(level),
                train.intervals(train.amplitude == level),
            )
    for cycles in device.voltages:
        yield "threshold_voltage", None, cycles.threshold
        yield "hold_voltage", None, cycles.hold


def _distributions(device: SwitchFit) -> Iterator[Row]:
    for quantity, level, seen in samples(device):
        common: Row = {
            "quantity": quantity,
            "amplitude": level,
            "events": len(seen.low),
            "censored": int((~seen.ended).sum()),
        }
        try:
            fits = compare(seen)
        except FitError as error:  # such as: all in one interval
            common["family"] = f"none: {error}"
            yield common | dict.fromkeys(("location", "width", "aic_difference"))
            continue
        best = min(fit.aic for fit in fits.values())
        for family, fit in fits.items():
            yield common | {
                "family": family,
                "location": fit.value("location"),
                "width": fit.value("width"),
                "aic_difference": fit.aic - best,
            }


def _families(distributions: Sequence[Row]) -> Iterator[Row]:
    """Yield the sum of each family's criterion over the amplitudes, above the best."""
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for row in distributions:
        difference = row["aic_difference"]
        if isinstance(difference, float):
            of = sums.setdefault((str(row["device_id"]), str(row["quantity"])), {})
            family = str(row["family"])
            of[family] = of.get(family, 0.0) + difference
    for (device_id, quantity), of in sums.items():
        best = min(of.values())
        for family, total in sorted(of.items(), key=lambda one: one[1]):
            yield {
                "device_id": device_id,
                "quantity": quantity,
                "family": family,
                "aic_difference": total - best,
            }


def _held(device: SwitchFit) -> Iterator[Row]:
    for name in device.held:
        yield {
            "name": name,
            "value": device.model.parameters[name].value,
            "unit": UNITS[name],
            "source": "card threshold-switch",
        }
