"""The VISA backend, through pyvisa, on a bench with an instrument made for it."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyvisa import constants
from pyvisa.constants import EventMechanism, EventType, ResourceAttribute, StatusCode

from labneuro.errors import BenchConfigError, InstrumentError, NotInWorkspaceError
from labneuro.sim_backends.base import Reply
from labneuro.sim_backends.clock import RealClock
from labneuro.sim_backends.scpi.arguments import Block, Number
from labneuro.sim_backends.scpi.instrument import ScpiInstrument
from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.simulated_bench import MODELS, InstrumentModel
from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labneuro.sim_backends.base import Surroundings

VXI, USB, GPIB, SOCKET = (
    "TCPIP0::192.0.2.1::inst0::INSTR",
    "USB0::0x0699::0x035E::C000001::INSTR",
    "GPIB1::7::INSTR",
    "TCPIP0::192.0.2.2::5025::SOCKET",
)
BENCH = f"""\
description: test
visa_library: "@labneuro"
instruments:
  one: {{model: Toy, address: "{VXI}"}}
  two: {{model: Toy, address: "{USB}"}}
  three: {{model: Toy, address: "{GPIB}"}}
  four: {{model: Toy, address: "{SOCKET}"}}
roles: {{}}
device: {{id: D, model: hnno}}
limits: {{voltage: 10 V, current: 10 mA}}
wiring:
  nets: [[one.out, device.Au], [ground, device.Pd]]
simulation: {{card: hnno, seed: 3}}
"""


class Toy(ScpiInstrument):
    """A SCPI instrument that can be slow, busy and broken."""

    identity = "MAKER,TOY,0,1"
    terminals: ClassVar[tuple[str, ...]] = ("out",)

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.data = b""
        self.triggers = 0
        self.script: threading.Thread | None = None
        self.go_on = threading.Event()

    def reset(self) -> None:
        self.data = b""

    def group_trigger(self) -> None:
        self.triggers += 1

    def set_data(self, data: bytes) -> None:
        self.data = data

    def answer_later(self, delay: float) -> None:
        self._replies.append(Reply(self.clock.now + delay, b"late"))

    def start_script(self, duration: float) -> None:
        """Run a script in a thread: it takes `duration` and then answers."""

        def run() -> None:
            self.clock.advance(1.0)
            self.reply(b"begun")
            if self.go_on.wait(5.0):
                self.clock.advance(duration - 1.0)
                self.reply(b"done")

        self.script = threading.Thread(target=run, daemon=True)
        self.script.start()

    @property
    def busy(self) -> bool:
        return self.script is not None and self.script.is_alive()

    def wait_idle(self, timeout: float) -> bool:
        if timeout > 0.1:  # not a mere look
            self.go_on.set()
        if self.script is not None:
            self.script.join(timeout)
        return not self.busy

    commands: ClassVar[tuple[Command, ...]] = (
        Command("WAIT", lambda i, t: i.clock.advance(t), arguments=(Number(),)),
        Command("LATER", lambda i, t: i.answer_later(t), arguments=(Number(),)),
        Command("SCRipt", lambda i, t: i.start_script(t), arguments=(Number(),)),
        Command("BREAK", lambda i: i.no_such_attribute),
        Command(
            "DATA",
            lambda i, v: i.set_data(v),
            lambda i: definite_block(i.data),
            (Block(),),
        ),
        Command("TIME", query=lambda i: i.clock.now),
    )


@pytest.fixture
def specification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Write a bench file and switch the bench off in the end."""
    monkeypatch.setitem(MODELS, "Toy", InstrumentModel(f"{__name__}:Toy"))
    path = tmp_path / "toys.yaml"
    path.write_text(BENCH, encoding="utf-8")
    yield str(path)
    power_off(str(path))


@pytest.fixture
def manager(specification: str) -> Iterator[pyvisa.ResourceManager]:
    opened = pyvisa.ResourceManager(f"{specification}@labneuro")
    yield opened
    opened.close()


@pytest.fixture
def connect(manager: pyvisa.ResourceManager) -> Callable[..., Any]:
    return manager.open_resource


def model(specification: str, name: str) -> Toy:
    """Return the instrument itself, to look behind VISA."""
    found = power_on(specification).bench.instruments[name]
    assert isinstance(found, Toy)
    return found


def status_of(action: Callable[[], object]) -> StatusCode:
    """Return the status of the VISA error that an action raises."""
    with pytest.raises(pyvisa.VisaIOError) as caught:
        action()
    return StatusCode(caught.value.error_code)


@pytest.mark.parametrize("address", [VXI, USB, GPIB])
@pytest.mark.parametrize("terminator", ["\r\n", "\n", ""])
def test_query_over_every_interface(
    connect: Callable[..., Any], address: str, terminator: str
) -> None:
    resource = connect(address, write_termination=terminator)
    assert resource.query("*IDN?") == Toy.identity + "\n"
    resource.read_termination = "\n"
    assert resource.query("*IDN?") == Toy.identity


@pytest.mark.parametrize(
    "name",
    [
        "tcpip::192.0.2.1::inst0::instr",
        "TCPIP::192.0.2.1",
        "usb0::1689::0x035e::c000001::instr",
        "gpib1::7",
    ],
)
def test_names_in_any_spelling(connect: Callable[..., Any], name: str) -> None:
    assert connect(name).query("*OPC?") == "1\n"


def test_list_of_resources(manager: pyvisa.ResourceManager) -> None:
    usb = USB.replace("::INSTR", "::0::INSTR")
    assert manager.list_resources() == (VXI, usb, GPIB)
    assert manager.list_resources("?*::SOCKET") == (SOCKET,)
    assert manager.list_resources("ASRL?*") == ()
    info = manager.list_resources_info("GPIB?*")[GPIB]
    assert (info.interface_board_number, info.resource_class) == (1, "INSTR")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("TCPIP0::192.0.2.9::inst0::INSTR", StatusCode.error_resource_not_found),
        ("GPIB0::7::INSTR", StatusCode.error_resource_not_found),
        ("nonsense", StatusCode.error_invalid_resource_name),
    ],
)
def test_wrong_names_raise(
    manager: pyvisa.ResourceManager, name: str, status: StatusCode
) -> None:
    assert status_of(lambda: manager.open_bare_resource(name)) == status


def test_closed_session_is_invalid(connect: Callable[..., Any]) -> None:
    resource = connect(VXI)
    library, session = resource.visalib, resource.session
    resource.close()
    for action in (
        lambda: library.read(session, 1),
        lambda: library.write(session, b"*CLS"),
        lambda: library.get_attribute(session, ResourceAttribute.timeout_value),
        lambda: library.close(session),
    ):
        assert status_of(action) == StatusCode.error_invalid_object


def test_sessions_share_an_instrument(
    connect: Callable[..., Any], specification: str
) -> None:
    first, second = connect(VXI), connect(VXI)
    first.write("*SRE 16")
    assert second.query("*SRE?") == "16\n"
    first.close()
    assert second.query("*SRE?") == "16\n"
    elsewhere = pyvisa.ResourceManager(f"{specification}?fresh=x@labneuro")
    assert elsewhere.open_resource(VXI).query("*SRE?") == "0\n"  # type: ignore[attr-defined]
    power_off(f"{specification}?fresh=x")


def test_bench_outlives_its_resource_manager(
    manager: pyvisa.ResourceManager, specification: str
) -> None:
    manager.open_resource(VXI).write("*SRE 4")  # type: ignore[attr-defined]
    manager.close()
    again = pyvisa.ResourceManager(f"{specification}@labneuro")
    assert again.open_resource(VXI).query("*SRE?") == "4\n"  # type: ignore[attr-defined]
    power_off(f"{specification}@labneuro")
    assert again.open_resource(VXI).query("*SRE?") == "0\n"  # type: ignore[attr-defined]
    again.close()


def test_library_can_switch_its_bench_off(specification: str) -> None:
    manager = pyvisa.ResourceManager(f"{specification}?fresh=y@labneuro")
    manager.open_resource(VXI).write("*SRE 4")  # type: ignore[attr-defined]
    library: Any = manager.visalib
    library.power_off()
    again = pyvisa.ResourceManager(f"{specification}?fresh=y@labneuro")
    assert again is not manager
    assert again.open_resource(VXI).query("*SRE?") == "0\n"  # type: ignore[attr-defined]
    again.visalib.power_off()  # type: ignore[attr-defined]


def test_options_override_the_file(specification: str) -> None:
    bench = power_on(f"{specification}?seed=7&clock=real&fresh=a").bench
    assert bench.simulation.seed == 7
    assert isinstance(bench.clock, RealClock)
    assert power_on(f"{specification}?fresh=a&seed=7&clock=real").bench is bench
    assert power_on(f"{specification}?fresh=b&seed=7&clock=real").bench is not bench
    for token in "ab":
        power_off(f"{specification}?clock=real&fresh={token}&seed=7")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?colour=red", "unknown option 'colour'; known: seed, clock, fresh"),
        ("?seed=-1", "seed must be a whole number"),
        ("?seed=1&seed=2", "'seed' is given twice"),
        ("?clock=atomic", "'virtual' or 'real', not 'atomic'"),
    ],
)
def test_wrong_options(specification: str, options: str, message: str) -> None:
    with pytest.raises(BenchConfigError, match=message.replace("?", r"\?")):
        pyvisa.ResourceManager(f"{specification}{options}@labneuro")


def test_unknown_bench() -> None:
    with pytest.raises(NotInWorkspaceError, match="no bench 'nowhere'"):
        pyvisa.ResourceManager("nowhere@labneuro")


def test_changed_file_is_another_bench(specification: str, tmp_path: Path) -> None:
    before = power_on(specification)
    (tmp_path / "toys.yaml").write_text(BENCH + "\n", encoding="utf-8")
    assert power_on(specification) is not before


def test_library_says_what_it_is(manager: pyvisa.ResourceManager) -> None:
    assert type(manager.visalib).__name__ != "SimVisaLibrary"
    assert [str(path) for path in manager.visalib.get_library_paths()] == ["hnno-sim"]
    assert manager.visalib.get_debug_info()


@given(content=st.binary(max_size=400), chunk=st.integers(1, 300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_blocks_come_through_whole(
    connect: Callable[..., Any], content: bytes, chunk: int
) -> None:
    """Any bytes, read in any pieces, with and without a terminator after the block."""
    resource = connect(VXI)
    message = b"DATA " + definite_block(content)
    for end in (b"", b"\n", b"\r\n"):
        resource.write_raw(message + end)
        resource.chunk_size = chunk
        resource.write("DATA?")
        assert resource.read_raw() == definite_block(content) + b"\n"
    resource.close()


def test_binary_values_both_ways(connect: Callable[..., Any]) -> None:
    resource = connect(USB)
    values = list(range(0, 5000, 7))
    resource.write_binary_values("DATA ", values, datatype="H", is_big_endian=True)
    read = resource.query_binary_values("DATA?", datatype="H", is_big_endian=True)
    assert read == values


def test_statuses_of_read(connect: Callable[..., Any]) -> None:
    resource = connect(VXI)
    library, session = resource.visalib, resource.session
    with resource.ignore_warning(StatusCode.success_max_count_read):
        resource.write("*IDN?")
        assert library.read(session, 5) == (b"MAKER", StatusCode.success_max_count_read)
        assert library.read(session, 100) == (b",TOY,0,1\n", StatusCode.success)
        resource.set_visa_attribute(ResourceAttribute.termchar, ord(","))
        resource.set_visa_attribute(ResourceAttribute.termchar_enabled, True)
        resource.write("*IDN?")
        read = library.read(session, 100)
        assert read == (b"MAKER,", StatusCode.success_termination_character_read)
        assert resource.last_status == StatusCode.success_termination_character_read
        assert library.read(session, 4) == (b"TOY,", read[1])
        assert library.read(session, 4) == (b"0,", read[1])
        assert library.read(session, 4) == (b"1\n", StatusCode.success)


def test_partly_read_reply_is_interrupted(connect: Callable[..., Any]) -> None:
    resource = connect(VXI)
    resource.write("*IDN?")
    assert resource.read_bytes(3) == b"MAK"
    assert resource.query("*OPC?") == "1\n"
    assert resource.query("SYST:ERR?").startswith("-410")


def test_message_in_pieces_without_end(connect: Callable[..., Any]) -> None:
    resource = connect(VXI, write_termination="")
    resource.send_end = False
    resource.write("*ID")
    resource.send_end = True
    resource.write("N?")
    assert resource.read() == Toy.identity + "\n"


def test_nothing_to_read_times_out_at_once(
    connect: Callable[..., Any], specification: str
) -> None:
    """The bench clock takes the time-out; the instrument notes -420."""
    resource = connect(VXI, timeout=60_000)
    assert status_of(resource.read) == StatusCode.error_timeout
    assert model(specification, "one").clock.now == pytest.approx(60.0)
    assert resource.query("SYST:ERR?").startswith("-420")
    resource.timeout = None
    assert status_of(resource.read) == StatusCode.error_timeout
    assert model(specification, "one").clock.now == pytest.approx(60.0)


def test_busy_instrument_times_out_and_answers_later(
    connect: Callable[..., Any],
) -> None:
    """10 s of work and a time-out of 2 s: the fifth read gets the answer."""
    resource = connect(VXI, timeout=2_000)
    resource.write("WAIT 9")
    resource.write("TIME?")
    for _ in range(4):
        assert status_of(resource.read) == StatusCode.error_timeout
    assert float(resource.read()) == pytest.approx(9.0)
    assert float(resource.query("TIME?")) == pytest.approx(9.0), "no time was added"
    assert resource.query("SYST:ERR?") == '0,"No error"\n'


def test_other_instruments_answer_meanwhile(connect: Callable[..., Any]) -> None:
    """Waiting for one instrument is waiting for all."""
    slow, quick = connect(VXI, timeout=1_000), connect(USB, timeout=1_000)
    slow.write("WAIT 5")
    assert quick.query("*OPC?") == "1\n"
    slow.write("*OPC?")
    assert status_of(slow.read) == StatusCode.error_timeout
    quick.timeout = 10_000
    quick.write("LATER 4.5")
    assert quick.read() == "late\n"
    assert slow.read() == "1\n"


def test_reply_that_is_ready_later(connect: Callable[..., Any]) -> None:
    resource = connect(VXI, timeout=1_000)
    resource.write("LATER 1.5")
    assert status_of(resource.read) == StatusCode.error_timeout
    assert resource.read() == "late\n"
    assert float(resource.query("TIME?")) == pytest.approx(1.5)


def test_new_query_interrupts_a_late_reply(connect: Callable[..., Any]) -> None:
    resource = connect(VXI, timeout=1_000)
    resource.write("LATER 1.5")
    assert status_of(resource.read) == StatusCode.error_timeout
    resource.write("*OPC?")
    assert resource.read() == "1\n"
    assert resource.query("SYST:ERR?").startswith("-410")


def test_real_clock_waits(specification: str) -> None:
    name = f"{specification}?clock=real"
    resource: Any = pyvisa.ResourceManager(f"{name}@labneuro").open_resource(VXI)
    resource.timeout = 20
    clock = power_on(name).bench.clock
    begin = clock.now
    assert status_of(resource.read) == StatusCode.error_timeout
    assert clock.now - begin >= 0.02
    resource.write("WAIT 0.03")
    assert resource.query("*OPC?") == "1\n", "the write lasted as long as the work"
    power_off(name)


def test_reading_waits_for_a_script(
    connect: Callable[..., Any], specification: str
) -> None:
    """A reply can be read while the script that sent it runs on."""
    resource = connect(VXI, timeout=5_000)
    resource.write("SCR 3")
    assert resource.read() == "begun\n"
    assert model(specification, "one").busy
    assert model(specification, "one").wait_idle(5.0)
    assert resource.read() == "done\n"
    assert float(resource.query("TIME?")) == pytest.approx(3.0)


def test_script_longer_than_the_time_out(
    connect: Callable[..., Any], specification: str
) -> None:
    """Its bench time counts, not what the machine took to simulate it."""
    resource = connect(VXI, timeout=900)
    resource.write("SCR 3")
    assert status_of(resource.read) == StatusCode.error_timeout, "at 0.9 s"
    assert resource.read() == "begun\n"
    assert model(specification, "one").wait_idle(5.0)
    assert status_of(resource.read) == StatusCode.error_timeout, "at 1.9 s"
    assert status_of(resource.read) == StatusCode.error_timeout, "at 2.8 s"
    assert resource.read() == "done\n"


def test_script_that_runs_on_times_out(
    connect: Callable[..., Any], specification: str
) -> None:
    """The time-out is wall time then, and the bench clock is left to the script."""
    resource = connect(VXI, timeout=50)
    resource.write("SCR 3")
    assert status_of(resource.read) == StatusCode.error_timeout
    resource.timeout = 5_000
    assert resource.read() == "begun\n"
    resource.timeout = 50
    assert status_of(resource.read) == StatusCode.error_timeout
    assert model(specification, "one").clock.now == pytest.approx(1.0)
    assert model(specification, "one").wait_idle(5.0)
    resource.timeout = 5_000
    assert resource.read() == "done\n"


def test_other_instruments_wait_for_a_script(connect: Callable[..., Any]) -> None:
    script, other = connect(VXI), connect(USB)
    script.write("SCR 3")
    assert float(other.query("TIME?")) == pytest.approx(3.0)


def test_polling_sees_a_script_run_and_end(
    connect: Callable[..., Any], specification: str
) -> None:
    resource = connect(VXI, timeout=5_000)
    resource.write("SCR 100")
    assert resource.read() == "begun\n"
    assert resource.read_stb() & 0x10 == 0
    assert model(specification, "one").wait_idle(5.0)
    assert resource.read_stb() & 0x10
    assert resource.read() == "done\n", "who polls has waited"


def test_model_failure_is_a_clear_error(connect: Callable[..., Any]) -> None:
    with pytest.raises(InstrumentError, match="one: the simulated Toy failed on") as e:
        connect(VXI).write("BREAK")
    assert "no_such_attribute" in str(e.value)
    assert isinstance(e.value.__cause__, AttributeError)


def test_status_byte(connect: Callable[..., Any]) -> None:
    resource = connect(VXI)
    resource.write("*CLS")
    assert resource.read_stb() == 0
    resource.write("*IDN?")
    assert resource.read_stb() == 0x10
    resource.read_bytes(3)
    assert resource.read_stb() == 0x10, "a partly read reply is still there"
    resource.read()
    assert resource.read_stb() == 0
    resource.write("*SRE 32;*ESE 32;NONSENSE")
    assert resource.read_stb() == 0x40 | 0x20 | 0x04
    assert resource.read_stb() == 0x20 | 0x04


def test_trigger_and_clear(connect: Callable[..., Any], specification: str) -> None:
    resource = connect(GPIB)
    resource.assert_trigger()
    assert model(specification, "three").triggers == 1
    resource.write("*IDN?")
    resource.read_bytes(2)
    resource.clear()
    assert resource.query("*OPC?") == "1\n"
    assert resource.query("SYST:ERR?") == '0,"No error"\n'


def test_flush_discards_what_was_not_read(connect: Callable[..., Any]) -> None:
    resource = connect(VXI, timeout=10)
    resource.write("*IDN?")
    resource.read_bytes(2)
    resource.flush(constants.BufferOperation.discard_read_buffer)
    assert status_of(resource.read) == StatusCode.error_timeout


def test_service_request_by_queue(connect: Callable[..., Any]) -> None:
    resource = connect(VXI)
    event = EventType.service_request
    wait = resource.visalib.wait_on_event
    assert status_of(lambda: wait(resource.session, event, 10)) == (
        StatusCode.error_not_enabled
    )
    resource.enable_event(event, EventMechanism.queue)
    resource.write("*CLS;*SRE 16;*IDN?")
    response = resource.wait_on_event(event, 1_000)
    assert response.event.event_type == event
    assert resource.read_stb() == 0x50, "the request stays until it is polled"
    assert resource.read_stb() == 0x10
    resource.read()
    missed = resource.wait_on_event(event, 100, capture_timeout=True)
    assert missed.timed_out
    resource.disable_event(event, EventMechanism.queue)
    assert status_of(lambda: wait(resource.session, event, 10)) == (
        StatusCode.error_not_enabled
    )


def test_service_request_of_a_script(
    connect: Callable[..., Any], specification: str
) -> None:
    """Waiting lets the script go on until it has something to say."""
    resource = connect(VXI, timeout=5_000)
    resource.enable_event(EventType.service_request, EventMechanism.queue)
    resource.write("*CLS;*SRE 16;SCR 2")
    assert not resource.wait_on_event(EventType.service_request, 5_000).timed_out
    assert model(specification, "one").wait_idle(5.0)
    assert resource.read() == "begun\n"
    assert resource.read() == "done\n"


def test_service_request_by_handler(connect: Callable[..., Any]) -> None:
    resource = connect(USB)
    heard: list[tuple[object, object]] = []

    def hear(_: object, event: Any, handle: object) -> None:
        heard.append((event.event_type, handle))

    wrapped = resource.wrap_handler(hear)
    resource.install_handler(EventType.service_request, wrapped, "mine")
    resource.enable_event(EventType.service_request, EventMechanism.handler)
    resource.write("*CLS;*SRE 32;*ESE 32")
    assert heard == []
    resource.write("NONSENSE")
    assert heard == [(EventType.service_request, "mine")]
    resource.uninstall_handler(EventType.service_request, wrapped, "mine")
    resource.write("*CLS")
    resource.write("NONSENSE")
    assert len(heard) == 1


def test_exclusive_lock(connect: Callable[..., Any]) -> None:
    first, second = connect(VXI), connect(VXI)
    with first.lock_context():
        assert first.lock_state == constants.AccessModes.exclusive_lock
        assert first.query("*OPC?") == "1\n"
        assert status_of(lambda: second.query("*OPC?")) == (
            StatusCode.error_resource_locked
        )
        assert status_of(lambda: second.lock_excl(10)) == (
            StatusCode.error_resource_locked
        )
    assert second.query("*OPC?") == "1\n"
    assert status_of(second.unlock) == StatusCode.error_session_not_locked
    first.lock_excl()
    first.close()
    assert second.query("*OPC?") == "1\n", "a lock ends with its session"


def test_shared_lock(connect: Callable[..., Any]) -> None:
    first, second, third = connect(VXI), connect(VXI), connect(VXI)
    key = first.lock()
    assert second.lock(requested_key=key) == key
    assert second.query("*OPC?") == "1\n"
    assert status_of(lambda: third.query("*OPC?")) == StatusCode.error_resource_locked
    assert status_of(lambda: third.lock(requested_key="no")) == (
        StatusCode.error_invalid_access_key
    )
    first.unlock()
    second.unlock()
    assert third.query("*OPC?") == "1\n"


def test_opening_with_a_lock(manager: pyvisa.ResourceManager) -> None:
    mode = constants.AccessModes.exclusive_lock
    holder = manager.open_resource(VXI, access_mode=mode)
    other: Any = manager.open_resource(VXI)
    assert status_of(lambda: other.query("*OPC?")) == StatusCode.error_resource_locked
    assert status_of(lambda: manager.open_resource(VXI, access_mode=mode)) == (
        StatusCode.error_resource_locked
    )
    holder.close()
    assert other.query("*OPC?") == "1\n"


def test_attributes(connect: Callable[..., Any]) -> None:
    usb, gpib, vxi = connect(USB), connect(GPIB), connect(VXI)
    assert (usb.manufacturer_id, usb.model_code) == (0x0699, 0x035E)
    assert (usb.manufacturer_name, usb.model_name) == ("Toy", "Toy")
    assert (usb.serial_number, usb.interface_number) == ("C000001", 0)
    assert usb.is_4882_compliant
    assert (gpib.primary_address, gpib.interface_number) == (7, 1)
    assert gpib.get_visa_attribute(ResourceAttribute.termchar) == ord("\n")
    assert vxi.get_visa_attribute(ResourceAttribute.tcpip_address) == "192.0.2.1"
    assert vxi.get_visa_attribute(ResourceAttribute.tcpip_device_name) == "inst0"
    assert vxi.resource_manufacturer_name == "labneuro"
    assert vxi.resource_name == VXI
    assert vxi.lock_state == constants.AccessModes.no_lock
    vxi.timeout = 1234
    assert vxi.timeout == 1234
    vxi.timeout = None
    assert math.isinf(vxi.timeout)


def test_wrong_attributes_raise(connect: Callable[..., Any]) -> None:
    vxi = connect(VXI)
    get, put = vxi.get_visa_attribute, vxi.set_visa_attribute
    assert status_of(lambda: get(ResourceAttribute.asrl_baud_rate)) == (
        StatusCode.error_nonsupported_attribute
    )
    assert status_of(lambda: put(ResourceAttribute.resource_name, "x")) == (
        StatusCode.error_attribute_read_only
    )


def test_remote_enable_is_accepted(connect: Callable[..., Any]) -> None:
    connect(GPIB).control_ren(constants.RENLineOperation.asrt_address)
    assert connect(GPIB).query("*OPC?") == "1\n"


def test_socket_needs_a_terminator_both_ways(connect: Callable[..., Any]) -> None:
    """No END on a socket: without a termination character a read waits for bytes."""
    resource = connect(SOCKET, write_termination="", timeout=100)
    resource.write("*IDN?")
    assert status_of(resource.read) == StatusCode.error_timeout, "no newline was sent"
    resource.write("\n")
    assert status_of(resource.read) == StatusCode.error_timeout, "the read has no end"
    resource.read_termination = "\n"
    assert resource.read() == Toy.identity
    resource.write("*OPC?\r\n*IDN?\r\n")
    assert resource.read() == Toy.identity, "the second message interrupted the first"
    resource.write("*IDN?\n")
    assert resource.read_bytes(5) == b"MAKER"
    assert resource.read() == ",TOY,0,1"


def test_socket_with_end_of_packet(connect: Callable[..., Any]) -> None:
    resource = connect(SOCKET)
    resource.set_visa_attribute(ResourceAttribute.suppress_end_enabled, False)
    assert resource.query("*OPC?") == "1\n"


def test_socket_block_without_newline(connect: Callable[..., Any]) -> None:
    resource = connect(SOCKET, read_termination="\n")
    resource.write_raw(b"DATA #15ab\ncd")
    assert resource.query("*OPC?") == "1"
    resource.write("DATA?")
    assert resource.read_bytes(8) == b"#15ab\ncd"


def test_threads_take_turns(connect: Callable[..., Any]) -> None:
    """Queries of two threads on two instruments never mix."""
    answers: dict[str, set[str]] = {}

    def work(address: str, query: str) -> None:
        resource = connect(address)
        answers[query] = {resource.query(query) for _ in range(300)}

    threads = [
        threading.Thread(target=work, args=pair)
        for pair in ((VXI, "*IDN?"), (USB, "*OPC?"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"*IDN?": {Toy.identity + "\n"}, "*OPC?": {"1\n"}}
