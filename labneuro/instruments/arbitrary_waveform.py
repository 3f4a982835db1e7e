"""Turning a waveform of levels and durations into the points of an AFG31000.

Notes
-----
The generator plays codes 0 to 16382 between the low and the high level, so code 8191
is exactly the middle: with symmetric levels it is exactly 0 V. One code is a 16382nd of
the peak-to-peak amplitude: at the 20 Vpp of an open output 1.2 mV, so a level is met
within 0.61 mV.

A point of 0 V goes before and after the waveform. Between bursts the generator holds
the first point, the last point or the offset, as its burst idle setting says; all three
are 0 V then. The pulse therefore begins one point after the trigger, at most 1 % of the
shortest segment where the memory allows.

References
----------
Tektronix, Programmatic-Control-Examples, AFG31000, "Send and Save Arb Waveform" and
"MATLAB ICT Send Waveform": two bytes a point, most significant first, 0 the lowest and
16382 (0x3FFE) the highest. tm_devices, driver AFG31K: 2 to 131072 points, amplitude
2 mVpp to 20 Vpp into high impedance; sample rate at least 250 MSa/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import LimitError
from labneuro.units import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.instruments.roles import Waveform

REST_CODE = 8191
"""The code of 0 V."""

TOP_CODE = 2 * REST_CODE
"""The code of the high level."""

MOST_POINTS = 131_072
"""What the edit memory holds."""

HIGHEST_LEVEL = 10.0
"""Largest level in V of an open output, either sign."""

_SHORT_UPLOAD = 16_384  # points; no finer step is worth a longer upload
_FINENESS = 100  # points in the shortest segment, if that fits a short upload
_SHORTEST_STEP = 4e-9  # s: 250 MSa/s, which every model reaches
_REST_POINTS = 2
_NANOSECOND_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class SampledWaveform:
    """The points of a waveform and the settings that play them.

    Attributes
    ----------
    codes : ndarray of uint16, shape (points,)
        14-bit codes; the first and the last are the rest.
    step : float
        Duration of a point in s.
    amplitude : float
        Peak-to-peak voltage in V of codes 0 and 16382; the offset is 0 V.
    """

    codes: NDArray[np.uint16]
    step: float
    amplitude: float

    @property
    def frequency(self) -> float:
        """Repetition frequency in Hz that gives each point its duration."""
        return 1.0 / (len(self.codes) * self.step)

    @property
    def block(self) -> bytes:
        """The points as a definite-length block, two bytes each, high byte first."""
        content = self.codes.astype(">u2").tobytes()
        size = str(len(content))
        return f"#{len(size)}{size}".encode() + content


def round_up(level: float) -> float:
    """Round a level up to one whose double the generator sets exactly.

    Amplitudes have four digits: 1 mV steps below 10 Vpp and 10 mV steps from there.

    Parameters
    ----------
    level : float
        In V, 0 or above.

    Returns
    -------
    float
        In V, at least 1 mV.

    Examples
    --------
    >>> round_up(3.8), round_up(3.8002), round_up(5.501), round_up(0.0)
    (3.8, 3.801, 5.505, 0.001)
    """
    grid = 1000 if level <= HIGHEST_LEVEL / 2 else 200
    # A billionth of a step: 3.8 * 1000 is a little more than 3800 in binary.
    return max(math.ceil(level * grid - 1e-9) / grid, 1e-3)


def sample(waveform: Waveform) -> SampledWaveform:
    """Turn a waveform into points; its durations are kept exactly.

    Parameters
    ----------
    waveform : Waveform
        Levels up to 10 V of either sign; durations multiples of 1 ns.

    Returns
    -------
    SampledWaveform
        The points, with one point of 0 V before and one after.

    Raises
    ------
    LimitError
        If a level or a duration is beyond the generator, or the waveform does not fit
        into its memory.
    """
    durations = _nanoseconds(waveform)
    highest = max(abs(level) for level in waveform.levels)
    if not highest <= HIGHEST_LEVEL:
        raise LimitError(
            f"{_name(waveform)}: level {show(highest, 'V')} is beyond the generator's "
            f"{show(HIGHEST_LEVEL, 'V')}"
        )
    common = math.gcd(*durations)
    division = _division(waveform, durations, common)
    top = round_up(highest)
    levels = np.array([0.0, *waveform.levels, 0.0])
    counts = [1, *(duration // common * division for duration in durations), 1]
    codes = np.rint(REST_CODE * (1.0 + levels / top)).astype(np.uint16)
    return SampledWaveform(
        codes=np.repeat(codes, counts),
        step=common * 1e-9 / division,
        amplitude=2.0 * top,
    )


def _nanoseconds(waveform: Waveform) -> list[int]:
    """Return every duration as a whole number of nanoseconds."""
    if not waveform.segments:
        raise LimitError(f"{_name(waveform)}: it has no segment")
    whole = []
    for level, duration in waveform.segments:
        if not (math.isfinite(level) and 0.0 < duration < math.inf):
            raise LimitError(
                f"{_name(waveform)}: a segment of {show(level, 'V')} for "
                f"{show(duration, 's')}; levels are finite and durations above 0 s"
            )
        number = round(duration * 1e9)
        if number < 1 or abs(duration * 1e9 - number) > _NANOSECOND_TOLERANCE:
            raise LimitError(
                f"{_name(waveform)}: {duration!r} s is no multiple of 1 ns"
            )
        whole.append(number)
    return whole


def _division(waveform: Waveform, durations: list[int], common: int) -> int:
    """Return into how many points the common duration is cut."""
    units = sum(durations) // common
    points = units + _REST_POINTS
    if points > MOST_POINTS:
        raise LimitError(
            f"{_name(waveform)}: it needs {points} points of "
            f"{show(common * 1e-9, 's')}, the generator holds {MOST_POINTS}; use "
            "durations with a larger common divisor"
        )
    if common * 1e-9 < _SHORTEST_STEP:
        raise LimitError(
            f"{_name(waveform)}: it needs points of {show(common * 1e-9, 's')}, the "
            f"generator's last {show(_SHORTEST_STEP, 's')} at least"
        )
    wanted = math.ceil(_FINENESS * common / min(durations))
    fitting = (_SHORT_UPLOAD - _REST_POINTS) // units
    resolved = math.floor(common * 1e-9 / _SHORTEST_STEP)
    return max(1, min(wanted, fitting, resolved))


def _name(waveform: Waveform) -> str:
    """Name a waveform by its first segments."""
    shown = ", ".join(
        f"{show(level, 'V')} for {show(duration, 's')}"
        for level, duration in waveform.segments[:3]
    )
    more = ", ..." if len(waveform.segments) > 3 else ""  # noqa: PLR2004  as above
    return f"waveform ({shown}{more})"
