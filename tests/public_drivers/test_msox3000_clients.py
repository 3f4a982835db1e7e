"""Public clients of the 3000 X-Series, unchanged, on a simulated MSO-X 3104T.

QCoDeS 0.58 has no driver of an InfiniiVision oscilloscope: its ``Infiniium`` speaks to
another family.
"""

from __future__ import annotations

import csv
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pyvisa
import pyvisa.highlevel
from PIL import Image

from labneuro.sim_backends.visa.powered_benches import power_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADDRESS = "USB0::0x2A8D::0x1766::MY55140001::INSTR"
WIRING = "[[device.Au, device.Pd, ground], [it.ch1, it.ch2, it.d0]]"
PERIOD = 1e-4


@pytest.fixture
def library(one_instrument: Callable[..., str]) -> str:
    """Return a bench with a square wave of 10 kHz, 0 to 1 V, on channels 1 and 2."""
    library = one_instrument("Keysight MSO-X 3104T", ADDRESS, wiring=WIRING)
    source = power_on(library).bench.circuit.drive("it.ch1")
    source.voltage_source(0.0, 50.0)
    source.schedule(
        (cycle * PERIOD + half * PERIOD / 2, 1.0 - half)
        for cycle in range(1, 10_000)
        for half in (0, 1)
    )
    return library


@pytest.fixture
def redirected(library: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let every resource manager be the simulated bench's: these clients choose."""
    manager = pyvisa.ResourceManager
    monkeypatch.setattr(pyvisa, "ResourceManager", lambda *_: manager(library))
    return library


def prepare(write: Callable[[str], object]) -> None:
    """Set scales that fit the signal."""
    for message in (
        ":CHANnel1:RANGe 4",
        ":CHANnel1:OFFSet 0",
        ":TIMebase:RANGe 1e-3",
        ":TRIGger:LEVel 0.5",
    ):
        write(message)


# --- msox3000 ---------------------------------------------------------------------

MSOX = ("msox3000 0.4.0", "MSOX3000")


@pytest.fixture
def msox(redirected: str) -> Any:
    """Return the client of the package msox3000, connected."""
    package = pytest.importorskip("msox3000")
    client = package.MSOX3000(ADDRESS)
    client.open()
    prepare(lambda message: client._instWrite(message[1:]))
    yield client
    assert client._instQuery("SYSTem:ERRor?") == '+0,"No error"'
    client.close()


MEASURES = [
    ("measureVoltMax", 1.0),
    ("measureVoltMin", 0.0),
    ("measureVoltPP", 1.0),
    ("measureVoltTop", 1.0),
    ("measureVoltBase", 0.0),
    ("measureVoltAmplitude", 1.0),
    ("measureVoltAverage", 0.5),
    ("measureVoltRMS", 0.5**0.5),
    ("measureCounterFrequency", 1e4),
    ("measureFrequency", 1e4),
    ("measurePeriod", 1e-4),
    ("measurePosDutyCycle", 50.0),
    ("measureNegDutyCycle", 50.0),
    ("measurePosPulseWidth", 5e-5),
    ("measureNegPulseWidth", 5e-5),
    ("measureBitRate", 2e4),
    ("measureRiseEdgeCount", 10.0),
    ("measureFallEdgeCount", 10.0),
    ("measureOvershoot", 0.0),
    ("measurePreshoot", 0.0),
]


@pytest.mark.public_driver(*MSOX, "measurements")
@pytest.mark.parametrize(("name", "expected"), MEASURES)
def test_msox_measurements(msox: Any, name: str, expected: float) -> None:
    value = getattr(msox, name)(channel="1", wait=0)
    near = 1.0 if "Count" in name else 0.0
    assert value == pytest.approx(expected, rel=0.02, abs=0.02 + near)


@pytest.mark.public_driver(*MSOX, "edges, burst, pulse counts")
def test_msox_more_measurements(msox: Any) -> None:
    assert msox.measureRiseTime(channel="1", wait=0) < 1e-8
    assert msox.measureFallTime(channel="1", wait=0) < 1e-8
    assert msox.measureBurstWidth(channel="1", wait=0) > 8e-4
    assert msox.measureRisePulseCount(channel="1", wait=0) >= 9
    assert msox.measureFallPulseCount(channel="1", wait=0) >= 9


@pytest.mark.public_driver(*MSOX, "statistics")
def test_msox_statistics(msox: Any) -> None:
    msox.measureVoltMax(channel="1", wait=0, install=True)
    msox.measureFrequency(channel="1", wait=0, install=True)
    rows = msox.measureStatistics()
    assert [row["label"][:4] for row in rows] == ["VMAX", "FREQ"]
    assert rows[0]["MEAN"] == pytest.approx(1.0, abs=0.02)
    assert rows[1]["CURR"] == pytest.approx(1e4, rel=1e-3)
    assert rows[1]["COUN"] >= 1


@pytest.mark.public_driver(*MSOX, "multimeter")
def test_msox_multimeter(msox: Any) -> None:
    assert msox.measureDVMdc("1", wait=0) == pytest.approx(0.5, abs=0.02)
    assert msox.measureDVMacrms("1", wait=0) == pytest.approx(0.5, abs=0.02)
    assert msox.measureDVMdcrms("1", wait=0) == pytest.approx(0.5**0.5, abs=0.02)
    assert msox.measureDVMfreq("1", wait=0) == pytest.approx(1e4, rel=1e-3)


@pytest.mark.public_driver(*MSOX, "waveform to CSV")
@pytest.mark.parametrize("points", [1000, 2000])
def test_msox_waveform(msox: Any, tmp_path: Path, points: int) -> None:
    """The client leaves the last point out of its file."""
    msox._instWrite("TIMebase:RANGe 1e-5")
    msox._instWrite("SINGle")
    path = tmp_path / "wave.csv"
    msox.waveform(str(path), "1", points)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    values = np.array(rows[1:], dtype=float)
    assert values.shape == (points - 1, 2)
    assert values[:, 0] == pytest.approx(
        np.linspace(-5e-6, 5e-6, points, endpoint=False)[:-1], abs=1e-9
    )
    assert values[values[:, 0] > 1e-7, 1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.public_driver(*MSOX, "digital waveform to CSV")
def test_msox_digital_waveform(msox: Any, tmp_path: Path) -> None:
    msox._instWrite("POD1:DISPlay 1;THReshold 0.5")
    msox._instWrite("TIMebase:RANGe 1e-5")
    path = tmp_path / "wave.csv"
    msox.waveform(str(path), "POD1", 1000)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    values = np.array(rows[1:], dtype=float)
    assert values.shape == (999, 9)
    assert np.all(values[values[:, 0] > 1e-7, 1] == 1)
    assert np.all(values[:, 2:] == 0)


@pytest.mark.public_driver(*MSOX, "hardcopy")
def test_msox_hardcopy(msox: Any, tmp_path: Path) -> None:
    path = tmp_path / "screen.png"
    msox.hardcopy(str(path))
    with Image.open(path) as picture:
        assert picture.size == (800, 480)


@pytest.mark.public_driver(*MSOX, "setup, autoscale, labels, annotation, outputs")
def test_msox_settings(msox: Any, tmp_path: Path) -> None:
    path = tmp_path / "setup.stp"
    msox.setupSave(str(path))
    msox.reset()
    assert msox._instQueryNumber("CHANnel1:RANGe?") == 40.0
    msox.setupLoad(str(path))
    assert msox._instQueryNumber("CHANnel1:RANGe?") == 4.0
    msox.setupAutoscale("1")
    assert msox._instQueryNumber("TIMebase:SCALe?") == pytest.approx(2e-5)
    msox.channelLabel("GATE", "1")
    assert msox._instQuery("CHANnel1:LABel?") == '"GATE"'
    msox.annotate("words", "ch1")
    msox.annotateOff()
    msox.channelLabelOff()
    msox.outputOff("1", wait=0)
    assert not msox.isOutputOn("1")
    msox.outputOn("1", wait=0)
    assert msox.isOutputOn("1")


# --- keyoscacquire ----------------------------------------------------------------

KEYOSC = ("keyoscacquire 4.0.0", "Oscilloscope")


@pytest.fixture
def keyosc(redirected: str) -> Any:
    """Return the client of the package keyoscacquire, connected."""
    package = pytest.importorskip("keyoscacquire.oscilloscope")
    client = package.Oscilloscope(ADDRESS, verbose=False)
    prepare(client.write)
    client.write(":TIMebase:RANGe 2e-4")
    yield client
    assert client.get_full_error_queue(verbose=False) == []
    client.close()


@pytest.mark.public_driver(*KEYOSC, "get_trace")
@pytest.mark.parametrize("form", ["WORD", "BYTE"])
@pytest.mark.parametrize("kind", ["NORM", "HRES", "AVER8"])
def test_keyoscacquire_traces(keyosc: Any, form: str, kind: str) -> None:
    mode = "NORMal" if kind == "AVER8" else "RAW"
    keyosc.set_acquiring_options(
        wav_format=form, acq_type=kind, p_mode=mode, num_points=1000
    )
    keyosc.active_channels = [1, 2]
    time, volts, channels = keyosc.get_trace(channels=[1, 2])
    assert channels == [1, 2]
    assert volts.shape == (1000, 2)
    late = time[:, 0] > 1e-6
    early = (time[:, 0] > -4e-5) & (time[:, 0] < -1e-6)
    assert volts[late & (time[:, 0] < 4e-5), 0] == pytest.approx(1.0, abs=0.02)
    assert volts[early, 0] == pytest.approx(0.0, abs=0.02)
    assert volts[late & (time[:, 0] < 4e-5), 1] == pytest.approx(1.0, abs=0.2)


@pytest.mark.public_driver(*KEYOSC, "run control and settings")
def test_keyoscacquire_settings(keyosc: Any) -> None:
    keyosc.stop()
    assert not keyosc.is_running()
    keyosc.run()
    assert keyosc.is_running()
    keyosc.active_channels = [1, 3]
    assert keyosc.active_channels == [1, 3]
    keyosc.acq_type = "AVER16"
    assert (keyosc.acq_type, keyosc.num_averages) == ("AVER", "+16")
    keyosc.num_points = 500
    assert keyosc.num_points == 500


# --- python-ivi -------------------------------------------------------------------

IVI = ("python-ivi 0.14.9", "agilentMSOX3104A")


class Interface:
    """What python-ivi asks of an interface, over a resource of PyVISA."""

    def __init__(self, resource: Any) -> None:
        self.resource = resource
        self.pending = b""

    def write_raw(self, data: bytes) -> None:
        """Send bytes."""
        self.resource.write_raw(data)

    def read_raw(self, num: int = -1) -> bytes:
        """Read a message, or some bytes of it."""
        if not self.pending:
            self.pending = self.resource.read_raw()
        num = len(self.pending) if num < 0 else num
        part, self.pending = self.pending[:num], self.pending[num:]
        return part

    def write(self, message: str, encoding: str = "utf-8") -> None:
        """Send a message."""
        self.write_raw(message.encode(encoding))

    def read(self, num: int = -1, encoding: str = "utf-8") -> str:
        """Read a message."""
        return self.read_raw(num).decode(encoding).rstrip("\r\n")

    def ask(self, message: str, num: int = -1, encoding: str = "utf-8") -> str:
        """Send a query and read its answer."""
        self.write(message, encoding)
        return self.read(num, encoding)

    def close(self) -> None:
        """Close the resource."""
        self.resource.close()


@pytest.fixture
def ivi_scope(library: str) -> Any:
    """Return python-ivi's driver, connected: its own way to PyVISA is of 2014."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in strings of 2014
        agilent = pytest.importorskip("ivi.agilent.agilentMSOX3104A")
        manager = pyvisa.ResourceManager(library)
        interface = Interface(manager.open_resource(ADDRESS))
        driver = agilent.agilentMSOX3104A(interface)
    prepare(driver._write)
    yield driver
    assert driver._ask(":SYSTem:ERRor?") == '+0,"No error"'
    driver.close()


@pytest.mark.public_driver(*IVI, "identity and settings")
def test_ivi_settings(ivi_scope: Any) -> None:
    assert ivi_scope.identity.instrument_model == "MSO-X 3104T"
    channel = ivi_scope.channels["channel2"]
    channel.enabled = True
    channel.range = 2.0
    channel.offset = 0.5
    channel.coupling = "ac"
    channel.input_impedance = 50
    channel.probe_attenuation = 10
    ivi_scope.driver_operation.invalidate_all_attributes()
    assert channel.enabled is True
    assert channel.range == pytest.approx(20.0)
    assert channel.offset == pytest.approx(5.0)
    assert (channel.coupling, channel.input_impedance) == ("ac", 50)
    ivi_scope.acquisition.time_per_record = 1e-4
    ivi_scope.acquisition.type = "high_resolution"
    ivi_scope.trigger.type = "edge"
    ivi_scope.trigger.source = "channel2"
    ivi_scope.trigger.level = 0.25
    ivi_scope.trigger.edge.slope = "negative"
    ivi_scope.trigger.holdoff = 1e-6
    ivi_scope.driver_operation.invalidate_all_attributes()
    assert ivi_scope.acquisition.time_per_record == pytest.approx(1e-4)
    assert ivi_scope.acquisition.type == "high_resolution"
    assert ivi_scope.trigger.type == "edge"
    assert ivi_scope.trigger.source == "chan2"  # as the answer, in small letters
    assert ivi_scope.trigger.level == pytest.approx(0.25)
    assert ivi_scope.trigger.edge.slope == "negative"


@pytest.mark.public_driver(*IVI, "measurement.initiate, fetch_waveform, measurements")
def test_ivi_measures(ivi_scope: Any) -> None:
    ivi_scope.measurement.initiate()
    channel = ivi_scope.channels["channel1"]
    points = np.array(channel.measurement.fetch_waveform())
    assert points.shape == (62_500, 2)
    assert points[:, 1].max() == pytest.approx(1.0, abs=0.02)
    for name, expected in (
        ("frequency", 1e4),
        ("voltage_peak_to_peak", 1.0),
        ("voltage_average", 0.5),
        ("voltage_cycle_rms", 0.5**0.5),
        ("width_positive", 5e-5),
    ):
        value = channel.measurement.fetch_waveform_measurement(name)
        assert value == pytest.approx(expected, rel=0.02, abs=1e-9)


@pytest.mark.public_driver(*IVI, "display.fetch_screenshot, system.fetch_setup")
def test_ivi_blocks(ivi_scope: Any) -> None:
    picture = Image.open(io.BytesIO(ivi_scope.display.fetch_screenshot("png")))
    assert picture.size == (800, 480)
    setup = ivi_scope.system.fetch_setup()
    ivi_scope.utility.reset()
    ivi_scope.system.load_setup(setup)
    assert ivi_scope.channels["channel1"].range == pytest.approx(4.0)
