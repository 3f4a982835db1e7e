"""Other people's readers open a measured file of every recipe."""

import pytest
import silx.io
import xarray as xr
from nexusformat.nexus import nxload
from silx.io import nxdata

from labneuro.bench import load_bench
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

# Recipe, changes that make it short, default plot, its signal and its axes.
KINDS = [
    ("resistance", (), "current_voltage", "current", ["voltage"]),
    (
        "firing",
        ("events=30",),
        "firing_probability",
        "probability",
        ["pulse_field"],
    ),
    (
        "sensitization",
        ("trains=2",),
        "sensitization",
        "probability",
        ["accumulating_field", "pulse_number"],
    ),
    (
        "state-map",
        ("events=30", "pulse_fields.points=3", "kinetics.pulses=[1]"),
        "state_map",
        "probability",
        ["state", "pulse_field"],
    ),
]


@pytest.mark.parametrize(("name", "changes", "plot", "signal", "axes"), KINDS)
def test_silx_nexusformat_and_xarray_open_every_kind(
    tmp_path, name, changes, plot, signal, axes
):
    """The default plot, its signal, errors, axes and named coordinates."""
    recipe = load_recipe(f"hnno/{name}", changes)
    path = str(run(recipe, load_bench("hnno-sim"), tmp_path / "x.h5", seed=2))

    with silx.io.open(path) as file:
        drawn = nxdata.get_default(file)
        assert drawn.is_valid
        assert drawn.signal_dataset_name == signal
        assert drawn.axes_dataset_names == axes
        assert nxdata.is_valid_nxdata(file["entry/readings"])

    tree = nxload(path).entry[plot]
    assert tree.nxsignal.nxname == signal
    assert [axis.nxname for axis in tree.nxaxes] == axes
    assert tree.nxerrors.shape == tree.nxsignal.shape

    with xr.open_dataset(path, group=f"/entry/{plot}", engine="h5netcdf") as data:
        assert list(data[signal].dims) == axes
        assert set(axes) <= set(data.coords)
        assert float(data[signal].count()) == data[signal].size
