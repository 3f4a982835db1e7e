"""Image sets for the networks: IDX files of MNIST form, and the shipped subsets.

References
----------
Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits",
section "File formats" (the IDX format).
H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747 (2017).
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from labneuro.errors import InputError, NotInWorkspaceError
from labneuro.workspace import find, shipped_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLASSES = 10
SIDE = 28
SUBSET_ENDING = "-subset"
_UNSIGNED_BYTE = 0x08
_PARTS = ("train_images", "train_labels", "test_images", "test_labels")
_IDX_NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True)
class ImageSet:
    """Images with their labels, split into a training and a test part.

    Attributes
    ----------
    name : str
        Name of the set.
    train_images, test_images : ndarray of uint8, shape (images, 28, 28)
        Brightness of each pixel, 0 to 255.
    train_labels, test_labels : ndarray of uint8, shape (images,)
        Class of each image, 0 to 9.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


def load_images(name: str, *, full: bool) -> ImageSet:
    """Load an image set by name.

    Parameters
    ----------
    name : str
        ``"fashion-mnist"`` or ``"mnist"``.
    full : bool
        True: the whole set, from a folder of IDX files called `name` in
        ``$LABNEURO_DATASETS`` or in ``../shared/datasets`` beside the project. False:
        the subset that labneuro ships or that lies in the user's workspace.

    Returns
    -------
    ImageSet

    Raises
    ------
    NotInWorkspaceError
        If there is no such set; says where it was looked for.
    InputError
        If a file is damaged or not what its name says.
    """
    if full:
        return _read_idx_folder(name, find_full_set(name))
    return _read_subset(name, find("image set", name + SUBSET_ENDING))


def find_full_set(name: str) -> Path:
    """Return the folder of IDX files of a whole image set.

    Raises
    ------
    NotInWorkspaceError
        If it is in none of the places; lists them.
    """
    places = [root / name for root in _dataset_roots()]
    for place in places:
        if place.is_dir():
            return place
    looked = ", ".join(str(place) for place in places)
    raise NotInWorkspaceError(
        f"no full image set {name!r}; looked in {looked}; "
        "set LABNEURO_DATASETS to the folder that holds it"
    )


def _dataset_roots() -> list[Path]:
    named = os.environ.get("LABNEURO_DATASETS")
    beside = shipped_workspace().parent / "shared" / "datasets"
    return [*([Path(named)] if named else []), beside]


def _read_idx_folder(name: str, folder: Path) -> ImageSet:
    parts = {
        part: read_idx(_idx_file(folder, idx_name))
        for part, idx_name in _IDX_NAMES.items()
    }
    return _checked(name, parts, str(folder))


def _idx_file(folder: Path, name: str) -> Path:
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.is_file():
            return candidate
    raise InputError(f"{folder}: has neither {name}.gz nor {name}")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, packed with gzip or not.

    Parameters
    ----------
    path : Path
        The file; gzip is known by the ending ``.gz``.

    Returns
    -------
    ndarray of uint8
        In the shape that the header states.

    Raises
    ------
    InputError
        If the file cannot be read, has another header, or its size is not the one
        that the header states.
    """
    try:
        packed = path.read_bytes()
        content = gzip.decompress(packed) if path.suffix == ".gz" else packed
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0":  # noqa: PLR2004  the magic number
        raise InputError(f"{path}: is not an IDX file: starts with {content[:4]!r}")
    kind, dimensions = content[2], content[3]
    if kind != _UNSIGNED_BYTE:
        raise InputError(f"{path}: IDX type 0x{kind:02x}; only 0x08 (bytes) is read")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise InputError(f"{path}: truncated in the IDX header")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    stated = int(np.prod(shape, dtype=np.uint64))
    if len(content) - start != stated:
        raise InputError(
            f"{path}: header states {stated} bytes of data, "
            f"the file has {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_subset(name: str, path: Path) -> ImageSet:
    if not is_zipfile(path):
        raise InputError(f"{path}: is not an image set: not an .npz archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            parts = {part: archive[part] for part in _PARTS}
    except KeyError as error:
        wanted = ", ".join(_PARTS)
        raise InputError(
            f"{path}: {error.args[0]}; an image set has {wanted}"
        ) from None
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: is not an image set: {error}") from error
    return _checked(name, parts, str(path))


def _checked(name: str, parts: dict[str, NDArray[Any]], where: str) -> ImageSet:
    for split in ("train", "test"):
        images, labels = parts[f"{split}_images"], parts[f"{split}_labels"]
        if images.dtype != np.uint8 or labels.dtype != np.uint8:
            raise InputError(f"{where}: {split}: pixels and labels must be bytes")
        if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):  # noqa: PLR2004
            raise InputError(
                f"{where}: {split}_images: shape {images.shape}, wanted (n, 28, 28)"
            )
        if labels.shape != images.shape[:1]:
            raise InputError(
                f"{where}: {split}: {len(images)} images but labels {labels.shape}"
            )
        if labels.size == 0 or labels.max() >= CLASSES:
            raise InputError(f"{where}: {split}_labels: must be 0 to 9, at least one")
    return ImageSet(name, **parts)


def make_subset(
    source: ImageSet,
    path: Path,
    *,
    train_per_class: int = 400,
    test_per_class: int = 100,
    seed: int = 1,
) -> None:
    """Write a class-balanced choice of a full image set: how the shipped one was made.

    Parameters
    ----------
    source : ImageSet
        The full set.
    path : Path
        The ``.npz`` file to write; the origin and the licence belong beside it.
    train_per_class, test_per_class : int
        Number of images of each class.
    seed : int
        Seed of the choice and of the order.

    Raises
    ------
    InputError
        If a class has too few images.

    Notes
    -----
    The shipped subsets are ``make_subset(load_images(name, full=True), path)`` with
    the names ``"fashion-mnist"`` and ``"mnist"``.
    """
    generator = np.random.default_rng(seed)
    train = _balanced(source.train_labels, train_per_class, generator)
    test = _balanced(source.test_labels, test_per_class, generator)
    np.savez_compressed(
        path,
        train_images=source.train_images[train],
        train_labels=source.train_labels[train],
        test_images=source.test_images[test],
        test_labels=source.test_labels[test],
    )


def _balanced(
    labels: NDArray[np.uint8], per_class: int, generator: np.random.Generator
) -> NDArray[np.intp]:
    chosen: Sequence[NDArray[np.intp]] = [
        generator.permutation(np.flatnonzero(labels == kind))[:per_class]
        for kind in range(CLASSES)
    ]
    if any(len(part) < per_class for part in chosen):
        raise InputError(f"a class has fewer than {per_class} images")
    return generator.permutation(np.concatenate(chosen))
