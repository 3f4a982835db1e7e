"""Whatever fails on the wire becomes one error that names the instrument."""

import pytest
from pymeasure.test import expected_protocol
from pyvisa.constants import StatusCode
from pyvisa.errors import InvalidSession, VisaIOError

from labneuro.errors import InstrumentError
from labneuro.instruments.base import MOST_ERRORS, VisaInstrument

FAILURES = [
    VisaIOError(StatusCode.error_timeout),
    VisaIOError(StatusCode.error_connection_lost),
    InvalidSession(),
    ConnectionResetError("reset by peer"),
    UnicodeDecodeError("ascii", b"\xff", 0, 1, "garbage"),
]


class Lamp(VisaInstrument):
    """An instrument with nothing but an error queue."""

    queue = iter(())

    @property
    def next_error(self):
        """Get the next error."""
        return next(self.queue)


@pytest.mark.parametrize(
    "failure", FAILURES, ids=lambda failure: type(failure).__name__
)
@pytest.mark.parametrize(
    ("action", "name"),
    [
        (lambda lamp: lamp.write("glow 1"), "writing 'glow 1'"),
        (lambda lamp: lamp.write("glow\n" * 99), r"writing 'glow\.\.\.'"),
        (lambda lamp: lamp.write_bytes(b"abc"), "writing 3 bytes"),
        (lambda lamp: lamp.read(), "reading"),
        (lambda lamp: lamp.read_bytes(5), "reading 5 bytes"),
        (lambda lamp: lamp.device_clear(), "device clear"),
    ],
)
def test_every_failure_of_the_connection_names_instrument_and_action(
    monkeypatch, action, name, failure
):
    def fail(*_):
        raise failure

    with expected_protocol(Lamp, [], name="lamp 3") as lamp:
        for method in ("write", "write_bytes", "read", "read_bytes"):
            monkeypatch.setattr(lamp.adapter, method, fail)
        monkeypatch.setattr(lamp.adapter.connection, "clear", fail)
        with pytest.raises(
            InstrumentError, match=f"^lamp 3: {name} failed: "
        ) as caught:
            action(lamp)
    assert caught.value.__cause__ is failure


def test_a_fault_in_the_program_is_not_taken_for_one_of_the_instrument(monkeypatch):
    def fail(*_):
        raise KeyError("a bug")

    with expected_protocol(Lamp, [], name="lamp") as lamp:
        monkeypatch.setattr(lamp.adapter, "write", fail)
        with pytest.raises(KeyError):
            lamp.write("glow")


def test_patience_ends_also_when_the_read_fails():
    with expected_protocol(
        Lamp, [], connection_attributes={"timeout": 500}, name="lamp"
    ) as lamp:
        seen = []

        def read_and_fail():
            with lamp.patience(1.2345):
                seen.append(lamp.adapter.connection.timeout)
                raise RuntimeError("inside")

        with pytest.raises(RuntimeError, match="inside"):
            read_and_fail()
        assert seen == [1735]
        assert lamp.adapter.connection.timeout == 500


def test_an_error_queue_that_never_ends_is_an_error():
    with expected_protocol(Lamp, [], name="lamp") as lamp:
        lamp.queue = iter([(-1, "dark")] * MOST_ERRORS)
        with pytest.raises(InstrumentError, match="the error queue does not end"):
            lamp.check_errors()
