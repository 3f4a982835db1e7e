"""What public drivers send to a 2600, on the wire of the simulated 2636B.

The command strings are those of the drivers; the drivers' own way through VISA is
tested in ``tests/end_to_end``.
"""

from __future__ import annotations

import re

import pytest
from pymeasure.adapters import Adapter
from pymeasure.instruments.keithley import Keithley2600

pytestmark = pytest.mark.filterwarnings(
    "ignore:It is not known whether this device support SCPI:FutureWarning"
)


class DirectAdapter(Adapter):  # type: ignore[misc]  # PyMeasure publishes no types
    """A PyMeasure adapter that hands messages straight to the instrument."""

    def __init__(self, bench):
        super().__init__()
        self.bench = bench

    def _write(self, command, **_options):
        self.bench.send(command)

    def _read(self, **_options):
        reply = self.bench.smu.next_reply()
        assert reply is not None
        return reply.content.decode("latin-1")


@pytest.fixture
def pymeasure(smu_bench):
    return Keithley2600(DirectAdapter(smu_bench))


def test_pymeasure_reads_a_current(pymeasure, smu_bench):
    channel = pymeasure.ChA
    channel.apply_voltage(compliance_current=0.01)
    channel.source_voltage = 0.5
    channel.source_output = "ON"
    assert channel.current == pytest.approx(0.5 / 1000.01, rel=1e-4)
    assert channel.voltage == pytest.approx(0.5, rel=1e-4)
    assert channel.resistance == pytest.approx(1000.0, rel=1e-4)
    assert channel.source_output == "ON"
    assert pymeasure.next_error == (0, "Queue Is Empty")
    assert smu_bench.error() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_mode", "current"),
        ("source_current", 1e-3),
        ("compliance_current", 0.05),
        ("source_current_range", 1e-3),
        ("current_range", 1e-4),
        ("source_voltage", -1.5),
        ("compliance_voltage", 5.0),
        ("source_voltage_range", 20.0),
        ("voltage_range", 20.0),
        ("wires_mode", "4"),
    ],
)
def test_pymeasure_sets_and_reads_back(pymeasure, name, value):
    """Every property of PyMeasure's channel keeps what it was given."""
    for channel in (pymeasure.ChA, pymeasure.ChB):
        if name == "voltage_range":
            channel.source_mode = "current"
        setattr(channel, name, value)
        found = getattr(channel, name)
        assert found == (value if isinstance(value, str) else pytest.approx(value))
    assert pymeasure.next_error == (0, "Queue Is Empty")


def test_pymeasure_measures_and_sources(pymeasure):
    """The methods that send several commands leave no error behind."""
    channel = pymeasure.ChA
    channel.measure_voltage(nplc=0.1)
    channel.measure_current(nplc=0.1, current=1e-3, auto_range=False)
    channel.apply_current(current_range=1e-3, compliance_voltage=5)
    channel.auto_range_source()
    channel.source_output = "ON"
    channel.ramp_to_current(1e-3, steps=3, pause=0.0)
    assert channel.voltage == pytest.approx(1.0, rel=1e-4)
    assert pymeasure.next_error == (0, "Queue Is Empty")


# -- keithley2600 (PyPI): walks the Lua globals at connect ----------------------------


class Walker:
    """Lists a Lua namespace as the driver does: next() on table and metatable."""

    def __init__(self, bench):
        self.bench = bench

    def query(self, expression):
        words = self.bench.ask(f"print({expression})").split("\t")
        return words if len(words) > 1 else words[0]

    def entries(self, table):
        """Return names and printed values of everything in a Lua table."""
        found, name = {}, "nil"
        while (entry := self.query(f"next({table}, {name})")) != "nil":
            key, value = entry
            number = re.fullmatch(r"[\d.e+-]+", key)
            name = str(int(float(key))) if number else repr(key)
            found[name.strip("'")] = value
        return found

    def namespace(self, name):
        """Return readable, writable and contained names of an instrument object."""
        self.bench.send(f"mt = getmetatable({name})")
        assert self.query("mt").startswith("table: 0x")
        getters = self.entries("mt.Getters")
        writable = {
            key for key in getters if self.query(f"mt.Setters[{key!r}]") != "nil"
        }
        return getters, writable, self.entries("mt.Objects"), self.query("mt.luatype")


@pytest.fixture
def walker(smu_bench):
    return Walker(smu_bench)


def test_the_globals_can_be_walked(walker):
    names = walker.entries("_G")
    wanted = ["smua", "smub", "digio", "timer", "status", "errorqueue", "display"]
    wanted += ["beeper", "format", "localnode", "node", "script", "lan", "gpib"]
    wanted += ["trigger", "tsplink", "eventlog", "userstring"]
    assert all(names[name].startswith("table: 0x") for name in wanted)
    functions = ["delay", "waitcomplete", "reset", "opc", "print", "printbuffer"]
    functions += ["printnumber", "makegetter", "makesetter", "exit"]
    functions += ["SweepVLinMeasureI", "ConfigPulseVMeasureI", "InitiatePulseTest"]
    assert all(names[name].startswith("function: 0x") for name in functions)
    assert not {"python", "io", "debug", "package", "require"} & set(names)


def test_an_object_shows_attributes_functions_and_constants(walker):
    getters, writable, objects, luatype = walker.namespace("smua")
    assert "sense" in getters
    assert "sense" in writable
    assert objects["source"].startswith("table: 0x")
    assert objects["reset"].startswith("function: 0x")
    assert objects["OUTPUT_DCVOLTS"] == "1.00000e+00"
    assert luatype != "nil"
    getters, writable, objects, _ = walker.namespace("smua.source")
    assert {"levelv", "leveli", "compliance", "output"} <= set(getters)
    assert "compliance" not in writable
    assert {"levelv", "rangei", "limitv"} <= writable
    _, _, objects, _ = walker.namespace("smua.measure")
    assert {"v", "i", "r", "p", "iv", "filter", "rel"} <= set(objects)


def test_buffers_and_their_columns_are_named(walker):
    """The driver reads an index straight away where it meets these type names."""
    getters, _, objects, luatype = walker.namespace("smua.nvbuffer1")
    assert luatype == "reading_buffer"
    assert "n" in getters
    assert {"clear", "readings", "timestamps"} <= set(objects)
    assert walker.namespace("smua.nvbuffer1.readings")[3] == "synchronous_table"


def test_every_object_can_be_walked(walker):
    """No object that can be reached breaks the walk, however deep it lies."""
    pending, seen = ["smua", "digio", "trigger", "lan", "display", "tsplink"], 0
    while pending:
        name = pending.pop()
        _, _, objects, _ = walker.namespace(name)
        seen += 1
        for key, value in objects.items():
            if value.startswith("table: 0x") and key not in ("address", "stimulus"):
                path = f"{name}[{key}]" if key.isdigit() else f"{name}.{key}"
                pending.append(path)
    assert seen > 80
    assert walker.query("errorqueue.count") == "0.00000e+00"


def test_iv_sweep_of_the_keithley2600_driver(smu_bench):
    """Lists in chunks, a trigger-model sweep, readings by index."""
    smu_bench.send("python_driver_list = {}")
    smu_bench.send("python_driver_list = {0.0, 0.5, 1.0}")
    smu_bench.send("smua.trigger.source.listv(python_driver_list)")
    smu_bench.send("smua.trigger.source.action = smua.ENABLE")
    smu_bench.send("smua.nvbuffer1.clear() smua.nvbuffer1.clearcache()")
    smu_bench.send("smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2)")
    smu_bench.send("smua.trigger.measure.action = smua.ENABLE")
    smu_bench.send("smua.trigger.count = 3 smua.source.output = 1")
    smu_bench.send("smua.trigger.initiate()", "waitcomplete()")
    volts = [smu_bench.value(f"smua.nvbuffer2.readings[{k}]") for k in (1, 2, 3)]
    assert volts == pytest.approx([0.0, 0.5, 1.0], abs=1e-4)


# -- QCoDeS and tm_devices: command strings of their drivers --------------------------


def test_qcodes_fast_sweep(smu_bench):
    """QCoDeS wraps its sweeps in loadandrunscript and reads REAL32 binary back."""
    program = [
        "smua.nvbuffer1.clear()",
        "smua.nvbuffer1.appendmode = 1",
        "for index = 1, 3 do",
        "smua.source.levelv = 0.1 * index",
        "smua.measure.i(smua.nvbuffer1)",
        "end",
        "format.data = format.REAL32",
        "format.byteorder = format.LITTLEENDIAN",
        "printbuffer(1, 3, smua.nvbuffer1.readings)",
    ]
    smu_bench.send("smua.source.output = smua.OUTPUT_ON")
    smu_bench.send("loadandrunscript\r\n" + "\r\n".join(program) + "\r\nendscript")
    (reply,) = smu_bench.replies()
    assert len(reply) == 2 + 3 * 4
    assert smu_bench.ask("print(localnode.model)") == "2636B"


@pytest.mark.parametrize(
    "commands",
    [
        "collectgarbage()",
        "*CLS",
        "errorqueue.clear()",
        "smua.source.output = smua.OUTPUT_OFF",
        "format.asciiprecision = 6",
        "_G.status.request_enable=0",
        "_G.localnode.showerrors = 0",
    ],
)
def test_set_up_and_clean_up_commands_are_silent(smu_bench, commands):
    smu_bench.send(commands)
    assert smu_bench.replies() == []
    assert smu_bench.error() == 0
