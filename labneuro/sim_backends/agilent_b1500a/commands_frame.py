"""Commands of the mainframe: identity, errors, data format, buffers, timer, state.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, chapter 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import datasheet, errors, formats, learn
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.flex import Command, show
from labneuro.sim_backends.agilent_b1500a.formats import (
    MISCELLANEOUS,
    NORMAL,
    TIME,
    Element,
)
from labneuro.sim_backends.agilent_b1500a.setup import MODES

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.flex import Arguments
    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A

IDENTITY = "Agilent Technologies,B1500A,0,A.06.01.2019.0816"
_MAINFRAME_SLOT = 11
_CALIBRATION_TIME = 30.0  # s; clients are told to expect about that long
_STATUS_BITS = 255
_WITHDRAWN_REQUEST = 0x40
_SAFE_VOLTAGE = 2.0  # V; WZ? asks whether every output is within
_MOST_CHANNELS = 10
_TRIGGERED_BY_MODE = 4  # TM4: MM starts the measurement too
_LONGEST_WAIT, _MOST_FACTOR = 1.0, 10.0


class FrameCommands:
    """Commands that concern no single channel.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    """

    def __init__(self, frame: AgilentB1500A) -> None:
        self._frame = frame

    # -- identity and state ------------------------------------------------------------

    def _reset(self, _: Arguments) -> None:
        self._frame.reset()

    def _test(self, numbers: Arguments) -> str:
        numbers.whole(0, 0, _MAINFRAME_SLOT, 0)
        numbers.one_of(1, (0, 1), 0)
        return "0"

    def _calibrate(self, numbers: Arguments) -> str:
        numbers.whole(0, 0, _MAINFRAME_SLOT, 0)
        self._frame.clock.advance(_CALIBRATION_TIME)
        return "0"

    def _start_calibration(self, numbers: Arguments) -> None:
        self._calibrate(numbers)

    def _units(self, numbers: Arguments) -> str:
        mode = numbers.one_of(0, (0, 1), 0)
        models = self._frame.models
        slots = range(1, datasheet.SLOTS + 1)
        shown = [f"{models[n]},0" if n in models else "0,0" for n in slots]
        # Form of the mainframe's entry was not found: chosen like those of the slots.
        return ";".join([*shown, "B1500A,0"] if mode else shown)

    def _status(self, _: Arguments) -> str:
        return str(self._frame.status_byte())

    def _set_mask(self, numbers: Arguments) -> None:
        mask = numbers.whole(0, 0, _STATUS_BITS) & ~_WITHDRAWN_REQUEST
        self._frame.request_mask = mask

    def _learn(self, numbers: Arguments) -> str:
        return learn.answer(self._frame, numbers.whole(0, 0, 200))

    def _operation_status(self, _: Arguments) -> str:
        """Answer for each slot: 0 is off or normal, 2 is a compliance (chosen)."""
        slots = range(1, datasheet.SLOTS + 1)
        smus = self._frame.smus
        limited = [n in smus and smus[n].limited() for n in slots]
        return "LOP" + ",".join("02" if one else "00" for one in limited)

    def _safe(self, _: Arguments) -> str:
        high = any(
            smu.on
            and smu.output.quantity == "V"
            and abs(smu.output.level) > _SAFE_VOLTAGE
            for smu in self._frame.smus.values()
        )
        return "1" if high else "0"

    # -- errors ------------------------------------------------------------------------

    def _next_error(self, numbers: Arguments) -> str:
        mode = numbers.one_of(0, (0, 1), 0)
        code = self._frame.queue.take()
        return f"{code:+d}" if mode else f'{code:+d},"{errors.MESSAGES[code]}"'

    def _old_errors(self, numbers: Arguments) -> str:
        one = numbers.one_of(0, (0, 1), 0)
        if one:
            return str(self._frame.queue.take())
        codes = self._frame.queue.take_old(errors.OLD_QUERY_LENGTH)
        return ",".join(map(str, codes))

    @staticmethod
    def _error_text(numbers: Arguments) -> str:
        code = numbers.whole(0, 0, 9999)
        if code not in errors.MESSAGES:
            raise FlexError(errors.PARAMETER)
        return errors.MESSAGES[code]

    # -- data --------------------------------------------------------------------------

    def _format(self, numbers: Arguments) -> None:
        form = numbers.one_of(0, formats.FORMATS)
        mode = numbers.whole(1, 0, 10, 0)
        self._frame.setup.form, self._frame.setup.data_mode = form, mode
        self._frame.clear_data()

    def _clear_data(self, _: Arguments) -> None:
        self._frame.clear_data()

    def _count_data(self, _: Arguments) -> str:
        return str(self._frame.data_count)

    def _time_stamps(self, numbers: Arguments) -> None:
        self._frame.setup.time_stamps = bool(numbers.one_of(0, (0, 1)))

    def _reset_timer(self, numbers: Arguments) -> None:
        if len(numbers):
            channel = numbers.channel(0)
            self._frame.active(channel)
            self._frame.timer_channels.add(channel)
        else:
            self._frame.timer_start = self._frame.clock.now

    def _time(self, _: Arguments) -> None:
        time = self._frame.clock.now - self._frame.timer_start
        self._frame.give([Element(NORMAL, MISCELLANEOUS, TIME, time)])

    # -- measuring ---------------------------------------------------------------------

    def _mode(self, numbers: Arguments) -> None:
        mode, channels = numbers.one_of(0, MODES), numbers.channels(1)
        if len(channels) > _MOST_CHANNELS:
            raise FlexError(errors.CHANNEL_COUNT)
        for channel in channels:
            self._frame.smu(channel)
        one = self._frame.setup
        one.mode, one.channels = mode, channels
        if one.trigger_mode == _TRIGGERED_BY_MODE:
            self._frame.measure()

    def _execute(self, _: Arguments) -> None:
        self._frame.measure()

    def _abort(self, _: Arguments) -> None:
        self._frame.abort()

    def _waits(self, numbers: Arguments) -> None:
        kind = numbers.one_of(0, (1, 2, 3))
        factor = numbers.real(1, 0.0, _MOST_FACTOR)
        offset = numbers.real(2, 0.0, _LONGEST_WAIT, 0.0)
        self._frame.setup.waits[kind] = (factor, offset)

    def _switch(self, name: str, numbers: Arguments) -> None:
        setattr(self._frame.setup, name, bool(numbers.one_of(0, (0, 1))))

    def _limit(self, numbers: Arguments) -> None:
        kind, value = numbers.one_of(0, (1, 2)), numbers.real(1, 0.0, 3000.0)
        self._frame.setup.limits[kind] = value

    def _ask_limit(self, numbers: Arguments) -> str:
        return show(self._frame.setup.limits[numbers.one_of(0, (1, 2))])

    def table(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {
            "*IDN?": Command(lambda _: IDENTITY),
            "*RST": Command(self._reset),
            "*OPC?": Command(lambda _: "1"),
            "*TST?": Command(self._test, 0, 2),
            "*CAL?": Command(self._calibrate, 0, 1),
            "CA": Command(self._start_calibration, 0, 1),
            "*STB?": Command(self._status),
            "*SRE": Command(self._set_mask, 1, 1),
            "*SRE?": Command(lambda _: str(self._frame.request_mask)),
            "*LRN?": Command(self._learn, 1, 1),
            "UNT?": Command(self._units, 0, 1),
            "LOP?": Command(self._operation_status),
            "WZ?": Command(self._safe, 0, 1),
            "ERRX?": Command(self._next_error, 0, 1),
            "ERR?": Command(self._old_errors, 0, 1),
            "EMG?": Command(self._error_text, 1, 1),
            "FMT": Command(self._format, 1, 2),
            "BC": Command(self._clear_data),
            "NUB?": Command(self._count_data),
            "TSC": Command(self._time_stamps, 1, 1),
            "TSR": Command(self._reset_timer, 0, 1),
            "TSQ": Command(self._time),
            "MM": Command(self._mode, 1, 2 + _MOST_CHANNELS),
            "XE": Command(self._execute),
            "AB": Command(self._abort),
            "WAT": Command(self._waits, 2, 3),
            "CM": Command(lambda one: self._switch("auto_calibration", one), 1, 1),
            "PAD": Command(lambda one: self._switch("parallel", one), 1, 1),
            "LIM": Command(self._limit, 2, 2),
            "LIM?": Command(self._ask_limit, 1, 1),
        }


def commands(frame: AgilentB1500A) -> dict[str, Command]:
    """Return the commands of the mainframe."""
    return FrameCommands(frame).table()
