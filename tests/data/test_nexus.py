"""Other people's readers open the file: silx, nexusformat, xarray."""

import h5py
import numpy as np
import pytest

from labneuro.data.nexus import clean, status_text


@pytest.fixture(scope="module")
def path(write_run, tmp_path_factory):
    """One finished run for all readers."""
    return write_run(tmp_path_factory.mktemp("viewers") / "run.h5")


def test_silx_finds_the_default_plot(path):
    """silx follows ``default`` to the main plot and reads errors and axes."""
    import silx.io
    from silx.io import nxdata

    with silx.io.open(str(path)) as file:
        plot = nxdata.get_default(file)
        assert plot is not None
        assert plot.is_valid
        assert plot.signal_dataset_name == "probability"
        assert plot.axes_dataset_names == ["field", "amplitude"]
        assert plot.title == "Firing probability"
        np.testing.assert_allclose(plot.errors, plot.signal[()] / 10)


@pytest.mark.parametrize("name", ["firing_probability", "train", "readings"])
def test_silx_draws_every_group(path, name):
    """Every NXdata group is one that silx can draw."""
    import silx.io
    from silx.io import nxdata

    with silx.io.open(str(path)) as file:
        assert nxdata.is_valid_nxdata(file["entry"][name])


def test_silx_draws_log_axes_and_auxiliary_signals(path):
    """The scales and the companions of a plot reach silx."""
    import silx.io
    from silx.io import nxdata

    with silx.io.open(str(path)) as file:
        plot = nxdata.NXdata(file["entry/train"])
        assert plot.plot_style.axes_scale_types == ("log",)
        assert plot.plot_style.signal_scale_type == "log"
        assert plot.auxiliary_signals_dataset_names == ["initial_resistance"]


def test_h5web_reads_the_scales_under_its_own_key(path):
    """H5Web's key is in the singular."""
    with h5py.File(path) as file:
        style = file["entry/train"].attrs["SILX_style"]
    assert '"axes_scale_type": ["log"]' in style


def test_nexusformat_reads_the_tree(path):
    """nexusformat follows ``default`` and reads signal, errors and axes."""
    from nexusformat.nexus import nxload

    root = nxload(str(path))
    assert root.entry.nxclass == "NXentry"
    plot = root.entry["firing_probability"]
    assert plot.nxsignal.nxname == "probability"
    assert [axis.nxname for axis in plot.nxaxes] == ["field", "amplitude"]
    assert plot.nxerrors.shape == (3, 4)
    assert root.entry["instrument/smu/identity"].nxdata == b"KEITHLEY,2636B"


def test_nxcheck_finds_no_error(path):
    """NeXus' own base classes are kept; only our additions are unknown to them."""
    import logging

    from nexusformat.nexus.validate import FileValidator, logger

    messages: list[logging.LogRecord] = []

    class Collector(logging.Handler):
        """Keep what the validator says."""

        def emit(self, record):
            messages.append(record)

    collector = Collector()
    logger.addHandler(collector)
    try:
        FileValidator(str(path)).validate()
    finally:
        logger.removeHandler(collector)
    # The headings of its report come at a level of their own, above the errors.
    errors = [one.getMessage() for one in messages if one.levelno == logging.ERROR]
    warnings = [one.getMessage() for one in messages if one.levelno == logging.WARNING]
    assert len(messages) > len(warnings) > 0
    assert errors == []
    known = ("labneuro_format", "@status", "This field is not defined in NXsample")
    assert [one for one in warnings if not any(word in one for word in known)] == []


def test_xarray_reads_named_coordinates(path):
    """xarray through h5netcdf names dimensions and coordinates by the axes."""
    import xarray as xr

    with xr.open_dataset(
        path, group="/entry/firing_probability", engine="h5netcdf"
    ) as data:
        assert data["probability"].dims == ("field", "amplitude")
        assert float(data["probability"].sel(field=1.9e5, amplitude=4.4)) == 1.0
        assert data["probability_errors"].dims == ("field", "amplitude")
        assert data["spikes"].dims == ("field", "amplitude")
        assert data["amplitude"].attrs["units"] == "V"


def test_xarray_reads_the_raw_table(path):
    """The readings run along their axis."""
    import xarray as xr

    with xr.open_dataset(path, group="/entry/readings", engine="h5netcdf") as data:
        assert dict(data.sizes) == {"time": 15}
        assert data["current"].attrs["units"] == "A"


def test_root_says_who_wrote_the_file(path):
    """The attributes that NeXus asks of a root."""
    with h5py.File(path) as file:
        attributes = dict(file.attrs)
        kept = file["entry/end_time"][()].decode()
    assert attributes["file_name"] == "run.h5"
    assert attributes["creator"] == "labneuro"
    assert attributes["labneuro_format"] == 1
    assert {"file_time", "HDF5_Version", "h5py_version"} <= set(attributes)
    assert kept.count(":") == 3  # the zone has its colon too


def test_old_libver(path):
    """The oldest superblock: with a newer one a killed writer's file stays locked."""
    assert path.read_bytes()[8] == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain µ", "plain µ"),
        ("a\x00b", "a\\x00b"),
        ("\ud800", "\\ud800"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_clean(text, wanted):
    """What HDF5 cannot store becomes an escape; the rest stays."""
    assert clean(text) == wanted


def test_status_is_cut_between_characters():
    """A long status fits its room and stays valid text."""
    cut = status_text("µ" * 400)
    assert len(cut) <= 511
    assert cut.decode() == "µ" * 255
