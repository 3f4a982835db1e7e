"""The H-NNO demonstration: measure over VISA, fit, simulate, figures, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from labneuro.analysis.hnno import fit_runs
from labneuro.analysis.resistance import resistance_of_run
from labneuro.bench import load_bench, load_card
from labneuro.data.reader import RunFile
from labneuro.demos.measuring import Measurement, make_folder, measure
from labneuro.demos.report import Report, Table
from labneuro.devices.catalog import load_parameters
from labneuro.networks.catalog import load_network
from labneuro.plotting.catalog import run_figure
from labneuro.plotting.hnno import firing_sigmoids, threshold_against_field
from labneuro.plotting.networks import save_network_result
from labneuro.plotting.style import save
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from labneuro.calibration import CalibratedModel
    from labneuro.demos.measuring import ProgressReport
    from labneuro.devices.hnno import HnnoParameters

BENCH = "hnno-sim"
NETWORK = "fashion-snn"
MEASUREMENTS = (
    Measurement("resistance", "hnno/resistance", quick=("sweeps=2",)),
    Measurement("firing", "hnno/firing", quick=("events=30",)),
    Measurement("sensitization", "hnno/sensitization", quick=("trains=5",)),
    Measurement("state-map", "hnno/state-map", quick=("events=30",)),
)
WEAK_FIELD = 0.19e6  # V/m, the paper's sensitizing field
STRONG_FIELD = 0.21e6  # V/m, the paper's spiking field
FILTERED_FIELD = 0.15e6  # V/m, in the noise-filter range of the card
PULSES = 30  # accumulating pulses of the recipe
_QUICK_NETWORK = {"seeds": 1, "epochs": 1, "brightness": (1.0, 0.2)}


@dataclass(frozen=True)
class _Measured:
    """What the demonstration has measured and fitted."""

    runs: dict[str, Path]
    model: CalibratedModel
    truth: HnnoParameters


def run(out: Path, *, quick: bool, seed: int, progress: ProgressReport) -> list[str]:
    """Run the whole loop once and write its files and report.

    Parameters
    ----------
    out : Path
        Folder for run files, model, figures and ``report.html``; made if missing. Run
        files of an earlier demonstration in it are replaced.
    quick : bool
        Fewer events, images and seeds: a check that everything works.
    seed : int
        Seed of bench and network.
    progress : callable
        ``progress(label, done, total)``.

    Returns
    -------
    list of str
        What was found and where it is, a line each.
    """
    make_folder(out, [one.name for one in MEASUREMENTS])
    runs = measure(
        MEASUREMENTS,
        load_bench(BENCH),
        out,
        quick=quick,
        seed=seed,
        progress=progress,
    )
    model = fit_runs([path for name, path in runs.items() if name != "resistance"])
    model.save(out / "model.json")
    truth = load_parameters("hnno", load_card("hnno"), "hnno")
    measured = _Measured(runs, model, cast("HnnoParameters", truth))
    report = Report(
        "H-NNO: self-sensitizable neuron",
        "One device model answered the simulated instruments over VISA, was fitted to "
        "the measured data, and ran in a network. The device is simulated: its card is "
        "the truth that the fit has to find.",
    )
    _report_runs(report, measured, out)
    _report_numbers(report, measured)
    lines = _report_network(
        report, measured, out, quick=quick, seed=seed, progress=progress
    )
    report.save(out / "report.html")
    return [*lines, f"report: {out / 'report.html'}"]


def _report_runs(report: Report, measured: _Measured, out: Path) -> None:
    report.heading("Measured over VISA")
    captions = {
        "resistance": "Small-signal current against voltage.",
        "firing": "Firing probability of the initial state, 95 % Wilson intervals.",
        "sensitization": "Firing probability against pulse number, without reset.",
        "state-map": "Firing probability of each state, each fitted by itself.",
    }
    for name, path in measured.runs.items():
        with RunFile.open(path) as run_file:
            save(run_figure(run_file), out / f"{name}.png")
        report.figure(f"{name}.png", f"{captions[name]} Run file: {path.name}")
    report.heading("Fitted: one law for all states")
    save(firing_sigmoids(measured.model), out / "firing-sigmoids.png")
    report.figure("firing-sigmoids.png", "All runs together; bands are 95 %.")
    save(threshold_against_field(measured.model), out / "threshold.png")
    report.figure(
        "threshold.png", "Field of 10 % firing probability against accumulating field."
    )


def _report_numbers(report: Report, measured: _Measured) -> None:
    report.heading("Numbers beside the paper's")
    report.paragraph(
        "The paper's text quotes fields and qualities, not the curves of its plots; "
        "where it quotes nothing, the column says so."
    )
    rows = (*_behaviour_rows(measured), *_parameter_rows(measured))
    columns = ("quantity", "paper", "card (truth)", "measured and fitted")
    report.table(Table(columns, rows))


def _behaviour_rows(measured: _Measured) -> list[tuple[str, str, str, str]]:
    model, truth = measured.model, measured.truth

    def card(field: float, shift: float = 0.0) -> str:
        odds = np.exp((field - truth.midpoint + shift) / truth.slope)
        return f"{odds / (1 + odds):.1%}"

    def counted(field: float, accumulating: float = 0.0, pulses: int = 0) -> str:
        return _share(model, field, accumulating, pulses)

    full = truth.shift_after(WEAK_FIELD, PULSES)
    return [
        (
            "firing at 0.21 V/um, initial state",
            "stochastic",
            card(STRONG_FIELD),
            counted(STRONG_FIELD),
        ),
        (
            "firing at 0.19 V/um, initial state",
            "very low",
            card(WEAK_FIELD),
            counted(WEAK_FIELD),
        ),
        (
            "firing at 0.19 V/um after 30 such pulses",
            "significantly higher",
            card(WEAK_FIELD, full),
            counted(WEAK_FIELD, WEAK_FIELD, PULSES),
        ),
        (
            "shift of the threshold by 30 pulses of 0.15 V/um",
            "none (filtered)",
            "0 V/um",
            _shift(model, FILTERED_FIELD),
        ),
        (
            "non-spiking over spiking resistance",
            "one order of magnitude",
            f"{truth.spike_contrast:g}",
            _contrast(measured.runs["state-map"]),
        ),
        (
            "resistance",
            "not quoted",
            f"{show(truth.resistance, 'ohm')}, {truth.resistance_noise:.0%} from cycle "
            "to cycle",
            _resistance(measured.runs["resistance"]),
        ),
    ]


def _rows_where(
    model: CalibratedModel, table: str, **wanted: float
) -> list[dict[str, Any]]:
    return [
        row
        for row in model.tables[table]
        if all(np.isclose(float(row[key] or 0), value) for key, value in wanted.items())
    ]


def _share(
    model: CalibratedModel, field: float, accumulating: float, pulses: int
) -> str:
    """Return spikes counted at a field in a state, with their interval."""
    rows = _rows_where(
        model,
        "firing_probability",
        pulse_field=field,
        accumulating_field=accumulating,
        accumulated_pulses=pulses,
    )
    if not rows:
        return "not measured"
    row = rows[0]
    return (
        f"{row['probability']:.1%} ({row['spikes']:.0f} of {row['trials']:.0f}; "
        f"95 % {row['low']:.1%} to {row['high']:.1%})"
    )


def _shift(model: CalibratedModel, field: float) -> str:
    rows = _rows_where(
        model, "state_map", accumulating_field=field, accumulated_pulses=PULSES
    )
    if not rows or rows[0]["threshold_shift"] is None:
        return "not measured"
    ends = rows[0]["threshold_shift_low"], rows[0]["threshold_shift_high"]
    return f"{show(rows[0]['threshold_shift'], 'V/m')} ({_ends(ends, 'V/m')})"


def _ends(interval: Sequence[float | None], unit: str) -> str:
    low, high = ("open" if end is None else show(end, unit) for end in interval)
    return f"95 % {low} to {high}"


def _contrast(path: Path) -> str:
    with RunFile.open(path) as run_file:
        readings = run_file.readings()
    resistance, spike = readings["resistance"], readings["spike"]
    ratio = np.median(resistance[spike == 0]) / np.median(resistance[spike == 1])
    return f"{ratio:.2f} at the reading, 1 ms after the pulse"


def _resistance(path: Path) -> str:
    with RunFile.open(path) as run_file:
        fitted = resistance_of_run(run_file).resistance
    return f"{show(fitted.value, 'ohm')} ({_ends(fitted.interval, 'ohm')})"


def _parameter_rows(measured: _Measured) -> list[tuple[str, str, str, str]]:
    truth, model = measured.truth, measured.model
    known = {
        "midpoint": truth.midpoint,
        "slope": truth.slope,
        "threshold": truth.threshold(),
        "floor_field": truth.floor_field,
        "saturation_shift": truth.saturation_shift,
        "shift_field_scale": truth.shift_field_scale,
        "sensitization_pulses": truth.sensitization_time / truth.reference_pulse_width,
    }
    rows = []
    for one in model.parameters:
        fitted = f"{show(one.value, one.unit)} ({_ends(one.interval, one.unit)})"
        true = show(known[one.name], one.unit) if one.name in known else ""
        rows.append((one.name.replace("_", " "), "not quoted", true, fitted))
    return rows


def _report_network(
    report: Report,
    measured: _Measured,
    out: Path,
    *,
    quick: bool,
    seed: int,
    progress: ProgressReport,
) -> list[str]:
    loaded = load_network(NETWORK)
    settings = loaded.settings(**(_QUICK_NETWORK if quick else {}))
    result = loaded.simulate(measured.model, settings, seed=seed, progress=progress)
    save_network_result(result, out)
    report.heading("Network: Fashion-MNIST in falling light")
    report.paragraph(
        "784-500-10 spiking network, trained at full brightness with frozen neurons. "
        "The same weights meet darkened images with frozen (normal) and with "
        "self-sensitizable neurons. The paper's text says that self-sensitizable "
        "networks are better at normal brightness and significantly more so in the "
        "dark (Figure 4D-F); it quotes no number."
    )
    report.figure(
        "accuracy.png", "Accuracy against brightness, mean and spread of seeds."
    )
    columns = ("brightness", "neuron", "accuracy", "sd over seeds", "95 % interval")
    rows = tuple(
        (
            f"{part.brightness:g}", part.neuron, f"{part.mean:.1%}",
            "-" if part.seeds == 1 else f"{part.standard_deviation:.1%}",
            f"{part.interval_low:.1%} to {part.interval_high:.1%}",
        )
        for part in result.summary()
    )  # fmt: skip
    report.table(Table(columns, rows))
    return str(result.accuracy_table).splitlines()
