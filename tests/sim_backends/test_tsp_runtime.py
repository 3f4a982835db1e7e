"""The sandboxed Lua: ways out that are closed, limits that hold, errors that tell."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.tsp.runtime import (
    OutOfMemoryError,
    ScriptError,
    TspObject,
    TspRuntime,
    split_position,
)
from labneuro.sim_backends.tsp.values import NotANumberError, TspProblem

LIMIT = 20_000_000


class Host:
    """A Lua with a few objects, and what it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.refused: list[tuple[object, ...]] = []
        self.runtime = TspRuntime(
            {
                "say": self.said.append,
                "delay": lambda seconds: None,
                "printnumber": lambda *values: None,
                "printbuffer": lambda *values: None,
                "syntax_error": self.said.append,
                "time": lambda: 5.0,
                "refuse": lambda code: self.refused.append((int(code),)),
            },
            lambda *problem: self.refused.append(problem),
            LIMIT,
            VirtualClock(),
        )

    def run(self, source: str) -> list[str]:
        """Run a script and return what it printed."""
        self.said.clear()
        self.runtime.execute(source)
        return list(self.said)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.parametrize(
    "expression",
    [
        "python",
        "io",
        "os.execute",
        "os.getenv",
        "os.exit",
        "debug",
        "package",
        "require",
        "module",
        "load",
        "loadstring",
        "loadfile",
        "dofile",
        "newproxy",
        "getfenv",
        "setfenv",
        "coroutine",
        "string.dump",
    ],
)
def test_ways_out_are_closed(host, expression):
    assert host.run(f"print({expression})") == ["nil"]


def test_no_global_leads_to_python(host):
    """Walking everything reachable from the globals meets only Lua's own types."""
    walk = """
    local seen, kinds = {}, {}
    local function visit(value)
      kinds[type(value)] = true
      if type(value) ~= "table" or seen[value] then return end
      seen[value] = true
      for key, item in pairs(value) do visit(key) visit(item) end
      visit(getmetatable(value))
    end
    visit(_G) visit(getmetatable(""))
    print(kinds.userdata, kinds.thread, kinds["function"])
    """
    assert host.run(walk) == ["nil\tnil\ttrue"]


def test_a_python_failure_hands_lua_no_python_object(host):
    """What pcall and xpcall catch of a firmware fault is text."""

    def fail() -> None:
        raise NotANumberError("number expected, got nil")

    host.runtime.set_global("it", TspObject(functions={"fail": fail}))
    assert host.run("local ok, why = pcall(it.fail) print(ok, type(why))") == [
        "false\tstring"
    ]
    assert host.run("print(xpcall(it.fail, function(why) return type(why) end))") == [
        "false\tstring"
    ]


def test_a_python_object_would_be_closed(host):
    """Should a Python object ever reach a script, it has no attributes there."""
    host.runtime.set_functions({"give": object})
    assert host.run("print(tostring(give()), give())") == ["userdata\tuserdata"]
    for attribute in ("__class__", "__init__", "x"):
        with pytest.raises((AttributeError, TypeError)):
            host.run(f"print(give().{attribute})")


ENDLESS = [
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "repeat local ok = xpcall(function() while true do end end, print) until false",
]


@pytest.mark.parametrize("source", ENDLESS)
def test_an_endless_loop_ends_at_the_instruction_limit(host, source):
    with pytest.raises(ScriptError, match="instruction limit"):
        host.run(source)
    assert host.run("print(1)") == ["1.00000e+00"]


@pytest.mark.parametrize(
    "source",
    [
        "local s = string.rep('a', 2^30)",
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do pcall(function() t[#t+1] = {} end) end",
        "g = {} for i = 1, 1e9 do g[i] = i .. 'aaaaaaaaaa' end",
    ],
)
def test_memory_is_bounded(host, source):
    with pytest.raises(OutOfMemoryError):
        host.run(source)
    assert host.run("g = nil print(2)") == ["2.00000e+00"]


@pytest.mark.parametrize(
    "source",
    [
        "local function f() return f() + 1 end f()",
        "local function f() pcall(f) return f() end f()",
        "local function f() xpcall(f, print) return f() end f()",
    ],
)
def test_a_stack_overflow_ends_the_script(host, source):
    """No pcall catches it: at the end of the stack the stop flag is not looked at."""
    with pytest.raises(ScriptError, match="stack overflow"):
        host.run(source)
    assert host.run("print(1)") == ["1.00000e+00"]


def test_a_pattern_that_backtracks_for_ever_is_refused(host):
    with pytest.raises(ScriptError, match="pattern too complex"):
        host.run("string.find(string.rep('a', 5000), '.-.-.-.-b')")
    trim = "print((string.gsub('  two words ', '^%s*(.-)%s*$', '%1')))"
    assert host.run(trim) == ["two words"]


def test_a_stopped_script_ends(host):
    """The stop flag, set here by the script itself, ends whatever runs."""
    host.runtime.set_functions({"halt": lambda: host.runtime.stop("User Abort")})
    with pytest.raises(ScriptError, match="User Abort"):
        host.run("halt() while true do pcall(function() local x = 1 end) end")
    host.runtime.begin()
    assert host.run("print(3)") == ["3.00000e+00"]


def test_exit_ends_a_script_without_an_error(host):
    assert host.run("print(1) exit() print(2)") == ["1.00000e+00"]
    assert host.run("pcall(exit) print(2)") == []


def test_a_syntax_error_runs_nothing(host):
    with pytest.raises(SyntaxError) as caught:
        host.run("print(1)\nx =")
    assert caught.value.lineno == 2
    assert host.said == []


@pytest.mark.parametrize(
    ("source", "line", "text"),
    [
        ("\nfoo.bar()", 2, "attempt to index global 'foo' (a nil value)"),
        ("x = 1 + nil", 1, "attempt to perform arithmetic on a nil value"),
        ("error('mine')", 1, "mine"),
        ("\n\nit.fail()", 3, "number expected, got nil"),
        ("it.level = 5", 1, "cannot modify read-only attribute 'level'"),
        ("\nit.nothing = 5", 2, "no attribute 'nothing'"),
    ],
)
def test_run_time_errors_name_line_and_cause(host, source, line, text):
    def fail() -> None:
        raise NotANumberError("number expected, got nil")

    it = TspObject(getters={"level": lambda: 1.0}, functions={"fail": fail})
    host.runtime.set_global("it", it)
    with pytest.raises(ScriptError) as caught:
        host.run(source)
    assert (caught.value.line, caught.value.problem) == (line, text)


def test_a_refused_value_does_not_stop_the_script(host):
    def refuse(value: object) -> None:
        raise TspProblem(1101)

    it = TspObject(getters={"x": lambda: 7.0}, setters={"x": refuse})
    host.runtime.set_global("it", it)
    assert host.run("it.x = 5 print(it.x)") == ["7.00000e+00"]
    assert host.refused == [(1101,)]


def test_objects_show_themselves_as_instruments_do(host):
    """Metatables with Getters, Setters, Objects and luatype; functions as functions."""
    it = TspObject(
        "kind",
        getters={"x": lambda: 1.0},
        setters={"x": lambda value: None},
        functions={"go": lambda: None},
        objects={"K": 3.0, "sub": TspObject(item=lambda index: index * 2)},
    )
    host.runtime.set_global("it", it)
    meta = "local m = getmetatable(it) "
    assert host.run(meta + "print(m.luatype, m.Objects.K)") == ["kind\t3.00000e+00"]
    shown = host.run(meta + "print(m.Getters.x, m.Setters.x, m.Objects.go)")[0]
    assert all(word.startswith("function: 0x") for word in shown.split("\t"))
    assert host.run("print(it.sub[21], it.sub.what)") == ["4.20000e+01\tnil"]


def test_an_object_among_the_arguments_arrives_as_its_handle(host):
    marker = object()
    seen: list[object] = []
    it = TspObject(
        functions={"take": lambda a=None, b=None: seen.extend([a, b])}, handle=marker
    )
    host.runtime.set_global("it", it)
    host.run("it.take(it, 5) it.take(6, it) it.take() it.take(1, 2, 3)")
    assert seen == [marker, 5, 6, marker, None, None, 1, 2]


def test_print_writes_as_the_instrument_does(host):
    assert host.run("print(1, -2.5e-9, nil, true, 'text')") == [
        "1.00000e+00\t-2.50000e-09\tnil\ttrue\ttext"
    ]
    assert host.run("print()") == [""]
    assert host.run("print((function() end)())") == [""]
    host.runtime.set_number_format("%.2e")
    assert host.run("print(1)") == ["1.00e+00"]


def test_random_numbers_repeat_from_one_instrument_to_the_next():
    scripts = "print(math.random(), math.random(6), math.random(10, 12))"
    assert Host().run(scripts) == Host().run(scripts)
    low, high = Host().run("print(math.random(3, 3), math.random(1))")[0].split("\t")
    assert (float(low), float(high)) == (3.0, 1.0)


def test_scripts_are_stored_listed_renamed_and_deleted(host):
    assert (
        host.run("script.new('print(7)', 'seven') seven() seven.run()")
        == ["7.00000e+00"] * 2
    )
    names = "for name in pairs(script.user.scripts) do print(name) end"
    assert host.run(names) == ["seven"]
    assert host.run("print(seven.source, seven.name, seven.autorun)") == [
        "print(7)\tseven\tno"
    ]
    assert host.run("seven.name = 'VII' " + names) == ["VII"]
    assert host.run("VII = 0 seven.list()") == [
        "loadscript VII",
        "print(7)",
        "endscript",
    ]
    host.run("script.new('x = ', 'bad')")
    assert "unexpected symbol" in host.said[0]


def test_scripts_are_saved_restored_and_deleted(host):
    """The catalog is of what is saved; a deleted script runs on until it is lost."""
    names = "for name in script.user.catalog() do print(name) end"
    host.run("script.newautorun('print(7)', 'seven')")
    assert host.run(names) == []
    host.run("seven.save()")
    assert host.run(names) == ["seven"]
    assert host.run("seven = nil script.restore('seven') seven.run()") == [
        "7.00000e+00"
    ]
    assert host.run("print(seven.autorun)") == ["yes"]
    assert host.run("script.delete('seven') seven()" + names) == ["7.00000e+00"]
    assert host.refused == []
    host.run("script.delete('eight') script.restore('seven')")
    assert [problem[0] for problem in host.refused] == [-292, -292]


def test_there_is_no_usb_flash_drive(host):
    host.run("script.load('/usb1/a.tsp') script.new('x = 1', 'a').save('/usb1/a.tsp')")
    assert [problem[0] for problem in host.refused] == [2203, 2203]


def test_the_anonymous_script(host):
    host.runtime.store("", "print(8)")
    assert (
        host.run("script.run() script.anonymous() script.anonymous.run()")
        == ["8.00000e+00"] * 3
    )


def test_makegetter_and_makesetter(host):
    held = {"x": 1.0}
    it = TspObject(
        getters={"x": lambda: held["x"]},
        setters={"x": lambda value: held.update(x=value)},
    )
    host.runtime.set_global("it", it)
    script = "local get, set = makegetter(it, 'x'), makesetter(it, 'x') set(4) "
    assert host.run(script + "print(get())") == ["4.00000e+00"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("tsp:12: boom", (12, "boom")),
        ('[string "x"]:3: bad', (3, "bad")),
        ("no position", (1, "no position")),
    ],
)
def test_positions_in_messages(message, expected):
    assert split_position(message) == expected
