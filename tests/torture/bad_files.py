"""Files that are wrong in one place, hostile or damaged, for the loaders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st

from labneuro import calibration
from labneuro.bench import load_bench, load_card
from labneuro.data.journal import read_journal
from labneuro.data.reader import RunFile
from labneuro.protocols.recipe import load_recipe
from tests.torture.judging import (
    READ,
    WrongOutcomeError,
    refusing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        ["1 V", "-1 mA", "1e400 V", "1 V/um", "nan s", "inf", "0 s", "9**9"]
    ),
    st.binary(max_size=20),
    st.dates(),
)
CONTENT = st.recursive(
    JUNK,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
HOSTILE_YAML = st.sampled_from(
    [
        "!!python/object/apply:os.system [true]",
        "!!python/name:os.system",
        "!!python/object/new:builtins.eval ['1']",
        "!!map {a: !!python/tuple [1]}",
        "a: &a [1]\nb: [*a, *a]",
        "\n".join(
            [
                "a: &a [x, x, x, x, x, x, x, x, x]",
                *(
                    f"{k}: &{k} [{', '.join([f'*{p}'] * 9)}]"
                    for p, k in zip("abcdefgh", "bcdefghi", strict=True)
                ),
            ]
        ),
        "<<: {a: 1}",
        "? [a, b]\n: c",
        "a: 1\na: 2",
        "[" * 5000,
        "{a: " * 3000,
        "a: " + "9" * 10_000,
        "a: 0x" + "f" * 1000,
        "a: " + "x" * 200_000,
        "%YAML 9.9\n---\na: 1",
        "--- 1\n--- 2",
        "\ufeff\ufeffa: 1",
        "a: \x85\u2028",
        "a:\t- b",
    ]
)


def changed(base: dict[str, Any]) -> st.SearchStrategy[str]:
    """Return texts of a good file in which one place is anything, or text is cut."""
    places = list(paths(base))
    swapped = st.tuples(st.sampled_from(places), CONTENT).map(
        lambda found: _dump(replaced(base, *found))
    )
    text = yaml.safe_dump(base)
    cut: st.SearchStrategy[Any] = st.tuples(
        st.integers(0, len(text)), st.text(max_size=5), st.integers(0, 5)
    ).map(lambda found: text[: found[0]] + found[1] + text[found[0] + found[2] :])
    return swapped | cut | HOSTILE_YAML | st.text(max_size=100)


def _dump(content: object) -> str:
    return yaml.safe_dump(content, allow_unicode=True)


def paths(content: object, place: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    yield place
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from paths(value, (*place, key))


def replaced(content: Any, place: tuple[Any, ...], value: object) -> object:
    if not place:
        return value
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[place[0]] = replaced(copy[place[0]], place[1:], value)
    return copy


class Files:
    """Readers of files, each given a file in a folder.

    Parameters
    ----------
    folder : Path
        For the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _write(self, name: str, text: str | bytes) -> Path:
        path = self._folder / name
        if isinstance(text, str):
            text = text.encode("utf-8", "surrogatepass")
        path.write_bytes(text)
        return path

    def _yaml(self, text: str, load: Callable[[Path], object]) -> str:
        path = self._write("input.yaml", text)

        def read() -> str:
            load(path)
            return READ

        return refusing(read)

    def bench(self, text: str) -> str:
        """Load a bench file."""
        return self._yaml(text, load_bench)

    def card(self, text: str) -> str:
        """Load a device card."""
        return self._yaml(text, load_card)

    def recipe(self, text: str) -> str:
        """Load a recipe and plan it."""
        device = load_bench("hnno-sim").device
        return self._yaml(text, lambda path: load_recipe(path).protocol.plan(device))

    def model(self, text: str) -> str:
        """Load a calibrated model; what is read must be what JSON says."""
        path = self._write("model.json", text)

        def read() -> str:
            found = calibration.load(path)
            expected = {
                one["name"]: one["value"] for one in json.loads(text)["parameters"]
            }
            for parameter in found.parameters:
                if parameter.value != float(expected[parameter.name]):
                    raise WrongOutcomeError(f"{parameter.name}: read {parameter.value}")
            return READ

        return refusing(read)

    def journal(self, damage: tuple[bytes, list[tuple[float, int]], float]) -> str:
        """Read a damaged journal: only whole blocks, only right rows."""
        whole, flips, cut = damage
        content = bytearray(whole[: int(len(whole) * cut)])
        for place, value in flips:
            if content:
                content[int(place * (len(content) - 1))] = value
        path = self._write("damaged.journal.jsonl", bytes(content))

        def read() -> str:
            for block, data in read_journal(path).blocks:
                if data not in whole_blocks(whole):
                    raise WrongOutcomeError(
                        f"rows from {block.first_row} on are not what was kept"
                    )
            return READ

        return refusing(read)

    def run_file(self, damage: tuple[bytes, list[tuple[float, int]], float]) -> str:
        """Open something that is no run file: text, or the beginning of one."""
        whole, _, cut = damage
        path = self._write("damaged.h5", whole[: int(len(whole) * min(cut, 0.999))])

        def read() -> str:
            with RunFile.open(path) as run:
                run.summary()
            return READ

        return refusing(read)


_BLOCKS: dict[int, frozenset[bytes]] = {}


def whole_blocks(journal: bytes) -> frozenset[bytes]:
    """Return the data of a good journal's blocks, read without its reader."""
    import base64

    key = hash(journal)
    if key not in _BLOCKS:
        lines = [json.loads(line) for line in journal.splitlines()]
        _BLOCKS[key] = frozenset(
            base64.b64decode(one["data"]) for one in lines if one["kind"] == "block"
        )
    return _BLOCKS[key]
