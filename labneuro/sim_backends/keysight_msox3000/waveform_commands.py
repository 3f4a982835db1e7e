"""Commands that send waveforms.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapter 34 (:WAVeform).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.commands import (
    ANALOG,
    BUSES,
    MATH,
    MEMORIES,
    PODS,
    setting,
    signed,
)
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Argument,
    Boolean,
    Choice,
    Extreme,
    Number,
)
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.settings import WaveformOutput
    from labneuro.sim_backends.keysight_msox3000.traces import Trace
    from labneuro.sim_backends.scpi.syntax import Element

_FORMATS = {"BYTE": 0, "WORD": 1, "ASC": 4}
_TYPES = {"NORM": 0, "PEAK": 1, "AVER": 2, "HRES": 3}
_SOURCES = (*ANALOG, *PODS, *BUSES, *MATH, *MEMORIES, "SBUS1", "SBUS2", "EXTernal")


def waveform_of(scope: KeysightMsox3104T) -> WaveformOutput:
    """Return the settings of the waveform output."""
    return scope.settings.waveform


class _Points(Argument):
    """A number of points or the name of a points mode."""

    _modes = Choice("NORMal", "MAXimum", "RAW")

    def read(self, element: Element) -> str | float | Extreme:
        """Return the number or the short form of the mode."""
        if isinstance(element, str) and element[:1].isalpha():
            return self._modes.read(element)
        return Number().read(element)


def _set_points(
    scope: KeysightMsox3104T, value: str | float | Extreme, mode: str = ""
) -> None:
    """Set the number of points, or all of a points mode."""
    output = waveform_of(scope)
    if isinstance(value, str):
        output.points, output.points_mode = 0, value
        return
    if isinstance(value, Extreme) or not value.is_integer():
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    if not datasheet.FEWEST_POINTS <= value <= datasheet.MOST_POINTS:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    output.points = int(value)
    if mode:
        output.points_mode = mode


def _set_source(scope: KeysightMsox3104T, source: str) -> None:
    """Choose a source; a channel that is off goes on."""
    if source in ("EXT", "SBUS1", "SBUS2"):  # no waveform of theirs is simulated
        raise ScpiError(syntax.SETTINGS_CONFLICT)
    source = "FUNC" if source in ("MATH", "FFT") else source
    waveform_of(scope).source = source
    if source.startswith("CHAN"):
        scope.show(source)


class _Output(NamedTuple):
    """A waveform as it will be sent.

    Attributes
    ----------
    trace : Trace, optional
        Its points, if there are any.
    """

    trace: Trace | None

    @property
    def points(self) -> int:
        """Number of points."""
        return self.trace.words.size if self.trace is not None else 0


def _output(scope: KeysightMsox3104T) -> _Output:
    """Return the points that the next transfer holds."""
    settings = scope.settings
    output = settings.waveform
    raw = output.points_mode == "RAW"
    averaging = settings.acquire.type == "AVER"
    if raw and averaging:
        return _Output(None)
    trace = scope.trace(output.source)
    if trace is None:
        return _Output(None)
    most: float = trace.words.size
    if output.points_mode == "NORM" or scope.acquisition.is_running:
        most = datasheet.MEASUREMENT_RECORD
    if averaging and output.source.startswith("CHAN"):
        most = min(most, datasheet.AVERAGED_POINTS)
    wanted = min(output.points or most, most)
    if trace.words.size > wanted:
        trace = scope.thinned(trace, wanted)
    return _Output(trace)


class Scaling(NamedTuple):
    """How sent numbers become volts: the second half of the preamble."""

    x_increment: float
    x_origin: float
    y_increment: float
    y_origin: float
    y_reference: int


def _scaling(scope: KeysightMsox3104T, trace: Trace | None) -> Scaling:
    output = waveform_of(scope)
    if trace is None:
        return Scaling(0.0, 0.0, 0.0, 0.0, 0)
    if trace.logic:
        return Scaling(trace.x_increment, trace.x_origin, 1.0, 0.0, 0)
    word = output.format == "WORD"
    half = datasheet.CENTRE if word else datasheet.CENTRE // datasheet.CODE
    return Scaling(
        trace.x_increment,
        trace.x_origin,
        trace.y_increment / (datasheet.CODE if word else 1),
        trace.y_origin,
        half if output.unsigned else 0,
    )


def _preamble(scope: KeysightMsox3104T) -> str:
    output, sent = waveform_of(scope), _output(scope)
    one = _scaling(scope, sent.trace)
    count = sent.trace.count if sent.trace is not None else 1
    numbers = (
        _FORMATS[output.format],
        _TYPES[scope.settings.acquire.type],
        sent.points,
        count,
    )
    return ",".join(
        (
            *(signed(value) for value in numbers),
            _exact(one.x_increment),
            _exact(one.x_origin),
            signed(0),
            _exact(one.y_increment),
            _exact(one.y_origin),
            signed(one.y_reference),
        )
    )


def _exact(value: float) -> str:
    return f"{value:+.8E}"


def _data(scope: KeysightMsox3104T) -> bytes:
    trace = _output(scope).trace
    if trace is None:
        return block(b"")
    output = waveform_of(scope)
    if output.format == "ASC":
        return block(",".join(map("{:+.5E}".format, trace.values.tolist())).encode())
    if output.format == "BYTE":
        return block(_bytes(trace, unsigned=output.unsigned).tobytes())
    words = trace.words
    if not output.unsigned and not trace.logic:
        words = words ^ np.uint16(datasheet.CENTRE)  # two's complement about the centre
    order = ">u2" if output.byte_order == "MSBF" else "<u2"
    return block(words.astype(order).tobytes())


def _bytes(
    trace: Trace, *, unsigned: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    if trace.logic:
        return trace.words.astype(np.uint8)
    codes = (trace.words >> np.uint16(8)).astype(np.uint8)
    return codes if unsigned else codes ^ np.uint8(datasheet.CENTRE // datasheet.CODE)


def block(content: bytes) -> bytes:
    """Write bytes as the instrument does: a length of always eight digits.

    Examples
    --------
    >>> block(b"abc")
    b'#800000003abc'
    """
    return b"#8%08d%s" % (len(content), content)


def _number(name: str) -> Command:
    header = {
        "x_increment": "XINCrement",
        "x_origin": "XORigin",
        "y_increment": "YINCrement",
        "y_origin": "YORigin",
    }[name]

    def query(scope: KeysightMsox3104T) -> str:
        return _exact(getattr(_scaling(scope, _output(scope).trace), name))

    return Command(f"WAVeform:{header}", query=query)


def _segments(scope: KeysightMsox3104T) -> str:
    record = scope.current_record()
    segmented = record is not None and record.plan.settings.acquire.mode == "SEGM"
    return signed(len(record.shots) if record is not None and segmented else 0)


def _time_tag(scope: KeysightMsox3104T) -> str:
    record = scope.current_record()
    if record is None or record.plan.settings.acquire.mode != "SEGM":
        return _exact(0.0)
    return _exact(record.time_tag(scope.settings.acquire.segment))


def _report(scope: KeysightMsox3104T) -> str:
    one = waveform_of(scope)
    return (
        f":WAV:UNS {int(one.unsigned)};VIEW {one.view};BYT {one.byte_order};"
        f"FORM {one.format};POIN {_output(scope).points:+d};SOUR {one.source};"
        f"SOUR:SUBS {one.subsource}"
    )


COMMANDS: tuple[Command, ...] = (
    Command("WAVeform", query=_report),
    Command(
        "WAVeform:SOURce",
        _set_source,
        lambda scope: waveform_of(scope).source,
        (Choice(*_SOURCES),),
    ),
    setting(
        "WAVeform:SOURce:SUBSource",
        waveform_of,
        "subsource",
        Choice("NONE", "RX", "TX", "MOSI", "MISO", "SUB0", "SUB1"),
        live=False,
    ),
    setting(
        "WAVeform:FORMat",
        waveform_of,
        "format",
        Choice("BYTE", "WORD", "ASCii"),
        live=False,
    ),
    setting(
        "WAVeform:BYTeorder",
        waveform_of,
        "byte_order",
        Choice("MSBFirst", "LSBFirst"),
        live=False,
    ),
    setting("WAVeform:UNSigned", waveform_of, "unsigned", Boolean(), live=False),
    setting("WAVeform:VIEW", waveform_of, "view", Choice("MAIN"), live=False),
    Command(
        "WAVeform:POINts",
        _set_points,
        lambda scope: signed(_output(scope).points),
        (_Points(), Choice("NORMal", "MAXimum", "RAW", optional=True)),
        (Choice("MAXimum", optional=True),),
    ),
    setting(
        "WAVeform:POINts:MODE",
        waveform_of,
        "points_mode",
        Choice("NORMal", "MAXimum", "RAW"),
        live=False,
    ),
    Command("WAVeform:PREamble", query=_preamble),
    Command("WAVeform:DATA", query=_data),
    Command("WAVeform:TYPE", query=lambda scope: scope.settings.acquire.type),
    Command(
        "WAVeform:COUNt",
        query=lambda scope: signed(getattr(_output(scope).trace, "count", 0)),
    ),
    *(_number(name) for name in ("x_increment", "x_origin", "y_increment", "y_origin")),
    Command("WAVeform:XREFerence", query=lambda _: signed(0)),
    Command(
        "WAVeform:YREFerence",
        query=lambda scope: signed(_scaling(scope, _output(scope).trace).y_reference),
    ),
    Command("WAVeform:SEGMented:COUNt", query=_segments),
    Command("WAVeform:SEGMented:TTAG", query=_time_tag),
)
