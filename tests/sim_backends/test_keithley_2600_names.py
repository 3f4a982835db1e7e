"""Every command of the Series 2600B is there: the names of its reference manual."""

from __future__ import annotations

from pathlib import Path

import pytest

NAMES = (
    (Path(__file__).parent / "keithley_2600_names.txt")
    .read_text(encoding="utf-8")
    .split()
)
# Files of a USB flash drive through Lua's io: the sandbox has no io, whatever it does.
WITHHELD = {name for name in NAMES if name.startswith("io.")}
STANDS_FOR = {
    "smuX": "smua",
    "bufferVar": "smua.nvbuffer1",
    "scriptVar": "script.anonymous",
    "[N]": "[1]",
    "[M]": "[1]",
}
ATTRIBUTE = (
    "local owner, leaf = {owner}, '{leaf}' local meta = getmetatable(owner) "
    "local known = meta and meta.Getters and (meta.Getters[leaf] or meta.Setters[leaf] "
    "or meta.Objects[leaf]) ~= nil print(known or owner[leaf] ~= nil)"
)


def existence(name: str) -> str:
    """Return a message that prints whether a name exists, without reading it."""
    for placeholder, stand_in in STANDS_FOR.items():
        name = name.replace(placeholder, stand_in)
    if name.endswith("]"):
        name = name[: name.rindex("[")]
    owner, _, leaf = name.rpartition(".")
    if not owner:
        return f"print({name} ~= nil)"
    return ATTRIBUTE.format(owner=owner, leaf=leaf)


@pytest.mark.parametrize("family", sorted({name.split(".")[0] for name in NAMES}))
def test_every_name_of_the_manual_exists(smu_bench, family):
    missing = []
    for name in NAMES:
        if name.split(".")[0] == family and name not in WITHHELD:
            smu_bench.send(existence(name))
            if smu_bench.replies() != [b"true"]:
                missing.append(name)
    assert missing == []


def test_what_is_withheld_is_not_there(smu_bench):
    assert WITHHELD
    assert smu_bench.ask("print(io)") == "nil"


def test_a_name_that_the_manual_does_not_have(smu_bench):
    """The question can be answered with no."""
    assert smu_bench.ask(existence("smuX.source.nonsense")) == "false"
    assert smu_bench.ask(existence("nonsense")) == "false"
