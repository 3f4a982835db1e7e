"""The sequence table of the AFG31000's advanced mode.

References
----------
Sources (f) and (g) of the limits. Texts of the same commands of Tektronix's AWG5000
and AWG7000 (tm_devices, ``SEQuence:ELEMent``): an element without a ``GOTO`` moves on
to the next; an infinite loop ignores it. Where no source was found the comment says so.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.settings import Range

if TYPE_CHECKING:
    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.tektronix_afg31000.storage import MassStorage
    from labneuro.sim_backends.tektronix_afg31000.waveform_files import ArbitraryFile

LOOPS = Range(1.0, float(limits.MOST_CYCLES), 1.0)
_TIMER = Range(
    limits.SHORTEST_SEQUENCE_TIMER, limits.LONGEST_SEQUENCE_TIMER, 1e-3
)  # default: no source was found
_SKEW = Range(-limits.LARGEST_SKEW, limits.LARGEST_SKEW, 0.0)
_SCALE = Range(0.0, limits.HIGHEST_SCALE, 100.0)
_OFFSET = Range(-limits.LARGEST_SEQUENCE_OFFSET, limits.LARGEST_SEQUENCE_OFFSET, 0.0)


@dataclass
class Element:
    """One line of the table; targets count from 1.

    Attributes
    ----------
    waveforms : dict of int to ArbitraryFile
        By channel.
    """

    loop_count: float = 1.0
    loop_infinite: bool = False
    goto_state: bool = False
    goto_index: int = 1
    jump_type: str = "OFF"
    jump_index: int = 1
    jump_event: str = "EXT"
    jump_slope: str = "POS"
    wait_state: bool = False
    wait_event: str = "EXT"
    wait_slope: str = "POS"
    marker: bool = False
    waveforms: dict[int, ArbitraryFile] = field(default_factory=dict)


class Sequence:
    """The table, the waveform list and what holds for the whole of it.

    Parameters
    ----------
    model : AfgModel
        What the instrument can do.
    storage : MassStorage
        Where the waveforms come from.

    Attributes
    ----------
    run_mode : str
        ``"CONT"``, ``"TRIG"``, ``"GAT"`` or ``"SEQ"``.
    rate : float
        Sampling rate in samples per second.
    timer, skew : float
        In s.
    scale, offset : dict of int to float
        In % and V, by channel.
    elements : list of Element
    waveforms : dict of str to ArbitraryFile
        The waveform list, by path.
    """

    def __init__(self, model: limits.AfgModel, storage: MassStorage) -> None:
        self._model = model
        self._storage = storage
        self.elements: list[Element] = []
        self.waveforms: dict[str, ArbitraryFile] = {}
        self.reset()

    def reset(self) -> None:
        """Bring everything to its default."""
        self.run_mode = "CONT"
        self.rate = self._model.sequence_rate
        self.timer, self.skew = _TIMER.default, _SKEW.default
        self.scale = {1: _SCALE.default, 2: _SCALE.default}
        self.offset = {1: _OFFSET.default, 2: _OFFSET.default}
        self.clear()

    def clear(self) -> None:
        """Empty the waveform list and leave one element as it is by default."""
        self.elements = [Element()]
        self.waveforms = {}

    def set_run_mode(self, mode: str) -> None:
        """Choose the run mode; another one empties the waveform list (g)."""
        if mode != self.run_mode:
            self.clear()
        self.run_mode = mode

    def set_rate(self, value: float | Extreme) -> None:
        """Set the sampling rate."""
        most = self._model.sequence_rate
        allowed = Range(limits.LOWEST_SEQUENCE_RATE, most, most)
        self.rate = allowed.resolve(value)

    def set_timer(self, value: float | Extreme) -> None:
        """Set the period of the internal trigger in s."""
        self.timer = _TIMER.resolve(value)

    def set_skew(self, value: float | Extreme) -> None:
        """Set the time between the channels in s."""
        self.skew = _SKEW.resolve(value)

    def set_scale(self, channel: int, value: float | Extreme) -> None:
        """Set a channel's scale in %."""
        self.scale[channel] = _SCALE.resolve(value)

    def set_offset(self, channel: int, value: float | Extreme) -> None:
        """Set a channel's offset in V."""
        self.offset[channel] = _OFFSET.resolve(value)

    def set_length(self, count: float | Extreme) -> None:
        """Make the table longer, or drop its last elements."""
        allowed = Range(0.0, float(limits.MOST_ELEMENTS), 0.0)
        length = int(allowed.resolve(count))
        del self.elements[length:]
        while len(self.elements) < length:
            self.elements.append(Element())

    def element(self, number: int) -> Element:
        """Return an element by its number from 1.

        Raises
        ------
        ScpiError
            -114 if the table is shorter (the instrument's own number was not found).
        """
        if number > len(self.elements):
            raise ScpiError(syntax.HEADER_SUFFIX_OUT_OF_RANGE)
        return self.elements[number - 1]

    def set_target(self, number: int, name: str, value: float | Extreme) -> None:
        """Set the target of a jump: an element of the table."""
        element = self.element(number)
        target = Range(1.0, float(len(self.elements)), 1.0).resolve(value)
        setattr(element, name, int(target))

    def import_waveform(self, name: str) -> ArbitraryFile:
        """Take a file into the waveform list."""
        path = self._storage.path(name)
        self.waveforms[path.upper()] = waveform = self._storage.waveform(path)
        return waveform

    def delete_waveform(self, name: str) -> None:
        """Drop a waveform from the list and from the table."""
        path = self._storage.path(name)
        if path.upper() not in self.waveforms:
            raise ScpiError(syntax.PARAMETER_ERROR)
        del self.waveforms[path.upper()]
        for element in self.elements:
            kept = element.waveforms.items()
            element.waveforms = {
                channel: waveform
                for channel, waveform in kept
                if waveform.name.upper() != path.upper()
            }

    def delete_waveforms(self) -> None:
        """Drop all waveforms from the list and from the table."""
        self.waveforms = {}
        for element in self.elements:
            element.waveforms = {}

    def assign(self, number: int, channel: int, name: str) -> None:
        """Let an element play a waveform on a channel.

        One that is not in the list is taken into it: whether the instrument insists on
        an import first was not found.
        """
        element = self.element(number)
        path = self._storage.path(name)
        waveform = self.waveforms.get(path.upper()) or self.import_waveform(path)
        element.waveforms[channel] = waveform

    def assigned(self, number: int, channel: int) -> str:
        """Return the path of what an element plays on a channel, or nothing."""
        waveform = self.element(number).waveforms.get(channel)
        return "" if waveform is None else waveform.name

    def check(self) -> None:
        """Check the table before it runs.

        Raises
        ------
        ScpiError
            -221 if an element has no waveform or waveforms of different lengths (f).
        """
        used = self.elements if self.run_mode == "SEQ" else self.elements[:1]
        for element in used:
            lengths = {len(one.shares) for one in element.waveforms.values()}
            if len(lengths) != 1:
                raise ScpiError(syntax.SETTINGS_CONFLICT)
        if not used:
            raise ScpiError(syntax.SETTINGS_CONFLICT)

    def copy(self) -> Sequence:
        """Return a copy, as a sequence file keeps it."""
        other = copy.copy(self)
        other.elements = copy.deepcopy(self.elements)
        other.waveforms = dict(self.waveforms)
        other.scale, other.offset = dict(self.scale), dict(self.offset)
        return other

    def restore(self, other: Sequence) -> None:
        """Take everything from a copy."""
        self.__dict__.update(other.copy().__dict__)
