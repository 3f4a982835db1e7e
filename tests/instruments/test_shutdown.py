"""Every step towards safety is tried; the instrument's own word decides."""

import pytest

from labneuro.errors import SafeStateError
from labneuro.instruments.shutdown import make_safe


def steps_that_fail(names, done):
    """Return one step a name that notes itself and fails."""

    def step(name):
        def action():
            done.append(name)
            raise OSError(f"no {name}")

        return name, action

    return [step(name) for name in names]


def test_failed_steps_do_not_count_once_the_output_is_off():
    done: list[str] = []
    make_safe("smu", steps_that_fail(["clear", "abort"], done), lambda: True)
    assert done == ["clear", "abort"]


def test_without_confirmation_every_failure_is_listed():
    done: list[str] = []
    with pytest.raises(
        SafeStateError, match=r"smu: .* \(clear: no clear; abort: no abort\)"
    ):
        make_safe("smu", steps_that_fail(["clear", "abort"], done), lambda: False)
    assert done == ["clear", "abort"]


def test_a_read_back_that_fails_is_no_confirmation():
    def read_back():
        raise OSError("gone")

    with pytest.raises(SafeStateError, match="read-back: gone"):
        make_safe("smu", [], read_back)


def test_an_output_that_stays_on_is_an_error_without_any_failure():
    with pytest.raises(SafeStateError, match="it reports that its output is on"):
        make_safe("smu", [("off", list)], lambda: False)
