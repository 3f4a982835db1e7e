"""Tests of labneuro/data/clevr.py on files of CLEVR's own form."""

import json

import numpy as np
import pytest
from PIL import Image

from labneuro.data.clevr import load_clevr
from labneuro.errors import InputError

OBJECT = {
    "shape": "cube",
    "color": "red",
    "size": "large",
    "material": "rubber",
    "pixel_coords": [120, 80, 9.7],
    "3d_coords": [1.0, 2.0, 0.7],
    "rotation": 12.5,
}
PROGRAMS = {
    "count": [{"function": "scene", "inputs": []}, {"function": "count"}],
    "existence": [{"function": "scene"}, {"function": "exist"}],
    "compare": [{"function": "relate"}, {"function": "equal_color"}],
    "attribute": [{"function": "unique"}, {"function": "query_size"}],
    "spatial": [{"function": "relate"}, {"function": "query_size"}],
}


@pytest.fixture
def folder(tmp_path):
    for part in ("scenes", "questions", "images/val"):
        (tmp_path / part).mkdir(parents=True)
    scenes = []
    for number in range(3):
        name = f"CLEVR_val_{number:06d}.png"
        Image.new("RGBA", (480, 320), (40 * number, 10, 200, 255)).save(
            tmp_path / "images" / "val" / name
        )
        scenes.append(
            {"image_index": number, "image_filename": name, "objects": [OBJECT]}
        )
    questions = [
        {
            "image_index": number % 3,
            "question": "Are there more big things, or cubes?",
            "answer": "yes",
            "program": program,
        }
        for number, program in enumerate(PROGRAMS.values())
    ]
    _write(tmp_path / "scenes/CLEVR_val_scenes.json", {"scenes": scenes})
    _write(tmp_path / "questions/CLEVR_val_questions.json", {"questions": questions})
    return tmp_path


def _write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")


def test_scenes_questions_and_images_are_read(folder):
    found = load_clevr(folder, "val", side=20)
    assert found.label == "CLEVR"
    assert found.boxes is None
    assert found.images.shape == (3, 3, 20, 20)
    np.testing.assert_array_equal(found.images[2, :, 5, 5], [80, 10, 200])
    (one,) = found.scenes[0]
    assert (one.shape, one.color, one.place) == ("cube", "red", (0.25, 0.25))
    assert [question.kind for question in found.questions] == list(PROGRAMS)
    assert found.questions[0].words == (
        *("are", "there", "more", "big", "things", "or", "cubes"),
    )


def test_a_limit_takes_only_the_questions_of_its_images(folder):
    found = load_clevr(folder, "val", side=8, limit=1)
    assert len(found.images) == 1
    assert [question.image for question in found.questions] == [0, 0]


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("scenes/CLEVR_val_scenes.json", None, "cannot be read: No such file"),
        ("scenes/CLEVR_val_scenes.json", {"info": {}}, "has no list 'scenes'"),
        ("scenes/CLEVR_val_scenes.json", {"scenes": []}, "no scene"),
        ("scenes/CLEVR_val_scenes.json", {"scenes": [{}]}, "entry 0: no key 'image_f"),
        (
            "scenes/CLEVR_val_scenes.json",
            {
                "scenes": [
                    {
                        "image_filename": "CLEVR_val_000000.png",
                        "image_index": 0,
                        "objects": [OBJECT | {"color": "pink"}],
                    }
                ]
            },
            "entry 0: color 'pink'; allowed are gray, red",
        ),
        ("questions/CLEVR_val_questions.json", {"questions": [{}]}, "entry 0: no key"),
    ],
)
def test_damage_is_told_in_a_line(folder, path, content, told):
    (folder / path).unlink()
    if content is not None:
        _write(folder / path, content)
    with pytest.raises(InputError, match=told) as caught:
        load_clevr(folder, "val", side=8)
    assert "\n" not in str(caught.value)


def test_damaged_images_and_splits_are_told(folder):
    picture = folder / "images/val/CLEVR_val_000001.png"
    picture.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"000001\.png: is not an image"):
        load_clevr(folder, "val", side=8)
    picture.unlink()
    with pytest.raises(InputError, match=r"000001\.png: no such image"):
        load_clevr(folder, "val", side=8)
    with pytest.raises(InputError, match="split 'all'; allowed are train, val, test"):
        load_clevr(folder, "all", side=8)
    (folder / "scenes/CLEVR_val_scenes.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is not a JSON file"):
        load_clevr(folder, "val", side=8)
