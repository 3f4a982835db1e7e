"""Routes through the matrix: channels from the wiring, conflicts refused."""

from __future__ import annotations

import pytest

from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError
from labneuro.instruments.matrix_routes import MatrixRoutes


@pytest.fixture(scope="module")
def routes():
    """Those of the shipped array: rows 1 source, 2 ground, 3 guard."""
    return MatrixRoutes(load_bench("pcu-sim"))


def test_channels_are_slot_row_and_column(routes):
    """Word 1 is slot 1 column 1; configure1_21 is the first column of slot 2."""
    route = {"smu.smua": ["word_1"], "ground": ["configure1_21"]}
    assert routes.channels(route) == ("1101", "2201")


def test_a_row_is_on_both_cards(routes):
    assert routes.channels({"smu.smub": ["bit_3", "configure2_33"]}) == ("1306", "2312")


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"smu.smua": ["word_1"], "ground": ["word_1"]}, "cannot be on smu.smua and"),
        ({"smu.smua": ["word_9"]}, "device.word_9 is on no column of switch"),
        ({"smu.nothing": ["word_1"]}, "smu.nothing is on no row of switch slot 1"),
    ],
)
def test_refuses_a_route(routes, route, told):
    with pytest.raises(BenchConfigError, match=told):
        routes.channels(route)


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        (["1101", "1201"], "would join ground and smu.smua"),
        (["1101", "1301"], "would join smu.smua and smu.smub"),
        # Through two columns and a free row: no channel alone joins anything.
        (["1101", "1401", "1402", "1202"], "would join ground and smu.smua"),
        (["11"], "'11' is no crosspoint"),
    ],
)
def test_refuses_what_would_be_joined(routes, channels, told):
    with pytest.raises(BenchConfigError, match=told):
        routes.check(channels)


def test_takes_what_joins_nothing(routes):
    routes.check([])
    routes.check(["1101", "1202", "1303", "2403"])


def test_needs_a_matrix():
    with pytest.raises(
        BenchConfigError, match=r"roles\.switch_matrix: this key is miss"
    ):
        MatrixRoutes(load_bench("hnno-sim"))
