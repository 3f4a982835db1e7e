"""The checks find every fault that is put into a file, and none in a good one."""

from functools import partial

import h5py
import numpy as np
import pytest

from labneuro.data.checks import check_file


def replace_data(entry, name, values):
    """Put other values, perhaps of another shape, in place of a data set."""
    attributes = {
        key: value
        for key, value in entry[name].attrs.items()
        if key in ("units", "long_name")
    }
    del entry[name]
    entry[name] = values
    entry[name].attrs.update(attributes)


def change_reading(entry):
    entry["readings/current"][7] = 0.0


def change_small_bit(entry):
    value = entry["readings/current"][0]
    entry["readings/current"][0] = np.nextafter(value, 1)


def shorten_column(entry):
    entry["readings/spike"].resize((14,))


def lengthen_all_columns(entry):
    for name in ("time", "pulse", "current", "spike"):
        entry[f"readings/{name}"].resize((16,))


def change_block_count(entry):
    row = entry["blocks/table"][1]
    row["count"] = 4
    entry["blocks/table"][1] = row


def detach_scale(entry):
    plot = entry["firing_probability"]
    plot["probability"].dims[1].detach_scale(plot["amplitude"])


def remove(entry, name):
    del entry[name]


def soft_link(entry):
    entry["instrument/elsewhere"] = h5py.SoftLink("/entry/sample")


def external_link(entry):
    entry["other"] = h5py.ExternalLink("/etc/other.h5", "/x")


FAULTS = {
    "no default of the root": (
        lambda entry: entry.parent.attrs.__delitem__("default"),
        "/@default",
        "is missing: viewers find no plot",
    ),
    "no default of the entry": (
        lambda entry: entry.attrs.__delitem__("default"),
        "/entry@default",
        "is missing",
    ),
    "default leads nowhere": (
        lambda entry: entry.attrs.__setitem__("default", "bend"),
        "/entry@default",
        "there is no group 'bend'",
    ),
    "default is no plot": (
        lambda entry: entry.attrs.__setitem__("default", "sample"),
        "/entry/sample",
        "this is no NXdata",
    ),
    "signal leads nowhere": (
        lambda entry: entry["train"].attrs.__setitem__("signal", "bend"),
        "/entry/train@signal",
        "names no data set",
    ),
    "no signal": (
        lambda entry: entry["readings"].attrs.__delitem__("signal"),
        "/entry/readings@signal",
        "names no data set",
    ),
    "too few axes": (
        lambda entry: entry["firing_probability"].attrs.__setitem__("axes", ["field"]),
        "/entry/firing_probability@axes",
        "names 1 axes, the signal has 2",
    ),
    "axis leads nowhere": (
        lambda entry: entry["train"].attrs.__setitem__("axes", ["bend"]),
        "/entry/train@axes",
        "there is no data set 'bend'",
    ),
    "wrong size of an axis": (
        lambda entry: replace_data(entry, "train/pulse", np.arange(6, dtype="i4")),
        "/entry/train/pulse",
        r"has shape \(6,\), the signal needs \(7,\)",
    ),
    "wrong size of errors": (
        lambda entry: replace_data(
            entry, "firing_probability/probability_errors", np.zeros((3, 3))
        ),
        "/entry/firing_probability/probability_errors",
        r"errors of shape \(3, 3\), the signal has \(3, 4\)",
    ),
    "wrong size of a column": (
        lambda entry: replace_data(
            entry, "firing_probability/spikes", np.zeros(4, "i4")
        ),
        "/entry/firing_probability/spikes",
        "column of shape",
    ),
    "auxiliary signal leads nowhere": (
        lambda entry: entry["train"].attrs.__setitem__("auxiliary_signals", ["x"]),
        "/entry/train@auxiliary_signals",
        "there is no data set 'x'",
    ),
    "scale not attached": (
        detach_scale,
        "/entry/firing_probability/probability",
        "the dimension scale 'amplitude' is not attached",
    ),
    "unknown unit": (
        lambda entry: entry["readings/current"].attrs.__setitem__("units", "parsnip"),
        "/entry/readings/current@units",
        "'parsnip' is not a known unit",
    ),
    "no unit": (
        lambda entry: entry["train/resistance"].attrs.__delitem__("units"),
        "/entry/train/resistance@units",
        "is missing",
    ),
    "changed reading": (
        change_reading,
        "/entry/readings",
        r"readings 5 to 9 \(step 1\) were changed",
    ),
    "reading changed in its last bit": (
        change_small_bit,
        "/entry/readings",
        r"readings 0 to 4 \(step 0\) were changed",
    ),
    "column cut": (shorten_column, "/entry/readings", r"differ in length: \[14, 15\]"),
    "readings added": (
        lengthen_all_columns,
        "/entry/blocks/table",
        "do not make up 16 readings",
    ),
    "blocks do not follow each other": (
        change_block_count,
        "/entry/blocks/table",
        "do not make up 15 readings",
    ),
    "block table of another type": (
        lambda entry: replace_data(entry, "blocks/table", np.zeros(3)),
        "/entry/blocks/table",
        "its type must be",
    ),
    "column missing": (
        lambda entry: entry.__delitem__("readings/spike"),
        "/entry/readings/spike",
        "this column is missing",
    ),
    "no readings": (
        lambda entry: entry.__delitem__("readings"),
        "/entry/readings",
        "this group is missing",
    ),
    "another class": (
        lambda entry: entry["sample"].attrs.__setitem__("NX_class", "NXuser"),
        "/entry/sample@NX_class",
        "must be 'NXsample'",
    ),
    "no bench file": (
        lambda entry: entry.__delitem__("configuration/bench_text"),
        "/entry/configuration/bench_text",
        "is missing",
    ),
    "parameters no JSON": (
        lambda entry: replace_data(entry, "configuration/parameters", "{"),
        "/entry/configuration/parameters",
        "is not the JSON of a mapping",
    ),
    "limits no mapping": (
        lambda entry: replace_data(entry, "configuration/limits", "[]"),
        "/entry/configuration/limits",
        "is not the JSON of a mapping",
    ),
    "recipe a number": (
        lambda entry: replace_data(entry, "configuration/recipe_text", 1.0),
        "/entry/configuration/recipe_text",
        "is not text",
    ),
    "no status": (
        lambda entry: entry.attrs.__delitem__("status"),
        "/entry@status",
        "is missing",
    ),
    "empty status": (
        lambda entry: entry.attrs.modify("status", b""),
        "/entry@status",
        "is empty",
    ),
    "run not finished": (
        lambda entry: entry.attrs.modify("status", b"running"),
        "/entry@status",
        "killed before it could finish",
    ),
    "no end": (
        lambda entry: entry.__delitem__("end_time"),
        "/entry/end_time",
        "is missing",
    ),
    "no time": (
        lambda entry: entry["start_time"].__setitem__((), "yesterday"),
        "/entry/start_time",
        "'yesterday' is not an ISO 8601 time",
    ),
    "time without zone": (
        lambda entry: entry["start_time"].__setitem__((), "2025-01-01T00:00:00"),
        "/entry/start_time",
        "has no time zone",
    ),
    "soft link": (soft_link, "/entry/instrument/elsewhere", "is a SoftLink"),
    "external link": (external_link, "/", "'/entry/other' leads to another file"),
    "scale replaced": (
        lambda entry: replace_data(entry, "train/pulse", np.arange(7, dtype="i4")),
        "/entry/train/resistance",
        "the dimension scale 'pulse' is not attached",
    ),
    "style that no layout has": (
        lambda entry: entry["train"].attrs.__setitem__(
            "SILX_style",
            '{"axes_scale_types": ["cubic"], "signal_scale_type": "log"}',
        ),
        "/entry",
        "scale 'pulse': 'cubic' is wrong",
    ),
    "no label": (
        lambda entry: entry["readings/time"].attrs.__delitem__("long_name"),
        "/entry",
        "layout cannot be read",
    ),
    "no format": (
        lambda entry: entry.parent.attrs.__delitem__("labneuro_format"),
        "/",
        "is HDF5, but not a run file",
    ),
    "later format": (
        lambda entry: entry.parent.attrs.__setitem__("labneuro_format", 2),
        "/",
        "has format 2",
    ),
    "no entry": (
        lambda entry: entry.parent.__delitem__("entry"),
        "/",
        "has no group '/entry'",
    ),
}


for _name in ("instrument", "sample", "configuration", "blocks", "events"):
    FAULTS[f"no {_name}"] = (
        partial(remove, name=_name),
        f"/entry/{_name}",
        "this group is missing",
    )


def test_good_file_has_no_problem(run_path):
    """A run as written is valid."""
    assert check_file(run_path) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found(run_path, fault):
    """Each fault is found where it is, in one line."""
    seed, where, message = FAULTS[fault]
    with h5py.File(run_path, "r+") as file:
        seed(file["entry"])
    problems = check_file(run_path)
    here = [problem.message for problem in problems if problem.path == where]
    assert here, problems
    with pytest.raises(ValueError, match=message):
        raise ValueError(" | ".join(here))
    assert not any("\n" in problem.message for problem in problems)


@pytest.mark.parametrize("length", [0, 7, 100, 5000, 20_000])
def test_truncated_file_is_one_problem(run_path, length):
    """A file that lost its end is one problem, at the root."""
    run_path.write_bytes(run_path.read_bytes()[:length])
    (problem,) = check_file(run_path)
    assert problem.path == "/"
    assert str(run_path) not in problem.message


def test_copy_that_lost_its_scales_is_found(run_path, tmp_path):
    """HDF5's plain copy drops references, and with them the named coordinates."""
    with h5py.File(run_path) as old, h5py.File(tmp_path / "new.h5", "w") as new:
        new.attrs.update(old.attrs)
        old.copy("entry", new)
    messages = {problem.message for problem in check_file(tmp_path / "new.h5")}
    assert messages == {
        f"the dimension scale {name!r} is not attached"
        for name in ("field", "amplitude", "pulse", "time")
    }
