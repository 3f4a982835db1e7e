"""Layouts refuse what a file cannot hold."""

import math

import numpy as np
import pytest

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.errors import RunFileError

VOLTAGE = Column("voltage", "V", "voltage")
CURRENT = Column("current", "A", "current")
AXIS = Axis(VOLTAGE, np.arange(3.0))


def plot(**changes):
    given = {"name": "curve", "title": "", "signal": CURRENT, "axes": (AXIS,)}
    return Plot(**{**given, **changes})


def run_layout(**changes):
    given = {
        "readings": (VOLTAGE, CURRENT),
        "readings_signal": "current",
        "readings_axis": "voltage",
        "plots": (plot(),),
        "default": "curve",
    }
    return RunLayout(**{**given, **changes})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Column("a/b", "V", ""), "column 'a/b': a name is a letter"),
        (lambda: Column("", "V", ""), "column ''"),
        (lambda: Column("1st", "V", ""), "column '1st'"),
        (lambda: Column("x" * 64, "V", ""), "at most 62"),
        (lambda: Column("v", "parsnip", ""), "column 'v': 'parsnip' is not a known"),
        (lambda: Column("v", "V", "", "complex"), "type 'complex' is not one of f4"),
        (lambda: Axis(VOLTAGE, np.zeros((2, 2))), "not shape"),
        (lambda: Axis(VOLTAGE, np.zeros(0)), "at least one value"),
        (lambda: plot(name="events"), "taken by the file format"),
        (lambda: plot(axes=()), "at least one axis"),
        (lambda: plot(axes=(AXIS, AXIS)), "'voltage' is given twice"),
        (lambda: plot(auxiliary=(Column("current_errors", "A", ""),)), "given twice"),
        (lambda: plot(further=(Column("title", "", ""),)), "given twice"),
        (lambda: plot(auxiliary=(Column("signal", "A", ""),)), "may be called"),
        (lambda: plot(signal=Column("n", "", "", "i4")), "must be a float"),
        (lambda: plot(scale={"voltage": "cubic"}), "the scales linear, log"),
        (lambda: plot(scale={"time": "log"}), "the names are current, voltage"),
        (lambda: run_layout(default="nothing"), "there are curve, readings"),
        (lambda: run_layout(readings=(VOLTAGE, VOLTAGE)), "given twice"),
        (lambda: run_layout(readings_axis="time"), "readings_axis: no 'time'"),
        (lambda: run_layout(readings_signal="voltage"), "is the axis already"),
        (lambda: run_layout(plots=(plot(), plot())), "'curve' is given twice"),
        (lambda: run_layout().plot("bend"), "plot: no 'bend'; there are curve"),
    ],
)
def test_refused(make, message):
    """What cannot be stored is refused in one line that says why."""
    with pytest.raises(RunFileError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_shape_follows_the_axes():
    """The signal has one dimension for each axis."""
    other = Axis(Column("field", "V/m", "field"), np.arange(5.0))
    assert plot(axes=(AXIS, other)).shape == (3, 5)


def test_error_column_has_the_unit_of_the_signal():
    """Errors are named as NeXus wants and share the signal's unit."""
    errors = plot().error_column
    assert errors is not None
    assert (errors.name, errors.unit) == ("current_errors", "A")
    assert plot(errors=False).error_column is None


def test_what_is_not_measured_is_nan():
    """Floats start as NaN; integers, which have none, as 0."""
    assert math.isnan(CURRENT.fill)
    assert Column("count", "", "", "i4").fill == 0


def test_axis_keeps_its_own_read_only_values():
    """Changing the array that was given does not change the axis."""
    values = np.arange(3.0)
    axis = Axis(VOLTAGE, values)
    values[0] = 99
    assert axis.values[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        axis.values[0] = 1


def test_readings_may_be_the_default():
    """A run without plots shows its readings."""
    assert run_layout(plots=(), default="readings").default == "readings"
