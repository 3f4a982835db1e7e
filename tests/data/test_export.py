"""Exported files hold what the run file holds."""

import csv

import pytest
import xarray as xr

from labneuro.data import export as module
from labneuro.data.export import export
from labneuro.data.reader import RunFile
from labneuro.errors import InputError, RunFileError


def test_csv_holds_every_reading(run_path, tmp_path):
    """Bit for bit, with the unit behind the name."""
    out = export(run_path, tmp_path / "a.csv")
    names, *lines = csv.reader(out.read_text().splitlines())
    assert names == ["time (s)", "pulse", "current (A)", "spike"]
    with RunFile.open(run_path) as run:
        wanted = run.readings()["current"]
    assert [float(line[2]) for line in lines] == wanted.tolist()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.csv", "run.h5"]


def test_netcdf_holds_a_plot(run_path, tmp_path):
    """With coordinates and units, read back by xarray."""
    pytest.importorskip("h5netcdf")
    out = export(run_path, tmp_path / "a.nc")
    with xr.open_dataset(out, engine="h5netcdf") as data:
        assert data["probability"].dims == ("field", "amplitude")
        assert data["field"].attrs["units"] == "V/m"
        assert data.attrs["device"] == "HNNO-1"


@pytest.mark.parametrize(
    ("name", "plot", "error", "message"),
    [
        ("a.txt", None, InputError, "must end in one of .csv, .nc"),
        ("run.csv", None, RunFileError, "exists already"),
        ("a.csv", "train", InputError, "a .csv holds the readings"),
        ("none/a.csv", None, RunFileError, "cannot be written: No such file"),
        ("a.nc", "bend", RunFileError, "no 'bend'"),
    ],
)
def test_refused(run_path, tmp_path, name, plot, error, message):
    """One line, and nothing is left or overwritten."""
    (tmp_path / "run.csv").write_text("precious")
    with pytest.raises(error, match=message):
        export(run_path, tmp_path / name, plot)
    assert (tmp_path / "run.csv").read_text() == "precious"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["run.csv", "run.h5"]


def test_netcdf_needs_its_package(run_path, tmp_path, monkeypatch):
    """Its absence is told with the remedy."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install h5netcdf"):
        export(run_path, tmp_path / "a.nc")
