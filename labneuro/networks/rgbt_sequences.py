"""Seeded RGB-T sequences: a moving target seen by a visible and a thermal camera.

The target is a textured ellipse that is warmer than the background; others like it walk
about (alike in one camera, not in both). The light falls in a share of the sequences
until the visible camera sees little more than noise; the thermal contrast falls in
others; a bar hides the target for some frames. Results are called "synthetic RGB-T".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.data.lasher import RgbtSequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LABEL = "synthetic RGB-T"
_DISTRACTORS = 2
_DARK_SHARE, _COLD_SHARE, _HIDDEN_SHARE = 0.5, 0.25, 0.5
_VISIBLE_NOISE, _THERMAL_NOISE = 8.0, 10.0


def make_sequences(
    count: int, seed: int, *, frames: int = 30, side: int = 64
) -> list[RgbtSequence]:
    """Return sequences.

    Parameters
    ----------
    count : int
        Number of sequences.
    seed : int
        The same seed gives the same sequences.
    frames : int
        Frames of each.
    side : int
        Height and width of a frame in pixels.
    """
    return [
        _sequence(
            np.random.default_rng((seed, number)), f"{seed}-{number}", frames, side
        )
        for number in range(count)
    ]


def _sequence(
    generator: np.random.Generator, name: str, frames: int, side: int
) -> RgbtSequence:
    walkers = 1 + _DISTRACTORS
    half = generator.uniform(0.06, 0.11, (walkers, 2)) * side
    paths = np.stack([_path(generator, frames, side, one) for one in half])
    colours = generator.uniform(40, 220, (walkers, 3))
    heat = generator.uniform(150, 220, walkers)
    # One walks in the target's colour, one is as warm as the target.
    colours[1], heat[2] = colours[0], heat[0]
    heat[1] = generator.uniform(60, 110)
    light = _fading(generator, frames, _DARK_SHARE, 0.08)
    warmth = _fading(generator, frames, _COLD_SHARE, 0.15)
    hidden = _hidden(generator, frames)
    backgrounds = _background(generator, side)
    visible, thermal = [], []
    for frame in range(frames):
        seen, warm = (background.copy() for background in backgrounds)
        order = (*range(1, walkers), 0)
        for one in order:
            cover, texture = _ellipse(paths[one, frame], half[one], side)
            body = colours[one][:, None, None] * texture
            seen = seen * (1 - cover) + body * cover
            contrast = 80 + (heat[one] - 80) * warmth[frame]
            warm = warm * (1 - cover) + contrast * cover
        if hidden[frame]:
            _hide(seen, warm, paths[0, frame], half[0])
        noise = generator.standard_normal((4, side, side))
        visible.append(seen * light[frame] + _VISIBLE_NOISE * noise[:3])
        thermal.append(warm[None] + _THERMAL_NOISE * noise[3:])
    boxes = np.concatenate([paths[0] - half[0], np.tile(2 * half[0], (frames, 1))], 1)
    return RgbtSequence(
        name, _bytes(visible), _bytes(thermal), boxes.astype(np.float32)
    )


def _bytes(frames: list[Array]) -> NDArray[np.uint8]:
    return np.clip(np.round(np.stack(frames)), 0, 255).astype(np.uint8)


def _path(generator: np.random.Generator, frames: int, side: int, half: Array) -> Array:
    """Return centres of a smooth random walk that turns back at the frame's border."""
    place = generator.uniform(0.25, 0.75, 2) * side
    speed = generator.normal(0, 0.015 * side, 2)
    places = np.empty((frames, 2))
    for frame in range(frames):
        places[frame] = place
        speed = 0.95 * speed + generator.normal(0, 0.006 * side, 2)
        low, high = half, side - half
        speed = np.where((place + speed < low) | (place + speed > high), -speed, speed)
        place = np.clip(place + speed, low, high)
    return places


def _fading(
    generator: np.random.Generator, frames: int, share: float, floor: float
) -> Array:
    """Return a factor a frame: 1, or in a share of sequences falling to the floor."""
    fades = generator.random() < share
    begin, length = generator.uniform(0.1, 0.5) * frames, 0.3 * frames
    fallen = np.clip((np.arange(frames) - begin) / length, 0, 1)
    return 1.0 - (1.0 - floor) * fallen if fades else np.ones(frames)


def _hidden(generator: np.random.Generator, frames: int) -> NDArray[np.bool_]:
    """Return the frames in which a bar hides the target, never the first ones."""
    hides = generator.random() < _HIDDEN_SHARE
    begin = generator.integers(frames // 4, max(frames // 4 + 1, 3 * frames // 4))
    place = np.arange(frames)
    return (place >= begin) & (place < begin + max(2, frames // 10)) & hides


def _background(generator: np.random.Generator, side: int) -> tuple[Array, Array]:
    """Return smooth visible and thermal backgrounds."""
    axis = np.linspace(0, 2 * np.pi, side)
    waves = generator.uniform(0.5, 3, (4, 2))
    phases = generator.uniform(0, 2 * np.pi, (4, 2))
    planes = [
        np.sin(w[0] * axis + p[0])[None, :] * np.sin(w[1] * axis + p[1])[:, None]
        for w, p in zip(waves, phases, strict=True)
    ]
    return 120 + 35 * np.stack(planes[:3]), 80 + 20 * planes[3]


def _ellipse(centre: Array, half: Array, side: int) -> tuple[Array, Array]:
    """Return cover and texture (bright left, dark right half) of an ellipse."""
    axis = np.arange(side) + 0.5
    dx = (axis - centre[0])[None, :] / half[0]
    dy = (axis - centre[1])[:, None] / half[1]
    outside = (np.hypot(dx, dy) - 1.0) * half.min()
    return np.clip(0.5 - outside, 0, 1), np.where(dx < 0, 1.15, 0.75)


def _hide(seen: Array, warm: Array, centre: Array, half: Array) -> None:
    """Draw a bar over most of the target, in place."""
    left, right = (round(float(centre[0] + s * 0.8 * half[0])) for s in (-1, 1))
    columns = slice(max(left, 0), max(right, 1))
    seen[:, :, columns], warm[:, columns] = 60.0, 80.0
