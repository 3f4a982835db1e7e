"""tm_devices' SMU2636B and SMU2612A, unchanged, on the simulated instruments."""

from __future__ import annotations

import pytest

ADDRESS = "TCPIP0::192.0.2.36::inst0::INSTR"
LOAD = {
    "wiring": "[[it.smua], [device.Au, device.Pd, ground]]",
    "resistors": "[{between: [it.smua, ground], value: 1 kohm}]",
}
DRIVER = ("tm_devices 3.7", "SMU2636B")


@pytest.fixture
def connect(tektronix_devices, one_instrument):
    """Return a function that connects to a model with 1 kohm on channel A."""

    def add(model):
        manager = tektronix_devices(one_instrument(model, ADDRESS, **LOAD))
        manager.setup_cleanup_enabled = manager.teardown_cleanup_enabled = False
        smu = manager.add_smu("192.0.2.36")
        smu.write("*CLS")  # the driver takes the power-on bit for an error
        return smu

    return add


@pytest.mark.public_driver(*DRIVER, "connect, identity, channels")
def test_connect(connect):
    smu = connect("Keithley 2636B")
    assert type(smu).__name__ == "SMU2636B"
    assert smu.manufacturer.upper().startswith("KEITHLEY")
    assert smu.model.endswith("2636B")
    assert smu.all_channel_names_list == ("a", "b")
    assert not smu.has_errors()


@pytest.mark.public_driver(*DRIVER, "commands: source, measure, buffers")
def test_commands(connect):
    smu = connect("Keithley 2636B")
    smua = smu.commands.smu["a"]
    smu.commands.reset()
    smua.source.func = 1
    smua.source.levelv = 1.0
    smua.source.limiti = 0.01
    smua.measure.nplc = 0.1
    smua.source.output = 1
    assert float(smua.measure.i()) == pytest.approx(1e-3, rel=1e-3)
    assert float(smua.source.levelv) == 1.0
    assert smua.source.compliance == "false"
    smu.set_and_check("smua.source.limitv", 5, 1e-6)
    buffer = smu.commands.buffer_var["smua.nvbuffer1"]
    buffer.clear()
    buffer.appendmode = 1
    for _ in range(3):
        smu.write("smua.measure.i(smua.nvbuffer1)")
    found = smu.get_buffers("smua.nvbuffer1")["smua.nvbuffer1"]
    assert found == pytest.approx([1e-3] * 3, rel=1e-3)
    assert smu.query("print(smub.contact.check())") == "false"
    assert not smu.has_errors()


@pytest.mark.public_driver(*DRIVER, "scripts, event status, errors")
def test_scripts_and_errors(connect, tmp_path):
    smu = connect("Keithley 2636B")
    file = tmp_path / "doubler.tsp"
    file.write_text("function double(x)\n  return 2 * x\nend\n", encoding="utf-8")
    smu.load_script("doubler", file_path=file, to_nv_memory=True)
    smu.load_script("doubler", file_path=file)
    smu.run_script("doubler")
    assert float(smu.query("print(double(4))")) == 8.0
    smu.write("smua.source.levelv = 300")
    _, errors = smu.get_errors()
    assert len(errors) == 1
    assert "Parameter Too Big" in errors[0]


@pytest.mark.public_driver("tm_devices 3.7", "SMU2612A", "connect, query, cleanup")
def test_the_2612a(connect):
    smu = connect("Keithley 2612A")
    assert type(smu).__name__ == "SMU2612A"
    assert smu.total_channels == 2
    smu.write("smua.source.levelv = 1")
    smu.cleanup()
    assert float(smu.query("print(smua.source.levelv)")) in (0.0, 1.0)
    assert not smu.has_errors()
