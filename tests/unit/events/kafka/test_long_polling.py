"""What stands before the broker of the tests: which answers it keeps back."""

from __future__ import annotations

import struct

import pytest

from tests.support.long_polling import Fetch, is_empty, read_fetch

_TOPIC = b"t"


def _request(version: int, max_wait_ms: int) -> bytes:
    client = struct.pack(">h", 1) + b"x"
    tags = b"\x00" if version >= 12 else b""
    header = struct.pack(">hhi", 1, version, 7) + client + tags
    return header + struct.pack(">iii", -1, max_wait_ms, 1)


def _answer(version: int, *, error: int = 0, records: bytes = b"") -> bytes:
    """Write an answer about two partitions, the second with the error and the records."""
    compact = version >= 12

    def counted(number: int) -> bytes:
        return bytes([number + 1]) if compact else struct.pack(">i", number)

    def partition(number: int, error: int, records: bytes) -> bytes:
        return b"".join(
            (
                struct.pack(">ihqq", number, error, 0, 0),
                struct.pack(">q", 0) if version >= 5 else b"",
                counted(0),
                struct.pack(">i", -1) if version >= 11 else b"",
                counted(len(records)) + records,
                b"\x00" if compact else b"",
            )
        )

    name = bytes(16) if version >= 13 else counted(1)[-2:] + _TOPIC
    return b"".join(
        (
            struct.pack(">i", 7),
            b"\x00" if compact else b"",
            struct.pack(">i", 0),
            struct.pack(">hi", 0, 0) if version >= 7 else b"",
            counted(1) + name,
            counted(2) + partition(0, 0, b"") + partition(1, error, records),
            b"\x00\x00" if compact else b"",
        )
    )


@pytest.mark.parametrize("version", [4, 5, 7, 11, 12, 13])
def test_an_answer_without_messages_is_kept_back(version: int) -> None:
    """One with messages, or with an error, is not."""
    assert is_empty(_answer(version), version)
    assert not is_empty(_answer(version, records=b"batch"), version)
    assert not is_empty(_answer(version, error=3), version)


@pytest.mark.parametrize("version", [4, 11, 12, 13])
def test_a_request_says_how_long_it_waits(version: int) -> None:
    """In its second field after the header."""
    assert read_fetch(_request(version, 500)) == Fetch(version, 0.5)


def test_all_else_is_passed_on() -> None:
    """Metadata, for one; a Fetch that we cannot read is an error of this front."""
    assert read_fetch(struct.pack(">hhi", 3, 12, 7)) is None
    with pytest.raises(ValueError, match="version 3 is not understood"):
        read_fetch(_request(3, 500))
