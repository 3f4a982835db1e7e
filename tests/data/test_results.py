"""Results are added beside the readings, which never change."""

from typing import Any

import h5py
import numpy as np
import pytest

from labneuro.data import results as module
from labneuro.data.checks import check_file
from labneuro.data.reader import RunFile, add_analysis, sha256
from labneuro.errors import RunFileError

SOFTWARE = {"labneuro": "0.1.0"}
RESULTS: dict[str, Any] = {
    "midpoint": 4.2,
    "covariance": np.eye(2),
    "method": "likelihood",
}


def add(path, results=None, **options):
    add_analysis(
        path, "sigmoid", results or RESULTS, SOFTWARE, {"levels": (0.1, 0.5)}, **options
    )


def raw_bytes(path):
    with RunFile.open(path) as run:
        return {name: column.tobytes() for name, column in run.readings().items()}


def test_results_come_back(run_path):
    """Values, units, software and parameters are kept, and the file stays valid."""
    add(run_path, units={"midpoint": "V"})
    assert check_file(run_path) == []
    with RunFile.open(run_path) as run:
        assert run.analyses() == ["sigmoid"]
        found = run.analysis("sigmoid")
        assert "analysis sigmoid" in dict(run.summary())
    assert found["results"]["midpoint"] == 4.2
    assert found["results"]["method"] == "likelihood"
    np.testing.assert_array_equal(found["results"]["covariance"], np.eye(2))
    assert found["units"] == {"midpoint": "V", "covariance": ""}
    assert found["software"] == SOFTWARE
    assert found["parameters"] == {"levels": [0.1, 0.5]}


def test_raw_readings_are_untouched(run_path):
    """Not a bit of the readings changes."""
    before = raw_bytes(run_path)
    add(run_path)
    assert raw_bytes(run_path) == before


def test_older_results_of_the_name_are_replaced(run_path):
    """A second fit leaves nothing of the first; another analysis stays."""
    add_analysis(run_path, "other", {"x": 1.0}, SOFTWARE, {})
    add(run_path)
    add(run_path, {"slope": 0.1})
    with RunFile.open(run_path) as run:
        assert run.analyses() == ["other", "sigmoid"]
        assert run.analysis("sigmoid")["results"] == {"slope": 0.1}


def test_file_is_marked_as_changed(run_path):
    """NeXus readers see when the file was last changed."""
    add(run_path)
    with h5py.File(run_path) as file:
        assert file.attrs["file_update_time"] >= file.attrs["file_time"]
        assert file["entry/analysis/sigmoid"].attrs["NX_class"] == "NXprocess"


@pytest.mark.parametrize(
    ("results", "options", "message"),
    [
        ({"a/b": 1.0}, {}, "result 'a/b': a name is a letter"),
        ({"x": 1.0}, {"units": {"x": "parsnip"}}, "x: 'parsnip' is not a known unit"),
        ({"x": 1.0}, {"units": {"y": "V"}}, "a unit for no result 'y'"),
        ({"x": object()}, {}, "cannot be added"),
    ],
)
def test_refused(run_path, results, options, message):
    """Results that cannot be stored leave the file as it was."""
    before = sha256(run_path)
    with pytest.raises(RunFileError, match=message):
        add(run_path, results, **options)
    assert sha256(run_path) == before
    assert [path.name for path in run_path.parent.iterdir()] == [run_path.name]


def test_unfinished_run_takes_no_results(create, tmp_path):
    """A run that is not finished is refused."""
    with create(tmp_path / "a.h5") as writer:
        image = writer.part.read_bytes()
    (tmp_path / "b.h5").write_bytes(image)
    with pytest.raises(RunFileError, match=r"the run is not finished$"):
        add(tmp_path / "b.h5")


def test_unknown_analysis(run_path):
    """Asking for results that are not there names those that are."""
    with (
        RunFile.open(run_path) as run,
        pytest.raises(RunFileError, match="no analysis 'x'; there are: none"),
    ):
        run.analysis("x")


def test_failure_in_the_middle_leaves_the_file_as_it_was(run_path, monkeypatch):
    """A full disk while results are written harms nothing."""
    before = sha256(run_path)

    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "flush_and_trim", refuse)
    with pytest.raises(RunFileError, match="cannot be added: No space left"):
        add(run_path)
    assert sha256(run_path) == before
    assert [path.name for path in run_path.parent.iterdir()] == [run_path.name]
