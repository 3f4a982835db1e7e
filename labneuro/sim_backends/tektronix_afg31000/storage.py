"""The mass storage of the AFG31000: its drives, directories and files, in memory.

``M:`` is the internal memory, ``P:`` holds predefined waveforms and cannot be written,
``U:`` is the USB memory, and none is plugged in.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639, ``MMEMory`` subsystem; source (f)
of the limits for the drives. The names and the contents of the predefined waveforms
were not found, but for two names (f).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000.storage_errors import (
    FILE_NAME_ERROR,
    FILE_NOT_FOUND,
    MASS_STORAGE_ERROR,
    MEDIA_PROTECTED,
    MISSING_MEDIA,
)
from labneuro.sim_backends.tektronix_afg31000.waveform_files import (
    ArbitraryFile,
    read_waveform,
    write_waveform,
)
from labneuro.sim_backends.waveforms import shape_values

_CAPACITY = 512 * 1024 * 1024  # bytes; no source was found
_MOST_UPLOADED = 256 * 1024 * 1024  # bytes of one file; no source was found
_PREDEFINED_POINTS = 1000


@dataclass
class _Entry:
    """A file, or a directory if it has no content."""

    name: str
    content: object = None
    locked: bool = False
    entries: dict[str, _Entry] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        return self.content is None

    @property
    def size(self) -> int:
        content = self.content
        if self.is_directory:
            return 0
        return len(content if isinstance(content, bytes) else repr(content))

    def find(self, name: str) -> _Entry:
        if name.upper() not in self.entries:
            raise ScpiError(FILE_NOT_FOUND)
        return self.entries[name.upper()]

    def total(self) -> int:
        return self.size + sum(entry.total() for entry in self.entries.values())


def _predefined() -> _Entry:
    place = (np.arange(_PREDEFINED_POINTS) + 0.5) / _PREDEFINED_POINTS
    drive = _Entry("P:")
    for name, shape in (("Sine.tfwx", "SIN"), ("Pulse1000.tfwx", "SQU")):
        shares = 0.5 + 0.5 * shape_values(shape, place)
        drive.entries[name.upper()] = _Entry(name, write_waveform(shares))
    return drive


class MassStorage:
    """Drives with directories and files; names are found in any case.

    Attributes
    ----------
    directory : str
        The current directory, such as ``"M:/"``.
    """

    def __init__(self) -> None:
        self._drives = {"M:": _Entry("M:"), "P:": _predefined()}
        self.directory = "M:/"
        self._uploads: dict[str, bytearray] = {}

    def path(self, name: str) -> str:
        """Return a name as a path from its drive.

        Raises
        ------
        ScpiError
            -257 for what is no name, -252 for a drive that is not there.
        """
        plain = name.strip().replace("\\", "/")
        if not plain:
            raise ScpiError(FILE_NAME_ERROR)
        if plain.startswith("/"):
            plain = self.directory[:2] + plain
        elif plain[1:2] != ":":
            plain = f"{self.directory.rstrip('/')}/{plain}"
        drive, *parts = plain.split("/")
        if drive.upper() not in self._drives:
            known = drive.upper() == "U:"
            raise ScpiError(MISSING_MEDIA if known else FILE_NAME_ERROR)
        steps: list[str] = []
        for part in parts:
            if part == "..":
                del steps[-1:]
            elif part not in ("", "."):
                steps.append(part)
        return "/".join((drive.upper(), *steps)) + ("" if steps else "/")

    def _find(self, path: str) -> _Entry:
        drive, *parts = path.rstrip("/").split("/")
        entry = self._drives[drive]
        for part in parts:
            entry = entry.find(part)
        return entry

    def _parent(self, path: str) -> tuple[_Entry, str]:
        """Return the directory that may take a change, and the name in it."""
        folder, _, name = path.rpartition("/")
        if not name:
            raise ScpiError(FILE_NAME_ERROR)
        parent = self._find(folder)
        if not parent.is_directory:
            raise ScpiError(FILE_NOT_FOUND)
        if path.startswith("P:") or parent.locked:
            raise ScpiError(MEDIA_PROTECTED)
        return parent, name

    def catalog(self) -> str:
        """Return bytes used, bytes free, and the entries of the current directory."""
        drive = self._drives[self.directory[:2]]
        used = drive.total()
        lines = [
            f'"{entry.name},{"DIR" if entry.is_directory else ""},{entry.size}"'
            for entry in self._find(self.directory).entries.values()
        ]
        return ",".join((str(used), str(_CAPACITY - used), *lines))

    def change_directory(self, name: str = "M:/") -> None:
        """Make another directory the current one; without a name, the first."""
        path = self.path(name)
        if not self._find(path).is_directory:
            raise ScpiError(FILE_NOT_FOUND)
        self.directory = path

    def make_directory(self, name: str) -> None:
        """Make a directory."""
        parent, last = self._parent(self.path(name))
        if last.upper() in parent.entries:
            raise ScpiError(FILE_NAME_ERROR)
        parent.entries[last.upper()] = _Entry(last)

    def write(self, name: str, content: object) -> None:
        """Write a file; a locked one is an error."""
        parent, last = self._parent(self.path(name))
        old = parent.entries.get(last.upper())
        if old is not None and (old.locked or old.is_directory):
            raise ScpiError(MEDIA_PROTECTED)
        parent.entries[last.upper()] = _Entry(last, content)

    def read(self, name: str) -> object:
        """Return what a file holds."""
        entry = self._find(self.path(name))
        if entry.is_directory:
            raise ScpiError(FILE_NOT_FOUND)
        return entry.content

    def waveform(self, name: str) -> ArbitraryFile:
        """Return the waveform of a file; -250 if it holds none."""
        return read_waveform(name, self.read(name))

    def delete(self, name: str) -> None:
        """Delete a file or an empty directory that is not locked."""
        path = self.path(name)
        parent, last = self._parent(path)
        entry = parent.find(last)
        if entry.locked:
            raise ScpiError(MEDIA_PROTECTED)
        if entry.entries:
            raise ScpiError(MASS_STORAGE_ERROR)
        del parent.entries[last.upper()]
        if self.directory.upper() == path.upper():
            self.directory = path.rpartition("/")[0] + "/"

    def lock(self, name: str, locked: bool) -> None:
        """Lock or unlock a file or directory."""
        path = self.path(name)
        parent, last = self._parent(path)
        parent.find(last).locked = locked

    def is_locked(self, name: str) -> bool:
        """Return whether a file or directory is locked."""
        return self._find(self.path(name)).locked

    def upload(self, name: str, size: int, part: bytes) -> None:
        """Take a part of a file (``DATA:FILE``); the last one completes it.

        Raises
        ------
        ScpiError
            -223 if there is more than was announced.
        """
        path = self.path(name)
        so_far = self._uploads.setdefault(path, bytearray())
        if not 0 < size <= _MOST_UPLOADED or len(so_far) + len(part) > size:
            del self._uploads[path]
            raise ScpiError(syntax.TOO_MUCH_DATA)
        so_far += part
        if len(so_far) == size:
            del self._uploads[path]
            self.write(path, bytes(so_far))
