"""Tests of the PCU's studies on folders of CLEVR's and LasHeR's own form."""

import json

import numpy as np
import pytest
from PIL import Image

from labneuro.networks import pcu_tracking, pcu_vqa
from labneuro.networks.clevr_style import make_scenes
from labneuro.networks.pcu_settings import PcuTrackingSettings, PcuVqaSettings
from labneuro.networks.pcu_tuning import VARIANTS
from labneuro.networks.rgbt_sequences import make_sequences

LAST_STEP = {
    "attribute": "query_shape",
    "count": "count",
    "compare": "equal_size",
    "spatial": "query_shape",
    "existence": "exist",
}


def _write_clevr(folder, split, seed):
    """Write a few generated scenes the way CLEVR does."""
    found = make_scenes(6, seed, side=32, arrangement="grid", questions=5)
    (folder / "images" / split).mkdir(parents=True)
    scenes, questions = [], []
    for number, (scene, picture) in enumerate(
        zip(found.scenes, found.images, strict=True)
    ):
        name = f"CLEVR_{split}_{number:06d}.png"
        Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(
            folder / "images" / split / name
        )
        objects = [
            {
                "shape": one.shape,
                "color": one.color,
                "size": one.size,
                "material": one.material,
                "pixel_coords": [32 * one.place[0], 32 * one.place[1], 10.0],
            }
            for one in scene
        ]
        scenes.append(
            {"image_index": number, "image_filename": name, "objects": objects}
        )
    for question in found.questions:
        program = [{"function": "scene"}]
        if question.kind == "spatial":
            program.append({"function": "relate"})
        program.append({"function": LAST_STEP[question.kind]})
        text = " ".join(question.words).capitalize() + "?"
        questions.append(
            {
                "image_index": question.image,
                "question": text,
                "answer": question.answer,
                "program": program,
            }
        )
    for name, content in (("scenes", scenes), ("questions", questions)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"CLEVR_{split}_{name}.json").write_text(
            json.dumps({name: content}), encoding="utf-8"
        )


def test_vqa_learns_from_a_folder_of_clevrs_form(pcu_model, tmp_path):
    """Without boxes and phrases only answers train; patches are still named."""
    for seed, split in enumerate(("train", "val")):
        _write_clevr(tmp_path, split, seed)
    result = pcu_vqa.simulate(
        pcu_model, PcuVqaSettings(quick=True, clevr=str(tmp_path))
    )
    assert result.data == "CLEVR"
    assert [row.variant for row in result.rows] == list(VARIANTS)
    loss = result.rows[0].loss
    # Cross-entropy alone: that of 30 answers, not the sum of MDETR's losses.
    assert max(loss) < 2 * np.log(30)
    assert set(result.rows[0].scores) > {"accuracy", "count"}


def test_tracking_learns_from_folders_of_lashers_form(pcu_model, tmp_path):
    for one in make_sequences(6, 1, frames=6, side=64):
        root = tmp_path / one.name
        for camera, frames in (("visible", one.visible), ("infrared", one.thermal)):
            (root / camera).mkdir(parents=True)
            for number, frame in enumerate(frames):
                picture = np.ascontiguousarray(frame.transpose(1, 2, 0)).squeeze()
                Image.fromarray(picture).save(root / camera / f"{number:06d}.png")
        lines = [",".join(f"{value:.2f}" for value in box) for box in one.boxes]
        (root / "init.txt").write_text("\n".join(lines), encoding="utf-8")
    result = pcu_tracking.simulate(
        pcu_model, PcuTrackingSettings(quick=True, lasher=str(tmp_path))
    )
    assert result.data == "LasHeR"
    assert [row.variant for row in result.rows] == list(VARIANTS)
    assert result.rows[0].scores["precision"] == pytest.approx(
        result.curves["ideal"][1][8], abs=1e-9
    )
