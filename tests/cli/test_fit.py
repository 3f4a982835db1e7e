"""``labneuro fit`` and ``labneuro plot`` on a run file."""

from __future__ import annotations

import pytest

from labneuro import calibration


def test_fit_writes_a_calibrated_model(labneuro, run_file, lab):
    """The table shows what the file holds: the truth within its interval."""
    answer = labneuro("fit", "x.h5", "--model", "resistance", "--out", "m.json")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split("  ")[0] == "PARAMETER"
    assert lines[-1] == "m.json"
    model = calibration.load(lab / "m.json")
    found = model.parameter("resistance")
    assert found.standard_error is not None
    assert abs(found.value - 100e3) < 5 * found.standard_error  # false alarm 6e-7
    assert f"{found.value:.6g}" in answer.out
    assert model.source_runs[0].path.endswith("x.h5")


@pytest.mark.parametrize("out", ["none/m.json", "."])
def test_unwritable_model_is_told(labneuro, run_file, out):
    """The result's file and the reason."""
    answer = labneuro("fit", "x.h5", "--model", "resistance", "--out", out)
    assert answer.code == 1
    assert "cannot be written" in answer.err
    assert answer.err.count("\n") == 1


def test_wrong_device_model_is_told(labneuro, run_file):
    """A run that does not hold what the model needs is told, one line."""
    answer = labneuro("fit", "x.h5", "--model", "hnno", "--out", "m.json")
    assert answer.code == 1
    assert answer.err.count("\n") == 1


def test_unknown_device_model_lists_the_known(labneuro, run_file):
    """The models that can be fitted are named."""
    answer = labneuro("fit", "x.h5", "--model", "nope", "--out", "m.json")
    assert answer.code != 0
    assert "no 'nope'; known are: fmes, hnno, " in answer.err


def test_plot_draws_beside_the_run(labneuro, run_file):
    """Without --out the figure is a PNG beside the file."""
    answer = labneuro("plot", str(run_file))
    figure = run_file.with_suffix(".png")
    assert answer == (0, f"{figure}\n", "")
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("out", "told"),
    [("f.docx", "no figure format '.docx'"), ("none/f.png", "cannot be")],
)
def test_impossible_figure_is_told(labneuro, run_file, out, told):
    """A format or a place that cannot be is one line."""
    answer = labneuro("plot", str(run_file), "--out", out)
    assert answer.code == 2
    assert told in answer.err
    assert answer.err.count("\n") == 1
