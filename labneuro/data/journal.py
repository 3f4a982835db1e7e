"""The journal beside a run file: every acknowledged reading, in the order of arrival.

HDF5 does not promise an order of its writes: a process killed within a flush, or a full
disk, can leave a file that no reader opens although earlier blocks were complete. The
journal is only ever appended to, so it always holds what was acknowledged. Its first
line carries the file as it was created, each further line a block of rows or an event;
file and lines together rebuild the run.

Each line is one JSON object: ``kind`` is ``"start"`` (``version``, ``run``, ``image``),
``"block"`` (``step``, ``first_row``, ``count``, ``crc32``, ``time``, ``data``) or
``"event"`` (``time``, ``event``, ``message``). ``image`` is the new file, deflated, and
``data`` the columns' bytes one after the other, both in base64.
"""

from __future__ import annotations

import base64
import json
import os
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from labneuro.errors import InvalidRunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VERSION = 1
SUFFIX = ".journal.jsonl"
PART = ".part"
_LARGEST_IMAGE = 2**30


@dataclass(frozen=True)
class Block:
    """Rows that were appended together.

    Parameters
    ----------
    step : int
        Step of the plan that they belong to.
    first_row, count : int
        Where they stand in the table.
    crc32 : int
        CRC-32 of their bytes, column after column.
    time : float or None
        Last value of the axis of the readings, usually the bench's clock in s.
    """

    step: int
    first_row: int
    count: int
    crc32: int
    time: float | None


@dataclass(frozen=True)
class Event:
    """Something that happened: bench time in s, what kind, and a line for people."""

    time: float
    kind: str
    message: str


@dataclass(frozen=True)
class JournalContent:
    """What a journal says.

    Parameters
    ----------
    run : str
        Name of the run file.
    image : bytes
        The run file as it was created, before the first reading.
    blocks : tuple of (Block, bytes)
        The acknowledged blocks with their bytes.
    events : tuple of Event
        The event log.
    torn : int
        Lines that were not written to their end; they were never acknowledged.
    """

    run: str
    image: bytes
    blocks: tuple[tuple[Block, bytes], ...]
    events: tuple[Event, ...]
    torn: int

    @property
    def rows(self) -> int:
        """Number of acknowledged readings."""
        return sum(block.count for block, _ in self.blocks)


class JournalWriter:
    """Append acknowledged blocks and events, each on disk before the call returns.

    Parameters
    ----------
    path : Path
        The journal; an old one, left without its run file, is replaced.
    run : str
        Name of the run file.
    image : bytes
        The run file as created.
    fsync_interval : float
        A machine reset loses at most what came in this many seconds; killing the
        process loses nothing.
    """

    def __init__(
        self, path: Path, run: str, image: bytes, fsync_interval: float = 1.0
    ) -> None:
        self._file = path.open("wb", buffering=0)
        self._interval = fsync_interval
        self._torn = False
        packed = base64.b64encode(zlib.compress(image, 1)).decode()
        start = {"kind": "start", "version": VERSION, "run": run, "image": packed}
        try:
            self._write([json.dumps(start).encode()])
            self.sync()
        except OSError:  # a full disk: leave nothing behind
            self._file.close()
            path.unlink()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def block(self, block: Block, data: bytes) -> None:
        """Append a block of rows."""
        head = json.dumps({"kind": "block", **vars(block)})[:-1]
        # Joined by hand: a JSON encoder would scan the long text again.
        self._write(
            [head.encode(), b', "data": "', base64.b64encode(data), b'"}'],
        )
        if time.monotonic() - self._synced >= self._interval:
            self.sync()

    def event(self, event: Event) -> None:
        """Append an event."""
        line = {
            "kind": "event",
            "time": event.time,
            "event": event.kind,
            "message": event.message,
        }
        self._write([json.dumps(line).encode()])

    def sync(self) -> None:
        """Force everything so far onto the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file; what was appended stays."""
        self._file.close()

    def _write(self, parts: list[bytes]) -> None:
        # A line that an error or a signal cut short must not swallow the next one.
        start = [b"\n"] if self._torn else []
        rest = memoryview(b"".join([*start, *parts, b"\n"]))
        self._torn = True
        while rest:
            rest = rest[self._file.write(rest) :]
        self._torn = False


def read_journal(path: Path) -> JournalContent:
    """Read a journal, whatever state it was left in.

    Parameters
    ----------
    path : Path
        The journal.

    Returns
    -------
    JournalContent
        Everything acknowledged; a line that was cut short is counted, not read.

    Raises
    ------
    InvalidRunFileError
        If the file cannot be read, is not a journal, or contradicts itself.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InvalidRunFileError(f"{path}: {error.strerror}") from error
    parsed = [_parse(line) for line in lines if line]
    whole = [line for line in parsed if line is not None]
    start = whole[0] if whole else {}
    if start.get("kind") != "start" or start.get("version") != VERSION:
        raise InvalidRunFileError(f"{path}: is not a journal of a run, version 1")
    try:
        return JournalContent(
            run=str(start["run"]),
            image=_unpack(start["image"]),
            blocks=tuple(_blocks(whole)),
            events=tuple(_events(whole)),
            torn=len(parsed) - len(whole),
        )
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as error:
        raise InvalidRunFileError(f"{path}: broken journal: {error}") from error


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # cut short: never acknowledged
        return None
    return value if isinstance(value, dict) else None


def _unpack(packed: str) -> bytes:
    # Bounded, so that a hostile journal cannot fill the memory.
    raw = base64.b64decode(packed, validate=True)
    return zlib.decompressobj().decompress(raw, _LARGEST_IMAGE)


def _blocks(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[Block, bytes]]:
    next_row = 0
    for line in lines:
        if line.get("kind") != "block":
            continue
        block, data = _block(line)
        if block.first_row != next_row:
            raise ValueError(f"rows {next_row} to {block.first_row} are missing")
        next_row += block.count
        yield block, data


def _block(line: dict[str, Any]) -> tuple[Block, bytes]:
    block = Block(
        step=int(line["step"]),
        first_row=int(line["first_row"]),
        count=int(line["count"]),
        crc32=int(line["crc32"]),
        time=None if line["time"] is None else float(line["time"]),
    )
    data = base64.b64decode(line["data"], validate=True)
    if zlib.crc32(data) != block.crc32:
        raise ValueError(f"rows from {block.first_row} on: wrong checksum")
    if block.count < 0 or len(data) % max(block.count, 1) or (data and not block.count):
        raise ValueError(f"{len(data)} bytes are not {block.count} rows")
    return block, data


def _events(lines: Iterable[dict[str, Any]]) -> Iterator[Event]:
    for line in lines:
        if line.get("kind") == "event":
            yield Event(float(line["time"]), str(line["event"]), str(line["message"]))
