"""The B1500A's language, data formats and sources, from the manual's text."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.agilent_b1500a.formats import Element, encode
from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.wiring import Circuit

NO_ERROR = '+0,"No Error."'
PARAMETER = '+120,"Incorrect parameter value."'
COMPLIANCE = '+123,"Compliance must be set correctly."'
RANGE = '+124,"Incorrect range value for this channel."'


class Bench:
    """SMU 1 with 1 kohm to ground and 1 kohm to SMU 2; SPGU 5 with 50 ohm."""

    def __init__(self, *, noise=False, modules=None):
        self.clock = VirtualClock()
        self.circuit = Circuit(
            self.clock,
            [["it.smu1"], ["it.smu2"], ["it.spgu5_1"]],
            None,
            [
                ("it.smu1", "ground", 1e3),
                ("it.smu1", "it.smu2", 1e3),
                ("it.spgu5_1", "ground", 50.0),
            ],
        )
        self.it = AgilentB1500A(
            "it",
            Surroundings(
                self.clock,
                self.circuit,
                np.random.default_rng(1),
                50.0,
                noise,
                modules or {},
            ),
        )

    def replies(self):
        """Take all replies, without the carriage return at their end."""
        found = []
        while (reply := self.it.next_reply()) is not None:
            found.append(reply.content)
        return found

    def ask(self, *messages):
        """Send messages; return the replies to the last as text."""
        for message in messages:
            self.it.write(message.encode())
        replies = self.replies()
        assert all(reply.endswith(b"\r") for reply in replies)
        return [reply[:-1].decode() for reply in replies]

    def error(self):
        (reply,) = self.ask("ERRX?")
        return reply

    def voltage(self, terminal="smu1"):
        return self.circuit.measure(self.it.drives[terminal], 0.0).voltage


@pytest.fixture
def bench():
    return Bench()


def values(reply):
    """Return the numbers of a reply in the format FMT1."""
    return [float(item[3:]) for item in reply.split(",")]


@pytest.mark.parametrize(
    ("messages", "replies"),
    [
        (["*IDN?"], ["Agilent Technologies,B1500A,0,A.06.01.2019.0816"]),
        (["UNT?"], ["B1517A,0;B1517A,0;0,0;0,0;B1525A,0" + ";0,0" * 5]),
        (["*OPC?"], ["1"]),
        (["*TST?"], ["0"]),
        (["*LRN? 0"], ["CL"]),
        (["*LRN? 1"], ["CL1"]),
        (["CN 1,2", "*LRN? 0"], ["CN1,2"]),
        (["cn1", "*lrn?1"], ["DV1,200,+00.0000E+00,+100.000E-06,0,16"]),
        (["CN;CL 2", "*LRN? 0"], ["CN1,5,502"]),
        (["*LRN? 31"], ["TM1;AV1,0;CM1;FMT1,0;MM1"]),
        (["*LRN? 56"], ["AIT0,0,1;AIT1,0,6;AIT2,3,0.000002;AZ0"]),
        (["AV -5", "*LRN? 31"], ["TM1;AV-5;CM1;FMT1,0;MM1"]),
        (["LOP?"], ["LOP00,00,00,00,00,00,00,00,00,00"]),
        (["ERR?"], ["0,0,0,0"]),
        (["EMG? 100"], ["Undefined GPIB command."]),
        (["*SRE 32", "*SRE?"], ["32"]),
        (["*STB?"], ["16"]),
        (["VAR 1,3,2.5", "VAR? 1,3"], ["+2.50000E+00"]),
        (["LIM 2,0.05", "LIM? 2"], ["+50.0000E-03"]),
        (["SPRM?"], ["0,0"]),
        (["SPV 501,1,0,2", "SPV? 5,1"], ["+00.0000E+00,+2.00000E+00"]),
        (["*IDN?", "*OPC?"], ["1"]),
        (["*TST?;*OPC?"], ["0", "1"]),
    ],
)
def test_queries_are_answered(bench, messages, replies):
    assert bench.ask(*messages) == replies
    assert bench.error() == NO_ERROR


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("FOO", '+100,"Undefined GPIB command."'),
        ("*CLS", '+100,"Undefined GPIB command."'),
        ("DV 1,abc,1", '+102,"Incorrect numeric data syntax."'),
        ("DV 1,0", '+103,"Incorrect terminator position."'),
        ("BC 1", '+103,"Incorrect terminator position."'),
        ("FMT 6", PARAMETER),
        ("DV 1,0,100.1", PARAMETER),
        ("DV 1,-20,2.1", PARAMETER),
        ("DV 12,0,1", '+121,"Channel number must be 1 to 10."'),
        ("DV 3,0,1", '+153,"No module for the specified channel."'),
        ("CN 1,1", '+122,"Number of channels must be corrected."'),
        ("MM 1;XE", '+122,"Number of channels must be corrected."'),
        ("DV 1,0,1,0.2", COMPLIANCE),
        ("DV 1,0,30,0.06", COMPLIANCE),
        ("DV 1,0,60,0.03", COMPLIANCE),
        ("DI 1,0,1E-3", COMPLIANCE),
        ("DI 1,0,0.06,21", COMPLIANCE),
        ("DV 1,7,1", RANGE),
        ("RI 1,20", RANGE),
        ("TI 1,8", RANGE),
        ("DV 2,0,1", '+200,"Channel output switch must be ON."'),
        ("TV 2", '+200,"Channel output switch must be ON."'),
        ("TGP 17,1,1", '+620,"TGP specified incorrect I/O port."'),
        ("OSX 1", '+620,"TGP specified incorrect I/O port."'),
        ("MM 2,1;XE", PARAMETER),
        ("WV 1,2,0,-1,1,11", PARAMETER),
        ("WV 1,1,0,0,1,10002", PARAMETER),
        ("WT 656,0", PARAMETER),
        ("PT 0,0.1,0.101", PARAMETER),
        ("MT 0,5E-5,10", PARAMETER),
        ("DO 7", PARAMETER),
        ("SPPER 1E-8", PARAMETER),
        ("SPV 501,1,0,21", PARAMETER),
        ("AIT 1,3,1", PARAMETER),
        ("AV 1024", PARAMETER),
    ],
)
def test_what_is_wrong_has_its_error_and_changes_nothing(bench, message, error):
    bench.ask("CN 1")
    kinds = (0, 1, 30, 31, 32, 33, 34, 46, 47, 53, 54, 55, 56, 57, 58, 60)
    state = [bench.ask(f"*LRN? {kind}") for kind in kinds]
    mode = message.startswith("MM")
    assert bench.ask(message) == []
    assert bench.error() == error
    after = [bench.ask(f"*LRN? {kind}") for kind in kinds]
    assert [
        pair
        for pair in zip(kinds, state, after, strict=True)
        if pair[1] != pair[2] and not (mode and pair[0] == 31)
    ] == []
    assert bench.error() == NO_ERROR


def test_a_syntax_error_ends_the_message_and_an_execution_error_does_not(bench):
    bench.ask("CN 1;DV 1,0,1;OOPS;DV 1,0,2")
    assert bench.ask("*LRN? 1")[0].startswith("DV1,0,+1.00000E+00")
    bench.ask("DV 1,0,150;DV 1,0,2")
    assert bench.ask("*LRN? 1")[0].startswith("DV1,0,+2.00000E+00")
    assert bench.ask("ERR?") == ["100,120,0,0"]
    assert bench.error() == NO_ERROR


def test_the_error_queue_holds_thirty(bench):
    bench.ask(*["FMT 9"] * 40)
    assert [bench.ask("ERRX? 1") for _ in range(31)] == [["+120"]] * 30 + [["+0"]]
    assert bench.it.status_byte() & 32 == 0


@pytest.mark.parametrize(
    ("source", "read", "expected"),
    [
        ("DV 1,0,0.5,0.01", "TI 1,0", "NAI+499.850E-06"),
        ("DV 1,0,0.5,0.01", "TV 1,0", "NAV+499.850E-03"),
        ("DV 1,0,0.5,1E-4", "TI 1,0", "CAI+100.000E-06"),
        ("DV 1,0,-0.5,1E-4", "TI 1,0", "CAI-100.000E-06"),
        ("DI 1,0,1E-3,5", "TV 1,0", "NAV+1.00000E+00"),
        ("DI 1,0,1E-3,0.6", "TV 1,0", "CAV+600.000E-03"),
        ("DV 1,0,0.5,0.01", "TI 1,-15", "VAI+199.999E+99"),
        ("DV 1,0,0.5,0.01", "TIV 1", "NAI+499.850E-06,NAV+499.850E-03"),
        ("SSR 1,1;DV 1,0,1,0.01", "TI 1", "NAI+999.000E-09"),
        ("FMT 2;DV 1,0,0.5,0.01", "TI 1,-18", "+500.000E-06"),
        ("FMT 11;DV 1,0,0.5,0.01", "TI 1,-18", "NAI+500.0000E-06"),
        ("FMT 12;DV 1,0,0.5,0.01", "TI 1,-18", "+500.0000E-06"),
        ("FMT 21;DV 1,0,0.5,0.01", "TI 1,-18", "000AI+500.0000E-06"),
        ("FMT 21;DV 1,0,0.5,1E-4", "TI 1", "008AI+100.0000E-06"),
    ],
)
def test_spot_measurements(bench, source, read, expected):
    """1 kohm behind 0.3 ohm, in steps of range / 20000."""
    bench.ask("CN 1", source)
    assert bench.error() == NO_ERROR
    (reply,) = bench.ask(read)
    assert reply == expected


def test_another_channel_in_compliance_is_told(bench):
    bench.ask("CN", "DV 1,0,1,0.01", "DV 2,0,0,1E-6")
    assert bench.ask("TI 2") == ["CBI-1.00000E-06"]
    (reply,) = bench.ask("TI 1")
    assert reply.startswith("TAI")


def test_off_is_open_and_on_is_zero(bench):
    bench.ask("CN", "DV 1,0,0,0.01", "DV 2,0,1,0.01")
    assert bench.voltage() == pytest.approx(0.0, abs=1e-3)
    bench.ask("CL 1")
    assert bench.voltage() == pytest.approx(0.5, rel=1e-3)
    bench.ask("CL")
    assert bench.voltage() == 0.0


def test_zero_and_restore(bench):
    bench.ask("CN 1", "DI 1,0,1E-3,5")
    assert bench.voltage() == pytest.approx(1.0)
    bench.ask("DZ")
    assert bench.voltage() == 0.0
    bench.ask("RZ 1")
    assert bench.voltage() == pytest.approx(1.0)
    bench.ask("IN 1")
    assert bench.ask("*LRN? 1") == ["DV1,200,+00.0000E+00,+100.000E-06,0,16"]


def test_a_level_is_put_out_in_steps_of_its_range(bench):
    bench.ask("CN 1", "DV 1,20,0.123456,0.01")
    assert bench.ask("*LRN? 1")[0].startswith("DV1,20,+123.500E-03")
    bench.ask("DV 1,0,0.123456,0.01")
    assert bench.ask("*LRN? 1")[0].startswith("DV1,0,+123.450E-03")


@pytest.mark.parametrize(
    ("setting", "duration"),
    [
        ("AV -1", 20e-3),
        ("AIT 0,2,3", 60e-3),
        ("AAD 1,1;AIT 1,2,2", 40e-3),
        ("AAD 1,1;AIT 1,2,2;AZ 1", 80e-3),
        ("AIT 0,3,1E-2", 10e-3),
    ],
)
def test_a_reading_takes_its_integration_time(bench, setting, duration):
    bench.ask("CN 1", setting, "TV 1,0")
    before = bench.clock.now
    bench.ask("TV 1,0")
    assert bench.clock.now - before == pytest.approx(duration, abs=0.1e-3)


def test_noise_falls_with_the_integration_and_follows_the_seed():
    spreads, firsts = [], []
    for cycles in (1, 100):
        bench = Bench(noise=True)
        bench.ask("CN 1", "DV 1,0,1,0.01", "AAD 1,1", f"AIT 1,2,{cycles}")
        found = [values(bench.ask("TI 1,-17")[0])[0] for _ in range(100)]
        spreads.append(np.std(found))
        firsts.append(found[0])
    # Two steps of 1 nA on the 1 mA range at one cycle; 100 values scatter by 7 %.
    assert spreads[0] == pytest.approx(2e-9, rel=0.3)
    assert spreads[1] == pytest.approx(0.2e-9 + 1e-9 / 12**0.5, rel=0.9)
    again = Bench(noise=True)
    again.ask("CN 1", "DV 1,0,1,0.01", "AAD 1,1", "AIT 1,2,1")
    assert values(again.ask("TI 1,-17")[0])[0] == firsts[0]


def test_the_timer(bench):
    bench.ask("TSR", "PA 0.5")
    assert values(bench.ask("TSQ")[0])[0] == pytest.approx(0.5)
    bench.ask("CN 1", "TSR 1", "PA 1", "DV 1,0,0.1,0.01")
    assert values(bench.ask("TTI 1,-16")[0])[0] == pytest.approx(0.0, abs=1e-9)


def test_answers_come_before_data_and_data_are_counted(bench):
    bench.ask("CN 1")
    bench.it.write(b"TI 1,0;TV 1,0;TIV 1;NUB?")
    assert [reply[:3] for reply in bench.replies()] == [b"4\r", b"NAI", b"NAV", b"NAI"]
    bench.it.write(b"TI 1,0;BC;NUB?")
    assert bench.replies() == [b"0\r"]


# The manual's own examples, Programming Guide ed. 11, p. 1-43 and 1-53.
def test_binary_data_are_those_of_the_manual():
    current = Element("N", 1, "I", 100e-12, 11)
    assert encode([current], 4) == int("11010110000100111000100000000001", 2).to_bytes(
        4, "big"
    )
    time = Element("N", 1, "T", 0.1)
    assert encode([time], 14) == int(
        "0000001100000000000000000000000000000001100001101010000000000001", 2
    ).to_bytes(8, "big")


@given(
    count=st.integers(-50_000, 50_000),
    code=st.integers(9, 19),
    channel=st.integers(1, 10),
)
def test_short_binary_data_are_decoded_by_the_manuals_formula(count, code, channel):
    value = count * 10.0 ** (code - 20) / 50_000
    word = int.from_bytes(encode([Element("N", channel, "I", value, code)], 4), "big")
    found = word >> 8 & 0xFFFF
    assert found - (65536 if word >> 24 & 1 else 0) == count
    assert word >> 25 & 31 == code
    assert word & 31 == channel


@given(count=st.integers(-1_150_000, 1_150_000), code=st.integers(9, 19))
def test_long_binary_data_are_decoded_by_the_manuals_formula(count, code):
    value = count * 10.0 ** (code - 20) / 1e6
    content = encode([Element("C", 2, "I", value, code)], 13)
    first, found, counts, status, last = struct.unpack(">BBiBB", content[:-1])
    assert (first, found, status, last) == (0b10000001, code, 8, 2)
    assert counts == count


# -- every setting that reads back -----------------------------------------------------

RANGES_I = [0, *range(9, 20), *range(-19, -8)]
RANGES_V = [0, 5, 20, 50, 200, 400, 1000, -5, -20, -50, -200, -400, -1000]
WHOLE = [
    ("AV {0},1", 31, "AV{0},1;", range(1, 1024), [0, 1024, 2000]),
    ("AIT 1,2,{0}", 56, "AIT1,2,{0};", range(1, 101), [0, 101]),
    ("CMM 1,{0}", 46, "CMM1,{0};", range(5), [-1, 5]),
    ("SSR 2,{0}", 53, "SSR2,{0}", range(2), [-1, 2]),
    ("AAD 1,{0}", 55, "AAD1,{0};", range(3), [-1, 3]),
    ("TSC {0}", 60, "TSC{0}", range(2), [-1, 2]),
    ("TM {0}", 31, "TM{0};", range(1, 5), [0, 5]),
    ("CM {0}", 31, "CM{0};", range(2), [2]),
    ("PAD {0}", 110, "PAD{0}", range(2), [2]),
    ("FMT 1,{0}", 31, "FMT1,{0};", range(11), [-1, 11]),
    ("RM 1,2,{0}", 54, "RM1,2,{0};", range(11, 101), [10, 101]),
    ("RI 1,{0}", 32, "RI1,{0};", RANGES_I, [8, 20, -8, 5]),
    ("RV 1,{0}", 32, "RV1,{0};", RANGES_V, [2, 2000, 7]),
    ("ML {0}", 47, "ML{0}", range(1, 8), [0, 8]),
    ("WM {0},2", 33, "WM{0},2;", (1, 2), [0, 3]),
]


@pytest.mark.parametrize(("command", "kind", "shown", "allowed", "_"), WHOLE)
@given(data=st.data())
def test_a_whole_setting_reads_back(command, kind, shown, allowed, _, data):
    value = data.draw(st.sampled_from(list(allowed)))
    bench = Bench()
    bench.ask(command.format(value))
    (reply,) = bench.ask(f"*LRN? {kind}")
    assert shown.format(value) in reply
    assert bench.error() == NO_ERROR


@pytest.mark.parametrize(
    ("command", "kind", "value"),
    [(row[0], row[1], value) for row in WHOLE for value in row[4]],
)
def test_a_whole_setting_out_of_range_is_refused(bench, command, kind, value):
    before = bench.ask(f"*LRN? {kind}")
    bench.ask(command.format(value))
    assert bench.error() in (PARAMETER, RANGE)
    assert bench.ask(f"*LRN? {kind}") == before


@given(level=st.floats(-100, 100), compliance=st.floats(1e-11, 0.02))
def test_a_voltage_reads_back_in_steps_of_its_range(level, compliance):
    bench = Bench()
    bench.ask("CN 1", f"DV 1,0,{level!r},{compliance!r}")
    assert bench.error() == NO_ERROR
    extent = next(full for full in (0.5, 2, 5, 20, 40, 100) if abs(level) <= full)
    _, _, found, limit, *_ = bench.ask("*LRN? 1")[0].split(",")
    step = extent / 20_000
    assert float(found) == pytest.approx(level, abs=step / 2 + 1e-5 * abs(level))
    assert float(found) == pytest.approx(round(level / step) * step, rel=6e-6)
    assert float(limit) == pytest.approx(compliance, rel=1e-5)


@given(
    hold=st.floats(0, 655.35),
    delay=st.floats(0, 65.535),
    step=st.floats(0, 1),
)
def test_sweep_times_read_back_in_their_steps(hold, delay, step):
    bench = Bench()
    bench.ask(f"WT {hold!r},{delay!r},{step!r}")
    shown = bench.ask("*LRN? 33")[0].partition(";WT")[2].split(",")
    assert float(shown[0]) == pytest.approx(hold, abs=0.5001e-2)
    assert float(shown[1]) == pytest.approx(delay, abs=0.5001e-4)
    assert float(shown[2]) == pytest.approx(step, abs=0.5001e-4)
    assert bench.error() == NO_ERROR


HEADERS = sorted(set(Bench().it._commands) - {"*CAL?", "CA", "PA", "PAX", "MT", "PT"})
NUMBERS = st.one_of(
    st.integers(-3, 20).map(str),
    st.floats(-100, 100).map(repr),
    st.sampled_from(["1E400", "-1E-400", "501", "", "%R1", "1E3"]),
)


@given(
    messages=st.lists(
        st.tuples(st.sampled_from(HEADERS), st.lists(NUMBERS, max_size=8)), max_size=12
    )
)
def test_whatever_is_sent_ends_in_an_answer_or_an_error(messages):
    """No message fails otherwise than by the instrument's own error."""
    bench = Bench()
    bench.ask("CN", "MM 2,1", "WV 1,1,0,0,1,3,0.01", "MT 0,0.001,3")
    for header, numbers in messages:
        bench.it.write(f"{header} {','.join(numbers)}".encode())
        bench.replies()
    bench.it.clear()
    assert bench.error().startswith("+")


# -- modules ---------------------------------------------------------------------------


def test_terminals_follow_the_modules():
    modules = {"slot9": "B1525A", "slot1": "B1511B", "slot3": "B1510A"}
    found = AgilentB1500A.terminals_with(modules)
    assert found.outputs == ("smu1", "smu3", "spgu9_1", "spgu9_2")
    assert AgilentB1500A.terminals_with({}).outputs == (
        "smu1",
        "smu2",
        "spgu5_1",
        "spgu5_2",
    )


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"slot11": "B1517A"}, "modules.slot11: no slot; slot1 to slot10"),
        ({"1": "B1517A"}, "modules.1: no slot"),
        ({"slot1": "B9999A"}, "modules.slot1: 'B9999A' is not known: B1510A"),
    ],
)
def test_a_module_that_does_not_exist_is_refused(modules, message):
    with pytest.raises(BenchConfigError, match=message):
        AgilentB1500A.terminals_with(modules)


def test_the_high_power_module_has_its_own_ranges():
    bench = Bench(modules={"slot1": "B1510A", "slot2": "B1511B", "slot5": "B1525A"})
    bench.ask("CN", "DV 1,0,150,0.05")
    assert bench.error() == NO_ERROR
    bench.ask("DV 1,5,0.1")
    assert bench.error() == RANGE
    bench.ask("TI 2,10")
    assert bench.error() == RANGE


def test_a_reset_opens_the_outputs_and_keeps_the_errors(bench):
    bench.ask("CN 1", "DV 1,0,1,0.01", "FMT 9", "AV 5", "*RST")
    assert bench.ask("*LRN? 0") == ["CL"]
    assert bench.ask("*LRN? 31") == ["TM1;AV1,0;CM1;FMT1,0;MM1"]
    assert bench.error() == PARAMETER
