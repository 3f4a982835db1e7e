import json
from typing import Any

import numpy as np
import pytest

from labneuro.errors import InputError
from labneuro.networks.accuracy import AccuracyRow, FashionSnnResult
from labneuro.plotting.networks import accuracy_against_brightness, save_network_result
from labneuro.units import InputModel

KINDS = ("normal", "self-sensitizable", "normal, image / its maximum")
LEVELS = (1.0, 0.5, 0.2, 0.1)


class _Settings(InputModel):
    epochs: int = 1


def _rows():
    return [
        {
            "neuron": kind,
            "brightness": level,
            "accuracy": 0.8 - 0.1 * number,
            "low": 0.79 - 0.1 * number,
            "high": 0.82 - 0.1 * number,
            "sd": 0.02,
        }
        for number, kind in enumerate(KINDS)
        for level in LEVELS
    ]


def test_every_kind_has_its_line_and_its_legend():
    axes: Any = accuracy_against_brightness(_rows()).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == list(KINDS)
    line = axes.lines[0]
    np.testing.assert_allclose(line.get_xdata(), sorted(LEVELS))
    np.testing.assert_allclose(line.get_ydata(), 80.0)
    assert axes.get_ylabel() == "accuracy (%)"


def test_brightness_falls_to_the_right():
    axes: Any = accuracy_against_brightness(_rows()).axes[0]
    assert axes.xaxis_inverted()
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        "0.1",
        "0.2",
        "0.5",
        "1",
    ]


def test_rows_may_lack_spread_or_interval():
    without = [{k: v for k, v in row.items() if k != "sd"} for row in _rows()]
    nan = [row | {"sd": float("nan")} for row in _rows()]
    bare = [
        {k: row[k] for k in ("neuron", "brightness", "accuracy")} for row in _rows()
    ]
    bands = [
        len(accuracy_against_brightness(rows).axes[0].collections)
        for rows in (_rows(), without, nan, bare)
    ]
    assert bands == [bands[1] + 3, bands[1], bands[1], bands[1]]


def test_no_rows_are_refused():
    with pytest.raises(InputError, match="no rows"):
        accuracy_against_brightness([])


def test_result_is_saved_with_its_figure(initial_model, tmp_path):
    rows = tuple(
        AccuracyRow(seed, level, kind, 70 + seed, 100, 0.1)
        for seed in range(3)
        for level in LEVELS
        for kind in KINDS
    )
    result = FashionSnnResult(_Settings(), initial_model, rows, {0: (1.0,)})
    numbers, picture = save_network_result(result, tmp_path)
    assert json.loads(numbers.read_text())["rows"][0]["correct"] == 70
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="cannot be written"):
        save_network_result(result, tmp_path / "none")
