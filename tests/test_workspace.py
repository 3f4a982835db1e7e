"""The workspace: look-up by name, YAML as the user means it, changes by --set."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labneuro import workspace
from labneuro.errors import InputError, NotInWorkspaceError

PLACES = [
    ("bench", "instruments/b1.yaml", "b1"),
    ("bench", "sim_backends/b2.yaml", "b2"),
    ("recipe", "protocols/r1.yaml", "r1"),
    ("recipe", "protocols/hnno/deep/r2.yaml", "hnno/deep/r2"),
    ("card", "sim_backends/cards/c1.yaml", "c1"),
    ("calibrated model", "data/models/m1.json", "m1"),
    ("image set", "data/images/i1.npz", "i1"),
]


@pytest.mark.parametrize(("kind", "place", "name"), PLACES)
def test_finds_by_name_and_by_path(lab, write, kind, place, name):
    """An entry is found by its name below the kind's folder and by its path."""
    path = write(place, "x")
    assert workspace.find(kind, name) == path
    assert workspace.find(kind, place) == path
    assert workspace.find(kind, path) == path
    assert workspace.entries(kind)[name] == path


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("bench", "sim_backends/cards/c1.yaml"),
        ("bench", "protocols/r1.yaml"),
        ("card", "sim_backends/b2.yaml"),
        ("recipe", "protocols/notes.txt"),
    ],
)
def test_folders_do_not_mix(lab, write, kind, place):
    """A file is an entry of its own folder's kind only."""
    path = write(place, "x")
    assert path not in workspace.entries(kind).values()


def test_own_entry_hides_the_shipped_one(lab, write, shipped):
    """The user's workspace is searched first, the shipped one as well."""
    assert workspace.find("card", "hnno").is_relative_to(shipped)
    path = write("sim_backends/cards/hnno.yaml", "x")
    assert workspace.find("card", "hnno") == path
    assert workspace.find("bench", "hnno-sim").is_relative_to(shipped)


def test_variable_names_the_workspace(lab, write, tmp_path, monkeypatch):
    """$LABNEURO_WORKSPACE is searched in place of the current folder."""
    path = write("elsewhere/sim_backends/far.yaml", "x")
    monkeypatch.setenv("LABNEURO_WORKSPACE", str(tmp_path / "elsewhere"))
    assert workspace.find("bench", "far") == path


def test_variable_must_name_a_folder(lab, monkeypatch):
    """A wrong variable is told, not passed over."""
    monkeypatch.setenv("LABNEURO_WORKSPACE", "nowhere")
    with pytest.raises(InputError, match="LABNEURO_WORKSPACE: 'nowhere' is not a fol"):
        workspace.find("bench", "hnno-sim")


def test_lost_current_folder_is_told(tmp_path, monkeypatch):
    """A current folder that was deleted is an error in one line."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InputError, match="the current folder: cannot be read"):
        workspace.workspaces()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "hnno-simm",
            "no bench 'hnno-simm'; known are: fmes-sim, hnno-bench, hnno-sim",
        ),
        ("no/such.yaml", "no bench 'no/such.yaml'; known are: "),
        ("", "no bench ''; known are: "),
        ("a\0b.yaml", "known are: "),
        ("x" * 300 + ".yaml", "cannot be read: File name too long"),
    ],
)
def test_unknown_name_lists_the_known(lab, name, told):
    """The message says what there is."""
    with pytest.raises(NotInWorkspaceError) as caught:
        workspace.find("bench", name)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("a: 010", {"a": 10}),
        ("a: 1e4", {"a": 1e4}),
        ("a: 1.5", {"a": 1.5}),
        ("a: -.5e-3", {"a": -0.5e-3}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 0x10", {"a": "0x10"}),
        ("a: 2024-05-06", {"a": "2024-05-06"}),
        ("a: no", {"a": "no"}),
        ("a: true", {"a": True}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 20 um", {"a": "20 um"}),
        ("a: '010'", {"a": "010"}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ("\ufeffa: 1", {"a": 1}),
        ("", None),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_reads_yaml_as_meant(write, text, content):
    """Plain words follow the core schema of YAML 1.2."""
    assert workspace.read_yaml(write("f.yaml", text)) == content


def test_reads_infinities():
    """YAML's own words for them are floats; the models refuse them later."""
    assert workspace.parse_yaml("[.inf, -.inf]", "f") == [math.inf, -math.inf]
    assert math.isnan(workspace.parse_yaml(".nan", "f"))  # type: ignore[arg-type]


BOMB = "a: &a [x]\n" + "".join(
    f"{key}: &{key} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: not valid YAML: key 'a' is given twice"),
        ("a: {b: 1, b: 2}", "line 1: not valid YAML: key 'b' is given twice"),
        ("? [a, b]\n: c", "line 1: not valid YAML: a key must be a word"),
        ("a: [1", "not valid YAML"),
        ("a: 1\n---\nb: 2", "line 2: not valid YAML: but found another document"),
        ("a: &x 1\nb: *x", "line 2: not valid YAML: write *x out"),
        ("a: &x [*x]", "line 1: not valid YAML: write *x out"),
        (BOMB, "line 2: not valid YAML: write *a out"),
        ("!!python/name:os.system {}", "could not determine a constructor"),
        ("a: \x01", "special characters are not allowed"),
        ("[" * 5000, "not valid YAML"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("a:\tb\n\tc: d", "not valid YAML"),
    ],
    ids=range(13),
)
def test_refuses_yaml(write, text, told):
    """What is not YAML, or is a trap, is refused with file and line."""
    path = write("f.yaml", text)
    with pytest.raises(InputError) as caught:
        workspace.read_yaml(path)
    assert str(caught.value).startswith(f"{path}:")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.text(max_size=60) | st.text("abc:[]{}&*!?#-|>%@`'\"\\ \t\n01.~<=,", max_size=40)
)
def test_any_text_is_read_or_refused(text):
    """No text makes a traceback."""
    assert read_or_refuse(text) != "not told"


def read_or_refuse(text: str) -> object:
    """Return the content or the message; any other error fails the test."""
    try:
        return workspace.parse_yaml(text, "f.yaml:")
    except InputError as error:
        return str(error) or "not told"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text("abcde", min_size=1), inner)
    ),
    max_leaves=8,
)


@given(plain)
def test_what_yaml_writes_is_read_again(content):
    """Recipes are kept as PyYAML writes them and mean the same when read again."""
    assert workspace.parse_yaml(yaml.safe_dump(content), "f") == content


@pytest.mark.parametrize(
    ("place", "told"), [("nothing.yaml", "No such file"), (".", "Is a directory")]
)
def test_unreadable_file_is_told(tmp_path, place, told):
    """The operating system's reason is passed on."""
    with pytest.raises(InputError, match=told):
        workspace.read_yaml(tmp_path / place)


def test_other_encoding_is_told(tmp_path):
    """A file in another encoding is not guessed at."""
    path = tmp_path / "f.yaml"
    path.write_bytes("a: µ".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        workspace.read_yaml(path)


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ("events=40", {"events": 40, "s": {"read": {"voltage": "0.1 V"}}}),
        ("s.read.voltage=50 mV", {"s": {"read": {"voltage": "50 mV"}}}),
        ("s.read.delay=1 ms", {"s": {"read": {"voltage": "0.1 V", "delay": "1 ms"}}}),
        ("s={}", {"s": {}}),
        (
            "new.key=[1, 2]",
            {"s": {"read": {"voltage": "0.1 V"}}, "new": {"key": [1, 2]}},
        ),
        ("a=b=c", {"s": {"read": {"voltage": "0.1 V"}}, "a": "b=c"}),
        ("a=", {"s": {"read": {"voltage": "0.1 V"}}, "a": None}),
    ],
)
def test_applies_change(change, content):
    """A dotted key reaches inside; the file's own content is not touched."""
    inner = {"read": {"voltage": "0.1 V"}}
    parameters = {"s": inner}
    workspace.apply_change(parameters, change)
    assert parameters == content
    assert inner == {"read": {"voltage": "0.1 V"}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("events", "--set 'events': write key=value, such as events=100"),
        ("=3", "write key=value"),
        (" = 3", "write key=value"),
        ("a..b=3", "write key=value"),
        (".a=3", "write key=value"),
        ("a.=3", "write key=value"),
        ("a=[", "not valid YAML"),
        ("a={b: 1, b: 2}", "key 'b' is given twice"),
        ("s.b=3", "--set 's.b=3': 's' holds no keys"),
        ("a=" + "[" * 3000, "not valid YAML"),
    ],
)
def test_refuses_change(change, told):
    """A change that is none is told with what was written."""
    with pytest.raises(InputError) as caught:
        workspace.apply_change({"s": 1}, change)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300


def test_shipped_workspace_has_the_four_folders(shipped):
    """What labneuro ships is a lab workspace."""
    assert all((shipped / name).is_dir() for name in workspace.FOLDERS)


def test_installed_package_carries_its_workspace(tmp_path, monkeypatch):
    """In a wheel the four folders lie inside the package."""
    package = tmp_path / "labneuro"
    (package / "_shipped").mkdir(parents=True)
    monkeypatch.setattr(workspace, "__file__", str(package / "workspace.py"))
    assert workspace.shipped_workspace() == package / "_shipped"
