"""Bad input for every reader of labneuro: read rightly, or refused in one line.

Each target makes inputs from a seed, hands them to a reader and judges the outcome:
an error that is not labneuro's, a message of more than one line, and a value that
differs from an independent reading are failures.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from labneuro import workspace
from tests.torture.bad_files import CONTENT, Files, changed, paths, replaced
from tests.torture.bad_messages import (
    FLEX_WORDS,
    NUMBERS,
    PREAMBLES,
    PREFIX,
    SCPI_WORDS,
    TIMED_BLOCKS,
    TSP_WORDS,
    Instruments,
    any_stream,
    framing,
    preamble,
    quantity,
    syntax,
    timed_currents,
)
from tests.torture.judging import (
    Target,
)

if TYPE_CHECKING:
    from pathlib import Path

_MODEL: dict[str, Any] = {
    "schema_version": 1,
    "model": "hnno",
    "parameters": [
        {"name": "midpoint", "unit": "V/m", "value": 2.1e5, "standard_error": 1e3},
        {"name": "gain", "unit": "", "value": 3.0, "standard_error": None},
    ],
    "covariance_of": ["midpoint", "gain"],
    "covariance": [[1e6, 0.0], [0.0, 0.1]],
    "valid_range": {"pulse_field": [1e5, 3e5]},
}


def targets(folder: Path, run_file: bytes, journal: bytes) -> list[Target]:
    """Return every target.

    Parameters
    ----------
    folder : Path
        For files.
    run_file, journal : bytes
        A good run file and a good journal, to be damaged.
    """
    files, instruments = Files(folder), Instruments()
    damage = st.tuples(
        st.just(journal),
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
        st.floats(0, 1),
    )
    cut: st.SearchStrategy[Any] = st.tuples(
        st.sampled_from([run_file, journal, b"text" * 99]), st.just([]), st.floats(0, 1)
    )
    models = st.tuples(st.sampled_from(list(paths(_MODEL))), CONTENT).map(
        lambda found: json.dumps(replaced(_MODEL, *found), default=str)
    )
    hostile = st.sampled_from(
        ["NaN", "[" * 100_000, '{"a": 1e999}', '{"a": 1, "a": 2}', "9" * 10_000, ""]
    )
    messages = st.binary(max_size=200)
    return [
        Target("bench loader", changed(_content("bench", "hnno-sim")), files.bench),
        Target(
            "recipe loader", changed(_content("recipe", "hnno/firing")), files.recipe
        ),
        Target("card loader", changed(_content("card", "hnno")), files.card),
        Target(
            "calibrated model", models | hostile | st.text(max_size=50), files.model
        ),
        Target(
            "unit parser",
            st.tuples(
                NUMBERS,
                st.sampled_from(sorted(PREFIX)),
                st.sampled_from(["", "", "", "/m", "**2", " V", "#"]),
            ),
            quantity,
        ),
        Target("journal reader", damage, files.journal),
        Target("run file opener", cut, files.run_file),
        Target("SCPI syntax", SCPI_WORDS, syntax),
        Target("SCPI instrument", SCPI_WORDS.map(_latin) | messages, instruments.scpi),
        Target("FLEX instrument", FLEX_WORDS.map(_latin) | messages, instruments.flex),
        Target("TSP instrument", TSP_WORDS.map(_latin) | messages, instruments.tsp),
        Target(
            "stream of blocks",
            st.lists(st.tuples(st.binary(max_size=60), st.booleans()), max_size=6),
            framing,
        ),
        Target("any stream", messages, any_stream),
        Target("block of currents", TIMED_BLOCKS, timed_currents),
        Target("scope preamble", PREAMBLES | st.text(max_size=40), preamble),
    ]


def _latin(text: str) -> bytes:
    return text.encode("latin-1")


def _content(kind: str, name: str) -> dict[str, Any]:
    found = workspace.read_yaml(workspace.find(kind, name))
    assert isinstance(found, dict)
    return found
