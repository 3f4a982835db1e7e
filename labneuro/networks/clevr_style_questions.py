"""Questions about a scene of CLEVR's kinds, answered from the scene graph.

Words are CLEVR's own where it has them. An object that a question speaks of as "the"
is the only one of its description. Left, right, in front and behind compare the
centres in the picture: lower is in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.data.clevr import ATTRIBUTES, KINDS, Question, SceneObject

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Scene = tuple[SceneObject, ...]
    Description = dict[str, str]
    Phrases = tuple[tuple[int, ...], ...]
    Asked = tuple[list[str], str, Phrases] | None

_ORDER = ("size", "color", "material", "shape")
RELATIONS: dict[str, Callable[[SceneObject, SceneObject], bool]] = {
    "left": lambda one, other: one.place[0] < other.place[0],
    "right": lambda one, other: one.place[0] > other.place[0],
    "front": lambda one, other: one.place[1] > other.place[1],
    "behind": lambda one, other: one.place[1] < other.place[1],
}
_TRIES = 40
WORDS = (
    *("what", "is", "the", "a", "there", "how", "many", "are", "more", "than", "of"),
    *("same", "as", "thing", "things", "number"),
    *ATTRIBUTES,
    *(value for values in ATTRIBUTES.values() for value in values),
    *RELATIONS,
)
"""All words of the questions."""
ANSWERS = (
    *("yes", "no"),
    *(str(count) for count in range(11)),
    *(value for values in ATTRIBUTES.values() for value in values),
)
"""All answers, those of CLEVR."""


def matching(scene: Scene, wanted: Description) -> list[SceneObject]:
    """Return the objects of a scene that fit a description."""
    return [
        one
        for one in scene
        if all(getattr(one, key) == value for key, value in wanted.items())
    ]


def ask(
    scene: Scene, image: int, count: int, generator: np.random.Generator
) -> list[Question]:
    """Return questions about a scene; the kinds take turns.

    Parameters
    ----------
    scene : tuple of SceneObject
        The objects.
    image : int
        Place of the scene in its set.
    count : int
        Questions to ask; a kind that a scene does not allow gives place to counting.
    generator : Generator
        Draws words.
    """
    first = int(generator.integers(len(KINDS)))
    questions = []
    for number in range(count):
        kind = KINDS[(first + number) % len(KINDS)]
        found, yes = None, _chance(generator)  # as many yes as no
        for _ in range(_TRIES):
            found = _MAKERS[kind](scene, generator, yes)
            if found is not None:
                break
        if found is None:
            kind, found = "count", _count(scene, generator, yes)
        assert found is not None  # noqa: S101  counting always has an answer
        words, answer, phrases = found
        questions.append(Question(image, tuple(words), answer, kind, phrases))
    return questions


def _chance(generator: np.random.Generator) -> bool:
    return bool(generator.random() < 0.5)  # noqa: PLR2004  a coin


def _describe(one: SceneObject, generator: np.random.Generator) -> Description:
    """Return one to three attributes of an object."""
    count = int(generator.integers(1, 4))
    keys = generator.choice(_ORDER, count, replace=False)
    return {key: getattr(one, key) for key in _ORDER if key in keys}


def _any_description(scene: Scene, generator: np.random.Generator) -> Description:
    """Return one or two attributes, half of the time of an object that is there."""
    if _chance(generator):
        wanted = _describe(scene[int(generator.integers(len(scene)))], generator)
        return dict(list(wanted.items())[-2:])
    keys = generator.choice(_ORDER, int(generator.integers(1, 3)), replace=False)
    return {
        key: str(generator.choice(ATTRIBUTES[key])) for key in _ORDER if key in keys
    }


def _unique(scene: Scene, generator: np.random.Generator) -> Description | None:
    wanted = _describe(scene[int(generator.integers(len(scene)))], generator)
    return wanted if len(matching(scene, wanted)) == 1 else None


def _spoken_of(scene: Scene, *groups: list[SceneObject]) -> Phrases:
    """Return the places in the scene of the objects of each phrase."""
    return tuple(tuple(scene.index(one) for one in group) for group in groups)


def _words(wanted: Description, *, several: bool = False) -> list[str]:
    words = list(wanted.values())
    if "shape" not in wanted:
        words.append("things" if several else "thing")
    return words


def _attribute(scene: Scene, generator: np.random.Generator, _yes: bool) -> Asked:
    wanted = _unique(scene, generator)
    open_keys = [key for key in _ORDER if wanted is not None and key not in wanted]
    if wanted is None or not open_keys:
        return None
    key = str(generator.choice(open_keys))
    (one,) = matching(scene, wanted)
    words = ["what", key, "is", "the", *_words(wanted)]
    return words, getattr(one, key), _spoken_of(scene, [one])


def _count(scene: Scene, generator: np.random.Generator, _yes: bool) -> Asked:
    wanted = _any_description(scene, generator)
    words = ["how", "many", *_words(wanted, several=True), "are", "there"]
    found = matching(scene, wanted)
    return words, str(len(found)), _spoken_of(scene, found)


def _existence(scene: Scene, generator: np.random.Generator, yes: bool) -> Asked:
    wanted = _any_description(scene, generator)
    found = matching(scene, wanted)
    if bool(found) != yes:
        return None
    words = ["is", "there", "a", *_words(wanted)]
    return words, "yes" if found else "no", _spoken_of(scene, found)


def _compare(scene: Scene, generator: np.random.Generator, yes: bool) -> Asked:
    if _chance(generator):
        first, second = (_any_description(scene, generator) for _ in range(2))
        groups = matching(scene, first), matching(scene, second)
        more = len(groups[0]) > len(groups[1])
        if first == second or more != yes:
            return None
        words = ["are", "there", "more", *_words(first, several=True), "than"]
        words += _words(second, several=True)
        return words, "yes" if more else "no", _spoken_of(scene, *groups)
    one, other = _unique(scene, generator), _unique(scene, generator)
    if one is None or other is None:
        return None
    (a,), (b,) = matching(scene, one), matching(scene, other)
    key = str(generator.choice(_ORDER))
    same = getattr(a, key) == getattr(b, key)
    if a is b or key in one or key in other or same != yes:
        return None
    words = ["is", "the", *_words(one), "the", "same", key, "as", "the"]
    return words + _words(other), "yes" if same else "no", _spoken_of(scene, [a], [b])


def _spatial(scene: Scene, generator: np.random.Generator, _yes: bool) -> Asked:
    anchor = _unique(scene, generator)
    if anchor is None:
        return None
    (other,) = matching(scene, anchor)
    relation = str(generator.choice(tuple(RELATIONS)))
    there = tuple(one for one in scene if RELATIONS[relation](one, other))
    wanted = _any_description(scene, generator)
    found = matching(there, wanted)
    if len(found) != 1:
        return None
    key = str(generator.choice([key for key in _ORDER if key not in wanted]))
    words = ["what", key, "is", "the", *_words(wanted), relation, "of", "the"]
    spoken_of = _spoken_of(scene, found, [other])
    return words + _words(anchor), getattr(found[0], key), spoken_of


_MAKERS: dict[str, Callable[[Scene, np.random.Generator, bool], Asked]] = {
    "attribute": _attribute,
    "count": _count,
    "compare": _compare,
    "spatial": _spatial,
    "existence": _existence,
}
