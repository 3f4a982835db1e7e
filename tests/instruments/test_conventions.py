"""What every driver has in common: how it is documented and what it never does."""

import inspect
import re
from importlib import import_module
from pkgutil import iter_modules

import pytest
from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import strict_range
from pymeasure.test import expected_protocol

import labneuro.instruments
from labneuro.instruments.base import VisaInstrument

MODULES = [
    import_module(f"{labneuro.instruments.__name__}.{module.name}")
    for module in iter_modules(labneuro.instruments.__path__)
]
CLASSES = sorted(
    {
        found
        for module in MODULES
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, (Instrument, Channel))
        and found.__module__.startswith("labneuro.")
    },
    key=lambda found: found.__name__,
)


def _default(member, parameter):
    """Return a parameter of a property as PyMeasure's factory was given it."""
    return inspect.signature(member.fset).parameters[parameter].default


def _made_to_be_set(member):
    """Say whether PyMeasure's factory made the property and it has a command."""
    factory = member.fset and "set_command" in inspect.signature(member.fset).parameters
    return bool(factory) and _default(member, "set_command") is not None


PROPERTIES = [
    pytest.param(found, name, member, id=f"{found.__name__}.{name}")
    for found in CLASSES
    for name, member in vars(found).items()
    if isinstance(member, property)
]
SETTABLE = [
    pytest.param(found_property.values[2], id=found_property.id)
    for found_property in PROPERTIES
    if _made_to_be_set(found_property.values[2])
]
RANGED = [
    setting
    for setting in SETTABLE
    if _default(setting.values[0], "validator") is strict_range
]
DRIVERS = [
    found
    for found in CLASSES
    if issubclass(found, Instrument) and "__init__" in vars(found)
    if found is not VisaInstrument
]
CLIPPING = ("truncated_range", "truncated_discrete_set", "modular_range")


def test_the_walk_finds_the_drivers():
    names = {found.__name__ for found in CLASSES}
    assert {"Keithley2600", "TektronixAFG31000", "Keithley2600Channel"} <= names
    assert len(PROPERTIES) > len(SETTABLE) > 40
    assert len(SETTABLE) > len(RANGED) > 20


@pytest.mark.parametrize(("found", "name", "member"), PROPERTIES)
def test_a_docstring_begins_with_what_the_property_does(found, name, member):
    assert member.__doc__ is not None, f"{found.__name__}.{name} has no docstring"
    assert member.__doc__.split()[0] in ("Control", "Measure", "Get", "Set")


@pytest.mark.parametrize("member", RANGED)
def test_a_setting_with_a_range_says_it(member):
    assert re.search(r"\d", member.__doc__)


@pytest.mark.parametrize("member", SETTABLE)
def test_no_validator_clips_or_lets_everything_pass(member):
    validator, values = _default(member, "validator"), _default(member, "values")
    assert validator.__name__ not in CLIPPING
    with pytest.raises((ValueError, TypeError)):
        validator(object(), values)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda found: found.__name__)
def test_making_a_driver_sends_nothing(driver):
    with expected_protocol(driver, []) as instrument:
        assert instrument.SCPI is False


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda found: found.__name__)
def test_a_driver_identifies_itself_and_reads_its_errors(driver):
    assert driver.identity.fget.__doc__.startswith("Get maker, model")
    assert driver.errors.fget is not None
    assert driver.next_error.fget is not None
    for method in ("check_errors", "clear_errors", "reset", "clear", "device_clear"):
        # PyMeasure's own raise NotImplementedError without SCPI.
        assert getattr(driver, method).__module__.startswith("labneuro."), method
