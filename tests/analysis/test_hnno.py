import json
from typing import Any

import numpy as np
import pytest

from labneuro.analysis.hnno import fit_runs
from labneuro.calibration import load
from labneuro.data.reader import sha256
from labneuro.devices.hnno import HnnoDevice, draw_population
from labneuro.errors import FitError

LAW = (
    "midpoint",
    "slope",
    "floor_field",
    "saturation_shift",
    "shift_field_scale",
    "sensitization_pulses",
)


@pytest.fixture
def state_map(truth, write_run):
    return write_run("map.h5", "StateMap", truth.readings(seed=11))


@pytest.fixture
def trains(truth, write_run):
    fields = (0.15e6, 0.17e6, 0.18e6, 0.19e6)
    readings = truth.train_readings(fields=fields, seed=12)
    return write_run("trains.h5", "SensitizationTrain", readings)


def test_state_map_gives_the_whole_model(state_map, truth):
    model = fit_runs([state_map])
    assert model.model == "hnno"
    assert [p.name for p in model.parameters] == [*LAW, "threshold"]
    assert model.covariance_of == LAW
    for parameter in model.parameters:
        assert parameter.standard_error is not None
        assert parameter.unit == ("" if "pulses" in parameter.name else "V/m")
        error = parameter.value - truth.value(parameter.name)
        assert abs(error) < 4 * parameter.standard_error
    assert model.valid_range == {
        "pulse_field": (0.17e6, 0.22e6),
        "accumulating_field": (0.15e6, 0.22e6),
    }
    assert model.goodness_of_fit["p_value"] > 1e-3
    assert model.goodness_of_fit["initial_state_p_value"] > 1e-3
    assert model.goodness_of_fit["sensitization_statistic"] > 1000
    assert model.population_spread == {}
    assert set(model.software) == {"labneuro", "python", "numpy", "scipy"}


def test_source_runs_carry_their_content(state_map, trains):
    model = fit_runs([state_map, trains])
    assert [(run.path, run.sha256) for run in model.source_runs] == [
        (str(path), sha256(path)) for path in (state_map, trains)
    ]


def test_model_survives_its_file(state_map, trains, tmp_path):
    model = fit_runs([state_map, trains])
    model.save(tmp_path / "m.json")
    assert load(tmp_path / "m.json", "hnno") == model
    json.loads((tmp_path / "m.json").read_text(), parse_constant=pytest.fail)


def test_tables_hold_every_count(state_map, trains):
    tables: Any = fit_runs([state_map, trains]).tables
    assert len(tables["state_map"]) == 11
    cells = tables["firing_probability"]
    by_state = [row for row in cells if row["accumulating_field"] == 0.15e6]
    assert sum(row["trials"] for row in by_state) == 11 * 47 + 30
    assert len(tables["sensitization"]) == 4 * 40 + 1  # and 0.22 V/um after 30
    first = tables["sensitization"][0]
    assert (first["accumulating_field"], first["accumulated_pulses"]) == (0.15e6, 0)
    assert first["trials"] == 30
    for row in (*cells, *tables["sensitization"]):
        assert row["low"] <= row["probability"] <= row["high"]
        assert 0.0 < row["fitted"] < 1.0
    assert tables["initial_state"][0]["residual_shift_low"] < 0.0
    assert tables["devices"][0]["device_id"] == "hnno-1"


def test_threshold_shift_grows_with_the_accumulating_field(state_map):
    """0.15 V/um leaves no shift (noise filter); stronger fields ever more."""
    tables: Any = fit_runs([state_map]).tables
    rows = [row for row in tables["state_map"] if row["accumulated_pulses"] == 30]
    assert rows[0]["threshold_shift_low"] < 0.0 < rows[0]["threshold_shift_high"]
    assert all(row["threshold_shift_low"] > 0.0 for row in rows[2:])
    middle = [row["threshold_shift"] for row in rows]
    assert middle[2] < middle[3] < middle[5]


def test_firing_probability_alone_gives_the_sigmoid(truth, write_run):
    readings = truth.readings(states=((0.0, 0),), seed=3)
    model = fit_runs([write_run("f.h5", "FiringProbability", readings)])
    assert [p.name for p in model.parameters] == ["midpoint", "slope", "threshold"]
    assert model.covariance_of == ("midpoint", "slope")
    assert set(model.valid_range) == {"pulse_field"}
    assert model.tables["initial_state"] == []


def test_pulses_in_the_noise_filter_leave_the_sigmoid_alone(truth, write_run):
    """Thirty weak pulses, nothing moves: no law is invented."""
    readings = truth.readings(states=((0.0, 0), (0.15e6, 30), (0.0, 0)), seed=3)
    model = fit_runs([write_run("n.h5", "StateMap", readings)])
    assert [p.name for p in model.parameters] == ["midpoint", "slope", "threshold"]
    assert model.goodness_of_fit["sensitization_statistic"] < 9.5
    assert model.valid_range["accumulating_field"] == (0.15e6, 0.15e6)


def test_several_devices_give_their_spread(truth, write_run):
    devices = draw_population(truth.parameters, 5, seed=4)
    paths = [
        write_run(
            f"d{number}.h5",
            "StateMap",
            type(truth)(device).readings(seed=number),
            device_id=f"hnno-{number}",
        )
        for number, device in enumerate(devices)
    ]
    model = fit_runs(paths)
    true_mean = np.mean([device.midpoint for device in devices])
    true_spread = np.std([device.midpoint for device in devices], ddof=1)
    assert abs(model["midpoint"] - true_mean) < 4 * 460 / np.sqrt(5)
    assert model.population_spread["midpoint"] == pytest.approx(true_spread, rel=0.5)
    assert len(model.tables["devices"]) == 5
    assert len(model.tables["state_map"]) == 55
    assert len(model.source_runs) == 5


def test_device_kernel_is_recovered(truth, write_run):
    """The device itself, pulse by pulse with its cycle-to-cycle noise, not the law."""
    device = HnnoDevice(truth.parameters, seed=21)
    length = truth.parameters.channel_length
    template = truth.readings(events=30)
    rows = zip(
        template["accumulating_field"],
        template["accumulated_pulses"],
        template["pulse_field"],
        template["spike"],
        strict=True,
    )
    spikes = [
        -1 if baseline < 0 else _event(device, length, field, int(pulses), probe)
        for field, pulses, probe, baseline in rows
    ]
    template["spike"] = np.array(spikes, dtype="i1")
    model = fit_runs([write_run("k.h5", "StateMap", template)])
    for parameter in model.parameters:
        assert parameter.standard_error is not None
        error = parameter.value - truth.value(parameter.name)
        assert abs(error) < 4 * parameter.standard_error, parameter.name


def _event(device, length, field, pulses, probe):
    for _ in range(pulses):
        device.advance(field * length, 100e-6)
        device.advance(0.0, 900e-6)
    device.advance(0.0, 0.2)
    device.advance(probe * length, 100e-6)
    fired = device.resistance < 5e4
    device.advance(-0.19e6 * length, 100e-6)
    return int(fired)


def test_other_protocols_are_refused_by_file(write_run):
    levels = np.linspace(-0.1, 0.1, 5)
    readings = {
        "step": np.zeros(5, "i4"),
        "time": np.arange(5.0),
        "voltage": levels,
        "current": levels / 1e5,
    }
    path = write_run("iv.h5", "ResistanceRead", readings)
    with pytest.raises(FitError, match=r"iv\.h5: protocol 'ResistanceRead' counts no"):
        fit_runs([path])


def test_file_with_baseline_reads_only_is_refused(truth, write_run):
    readings = {name: column[:4] for name, column in truth.readings().items()}
    path = write_run("b.h5", "FiringProbability", readings)
    with pytest.raises(FitError, match=r"b\.h5: no counted pulse"):
        fit_runs([path])


def test_undetermined_fit_names_its_files(truth, write_run):
    readings = truth.train_readings(fields=(0.19e6,), seed=1)
    path = write_run("t.h5", "SensitizationTrain", readings)
    with pytest.raises(FitError, match=r"t\.h5: midpoint: these pulses do not"):
        fit_runs([path])


def test_no_file_is_refused():
    with pytest.raises(FitError, match="no run file"):
        fit_runs([])
