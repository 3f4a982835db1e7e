"""Tests of labneuro/data/lasher.py on folders of LasHeR's form."""

import numpy as np
import pytest
from PIL import Image

from labneuro.data.lasher import load_sequence, sequence_names
from labneuro.errors import InputError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "boygo"
    for part in ("visible", "infrared"):
        (root / part).mkdir(parents=True)
    for number in range(3):
        shade = 50 * number
        Image.new("RGB", (40, 20), (shade, 100, 0)).save(
            root / "visible" / f"v{number:06d}.png"
        )
        Image.new("RGB", (40, 20), (shade, shade, shade)).save(
            root / "infrared" / f"i{number:06d}.png"
        )
    lines = ("4,2,10,8", "5\t2\t10\t8", "6 2 10 8", "")
    (root / "init.txt").write_text("\n".join(lines), encoding="utf-8")
    return root


def test_a_sequence_is_read_in_order(folder):
    found = load_sequence(folder)
    assert found.name == "boygo"
    assert found.visible.shape == (3, 3, 20, 40)
    assert found.thermal.shape == (3, 1, 20, 40)
    assert found.visible[:, 0, 3, 3].tolist() == [0, 50, 100]
    assert found.thermal[:, 0, 3, 3].tolist() == [0, 50, 100]
    np.testing.assert_array_equal(found.boxes[:, 0], [4, 5, 6])
    assert sequence_names(folder.parent) == ["boygo"]


def test_frames_and_boxes_are_resized_together(folder):
    found = load_sequence(folder, side=10, limit=2)
    assert found.visible.shape == (2, 3, 10, 10)
    np.testing.assert_allclose(found.boxes, [[1, 1, 2.5, 4], [1.25, 1, 2.5, 4]])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,2,3\n", "line 1: '1,2,3'; wanted left, top, width, height"),
        ("1,2,3,4\n1,2,x,4\n", "line 2"),
        ("1,2,3,nan\n", "line 1"),
        ("1,2,3,4\n", "3 visible and 3 infrared frames, 1 boxes"),
    ],
)
def test_wrong_boxes_are_told(folder, text, told):
    (folder / "init.txt").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        load_sequence(folder)


def test_missing_parts_are_told(folder):
    (folder / "init.txt").rename(folder / "visible.txt")
    assert len(load_sequence(folder).boxes) == 3
    (folder / "visible.txt").unlink()
    with pytest.raises(InputError, match=r"neither init\.txt nor visible\.txt"):
        load_sequence(folder)
    (folder / "infrared" / "i000001.png").write_bytes(b"no image")
    (folder / "init.txt").write_text("1,2,3,4\n" * 3, encoding="utf-8")
    with pytest.raises(InputError, match=r"i000001\.png: is not an image"):
        load_sequence(folder)
    for path in (folder / "infrared").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="infrared: no frame"):
        load_sequence(folder)
    with pytest.raises(InputError, match="no folder with a sequence"):
        sequence_names(folder)
    with pytest.raises(InputError, match="visible: cannot be read"):
        load_sequence(folder.parent)
