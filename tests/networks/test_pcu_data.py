"""Tests of the generators of scenes, questions and RGB-T sequences."""

from collections import Counter

import numpy as np
import pytest

from labneuro.data.clevr import ATTRIBUTES, KINDS, SceneObject
from labneuro.errors import InputError
from labneuro.networks.clevr_style import LABEL, make_scenes
from labneuro.networks.clevr_style_questions import ANSWERS, RELATIONS, WORDS
from labneuro.networks.rgbt_sequences import make_sequences


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(60, 3, objects=(2, 3))


def test_same_seed_same_scenes(scenes):
    again = make_scenes(60, 3, objects=(2, 3))
    np.testing.assert_array_equal(again.images, scenes.images)
    assert again.questions == scenes.questions
    assert make_scenes(60, 4).questions != scenes.questions
    assert scenes.label == LABEL == "synthetic CLEVR-style"


def test_objects_stand_apart_and_have_their_colour(scenes):
    for scene, boxes, image in zip(
        scenes.scenes, scenes.boxes, scenes.images, strict=True
    ):
        assert 2 <= len(scene) <= 3
        low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
        assert low.min() >= 0
        assert high.max() <= 1
        for one in range(len(scene)):
            for other in range(one):
                apart = (low[one] > high[other]) | (high[one] < low[other])
                assert apart.any()
        red = [one for one in scene if (one.color, one.material) == ("red", "rubber")]
        for one in red:
            right, down = (int(place * 24) for place in one.place)
            pixel = image[:, down, right].astype(int)
            assert pixel[0] > pixel[1] + 60
            assert pixel[0] > pixel[2] + 60


def _fits(part, objects):
    """Return the objects that every attribute among some words is true of."""
    found = list(objects)
    for word in part:
        for key, values in ATTRIBUTES.items():
            if word in values:
                found = [one for one in found if getattr(one, key) == word]
    return found


def _compared(text, scene):
    """Answer "are there more" and "is the ... the same"."""
    if text[0] == "are":
        cut = text.index("than")
        return len(_fits(text[3:cut], scene)) > len(_fits(text[cut:], scene))
    cut, second = text.index("same"), text.index("the", 2)
    (one,), (other,) = _fits(text[2:second], scene), _fits(text[cut + 2 :], scene)
    return getattr(one, text[cut + 1]) == getattr(other, text[cut + 1])


def _queried(text, scene):
    """Answer "what ... is the", with or without a relation."""
    relation = next((word for word in text if word in RELATIONS), None)
    if relation is None:
        (one,) = _fits(text[3:], scene)
        return getattr(one, text[1])
    cut = text.index(relation)
    (anchor,) = _fits(text[cut:], scene)
    axis = 0 if relation in ("left", "right") else 1
    sign = -1 if relation in ("left", "behind") else 1
    there = [o for o in scene if sign * (o.place[axis] - anchor.place[axis]) > 0]
    (one,) = _fits(text[3:cut], there)
    return getattr(one, text[1])


def _answer(words, scene):
    """Answer a question by its words alone: written apart from the generator."""
    text = list(words)
    if text[0] == "how":
        return str(len(_fits(text[2:], scene)))
    if text[0] == "what":
        return _queried(text, scene)
    if text[:2] == ["is", "there"]:
        return "yes" if _fits(text[3:], scene) else "no"
    return "yes" if _compared(text, scene) else "no"


def test_every_answer_follows_from_the_scene(scenes):
    for question in scenes.questions:
        wanted = _answer(question.words, scenes.scenes[question.image])
        assert question.answer == wanted, question
        assert set(question.words) <= set(WORDS)
        assert question.answer in ANSWERS


def test_phrases_are_the_objects_that_the_words_fit(scenes):
    """The last words of a question are those of its last phrase."""
    for question in scenes.questions:
        scene = scenes.scenes[question.image]
        spoken = [[scene[number] for number in part] for part in question.phrases]
        assert len(spoken) == 1 + (question.kind in ("compare", "spatial"))
        if question.kind in ("attribute", "count", "existence"):
            assert spoken[0] == _fits(question.words[1:], scene)
        elif question.kind == "spatial":
            relation = next(word for word in question.words if word in RELATIONS)
            assert len(spoken[0]) == len(spoken[1]) == 1
            assert RELATIONS[relation](spoken[0][0], spoken[1][0])


def test_objects_of_a_grid_have_cells_of_their_own():
    plain = make_scenes(30, 4, side=24, objects=(2, 9), arrangement="grid")
    for scene in plain.scenes:
        cells = {tuple(int(3 * place) for place in one.place) for one in scene}
        assert len(cells) == len(scene) >= 2
    with pytest.raises(InputError, match="objects: 10; a grid has room for 9"):
        make_scenes(1, 4, objects=(2, 10), arrangement="grid")
    with pytest.raises(InputError, match="'ring'; allowed are grid, free"):
        make_scenes(1, 4, arrangement="ring")  # type: ignore[arg-type]  # on purpose


def test_kinds_take_turns_and_yes_is_as_frequent_as_no(scenes):
    kinds = Counter(one.kind for one in scenes.questions)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) > 0.15 * len(scenes.questions)
    for kind in ("existence", "compare"):
        answers = Counter(one.answer for one in scenes.questions if one.kind == kind)
        assert 0.35 < answers["yes"] / answers.total() < 0.65


def test_spatial_words_mean_what_they_say():
    near = SceneObject("cube", "red", "small", "metal", (0.2, 0.8))
    far = SceneObject("cube", "red", "small", "metal", (0.7, 0.1))
    told = [name for name, holds in RELATIONS.items() if holds(near, far)]
    assert told == ["left", "front"]


def test_sequences_repeat_and_hold_their_target():
    first, second = make_sequences(2, 5, frames=12, side=48)
    again = make_sequences(1, 5, frames=12, side=48)[0]
    np.testing.assert_array_equal(again.visible, first.visible)
    np.testing.assert_array_equal(again.boxes, first.boxes)
    assert not np.array_equal(first.thermal, second.thermal)
    assert first.visible.shape == (12, 3, 48, 48)
    assert first.thermal.shape == (12, 1, 48, 48)
    for one in (first, second):
        assert (one.boxes[:, :2] >= -1e-3).all()
        assert (one.boxes[:, :2] + one.boxes[:, 2:] <= 48 + 1e-3).all()
        steps = np.abs(np.diff(one.boxes[:, :2], axis=0))
        assert 0 < steps.max() < 8


def test_light_falls_heat_stays_and_targets_hide():
    """Over many sequences: the last frames are darker in about half of them."""
    many = make_sequences(40, 7, frames=16, side=32)
    darker = [s.visible[-1].mean() < 0.4 * s.visible[0].mean() for s in many]
    assert 0.25 < np.mean(darker) < 0.75
    warm = []
    for one in many:
        x, y = (one.boxes[0, :2] + one.boxes[0, 2:] / 2).astype(int)
        warm.append(float(one.thermal[0, 0, y, x]) - one.thermal[0].mean())
    assert np.mean(np.array(warm) > 20) > 0.9
