"""Every setting that the driver can write reads back from the simulated 2636B."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labneuro.instruments.keithley_2600 import Keithley2600
from labneuro.sim_backends.keithley_2600.datasheet import SHEETS
from labneuro.sim_backends.visa.powered_benches import power_off

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "TCPIP0::192.0.2.36::inst0::INSTR"
BENCH = f"""\
description: one instrument and the device
visa_library: "@labneuro"
instruments:
  it: {{model: Keithley 2636B, address: "{ADDRESS}"}}
roles: {{}}
device: {{id: D, model: hnno}}
limits: {{voltage: 10 V, current: 10 mA}}
wiring:
  nets: [[it.smua, device.Au], [ground, device.Pd]]
simulation: {{card: hnno, noise: false}}
"""
SHEET = SHEETS["2636B"]
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def smu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keithley2600]:
    path = tmp_path_factory.mktemp("bench") / "bench.yaml"
    path.write_text(BENCH, encoding="utf-8")
    library = f"{path}@labneuro"
    yield Keithley2600(ADDRESS, visa_library=library)
    power_off(library)


def written(value: float) -> float:
    """Return a number as ten digits on the wire and six in the answer leave it."""
    return float(f"{float(f'{value:.10g}'):.5e}")


def ranged(sheets, value: float) -> float:
    """Return the full scale of the lowest range that holds a value."""
    value = float(f"{value:.10g}")
    found = [one.full_scale for one in sheets if value <= one.full_scale * (1 + 1e-9)]
    return written(min(found))


KEPT = {
    "source_voltage": st.floats(-200.0, 200.0),
    "source_current": st.floats(-1.5, 1.5),
    "source_delay": st.floats(0.0, 1e4),
    "compliance_current": st.floats(1e-10, 1.5),
    "compliance_voltage": st.floats(0.02, 200.0),
    "power_line_cycles": st.floats(0.001, 25.0),
    "measure_delay": st.floats(0.0, 1e4),
    "measure_count": st.integers(1, 100_000),
    "filter_count": st.integers(1, 100),
}
CHOSEN = {
    "source_function": ("current", "voltage"),
    "source_voltage_autorange": (False, True),
    "source_current_autorange": (False, True),
    "output_enabled": (True, False),
    "output_off_mode": ("zero", "high_impedance", "normal"),
    "four_wire": (True, False),
    "high_capacitance": (True, False),
    "current_autorange": (False, True),
    "voltage_autorange": (False, True),
    "autozero": ("off", "auto"),
    "filter_enabled": (True, False),
    "filter_type": ("moving", "median", "repeat"),
    "source_delay": (-1,),
    "measure_delay": (-1,),
}
SOURCING = tuple(one for one in SHEET.current if one.source_step)
RANGES = {
    "source_voltage_range": (SHEET.voltage, 0.0, 200.0),
    "source_current_range": (SOURCING, 0.0, 1.5),
    "current_range": (SHEET.current, 1e-10, 1.5),
    "voltage_range": (SHEET.voltage, 0.0, 200.0),
}


@pytest.mark.parametrize("name", KEPT)
def test_numbers_are_kept_as_they_are_sent(smu, name):
    @EXAMPLES
    @given(value=KEPT[name])
    def check(value):
        smu.reset()
        for channel in (smu.smua, smu.smub):
            setattr(channel, name, value)
            assert getattr(channel, name) == pytest.approx(written(value), abs=1e-300)
        assert smu.next_error[0] == 0

    check()


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_the_lowest_that_hold_the_value(smu, name):
    sheets, low, high = RANGES[name]

    @EXAMPLES
    @given(value=st.floats(low, high))
    def check(value):
        smu.reset()
        # The meter's range of what is sourced is the source's own.
        smu.smua.source_function = "current" if "voltage" in name else "voltage"
        setattr(smu.smua, name, value)
        assert getattr(smu.smua, name) == ranged(sheets, value)
        assert smu.next_error[0] == 0

    check()


@pytest.mark.parametrize("name", CHOSEN)
def test_choices_are_kept(smu, name):
    for value in CHOSEN[name]:
        setattr(smu.smub, name, value)
        assert getattr(smu.smub, name) == value
    assert smu.next_error[0] == 0


@EXAMPLES
@given(
    level=st.floats(-200.0, 200.0),
    limit=st.floats(1e-3, 0.1),
)
def test_what_is_put_out_is_quantised(smu, level, limit):
    """An open terminal shows the level in whole steps of the source range."""
    smu.reset()
    channel = smu.smub
    channel.compliance_current = limit
    channel.source_voltage = level
    channel.output_enabled = True
    channel.power_line_cycles = 0.001
    full_scale = channel.source_voltage_range
    step = next(
        one.source_step
        for one in SHEET.voltage
        if math.isclose(one.full_scale, full_scale)
    )
    assert channel.voltage == pytest.approx(level, abs=0.51 * step + 1e-5 * abs(level))
    assert smu.next_error[0] == 0


OUTSIDE = {
    "source.levelv": (202.1, 1e6, 1101, 1102),
    "source.leveli": (10.2, 1e6, 1101, 1102),
    "source.limitv": (200.1, 1e6, 1101, 1102),
    "source.limiti": (1.51, 1e6, 1101, 1102),
    "source.limitp": (1e4 + 1, 1e6, 1101, 1102),
    "source.rangev": (200.1, 1e6, 1101, 1102),
    "source.rangei": (10.1, 1e6, 1101, 1102),
    "source.offlimiti": (1.51, 1e6, 1101, 1102),
    "measure.nplc": (25.1, 1e6, 1101, 1102),
    "measure.rangev": (200.1, 1e6, 1101, 1102),
    "measure.rangei": (10.1, 1e6, 1101, 1102),
    "measure.filter.count": (101, 1e6, 1101, 1102),
    "measure.filter.type": (3, 1e6, 1101, 1102),
    "source.func": (2, 1e6, -224, -224),
    "source.settling": (129, 1e6, -224, -224),
    "sense": (4, 1e6, -224, -224),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_out_of_range_leaves_the_state_and_queues_the_error(smu, name):
    low, high, above, below = OUTSIDE[name]
    attribute = f"smua.{name}"

    @EXAMPLES
    @given(value=st.floats(low, high), negative=st.booleans())
    def check(value, negative):
        smu.reset()
        before = smu.ask(f"print({attribute})")
        smu.write(f"{attribute} = {-value if negative else value:.10g}")
        assert smu.next_error[0] == (below if negative else above)
        assert smu.next_error[0] == 0
        assert smu.ask(f"print({attribute})") == before

    check()
