"""RGB-T sequences in the folders of the LasHeR data set.

A sequence is a folder with ``visible/`` and ``infrared/`` (images, one a frame, in the
order of their names) and ``init.txt`` or ``visible.txt`` with a line a frame: left,
top, width, height of the target in pixels, separated by commas, blanks or tabs.

References
----------
C. Li et al., "LasHeR: A large-scale high-diversity benchmark for RGBT tracking", IEEE
Trans. Image Process. 31 (2021) 392.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BOX_FILES = ("init.txt", "visible.txt")
_IMAGES = (".jpg", ".jpeg", ".png", ".bmp")
_BOX_NUMBERS = 4


@dataclass(frozen=True)
class RgbtSequence:
    """Frames of a visible and a thermal camera, aligned, and where the target is.

    Attributes
    ----------
    name : str
        Name of the sequence.
    visible : ndarray of uint8, shape (frames, 3, height, width)
        Red, green, blue.
    thermal : ndarray of uint8, shape (frames, 1, height, width)
        Brightness.
    boxes : ndarray of float32, shape (frames, 4)
        Left, top, width and height of the target, in pixels.
    """

    name: str
    visible: NDArray[np.uint8]
    thermal: NDArray[np.uint8]
    boxes: NDArray[np.float32]


def sequence_names(folder: str | Path) -> list[str]:
    """Return the names of the sequences of a LasHeR folder, in order.

    Raises
    ------
    InputError
        If the folder has none.
    """
    root = Path(folder)
    names = sorted(p.parent.name for p in root.glob("*/visible") if p.is_dir())
    if not names:
        raise InputError(f"{root}: no folder with a sequence (visible/, infrared/)")
    return names


def load_sequence(
    folder: str | Path, *, side: int | None = None, limit: int | None = None
) -> RgbtSequence:
    """Read a sequence of LasHeR.

    Parameters
    ----------
    folder : path
        The folder of the sequence.
    side : int, optional
        Resize frames to this height and width; boxes with them.
    limit : int, optional
        Read only the first so many frames.

    Returns
    -------
    RgbtSequence

    Raises
    ------
    InputError
        If a folder or file is missing or damaged, or frames and boxes do not fit
        together; names it.
    """
    root = Path(folder)
    visible = _frame_files(root / "visible")
    thermal = _frame_files(root / "infrared")
    boxes = _read_boxes(root)
    if not len(visible) == len(thermal) == len(boxes):
        raise InputError(
            f"{root}: {len(visible)} visible and {len(thermal)} infrared frames, "
            f"{len(boxes)} boxes; all must be as many"
        )
    frames = [_read(path, "RGB", side) for path in visible[:limit]]
    warm = [_read(path, "L", side) for path in thermal[:limit]]
    shapes = {frame.shape[1:] for frame, _ in (*frames, *warm)}
    if len(shapes) > 1:
        raise InputError(f"{root}: frames of different size: {sorted(shapes)}")
    width, height = frames[0][1]
    if side is not None:
        boxes = boxes * np.array([side / width, side / height] * 2, np.float32)
    return RgbtSequence(
        root.name,
        np.stack([frame for frame, _ in frames]),
        np.stack([frame for frame, _ in warm]),
        boxes[:limit],
    )


def _frame_files(folder: Path) -> list[Path]:
    try:
        files = [p for p in folder.iterdir() if p.suffix.lower() in _IMAGES]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    if not files:
        raise InputError(f"{folder}: no frame ({', '.join(_IMAGES)})")
    return sorted(files)


def _read_boxes(root: Path) -> NDArray[np.float32]:
    path = next((root / n for n in _BOX_FILES if (root / n).is_file()), None)
    if path is None:
        raise InputError(f"{root}: has neither {' nor '.join(_BOX_FILES)}")
    boxes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        parts = [part for part in re.split(r"[,\s]+", line.strip()) if part]
        try:
            box = [float(part) for part in parts]
        except ValueError:
            box = []
        if len(box) != _BOX_NUMBERS or not np.isfinite(box).all():
            raise InputError(
                f"{path}: line {number}: {line.strip()!r}; wanted left, top, width, "
                "height"
            )
        boxes.append(box)
    return np.array(boxes, np.float32).reshape(-1, _BOX_NUMBERS)


def _read(
    path: Path, kind: str, side: int | None
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  only to read files

    try:
        with Image.open(path) as picture:
            size = picture.size
            frame = picture.convert(kind)
            if side is not None:
                frame = frame.resize((side, side))
            content = np.asarray(frame, np.uint8)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InputError(f"{path}: is not an image: {error}") from error
    colours = content[None] if content.ndim == 2 else content.transpose(2, 0, 1)  # noqa: PLR2004  grey
    return colours, size
