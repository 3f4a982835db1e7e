"""Front panel, storage and network objects of the simulated 2636B; factory scripts."""

from __future__ import annotations

import pytest

# -- display ---------------------------------------------------------------------------


def test_text_goes_where_the_cursor_is(smu_bench):
    smu_bench.send("display.clear()", "display.settext('abc$Ndefg')")
    assert smu_bench.ask("print(display.gettext(true, 1))") == "abc"
    assert smu_bench.ask("print(display.gettext(false, 2))") == "defg"
    smu_bench.send("display.setcursor(1, 5)", "display.settext('xyz')")
    assert smu_bench.ask("print(display.gettext())") == "abc xyz$Ndefg"
    assert smu_bench.values("display.getcursor()") == [1, 8, 0]
    smu_bench.send("display.clear()")
    assert smu_bench.ask("print(display.gettext())") == "$N"


@pytest.mark.parametrize("place", ["3, 1", "1, 21", "2, 33", "1, 0"])
def test_the_cursor_stays_on_the_display(smu_bench, place):
    smu_bench.send("display.clear()", f"display.setcursor({place})")
    assert smu_bench.error() == 1700
    assert smu_bench.values("display.getcursor()") == [1, 1, 0]


def test_nobody_presses_a_key(smu_bench):
    smu_bench.send("display.sendkey(75)", "beeper.beep(0.1, 2400)")
    for call in ("menu('m', 'a b')", "inputvalue('+0.0')", "prompt('0', 'V', 'h')"):
        assert smu_bench.ask(f"print(display.{call})") == "nil"
    assert smu_bench.value("display.getlastkey()") == 0
    smu_bench.send("display.smua.measure.func = display.MEASURE_OHMS")
    assert smu_bench.value("display.smua.measure.func") == 2
    assert smu_bench.error() == 0


# -- what is kept ----------------------------------------------------------------------


def test_userstrings(smu_bench):
    smu_bench.send("userstring.add('site', 'lab 4') userstring.add('n', 5)")
    assert smu_bench.ask("print(userstring.get('site'))") == "lab 4"
    assert smu_bench.ask("print(userstring.get('n'))") == "5"
    smu_bench.send("for name in userstring.catalog() do print(name) end")
    assert sorted(smu_bench.replies()) == [b"n", b"site"]
    smu_bench.send("userstring.delete('site')")
    assert smu_bench.ask("print(userstring.get('site'))") == "nil"


def test_a_saved_setup_comes_back(smu_bench):
    smu_bench.send(
        "smua.source.func = 0 smua.source.rangei = 1e-3 smua.source.leveli = 5e-4 "
        "smua.source.limitv = 7 smua.measure.nplc = 0.1 smua.source.output = 1 "
        "smub.source.levelv = 3 smub.measure.rangei = 1e-6 smub.source.limiti = 1e-3"
    )
    wanted = (
        "smua.source.func, smua.source.rangei, smua.source.leveli, "
        "smua.source.limitv, smua.measure.nplc, smua.source.autorangei, "
        "smub.source.levelv, smub.source.autorangev, smub.measure.rangei, "
        "smub.source.limiti"
    )
    before = smu_bench.ask(f"print({wanted})")
    smu_bench.send("setup.save(2)", "reset()")
    assert smu_bench.ask(f"print({wanted})") != before
    smu_bench.send("setup.recall(2)")
    assert smu_bench.ask(f"print({wanted})") == before
    assert smu_bench.value("smua.source.output") == 0
    smu_bench.send("setup.recall(0)")
    assert smu_bench.value("smub.source.levelv") == 0
    assert smu_bench.error() == 0


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("setup.recall(3)", -222),
        ("setup.save(6)", -222),
        ("setup.recall('/usb1/a.set')", 2203),
        ("fs.chdir('/usb1')", 2216),
        ("savebuffer(smua.nvbuffer1, 'csv', '/usb1/a.csv')", 2203),
        ("tspnet.connect('192.0.2.1')", 2411),
        ("tspnet.read(1)", 2401),
        ("script.load('/usb1/a.tsp')", 2203),
    ],
)
def test_what_is_not_there_is_refused(smu_bench, command, code):
    smu_bench.send(command)
    assert smu_bench.error() == code
    assert smu_bench.error() == 0


def test_the_node_is_this_instrument(smu_bench):
    smu_bench.send("node[1].execute('x = 5')")
    assert smu_bench.value("node[1].getglobal('x')") == 5
    smu_bench.send("node[1].setglobal('x', 6)")
    assert smu_bench.value("x") == 6
    assert smu_bench.ask("print(node[1].model)") == "2636B"


# -- factory scripts -------------------------------------------------------------------


def test_factory_scripts_are_listed(smu_bench):
    smu_bench.send("for name in script.factory.catalog() do print(name) end")
    names = {reply.decode() for reply in smu_bench.replies()}
    assert names == {"KIHighC", "KIParlib", "KIPulse", "KISavebuffer", "KISweep"}


def test_transconductance_of_a_resistor(smu_bench):
    """The slope of the current over the voltage of 1 kohm is 1 mS at every point."""
    smu_bench.send("smua.measure.nplc = 0.01 g, i, v = gm_vsweep(smua, 0, 1, 5)")
    assert [smu_bench.value(f"g[{k}]") for k in range(1, 6)] == pytest.approx(
        [1e-3] * 5, rel=1e-3
    )
    assert smu_bench.numbers("printbuffer(1, 5, v)") == pytest.approx(
        [0, 0.25, 0.5, 0.75, 1], abs=1e-4
    )
    smu_bench.send("g, v, i = gm_isweep(smua, 1e-4, 1e-3, 4)")
    assert smu_bench.value("g[2]") == pytest.approx(1e-3, rel=1e-3)
    assert smu_bench.numbers("printbuffer(1, 4, i)")[-1] == pytest.approx(1e-3)
    assert smu_bench.value("smua.source.output") == 0


def test_leakage(smu_bench):
    smu_bench.send("smua.source.highc = 1 smua.source.output = 1")
    arguments = "smua, 1, 0.1, 0.1, 10e-3, 0.01"
    assert smu_bench.value(f"i_leakage_measure({arguments})") == pytest.approx(
        1e-3, rel=1e-3
    )
    assert smu_bench.ask(f"print(i_leakage_threshold({arguments}, 2e-3, 1))") == "true"
    start = smu_bench.clock.now
    ask = f"print(i_leakage_threshold({arguments}, 1e-6, 1))"
    assert smu_bench.ask(ask) == "false"
    assert smu_bench.clock.now - start == pytest.approx(1.1, abs=0.1)
    assert smu_bench.error() == 0


def test_next_is_where_the_next_reading_goes(smu_bench):
    smu_bench.send("b = smua.makebuffer(2) b.appendmode = 1")
    assert smu_bench.values("b.n, b.next") == [0, 1]
    smu_bench.send("smua.measure.v(b)")
    assert smu_bench.values("b.n, b.next") == [1, 2]
    smu_bench.send("b.clear() b.fillmode = smua.FILL_WINDOW")
    smu_bench.send("for k = 1, 3 do smua.measure.v(b) end")
    assert smu_bench.values("b.n, b.next") == [2, 2]
