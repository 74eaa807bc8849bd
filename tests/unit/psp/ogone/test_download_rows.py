"""The download is read as it comes, in any pieces and encodings, and never trusted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.ogone.download_rows import DownloadError, DownloadRefusedError, Row, RowReader
from tests.unit.psp.ogone.downloads import HEAD, TAIL, download_xml, row_xml


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    for first in range(0, len(body), size):
        yield body[first : first + size]


def _rows(body: bytes, size: int = 65_536) -> list[Row]:
    reader = RowReader()
    rows = [row for piece in _pieces(body, size) for row in reader.feed(piece)]
    return rows + reader.close()


@pytest.mark.parametrize("size", [1, 7, 64, 65_536])
def test_pieces_do_not_matter(size: int) -> None:
    """Rows come in their order and are counted, wherever the stream is cut into pieces."""
    body = download_xml(row_xml(PAYIDSUB="1"), row_xml("8", PAYIDSUB="2"), row_xml(ID="42"))

    rows = _rows(body, size)

    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.text("PAYIDSUB") for row in rows] == ["1", "2", "1"]
    assert rows[2].text("ID") == "42"


def test_rows_come_before_the_end() -> None:
    """Nobody waits for the whole download to see its beginning."""
    reader = RowReader()

    rows = reader.feed((HEAD + row_xml() + row_xml()).encode() + b"<PAYMENT ID=")

    assert len(rows) == 2


def test_attributes_are_read_in_any_case() -> None:
    """A name that is missing reads as empty, and spaces around a value do not count."""
    (row,) = _rows(b"<download_reply><Payment Id=' 1 ' Status='9'></Payment></download_reply>")

    assert (row.text("ID"), row.text("STATUS"), row.text("TOTAL")) == ("1", "9", "")


@pytest.mark.parametrize(
    "declared,encoding",
    [
        ("ISO-8859-1", "iso-8859-1"),
        ("iso-8859-15", "iso-8859-15"),
        ("windows-1252", "windows-1252"),
        ("UTF-8", "utf-8"),
        # What it says and what it is are two things.
        ("utf-8", "iso-8859-1"),
        ("", "utf-8"),
        ("", "iso-8859-1"),
    ],
)
@pytest.mark.parametrize("size", [1, 65_536])
def test_it_is_read_in_its_encoding(declared: str, encoding: str, size: int) -> None:
    """As it declares, and in ISO-8859-1 where it is no UTF-8; no letter is lost between pieces."""
    said = f' encoding="{declared}"' if declared else ""
    body = f'<?xml version="1.0"{said}?><DOWNLOAD_REPLY>{row_xml(LIB="Payé à Liège")}{TAIL}'

    (row,) = _rows(body.encode(encoding), size)

    assert row.text("LIB") == "Payé à Liège"


def test_a_byte_order_mark_is_passed_over() -> None:
    """It is no part of the document."""
    body = b"\xef\xbb\xbf<DOWNLOAD_REPLY>" + row_xml(LIB="é").encode() + TAIL.encode()

    assert [row.text("LIB") for row in _rows(body)] == ["é"]


@pytest.mark.parametrize(
    "body,said",
    [
        (b"", "cut off"),
        (HEAD.encode(), "after row 0, before its end: it is cut off"),
        ((HEAD + row_xml()).encode(), "after row 1, before its end: it is cut off"),
        ((HEAD + row_xml() + row_xml()[:40]).encode(), "after row 1, before its end"),
        ((HEAD + row_xml() + "<PAYMENT ID=1/>").encode(), "row 2: it is no XML"),
        ((HEAD + row_xml() + "</PAYMENT>").encode(), "row 2: it is no XML"),
        (download_xml() + b"<DOWNLOAD_REPLY/>", "it is no XML"),
        (b"<html><body>Service temporarily unavail", "no DOWNLOAD_REPLY, but html"),
        (b"%PDF-1.4 <</Type /Catalog>>", "row 1: it is no XML"),
        ((HEAD + row_xml() + "<REFUND ID='1'/>" + TAIL).encode(), "row 2: REFUND is no element"),
        ((HEAD + "<PAYMENT ID='1' Id='2'/>" + TAIL).encode(), "row 1: it has one attribute twice"),
        (b'<?xml version="1.0" encoding="utf-7"?><DOWNLOAD_REPLY/>', "is written in utf-7"),
        (b'<?xml version="1.0" encoding="zip"?><DOWNLOAD_REPLY/>', "is written in zip"),
    ],
)
@pytest.mark.parametrize("size", [5, 65_536])
def test_what_is_no_whole_download_is_refused(body: bytes, said: str, size: int) -> None:
    """By the place where it went wrong."""
    with pytest.raises(DownloadError) as refused:
        _rows(body, size)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE d SYSTEM "http://127.0.0.1/evil.dtd">',
        '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1/evil.dtd"> %p;]>',
    ],
)
def test_entities_are_an_attack(declaration: str) -> None:
    """Neither expanded nor fetched: the document is refused where it declares one."""
    body = f"{declaration}<DOWNLOAD_REPLY>{row_xml()}{TAIL}".encode()

    with pytest.raises(DownloadError, match="document type or an entity"):
        _rows(body)


def test_an_undeclared_entity_is_no_xml() -> None:
    """The five of XML itself are all there are."""
    body = download_xml(row_xml(LIB="a & b"), '<PAYMENT LIB="&lol;"/>')

    with pytest.raises(DownloadError, match="row 2: it is no XML: undefined entity"):
        _rows(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<DOWNLOAD_REPLY><SYSTEM_ERROR>No right to\n download</SYSTEM_ERROR></DOWNLOAD_REPLY>",
        b"<SYSTEM_ERROR>No right to download</SYSTEM_ERROR>",
        b"<DOWNLOAD_REPLY><System_Error LIB='No right to download'/></DOWNLOAD_REPLY>",
        (HEAD + row_xml() + "<SYSTEM_ERROR>No right to download</SYSTEM_ERROR>").encode(),
    ],
)
@pytest.mark.parametrize("size", [3, 65_536])
def test_ogones_refusal_is_told_apart(body: bytes, size: int) -> None:
    """Wherever it stands, with Ogone's words."""
    with pytest.raises(DownloadRefusedError, match="No right to download") as refused:
        _rows(body, size)

    assert str(refused.value) == "No right to download"


def test_a_row_without_an_end_is_not_waited_for() -> None:
    """What would fill the memory is refused long before."""
    reader = RowReader()
    reader.feed((HEAD + row_xml() + '<PAYMENT LIB="').encode())
    for _ in range(16):
        reader.feed(b"x" * 65_536)

    with pytest.raises(DownloadError, match="row 2: it has no end"):
        reader.feed(b"x" * 65_536)


_WHOLE = download_xml(row_xml(LIB="Payé"), row_xml("8", PAYIDSUB="2"), row_xml(ID="42"))


@given(
    at=st.integers(0, len(_WHOLE) - 1),
    taken_out=st.integers(0, 20),
    put_in=st.binary(max_size=8) | st.sampled_from([b"<", b">", b'"', b"&", b"]]>", b"\x00"]),
    size=st.integers(1, 200),
)
def test_nothing_but_its_own_errors(at: int, taken_out: int, put_in: bytes, size: int) -> None:
    """Whatever is broken in a download, it is read or refused, and the same in any pieces."""
    body = _WHOLE[:at] + put_in + _WHOLE[at + taken_out :]

    def outcome(piece: int) -> object:
        try:
            return [dict(row.attributes) for row in _rows(body, piece)]
        except (DownloadError, DownloadRefusedError):
            return "refused"

    assert outcome(size) == outcome(len(body))


def test_memory_does_not_grow_with_the_rows() -> None:
    """A hundred thousand rows take no more of it than a thousand: none is kept."""

    def peak(rows: int) -> int:
        block = b'<PAYMENT ID="3014644340" STATUS="9"/>' * 100
        reader = RowReader()
        reader.feed(HEAD.encode())
        tracemalloc.start()
        read = sum(len(reader.feed(block)) for _ in range(rows // 100))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert read == rows
        return most

    assert peak(100_000) < 1.5 * peak(1_000)
