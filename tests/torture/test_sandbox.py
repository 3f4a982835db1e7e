"""Ways out of the instruments' Lua that end at once; `make torture` tries them all."""

from __future__ import annotations

import pytest

from tests.torture.sandbox import MODELS, Attempt, attempt, attempts

QUICK = [one for one in attempts() if one.group == "reach"]
NAMES = [one for one in attempts() if one.group == "name"]
SHORT = {
    "endless loop in an error handler",
    "string.rep in pcall",
    "table.insert far away",
    "endless loop in a metamethod",
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("tried", QUICK, ids=lambda one: one.name)
def test_no_way_leads_out(model, tried):
    outcome = attempt(model, tried)
    assert outcome.held, outcome.how


@pytest.mark.parametrize("model", MODELS)
def test_no_name_leads_out(model):
    """All names in one message each line of which is a script of its own."""
    lines = b"\n".join(one.source for one in NAMES)
    outcome = attempt(model, Attempt("name", "all", lines))
    assert outcome.held, outcome.how


@pytest.mark.parametrize(
    "tried", [one for one in attempts() if one.name in SHORT], ids=lambda one: one.name
)
def test_what_would_run_for_ever_ends(tried):
    outcome = attempt(MODELS[0], tried)
    assert outcome.held, outcome.how


def test_an_escape_would_be_found():
    """The judge itself can fail."""
    outcome = attempt(MODELS[0], Attempt("name", "print", b"print('ESCAPED')"))
    assert not outcome.held
