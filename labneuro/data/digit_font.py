"""Ten digits of 6 by 5 pixels, in two fonts of our own.

The paper shows its patterns in a figure only. Two fonts are drawn here:

- ``spread``: digits of different width, weight and place, so that two of them share
  about as many black pixels as chance would have it; only 5 and 6, and 8 and 9, are
  close, as in the paper.
- ``plain``: digits of ordinary shape, which overlap much more.

How far patterns overlap decides what competitive learning can do: a neuron that has
learned one pattern sees the share of its weight that another one drives, an untrained
neuron the share of all pixels that are black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Font = Literal["spread", "plain"]
ROWS, COLUMNS, DIGITS = 6, 5, 10
PIXELS = ROWS * COLUMNS

_DRAWN: dict[str, str] = {
    "spread": """
..##. ...## ####. ###.. #...# ##### .#### ##### ####. ####.
.#..# ..### ...## ..##. #...# ##... ##... ##### ##.#. ##.#.
#...# .#### ...## .##.. #...# ##### ####. ...## ####. #####
#...# ...## .##.. ..##. ##### ....# ##..# ..##. ##.## ...##
#..#. ...## ##... ..##. ....# ##..# ##..# ..##. ##.## ...##
.##.. ...## ##### ###.. ....# ##### ####. ..##. ##### ####.
""",
    "plain": """
.###. ..#.. .###. ####. #...# ##### ##### ##### .###. .###.
#...# .##.. #...# ....# #...# #.... #.... ....# #...# #...#
#...# #.#.. ...#. .###. #...# ####. ####. ...#. .###. .####
#...# ..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....#
#...# ..#.. .#... ....# ....# ....# #...# .#... #...# ....#
.###. ##### ##### ####. ....# ####. ####. #.... .###. .###.
""",
}
FONTS: tuple[str, ...] = get_args(Font)


def digit_patterns(font: str = "spread") -> NDArray[np.float64]:
    """Return the pixels of the digits 0 to 9, shape (10, 30): 1 black, 0 white.

    Parameters
    ----------
    font : str
        One of :data:`FONTS`.

    Raises
    ------
    ValueError
        If there is no such font.
    """
    if font not in _DRAWN:
        raise ValueError(f"font: {font!r} is none of {', '.join(FONTS)}")
    cells = np.array([list(cell) for cell in _DRAWN[font].split()])
    black = (cells == "#").reshape(ROWS, DIGITS, COLUMNS).swapaxes(0, 1)
    return np.ascontiguousarray(black.reshape(DIGITS, PIXELS), dtype=np.float64)


def hamming_distances(patterns: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many pixels differ between any two patterns.

    Parameters
    ----------
    patterns : ndarray, shape (patterns, pixels)
        0 and 1.

    Returns
    -------
    ndarray of int64, shape (patterns, patterns)
    """
    differ = patterns[:, None, :] != patterns[None, :, :]
    return np.asarray(differ.sum(axis=-1), dtype=np.int64)


def distance_table(patterns: NDArray[np.float64]) -> str:
    """Return the Hamming distances of the digits and their black pixels as text."""
    heading = "Hamming distance  " + " ".join(f"{digit:>3}" for digit in range(DIGITS))
    lines = [heading + "  black"]
    counts = patterns.sum(axis=1)
    for digit, row in enumerate(hamming_distances(patterns)):
        numbers = " ".join(f"{value:>3}" for value in row)
        lines.append(f"{digit:>16}  {numbers}  {counts[digit]:>5.0f}")
    return "\n".join(lines)


def flip_pixels(
    patterns: NDArray[np.float64], pixels: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return patterns in which some pixels, chosen at random, are turned over.

    Parameters
    ----------
    patterns : ndarray, shape (patterns, pixels)
        0 and 1; unchanged.
    pixels : int
        How many in each pattern.
    generator : numpy Generator
        Chooses them.
    """
    order = generator.permuted(
        np.tile(np.arange(patterns.shape[1]), (len(patterns), 1)), axis=1
    )
    noisy = patterns.copy()
    row = np.arange(len(patterns))[:, None]
    noisy[row, order[:, :pixels]] = 1.0 - noisy[row, order[:, :pixels]]
    return noisy
