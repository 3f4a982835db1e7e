"""Scenes, questions and images of the CLEVR data set, in its own files.

The folder of CLEVR v1.0 has ``scenes/CLEVR_<split>_scenes.json``,
``questions/CLEVR_<split>_questions.json`` and ``images/<split>/*.png``.

References
----------
J. Johnson et al., "CLEVR: A diagnostic dataset for compositional language and
elementary visual reasoning", CVPR 2017; https://cs.stanford.edu/people/jcjohns/clevr.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "shape": ("cube", "sphere", "cylinder"),
    "color": ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"),
    "size": ("small", "large"),
    "material": ("rubber", "metal"),
}
"""Attributes of an object and their values."""
SPLITS = ("train", "val", "test")
KINDS = ("attribute", "count", "compare", "spatial", "existence")
_COMPARING = ("equal_", "greater_than", "less_than")


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene.

    Attributes
    ----------
    shape, color, size, material : str
        One of :data:`ATTRIBUTES`.
    place : tuple of float
        Centre in the image: right and down, in shares of its width and height.
    """

    shape: str
    color: str
    size: str
    material: str
    place: tuple[float, float]


@dataclass(frozen=True)
class Question:
    """A question about an image.

    Attributes
    ----------
    image : int
        Place of its image and scene.
    words : tuple of str
        Lower-case words, without the question mark.
    answer : str
        The right answer.
    kind : str
        One of :data:`KINDS`.
    phrases : tuple of tuple of int
        Objects of the scene that each phrase of the question speaks of, the first
        phrase first; empty where that is not known, as in CLEVR's own files.
    """

    image: int
    words: tuple[str, ...]
    answer: str
    kind: str
    phrases: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class SceneSet:
    """Images with their scenes and questions.

    Attributes
    ----------
    label : str
        What results on it are called: ``"CLEVR"`` or ``"synthetic CLEVR-style"``.
    images : ndarray of uint8, shape (images, 3, side, side)
        Red, green, blue.
    scenes : tuple of tuple of SceneObject
        Objects of each image.
    boxes : tuple of ndarray, or None
        Of each image: centre right, down, width, height in shares of the image, shape
        (objects, 4). None where the set has no boxes, as CLEVR.
    questions : tuple of Question
        All questions.
    """

    label: str
    images: NDArray[np.uint8]
    scenes: tuple[tuple[SceneObject, ...], ...]
    boxes: tuple[NDArray[np.float32], ...] | None
    questions: tuple[Question, ...]


def load_clevr(
    folder: str | Path, split: str, *, side: int, limit: int | None = None
) -> SceneSet:
    """Read a split of CLEVR.

    Parameters
    ----------
    folder : path
        The folder of the data set.
    split : str
        ``"train"`` or ``"val"``; the answers of ``"test"`` are not published.
    side : int
        Height and width in pixels to which images are resized.
    limit : int, optional
        Read only the first so many images and the questions about them.

    Returns
    -------
    SceneSet

    Raises
    ------
    InputError
        If a file is missing or damaged; names file, entry and key.
    """
    root = Path(folder)
    if split not in SPLITS:
        raise InputError(f"CLEVR: split {split!r}; allowed are {', '.join(SPLITS)}")
    scene_file = root / "scenes" / f"CLEVR_{split}_scenes.json"
    question_file = root / "questions" / f"CLEVR_{split}_questions.json"
    entries = _entries(scene_file, "scenes")[:limit]
    images, scenes, places = [], [], {}
    for number, entry in enumerate(entries):
        name = _value(scene_file, number, entry, "image_filename")
        image, size = _read_image(root / "images" / split / str(name), side)
        images.append(image)
        scenes.append(_objects(scene_file, number, entry, size))
        places[_value(scene_file, number, entry, "image_index")] = number
    if not images:
        raise InputError(f"{scene_file}: no scene")
    questions = [
        _question(question_file, number, entry, places)
        for number, entry in enumerate(_entries(question_file, "questions"))
        if _value(question_file, number, entry, "image_index") in places
    ]
    stacked = np.stack(images)
    return SceneSet("CLEVR", stacked, tuple(scenes), None, tuple(questions))


def _entries(path: Path, key: str) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not a JSON file") from error
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise InputError(f"{path}: has no list {key!r}")
    return entries


def _value(path: Path, number: int, entry: dict[str, Any], key: str) -> Any:  # noqa: ANN401  JSON
    if key not in entry:
        raise InputError(f"{path}: entry {number}: no key {key!r}")
    return entry[key]


def _read_image(path: Path, side: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  only to read files

    try:
        with Image.open(path) as picture:
            size = picture.size
            small = picture.convert("RGB").resize((side, side))
            return np.asarray(small, np.uint8).transpose(2, 0, 1), size
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such image") from error
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InputError(f"{path}: is not an image: {error}") from error


def _objects(
    path: Path, number: int, entry: dict[str, Any], size: tuple[int, int]
) -> tuple[SceneObject, ...]:
    found = []
    for content in _value(path, number, entry, "objects"):
        chosen = {}
        for key, allowed in ATTRIBUTES.items():
            chosen[key] = _value(path, number, content, key)
            if chosen[key] not in allowed:
                raise InputError(
                    f"{path}: entry {number}: {key} {chosen[key]!r}; allowed are "
                    + ", ".join(allowed)
                )
        pixels = _value(path, number, content, "pixel_coords")
        place = (pixels[0] / size[0], pixels[1] / size[1])
        found.append(SceneObject(**chosen, place=place))
    return tuple(found)


def _question(
    path: Path, number: int, entry: dict[str, Any], places: dict[int, int]
) -> Question:
    text = str(_value(path, number, entry, "question"))
    words = text.lower().replace("?", " ").replace(",", " ").replace(";", " ").split()
    return Question(
        places[entry["image_index"]],
        tuple(words),
        str(_value(path, number, entry, "answer")),
        _kind(_value(path, number, entry, "program")),
    )


def _kind(program: list[dict[str, Any]]) -> str:
    """Return the kind of a question by the functions of its program."""
    names = [str(step.get("function", step.get("type", ""))) for step in program]
    last = names[-1] if names else ""
    if last.startswith(_COMPARING):
        return "compare"
    if last in ("count", "exist"):
        return {"count": "count", "exist": "existence"}[last]
    return "spatial" if "relate" in names else "attribute"
