"""Signals while outputs are switched off: nothing is skipped, a second one hurries."""

from __future__ import annotations

import signal

import pytest

from labneuro.errors import InstrumentError, SafeStateError
from labneuro.instruments import signals
from labneuro.instruments.shutdown import make_safe
from labneuro.instruments.signals import HurryError, SignalGuard

NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def send(name="SIGINT"):
    signal.raise_signal(getattr(signal, name))


@pytest.mark.parametrize("name", NAMES)
def test_the_first_signal_raises_and_the_handlers_come_back(name):
    before = [signal.getsignal(getattr(signal, one)) for one in NAMES]
    with pytest.raises(KeyboardInterrupt), SignalGuard(lambda: None):
        send(name)
    assert [signal.getsignal(getattr(signal, one)) for one in NAMES] == before


@pytest.mark.parametrize("name", NAMES)
def test_no_step_towards_safety_is_skipped(name):
    """A signal in the middle of a role's own routine waits until it has ended."""
    done = []
    steps = [
        ("signal", lambda: send(name)),
        ("0 V", lambda: done.append("0 V")),
        ("off", lambda: done.append("off")),
    ]
    with pytest.raises(KeyboardInterrupt):
        make_safe("smu", steps, lambda: done == ["0 V", "off"])
    assert done == ["0 V", "off"]


def test_an_output_that_stays_on_is_told_before_the_signal():
    with pytest.raises(SafeStateError):
        make_safe("smu", [("0 V", send)], lambda: False)


def test_later_signals_never_raise_but_hurry():
    hurried = []

    def interrupted(guard):
        try:
            send()
        finally:
            send("SIGTERM")
            send()
            assert guard.hurried

    with pytest.raises(KeyboardInterrupt), SignalGuard(lambda: hurried.append(1)) as it:
        interrupted(it)
    assert hurried == [1, 1]


def test_a_second_signal_ends_the_step_that_waits_and_no_other():
    done = []

    def wait():
        send()
        done.append("waited to the end")

    def cleaning():
        steps = [("wait", wait), ("off", lambda: done.append("off"))]
        make_safe("smu", steps, lambda: True)

    def ending():
        try:
            send()
        finally:
            cleaning()

    with pytest.raises(KeyboardInterrupt), SignalGuard(lambda: None):
        ending()
    assert done == ["off"]


def test_a_step_that_is_given_up_says_so():
    with SignalGuard(lambda: None) as guard:
        guard.hold()
        guard._stopping = True
        with pytest.raises(HurryError), signals.step():
            send()
        send()  # outside a step nothing is raised


def test_a_held_signal_is_delivered_once_the_guard_is_left():
    done = []

    def end(guard):
        guard.hold()
        send()
        done.append("the end")

    with pytest.raises(KeyboardInterrupt), SignalGuard(lambda: None) as guard:
        end(guard)
    assert done == ["the end"]


def test_an_error_comes_before_a_held_signal():
    def fail(guard):
        guard.hold()
        send()
        raise InstrumentError("gone")

    with pytest.raises(InstrumentError), SignalGuard(lambda: None) as guard:
        fail(guard)


def test_an_ignored_signal_stays_ignored():
    """Under nohup a run outlives its terminal."""
    if not hasattr(signal, "SIGHUP"):
        pytest.skip("no SIGHUP here")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with SignalGuard(lambda: None):
        send("SIGHUP")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_handler_that_goes_on_is_left_to_it():
    taken = []
    signal.signal(signal.SIGTERM, lambda number, _: taken.append(number))
    with SignalGuard(lambda: None) as guard:
        send("SIGTERM")
        send("SIGTERM")
        assert not guard.hurried
    assert taken == [signal.SIGTERM] * 2
