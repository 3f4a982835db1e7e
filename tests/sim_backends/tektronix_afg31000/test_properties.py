"""Every number that a client can set reads back as the AFG31000 quantises it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labneuro.sim_backends.tektronix_afg31000 import limits

# Header, what must be set before, and the steps: decimals of a value or its digits.
SETTINGS = {
    "SOURce1:FREQuency:FIXed": ((), "12 digits"),
    "SOURce1:VOLTage:AMPLitude": ((), "volts"),
    "SOURce1:VOLTage:OFFSet": ((), "volts"),
    "SOURce1:VOLTage:HIGH": ((), "volts"),
    "SOURce1:VOLTage:LOW": ((), "volts"),
    "SOURce1:VOLTage:LIMit:HIGH": ((), "volts"),
    "SOURce1:VOLTage:LIMit:LOW": ((), "volts"),
    "SOURce1:PHASe:ADJust": ((), "as it is"),
    "SOURce1:PULSe:WIDTh": (("SOUR1:FUNC PULS", "SOUR1:PULS:HOLD WIDT"), "as it is"),
    "SOURce1:PULSe:DCYCle": (("SOUR1:FUNC PULS", "SOUR1:FREQ 1e3"), "3 decimals"),
    "SOURce1:PULSe:PERiod": ((), "as it is"),
    "SOURce1:PULSe:TRANsition:LEADing": (("SOUR1:FREQ 1e3",), "as it is"),
    "SOURce1:PULSe:TRANsition:TRAiling": (("SOUR1:FREQ 1e3",), "as it is"),
    "SOURce1:PULSe:DELay": (("SOUR1:FREQ 1e3",), "as it is"),
    "SOURce1:FUNCtion:RAMP:SYMMetry": ((), "1 decimals"),
    "SOURce1:BURSt:TDELay": ((), "delay"),
    "SOURce1:AM:DEPTh": ((), "1 decimals"),
    "SOURce1:AM:INTernal:FREQuency": ((), "3 decimals"),
    "SOURce1:FM:DEViation": ((), "6 decimals"),
    "SOURce1:PM:DEViation": ((), "as it is"),
    "SOURce1:FSKey:FREQuency": ((), "6 decimals"),
    "SOURce1:FSKey:INTernal:RATE": ((), "3 decimals"),
    "SOURce1:PWM:DEViation:DCYCle": (("SOUR1:FREQ 1e3",), "1 decimals"),
    "SOURce1:FREQuency:STARt": ((), "6 decimals"),
    "SOURce1:FREQuency:STOP": ((), "6 decimals"),
    "SOURce1:SWEep:TIME": ((), "as it is"),
    "SOURce1:SWEep:HTIMe": ((), "as it is"),
    "SOURce1:SWEep:RTIMe": ((), "as it is"),
    "SOURce3:POWer:LEVel": ((), "1 decimals"),
}
QUANTISED = {
    "12 digits": lambda value: float(f"{value:.11E}"),
    "volts": limits.round_voltage,
    "delay": limits.round_delay,
    "1 decimals": lambda value: round(value, 1),
    "3 decimals": lambda value: round(value, 3),
    "6 decimals": lambda value: round(value, 6),
    "as it is": lambda value: value,
}


def prepared(make_table, header):
    """Return an AFG ready for a setting, and the setting's ends."""
    table = make_table()
    table.send(*SETTINGS[header][0])
    assert table.error() == 0
    return table, table.value(f"{header}? MIN"), table.value(f"{header}? MAX")


@pytest.mark.parametrize("header", SETTINGS)
@settings(max_examples=30)
@given(share=st.floats(0.0, 1.0), logarithmic=st.booleans())
def test_every_setting_reads_back_as_it_is_quantised(
    make_table, header, share, logarithmic
):
    """The steps: frequency 12 digits, volts 0.1 mV or four digits, depth 0.1 %, ..."""
    table, low, high = prepared(make_table, header)
    if logarithmic and low > 0.0:
        value = min(low * (high / low) ** share, high)
    else:
        value = low + share * (high - low)
    table.send(f"{header} {value!r}")
    assert table.error() in (0, -221), "nothing or a setting that was clipped"
    expected = QUANTISED[SETTINGS[header][1]](value)
    assert table.value(f"{header}?") == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("header", SETTINGS)
@settings(max_examples=30)
@given(beyond=st.floats(1e-3, 1e6), above=st.booleans())
def test_out_of_range_is_refused_and_changes_nothing(make_table, header, beyond, above):
    """-222 with its text, and every setting of both channels is as it was."""
    table, low, high = prepared(make_table, header)
    step = beyond * max(abs(high), abs(low))
    value = high + step if above else low - step
    before = [dict(vars(one.settings)) for one in table.afg.channels.values()]
    table.send(f"{header} {value!r}")
    assert table.ask("SYST:ERR?") == '-222,"Data out of range"'
    assert table.error() == 0
    assert [vars(one.settings) for one in table.afg.channels.values()] == before


@given(cycles=st.integers(-10, 1_000_010))
def test_burst_counts(make_table, cycles):
    table = make_table()
    table.send(f"SOUR1:BURS:NCYC {cycles}")
    is_allowed = 1 <= cycles <= limits.MOST_CYCLES
    assert table.error() == (0 if is_allowed else -222)
    assert table.value("SOUR1:BURS:NCYC?") == (cycles if is_allowed else 5)


@given(load=st.floats(0.1, 2e4))
def test_loads_are_whole_ohms(make_table, load):
    table = make_table()
    table.send(f"OUTP1:IMP {load!r}")
    is_allowed = limits.LOWEST_LOAD <= load <= limits.HIGHEST_LOAD
    assert table.error() == (0 if is_allowed else -222)
    assert table.value("OUTP1:IMP?") == (round(load) if is_allowed else 50)


@given(timer=st.floats(1e-7, 600.0))
def test_timers(make_table, timer):
    table = make_table()
    table.send(f"TRIG:TIM {timer!r}")
    is_allowed = limits.SHORTEST_TIMER <= timer <= limits.LONGEST_TIMER
    assert table.error() == (0 if is_allowed else -222)
    expected = timer if is_allowed else 1e-3
    assert math.isclose(table.value("TRIG:TIM?"), expected, rel_tol=1e-9)
