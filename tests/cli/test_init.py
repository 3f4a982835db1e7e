"""``labneuro init``: a workspace that works at once."""

from __future__ import annotations

from labneuro import workspace
from labneuro.bench import load_bench, load_card
from labneuro.protocols.recipe import load_recipe


def test_new_workspace_loads(labneuro, tmp_path, monkeypatch):
    """Every example of the new workspace is valid, found by name and the user's own."""
    folder = tmp_path / "mine"
    answer = labneuro("init", str(folder))
    assert answer.code == 0
    assert answer.out.startswith(f"{folder}: ready")
    assert sorted(path.name for path in folder.iterdir()) == sorted(workspace.FOLDERS)
    monkeypatch.chdir(folder)
    for loaded in (load_bench("my-sim"), load_bench("my-bench")):
        assert loaded.path.is_relative_to(folder)
    assert load_card("my-card").model == "hnno"
    assert load_recipe("my-firing").name == "my-firing"
    simulation = load_bench("my-sim").simulation
    assert simulation is not None
    assert simulation.card == "my-card"


def test_examples_are_commented(labneuro, tmp_path):
    """Each example says what it is."""
    labneuro("init", str(tmp_path / "mine"))
    texts = [path.read_text() for path in (tmp_path / "mine").rglob("*.yaml")]
    assert len(texts) == 4
    assert all("#" in text for text in texts)


def test_proposed_commands_work(labneuro, tmp_path, monkeypatch):
    """What init says to try can be planned in the new workspace."""
    answer = labneuro("init", str(tmp_path / "mine"))
    words = answer.out.splitlines()[-1].split()
    assert words[:2] == ["labneuro", "run"]
    monkeypatch.chdir(tmp_path / "mine")
    assert labneuro("plan", *words[2:5]).code == 0


def test_empty_folder_is_taken(labneuro, tmp_path):
    """An empty folder that exists will do."""
    (tmp_path / "mine").mkdir()
    assert labneuro("init", str(tmp_path / "mine")).code == 0


def test_full_folder_is_not_touched(labneuro, tmp_path):
    """A folder with content stays as it is."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    answer = labneuro("init", str(tmp_path / "mine"))
    assert answer.code == 2
    assert "exists and is not an empty folder" in answer.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_impossible_folders_are_told(labneuro, tmp_path):
    """A file in the way, or a name that cannot be, is one line."""
    (tmp_path / "file").write_text("x")
    for name in ("file", "file/inside", "x" * 300):
        answer = labneuro("init", str(tmp_path / name))
        assert answer.code == 2
        assert answer.err.count("\n") == 1
