"""Learning rates of a training's steps.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: section 4, "VQA Task" and "RGB-T Tracking
Task". By how much the tracker's rate is reduced at the 8th epoch is not told; its
framework TBSI lets torch's StepLR divide it by 10 once the epoch is over
(``lib/train/base_functions.py`` of RyanHTR/TBSI).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Schedule = Literal["cosine", "step", "constant"]
DROP_AT = 0.8
"""Share of the steps after which ``"step"`` drops: after the 8th of ten epochs."""
DROP_FACTOR = 0.1
"""What ``"step"`` multiplies the rate with: TBSI's; the paper tells none."""
_RISE = 0.1  # of the steps


def learning_rates(
    schedule: Schedule,
    highest: float,
    steps: int,
    *,
    drop_at: float = DROP_AT,
    drop_factor: float = DROP_FACTOR,
) -> tuple[float, ...]:
    """Return the learning rate of each step.

    Parameters
    ----------
    schedule : str
        ``"cosine"``: a rise over a tenth of the steps, then half a cosine down;
        ``"step"``: `highest`, then a share of it; ``"constant"``: `highest`.
    highest : float
        The initial rate of ``"step"``, the largest of ``"cosine"``.
    steps : int
        Number of steps.
    drop_at : float
        Share of the steps after which ``"step"`` drops.
    drop_factor : float
        What ``"step"`` multiplies the rate with.

    Returns
    -------
    tuple of float, shape (steps,)

    Examples
    --------
    >>> learning_rates("step", 4e-4, 5, drop_at=0.8, drop_factor=0.5)
    (0.0004, 0.0004, 0.0004, 0.0004, 0.0002)
    """
    last_high = round(drop_at * steps)
    shares: dict[Schedule, Callable[[int], float]] = {
        "cosine": lambda step: _cosine(step, steps),
        "step": lambda step: 1.0 if step < last_high else drop_factor,
        "constant": lambda _step: 1.0,
    }
    share = shares[schedule]
    return tuple(highest * share(step) for step in range(steps))


def _cosine(step: int, steps: int) -> float:
    """Return the share of the rate: a short rise, then half a cosine down."""
    rise = max(1, round(_RISE * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))
