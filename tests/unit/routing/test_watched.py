"""Whether a file has changed: seen once it stands still, and once only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.routing.watched import WatchedFile


def _looks(watched: WatchedFile, times: int) -> Sequence[bool]:
    return [watched.has_changed() for _ in range(times)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was looked at and is known."""
    path = tmp_path / "paygate.toml"
    path.write_text("one", encoding="utf-8")
    return path


@pytest.fixture
def watched(path: Path) -> WatchedFile:
    """Knows `path` as it is."""
    watched = WatchedFile(path)
    assert _looks(watched, 4) == [False, True, False, False]
    return watched


def test_a_changed_file_is_seen_when_it_stands_still(watched: WatchedFile, path: Path) -> None:
    """Between two looks that differ somebody may still be writing."""
    path.write_text("on", encoding="utf-8")
    first = watched.has_changed()
    path.write_text("one and two", encoding="utf-8")

    assert first is False
    assert _looks(watched, 4) == [False, True, False, False]


def test_a_file_that_says_the_same_has_not_changed(watched: WatchedFile, path: Path) -> None:
    """A new time or a new inode with the same bytes is nothing to read."""
    os.utime(path, ns=(1, 1))
    touched = _looks(watched, 3)
    other = path.with_suffix(".new")
    other.write_text("one", encoding="utf-8")
    other.replace(path)

    assert touched == [False] * 3
    assert _looks(watched, 3) == [False] * 3


def test_a_file_put_in_its_place_is_seen(watched: WatchedFile, path: Path) -> None:
    """Of the same size and time, as copies may be."""
    stat = path.stat()
    other = path.with_suffix(".new")
    other.write_text("two", encoding="utf-8")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)

    assert _looks(watched, 3) == [False, True, False]


def test_a_file_that_goes_and_comes_is_seen_twice(watched: WatchedFile, path: Path) -> None:
    """That it is gone is worth a line in the log."""
    path.unlink()
    gone = _looks(watched, 3)
    path.write_text("one", encoding="utf-8")

    assert gone == [False, True, False]
    assert _looks(watched, 3) == [False, True, False]


def test_a_file_that_was_never_there_has_not_changed(tmp_path: Path) -> None:
    """There is nothing to read, and nothing new about it."""
    assert _looks(WatchedFile(tmp_path / "none"), 3) == [False] * 3
