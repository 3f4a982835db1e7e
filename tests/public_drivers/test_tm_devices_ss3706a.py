"""tm_devices' SS3706A, unchanged, on the simulated 3706A."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

tm_devices = pytest.importorskip("tm_devices", reason="tm_devices is not installed")

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "192.0.2.37"


def of(function):
    """Mark a test as that of a function of the driver."""
    return pytest.mark.public_driver("tm_devices 3.7", "SS3706A", function)


@pytest.fixture
def switch(tektronix_devices, one_instrument):
    """Return the driver."""
    library = one_instrument(
        "Keithley 3706A", f"TCPIP0::{ADDRESS}::inst0::INSTR", modules={"slot1": "3730"}
    )
    manager = tektronix_devices(library)
    manager.setup_cleanup_enabled = manager.teardown_cleanup_enabled = False
    return manager.add_ss(ADDRESS)


@of("connect, model, serial, sw_version")
def test_it_connects_and_knows_the_model(switch):
    assert isinstance(switch, tm_devices.drivers.SS3706A)
    assert switch.model == "MODEL 3706A"
    assert switch.serial == "04447336"
    assert str(switch.sw_version) == "1.56a0"
    assert switch.total_channels == 576


@of("commands.channel")
def test_it_switches_channels(switch):
    channel = switch.commands.channel
    channel.close("1101:1103,1911")
    assert channel.getclose("allslots") == "1101;1102;1103;1911"
    channel.exclusiveslotclose("1101")
    channel.open("1102")
    assert channel.getstate("1101:1102") == "1,0"
    channel.setlabel("1101", "in")
    assert channel.getlabel("1101") == "in"
    channel.pattern.snapshot("P")
    assert channel.pattern.getimage("P") == "1101"
    channel.connectrule = 2
    assert float(channel.connectrule) == 2
    channel.exclusiveclose("")
    assert channel.getclose("allslots") == "nil"


@of("commands.slot, commands.memory, commands.lan")
def test_it_reads_what_the_instrument_is(switch):
    commands = switch.commands
    assert commands.slot[1].idn.startswith("3730,")
    assert commands.slot[2].idn == "Empty Slot"
    assert float(commands.slot[1].rows.matrix) == 6
    assert commands.memory.available() == "100.00, 100.00, 100.00, 100.00"
    assert commands.lan.status.ipaddress == "192.0.2.37"


@of("commands.dmm, get_buffers")
def test_it_measures_into_a_buffer(switch):
    dmm = switch.commands.dmm
    dmm.func = '"dcvolts"'
    dmm.range = 10
    dmm.measurecount = 3
    assert dmm.func == "dcvolts"
    switch.write("readings = dmm.makebuffer(10) dmm.measure(readings)")
    assert switch.get_buffers("readings") == {"readings": [0.0, 0.0, 0.0]}


@of("commands.scan")
def test_it_scans(switch):
    scan = switch.commands.scan
    scan.create('"1101:1103"')  # it leaves the quotes to the caller
    assert float(scan.stepcount) == 3
    assert scan.list().startswith("Init) OPEN")
    scan.reset()
    assert scan.list() == "Empty Scan"


@of("has_errors, get_errors, expect_esr")
def test_it_reads_errors(switch):
    assert float(switch.query("print(status.standard.event)")) == 128, "power on"
    assert not switch.has_errors()
    assert switch.expect_esr(0)
    switch.commands.channel.close("1717")
    _, errors = switch.get_errors()
    assert [text[:32] for text in errors] == ["1.115000000e+03\tParameter error "]


@of("set_and_check")
def test_it_sets_and_checks(switch):
    switch.set_and_check("channel.connectsequential", 1)
    switch.set_and_check("dmm.nplc", 0.5)
    assert float(switch.query("print(dmm.nplc)")) == 0.5


@of("load_script, run_script")
def test_it_loads_and_runs_a_script(switch, tmp_path: Path):
    script = tmp_path / "close.tsp"
    script.write_text("channel.close('1616')\nprint('closed')\n", encoding="utf-8")
    switch.load_script("closing", file_path=script, run_script=True)
    assert switch.read().strip() == "closed"
    assert switch.commands.channel.getclose("slot1") == "1616"


@of("reset, ieee_cmds")
def test_it_resets(switch):
    switch.commands.channel.close("1101")
    switch.reset()
    assert switch.commands.channel.getclose("allslots") == "nil"
    assert switch.ieee_cmds.opc() == "1"
