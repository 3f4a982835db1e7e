"""Recipes: file, changes on the command line, and each fault told."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labneuro import workspace
from labneuro.errors import InputError, NotInWorkspaceError, RecipeError
from labneuro.protocols.firing_probability import FiringProbability
from labneuro.protocols.recipe import Recipe, load_recipe

RECIPE = """\
protocol: FiringProbability
description: a sigmoid
parameters:
  pulse_fields: {start: 0.19 V/um, stop: 0.23 V/um, points: 9}
  events: 50
"""


def test_reads_recipe(write):
    """Protocol and parameters arrive, defaults filled in."""
    recipe = load_recipe(write("mine.yaml", RECIPE))
    assert (recipe.name, recipe.description) == ("mine", "a sigmoid")
    assert isinstance(recipe.protocol, FiringProbability)
    assert recipe.protocol.events == 50
    assert recipe.protocol.pulse_fields.start == 0.19e6


def test_name_in_the_workspace_is_kept():
    """A recipe found by name is called by it."""
    assert load_recipe("hnno/firing").name == "hnno/firing"


def test_changes_are_applied_in_order(write):
    """The last change of a key wins; dotted keys reach inside."""
    changes = ["events=60", "settings.read.voltage=50 mV", "events=70"]
    recipe = load_recipe(write("r.yaml", RECIPE), changes)
    assert isinstance(recipe.protocol, FiringProbability)
    assert recipe.protocol.events == 70
    assert recipe.protocol.settings.read.voltage == 0.05
    assert recipe.protocol.settings.read.delay == 0.5e-3


def test_changes_may_come_from_a_generator(write):
    """Any iterable of changes will do."""
    changes = (f"events={count}" for count in (60, 70))
    recipe = load_recipe(write("r.yaml", RECIPE), changes)
    assert isinstance(recipe.protocol, FiringProbability)
    assert recipe.protocol.events == 70


def test_kept_text_repeats_the_recipe(write):
    """The text in the run file, changes included, gives the same protocol."""
    recipe = load_recipe(write("r.yaml", RECIPE), ["events=60", "settings={}"])
    again = load_recipe(write("again.yaml", recipe.text))
    assert again.protocol == recipe.protocol
    assert again.text == recipe.text


FAULTS = [
    ("FiringProbability", "Firing", "protocol: no 'Firing'; known are: ResistanceRead"),
    ("protocol:", "protocoll:", "protocoll: unknown key; known keys are description"),
    ("events: 50", "events: 29", "parameters: events: Input should be greater than or"),
    ("events: 50", "events: 50001", "less than or equal to 50000, not 50001"),
    ("events: 50", "events: 1:30", "events: Input should be a valid integer"),
    ("events: 50", "event: 50", "event: unknown key; known keys are events, pulse_fi"),
    ("0.19 V/um", "0.19 V", "pulse_fields.start: '0.19 V' is not a quantity in V/m"),
    ("0.19 V/um", "190000", "pulse_fields.start: 190000 has no unit"),
    ("0.19 V/um", "0.24 V/um", "pulse_fields: stop: must be above start"),
    ("points: 9", "point: 9", "pulse_fields.point: unknown key; known keys are points"),
    ("parameters:", "parameters: 3\nx:", "x: unknown key"),
    (
        "events: 50",
        "settings: {pulses: {reset_delay: 1 ms}}",
        "settings: pulses.reset_delay: the reading takes 0.0012 s and 1 ms of margin",
    ),
]


@pytest.mark.parametrize(("old", "new", "told"), FAULTS, ids=range(len(FAULTS)))
def test_wrong_recipe_is_told(write, old, new, told):
    """The line names file, key, value and what is allowed."""
    path = write("r.yaml", RECIPE.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("events", "--set 'events': write key=value"),
        ("events=few", "events: Input should be a valid integer"),
        (
            "event=60",
            "event: unknown key; known keys are events, pulse_fields, settings",
        ),
        (
            "settings.read.volt=1 V",
            "settings.read.volt: unknown key; known keys are cu",
        ),
        ("settings.read=3", "settings.read: Input should be a valid dictionary"),
        ("events.a=3", "--set 'events.a=3': 'events' holds no keys"),
        ("pulse_fields.start=1,9 V/um", "'1,9 V/um' is not a quantity"),
    ],
)
def test_wrong_change_is_told(write, change, told):
    """A wrong --set is told with its key."""
    with pytest.raises(InputError) as caught:
        load_recipe(write("r.yaml", RECIPE), [change])
    assert told in str(caught.value)
    assert "--set" in str(caught.value)


def test_unknown_recipe_lists_the_known(lab):
    """The message says what there is."""
    with pytest.raises(
        NotInWorkspaceError, match=r"known are: fmes/.*, hnno/firing, hnno/resist"
    ):
        load_recipe("hnno/fire")


scalar = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["0.2 V/um", "1 us", "1e9 s", "50", "-1 V", ""])
    | st.text(max_size=6)
)
value = st.recursive(
    scalar,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["start", "stop", "points", "read", "width", "field"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)
key = st.sampled_from(
    [
        "pulse_fields",
        "events",
        "settings",
        "fields",
        "pulses",
        "trains",
        "interval",
        "rest",
        "voltage",
        "points",
        "accumulating_fields",
        "kinetics",
        "settling",
        "x",
    ]
)


@given(
    protocol=st.sampled_from(
        ["ResistanceRead", "FiringProbability", "SensitizationTrain", "StateMap"]
    ),
    parameters=st.dictionaries(key, value, max_size=3),
)
def test_any_parameters_are_read_or_told(write, protocol, parameters):
    """No content makes a traceback, and what is read can be planned."""
    text = yaml.safe_dump({"protocol": protocol, "parameters": parameters})
    answer = load_or_refuse(write("r.yaml", text))
    if isinstance(answer, Recipe):
        answer.protocol.plan(_device())
    else:
        assert 0 < len(answer) < 1000


def _device():
    from labneuro.bench import load_bench

    return load_bench("hnno-sim").device


def load_or_refuse(path) -> Recipe | str:
    """Return the recipe or the message; any other error fails the test."""
    try:
        return load_recipe(path)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("name", sorted(workspace.entries("recipe")))
def test_shipped_recipe_says_what_it_measures(name):
    """Every shipped recipe has a description."""
    assert load_recipe(name).description
