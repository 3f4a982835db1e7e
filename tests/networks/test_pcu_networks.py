"""Tests of the PCU's studies and their networks: quick runs, results, data, models."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from labneuro.errors import InputError
from labneuro.networks import pcu_operators, pcu_tracking, pcu_vqa
from labneuro.networks.box_loss import corners, generalised_iou
from labneuro.networks.clevr_style import make_scenes
from labneuro.networks.clevr_style_questions import ANSWERS, WORDS
from labneuro.networks.pcu_settings import (
    PcuOperatorsSettings,
    PcuTrackingSettings,
    PcuVqaSettings,
)
from labneuro.networks.pcu_study import StudyResult
from labneuro.networks.pcu_tuning import (
    VARIANTS,
    VariantRow,
)
from labneuro.networks.rgbt_sequences import make_sequences
from labneuro.networks.tracking_model import Tracker, TrackerAnswer, TrackerShape
from labneuro.networks.tracking_task import TrackingData, TrackingScores
from labneuro.networks.vqa_backbone import make_backbone, pretrain
from labneuro.networks.vqa_model import VqaNetwork, VqaShape
from labneuro.networks.vqa_task import VqaData
from labneuro.plotting.pcu_networks import save_network_result


@pytest.fixture(scope="module")
def studies(pcu_model):
    return {
        "vqa": pcu_vqa.simulate(pcu_model, PcuVqaSettings(quick=True)),
        "tracking": pcu_tracking.simulate(pcu_model, PcuTrackingSettings(quick=True)),
        "operators": pcu_operators.simulate(
            pcu_model, PcuOperatorsSettings(quick=True)
        ),
    }


@pytest.mark.parametrize(
    ("name", "data", "main"),
    [
        ("vqa", "synthetic CLEVR-style", "accuracy"),
        ("tracking", "synthetic RGB-T", "precision"),
    ],
)
def test_a_quick_study_has_all_variants_and_its_label(studies, name, data, main):
    result = studies[name]
    assert [row.variant for row in result.rows] == list(VARIANTS)
    assert result.accuracy_table.splitlines()[0] == f"data: {data}"
    ideal, uncorrected, *_ = result.rows
    assert ideal.feature_error == 0.0
    assert uncorrected.feature_error > 0.005
    assert next(iter(ideal.scores)) == main
    assert all(0 <= share <= 1 for row in result.rows for share in row.scores.values())
    assert [len(row.loss) for row in result.rows] == [6, 0, 3, 3, 3]
    content = json.loads(result.to_json())
    assert content["data"] == data
    assert content["summary"][0]["standard_deviation"] is None


def test_intervals_and_gains_over_the_networks(pcu_model):
    """Two degrees of freedom: Student's t is 4.3027; gains are network by network."""
    scores = {"uncorrected": (0.5, 0.6, 0.7), "fine-tuned with bypass": (0.7, 0.8, 0.9)}
    rows = [
        VariantRow(seed, name, {"accuracy": value}, 0.0, ())
        for name, values in (scores | {"fine-tuned without bypass": (0.6,) * 3}).items()
        for seed, value in enumerate(values)
    ]
    result = StudyResult(
        "pcu-vqa", "made up", PcuVqaSettings(), pcu_model, tuple(rows), {}
    )
    first = result.summary()[0]
    assert (first.variant, first.seeds) == ("uncorrected", 3)
    assert first.mean == pytest.approx(0.6)
    assert first.half_width == pytest.approx(4.3027 * 0.1 / math.sqrt(3), rel=1e-4)
    gain, half = result.gain("fine-tuned with bypass", "uncorrected")
    assert gain == pytest.approx(0.2)
    assert half == pytest.approx(0.0, abs=1e-9)
    assert "uncorrected, network by network: +20.0% +- 0.0%" in result.accuracy_table


def test_same_seed_same_study(studies, pcu_model):
    again = pcu_vqa.simulate(pcu_model, PcuVqaSettings(quick=True))
    assert again.to_json() == studies["vqa"].to_json()
    other = pcu_vqa.simulate(pcu_model, PcuVqaSettings(quick=True), seed=5)
    assert other.rows[0].loss != again.rows[0].loss


def test_attention_maps_are_shares(studies):
    for picture in studies["vqa"].pictures:
        assert picture.maps.shape == (len(picture.words), 3, 3)
        total = picture.maps.sum(axis=(1, 2))
        assert (total > 0.05).all()
        assert (total < 1.3).all()


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("vqa", {"four_numbers", "fine_tuning", "scores", "attention"}),
        ("tracking", {"four_numbers", "fine_tuning", "scores", "precision"}),
        ("operators", {"codebook", "energy"}),
    ],
)
def test_results_and_figures_are_written(studies, name, figures, tmp_path):
    paths = save_network_result(studies[name], tmp_path)
    assert {path.stem for path in paths} == {"result"} | figures
    assert all(path.stat().st_size > 100 for path in paths)
    with pytest.raises(InputError, match="cannot be written"):
        save_network_result(studies[name], tmp_path / "nowhere")


def test_operator_table_states_scale_and_paper(studies):
    rows = {row.operator: row for row in studies["operators"].rows}
    assert rows["multiplier"].paper == 0.0661
    assert rows["multiplier"].scale == "the ideal"
    assert 0 < rows["attention"].error < 1
    table = studies["operators"].accuracy_table
    assert "6.61%" in table
    assert "9e-05" in table


def test_the_papers_networks_can_be_built():
    """6 + 6 layers, 25 queries; ViT-Tiny fused in layers 4, 7, 10."""
    vqa = VqaNetwork(VqaShape(256, 8, 6, 6, 25, 2048, 90, 28, 45, 7))
    assert len(vqa.encoder) == len(vqa.decoder) == 6
    assert vqa.queries.shape == (26, 256)
    tracker = Tracker(TrackerShape(192, 3, 12, (4, 7, 10), 16, 128, 256))
    assert sorted(tracker.bridges) == ["10", "4", "7"]
    assert tracker.place.shape == (64 + 256, 192)
    with torch.no_grad():
        images = torch.zeros(1, 3, 64, 64)
        said = vqa.eval()(images, torch.ones(1, 5, dtype=torch.long))
    assert said.boxes.shape == (1, 25, 4)
    assert said.phrases.shape == (1, 49, 2)


@pytest.fixture(scope="module")
def seen():
    scenes = make_scenes(300, 3, side=24, arrangement="grid", questions=2)
    return scenes, VqaData(scenes, WORDS, ANSWERS, 20, 3)


def test_patches_hold_their_objects_and_phrases_point_at_them(seen):
    scenes, data = seen
    question = scenes.questions[0]
    (spoken,) = np.nonzero(data.phrases[0].sum(dim=1).numpy())
    places = {
        int(one.place[1] * 3) * 3 + int(one.place[0] * 3)
        for one in (
            scenes.scenes[question.image][k] for part in question.phrases for k in part
        )
    }
    assert set(spoken.ravel().tolist()) == places
    held = data.patch_values["color"][question.image]
    assert int((held < 8).sum()) == len(scenes.scenes[question.image])
    bare = [dataclasses.replace(one, phrases=()) for one in scenes.questions]
    silent = dataclasses.replace(scenes, questions=tuple(bare))
    assert VqaData(silent, WORDS, ANSWERS, 20, 3).phrases is None


def test_a_backbone_learns_to_name_what_it_sees(seen):
    torch.manual_seed(0)
    first, second = (make_backbone(16, 3) for _ in range(2))
    guessed = pretrain(first, seen[1], steps=0, batch=32, seed=1)
    learnt = pretrain(second, seen[1], steps=150, batch=32, seed=1)
    assert guessed["size"] < 0.65
    assert learnt["size"] > 0.8
    with torch.no_grad():
        tokens = second(seen[1].images)
    assert float(tokens.square().mean()) == pytest.approx(1.0, rel=0.02)


def test_crops_show_the_target_where_the_box_is():
    shape = TrackerShape(12, 3, 1, (1,), 6, 24, 48)
    sequences = make_sequences(2, 1, frames=4, side=64)
    data = TrackingData(sequences, shape)
    window = torch.tensor([[32.0, 32.0, 64.0]])
    one = torch.tensor([1])
    visible, thermal = data.crops(one, torch.tensor([2]), window, 64)
    wanted = torch.from_numpy(sequences[1].visible[2].astype(np.float32)) / 127.5 - 1
    torch.testing.assert_close(visible[0], wanted, atol=1e-3, rtol=0)
    assert thermal.shape == (1, 1, 64, 64)


def test_a_perfect_tracker_is_perfect():
    """A network that always says "where it was" is right for a target that rests."""
    shape = TrackerShape(12, 3, 1, (1,), 6, 24, 48)
    data = TrackingData(make_sequences(3, 1, frames=5, side=64), shape)
    data.boxes = data.boxes[:, :1].expand(-1, 5, -1).clone()
    side = shape.search_side

    class _Still(torch.nn.Module):
        def forward(self, _template, search):
            boxes = torch.full((len(search[0]), side**2, 4), 0.5)
            boxes[..., 2:] = 0.25
            return TrackerAnswer(boxes[..., 0], boxes, boxes)

    scores = data.test(_Still())  # type: ignore[arg-type]  # stands for a tracker
    assert scores.distance.shape == (12,)
    assert scores.precision(1e-3) == 1.0
    assert scores.normalised_precision() > 0.98
    far = TrackingScores(np.array([1.0, 3.0]), np.array([0.1, 0.9]))
    assert far.precision(2.0) == 0.5
    assert far.normalised_precision() == pytest.approx(0.5 * 41 / 51)


def test_overlap_of_boxes():
    one = corners(torch.tensor([[0.5, 0.5, 1.0, 1.0]]))
    far = corners(torch.tensor([[2.5, 0.5, 1.0, 1.0]]))
    assert float(generalised_iou(one, one)) == 1.0
    assert float(generalised_iou(one, far)) == pytest.approx(-1 / 3)


def test_real_data_sets_are_looked_for(pcu_model, tmp_path):
    with pytest.raises(InputError, match="CLEVR_train_scenes"):
        pcu_vqa.simulate(pcu_model, PcuVqaSettings(clevr=str(tmp_path)))
    with pytest.raises(InputError, match="no folder with a sequence"):
        pcu_tracking.simulate(pcu_model, PcuTrackingSettings(lasher=str(tmp_path)))
