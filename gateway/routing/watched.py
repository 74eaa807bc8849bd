"""Whether a file says something else than when it was looked at last."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.routing.file import MAX_FILE_BYTES


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What the file system tells of a file without reading it."""

    inode: int
    size_bytes: int
    modified_ns: int


class WatchedFile:
    """Looks at a file now and then. Its first change is that it is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked_at: _Stamp | None = None
        self._settled = False
        self._digest: str | None = None

    def has_changed(self) -> bool:
        """Whether it says something new, and has stood still since the last look.

        A file that is being written may be valid and end too early: it is left alone until two
        looks find it the same. That it is gone is a change, too.
        """
        stamp = self._stamp()
        if stamp != self._looked_at:
            self._looked_at, self._settled = stamp, False
            return False
        if self._settled:
            return False
        self._settled = True
        before, self._digest = self._digest, self._read()
        return self._digest != before

    def _stamp(self) -> _Stamp | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return _Stamp(stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def _read(self) -> str | None:
        """Return a digest of the bytes; of too many, of enough of them to be refused anew."""
        try:
            with self._path.open("rb") as file:
                return sha256(file.read(MAX_FILE_BYTES + 1)).hexdigest()
        except OSError:
            return None
