"""The FMES demonstration: measure over VISA, fit, simulate, figures, report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import yaml

from labneuro import workspace
from labneuro.analysis.catalog import fit_function
from labneuro.bench import load_bench
from labneuro.data.reader import RunFile
from labneuro.demos.fmes_table import COLUMNS, card_parameters, figure_rows
from labneuro.demos.measuring import Measurement, make_folder, measure
from labneuro.demos.report import Report, Table
from labneuro.devices.fmes import FmesPopulation, draw_population
from labneuro.devices.fmes_figures import (
    PULSE_CURRENT,
    PULSE_WIDTH,
    TRAIN_GAP,
    TRAIN_PULSES,
)
from labneuro.errors import InputError
from labneuro.networks.catalog import load_network
from labneuro.plotting.fmes_endurance import (
    population_figure,
    population_spread,
    spread_text,
)
from labneuro.plotting.fmes_networks import save_network_result
from labneuro.plotting.style import save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from labneuro.bench import BenchConfig
    from labneuro.calibration import CalibratedModel
    from labneuro.demos.measuring import ProgressReport

BENCH = "fmes-sim"
CARD = "fmes"
_SWEEPS, _FEW_SWEEPS = 4, 2
MEASUREMENTS = (
    Measurement("current-voltage", "fmes/current-voltage", ("rates=[50 mV/s]",)),
    Measurement(
        "pulse-response",
        "fmes/pulse-response",
        quick=("currents=[0.5 mA, 1 mA, 2 mA]", "widths=[0.5 ms, 1 ms, 2 ms]"),
    ),
    Measurement(
        "paired-pulse",
        "fmes/paired-pulse",
        quick=("intervals=[1 ms, 10 ms, 100 ms, 1 s]", "repeats=3"),
    ),
    # The first cycle, from rest, is unlike all others: networks need the second.
    Measurement("potentiation", "fmes/potentiation", ("cycles=2",)),
    Measurement("learn-forget", "fmes/learn-forget", quick=("readings=100",)),
    # The figures of the table: repeated, in stairs that come near a ramp.
    Measurement(
        "sweeps",
        "fmes/current-voltage",
        (
            f"rates=[{', '.join(['50 mV/s'] * _SWEEPS)}]",
            "increment=0.5 mV",
            'resistors={500 ohm: "1101", 8 kohm: "1106"}',
        ),
        (f"rates=[{', '.join(['50 mV/s'] * _FEW_SWEEPS)}]",),
    ),
    # As the figure of the cards is defined: 5000 pulses, open from the first on.
    Measurement(
        "retention",
        "fmes/learn-forget",
        ("phases=[{resistor: open, pulses: 5000}]", "readings=100"),
    ),
    Measurement(
        "endurance",
        "fmes/endurance",
        ("measured_cycles=6", "silent_cycles=1"),
        ("measured_cycles=4",),
    ),
)
_CAPTIONS = {
    "current-voltage": "Current against voltage, from 0 V to 0.8 V and back.",
    "pulse-response": "One pulse from rest, over its intensity and its width.",
    "paired-pulse": "Paired-pulse index over the interval, with standard errors.",
    "potentiation": "Potentiation and depression, 150 pulses each.",
    "learn-forget": "Learning with the resistor switched in mid-train; forgetting.",
    "sweeps": "Repeated sweeps at 50 mV/s in steps of 0.5 mV.",
    "retention": "5000 pulses with the resistor open, then 100 s.",
    "endurance": "Ends and range of measured cycles, silent ones in between.",
}
_POPULATION = Measurement(
    "device",
    "fmes/potentiation",
    ('resistors={open: ""}', "cycles=2"),
)
FITTED = ("potentiation", "current-voltage", "paired-pulse")
_DEVICES, _FEW_DEVICES = 8, 3
_DRAWN = 40  # devices that tell the card's own spread
_NETWORKS: dict[str, dict[str, Any]] = {
    "fmes-mnist": {
        "resistances": ("500ohm", "1000ohm", "8000ohm", "open"),
        "epochs": 5,
        "seeds": 2,
    },
    "fmes-adaptive": {"mapping": ("levels",), "pulses_per_image": (1, 5)},
}
_QUICK_NETWORKS: dict[str, dict[str, Any]] = {
    "fmes-mnist": {"seeds": 1, "epochs": 2},
    "fmes-adaptive": {"seeds": 1, "epochs": 5, "mapped": (0, 40, 200)},
}
_NETWORK_FIGURES = {
    "fmes-mnist": {
        "accuracy_by_resistance": "Accuracy on MNIST (shipped subset) per resistor.",
        "weight_histograms": "Voltages of all devices before and after training.",
    },
    "fmes-adaptive": {
        "accuracy_by_mapped_images": (
            "Accuracy on 9, 5, 7, 1 against the number of mapped images, after "
            "training on 8, 6, 2, 4."
        ),
    },
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
        Folder for run files, benches of the population, model, figures and
        ``report.html``; made if missing. Run files of an earlier demonstration in it
        are replaced.
    quick : bool
        Fewer conditions, devices and seeds: a check that everything works.
    seed : int
        Seed of bench and networks.
    progress : callable
        ``progress(label, done, total)``.

    Returns
    -------
    list of str
        What was found and where it is, a line each.
    """
    order = _Order(out, quick, seed, progress)
    devices = [f"device-{n:02d}" for n in range(1, _DEVICES + 1)]
    make_folder(out, [*(one.name for one in MEASUREMENTS), *devices])
    runs = measure(
        MEASUREMENTS, load_bench(BENCH), out, quick=quick, seed=seed, progress=progress
    )
    population = _measure_population(
        order, devices[:_FEW_DEVICES] if quick else devices
    )
    model = _fit(runs, order)
    report = Report(
        "FMES: MXene energy-storage synapse",
        "One device model answered the simulated instruments over VISA, was fitted to "
        "the measured data, and ran in two networks. The device is simulated: its card "
        f"{CARD} is the truth that the fit has to find.",
    )
    report.runs(runs, _CAPTIONS, out)
    rows = figure_rows(runs)
    _report_figures(report, rows)
    _report_population(report, population, out)
    _report_fit(report, model)
    lines = [" | ".join(row) for row in (COLUMNS, *rows)]
    for name in _NETWORKS:
        lines += _report_network(report, name, model, order)
    report.save(out / "report.html")
    return [*lines, f"report: {out / 'report.html'}"]


def device_bench(out: Path, number: int, seed: int) -> BenchConfig:
    """Write and load the shipped bench with another device of the card's spread.

    Parameters
    ----------
    out : Path
        An existing folder; the file is ``fmes-device-NN.yaml``.
    number : int
        The device's, from 1 to 99: the end of its name.
    seed : int
        Of the population: other devices with every seed.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    content: Any = workspace.read_yaml(workspace.find("bench", BENCH))
    content["device"]["id"] = f"FMES-simulated-{number:02d}"
    content["simulation"] |= {"draw_device": True, "device_seed": 100 * seed + number}
    path = out / f"fmes-device-{number:02d}.yaml"
    try:
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return load_bench(path)


def _measure_population(order: _Order, names: Sequence[str]) -> list[Path]:
    """Run one recipe on benches that differ in nothing but their device."""
    runs = []
    for number, name in enumerate(names, start=1):
        found = measure(
            [replace(_POPULATION, name=name)],
            device_bench(order.out, number, order.seed),
            order.out,
            quick=order.quick,
            seed=order.seed + number,
            progress=order.progress,
        )
        runs.append(found[name])
    return runs


def _report_figures(report: Report, rows: Sequence[tuple[str, ...]]) -> None:
    report.heading("Every quoted figure")
    report.paragraph(
        "Paper; the card of two linear branches; the card with a crowding branch, "
        "which is the simulated device here, without noise; and what the run files "
        "say, with cycle-to-cycle noise and the voltmeter's, as means with standard "
        "errors where there are repetitions. A measured range rests on "
        "the single reading after the first pulse, some millivolts, and carries its "
        "noise. "
        "The length of the paper's retention train is not in its text; 5000 pulses are "
        "chosen."
    )
    report.table(Table(COLUMNS, tuple(rows)))


def _report_population(report: Report, runs: Sequence[Path], out: Path) -> None:
    readings = []
    for path in runs:
        with RunFile.open(path) as run_file:
            readings.append(run_file.readings())
    save(population_figure(readings), out / "population.png")
    report.heading("A population of devices")
    report.figure(
        "population.png",
        f"{len(runs)} devices drawn from the card's spread, one run file each: "
        f"{runs[0].name} to {runs[-1].name}.",
    )
    spread = population_spread(readings)
    report.paragraph(
        "Range of the residual voltage, as a share of its mean: device to device "
        f"{spread_text(spread, 'device')}, cycle to cycle "
        f"{spread_text(spread, 'cycle')}, the voltmeter's noise included. "
        f"{_DRAWN} devices of the card without noise differ by {_card_spread():.1%}."
    )


def _card_spread() -> float:
    """Return the standard deviation of the range over devices, per its mean."""
    quiet = replace(card_parameters(CARD), charge_noise=0.0)
    devices = FmesPopulation(draw_population(quiet, _DRAWN, 0), 0)
    up, down = (
        devices.pulse(
            sign * PULSE_CURRENT, PULSE_WIDTH, TRAIN_GAP, np.inf, TRAIN_PULSES
        )
        for sign in (1.0, -1.0)
    )
    swing = up.residual[:, -1] - down.residual[:, -1]
    return float(swing.std(ddof=1) / swing.mean())


def _fit(runs: dict[str, Path], order: _Order) -> CalibratedModel:
    """Fit curves and branches of the device together."""
    order.progress("fitting", 0, 1)
    model = fit_function("fmes")([runs[name] for name in FITTED])
    model.save(order.out / "model.json")
    order.progress("fitting", 1, 1)
    return model


def _report_fit(report: Report, model: CalibratedModel) -> None:
    report.heading(f"Fitted to {', '.join(FITTED)}, 95 % intervals")
    report.parameters(model, asdict(card_parameters(CARD)), CARD)


def _report_network(
    report: Report, name: str, model: CalibratedModel, order: _Order
) -> list[str]:
    loaded = load_network(name)
    chosen = _NETWORKS[name] | (_QUICK_NETWORKS[name] if order.quick else {})
    result = loaded.simulate(
        model, loaded.settings(**chosen), seed=order.seed, progress=order.progress
    )
    folder = order.out / name
    folder.mkdir(exist_ok=True)
    save_network_result(result, folder)
    report.heading(f"Network {name}")
    report.paragraph(loaded.entry.description + ".")
    for figure, caption in _NETWORK_FIGURES[name].items():
        report.figure(f"{name}/{figure}.png", caption)
    lines = str(result.accuracy_table).splitlines()
    report.preformatted(lines)
    return lines
