"""The bench file: what it says, and each wrong file told in one line."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labneuro.bench import BenchConfig, load_bench, load_card
from labneuro.errors import BenchConfigError, CardError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

BENCH = """\
description: a bench
visa_library: "@labneuro"
instruments:
  smu: {model: Keithley 2636B, address: "TCPIP0::192.0.2.36::inst0::INSTR"}
  afg: {model: Tektronix AFG31000, address: "USB0::1::2::3::INSTR", timeout: 5 s}
roles: {source_meter: smu.smua, pulse_generator: afg.ch1}
device:
  id: H-NNO-01
  model: hnno
  geometry: {channel_length: 20 um}
  limits: {voltage: 6 V, current: 2 mA}
limits: {voltage: 10 V, current: 1 mA}
wiring:
  nets:
    - [afg.ch1, device.Au]
    - [smu.smua, device.Pd]
  triggers:
    - [smu.digio1, afg.trigger]
  resistors:
    - {between: [afg.ch1, ground], value: 1 Mohm}
simulation: {card: hnno, seed: 3, overrides: {slope: 0.006 V/um}}
"""


@pytest.fixture
def load(write):
    """Return a function that loads a bench from text."""

    def load_text(text: str) -> BenchConfig:
        return load_bench(write("b.yaml", text))

    return load_text


def test_reads_everything_in_si(load, tmp_path):
    """Every section arrives, quantities in SI units, defaults filled in."""
    bench = load(BENCH)
    assert (bench.name, bench.path) == ("b", tmp_path / "b.yaml")
    assert bench.text == BENCH
    assert bench.instruments["smu"].timeout == 10.0
    assert bench.instruments["afg"].timeout == 5.0
    assert bench.roles == {"source_meter": "smu.smua", "pulse_generator": "afg.ch1"}
    assert bench.device.geometry == {"channel_length": 20e-6}
    assert bench.wiring.nets == (("afg.ch1", "device.Au"), ("smu.smua", "device.Pd"))
    assert bench.wiring.resistors[0].value == 1e6
    assert bench.simulation is not None
    assert bench.simulation.model_dump() == {
        "card": "hnno",
        "clock": "virtual",
        "seed": 3,
        "line_frequency": 50.0,
        "noise": True,
        "draw_device": False,
        "device_seed": None,
        "overrides": {"slope": "0.006 V/um"},
        "faults": (),
    }


def test_safe_limits_are_the_tighter(load):
    """Voltage is limited by the device here, current by the bench."""
    limits = load(BENCH).safe_limits
    assert (limits.voltage, limits.current) == (6.0, 1e-3)


def test_missing_limits_are_infinite(load):
    """A bench may leave a limit to the device, and the other way round."""
    text = BENCH.replace("limits: {voltage: 10 V, current: 1 mA}", "limits: {}")
    assert load(text).safe_limits.current == 2e-3
    limits = load(text.replace("6 V, current: 2 mA", "6 V")).safe_limits
    assert (limits.voltage, limits.current) == (6.0, math.inf)


def test_hardware_needs_no_simulation(load):
    """Only the VISA library says whether a bench is simulated."""
    text = BENCH.replace('"@labneuro"', '"@py"')
    assert not load(text).simulated
    assert not load(text.partition("simulation:")[0]).simulated
    assert load(BENCH).simulated


def test_trigger_line(load):
    """The line is found by the two instruments that it joins."""
    bench = load(BENCH)
    assert bench.trigger_line("smu", "afg") == "digio1"
    with pytest.raises(BenchConfigError, match="no line from 'afg' to 'smu'"):
        bench.trigger_line("afg", "smu")
    with pytest.raises(BenchConfigError, match="no line from 'sm' to 'afg'"):
        bench.trigger_line("sm", "afg")


def test_ground_joins_nets(load):
    """Ground is the one terminal that may be on several nets."""
    text = BENCH.replace("[smu.smua, device.Pd]", "[smu.smub, ground]\n    - [ground]")
    assert load(text).wiring.nets[2] == ("ground",)


FAULTS = [
    ("description: a bench", "", "description: this key is missing"),
    (
        "wiring:",
        "wires:",
        "wires: unknown key; known keys are description, device, instr",
    ),
    ("timeout: 5 s", "timeout: 0 s", "instruments.afg.timeout: Input should be gre"),
    ("timeout: 5 s", "timeout: 5", "instruments.afg.timeout: 5 has no unit"),
    ("timeout: 5 s", "time: 5 s", "instruments.afg.time: unknown key"),
    ("model: Keithley 2636B, ", "", "instruments.smu.model: this key is missing"),
    ("source_meter:", "meter:", "Input should be 'source_meter', 'current_pulser', "),
    ("smu.smua, pulse", "smu, pulse", "roles.source_meter: 'smu' is not a terminal"),
    ("pulse_generator: afg.ch1", "oscilloscope: afg.ch1", "'afg.ch1' is not an inst"),
    ("pulse_generator: afg.ch1", "switch_matrix: abc", "roles.switch_matrix: 'abc' is"),
    ("smu.smua, pulse", "smx.smua, pulse", "roles.source_meter: 'smx.smua' is of no"),
    ("smu.smua, pulse", "ground, pulse", "roles.source_meter: 'ground' is of no kn"),
    ("smu.smua, pulse", "device.Au, pulse", "'device.Au' is of no known owner; known"),
    ("20 um", "20 V", "device.geometry.channel_length: '20 V' is not a quantity in m"),
    ("20 um", "-20 um", "device.geometry.channel_length: Input should be greater"),
    ("20 um", "'20,5 um'", "device.geometry.channel_length: '20,5 um' is not a quan"),
    ("voltage: 6 V", "voltage: inf V", "device.limits.voltage: 'inf V' is not a qua"),
    ("voltage: 6 V", "voltage: .inf", "device.limits.voltage: inf has no unit"),
    ("voltage: 6 V", "voltage: -6 V", "device.limits.voltage: Input should be gre"),
    ("voltage: 6 V", "energy: 6 J", "device.limits.energy: unknown key; known keys a"),
    ("voltage: 6 V", "power: 6 V", "device.limits.power: '6 V' is not a quantity in W"),
    ("voltage: 6 V", "charge: 0 C", "device.limits.charge: Input should be greater t"),
    ("voltage: 6 V", "exposure: 6 V", "device.limits.exposure: '6 V' is not a quanti"),
    ("[afg.ch1, device.Au]", "afg.ch1", "wiring.nets.0: Input should be a valid tup"),
    ("[afg.ch1, device.Au]", "[afg.ch1, device]", "'device' is not a terminal; wri"),
    ("[afg.ch1, device.Au]", "[xyz.ch1, device.Au]", "wiring: 'xyz.ch1' is of no kn"),
    ("[afg.ch1, device.Au]", "[afg.ch1, ground.x]", "'ground.x' is not a terminal"),
    ("[afg.ch1, device.Au]", '["afg.ch1\\n"]', r"'afg.ch1\n' is not a terminal"),
    ("[afg.ch1, device.Au]", "[smu.smua]", "wiring.nets: 'smu.smua' is given twice"),
    ("[smu.digio1, afg.trigger]", "[smu.digio1]", "wiring.triggers.0.1: this key is"),
    ("afg.trigger]", "device.Au]", "wiring.triggers: 'device.Au' is of no known"),
    ("[afg.ch1, ground]", "[afg.ch1]", "wiring.resistors.0.between.1: this key is"),
    ("[afg.ch1, ground]", "[abc.ch1, ground]", "wiring: 'abc.ch1' is of no known own"),
    ("triggers:", "probes: {smu.smua: 3x}\n  triggers:", "wiring.probes.smu.smua: In"),
    ("triggers:", "probes: {x.ch1: 10x}\n  triggers:", "wiring.probes: 'x.ch1' is of"),
    ("1 Mohm", "0 ohm", "wiring.resistors.0.value: Input should be greater than 0"),
    ("seed: 3", "seed: -3", "simulation.seed: Input should be greater than or equal"),
    ("seed: 3", "seed: 3.5", "simulation.seed: Input should be a valid integer"),
    ("seed: 3", "clock: fast", "simulation.clock: Input should be 'virtual' or 'rea"),
    ("seed: 3", "line_frequency: 400 Hz", "simulation.line_frequency: Input should"),
    ("seed: 3", "sead: 3", "simulation.sead: unknown key; known keys are card, cloc"),
    ("simulation: {", "#{", "simulation: a simulated bench needs this section"),
    ("  afg: {", "  device: {", "instruments.device: this name is taken"),
]


@pytest.mark.parametrize(("old", "new", "told"), FAULTS, ids=range(len(FAULTS)))
def test_wrong_bench_is_told(load, tmp_path, old, new, told):
    """The line names file, key, value and what is allowed."""
    assert BENCH.count(old) == 1
    with pytest.raises(BenchConfigError) as caught:
        load(BENCH.replace(old, new))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'b.yaml'}: ")
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "3", "- a", "hello"])
def test_file_without_keys_is_told(load, text):
    """A file that is no mapping is no bench."""
    with pytest.raises(BenchConfigError, match="expected keys and values, found"):
        load(text)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["1 V", "10 us", "smu.smua", "ground", "@labneuro", "1 mA", ""])
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(content: object, place: tuple[str | int, ...] = ()):
    """Yield the place of every value inside a nested content."""
    yield place
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from paths(value, (*place, key))


def replaced(content: object, place: tuple[str | int, ...], value: object) -> object:
    """Return the content with the value at a place replaced."""
    if not place:
        return value
    assert isinstance(content, dict | list)
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[place[0]] = replaced(copy[place[0]], place[1:], value)  # type: ignore[index]
    return copy


@given(place=st.sampled_from(list(paths(yaml.safe_load(BENCH)))), value=junk)
def test_any_value_anywhere_is_read_or_told(load, place, value):
    """No content makes a traceback, a hang or an endless message."""
    content = replaced(yaml.safe_load(BENCH), place, value)
    answer = load_or_refuse(load, yaml.safe_dump(content))
    assert isinstance(answer, BenchConfig) or 0 < len(answer) < 1000


@given(st.text(max_size=80))
def test_any_text_is_read_or_told(load, text):
    """A file of any text is told in one line."""
    assert isinstance(load_or_refuse(load, text.encode(errors="ignore").decode()), str)


def load_or_refuse(load: Callable[[str], BenchConfig], text: str) -> BenchConfig | str:
    """Return the bench or the message; any other error fails the test."""
    try:
        return load(text)
    except InputError as error:
        return str(error)


CARD = """\
model: hnno
description: a card
citation: a paper
parameters:
  slope: {value: 0.006 V/um, mark: quoted, source: Figure 2}
"""

CARD_FAULTS = [
    ("model: hnno", "", "model: this key is missing"),
    ("value: 0.006 V/um, ", "", "parameters.slope.value: this key is missing"),
    ("value: 0.006 V/um", "value: true", "parameters.slope.value"),
    ("mark: quoted", "mark: guessed", "Input should be 'quoted', 'derived', 'fitted'"),
    ("source: Figure 2", "source: ''", "parameters.slope.source: String should have"),
    (", source: Figure 2", "", "parameters.slope.source: this key is missing"),
    ("source: Figure 2", "note: x, source: F 2", "parameters.slope.note: unknown key"),
]


def test_reads_card(write):
    """A card's numbers stay as written until a device model asks for them."""
    card = load_card(write("c.yaml", CARD))
    assert card.parameters["slope"].value == "0.006 V/um"


@pytest.mark.parametrize(("old", "new", "told"), CARD_FAULTS)
def test_wrong_card_is_told(write, old, new, told):
    """A number without mark or source is no number of a card."""
    with pytest.raises(CardError, match=re.escape(told)):
        load_card(write("c.yaml", CARD.replace(old, new)))
