"""The journal keeps whole lines whatever happens to the process."""

import json
import os
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labneuro
from labneuro.data import journal as module
from labneuro.data.journal import Block, Event, JournalWriter, follow, read_journal
from labneuro.errors import InvalidRunFileError

IMAGE = b"\x89HDF" + bytes(1000)


def write(path, blocks=((b"12345678", 1),), events=(), image=IMAGE):
    """Write a journal of blocks, given as bytes and count, then of events."""
    path.unlink(missing_ok=True)
    with JournalWriter(path, "run.h5", image) as journal:
        first = 0
        for step, (data, count) in enumerate(blocks):
            block = Block(step, first, count, zlib.crc32(data), step / 4)
            journal.block(block, data)
            first += count
        for event in events:
            journal.event(event)
    return path


def seal(line):
    """Return a line as a journal has it: the checksum is its last key."""
    head = json.dumps(line)[:-1]
    return f'{head}, "check": "{zlib.crc32(head.encode()):08x}"}}'


def unseal(text):
    """Return the lines of a journal without their checksums."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        del line["check"]
    return lines


@given(
    st.lists(st.integers(0, 5).flatmap(lambda n: st.tuples(st.just(n), st.binary()))),
    st.lists(
        st.builds(Event, st.floats(allow_nan=False), st.text(), st.text()), max_size=3
    ),
    st.binary(),
)
def test_round_trip(tmp_path, drawn, events, image):
    """Everything that was appended comes back, bit for bit."""
    blocks = [(data * count, count) for count, data in drawn]
    content = read_journal(write(tmp_path / "j", blocks, events, image))
    assert [(data, block.count) for block, data in content.blocks] == blocks
    assert content.events == tuple(events)
    assert (content.run, content.image, content.torn) == ("run.h5", image, 0)
    assert content.rows == sum(count for _, count in blocks)


def test_block_keeps_step_place_and_time(tmp_path):
    """A block says what it belongs to."""
    content = read_journal(write(tmp_path / "j", [(b"ab", 2), (b"cdef", 4)]))
    assert content.blocks[1][0] == Block(1, 2, 4, zlib.crc32(b"cdef"), 0.25)


def test_cut_anywhere_it_keeps_every_whole_line(tmp_path):
    """A journal that ends at any byte gives all blocks that end before."""
    blocks = [(bytes([step]) * 6, 2) for step in range(4)]
    whole = write(tmp_path / "j", blocks, image=b"").read_bytes()
    ends = [index for index, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(ends[0], len(whole) + 1):
        (tmp_path / "cut").write_bytes(whole[:length])
        content = read_journal(tmp_path / "cut")
        # A line is whole without its line feed too: the closing brace ends it.
        lines = sum(end <= length for end in ends)
        assert len(content.blocks) == lines - 1
        assert content.torn == (length not in {*ends, *(end + 1 for end in ends)})


def test_line_after_a_torn_one_is_read(tmp_path, monkeypatch):
    """A write that fails half-way does not swallow the next block."""
    path = tmp_path / "j"
    with JournalWriter(path, "run.h5", IMAGE) as journal:
        real = journal._file

        class HalfFull:
            """A file on a disk that fills up within the line."""

            def write(self, data):
                if len(data) <= 40:
                    raise OSError(28, "No space left on device")
                return real.write(data[:40])

        monkeypatch.setattr(journal, "_file", HalfFull())
        with pytest.raises(OSError, match="No space left"):
            journal.block(Block(0, 0, 1, zlib.crc32(b"x" * 99), None), b"x" * 99)
        monkeypatch.setattr(journal, "_file", real)
        journal.block(Block(1, 0, 1, zlib.crc32(b"y"), None), b"y")
    content = read_journal(path)
    assert [data for _, data in content.blocks] == [b"y"]
    assert content.torn == 1


@given(st.binary(max_size=200))
def test_no_bytes_make_a_traceback(tmp_path, content):
    """Any file is either a journal or refused in one line."""
    path = tmp_path / "j"
    path.write_bytes(content)
    with pytest.raises(InvalidRunFileError) as caught:
        read_journal(path)
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.sampled_from(["version", "run", "image"])
    | st.sampled_from(["step", "first_row", "count", "crc32", "time", "data"])
    | st.sampled_from(["event", "message", "pid", "base"]),
    JSON,
)
def test_no_value_makes_a_traceback(tmp_path, key, value):
    """A line with anything in place of a value is read or refused in one line."""
    path = write(tmp_path / "j", events=[Event(0.0, "a", "b")])
    lines = unseal(path.read_text())
    changed = [{**line, key: value} if key in line else line for line in lines]
    path.write_text("\n".join(seal(line) for line in changed))
    try:
        rows = read_journal(path).rows
    except InvalidRunFileError:
        rows = 0
    assert rows in {0, 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "AAAA"}, "wrong checksum"),
        ({"data": "%%%%"}, "broken journal"),
        ({"first_row": 1}, "rows 0 to 1 are missing"),
        ({"count": -1}, "8 bytes are not -1 rows"),
        ({"count": 3}, "8 bytes are not 3 rows"),
        ({"count": 0}, "8 bytes are not 0 rows"),
    ],
)
def test_contradiction_is_refused(tmp_path, change, message):
    """A block that is not what it says is never passed on."""
    path = write(tmp_path / "j")
    start, line = unseal(path.read_text())
    path.write_text(seal(start) + "\n" + seal({**line, **change}))
    with pytest.raises(InvalidRunFileError, match=message):
        read_journal(path)


@pytest.mark.parametrize(
    "content",
    ["", "{}", seal({"kind": "start", "version": 3}), "[]", seal({"kind": "block"})],
)
def test_foreign_file_is_refused(tmp_path, content):
    """Only a journal of this version is read."""
    (tmp_path / "j").write_text(content)
    with pytest.raises(InvalidRunFileError, match="is not a journal"):
        read_journal(tmp_path / "j")


def test_missing_journal(tmp_path):
    """A journal that is not there is named."""
    with pytest.raises(InvalidRunFileError, match=r"nowhere: No such file"):
        read_journal(tmp_path / "nowhere")


def test_image_of_a_hostile_journal_is_bounded(tmp_path, monkeypatch):
    """A small line cannot unpack to more than is allowed."""
    path = write(tmp_path / "j", image=bytes(10_000))
    monkeypatch.setattr(module, "_LARGEST_IMAGE", 100)
    assert len(read_journal(path).image) == 100


@given(st.data())
def test_no_flipped_bit_changes_a_value(tmp_path, data):
    """Whatever is damaged, what is read is what was written, up to the damage."""
    blocks = [(bytes([step]) * 12, 3) for step in range(5)]
    path = write(tmp_path / "j", blocks, [Event(1.0, "a", "b")], image=b"HDF")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        found = read_journal(path)
    except InvalidRunFileError as error:
        assert "\n" not in str(error)  # noqa: PT017  either outcome is right
        return
    whole = [(one, block.count) for one, block in ((d, b) for b, d in found.blocks)]
    assert whole == blocks[: len(whole)]
    assert len(whole) + found.lost + found.torn >= 5
    assert found.image == b"HDF"
    assert found.events in {(), (Event(1.0, "a", "b"),)}


def test_blocks_behind_a_damaged_one_are_counted(tmp_path):
    """Rows before them are missing: they are lost, and it is said how many."""
    path = write(tmp_path / "j", [(b"ab", 1)] * 5)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"YWI=", b"YWJ=")
    path.write_bytes(b"".join(lines))
    content = read_journal(path)
    assert (len(content.blocks), content.torn, content.lost) == (1, 1, 3)


def test_pause_does_not_leave_a_line_unforced(tmp_path, monkeypatch):
    """The last line before a pause gets its fsync from the clock."""
    synced = threading.Event()
    with JournalWriter(tmp_path / "j", "run.h5", IMAGE, 0.01) as journal:
        monkeypatch.setattr(os, "fsync", lambda _: synced.set())
        journal.block(Block(0, 0, 1, zlib.crc32(b"x"), None), b"x")
        assert synced.wait(timeout=30)


def test_late_fsync_that_fails_is_told(tmp_path, monkeypatch):
    """The next append says what the disk said meanwhile."""
    failed = threading.Event()

    def refuse(_):
        failed.set()
        raise OSError(5, "Input/output error")

    with JournalWriter(tmp_path / "j", "run.h5", IMAGE, 0.01) as journal:
        monkeypatch.setattr(os, "fsync", refuse)
        journal.block(Block(0, 0, 1, zlib.crc32(b"x"), None), b"x")
        assert failed.wait(timeout=30)
        with pytest.raises(OSError, match="Input/output"):
            journal.block(Block(1, 1, 1, zlib.crc32(b"x"), None), b"x")


FOLLOWED = """
import sys, zlib
from pathlib import Path
from labneuro.data.journal import Block, Event, JournalWriter
with JournalWriter(Path(sys.argv[1]), "run.h5", b"HDF") as journal:
    print("ready", flush=True)
    for row in range(20):
        sys.stdin.readline()
        data = bytes([row])
        journal.block(Block(row, row, 1, zlib.crc32(data), None), data)
    journal.event(Event(1.0, "step", "done"))
"""


def test_readers_follow_a_live_run(tmp_path):
    """Two readers see each block as it comes, and the end when the writer ends."""
    root = str(Path(labneuro.__file__).parent.parent)
    writer = subprocess.Popen(
        [sys.executable, "-c", FOLLOWED, str(tmp_path / "j")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    with writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        readers = [follow(tmp_path / "j", poll=0.001) for _ in range(2)]
        for row in range(20):
            writer.stdin.write(b"\n")
            writer.stdin.flush()
            for reader in readers:
                found = next(reader)
                assert isinstance(found, tuple)
                assert (found[0].step, found[1]) == (row, bytes([row]))
        for reader in readers:
            assert list(reader) == [Event(1.0, "step", "done")]


def test_nothing_to_follow(tmp_path):
    """A run that is over has no journal."""
    with pytest.raises(InvalidRunFileError, match="No such file"):
        next(follow(tmp_path / "j"))


def test_fsync_at_most_once_an_interval(tmp_path, monkeypatch):
    """Blocks within the interval share an fsync; the next after it has its own."""
    clock, synced = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(clock[0]))
    with JournalWriter(tmp_path / "j", "run.h5", IMAGE, fsync_interval=1.0) as journal:
        for row, moment in enumerate([0.1, 0.9, 1.0, 1.5, 1.9, 2.5]):
            clock[0] = moment
            journal.block(Block(0, row, 1, zlib.crc32(b"x"), None), b"x")
    assert synced == [0.0, 1.0, 2.5]
