"""Files from elsewhere execute nothing, lead nowhere and fill no memory."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

import labneuro
from labneuro import calibration, workspace
from labneuro.data.reader import RunFile
from labneuro.errors import CalibrationError, InputError, RunFileError
from tests.torture.material import good_files

SOURCES = sorted(Path(labneuro.__file__).parent.rglob("*.py"))
EXECUTING = {"eval", "exec", "compile", "__import__"}
UNPICKLING = re.compile(
    r"\b(?:import|from)\s+(?:pickle|dill|joblib|shelve|marshal|cloudpickle)\b"
    r"|allow_pickle\s*=\s*True|yaml\.(?:unsafe_|full_)?load_all|yaml\.unsafe_load"
    r"|yaml\.full_load|read_pickle|weights_only\s*=\s*False|torch\.load"
)


def test_no_loader_can_execute_what_it_reads():
    """No pickle in any form, no eval, no exec anywhere in the package."""
    assert len(SOURCES) > 100
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        assert UNPICKLING.search(text) is None, source
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in EXECUTING, f"{source}:{node.lineno}"


def test_numpy_files_are_loaded_without_pickle():
    """`np.load` refuses objects unless it is told not to; nobody tells it."""
    for source in SOURCES:
        for call in re.findall(r"np\.load\([^)]*\)", source.read_text("utf-8")):
            assert "allow_pickle=True" not in call


def test_yaml_has_one_loader_and_it_is_safe():
    """Every reading of YAML goes through the workspace's own safe loader."""
    users = [one for one in SOURCES if "yaml.load(" in one.read_text(encoding="utf-8")]
    assert [one.name for one in users] == ["workspace.py"]
    assert issubclass(workspace._Loader, yaml.SafeLoader)


BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [
        f"{key}: &{key} [{', '.join([f'*{before}'] * 9)}]"
        for before, key in zip("abcdefghij", "bcdefghijk", strict=True)
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [echo ESCAPED]",
        "!!python/object/new:builtins.eval ['1 + 1']",
        "!!python/name:os.system",
        "!!python/module:os",
        BOMB,
        "a: " + "9" * 100_000,
        "[" * 50_000,
    ],
    ids=["apply", "new", "name", "module", "bomb", "huge int", "deep"],
)
def test_hostile_yaml_is_refused_in_one_line(text):
    with pytest.raises(InputError) as caught:
        workspace.parse_yaml(text, "a.yaml:")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return good_files(tmp_path_factory.mktemp("good"))[0]


@pytest.fixture
def path(tmp_path, whole):
    path = tmp_path / "run.h5"
    path.write_bytes(whole)
    return path


def read_all(path):
    with RunFile.open(path) as run:
        run.summary()
        run.readings()
        run.events()
        run.instruments()
        for plot in run.layout.plots:
            run.plot(plot.name)


def replace_current(path, create):
    """Put something else where a column was, described as the column was."""
    with h5py.File(path, "r+") as file:
        group = file["entry/readings"]
        described = _attributes(group["current"])
        del group["current"]
        create(group)
        if group.get("current", getlink=True).__class__ is h5py.HardLink:
            group["current"].attrs.update(described)
    return described


def _attributes(column):
    """Return what is no reference to other objects, which cannot be copied."""
    return {
        name: value
        for name, value in column.attrs.items()
        if name not in {"DIMENSION_LIST", "REFERENCE_LIST"}
    }


def test_an_external_link_does_not_lead_out(path, tmp_path):
    """What another file holds is not read in place of a column."""
    link = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
    described = replace_current(path, lambda group: group.__setitem__("current", link))
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["x"] = np.full(9, 42.0)
        other["x"].attrs.update(described)
    with pytest.raises(RunFileError) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "create",
    [
        lambda group: group.__setitem__("current", h5py.SoftLink("/nowhere")),
        lambda group: group.__setitem__("current", h5py.SoftLink("current")),
        lambda group: group.create_dataset(
            "current", shape=(10**13,), dtype="f8", chunks=(64,)
        ),
        lambda group: group.create_dataset(
            "current", data=["text"] * 9, dtype=h5py.string_dtype()
        ),
        lambda group: group.create_group("current"),
        lambda group: group.create_dataset("current", data=h5py.Empty("f8")),
        lambda group: group.create_dataset(
            "current", data=np.array([group.ref] * 9, dtype=h5py.ref_dtype)
        ),
    ],
    ids=["dangling", "loop", "huge", "objects", "group", "empty", "references"],
)
def test_a_hostile_column_is_refused_in_one_line(path, create):
    replace_current(path, create)
    with pytest.raises(RunFileError) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


def test_raw_storage_in_another_file_is_not_read(path, tmp_path):
    """HDF5 can keep a data set's bytes in any file: here, in one with a secret."""
    (tmp_path / "secret").write_bytes(b"s" * 72)
    replace_current(
        path,
        lambda group: group.create_dataset(
            "current", (9,), "f8", external=[(str(tmp_path / "secret"), 0, 72)]
        ),
    )
    with pytest.raises(RunFileError) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["NaN", '{"model": NaN}', '{"schema_version": 1e999}', "[" * 100_000, "9" * 10_000],
    ids=["nan", "nan inside", "infinite", "deep", "huge"],
)
def test_a_hostile_model_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(CalibrationError) as caught:
        calibration.load(tmp_path / "m.json")
    assert "\n" not in str(caught.value)
