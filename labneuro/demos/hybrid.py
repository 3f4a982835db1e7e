"""The hybrid-neuron demonstration: measure over VISA, fit, simulate, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.analysis.catalog import fit_function
from labneuro.bench import load_bench, load_card
from labneuro.demos.hybrid_table import COLUMNS, quoted_rows
from labneuro.demos.measuring import Measurement, make_folder, measure
from labneuro.demos.report import Report, Table
from labneuro.devices.catalog import parameter_units
from labneuro.networks.catalog import load_network
from labneuro.plotting.hybrid_networks import save_network_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from labneuro.calibration import CalibratedModel
    from labneuro.demos.measuring import ProgressReport

NETWORK = "hybrid-snn"
MEASUREMENTS = {
    "ts-sim": (
        Measurement(
            "threshold-switching", "hybrid/threshold-switching", quick=("cycles=20",)
        ),
    ),
    "ts-scope-sim": (
        Measurement(
            "firing-pulse", "hybrid/firing-pulse", ("events=50",), ("events=10",)
        ),
        Measurement(
            "pulse-train-firing",
            "hybrid/pulse-train-firing",
            ("events=50",),
            ("events=10",),
        ),
    ),
    "neuron-sim": (
        Measurement(
            "neuron-firing",
            "hybrid/neuron-firing",
            ("captures=2",),
            ("captures=1", "amplitudes=[1.4 V, 1.8 V, 2.0 V]", "train={pulses: 40}"),
        ),
    ),
    "synapses-sim": (
        Measurement("synapse-learning", "hybrid/synapse-learning", quick=("trains=2",)),
    ),
    "lia-sim": (Measurement("inhibition-truth", "hybrid/inhibition-truth"),),
}
"""What is measured, by bench."""
FITS = {
    "threshold_switch": ("threshold-switching", "firing-pulse", "pulse-train-firing"),
    "neuron_board": ("neuron-firing", "synapse-learning"),
}
"""Runs of each fit, by device model."""
_CARDS = {
    "threshold_switch": ("threshold-switch",),
    "neuron_board": ("neuron-board", "learning-board"),
}
_CAPTIONS = {
    "threshold-switching": "Current-voltage cycles, threshold and hold voltage.",
    "firing-pulse": "Single pulses of 1 ms, integration and relaxation times.",
    "pulse-train-firing": "Trains of 250 us pulses, and how many of them it takes.",
    "neuron-firing": "Nodes of the neuron board, its spikes laid together, and rates.",
    "synapse-learning": "Two synapses that a neuron programs in place.",
    "inhibition-truth": "Outputs of the lateral-inhibition array.",
}
_NETWORK_FIGURES = {
    "weight_maps": "Conductances of both layers before, during and after training.",
    "learned_digits": "Digits, and the synapses of the neuron that answers each.",
    "firing_rates": "Firing rates of both layers, clean and noisy digits.",
    "recognition_by_noise": "Recognised digits against noisy pixels.",
    "competition": "How the neurons share the firing events, with parts taken away.",
}

_SETTINGS: dict[str, Any] = {
    "seeds": 4,
    "passes": 12,
    "window": 60,
    "noisy": (0, 2, 4, 8),
}


@dataclass(frozen=True)
class _Order:
    """What was asked for."""

    out: Path
    quick: bool
    seed: int
    progress: ProgressReport


def run(out: Path, *, quick: bool, seed: int, progress: ProgressReport) -> list[str]:
    """Run the whole loop once and write its files and report.

    Parameters
    ----------
    out : Path
        Folder for run files, models, figures and ``report.html``; made if missing. Run
        files of an earlier demonstration in it are replaced.
    quick : bool
        Fewer events, trains and networks: a check that everything works.
    seed : int
        Seed of benches and networks.
    progress : callable
        ``progress(label, done, total)``.

    Returns
    -------
    list of str
        What was found and where it is, a line each.
    """
    order = _Order(out, quick, seed, progress)
    runs = _measure(order)
    models = {model: _fit(model, runs, order) for model in FITS}
    report = Report(
        "Hybrid neuron: fired, captured, learning in place",
        "Models of the threshold switch, the neuron board, its synapses and the "
        "lateral-inhibition array answered the simulated instruments over VISA, were "
        "fitted to the measured data, and the switch ran in a network. All devices are "
        "simulated: their cards are the truth that the fits have to find.",
    )
    report.runs(runs, _CAPTIONS, out)
    progress("comparing with the cards", 0, 1)
    rows = quoted_rows(runs)
    progress("comparing with the cards", 1, 1)
    _report_figures(report, rows)
    for model, found in models.items():
        _report_fit(report, model, found)
    lines = [" | ".join(row) for row in (COLUMNS, *rows)]
    lines += ["", *_report_network(report, models["threshold_switch"], order)]
    report.save(out / "report.html")
    return [*lines, f"report: {out / 'report.html'}"]


def _measure(order: _Order) -> dict[str, Path]:
    make_folder(order.out, [one.name for part in MEASUREMENTS.values() for one in part])
    runs: dict[str, Path] = {}
    for bench, part in MEASUREMENTS.items():
        runs |= measure(
            part,
            load_bench(bench),
            order.out,
            quick=order.quick,
            seed=order.seed,
            progress=order.progress,
        )
    return runs


def _fit(model: str, runs: dict[str, Path], order: _Order) -> CalibratedModel:
    order.progress(f"fitting {model}", 0, 1)
    found = fit_function(model)([runs[name] for name in FITS[model]])
    found.save(order.out / f"{model}.json")
    order.progress(f"fitting {model}", 1, 1)
    return found


def _report_figures(report: Report, rows: Sequence[tuple[str, ...]]) -> None:
    report.heading("Every quoted figure")
    report.paragraph(
        "Figure of the paper (S: supplementary), what its text says, what the cards' "
        "devices do without any instrument, and what the run files say. Times and "
        "voltages with +- are means and standard deviations. The card's learning "
        "neuron has no noise of its rate. A train is interrupted if its last pulse "
        "fires: synapse 1 has been depressed and no pulse comes to potentiate it; the "
        "next train makes up for it. The paper's text quotes spikes of 2.0 V, and "
        "1.5 V for the same logic's inhibition signals; the card has 1.5 V."
    )
    report.table(Table(COLUMNS, tuple(rows)))


def _report_fit(report: Report, model: str, found: CalibratedModel) -> None:
    report.heading(f"Fitted: {model}")
    report.paragraph(f"From {', '.join(FITS[model])}; 95 % intervals.")
    report.parameters(
        found, card_values(model), " and ".join(_CARDS[model]), without="(held)"
    )
    for name in ("families", "frequency"):
        if name in found.tables:
            report.model_table(name, found.tables[name])


def card_values(model: str) -> dict[str, float]:
    """Return the numbers of the cards that stand behind a fit, in SI units.

    Parameters
    ----------
    model : str
        A key of `FITS`. Where two cards have a number, it is the first one's.
    """
    found: dict[str, float] = {}
    for name in _CARDS[model]:
        card = load_card(name)
        known = card.values(dict(parameter_units(card.model)), name, {})
        found = known | found
    return found


def _report_network(report: Report, model: CalibratedModel, order: _Order) -> list[str]:
    loaded = load_network(NETWORK)
    chosen: dict[str, Any] = {"quick": True} if order.quick else dict(_SETTINGS)
    result = loaded.simulate(
        model, loaded.settings(**chosen), seed=order.seed, progress=order.progress
    )
    folder = order.out / NETWORK
    folder.mkdir(exist_ok=True)
    save_network_result(result, folder)
    report.heading(f"Network {NETWORK}")
    report.paragraph(
        f"{loaded.entry.description}. A smaller run than the shipped settings: "
        f"{result.settings.effective().seeds} networks and "
        f"{result.settings.effective().passes} firing events a digit. The paper shows "
        "clear recognition of all ten digits, without a number, and that one greedy "
        "neuron traps all patterns where there is no stochasticity."
    )
    for figure, caption in _NETWORK_FIGURES.items():
        report.figure(f"{NETWORK}/{figure}.png", caption)
    lines = str(result.accuracy_table).splitlines()
    report.preformatted(lines)
    return lines
