"""Seeded scenes in the style of CLEVR: drawn flat, with boxes, without a renderer.

Cubes are squares, spheres discs, cylinders upright rectangles with round ends; rubber
is matt, metal has a bright spot and a dark rim; large is 1.6 times small. Nothing of
CLEVR's pictures is used; results are called "synthetic CLEVR-style".

References
----------
J. Johnson et al., CVPR 2017 (attributes and kinds of question).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from labneuro.data.clevr import ATTRIBUTES, SceneObject, SceneSet
from labneuro.errors import InputError
from labneuro.networks.clevr_style_questions import ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Arrangement = Literal["grid", "free"]
GRID = 3
"""Cells along a side of a picture whose objects stand in a grid."""
LABEL = "synthetic CLEVR-style"
_COLOURS = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
_RADIUS = {"small": 0.1, "large": 0.16}
_MARGIN = 0.005  # of a grid's cell, left free at its border
_BACKGROUND = 150.0
_NOISE = 3.0
_TRIES = 200


def make_scenes(
    images: int,
    seed: int,
    *,
    side: int = 24,
    objects: tuple[int, int] = (2, 4),
    questions: int = 8,
    arrangement: Arrangement = "free",
) -> SceneSet:
    """Return scenes with their pictures, boxes and questions.

    Parameters
    ----------
    images : int
        Number of scenes.
    seed : int
        The same seed gives the same set.
    side : int
        Height and width of the pictures in pixels.
    objects : tuple of int
        Fewest and most objects of a scene.
    questions : int
        Questions about each scene.
    arrangement : str
        ``"free"``: anywhere, apart from each other; ``"grid"``: each in a cell of its
        own of 3 x 3, which is easier to see.

    Returns
    -------
    SceneSet
        Labelled "synthetic CLEVR-style".

    Raises
    ------
    InputError
        If the arrangement is not known or has no room for the objects.
    """
    if arrangement not in get_args(Arrangement):
        allowed = ", ".join(get_args(Arrangement))
        raise InputError(f"arrangement: {arrangement!r}; allowed are {allowed}")
    if arrangement == "grid" and objects[1] > GRID**2:
        raise InputError(f"objects: {objects[1]}; a grid has room for {GRID**2}")
    place = {"free": _scene, "grid": _grid_scene}[arrangement]
    generator = np.random.default_rng((seed, images))
    scenes, boxes, pictures, asked = [], [], [], []
    for number in range(images):
        count = int(generator.integers(objects[0], objects[1] + 1))
        scene = place(count, generator)
        scenes.append(scene)
        boxes.append(np.array([_box(one) for one in scene], np.float32))
        pictures.append(draw_scene(scene, side, generator))
        asked += ask(scene, number, questions, generator)
    return SceneSet(
        LABEL, np.stack(pictures), tuple(scenes), tuple(boxes), tuple(asked)
    )


def _scene(count: int, generator: np.random.Generator) -> tuple[SceneObject, ...]:
    """Place objects so that none hides another; fewer if there is no room."""
    found: list[SceneObject] = []
    for _ in range(_TRIES):
        if len(found) == count:
            break
        chosen = {k: str(generator.choice(v)) for k, v in ATTRIBUTES.items()}
        radius = _RADIUS[chosen["size"]]
        x, y = generator.uniform(radius + 0.02, 0.98 - radius, 2)
        free = all(
            max(abs(x - one.place[0]), abs(y - one.place[1]))
            > radius + _RADIUS[one.size] + 0.02
            for one in found
        )
        if free:
            found.append(SceneObject(**chosen, place=(float(x), float(y))))
    return tuple(found)


def _grid_scene(count: int, generator: np.random.Generator) -> tuple[SceneObject, ...]:
    """Place objects in cells of their own, about the middle."""
    found = []
    for cell in generator.choice(GRID**2, count, replace=False):
        chosen = {k: str(generator.choice(v)) for k, v in ATTRIBUTES.items()}
        room = 0.5 / GRID - _RADIUS[chosen["size"]] - _MARGIN
        right, down = generator.uniform(-room, room, 2)
        x, y = (cell % GRID + 0.5) / GRID + right, (cell // GRID + 0.5) / GRID + down
        found.append(SceneObject(**chosen, place=(float(x), float(y))))
    return tuple(found)


def _half_sizes(one: SceneObject) -> tuple[float, float]:
    radius = _RADIUS[one.size]
    narrow = {"cube": 0.88, "sphere": 1.0, "cylinder": 0.62}[one.shape]
    tall = {"cube": 0.88, "sphere": 1.0, "cylinder": 1.0}[one.shape]
    return narrow * radius, tall * radius


def _box(one: SceneObject) -> tuple[float, float, float, float]:
    half_width, half_height = _half_sizes(one)
    return (*one.place, 2 * half_width, 2 * half_height)


def draw_scene(
    scene: tuple[SceneObject, ...], side: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw a scene; returns shape (3, side, side)."""
    axis = (np.arange(side) + 0.5) / side
    x, y = axis[None, :], axis[:, None]
    picture = np.full((3, side, side), _BACKGROUND) * (0.85 + 0.3 * y)
    for one in scene:
        cover = _cover(one, x, y, side)
        colour = np.array(_COLOURS[one.color], dtype=np.float64)[:, None, None]
        shaded = np.clip(colour * _shade(one, x, y) + _shine(one, x, y), 0, 255)
        picture = picture * (1.0 - cover) + shaded * cover
    picture = picture + _NOISE * generator.standard_normal(picture.shape)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _cover(one: SceneObject, x: Array, y: Array, side: int) -> Array:
    """Return how much of each pixel an object covers, its border one pixel soft."""
    half_width, half_height = _half_sizes(one)
    dx, dy = np.abs(x - one.place[0]), np.abs(y - one.place[1])
    if one.shape == "sphere":
        outside = np.hypot(dx, dy) - half_width
    elif one.shape == "cube":
        outside = np.maximum(dx - half_width, dy - half_height)
    else:
        body = np.maximum(dy - (half_height - half_width), 0.0)
        outside = np.hypot(dx, body) - half_width
    return np.clip(0.5 - outside * side, 0.0, 1.0)


def _shade(one: SceneObject, x: Array, y: Array) -> Array:
    """Return the brightness over an object: metal is darker towards its rim."""
    half_width, half_height = _half_sizes(one)
    away = np.hypot((x - one.place[0]) / half_width, (y - one.place[1]) / half_height)
    if one.material == "rubber":
        return np.ones_like(away)
    return np.clip(1.25 - 0.55 * away, 0.4, 1.3)


def _shine(one: SceneObject, x: Array, y: Array) -> Array:
    """Return the bright spot of metal, upper left of the middle."""
    radius = _RADIUS[one.size]
    away = np.hypot(x - one.place[0] + 0.3 * radius, y - one.place[1] + 0.3 * radius)
    strength = 190.0 if one.material == "metal" else 0.0
    return strength * np.exp(-((away / (0.4 * radius)) ** 2))
