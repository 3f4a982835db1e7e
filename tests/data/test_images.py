"""Tests of labneuro/data/images.py."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest

from labneuro.data import images
from labneuro.data.images import (
    ImageSet,
    find_full_set,
    load_images,
    make_subset,
    read_idx,
)
from labneuro.errors import InputError, NotInWorkspaceError


def idx(array, kind=0x08):
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + array.tobytes()


def small_set(seed=0, count=40):
    generator = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 10
    pictures = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return ImageSet("small", pictures, labels, pictures[::-1].copy(), labels)


def write_idx_folder(folder: Path, content: ImageSet, *, packed=True):
    folder.mkdir(parents=True)
    for name, array in {
        "train-images-idx3-ubyte": content.train_images,
        "train-labels-idx1-ubyte": content.train_labels,
        "t10k-images-idx3-ubyte": content.test_images,
        "t10k-labels-idx1-ubyte": content.test_labels,
    }.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("packed", [True, False])
def test_full_set_comes_back_as_written(tmp_path, monkeypatch, packed):
    """Packed or not, every array of the four IDX files is read unchanged."""
    content = small_set()
    write_idx_folder(tmp_path / "mnist", content, packed=packed)
    monkeypatch.setenv("LABNEURO_DATASETS", str(tmp_path))
    found = load_images("mnist", full=True)
    for part in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(found, part), getattr(content, part))
        assert getattr(found, part).dtype == np.uint8
    assert found.name == "mnist"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG....", "not an IDX file"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "IDX type 0x0d"),
        (b"\0\0\x08\x03\0\0\0\x01", "truncated in the IDX header"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "header states 5 bytes of data, the file has 3"),
        (b"\0\0\x08\x01\0\0\0\x02abc", "header states 2 bytes of data, the file has 3"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "the file has 0"),
    ],
)
def test_damaged_idx_is_one_clear_line(tmp_path, content, message):
    """The message names the file and what is wrong with its header or size."""
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_idx(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [5, 40])
def test_cut_off_gzip_is_an_error(tmp_path, keep):
    """A download that broke off is refused, in the header and in the data."""
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(small_set().train_images))[:keep])
    with pytest.raises(InputError, match="cannot be read"):
        read_idx(path)


def test_missing_full_set_lists_where_it_was_looked_for(tmp_path, monkeypatch):
    """Both places are named, the user's first."""
    monkeypatch.setenv("LABNEURO_DATASETS", str(tmp_path / "mine"))
    shipped = tmp_path / "project"
    monkeypatch.setattr(images, "shipped_workspace", lambda: shipped)
    with pytest.raises(NotInWorkspaceError) as caught:
        load_images("fashion-mnist", full=True)
    message = str(caught.value)
    mine = message.index(str(tmp_path / "mine" / "fashion-mnist"))
    assert mine < message.index(str(tmp_path / "shared" / "datasets" / "fashion-mnist"))
    assert "LABNEURO_DATASETS" in message


def test_named_folder_goes_before_the_one_beside_the_project(tmp_path, monkeypatch):
    """$LABNEURO_DATASETS wins; without it the folder beside the project is found."""
    beside = tmp_path / "shared" / "datasets" / "mnist"
    mine = tmp_path / "mine" / "mnist"
    beside.mkdir(parents=True)
    mine.mkdir(parents=True)
    monkeypatch.setattr(images, "shipped_workspace", lambda: tmp_path / "project")
    monkeypatch.setenv("LABNEURO_DATASETS", str(tmp_path / "mine"))
    assert find_full_set("mnist") == mine
    monkeypatch.delenv("LABNEURO_DATASETS")
    assert find_full_set("mnist") == beside


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_labels": np.zeros(3, np.uint8)}, "40 images but labels"),
        ({"test_images": np.zeros((40, 27, 28), np.uint8)}, "wanted (n, 28, 28)"),
        ({"test_labels": np.full(40, 10, np.uint8)}, "must be 0 to 9"),
    ],
)
def test_set_that_does_not_fit_together_is_refused(
    tmp_path, monkeypatch, change, message
):
    """Counts, shape and labels of the four files are checked against each other."""
    content = ImageSet(**{**vars(small_set()), **change})
    write_idx_folder(tmp_path / "mnist", content)
    monkeypatch.setenv("LABNEURO_DATASETS", str(tmp_path))
    with pytest.raises(InputError) as caught:
        load_images("mnist", full=True)
    assert message in str(caught.value)


def test_absent_file_of_a_set_is_named(tmp_path, monkeypatch):
    """A folder with three of the four files names the fourth."""
    write_idx_folder(tmp_path / "mnist", small_set())
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("LABNEURO_DATASETS", str(tmp_path))
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte"):
        load_images("mnist", full=True)


def test_subset_is_found_in_the_users_workspace(tmp_path, monkeypatch):
    """A subset that the user made with make_subset is loaded by its name."""
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    make_subset(
        small_set(),
        folder / "mnist-subset.npz",
        train_per_class=2,
        test_per_class=1,
    )
    monkeypatch.setenv("LABNEURO_WORKSPACE", str(tmp_path))
    found = load_images("mnist", full=False)
    assert np.bincount(found.train_labels).tolist() == [2] * 10
    assert np.bincount(found.test_labels).tolist() == [1] * 10


def test_subset_is_the_same_to_the_byte_for_a_seed(tmp_path):
    """The same seed writes the same file, another seed another choice."""
    written = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        path = tmp_path / f"{name}.npz"
        make_subset(small_set(), path, train_per_class=2, test_per_class=2, seed=seed)
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_subset_needs_enough_images(tmp_path):
    """More images than a class has is an error, not a smaller subset."""
    with pytest.raises(InputError, match="fewer than 5"):
        make_subset(small_set(), tmp_path / "x.npz", train_per_class=5)


def damaged_archive():
    """Return an archive of four arrays of which the first is overwritten."""
    file = io.BytesIO()
    many = np.arange(999)
    np.savez_compressed(
        file, train_images=many, train_labels=many, test_images=many, test_labels=many
    )
    content = bytearray(file.getvalue())
    content[60:400] = bytes(340)
    return bytes(content)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"no archive"), "is not an image set"),
        (lambda path: path.write_bytes(b"PK\x03\x04cut"), "is not an image set"),
        (lambda path: path.write_bytes(damaged_archive()), "is not an image set"),
        (lambda path: np.savez(path, train_images=np.zeros(1)), "an image set has"),
    ],
)
def test_damaged_subset_is_one_clear_line(tmp_path, monkeypatch, write, message):
    """A file that is no archive or lacks an array is refused with its name."""
    path = tmp_path / "data" / "images" / "mnist-subset.npz"
    path.parent.mkdir(parents=True)
    write(path)
    monkeypatch.setenv("LABNEURO_WORKSPACE", str(tmp_path))
    with pytest.raises(InputError) as caught:
        load_images("mnist", full=False)
    assert message in str(caught.value)
    assert "mnist-subset.npz" in str(caught.value)


def test_unknown_subset_names_the_known_ones():
    """The shipped subset is named when another one is asked for."""
    with pytest.raises(NotInWorkspaceError, match="fashion-mnist-subset"):
        load_images("cifar", full=False)


@pytest.fixture(scope="module")
def subset():
    return load_images("fashion-mnist", full=False)


def test_shipped_subset_is_balanced(subset):
    """400 training and 100 test images of each class, in mixed order."""
    assert np.bincount(subset.train_labels).tolist() == [400] * 10
    assert np.bincount(subset.test_labels).tolist() == [100] * 10
    assert len(np.unique(subset.train_labels[:50])) > 5


def test_shipped_subset_has_the_published_brightness(subset):
    """Mean and deviation lie near those published for the training part.

    72.94 and 90.02 in whole; images' own means deviate by about 40, so the mean of
    4000 is within 4 standard errors with a false-alarm rate of 6e-5.
    """
    assert subset.train_images.mean() == pytest.approx(72.94, abs=4 * 40 / 4000**0.5)
    assert subset.train_images.std() == pytest.approx(90.02, rel=0.03)


def test_no_image_is_in_the_subset_twice(subset):
    """The choice is without replacement (the full set itself repeats a few images)."""
    pictures = {picture.tobytes() for picture in subset.train_images}
    assert len(pictures) >= 3995


def test_shipped_images_are_those_of_the_real_set(subset):
    """Every shipped image is in the same part of the full set under its label.

    Copies of the full set may be ordered differently, so images are compared.
    """
    try:
        full = load_images("fashion-mnist", full=True)
    except NotInWorkspaceError as error:
        pytest.skip(f"the full image set is not on this machine: {error}")
    for part in ("train", "test"):
        real = labelled(full, part)
        assert len(full.train_images) == 60_000
        assert set(labelled(subset, part)) <= set(real)


def labelled(source, part):
    pictures, labels = (
        getattr(source, f"{part}_{kind}") for kind in ("images", "labels")
    )
    return [
        bytes([label]) + picture.tobytes()
        for picture, label in zip(pictures, labels, strict=True)
    ]
