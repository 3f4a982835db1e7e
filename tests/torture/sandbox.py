"""Ways out of the instruments' Lua, and ways to exhaust it, tried one by one.

Each attempt is sent as a client sends it. A script that gets at something it must not
have prints ``ESCAPED``; afterwards the instrument must answer, nothing may run on, and
the process may not have grown by more than the sandbox allows.
"""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING, NamedTuple

import lupa.lua51 as lupa
import numpy as np

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_2600.instrument import Keithley2636B
from labneuro.sim_backends.keithley_3700.instrument import Keithley3706A
from labneuro.sim_backends.wiring import Circuit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.sim_backends.tsp.instrument import TspInstrument

MODELS: tuple[type[TspInstrument], ...] = (Keithley2636B, Keithley3706A)
_PATIENCE = 60.0  # s of wall time; an attempt ends by itself or by a device clear
_INSTRUCTIONS = 5_000_000
_MOST_READ = 1 << 20
_UNTIL_CLEARED = ("output", "patterns in a loop")  # what a device clear must end
_MOST_GROWTH = 700 * 1024 * 1024  # bytes: Lua's 256 MiB, its copies on the way, NumPy

_ABSENT = (
    *("python", "python.eval", "python.builtins", "io", "io.open", "os.execute"),
    *("os.getenv", "os.exit", "os.tmpname", "debug", "debug.getinfo", "package"),
    *("package.loadlib", "require", "module", "load", "loadstring", "loadfile"),
    *("dofile", "newproxy", "getfenv", "setfenv", "coroutine", "coroutine.create"),
    *("string.dump", "ffi", "jit", "lupa", "__import__", "eval", "exec"),
)
_WALK = """
local seen, found = {}, {}
local function visit(value)
  local kind = type(value)
  if kind == "userdata" or kind == "thread" then print("ESCAPED " .. kind) end
  if (kind ~= "table" and kind ~= "function") or seen[value] then return end
  seen[value] = true
  found[#found + 1] = value
  if kind == "table" then
    for key, item in pairs(value) do visit(key) visit(item) end
  end
  visit(getmetatable(value))
end
visit(_G) visit(getmetatable(""))
"""
_ATTRIBUTES = (
    "for _, object in ipairs(found) do for _, name in ipairs{"
    "'__class__', '__init__', '__globals__', '__dict__', '__self__', '__func__',"
    "'__subclasses__', '__builtins__', 'func_globals', '__reduce__', '__getattr__'} do "
    "local good, value = pcall(function() return object[name] end) "
    "if good and value ~= nil then print('ESCAPED ' .. name) end "
    "end end print('walked', #found)"
)


class Attempt(NamedTuple):
    """One way out.

    Attributes
    ----------
    group, name : str
        For the table.
    source : bytes
        The message.
    """

    group: str
    name: str
    source: bytes


def _bytecode() -> str:
    """Return a precompiled chunk as the escapes of a Lua string."""
    code = lupa.LuaRuntime(encoding="latin-1").eval(
        "string.dump(function() print('ESCAPED by bytecode') end)"
    )
    return "".join(f"\\{ord(character):03d}" for character in code)


_REACH = {
    "walk all that is reachable": (_WALK + _ATTRIBUTES).replace("\n", " "),
    "attributes of text": "for _, n in ipairs{'__class__', '__mro__', 'encode'} do "
    "if (''):len() and ('')[n] then print('ESCAPED ' .. n) end end",
    "error of a firmware function": "for _, f in pairs{delay, printnumber, printbuffer,"
    " makegetter, reset} do local _, why = pcall(f, {}, print, {}) "
    "if type(why) == 'userdata' then print('ESCAPED') end end",
    "error handler of xpcall": "xpcall(function() delay(print) end, function(why) "
    "if type(why) ~= 'string' then print('ESCAPED', type(why)) end end)",
    "functions and tables as values": "for _, v in ipairs{print, {}, _G, "
    "setmetatable({}, {__index = _G, __tostring = print})} do "
    "pcall(delay, v) pcall(printnumber, v) pcall(printbuffer, 1, 3, v) "
    "pcall(script.new, v, v) end",
    "replace what the firmware uses": "local keep = print "
    "for _, n in ipairs{'pcall', 'error', 'type', 'pairs', 'tostring', 'select', "
    "'setmetatable', 'rawset', 'next', 'unpack'} do _G[n] = function(...) "
    "for _, v in ipairs({...}) do if type and false then keep(v) end end end end "
    "printnumber(1) delay(0)",
    "metatable of all text": "getmetatable('').__index = function(s, n) "
    "return function() return 'ESC' end end script.new('print(1)', 'a')",
    "rewrite an instrument object": "local m = getmetatable(errorqueue) "
    "m.Getters.count = nil m.__index = function() return 0 end m.Objects = _G",
    "tostring that lies": "print(setmetatable({}, {__tostring = function() "
    "return {} end}))",
    "errors that are no text": "error({}) ",
    "errors with a metatable": "error(setmetatable({}, {__tostring = function() "
    "return {} end}))",
    "errors that are functions": "pcall(error, print) error(print)",
    "metatable of the globals": "setmetatable(_G, {__index = function(t, n) "
    "return rawget(t, n) or '__class__' end, __newindex = function() end}) x = y",
    "bytecode as a script": "s = script.new('BYTECODE', 'evil') if s then s() end",
    "bytecode in place of a source": "s = script.new('x = 1', 'fine') "
    "s.source = 'BYTECODE' s.run()",
    "saved scripts as files": "s = script.new('x = 1', '../../evil') "
    "s.save('/usb1/../../../evil') s.save() script.load('/etc/passwd')",
    "files of os": "if os.remove('/etc/hostname') or os.rename('/etc/hostname', "
    "'/h') then print('ESCAPED') end",
}
_MEMORY = {
    "string.rep": "s = string.rep('a', 2^30)",
    "string.rep of nothing": "s = string.rep('', 2^31 - 1)",
    "string.rep in pcall": "while true do pcall(string.rep, 'a', 2^30) end",
    "a string that doubles": "local s = 'x' while true do s = s .. s end",
    "string.format with widths": "while true do pcall(string.format, "
    "'%9999999999d', 1) end",
    "gsub that grows": "string.gsub(string.rep('a', 1e6), 'a', string.rep('b', 1e4))",
    "table.concat": "local t = {} for i = 1, 1e4 do t[i] = string.rep('a', 1e3) end "
    "local u = {} for i = 1, 1e3 do t[1] = i u[i] = table.concat(t) end",
    "a table that grows": "local t = {} for i = 1, 1e9 do t[i] = {} end",
    "a table that grows in pcall": "local t = {} while true do "
    "pcall(function() t[#t + 1] = {} end) end",
    "table.insert far away": "table.insert({}, -2^31, 1)",
    "unpack of much": "print(unpack({}, 1, 1e8))",
    "closures": "local f for i = 1, 1e9 do local g = f f = function() return g end end",
    "without the collector": "collectgarbage('stop') local t "
    "while true do t = {t and 1} end",
    "scripts": "for i = 1, 1e6 do script.new('x = ' .. i, 's' .. i) end",
    "error queue": "for i = 1, 2e5 do delay(-1) end",
    "output": "while true do print(string.rep('x', 1e6)) end",
    "output of a table": "t = {} for i = 1, 1e6 do t[i] = i end "
    "while true do printbuffer(1, 1e6, t) end",
}
_TIME = {
    "endless loop": "while true do end",
    "endless loop in pcall": "while true do pcall(function() while true do end end) "
    "end",
    "endless loop in xpcall": "repeat xpcall(function() while true do end end, print) "
    "until false",
    "endless loop in an error handler": "xpcall(error, function() while true do end "
    "end)",
    "endless loop in a metamethod": "local t = setmetatable({}, {__index = function() "
    "while true do end end}) print(t.x)",
    "endless loop in tostring": "print(setmetatable({}, {__tostring = function() "
    "while true do end end}))",
    "endless loop in a sort": "local t = {} for i = 1, 1e5 do t[i] = i end "
    "while true do pcall(table.sort, t, function() return true end) end",
    "endless loop in gsub": "string.gsub('a', '.', function() while true do end end)",
    "patterns that backtrack": "string.find(string.rep('a', 5000), '.-.-.-.-b')",
    "patterns in a loop": "while true do string.find(string.rep('a', 300), "
    "'.-.-.-b') end",
    "endless goto by recursion": "local function f() return f() end f()",
    "endless delay": "while true do delay(1e5) end",
    "negative and infinite delay": "delay(-1) delay(1/0) delay(0/0)",
    "deep recursion": "local function f() return f() + 1 end f()",
    "deep recursion in pcall": "local function f() pcall(f) return f() end f()",
    "deep recursion by metamethods": "local t = {} setmetatable(t, {__index = "
    "function(t, k) return t[k .. 'x'] end}) print(t.x)",
    "deep recursion by gsub": "local function f() "
    "return (string.gsub('a', 'a', f)) end f()",
    "a loop of metatables": "local t = {} setmetatable(t, {__index = t}) print(t.x)",
    "deep parentheses": "x = " + "(" * 100_000 + "1" + ")" * 100_000,
    "deep tables": "x = " + "{" * 100_000 + "}" * 100_000,
    "many locals": "local " + ",".join(f"a{number}" for number in range(1000)),
    "one long line": "x = '" + "a" * 3_000_000 + "'",
    "many errors": "\n".join("x = = 1" for _ in range(2000)),
}


def attempts() -> list[Attempt]:
    """Return every attempt."""
    absent = {
        name: f"local good, value = pcall(function() return {name} end) "
        "if good and value ~= nil then print('ESCAPED') end"
        for name in _ABSENT
    }
    groups = {"name": absent, "reach": _REACH, "memory": _MEMORY, "time": _TIME}
    code = _bytecode()
    return [
        Attempt(group, name, source.replace("BYTECODE", code).encode("latin-1"))
        for group, tried in groups.items()
        for name, source in tried.items()
    ]


class Outcome(NamedTuple):
    """What came of an attempt.

    Attributes
    ----------
    attempt : Attempt
    model : str
    held : bool
        Whether the sandbox held.
    how : str
        What stopped it, or what is wrong.
    """

    attempt: Attempt
    model: str
    held: bool
    how: str


def make(model: type[TspInstrument]) -> TspInstrument:
    """Return an instrument with a short limit of instructions."""

    class Impatient(model):  # type: ignore[valid-type,misc]
        instruction_limit = _INSTRUCTIONS

    clock = VirtualClock()
    generator = np.random.default_rng(0)
    surroundings = Surroundings(clock, Circuit(clock, []), generator)
    made: TspInstrument = Impatient("it", surroundings)
    return made


def attempt(model: type[TspInstrument], tried: Attempt) -> Outcome:
    """Try one way out on an instrument of its own."""
    it = make(model)
    before = _peak()
    try:
        how, problem = _attempt(it, tried)
    except Exception as error:
        how, problem = "", f"traceback: {type(error).__name__}: {error}"
    if _peak() - before > _MOST_GROWTH:
        problem = problem or f"grew by {(_peak() - before) >> 20} MiB"
    return Outcome(tried, model.__name__, not problem, problem or how)


def _attempt(it: TspInstrument, tried: Attempt) -> tuple[str, str]:
    """Try one way out; return what stopped it and what is wrong."""
    it.write(tried.source)
    patience = 0.0 if tried.name.startswith(_UNTIL_CLEARED) else _PATIENCE
    cleared = not it.wait_idle(patience)
    said = _output(it)
    it.clear()
    if not it.wait_idle(_PATIENCE):
        return "", "it runs on after a device clear"
    how = str(it.errors.next()[1])
    how = "a device clear ended it" if cleared else _shortened(how)
    if b"ESCAPED" in said:
        return how, f"escaped: {said[:60]!r}"
    it.write(b"*IDN?")
    it.wait_idle(_PATIENCE)
    if b"KEITHLEY" not in _output(it).upper():
        return how, "the instrument does not answer any more"
    return how, ""


def _output(it: TspInstrument) -> bytes:
    """Take what was said; of much, the beginning."""
    found = b""
    while (reply := it.next_reply()) is not None:
        if len(found) < _MOST_READ:
            found += reply.content + b"\n"
    return found


def _shortened(text: str) -> str:
    return text if len(text) < 70 else f"{text[:67]}..."


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def outcomes(groups: tuple[str, ...] = ()) -> Iterator[Outcome]:
    """Try everything on every model."""
    for tried in attempts():
        if not groups or tried.group in groups:
            for model in MODELS:
                yield attempt(model, tried)
