"""Tests of labneuro/plotting/fmes_networks.py: what the networks' figures show."""

import json
from typing import Any

import numpy as np
import pytest

from labneuro.calibration import CalibratedModel
from labneuro.errors import InputError
from labneuro.networks.adaptive_digits_result import AdaptationRow, AdaptiveDigitsResult
from labneuro.networks.adaptive_digits_settings import AdaptiveDigitsSettings
from labneuro.networks.fmes_perceptron_result import (
    FmesPerceptronResult,
    TrainingRow,
    WeightPicture,
)
from labneuro.networks.fmes_perceptron_settings import FmesPerceptronSettings
from labneuro.plotting import fmes_networks

MODEL = CalibratedModel(model="fmes", parameters=())
LABELS = ("500ohm", "1000ohm", "2000ohm", "4000ohm", "8000ohm", "open")


@pytest.fixture(scope="module")
def trained():
    rows = tuple(
        TrainingRow(label, seed, 80 + seed + k, 100, (0.5, 0.8), (1.0, 0.5), 9.0)
        for k, label in enumerate((*LABELS, "ideal"))
        for seed in (0, 2)
    )
    generator = np.random.default_rng(0)
    pictures = tuple(
        WeightPicture(
            label,
            generator.normal(size=(10, 28, 28)),
            generator.normal(size=(10, 28, 28)),
            generator.uniform(0, 0.1, 500),
            generator.uniform(0.04, 0.06, 500),
        )
        for label in LABELS
    )
    return FmesPerceptronResult(FmesPerceptronSettings(), MODEL, rows, pictures)


@pytest.fixture(scope="module")
def adapted():
    rows = tuple(
        AdaptationRow(variant, seed, mapped, 95, 100, 10 + mapped, 100)
        for variant in ("levels, 1 pulse, curves", "threshold, 5 pulses, curves")
        for seed in (0, 1)
        for mapped in (0, 4, 40)
    )
    maps = np.random.default_rng(0).uniform(0, 0.1, (4, 28, 28))
    return AdaptiveDigitsResult(
        AdaptiveDigitsSettings(), MODEL, rows, maps, {rows[0].variant: maps}
    )


def lines_of(figure) -> dict[str, Any]:
    axes: Any = figure.axes[0]
    handles, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


def test_accuracy_stands_beside_ideal_and_paper(trained):
    """Six resistances, the paper's two, the level without devices."""
    figure = fmes_networks.accuracy_by_resistance(trained.summary())
    drawn = lines_of(figure)
    np.testing.assert_allclose(
        drawn["devices (mean, sd over seeds)"].lines[0].get_ydata(),
        [81, 82, 83, 84, 85, 86],
    )
    np.testing.assert_allclose(drawn["paper"].get_xdata(), [4, 5])
    np.testing.assert_allclose(drawn["paper"].get_ydata(), [90, 89])
    np.testing.assert_allclose(drawn["without devices"].get_ydata(), 87)
    axes: Any = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()][-2:] == ["8000", "open"]


def test_history_has_a_line_for_each_resistance(trained):
    """Means over the seeds after each epoch."""
    drawn = lines_of(fmes_networks.accuracy_by_epoch(trained))
    assert list(drawn) == [*LABELS, "without devices"]
    np.testing.assert_allclose(drawn["open"].get_ydata(), [50, 80])


def test_maps_and_histograms_show_four_resistances(trained):
    """First and last are among them; each has before and after."""
    figure = fmes_networks.weight_maps(trained.pictures)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == 4
    assert (titles[0], titles[-1]) == ("500ohm", "open")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    shown = np.asarray(images[4].get_array())
    np.testing.assert_array_equal(shown, trained.pictures[0].map_after[3])
    figure = fmes_networks.weight_histograms(trained.pictures)
    assert len(figure.axes) == 4
    first: Any = figure.axes[0]
    before, after = (patch.get_xy()[:, 1].max() for patch in first.patches)
    assert after > 2 * before


def test_nothing_to_draw_is_refused():
    for draw in (
        fmes_networks.weight_maps,
        fmes_networks.weight_histograms,
        fmes_networks.accuracy_by_resistance,
    ):
        with pytest.raises(InputError, match="no resistance to draw"):
            draw([])


def test_mapped_images_raise_a_line_for_each_assumption(adapted):
    """Both assumptions, and the paper's two levels."""
    figure = fmes_networks.accuracy_by_mapped_images(adapted)
    drawn = lines_of(figure)
    assert set(drawn) == {
        "paper, before and after",
        "levels, 1 pulse, curves",
        "threshold, 5 pulses, curves",
    }
    line = drawn["levels, 1 pulse, curves"].lines[0]
    assert [float(x) for x in line.get_xdata()] == [0, 4, 40]
    assert [float(y) for y in line.get_ydata()] == pytest.approx([10, 14, 50])


def test_results_are_saved_with_their_figures(trained, adapted, tmp_path):
    """Numbers and PNG files; a folder that is missing is told."""
    for result, names in (
        (
            trained,
            (
                "accuracy_by_resistance",
                "accuracy_by_epoch",
                "weight_maps",
                "weight_histograms",
            ),
        ),
        (adapted, ("accuracy_by_mapped_images", "adapted_maps")),
    ):
        paths = fmes_networks.save_network_result(result, tmp_path)
        assert [path.stem for path in paths] == ["result", *names]
        assert json.loads(paths[0].read_text())["rows"]
        for path in paths[1:]:
            assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="cannot be written"):
        fmes_networks.save_network_result(trained, tmp_path / "none")
