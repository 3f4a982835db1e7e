"""Values are stored as they are or refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labneuro.data.columns import block_checksum, plot_arrays, stored, table_arrays
from labneuro.data.layout import Column
from labneuro.errors import RunFileError


@pytest.mark.parametrize(
    ("dtype", "values", "message"),
    [
        ("i4", [0.5], "float64 values do not fit i4"),
        ("i4", [1.0], "float64 values do not fit i4"),
        ("u1", [256], "int64 values do not fit u1"),
        ("u1", [-1], "int64 values do not fit u1"),
        ("i4", [2**40], "do not fit i4"),
        ("f4", [1e300], "do not fit f4"),
        ("f8", [1j], "complex128 values do not fit f8"),
        ("f8", ["1"], "do not fit f8"),
        ("f8", [None], "object values do not fit f8"),
        ("f8", [[1], [1, 2]], "column 'x'"),
    ],
)
def test_refused(dtype, values, message):
    """Nothing is cut, wrapped or guessed."""
    with pytest.raises(RunFileError, match=message) as caught:
        stored(Column("x", "", "", dtype), values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("f8", [1, 2]),
        ("f8", [np.nan, np.inf]),
        ("f4", [np.nan, -np.inf, 0.5]),
        ("u1", [True, False]),
        ("u1", [0, 255]),
        ("i8", []),
        ("f8", 3.5),
    ],
)
def test_stored(dtype, values):
    """Values that fit keep their value and shape."""
    array = stored(Column("x", "", "", dtype), values)
    assert array.dtype == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(array, np.asarray(values))
    assert array.shape == np.shape(values)


def test_other_byte_order_is_stored_little_endian():
    """Big-endian readings keep their values."""
    array = stored(Column("x", "", ""), np.array([1.5, 2.5], ">f8"))
    assert array.tobytes() == np.array([1.5, 2.5], "<f8").tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spike": None}, "the layout has time, pulse, current, spike"),
        ({"extra": [1]}, "got the columns time, pulse, current, spike, extra"),
        ({"current": [1.0]}, r"column 'current' has shape \(1,\), column 'time'"),
        ({"time": [[1.0]]}, r"column 'time' has shape \(1, 1\)"),
        ({"current": 1.0}, r"column 'current' has shape \(\)"),
    ],
)
def test_rows_that_do_not_fit_the_table(layout, rows, change, message):
    """Columns must be exactly the layout's, all of one length."""
    given = {**rows(0, 2), **change}
    given = {name: values for name, values in given.items() if values is not None}
    with pytest.raises(RunFileError, match=message):
        table_arrays(layout.readings, given)


@pytest.mark.parametrize(
    ("plot", "given", "message"),
    [
        ("train", {"signal": np.zeros(6)}, r"'signal' has shape \(6,\), not \(7,\)"),
        ("train", {"errors": np.zeros(7)}, "no column 'errors'; it has"),
        ("train", {"spikes": np.zeros(7)}, "no column 'spikes'"),
        ("firing_probability", {"spikes": np.full((3, 4), 0.5)}, "do not fit i4"),
    ],
)
def test_arrays_that_do_not_fit_the_plot(layout, plot, given, message):
    """A plot takes its own columns in its own shape."""
    with pytest.raises(RunFileError, match=message):
        plot_arrays(layout.plot(plot), given)


@given(arrays("f8", st.integers(1, 20)), st.data())
def test_checksum_finds_any_flipped_bit(values, data):
    """CRC-32 differs whenever one bit does."""
    bit = data.draw(st.integers(0, values.size * 64 - 1))
    raw = bytearray(values.tobytes())
    raw[bit // 8] ^= 1 << bit % 8
    changed = np.frombuffer(bytes(raw), "f8")
    count = values.size
    assert block_checksum([values], 0, count) != block_checksum([changed], 0, count)
