"""A refund file, line by line, however its bytes come."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.csv_lines import MAX_LINE_BYTES
from gateway.refund_files.lines import (
    HEADER,
    FileRefusedError,
    LineReader,
    header_problem,
    read_amount,
    read_line,
)
from gateway.refund_files.values import LineRefusal, MovementLine, RefusedLine
from gateway.refunds.commands import RefundedPayment, RefundReason
from psp.money import Money

_HEAD = ",".join(HEADER).encode() + b"\n"
_PAYMENT = "pay_" + "0" * 26
_OURS = f"M-1,order-1,{_PAYMENT},,,12.50,EUR,duplicate,FR"
_THEIRS = "M-2,order-2,,ogone_fr,WEB-2,1999,JPY,,JP"


def _read(data: bytes, size: int = 10_000) -> list[MovementLine | RefusedLine]:
    reader = LineReader()
    read = [line for at in range(0, len(data), size) for line in reader.feed(data[at : at + size])]
    return [*read, *reader.finish()]


def _line(values: str, number: int = 2) -> MovementLine | RefusedLine:
    return read_line(number, values.encode())


def _taken(values: str) -> MovementLine:
    line = _line(values)
    assert isinstance(line, MovementLine), line
    return line


def test_a_line_names_a_payment_of_ours() -> None:
    """With its number in the file, and the amount in minor units."""
    (line,) = _read(_HEAD + _OURS.encode())

    assert isinstance(line, MovementLine)
    assert (line.number, line.movement_id, line.country_code) == (2, "M-1", "FR")
    assert line.payment == RefundedPayment(payment_id=_PAYMENT, order_id="order-1")
    assert (line.amount, line.reason) == (Money(1250, "EUR"), RefundReason.DUPLICATE)


def test_a_line_names_a_payment_of_before() -> None:
    """By the PSP's account and reference; without a reason the shopper asked for it."""
    line = _taken(_THEIRS)

    assert line.payment == RefundedPayment("", "ogone_fr", "WEB-2", "order-2")
    assert (line.amount, line.reason) == (Money(1999, "JPY"), RefundReason.REQUESTED_BY_CUSTOMER)


@pytest.mark.parametrize(
    "same",
    [
        _OURS + "\r",
        _OURS.replace(",", " , "),
        _OURS.replace("M-1", '"M-1"').replace("12.50", '"12.50"'),
        "\ufeff" + _OURS,
    ],
)
def test_the_way_it_is_written_makes_no_other_movement(same: str) -> None:
    """Line ends, spaces around values, quotes and a byte order mark are not content."""
    assert _line(same) == _line(_OURS)


def test_a_whole_amount_means_the_same_as_one_with_noughts() -> None:
    """So that the same movement is known again, however it is written."""
    assert _taken(_OURS.replace("12.50", "12")).digest == (
        _taken(_OURS.replace("12.50", "12.00")).digest
    )


def test_another_value_is_another_movement() -> None:
    """In whichever column it stands."""
    others = [
        _OURS,
        _OURS.replace("order-1", "order-2"),
        _OURS.replace(_PAYMENT, "pay_" + "1" * 26),
        _OURS.replace("12.50", "12.51"),
        _OURS.replace("EUR", "USD"),
        _OURS.replace("duplicate", ""),
        _OURS.replace("FR", "DE"),
        _OURS.replace(f"{_PAYMENT},,", ",ogone_fr,WEB-1"),
        _OURS.replace(f"{_PAYMENT},,", ",ogone_de,WEB-1"),
        _OURS.replace(f"{_PAYMENT},,", ",ogone_fr,WEB-2"),
    ]

    assert len({_taken(each).digest for each in others}) == len(others)


@pytest.mark.parametrize(
    "values,words",
    [
        ("M-1", "9 values"),
        (_OURS.replace(",", ";"), "9 values"),
        (_OURS + ",more", "9 values"),
        (_OURS.replace("M-1", '"M-1'), "9 values"),
        (_OURS.replace("12.50", "12,50"), "9 values"),
        (",".join(HEADER), "the header once more"),
        (_OURS.replace("M-1", ""), "movement_id is required"),
        (_OURS.replace("M-1", "M" * 65), "movement_id must be 1 to 64"),
        (_OURS.replace("M-1", "M\x00"), "movement_id must be 1 to 64"),
        (_OURS.replace("order-1", ""), "order_id is required"),
        (_OURS.replace(_PAYMENT, "pay_1"), "payment_id is no payment's id"),
        (_OURS.replace(_PAYMENT, ""), "both psp_account and psp_reference are required"),
        (_OURS.replace(f"{_PAYMENT},", ",ogone_fr"), "both psp_account and psp_reference"),
        (_OURS.replace(",,,", ",ogone_fr,WEB-1,"), "both name a payment"),
        (_OURS.replace("EUR", "EURO"), "currency"),
        (_OURS.replace("EUR", ""), "currency is required"),
        (_OURS.replace("duplicate", "broken"), "reason is none of requested_by_customer"),
        (_OURS.replace("FR", "France"), "country"),
        (_OURS.replace("FR", ""), "country is required"),
        (_OURS.replace("FR", "XX").replace("12.50", "0"), "country"),
    ],
)
def test_a_malformed_line_is_refused_with_all_that_is_wrong(values: str, words: str) -> None:
    """By number and reason."""
    refused = _line(values, number=7)

    assert isinstance(refused, RefusedLine)
    assert (refused.number, refused.reason) == (7, LineRefusal.MALFORMED)
    assert words in refused.message


@pytest.mark.parametrize(
    "amount,currency,words",
    [
        ("", "EUR", "is required"),
        ('"1,234.50"', "EUR", "has a comma"),
        ('"12,50"', "EUR", "has a comma"),
        ("-12.50", "EUR", "is negative"),
        ("0", "EUR", "is zero"),
        ("0.00", "EUR", "is zero"),
        ("12.5", "EUR", "has 1 decimals, and EUR has 2"),
        ("12.500", "EUR", "has 3 decimals, and EUR has 2"),
        ("12.50", "JPY", "has 2 decimals, and JPY has 0: like 1234"),
        ("12.50", "KWD", "has 2 decimals, and KWD has 3: like 1234.500"),
        ("12.", "EUR", "is no amount"),
        (".50", "EUR", "is no amount"),
        ("+12", "EUR", "is no amount"),
        ("1e3", "EUR", "is no amount"),
        ("12 50", "EUR", "is no amount"),
        ("\uff11\uff12", "EUR", "is no amount"),
        ("EUR 12", "EUR", "is no amount"),
        ("1234567890123", "EUR", "is no amount of at most 12 digits"),
        ("999999999999", "EUR", "is above 9999999999.99 EUR"),
    ],
)
def test_a_wrong_amount_is_refused_as_such(amount: str, currency: str, words: str) -> None:
    """The movement is named, and nothing is guessed."""
    refused = _line(_OURS.replace("12.50", amount).replace("EUR,", f"{currency},"))

    assert isinstance(refused, RefusedLine)
    assert (refused.movement_id, refused.reason) == ("M-1", LineRefusal.INVALID_AMOUNT)
    assert refused.message.startswith("amount ")
    assert words in refused.message


@given(st.integers(1, 10**11), st.sampled_from(["EUR", "JPY", "KWD", "USD"]))
def test_an_amount_is_read_as_money_writes_it(minor: int, currency: str) -> None:
    """Exactly, whatever the currency's decimals."""
    money = Money(minor, currency)

    assert read_amount(str(money).split()[0], currency) == money


def test_another_encoding_is_named() -> None:
    """Only the line that is not UTF-8."""
    latin = _OURS.replace("order-1", "commande-é").encode("latin-1")
    bad, good = _read(_HEAD + latin + b"\n" + _THEIRS.encode() + b"\n")

    assert isinstance(bad, RefusedLine)
    assert (bad.number, bad.reason) == (2, LineRefusal.WRONG_ENCODING)
    assert isinstance(good, MovementLine)


def test_a_line_that_is_too_long_is_refused_and_the_next_is_read() -> None:
    """It is dropped as it comes, and never held."""
    long = b"x" * (3 * MAX_LINE_BYTES)
    bad, good = _read(_HEAD + long + b"\n" + _OURS.encode(), size=1000)

    assert isinstance(bad, RefusedLine)
    assert (bad.number, bad.reason) == (2, LineRefusal.MALFORMED)
    assert isinstance(good, MovementLine)
    assert good.number == 3


@pytest.mark.parametrize(
    "data,words",
    [
        (b"", "the file is empty"),
        (_OURS.encode() + b"\n", "it lacks movement_id"),
        (_HEAD.replace(b",", b";"), "it has semicolons between its names instead of commas"),
        (_HEAD.replace(b",", b"\t"), "it has tabs between its names instead of commas"),
        (_HEAD.replace(b",country", b""), "it lacks country"),
        (_HEAD.replace(b",amount,currency", b""), "it lacks amount, currency"),
        (_HEAD.replace(b"country", b"country,note"), 'it has "note", which nobody reads'),
        (_HEAD.replace(b"country", b"amount"), 'it names "amount" twice; it lacks country'),
        (_HEAD.replace(b"movement_id", b'"movement_id'), "it is no CSV"),
        (",".join(reversed(HEADER)).encode() + b"\n", "another order"),
        (",".join(HEADER).encode("utf-16"), "not UTF-8"),
        (b"x" * 10_000, "too long"),
        (b"\n" + _HEAD, "it lacks movement_id"),
        (_HEAD.replace(b"\n", b"\r") + _OURS.encode(), "end in CR alone"),
    ],
)
def test_a_file_with_another_header_is_not_read(data: bytes, words: str) -> None:
    """It is some other file, and what is wrong with it is said."""
    with pytest.raises(FileRefusedError) as refused:
        _read(data + _OURS.encode() if data else data)

    assert words in str(refused.value)
    assert str(refused.value).startswith("line 1 must be the header movement_id,order_id,")


def test_a_header_may_be_written_as_a_table_program_does() -> None:
    """With a byte order mark, quotes and another line end; and without any line after it."""
    quoted = ",".join(f'"{name}"' for name in HEADER)

    assert header_problem(HEADER) == ""
    assert _read(f"\ufeff{quoted}\r\n".encode()) == []
    assert len(_read(f"\ufeff{quoted}\r\n{_OURS}\r\n\r\n".encode())) == 1


@given(st.integers(1, 200))
def test_the_pieces_make_no_difference(size: int) -> None:
    """Wherever the file is cut, its lines are the same."""
    data = _HEAD + f"{_OURS}\r\nbad\r\n\r\n{_THEIRS}\r\né,é".encode()

    assert _read(data, size) == _read(data)


def test_half_a_million_lines_are_read() -> None:
    """The last one has its number; that each can be dropped is what the next test is about."""
    reader = LineReader()
    assert list(reader.feed(_HEAD)) == []
    numbers = [line.number for _ in range(500) for line in reader.feed(b"M-1,order-1\n" * 1000)]

    assert numbers == list(range(2, 500_002))


def test_memory_does_not_grow_with_the_file() -> None:
    """Nothing of a line is kept once it is given."""

    def peak_of(pieces: int) -> int:
        reader = LineReader()
        tracemalloc.start()
        for piece in [_HEAD, *[(_OURS + "\n").encode() * 20] * pieces]:
            for _ in reader.feed(piece):
                pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_of(1)  # what is made once, such as compiled patterns
    assert peak_of(40) < peak_of(4) + 16 * 1024
