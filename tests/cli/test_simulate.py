"""``labneuro simulate`` and ``labneuro demo``: settings, files, refusals."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.demos import catalog as demos
from labneuro.networks import catalog
from labneuro.networks.fashion_snn_settings import FashionSnnSettings


@pytest.fixture
def model(lab):
    """Return the path of a calibrated model."""
    parameter = FittedParameter(
        name="midpoint", unit="V/m", value=2e5, standard_error=1
    )
    CalibratedModel(model="hnno", parameters=(parameter,)).save(lab / "m.json")
    return lab / "m.json"


@pytest.fixture
def calls(monkeypatch):
    """Return the calls of a network that learns nothing."""
    made = []

    def simulate(calibrated, settings, *, seed=0, progress=None):
        made.append((calibrated, settings, seed))
        progress("epoch", 1, 1)
        return SimpleNamespace(accuracy_table="TABLE")

    entry = catalog.NETWORKS["fashion-snn"]
    loaded = catalog.LoadedNetwork(entry, FashionSnnSettings, simulate)
    monkeypatch.setattr(catalog, "load_network", lambda name: loaded)
    monkeypatch.setattr(
        "labneuro.plotting.networks.save_network_result",
        lambda result, out: [out / "result.json"],
    )
    return made


def test_settings_reach_the_network(labneuro, model, calls, lab):
    """Changes, seed and calibrated model; the files written are named."""
    answer = labneuro(
        *("simulate", "fashion-snn", "--model", "m.json", "--seed", "3"),
        *("--set", "hidden=20", "--set", "gain=0.04 V/um", "--out", "net/deep"),
    )
    ((calibrated, settings, seed),) = calls
    assert calibrated["midpoint"] == 2e5
    assert (settings.hidden, settings.gain, seed) == (20, 0.04e6, 3)
    assert answer.code == 0
    assert answer.out.splitlines() == ["TABLE", "net/deep/result.json"]
    assert (lab / "net" / "deep").is_dir()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("hidden=0", "--set: hidden: Input should be greater than or equal to 1"),
        ("hiden=5", "--set: hiden: unknown key; known keys are batch, brightness"),
        ("gain=0.04", "--set: gain: 0.04 has no unit; write for example '0.04 V/m'"),
        ("hidden", "--set 'hidden': write key=value"),
    ],
)
def test_wrong_setting_is_told(labneuro, model, calls, change, told):
    """The line names the setting and what is allowed; nothing runs."""
    answer = labneuro("simulate", "fashion-snn", "--model", "m.json", "--set", change)
    assert answer.code == 2
    assert told in answer.err
    assert calls == []


def test_model_of_another_device_is_refused(labneuro, lab, calls):
    """A network takes the device model that it was made for."""
    CalibratedModel(model="fmes", parameters=()).save(lab / "m.json")
    answer = labneuro("simulate", "fashion-snn", "--model", "m.json")
    assert answer.code == 1
    assert "is a model of 'fmes', wanted 'hnno'" in answer.err
    assert calls == []


def test_file_in_the_way_is_told(labneuro, model, calls):
    """The folder for the results cannot be a file."""
    words = ("simulate", "fashion-snn", "--model", "m.json", "--out", "m.json")
    answer = labneuro(*words)
    assert answer.code == 2
    assert "m.json: cannot be made" in answer.err


def test_demo_hands_its_options_on(labneuro, monkeypatch, tmp_path):
    """Folder, size and seed reach the demonstration; its lines are shown."""
    made = []

    def show(out, *, quick, seed, progress):
        made.append((str(out), quick, seed))
        return ["first line", "second line"]

    monkeypatch.setattr(demos, "demo_function", lambda system: show)
    answer = labneuro("demo", "--quick", "--seed", "5", "--out", "there")
    assert made == [("there", True, 5)]
    assert answer.out.splitlines() == ["first line", "second line"]
