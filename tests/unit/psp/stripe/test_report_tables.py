"""A CSV report read as it comes, in pieces of any size."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.stripe.report_tables import ReportError, Row, read_rows

_COLUMNS = ("id", "net")


async def _pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _read(content: bytes, size: int = 7, columns: Iterable[str] = _COLUMNS) -> list[Row]:
    async def read() -> list[Row]:
        blocks = read_rows(_pieces(content, size), tuple(columns))
        return [row async for rows in blocks for row in rows]

    return asyncio.run(read())


@pytest.mark.parametrize(
    "content, rows",
    [
        (b"id,net\n", []),
        (b"id,net\na,1\n", [(2, ("a", "1"))]),
        (b"net,more,id\n1,x,a\n2,y,b\n", [(2, ("a", "1")), (3, ("b", "2"))]),
        (b"id,net\r\na,1\r\n", [(2, ("a", "1"))]),
        (b"\xef\xbb\xbfid,net\na,1\n", [(2, ("a", "1"))]),
        (b'id,net\n"a,""b""",1\n', [(2, ('a,"b"', "1"))]),
        (b'id,net\n"two\nlines",1\nb,2\n', [(3, ("two\nlines", "1")), (4, ("b", "2"))]),
        ("id,net\nžluť,1\n".encode(), [(2, ("žluť", "1"))]),
        (b"id,net\n,\n", [(2, ("", ""))]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_rows_by_name_wherever_the_bytes_are_cut(
    content: bytes, rows: list[Row], size: int
) -> None:
    """Whatever the order of columns, the line ends and the quotes."""
    assert _read(content, size) == rows


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "it is empty: not even a header came"),
        (b"id,net", "it ends within line 1: it was cut off"),
        (b"id,net\na,1", "it ends within line 2: it was cut off"),
        (b'id,net\na,1\n"b\n', "it ends within line 3: it was cut off"),
        (b"id,gross\n", "it lacks the columns net; it has instead: gross"),
        (b"ID,NET\n", "it lacks the columns id, net; it has instead: ID, NET"),
        (b"id\n", "it lacks the columns net"),
        (b"id;net\n", "it lacks the columns id, net; it has instead: id;net"),
        (b"id,net,net\n", "it has more than one column net"),
        (b"id,net\na,1\nb\n", "line 3 has 1 fields, and the header 2"),
        (b"id,net\na,1,2\n", "line 2 has 3 fields, and the header 2"),
        (b"id,net\na,1\n\n", "line 3 has 0 fields, and the header 2"),
        (b'id,net\n"a"b,1\n', "line 2 is no CSV"),
        (b"id,net\na,1\n\xff,1\n", "comes what is no UTF-8"),
        (b"id,net\na\xc3", "comes what is no UTF-8"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_wrong_is_named_with_its_line(content: bytes, words: str, size: int) -> None:
    """A report that changed, broke or ended too early is never read as a shorter one."""
    with pytest.raises(ReportError) as wrong:
        _read(content, size)

    assert words in str(wrong.value)


def test_a_row_without_an_end_fills_no_memory() -> None:
    """A quote that is never closed is told before the whole file is held."""
    with pytest.raises(ReportError, match="a quote is never closed"):
        _read(b'id,net\n"' + b"a\n" * 200_000, 65_536)


@given(
    rows=st.lists(st.tuples(st.text(st.sampled_from('a",\n\r é')), st.text("0123.-")), max_size=20),
    size=st.integers(1, 50),
)
def test_no_field_changes_on_its_way(rows: list[tuple[str, str]], size: int) -> None:
    """Whatever is quoted properly comes out as it went in."""
    quoted = "".join(
        ",".join('"{}"'.format(field.replace('"', '""')) for field in row) + "\n" for row in rows
    )

    read = _read(b"id,net\n" + quoted.encode(), size)

    assert [fields for _, fields in read] == rows


def test_memory_does_not_grow_with_the_file() -> None:
    """Ten times the rows need no more of it: only a piece is ever held."""

    async def peak(pieces: int) -> int:
        async def made() -> AsyncIterator[bytes]:
            yield b"id,net\n"
            for _ in range(pieces):
                yield b"txn_1,12.34\n" * 1000

        tracemalloc.start()
        try:
            async for _ in read_rows(made(), _COLUMNS):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert asyncio.run(peak(50)) < 2 * asyncio.run(peak(5))
