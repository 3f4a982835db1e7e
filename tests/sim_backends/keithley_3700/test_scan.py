"""Scans: the list, its steps, their relays and readings, in fore- and background."""

from __future__ import annotations

import pytest

RUNNING, ABORTED, SUCCESS = 2, 3, 6
EXPECTED_LIST = """\
Init) OPEN...
1) STEP: 1101
CLOSE: 1101
MEASURE: nofunction COUNT: 1
2) STEP: 1102
OPEN: 1101
CLOSE: 1102 1913
MEASURE: nofunction COUNT: 1
3) STEP: 1101,1911
OPEN: 1102 1913
CLOSE: 1101 1911
MEASURE: dcvolts COUNT: 1"""


@pytest.fixture
def scanning(make_switch):
    """Return a bench with 1 V at row 1 and a scan of three steps."""
    bench = make_switch([["source.out", "sw.slot1_row1"]])
    bench.source.voltage_source(1.0, 1e-6)
    bench.send("channel.setbackplane('1102', '1913')", "b = dmm.makebuffer(100)")
    bench.send("scan.create('1101:1102')", "scan.addimagestep('1101, 1911', 'dcvolts')")
    return bench


def test_the_list_reads_as_in_the_manual(scanning):
    assert scanning.value("scan.stepcount") == 3
    assert scanning.show("scan.list()") == EXPECTED_LIST
    scanning.send("scan.create('')")
    assert scanning.show("scan.list()") == "Empty Scan"
    assert scanning.values("scan.state()")[0] == 0


def test_a_scan_runs_its_steps_and_stores_what_it_measures(scanning):
    scanning.send("channel.close('1616')", "scan.scancount = 2 scan.measurecount = 3")
    state, passes, steps, reading = scanning.values("scan.execute(b)")
    assert (state, passes, steps) == (SUCCESS, 2, 6)
    assert reading == pytest.approx(1.0, rel=1e-6)
    assert scanning.closed() == "1101;1911", "the last step stays closed"
    assert scanning.numbers("printbuffer(1, b.n, b)") == pytest.approx([1.0] * 6)
    assert scanning.ask("printbuffer(1, 1, b.channels)") == "1101,1911"
    assert scanning.show("channel.getcount('1101,1102')") == "3,2", (
        "1101 stays closed from pass to pass"
    )


def test_a_background_scan_is_seen_running_step_by_step(scanning):
    assert scanning.values("scan.background(b)") == [RUNNING, 0, 0]
    seen = [scanning.values("scan.state()")[:3] for _ in range(5)]
    assert seen[:4] == [[RUNNING, 0, 0], [RUNNING, 1, 1], [RUNNING, 1, 2], [2, 1, 3]]
    assert seen[4] == [SUCCESS, 1, 3]


def test_a_background_scan_goes_on_while_the_script_waits(scanning):
    scanning.send("scan.background()", "delay(1)")
    assert scanning.values("scan.state()")[:3] == [SUCCESS, 1, 3]
    scanning.send("scan.background()", "waitcomplete()")
    assert scanning.values("scan.state()")[:3] == [SUCCESS, 1, 3]
    scanning.send("scan.background()", "scan.abort()")
    assert scanning.values("scan.state()")[0] == ABORTED


def test_open_selective_leaves_other_channels_closed(scanning):
    scanning.send("channel.close('1616')", "scan.mode = scan.MODE_OPEN_SELECTIVE")
    scanning.send("scan.execute()")
    assert scanning.closed() == "1101;1616;1911"


@pytest.mark.parametrize(
    "command",
    [
        "scan.add('1717')",
        "scan.add('1911')",
        "scan.add('1101', 'dcvolts')",
        "scan.add('1101', 'unknown')",
        "scan.addimagestep('slot1')",
        "scan.addwrite('1101', 1)",
        "scan.execute(channel)",
    ],
)
def test_what_cannot_be_scanned_is_refused(scanning, command):
    scanning.send(command)
    assert scanning.error()[0] in (1115, 1401)
    assert scanning.value("scan.stepcount") == 3


def test_forbidden_channels_are_left_out_of_ranges_only(switch):
    switch.send("channel.setforbidden('1102')", "scan.create('1101:1103')")
    assert switch.value("scan.stepcount") == 2
    switch.send("scan.add('1102')")
    assert switch.error()[0] == 1114


@pytest.mark.parametrize(
    "change",
    [
        "channel.setforbidden('1101')",
        "channel.setbackplane('1101', '1911')",
        "channel.reset('1102')",
        "reset()",
        "scan.reset()",
    ],
)
def test_a_change_of_its_channels_drops_the_scan_list(scanning, change):
    scanning.send(change)
    assert scanning.value("scan.stepcount") == 0


def test_an_empty_scan_does_not_run(switch):
    switch.send("scan.execute()")
    assert switch.error()[0] == 1115
    assert switch.values("scan.state()")[0] == 0
