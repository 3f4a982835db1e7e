"""Provenance holds what is needed to repeat a run, and only what can be stored."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

import labneuro
from labneuro.data import provenance as module
from labneuro.data.provenance import software_versions, to_json
from labneuro.errors import RunFileError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"x": object()}}, "parameters: cannot be written as JSON"),
        ({"parameters": {"x": float("nan")}}, "parameters: cannot be written"),
        ({"extras": {"x": {1, 2}}}, "extras: cannot be written as JSON"),
        ({"limits": {"x": float("nan")}}, "limits: cannot be written"),
        ({"seed": -1}, "seed: -1 is not between"),
        ({"seed": 2**63}, "is not between 0"),
    ],
)
def test_refused(provenance, changes, message):
    """What cannot be stored is refused before the run, in one line."""
    with pytest.raises(RunFileError, match=message):
        replace(provenance, **changes)


def test_infinite_limit_is_null(provenance):
    """JSON has no infinity: no limit is null."""
    assert dict(provenance.limits) == {"voltage": 5.0, "current": None}


def test_json_of_arrays_and_scalars(tmp_path):
    """NumPy values and paths are written as plain ones."""
    value = {"a": np.arange(2), "b": np.float64(0.5), "c": tmp_path, "d": (1,)}
    assert json.loads(to_json(value, "x")) == {
        "a": [0, 1],
        "b": 0.5,
        "c": str(tmp_path),
        "d": [1],
    }


def test_json_of_a_circle_is_refused():
    """A value that contains itself ends in one line."""
    circle: dict[str, object] = {}
    circle["self"] = circle
    with pytest.raises(RunFileError, match="cannot be written as JSON"):
        to_json(circle, "x")


def test_software_versions():
    """The versions name labneuro, the interpreter and the libraries."""
    versions = software_versions()
    assert versions["labneuro"] == labneuro.__version__
    assert versions["numpy"] == np.__version__
    assert {"python", "hdf5", "h5py", "pyvisa", "pymeasure", "commit"} <= set(versions)


def test_software_versions_are_a_copy():
    """What a caller does with them changes nothing for the next."""
    software_versions()["labneuro"] = "changed"
    assert software_versions()["labneuro"] == labneuro.__version__


def test_missing_package_is_said():
    """A package that is not there is no error."""
    assert module._package_version("no-such-package-at-all") == "not installed"


def test_commit_outside_a_checkout_is_empty(tmp_path):
    """An installed wheel has no commit."""
    assert module._commit(tmp_path) == ""


def test_commit_of_a_checkout_says_whether_it_is_dirty(tmp_path):
    """The commit is git's own, marked where a file differs from it."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")

    def git(*words):
        answer = subprocess.run(
            ("git", "-C", str(tmp_path), *identity, *words),
            check=True,
            capture_output=True,
            text=True,
        )
        return answer.stdout.strip()

    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--no-gpg-sign", "--message", "first")
    assert module._commit(tmp_path) == git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("two")
    assert module._commit(tmp_path) == git("rev-parse", "HEAD") + "-dirty"
