"""The perovskite-computing demonstration: measure, fit, compare, ask the operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.analysis.catalog import fit_function
from labneuro.bench import load_bench, load_card
from labneuro.demos.measuring import Measurement, make_folder, measure
from labneuro.demos.pcu_card import units_of_bench
from labneuro.demos.pcu_table import COLUMNS, quoted_rows
from labneuro.demos.report import Report, Table
from labneuro.devices.catalog import parameter_units
from labneuro.networks.catalog import load_network
from labneuro.plotting.pcu_networks import save_network_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labneuro.calibration import CalibratedModel
    from labneuro.demos.measuring import ProgressReport

BENCH = "pcu-sim"
CARD = "pcu"
NETWORK = "pcu-operators"
_FEW_UNITS = "units=[11, 13, 22, 33]"
_FEW_OPERATORS = (_FEW_UNITS, "operators=4", "repeats=2")
_FEW_PAIRS = (*_FEW_OPERATORS, "inputs={start: 0.5, stop: 5.0, points: 5}")
MEASUREMENTS = (
    Measurement("diodes", "pcu/diodes", quick=(_FEW_UNITS,)),
    Measurement("step-pulses", "pcu/step-pulses", quick=(_FEW_UNITS, "cycles=1")),
    Measurement(
        "multistate-retention",
        "pcu/multistate-retention",
        quick=("interval=20 s",),
    ),
    Measurement("switching", "pcu/switching", ("cycles=1",), ("units=[22]",)),
    Measurement("binary-retention", "pcu/binary-retention", quick=("interval=20 s",)),
    Measurement("multiplier", "pcu/multiplier", quick=_FEW_PAIRS),
    Measurement("divider", "pcu/divider", quick=_FEW_PAIRS),
    Measurement("exponential", "pcu/exponential", quick=_FEW_OPERATORS),
    Measurement("softmax", "pcu/softmax", quick=_FEW_OPERATORS),
    Measurement("softplus", "pcu/softplus", quick=_FEW_OPERATORS),
    Measurement("sigmoid", "pcu/sigmoid", quick=_FEW_OPERATORS),
    Measurement(
        "gelu",
        "pcu/gelu",
        quick=(*_FEW_OPERATORS, "inputs={start: -4, stop: 4, points: 21}"),
    ),
    Measurement("vmm", "pcu/vmm", quick=("vectors=200",)),
)
"""What is measured, in this order."""
_CAPTIONS = {
    "diodes": "Diode of each unit, on three ranges.",
    "step-pulses": "M1 by step pulses with verify: the first unit's first cycle.",
    "multistate-retention": "Five states of M1 over 600 s at 10 mV.",
    "switching": "Hysteresis of M2 with the backward diode beside it.",
    "binary-retention": "Both states of M2, with D2, over 1000 s at 0.1 V.",
    "multiplier": "Multipliers of three units, each pair of operands.",
    "divider": "Dividers of three units, each pair of operands.",
    "exponential": "Exponentials of one unit; an exponent of 1 is n VT.",
    "softmax": "Softmaxes of two inputs: share of the first.",
    "softplus": "Softplus of each unit, M1 at 10 kohm.",
    "sigmoid": "Sigmoid of each unit, two diodes back to back.",
    "gelu": "GELU of a sigmoid unit and a multiplier.",
    "vmm": "Sums of three currents, vector by vector.",
}
_TABLES = ("operator_errors", "programming", "retention")
_NETWORK_FIGURES = {
    "codebook": "What networks look up: measured curves over the ideal ones.",
    "energy": "Energy of one pass of a Transformer block, part by part.",
}


def run(out: Path, *, quick: bool, seed: int, progress: ProgressReport) -> list[str]:
    """Run the whole loop once and write its files and report.

    Parameters
    ----------
    out : Path
        Folder for run files, model, figures and ``report.html``; made if missing. Run
        files of an earlier demonstration in it are replaced.
    quick : bool
        Fewer units, operators and readings: a check that everything works.
    seed : int
        Seed of bench and network.
    progress : callable
        ``progress(label, done, total)``.

    Returns
    -------
    list of str
        What was found and where it is, a line each.
    """
    bench = load_bench(BENCH)
    make_folder(out, [one.name for one in MEASUREMENTS])
    runs = measure(MEASUREMENTS, bench, out, quick=quick, seed=seed, progress=progress)
    progress("fitting", 0, 1)
    model = fit_function("pcu")(list(runs.values()))
    model.save(out / "model.json")
    progress("fitting", 1, 1)
    report = Report(
        "Perovskite computing units: programmed, composed, compared",
        "Models of the units' diodes and memristors answered the simulated instruments "
        "over VISA and were fitted to the measured data. The array is simulated: nine "
        f"units drawn from the card {CARD}, the truth that the fit has to find.",
    )
    report.runs(runs, _CAPTIONS, out)
    rows = quoted_rows(runs, units_of_bench(bench))
    _report_figures(report, rows)
    _report_fit(report, model)
    lines = [" | ".join(row) for row in (COLUMNS, *rows)]
    lines += ["", *_report_network(report, model, out, seed, progress, quick=quick)]
    report.save(out / "report.html")
    return [*lines, f"report: {out / 'report.html'}"]


def _report_figures(report: Report, rows: Sequence[tuple[str, ...]]) -> None:
    report.heading("Every quoted figure")
    report.paragraph(
        "Figure of the paper (S: supplementary), what its text says, what the card's "
        "nine units do without any instrument, and what the run files say. +- is the "
        "standard deviation over units. Operators' errors are untrimmed, then with one "
        "gain each; the paper does not give the normalisation of its own. The "
        "operators share nine units, so that their errors are one draw of the card's "
        "spread. The GPU's energy and the conversions rest on assumptions, not on "
        "units; so does the time of an operation, 100 ns."
    )
    report.table(Table(COLUMNS, tuple(rows)))
    report.paragraph(
        "Not measured here: accuracy in visual question answering (paper: 99.3, 90.7, "
        "96.4 and 99.2 %) and tracking (62.1 and 58.7 %). labneuro simulate pcu-vqa "
        "and pcu-tracking run these studies, on synthetic data, with this model."
    )


def _report_fit(report: Report, model: CalibratedModel) -> None:
    report.heading("Fitted")
    report.paragraph(
        "Means over units with the 95 % interval of the mean; the card's column is its "
        "mean unit, around which the nine were drawn. Currents and voltages of "
        "operators are those that a unit carries, mean over all that was asked, the "
        "voltage weighed by the current."
    )
    card = load_card(CARD)
    report.parameters(model, card.values(dict(parameter_units("pcu")), CARD, {}), CARD)
    for name in _TABLES:
        report.model_table(name, model.tables[name])


def _report_network(
    report: Report,
    model: CalibratedModel,
    out: Path,
    seed: int,
    progress: ProgressReport,
    *,
    quick: bool,
) -> list[str]:
    loaded = load_network(NETWORK)
    chosen: dict[str, Any] = {"quick": quick}
    result = loaded.simulate(
        model, loaded.settings(**chosen), seed=seed, progress=progress
    )
    folder = out / NETWORK
    folder.mkdir(exist_ok=True)
    save_network_result(result, folder)
    report.heading(f"Network {NETWORK}")
    report.paragraph(
        f"{loaded.entry.description}. The weights' load is that of the measured "
        "product, 100 to 400 uS at up to 0.1 V; the chosen one is 10 uS at 10 mV."
    )
    for figure, caption in _NETWORK_FIGURES.items():
        report.figure(f"{NETWORK}/{figure}.png", caption)
    lines = str(result.accuracy_table).splitlines()
    report.preformatted(lines)
    return lines
