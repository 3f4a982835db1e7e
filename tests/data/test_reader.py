"""A run file gives back what was run and what was measured."""

import hashlib

import h5py
import numpy as np
import pytest

from labneuro.data.reader import RunFile, sha256
from labneuro.errors import InvalidRunFileError, RunFileError


@pytest.fixture
def run(run_path):
    """A finished run, open."""
    with RunFile.open(run_path) as opened:
        yield opened


def test_everything_to_repeat_the_run(run, provenance):
    """Recipe, bench, card, seed, parameters, limits and device come back."""
    texts = ("title", "recipe_name", "recipe_text", "protocol", "bench_name")
    device = ("device_id", "device_model", "simulated")
    for name in (
        *texts,
        "bench_text",
        "card_text",
        "seed",
        *device,
        "limits",
        "extras",
    ):
        assert getattr(run, name) == getattr(provenance, name), name
    assert run.parameters == {"events": 30, "amplitudes": [3.8, 4.0, 4.2, 4.4]}
    assert run.versions["labneuro"]
    assert run.duration >= 0


def test_layout_comes_back(run, layout):
    """Columns and plots are what the run was created with."""
    assert run.layout.readings == layout.readings
    assert run.layout.readings_axis == "time"
    assert run.layout.default == "firing_probability"
    for plot in layout.plots:
        found = run.layout.plot(plot.name)
        assert found.columns == plot.columns
        assert [axis.column for axis in found.axes] == [
            axis.column for axis in plot.axes
        ]
        assert dict(found.scale) == dict(plot.scale)
        assert (found.title, found.errors) == (plot.title, plot.errors)


def test_readings_and_units(run, rows):
    """The raw table comes back with its units."""
    wanted = [rows(step, 5) for step in range(3)]
    for name, column in run.readings().items():
        joined = np.concatenate([block[name] for block in wanted])
        np.testing.assert_array_equal(column, joined)
    assert run.rows == 15
    assert run.units() == {"time": "s", "pulse": "", "current": "A", "spike": ""}


def test_default_plot(run):
    """Without a name the default plot is given, with everything to draw it."""
    plot = run.plot()
    assert (plot.name, plot.signal_name) == ("firing_probability", "probability")
    np.testing.assert_allclose(plot.signal, np.linspace(0, 1, 12).reshape(3, 4))
    np.testing.assert_allclose(plot.errors, plot.signal / 10)
    assert list(plot.axes) == ["field", "amplitude"]
    assert plot.auxiliary["spikes"].tolist() == np.arange(12).reshape(3, 4).tolist()
    assert plot.label("field") == "accumulating field (V/m)"
    assert plot.label("probability") == "firing probability"


def test_named_plot(run):
    """A plot without errors says so; what was not measured is NaN."""
    plot = run.plot("train")
    assert plot.errors is None
    assert plot.scale == {"pulse": "log", "resistance": "log"}
    assert np.isnan(plot.auxiliary["initial_resistance"]).all()
    with pytest.raises(RunFileError, match="no 'bend'; there are firing_probability"):
        run.plot("bend")


def test_to_pandas(run):
    """The frame has the columns, their types and units."""
    frame = run.to_pandas()
    assert list(frame) == ["time", "pulse", "current", "spike"]
    assert len(frame) == 15
    assert frame.attrs["units"]["current"] == "A"


def test_to_xarray(run):
    """The data set has named coordinates, units and labels."""
    data = run.to_xarray()
    assert data["probability"].dims == ("field", "amplitude")
    picked = data["probability"].sel(field=1.9e5, amplitude=4.4)
    assert float(picked) == 1.0
    assert data["field"].attrs["units"] == "V/m"
    errors = data["probability_errors"]
    assert errors.attrs["long_name"] == "standard error of firing probability"
    assert data["probability"].attrs["long_name"] == "firing probability"


def test_events(run):
    """The log has its lines in order."""
    (event,) = run.events()
    assert (event.time, event.kind, event.message) == (3.0, "step", "all steps done")


def test_summary(run):
    """``data show`` says what, on what, how it ended, and what it holds."""
    lines = dict(run.summary())
    assert lines["status"] == "completed"
    assert lines["bench"] == "hnno-sim (simulated, seed 7)"
    assert lines["device"] == "HNNO-1 (hnno)"
    assert lines["readings"] == "15 of time (s), pulse, current (A), spike"
    assert lines["plot firing_probability"] == (
        "firing probability, 3 field x 4 amplitude (shown first)"
    )
    assert lines["instrument smu"] == "KEITHLEY,2636B at TCPIP::1"


def test_finished_run_with_too_few_readings_is_refused(run_path):
    """Readings that are missing from a finished run are never passed over."""
    with h5py.File(run_path, "r+") as file:
        file["entry/readings/current"].resize((14,))
    with (
        RunFile.open(run_path) as run,
        pytest.raises(InvalidRunFileError, match="15 were acknowledged, 14 are there"),
    ):
        run.readings()


def damaged(path, name):
    with h5py.File(path, "r+") as file:
        del file[name]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("entry/readings", "the layout cannot be read"),
        ("entry/train/pulse", "the layout cannot be read"),
        ("entry/sample", "the entry cannot be read"),
        ("entry/configuration/bench_text", "the configuration cannot be read"),
    ],
)
def test_damaged_file_is_refused_in_one_line(run_path, missing, message):
    """A file that lost a part is refused when it is opened."""
    damaged(run_path, missing)
    with pytest.raises(InvalidRunFileError, match=message) as caught:
        RunFile.open(run_path)
    assert "\n" not in str(caught.value)


def test_closed_by_the_context(run_path):
    """After the context the file can be written again."""
    with RunFile.open(run_path):
        pass
    with h5py.File(run_path, "r+") as file:
        assert file.mode == "r+"


def test_sha256(tmp_path):
    """The digest is the file's."""
    (tmp_path / "a").write_bytes(b"labneuro")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"labneuro").hexdigest()
    with pytest.raises(RunFileError, match="cannot be read: No such file"):
        sha256(tmp_path / "b")
