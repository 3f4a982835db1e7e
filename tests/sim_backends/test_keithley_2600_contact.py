"""Contact check of the simulated 2636B, against its wiring and the manual's errors."""

from __future__ import annotations

import pytest

OVERFLOW = 9.91e37


def test_a_wired_terminal_has_contact(smu_bench):
    assert smu_bench.ask("print(smua.contact.check())") == "true"
    assert smu_bench.values("smua.contact.r()") == [0.0, 0.0]
    assert smu_bench.error() == 0


def test_an_open_terminal_has_none(smu_bench):
    """Channel B of the bench is wired to nothing."""
    assert smu_bench.ask("print(smub.contact.check())") == "false"
    assert smu_bench.values("smub.contact.r()") == [OVERFLOW, 0.0]
    assert smu_bench.value("smub.source.output") == 0


def test_a_check_leaves_the_device_alone(smu_bench):
    smu_bench.send("smub.contact.check() smua.contact.check()")
    assert all(voltage == 0.0 for voltage, _ in smu_bench.device.lived)


def test_a_slow_check_takes_longer(smu_bench):
    fast = smu_bench.time_of("smua.contact.check()")
    smu_bench.send("smua.contact.speed = smua.CONTACT_SLOW")
    assert smu_bench.time_of("smua.contact.check()") > 5 * fast


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ("smua.source.offmode = smua.OUTPUT_HIGH_Z", 5048),
        ("smua.source.output = smua.OUTPUT_HIGH_Z", 5048),
        ("smua.source.offlimiti = 0.5e-3", 5066),
        ("smua.source.offmode = smua.OUTPUT_ZERO smua.source.limiti = 0.5e-3", 5066),
        ("smua.source.offfunc = 0 smua.source.rangei = 1e-4", 5065),
        ("smua.source.limiti = 0.5e-3 smua.source.output = 1", 5050),
        ("smua.source.func = 0 smua.source.rangei = 1e-4 smua.source.output = 1", 5065),
        ("smua.source.offfunc = 0 smua.source.rangei = 1e-3", 0),
        ("smua.source.offmode = smua.OUTPUT_ZERO", 0),
        ("smua.source.output = 1", 0),
    ],
)
def test_when_a_check_is_refused(smu_bench, commands, code):
    """2600BS-901-01 Rev. C p. 7-209; 2600BS-900-01 Rev. A p. 4-14."""
    smu_bench.send(commands + " ok = smua.contact.check()")
    assert smu_bench.error() == code
    assert smu_bench.ask("print(ok)") == ("nil" if code else "true")


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("speed", 3, 1101),
        ("speed", -1, 1102),
        ("threshold", 2e6, 1101),
        ("threshold", -1, 1102),
    ],
)
def test_settings_have_bounds_and_are_reset(smu_bench, setting, value, code):
    attribute = f"smua.contact.{setting}"
    before = smu_bench.value(attribute)
    smu_bench.send(f"{attribute} = {value}")
    assert smu_bench.error() == code
    assert smu_bench.value(attribute) == before
    smu_bench.send(f"{attribute} = 2")
    assert smu_bench.value(attribute) == 2
    smu_bench.send("smua.reset()")
    assert smu_bench.value(attribute) == before


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("smua.contact.calibratehi()", 5017),
        ("smua.contact.calibratelo()", 5017),
        ("smua.source.calibratev(0, 0, 0, 0, 0)", 5017),
        ("smua.measure.calibratei(0, 0, 0, 0, 0)", 5017),
        ("smua.cal.unlock('nonsense')", 5019),
        ("smua.cal.save()", 5013),
        ("smua.cal.restore()", 5014),
        ("smua.cal.date = 1", 5016),
        ("smua.cal.polarity = 1", 5011),
    ],
)
def test_calibration_is_locked(smu_bench, command, code):
    smu_bench.send(command)
    assert smu_bench.error() == code
    assert smu_bench.value("smua.cal.state") == smu_bench.value("smua.CALSTATE_LOCKED")
