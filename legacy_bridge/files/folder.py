"""Refund files in folders: `inbound/`, `working/`, `done/` and `results/`, on one file system."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from legacy_bridge.errors import BackOfficeUnavailableError

T = TypeVar("T")
INBOUND: Final = "inbound"
WORKING: Final = "working"
DONE: Final = "done"
RESULTS: Final = "results"
UNFINISHED: Final = (".part", ".tmp", ".filepart")
"""How names end of files that are still being written, as transfer programs have it."""
_PIECE_BYTES: Final = 256 * 1024


class RefundFolder:
    """The `RefundFiles` port over a folder. The four folders in it are made when they are missing.

    A waiting file is left alone while its name begins with a dot or ends as in `UNFINISHED`, until
    `settle_s` seconds have passed since it last changed, and if it changed since it was last looked
    at: so it is seen twice before it is taken.
    """

    def __init__(
        self, folder: Path, *, settle_s: float, clock_s: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._settle_s = settle_s
        self._clock_s = clock_s
        self._seen: dict[str, tuple[int, int]] = {}
        """By name: size and time of change at the last look."""

    async def list_refund_files(self) -> Sequence[str]:
        """See `RefundFiles.list_refund_files`."""
        return await self._do("list_refund_files", self._list)

    async def take_refund_file(self, name: str, taken_as: str) -> bool:
        """See `RefundFiles.take_refund_file`."""
        return await self._do(
            "take_refund_file",
            lambda: self._move(self._at(INBOUND, name), self._at(WORKING, taken_as)),
        )

    async def taken_refund_files(self) -> Sequence[str]:
        """See `RefundFiles.taken_refund_files`."""
        return await self._do(
            "taken_refund_files", lambda: sorted(name for name, _ in self._files(WORKING))
        )

    async def open_refund_file(self, taken_as: str) -> AsyncIterator[bytes]:
        """See `RefundFiles.open_refund_file`."""
        path = self._at(WORKING, taken_as)
        opened = await self._do("open_refund_file", lambda: path.open("rb"))
        try:
            while piece := await self._do("open_refund_file", lambda: opened.read(_PIECE_BYTES)):
                yield piece
        finally:
            opened.close()

    async def write_refund_result(self, taken_as: str, lines: AsyncIterator[bytes]) -> None:
        """See `RefundFiles.write_refund_result`."""
        path = self._at(RESULTS, taken_as)
        # One writer at a time, by the caller's lease; what a crash left is written over.
        draft = path.with_name(f".{path.name}.tmp")
        with _told("write_refund_result"):
            written = await asyncio.to_thread(draft.open, "wb")
        try:
            async for piece in lines:
                await self._do("write_refund_result", partial(written.write, piece))
            await self._do("write_refund_result", lambda: _flush(written.fileno(), written.flush))
        finally:
            written.close()
        await self._do("write_refund_result", lambda: self._publish(draft, path))

    async def finish_refund_file(self, taken_as: str) -> None:
        """See `RefundFiles.finish_refund_file`."""
        await self._do(
            "finish_refund_file",
            lambda: self._move(self._at(WORKING, taken_as), self._at(DONE, taken_as)),
        )

    def _list(self) -> Sequence[str]:
        now_s, found = self._clock_s(), dict(self._files(INBOUND))
        looks = {name: (held.st_size, held.st_mtime_ns) for name, held in found.items()}
        settled = [
            name
            for name, look in looks.items()
            if self._seen.get(name) == look and now_s - found[name].st_mtime >= self._settle_s
        ]
        self._seen = looks
        return sorted(settled, key=lambda name: (found[name].st_mtime_ns, name))

    def _files(self, which: str) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the regular files of a folder; links are nobody's files."""
        for path in self._made(which).iterdir():
            if path.name.startswith(".") or path.name.endswith(UNFINISHED):
                continue
            try:
                held = path.lstat()
            except FileNotFoundError:
                continue  # taken or renamed while we looked
            if stat.S_ISREG(held.st_mode):
                yield path.name, held

    def _move(self, source: Path, target: Path) -> bool:
        self._made(target.parent.name)
        try:
            source.rename(target)
        except FileNotFoundError:
            return False
        _sync_folder(target.parent)
        return True

    def _publish(self, draft: Path, path: Path) -> None:
        draft.replace(path)
        _sync_folder(path.parent)

    def _at(self, which: str, name: str) -> Path:
        if not name or name != Path(name).name or name.startswith("."):
            raise ValueError(f"{name!r} is no name of a file in {which}")
        return self._made(which) / name

    def _made(self, which: str) -> Path:
        folder = self._folder / which
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _do(self, operation: str, act: Callable[[], T]) -> T:
        """Do in a thread what may wait for a disk or for another machine."""
        with _told(operation):
            return await asyncio.to_thread(act)


@contextmanager
def _told(operation: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        detail = f"{type(error).__name__}: {error.strerror or error}"
        raise BackOfficeUnavailableError(operation, detail) from error


def _flush(descriptor: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: without it a crash of the machine may undo one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
