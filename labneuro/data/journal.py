"""The journal beside a run file: every acknowledged reading, in the order of arrival.

HDF5 does not promise an order of its writes: a process killed within a flush, or a full
disk, can leave a file that no reader opens although earlier blocks were complete. The
journal is only ever appended to, so it always holds what was acknowledged. Its first
line carries the file as it was created, each further line a block of rows or an event;
file and lines together rebuild the run.

Each line is one JSON object: ``kind`` is ``"start"`` (``version``, ``run``, the
writer's ``pid``, ``host`` and ``time``, and ``image`` or ``base``), ``"block"``
(``step``, ``first_row``, ``count``, ``crc32``, ``time``, ``data``) or ``"event"``
(``time``, ``event``, ``message``). ``image`` is the new file, deflated, and ``data``
the columns' bytes one after the other, both in base64; ``base`` says what the finished
file of a resumed run held. The last key of every line, ``check``, is the CRC-32 of all
that stands before its comma, in eight hexadecimal digits.

The writer holds a lock on the file for life: :func:`labneuro.data.file_lock.is_locked`
tells a live run from a killed one.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from labneuro.data.file_lock import is_locked, take_lock
from labneuro.errors import InvalidRunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VERSION = 2
SUFFIX = ".journal.jsonl"
PART = ".part"
_LARGEST_IMAGE = 2**30
_SEAL = b', "check": "%08x"}'
_SEAL_LENGTH = len(_SEAL % 0)


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
class Base:
    """The finished file that a resumed run continues.

    Parameters
    ----------
    rows, events : int
        Readings and events that it holds.
    crc32 : int
        CRC-32 of its table of blocks, and with it of every reading.
    """

    rows: int
    events: int
    crc32: int


@dataclass(frozen=True)
class JournalContent:
    """What a journal says.

    Parameters
    ----------
    run : str
        Name of the run file.
    writer : str
        Who wrote it, for people: process, host, since when.
    started : str
        When it was begun, in ISO 8601.
    image : bytes
        The run file as it was created, before the first reading; empty where `base`
        is given.
    base : Base or None
        What a resumed run continues.
    blocks : tuple of (Block, bytes)
        The acknowledged blocks with their bytes.
    events : tuple of Event
        The event log.
    torn : int
        Lines that are not whole: cut short by a kill or a full disk, and so never
        acknowledged, or damaged later.
    lost : int
        Blocks that are whole but stand behind a damaged one, so that rows before them
        are missing.
    """

    run: str
    writer: str
    started: str
    image: bytes
    base: Base | None
    blocks: tuple[tuple[Block, bytes], ...]
    events: tuple[Event, ...]
    torn: int
    lost: int

    @property
    def rows(self) -> int:
        """Number of acknowledged readings in the journal itself."""
        return sum(block.count for block, _ in self.blocks)


class JournalWriter:
    """Append acknowledged blocks and events.

    What was appended survives a kill of the process when the call returns, and a reset
    of the machine `fsync_interval` later at the latest.

    Parameters
    ----------
    path : Path
        The journal; must not exist.
    run : str
        Name of the run file.
    image : bytes
        The run file as created; empty where `base` is given.
    fsync_interval : float
        Longest time in s that an appended line may wait for its fsync; 0 forces each
        line onto the disk at once.
    base : Base, optional
        What a resumed run continues.

    Raises
    ------
    FileExistsError
        If there is a journal of that name: it may hold the readings of a killed run.
    OSError
        If it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        run: str,
        image: bytes,
        fsync_interval: float = 1.0,
        *,
        base: Base | None = None,
    ) -> None:
        self._file = path.open("xb", buffering=0)
        self._interval = fsync_interval
        self._torn = False
        self._waiting: threading.Timer | None = None
        self._failure: OSError | None = None
        self._lock = threading.RLock()
        start = {
            "kind": "start",
            "version": VERSION,
            "run": run,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "time": datetime.now(UTC).astimezone().isoformat(),
        }
        if base is None:
            start["image"] = base64.b64encode(zlib.compress(image, 1)).decode()
        else:
            start["base"] = vars(base)
        try:
            take_lock(self._file.fileno())
            self._write([_head(start)])
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
        """Append a block of rows.

        Raises
        ------
        OSError
            If it cannot be written, or an earlier line could not be forced onto the
            disk.
        """
        head = _head({"kind": "block", **vars(block)})
        # Joined by hand: a JSON encoder would scan the long text again.
        self._append([head, b', "data": "', base64.b64encode(data), b'"'])

    def event(self, event: Event) -> None:
        """Append an event.

        Raises
        ------
        OSError
            As for :meth:`block`.
        """
        line = {
            "kind": "event",
            "time": event.time,
            "event": event.kind,
            "message": event.message,
        }
        self._append([_head(line)])

    def sync(self) -> None:
        """Force everything so far onto the disk."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file; what was appended stays."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            self._file.close()

    def _append(self, parts: list[bytes]) -> None:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._write(parts)
            left = self._synced + self._interval - time.monotonic()
            if left <= 0.0:
                self.sync()
            elif self._waiting is None:
                # A run that pauses must not leave its last line unforced.
                self._waiting = threading.Timer(left, self._sync_late)
                self._waiting.daemon = True
                self._waiting.start()

    def _sync_late(self) -> None:
        with self._lock:
            if self._file.closed:
                return
            try:
                self.sync()
            except OSError as error:  # told by the next append
                self._failure = error

    def _write(self, parts: list[bytes]) -> None:
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        # A line that an error or a signal cut short must not swallow the next one.
        start = [b"\n"] if self._torn else []
        rest = memoryview(b"".join([*start, *parts, _SEAL % checksum, b"\n"]))
        self._torn = True
        while rest:
            rest = rest[self._file.write(rest) :]
        self._torn = False


def _head(line: dict[str, Any]) -> bytes:
    return json.dumps(line)[:-1].encode()


def read_journal(path: Path) -> JournalContent:
    """Read a journal, whatever state it was left in.

    Parameters
    ----------
    path : Path
        The journal.

    Returns
    -------
    JournalContent
        Everything acknowledged up to the first damage; a line that is not whole is
        counted, not read.

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
    start = parsed[0] if parsed else None
    if start is None or start.get("kind") != "start" or start.get("version") != VERSION:
        raise InvalidRunFileError(
            f"{path}: is not a journal of a run, version {VERSION}, or its first line "
            "is damaged"
        )
    whole = [line for line in parsed if line is not None]
    torn = len(parsed) - len(whole)
    try:
        base = Base(**_whole_numbers(start["base"])) if "base" in start else None
        first = 0 if base is None else base.rows
        blocks, lost = _blocks(whole, first, torn)
        return JournalContent(
            run=str(start["run"]),
            writer=_writer(start),
            started=datetime.fromisoformat(start["time"]).isoformat(),
            image=b"" if base else _unpack(start["image"]),
            base=base,
            blocks=tuple(blocks),
            events=tuple(_event(one) for one in whole if one.get("kind") == "event"),
            torn=torn,
            lost=lost,
        )
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise InvalidRunFileError(f"{path}: broken journal: {reason}") from error


def follow(path: Path, poll: float = 0.1) -> Iterator[tuple[Block, bytes] | Event]:
    """Follow a run while another process writes it.

    Parameters
    ----------
    path : Path
        Its journal.
    poll : float
        Seconds between two looks at a journal that has not grown.

    Yields
    ------
    (Block, bytes) or Event
        Each acknowledged block with its columns' bytes, and each event, from the run's
        first on. It ends when the run does, or its process dies.

    Raises
    ------
    InvalidRunFileError
        If there is no such journal, or a line contradicts itself.
    """
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise InvalidRunFileError(f"{path}: {error.strerror}") from error
    with file:
        rest = b""
        while True:
            alive = is_locked(
                file.fileno()
            )  # asked first: what follows is all it wrote
            *lines, rest = (rest + file.read()).split(b"\n")
            for line in lines:
                found = _parse(line) if line else None
                if found is not None:
                    yield from _told(path, found)
            if not alive:
                return
            time.sleep(poll)


def _told(path: Path, line: dict[str, Any]) -> Iterator[tuple[Block, bytes] | Event]:
    try:
        if line.get("kind") == "block":
            yield _block(line)
        elif line.get("kind") == "event":
            yield _event(line)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidRunFileError(f"{path}: broken journal: {error}") from error


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line, or None where its checksum does not hold."""
    content, seal = line[:-_SEAL_LENGTH], line[-_SEAL_LENGTH:]
    if seal != _SEAL % zlib.crc32(content):
        return None
    try:
        value = json.loads(content + b"}")
    except (ValueError, RecursionError):  # sealed, but by somebody else
        return None
    return value if isinstance(value, dict) else None


def _unpack(packed: str) -> bytes:
    # Bounded, so that a hostile journal cannot fill the memory.
    raw = base64.b64decode(packed, validate=True)
    return zlib.decompressobj().decompress(raw, _LARGEST_IMAGE)


def _writer(start: dict[str, Any]) -> str:
    since = str(start["time"])[:19].replace("T", " ")
    return f"process {start['pid']} on {start['host']} since {since}"


def _whole_numbers(values: dict[str, Any]) -> dict[str, int]:
    return {str(key): int(value) for key, value in dict(values).items()}


def _blocks(
    lines: Iterable[dict[str, Any]], next_row: int, torn: int
) -> tuple[list[tuple[Block, bytes]], int]:
    """Return the blocks up to the first gap, and how many stand behind it."""
    found = [_block(line) for line in lines if line.get("kind") == "block"]
    for index, (block, _) in enumerate(found):
        if block.first_row != next_row:
            if not torn:
                raise ValueError(f"rows {next_row} to {block.first_row} are missing")
            return found[:index], len(found) - index
        next_row += block.count
    return found, 0


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


def _event(line: dict[str, Any]) -> Event:
    return Event(float(line["time"]), str(line["event"]), str(line["message"]))
