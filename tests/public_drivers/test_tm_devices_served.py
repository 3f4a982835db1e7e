"""tm_devices through pyvisa-py on a served bench: real sockets, nothing redirected."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.server.background import served_in_background
from labneuro.sim_backends.server.bench_server import ServedAt
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

# pyvisa-py has no status byte over a plain socket.
pytestmark = pytest.mark.filterwarnings("ignore:A VISA IO error occurred:UserWarning")
BENCH = """\
description: three instruments for tm_devices
visa_library: "@labneuro"
instruments:
  afg: {model: Tektronix AFG31000, address: "GPIB0::1::INSTR"}
  smu: {model: Keithley 2636B, address: "GPIB0::2::INSTR"}
  switch: {model: Keithley 3706A, address: "GPIB0::3::INSTR"}
roles: {}
device: {id: D, model: hnno}
limits: {voltage: 10 V, current: 10 mA}
wiring:
  nets: [[smu.smua, switch.slot1_row1], [device.Au, device.Pd, ground]]
  resistors: [{between: [switch.slot1_column01, ground], value: 1 kohm}]
simulation: {card: hnno, noise: false}
"""


@pytest.fixture
def ports(write):
    """Serve the bench; return the raw port of each instrument."""
    specification = f"{write('bench.yaml', BENCH)}@labneuro"
    at = ServedAt(first_port=0, port_mapper=False)
    with served_in_background(power_on(specification), at) as server:
        yield {
            name: int(addresses["raw"].split("::")[2])
            for name, addresses in server.addresses.items()
        }
    power_off(specification)


@pytest.fixture
def manager(tektronix_devices):
    """Return tm_devices' manager on pyvisa-py."""
    devices = tektronix_devices("@py")
    devices.setup_cleanup_enabled = devices.teardown_cleanup_enabled = False
    return devices


def of(driver, function):
    return pytest.mark.public_driver("tm_devices 3.7", driver, f"served: {function}")


@of("AFG31K", "generate_function over a socket")
def test_afg(manager, ports):
    afg = manager.add_afg("127.0.0.1", connection_type="SOCKET", port=ports["afg"])
    assert afg.model == "AFG31102"
    afg.generate_function(
        frequency=1e3,
        function=afg.source_device_constants.functions.SIN,
        amplitude=0.5,
        offset=0.1,
        channel="SOURCE1",
    )
    assert float(afg.query("SOURce1:VOLTage:OFFSet?")) == pytest.approx(0.1)
    assert afg.query("OUTPut1:STATe?") == "1"


@of("SS3706A", "close a channel over a socket")
@of("SMU2636B", "source and measure through a closed channel")
def test_smu_and_switch(manager, ports):
    smu = manager.add_smu("127.0.0.1", connection_type="SOCKET", port=ports["smu"])
    assert type(smu).__name__ == "SMU2636B"
    smua = smu.commands.smu["a"]
    smua.source.levelv = 1.0
    smua.source.output = 1
    assert float(smua.measure.i()) == pytest.approx(0.0, abs=1e-9)
    switch = manager.add_ss("127.0.0.1", connection_type="SOCKET", port=ports["switch"])
    assert type(switch).__name__ == "SS3706A"
    switch.commands.channel.close("1101")
    assert switch.commands.channel.getclose("allslots") == "1101"
    assert float(smua.measure.i()) == pytest.approx(1e-3, rel=2e-3)
