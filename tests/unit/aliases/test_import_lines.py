"""A mapping file, line by line, however its bytes come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.aliases.import_lines import HEADER, HeaderError, LineReader, read_line
from gateway.aliases.import_values import (
    MOST_REFUSALS,
    ImportRefusalReason,
    MappingLine,
    Refusal,
    Tally,
)

_HEAD = ",".join(HEADER).encode() + b"\n"
_VALUES = "shopper-1,cus_1,A-1,pm_1,fp1,4242,12,2030,visa"
_MALFORMED, _ENCODING = ImportRefusalReason.MALFORMED, ImportRefusalReason.WRONG_ENCODING


def _read(data: bytes, size: int = 10_000) -> list[MappingLine | Refusal]:
    reader = LineReader()
    read = [line for at in range(0, len(data), size) for line in reader.feed(data[at : at + size])]
    return [*read, *reader.finish()]


def _line(values: str, number: int = 2) -> MappingLine | Refusal:
    return read_line(number, values.encode())


def test_a_line_is_read_by_its_columns() -> None:
    """With its number in the file."""
    (line,) = _read(_HEAD + _VALUES.encode())

    assert isinstance(line, MappingLine)
    assert (line.number, line.old_customer_id, line.customer_id) == (2, "shopper-1", "cus_1")
    assert (line.old_card_id, line.card_id, line.card_last4) == ("A-1", "pm_1", "4242")


@pytest.mark.parametrize(
    "same",
    [
        _VALUES + "\r",
        _VALUES.replace(",", " , "),
        '"shopper-1",cus_1,"A-1",pm_1,fp1,4242,12,2030,visa',
    ],
)
def test_the_way_it_is_written_makes_no_other_content(same: str) -> None:
    """Line ends, spaces around values and quotes are not content."""
    assert _line(same) == _line(_VALUES)


def test_another_value_is_other_content() -> None:
    """Also in a column that nothing is decided by."""
    digests = set()
    for place in range(len(HEADER)):
        values = _VALUES.split(",")
        values[place] = {5: "4243", 6: "11", 7: "2031"}.get(place, values[place] + "x")
        line = _line(",".join(values))
        assert isinstance(line, MappingLine), line
        digests.add(line.digest)

    assert len(digests) == len(HEADER)


@pytest.mark.parametrize(
    "values,words",
    [
        ("", "9 values"),
        ("shopper-1", "9 values"),
        (_VALUES + ",more", "9 values"),
        (_VALUES.replace("shopper-1", '"shopper-1'), "9 values"),
        (_VALUES.replace("shopper-1", '"shop"per-1'), "9 values"),
        (_VALUES.replace("shopper-1", ""), "old_customer_id must be"),
        (_VALUES.replace("cus_1", "cus 1"), "customer_id must be"),
        (_VALUES.replace("pm_1", "pm\x00"), "card_id must be"),
        (_VALUES.replace("4242", "424"), "card_last4 must be four digits"),
        (_VALUES.replace("4242", "\uff14242"), "card_last4 must be four digits"),
        (_VALUES.replace("12,", "13,"), "card_exp_month must be 1 to 12"),
        (_VALUES.replace("2030", "30"), "card_exp_year must be a year of four digits"),
        (_VALUES.replace("4242,12", "42,0"), "card_last4 must be four digits; card_exp_month"),
    ],
)
def test_a_malformed_line_is_refused_with_all_that_is_wrong(values: str, words: str) -> None:
    """By number and reason."""
    refused = _line(values, number=7)

    assert isinstance(refused, Refusal)
    assert (refused.number, refused.reason) == (7, _MALFORMED)
    assert words in refused.message


@pytest.mark.parametrize("value", ["s\u00e9", "\u4e00"])
def test_another_encoding_is_named(value: str) -> None:
    """Only the line that is not UTF-8."""
    bad = _VALUES.replace("visa", value).encode("latin-1" if value < "\u0100" else "utf-16-le")
    lines = _read(_HEAD + bad.replace(b"\n", b"") + b"\n" + _VALUES.encode() + b"\n")

    assert [type(line) for line in lines] == [Refusal, MappingLine]
    assert isinstance(lines[0], Refusal)
    assert lines[0].reason in {_ENCODING, _MALFORMED}


@pytest.mark.parametrize(
    "data,words",
    [
        (b"", "the file is empty"),
        (b"a,b\n", "another one"),
        (_VALUES.encode() + b"\n", "another one"),
        (",".join(HEADER).encode("utf-16"), "not UTF-8"),
        (b"x" * 10_000, "too long"),
        (b"\n" + _HEAD, "another one"),
    ],
)
def test_a_file_with_another_header_is_not_read(data: bytes, words: str) -> None:
    """It is some other file."""
    with pytest.raises(HeaderError, match=words):
        _read(data)


def test_a_byte_order_mark_and_empty_lines_do_no_harm() -> None:
    """As spreadsheets write them; numbers go on counting."""
    data = b"\xef\xbb\xbf" + _HEAD.replace(b"\n", b"\r\n") + b"\r\n\n" + _VALUES.encode() + b"\r\n"
    (line,) = _read(data)

    assert line.number == 4


def test_a_header_alone_is_an_empty_file() -> None:
    """Nothing to do, and nothing wrong."""
    assert _read(_HEAD) == []


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_a_line_without_end_is_cut(size: int) -> None:
    """It is one refusal, and the line after it is read."""
    data = _HEAD + b"x" * 50_000 + b"\n" + _VALUES.encode() + b"\n" + b"y" * 9_000
    lines = _read(data, size)

    assert [(line.number, type(line)) for line in lines] == [
        (2, Refusal),
        (3, MappingLine),
        (4, Refusal),
    ]


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(
    rows=st.lists(st.just(_VALUES) | _TEXTS.map(lambda text: text.replace("\n", "")), max_size=8),
    size=st.integers(1, 40),
)
def test_pieces_of_any_size_make_the_same_lines(rows: list[str], size: int) -> None:
    """And every line that is not empty is either read or refused, under its number."""
    data = _HEAD + "\n".join(rows).encode()

    lines = _read(data, size)

    assert lines == _read(data)
    filled = [number for number, row in enumerate(rows, start=2) if row.encode().strip()]
    assert [line.number for line in lines] == filled


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_break_the_reader(data: bytes, size: int) -> None:
    """Whatever is uploaded is told line by line."""
    lines: Sequence[object] = _read(_HEAD + data, size)

    assert len(lines) <= data.count(b"\n") + 1


def test_refusals_are_bounded_and_all_are_counted() -> None:
    """Memory stays flat on the worst of files."""
    tally = Tally()
    for number in range(0, 3 * MOST_REFUSALS, 7):
        tally.refused([Refusal(number + n, _MALFORMED, "m") for n in range(7)])
    tally.moved(5)
    tally.skipped(3)

    summary = tally.summary()

    assert len(summary.refusals) == MOST_REFUSALS
    assert summary.refused == summary.refusal_counts[_MALFORMED] >= 3 * MOST_REFUSALS
    assert summary.lines == summary.moved + summary.skipped + summary.refused
