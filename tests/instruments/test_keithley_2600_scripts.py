"""The TSP functions run in Lua against a recording stand-in for the instrument."""

import pytest
from lupa import lua51

from labneuro.instruments.keithley_2600_scripts import SCRIPT, call, store_levels

RECORDER = """
log = {}
local function note(...)
    local parts = {...}
    for index = 1, #parts do parts[index] = tostring(parts[index]) end
    table.insert(log, table.concat(parts, " "))
end
function delay(seconds) note("delay", seconds) end
local function noting(name)
    return setmetatable({}, {__newindex = function(_, key, value)
        note(name .. "." .. key, value)
    end})
end
smua = {
    source = noting("source"),
    measure = {i = function(buffer) note("measure", buffer.name) end},
}
smua.nvbuffer1 = setmetatable({
    name = "nvbuffer1", n = 7, readings = "readings", timestamps = "timestamps",
    statuses = "statuses", clear = function() note("clear") end,
}, {__newindex = function(_, key, value) note("buffer." .. key, value) end})
digio = {trigger = {[3] = {assert = function() note("trigger") end}}}
format = setmetatable({REAL64 = 3, LITTLEENDIAN = 1}, {
    __newindex = function(_, key, value) note("format." .. key, value) end,
})
printbuffer = function(...) note("printbuffer", ...) end
"""

PREPARED = [
    "clear",
    "buffer.appendmode 1",
    "buffer.collecttimestamps 1",
    "buffer.collectsourcevalues 0",
    "source.rangev 0.1",
]
SENT = [
    "format.data 3",
    "format.byteorder 1",
    "printbuffer 1 7 readings timestamps statuses",
]


@pytest.fixture
def run():
    """Run a message and return what the instrument was told to do."""
    lua = lua51.LuaRuntime()
    lua.execute(RECORDER + SCRIPT)

    def execute(message):
        lua.execute("log = {}")
        lua.execute(message)
        return list(lua.globals().log.values())

    return execute


def test_a_train_triggers_waits_reads_and_returns_to_zero(run):
    once = [
        "trigger",
        "delay 0.002",
        "source.levelv -0.1",
        "delay 0.001",
        "measure nvbuffer1",
        "source.levelv 0",
        "delay 0.005",
    ]
    done = run(call("train", "smua", 3, 0.1, 2, -0.1, 2e-3, 1e-3, 5e-3))
    assert done == [*PREPARED, *once, *once, *SENT]


def test_a_train_without_rest_does_not_wait(run):
    done = run(call("train", "smua", 3, 0.1, 1, 0.1, 2e-3, 1e-3, 0.0))
    assert done[-4:] == ["source.levelv 0", *SENT]


def test_a_sweep_ends_at_zero(run):
    assert run(store_levels([-0.1, 0.05])[0]) == []
    done = run(call("sweep", "smua", 0.1, 2, 1e-3))
    assert done == [
        *PREPARED,
        *("source.levelv -0.1", "delay 0.001", "measure nvbuffer1"),
        *("source.levelv 0.05", "delay 0.001", "measure nvbuffer1"),
        "source.levelv 0",
        *SENT,
    ]


def test_long_level_lists_are_stored_in_pieces_and_played_in_order(run):
    levels = [round(0.001 * index, 3) for index in range(120)]
    messages = store_levels(levels)
    assert len(messages) == 3
    assert max(map(len, messages)) < 1000
    for message in messages:
        run(message)
    done = run(call("sweep", "smua", 0.2, 120, 0.0))
    played = [float(line.split()[1]) for line in done if line.startswith("source.l")]
    assert played == [*levels, 0.0]


def test_a_shorter_sweep_ignores_what_an_earlier_one_stored(run):
    run(store_levels([1.0, 2.0, 3.0])[0])
    run(store_levels([0.5])[0])
    done = run(call("sweep", "smua", 0.5, 1, 0.0))
    assert [line for line in done if "levelv" in line] == [
        "source.levelv 0.5",
        "source.levelv 0",
    ]
