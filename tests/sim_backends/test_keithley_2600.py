"""The simulated 2636B as a whole: identity, defaults, commands and their answers."""

from __future__ import annotations

import pytest


def test_identity(smu_bench):
    maker, model, serial, firmware = smu_bench.ask("*IDN?").split(", ")
    assert (maker, model) == ("Keithley Instruments Inc.", "Model 2636B")
    assert serial == smu_bench.ask("print(localnode.serialno)")
    assert firmware == smu_bench.ask("print(localnode.revision)")
    assert smu_bench.ask("print(localnode.model)") == "2636B"


# Values after a reset: 2600BS-901-01 Rev. F, "Default value" of each attribute.
DEFAULTS = {
    "source.func": 1,
    "source.output": 0,
    "source.levelv": 0,
    "source.leveli": 0,
    "source.limitv": 20,
    "source.limiti": 0.1,
    "source.limitp": 0,
    "source.autorangev": 1,
    "source.autorangei": 1,
    "source.rangev": 0.2,
    "source.rangei": 1e-9,
    "source.lowrangev": 0.2,
    "source.lowrangei": 1e-9,
    "source.delay": 0,
    "source.offmode": 0,
    "source.offfunc": 1,
    "source.offlimiti": 1e-3,
    "source.offlimitv": 40,
    "source.highc": 0,
    "source.sink": 0,
    "source.settling": 0,
    "measure.nplc": 1,
    "measure.count": 1,
    "measure.interval": 0,
    "measure.delay": -1,
    "measure.delayfactor": 1,
    "measure.autozero": 2,
    "measure.autorangev": 1,
    "measure.autorangei": 1,
    "measure.lowrangev": 0.2,
    "measure.lowrangei": 100e-12,
    "measure.filter.count": 1,
    "measure.filter.enable": 0,
    "measure.rel.enablei": 0,
    "measure.rel.levelv": 0,
    "sense": 0,
    "trigger.count": 1,
    "trigger.endpulse.action": 1,
    "trigger.endsweep.action": 0,
    "nvbuffer1.n": 0,
    "nvbuffer1.appendmode": 0,
    "nvbuffer1.collecttimestamps": 1,
    "nvbuffer1.collectsourcevalues": 0,
    "nvbuffer1.fillmode": 0,
}


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("channel", ["smua", "smub"])
def test_defaults(smu_bench, channel, name):
    assert smu_bench.value(f"{channel}.{name}") == pytest.approx(DEFAULTS[name])


CHANGES = {
    "source.func": 0,
    "source.levelv": 1.5,
    "source.leveli": 1e-6,
    "source.limitv": 5,
    "source.limiti": 1e-3,
    "source.limitp": 2,
    "source.rangev": 20,
    "source.rangei": 1e-3,
    "source.delay": 0.01,
    "source.offmode": 2,
    "source.offlimiti": 1e-4,
    "source.highc": 1,
    "source.settling": 128,
    "measure.nplc": 0.1,
    "measure.count": 10,
    "measure.interval": 0.1,
    "measure.delay": 0.02,
    "measure.delayfactor": 2,
    "measure.autozero": 0,
    "measure.lowrangei": 1e-6,
    "measure.rangei": 1e-5,
    "measure.filter.count": 7,
    "measure.filter.type": 2,
    "measure.rel.enablei": 1,
    "measure.rel.leveli": 1e-6,
    "sense": 1,
    "trigger.count": 5,
    "contact.threshold": 100,
    "nvbuffer1.appendmode": 1,
    "nvbuffer1.collectsourcevalues": 1,
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("how", ["smua.reset()", "reset()", "*RST"])
def test_what_is_set_is_kept_until_a_reset(smu_bench, how, name):
    before = smu_bench.value(f"smua.{name}")
    smu_bench.send(f"smua.{name} = {CHANGES[name]}")
    assert smu_bench.value(f"smua.{name}") == pytest.approx(CHANGES[name])
    smu_bench.send(how)
    assert smu_bench.value(f"smua.{name}") == pytest.approx(before)
    assert smu_bench.error() == 0


# Commands and answers on the wire, with 1 kohm on channel A and no noise.
WIRE = [
    ("print(smua.OUTPUT_DCVOLTS, smua.OUTPUT_DCAMPS)", "1.00000e+00\t0.00000e+00"),
    ("print(smua.source.compliance)", "false"),
    ("print(smua.AUTOZERO_AUTO, smua.DELAY_AUTO)", "2.00000e+00\t-1.00000e+00"),
    ("print(smua.source.nonsense)", "nil"),
    ("smua.source.levelv = 1 print(smua.source.rangev)", "2.00000e+00"),
    ("smua.source.rangev = 5 print(smua.source.rangev)", "2.00000e+01"),
    ("smua.measure.rangei = 2e-6 print(smua.measure.rangei)", "1.00000e-05"),
    (
        "smua.source.levelv = 1 smua.source.output = 1 print(smua.measure.i())",
        "9.99990e-04",
    ),
    (
        "smua.source.levelv = 1 smua.source.output = 1 print(smua.measure.iv())",
        "9.99990e-04\t9.99990e-01",
    ),
    (
        "smua.source.levelv = 2 smua.source.output = 1 print(smua.measure.p())",
        "3.99992e-03",
    ),
    (
        "smua.source.levelv = 1 smua.source.output = 1 print(smua.measure.r())",
        "1.00000e+03",
    ),
    (
        "smua.source.levelv = 1 smua.source.limiti = 1e-4 smua.source.output = 1 "
        "print(smua.measure.i(), smua.source.compliance)",
        "1.00000e-04\ttrue",
    ),
    (
        "smua.source.levelv = 1 smua.source.output = 1 smua.measure.rangei = 1e-4 "
        "print(smua.measure.i())",
        "9.91000e+37",
    ),
    (
        "smua.source.func = 0 smua.source.leveli = 1e-3 smua.source.output = 1 "
        "print(smua.measure.v())",
        "1.00000e+00",
    ),
    ("print(smua.nvbuffer1.n, smua.nvbuffer1.capacity)", "0.00000e+00\t5.00000e+04"),
    ("b = smua.makebuffer(7) print(b.capacity, b.n)", "7.00000e+00\t0.00000e+00"),
    ("print(smua.measurevandstep(1), smua.source.levelv)", "0.00000e+00\t1.00000e+00"),
    ("print(digio.readport(), digio.readbit(3))", "1.63830e+04\t1.00000e+00"),
    ("timer.reset() delay(0.25) print(timer.measure.t())", "2.50000e-01"),
    ("print(format.data, format.asciiprecision)", "1.00000e+00\t6.00000e+00"),
    ("print(format.byteorder == format.SWAPPED)", "true"),
    ("print(status.measurement.BAV, status.EAV)", "2.56000e+02\t4.00000e+00"),
    ("print(bit.bitand(12, 10), bit.bitor(12, 10))", "8.00000e+00\t1.40000e+01"),
    ("print(bit.bitxor(12, 10), bit.test(8, 4))", "6.00000e+00\ttrue"),
    ("print(bit.set(8, 1), bit.clear(9, 1))", "9.00000e+00\t8.00000e+00"),
    ("print(bit.toggle(8, 4), bit.get(8, 4))", "0.00000e+00\t8.00000e+00"),
    ("print(bit.getfield(13, 2, 3))", "6.00000e+00"),
    ("print(bit.setfield(15, 2, 3, 5))", "1.10000e+01"),
    ("beeper.enable = 0 beeper.beep(1, 440) print(beeper.enable)", "0.00000e+00"),
    ("display.settext('hello') print(display.gettext())", "hello"),
    ("display.clear() print(display.gettext())", ""),
    ("display.smua.measure.func = display.MEASURE_DCVOLTS print(1)", "1.00000e+00"),
    ("userstring.add('a', 'b') print(userstring.get('a'))", "b"),
    ("dataqueue.add(5) print(dataqueue.count, dataqueue.next())", "1.00000e+00\t5.0"),
    ("print(node[1].smua.source.levelv, node[1].model)", "0.00000e+00\t2636B"),
    ("print(localnode.linefreq)", "5.00000e+01"),
    ("print(tsplink.state, gpib.address)", "offline\t2.60000e+01"),
    ("print(lan.trigger[1].wait(0), trigger.timer[1].delay)", "false\t1.00000e-05"),
    ("print(smua.contact.check())", "true"),
    ("print(smua.contact.r())", "0.00000e+00\t0.00000e+00"),
    ("print(smua.cal.state)", "0.00000e+00"),
    ("waitcomplete() print(1)", "1.00000e+00"),
    ("print(meminfo())", "3.00000e+04\t3.20000e+04"),
]


@pytest.mark.parametrize(("message", "answer"), WIRE)
def test_commands_and_answers(smu_bench, message, answer):
    smu_bench.send("reset()")
    assert smu_bench.ask(message)[: len(answer)] == answer
    assert smu_bench.error() == 0


ERRORS = [
    ("smua.source.levelv = 250", 1101),
    ("smua.source.levelv = -250", 1102),
    ("smua.source.leveli = 11", 1101),
    ("smua.source.limiti = 2", 1101),
    ("smua.source.limiti = 1e-12", 1102),
    ("smua.source.limitv = 1e-3", 1102),
    ("smua.source.limitv = 250", 1101),
    ("smua.source.rangev = 300", 1101),
    ("smua.source.func = 7", -224),
    ("smua.source.output = 5", 1101),
    ("smua.source.offmode = 3", 1101),
    ("smua.measure.nplc = 26", 1101),
    ("smua.measure.nplc = 0.0001", 1102),
    ("smua.measure.count = 0", 1102),
    ("smua.measure.autozero = 3", 1101),
    ("smua.measure.rangei = 11", 1101),
    ("smua.sense = 2", -224),
    ("smua.measure.i(5)", 1401),
    ("smua.measure.iv(smua.nvbuffer1, 5)", 1401),
    ("smua.measure.overlappedi()", 1401),
    ("smua.makebuffer(0)", 1102),
    ("smua.makebuffer()", -286),
    ("smua.source.compliance = true", -286),
    ("smua.source.nonsense = 1", -286),
    ("smua.source.levelv = 'high'", -286),
    ("smua.source.levelv = nil", -286),
    ("smua.source.output = true", -286),
    ("digio.readbit(15)", 1801),
    ("digio.trigger[1].mode = 9", 1101),
    ("digio.writeport(20000)", 1101),
    ("smua.trigger.source.listv(5)", 1401),
    ("localnode.linefreq = 55", -224),
]


@pytest.mark.parametrize(("message", "code"), ERRORS)
def test_what_is_refused(smu_bench, message, code):
    """A refused command changes nothing and says why in the error queue."""
    target = message.partition(" =")[0]
    readable = " = " in message and "nonsense" not in message
    before = smu_bench.ask(f"print({target})") if readable else ""
    smu_bench.send(message)
    assert smu_bench.error() == code
    assert smu_bench.error() == 0
    if readable:
        assert smu_bench.ask(f"print({target})") == before


def test_numerals_are_numbers(smu_bench):
    """Lua's library takes a numeral for a number, and so does the instrument's."""
    smu_bench.send("smua.source.levelv = '1.5'")
    assert smu_bench.value("smua.source.levelv") == 1.5


def test_the_second_channel_is_independent(smu_bench):
    smu_bench.send("smub.source.levelv = 3 smub.source.output = 1")
    assert smu_bench.value("smub.measure.v()") == pytest.approx(3.0)
    assert smu_bench.values("smua.source.levelv, smua.source.output") == [0, 0]


def test_the_line_frequency_sets_the_aperture(smu_bench):
    smu_bench.send("smua.measure.autozero = 0 smua.measure.delay = 0")
    at_50 = smu_bench.time_of("smua.measure.v()")
    smu_bench.send("localnode.linefreq = 60")
    at_60 = smu_bench.time_of("smua.measure.v()")
    assert at_50 - at_60 == pytest.approx(1 / 50 - 1 / 60, rel=1e-6)


def test_one_seed_gives_one_run(make_smu_bench):
    """Noise repeats to the bit."""
    script = (
        "smua.source.levelv = 1 smua.source.output = 1 smua.measure.nplc = 0.01 "
        "smua.measure.count = 200 smua.measure.i(smua.nvbuffer1) "
        "format.data = 3 printbuffer(1, 200, smua.nvbuffer1)"
    )
    runs = []
    for _ in range(2):
        bench = make_smu_bench(noise=True)
        bench.send(script)
        runs.append(bench.replies())
    assert runs[0] == runs[1]
    assert set(bench.numbers("format.data = 1 printbuffer(1, 200, smua.nvbuffer1)"))
