"""A refund file read line by line, from bytes that come in pieces. Pure; see docs/refund-file.md.

The columns stand in one order, with the country last: a line that was cut off never looks whole.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from gateway.api import values
from gateway.csv_lines import BOM, MAX_LINE_BYTES, LineSplitter, RawLine, decoded, values_of
from gateway.refund_files.values import LineRefusal, MovementLine, RefusedLine
from gateway.refunds.commands import RefundedPayment, RefundReason
from psp.money import CURRENCY_DECIMALS, MAX_AMOUNT_MINOR, Money

HEADER: Final = (
    "movement_id",
    "order_id",
    "payment_id",
    "psp_account",
    "psp_reference",
    "amount",
    "currency",
    "reason",
    "country",
)
_DELIMITERS: Final[Mapping[str, str]] = {";": "semicolons", "\t": "tabs", "|": "bars"}
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(?:\.([0-9]+))?", re.ASCII)
_REASONS: Final = ", ".join(reason.value for reason in RefundReason)


class FileRefusedError(ValueError):
    """The file does not begin as a refund file does: nothing in it is read."""


class LineReader:
    """Takes bytes in pieces and gives the lines that they complete."""

    def __init__(self) -> None:
        self._lines = LineSplitter()

    def feed(self, chunk: bytes) -> Iterator[MovementLine | RefusedLine]:
        """Yield the lines that end in a piece; raises `FileRefusedError`."""
        for line in self._lines.feed(chunk):
            yield from _read(line)

    def finish(self) -> Iterator[MovementLine | RefusedLine]:
        """Yield the last line, if no line end followed it; raises `FileRefusedError`."""
        for line in self._lines.finish():
            yield from _read(line)
        if self._lines.lines == 0:
            raise FileRefusedError(_header_words("the file is empty"))


def _read(line: RawLine) -> Iterator[MovementLine | RefusedLine]:
    if line.number == 1:
        _check_header(line.content)
    elif line.content is None:
        words = f"the line has more than {MAX_LINE_BYTES} bytes"
        yield RefusedLine(line.number, "", LineRefusal.MALFORMED, words)
    elif line.content.strip():
        yield read_line(line.number, line.content)


def read_line(number: int, line: bytes) -> MovementLine | RefusedLine:
    """Read one line, without its end."""
    text = decoded(line)
    if text is None:
        words = "the line is not UTF-8: save the file in that encoding"
        return RefusedLine(number, "", LineRefusal.WRONG_ENCODING, words)
    cells = values_of(text.removeprefix(BOM))
    if cells is None or len(cells) != len(HEADER):
        words = f"the line is not {len(HEADER)} values with commas between them"
        return RefusedLine(number, "", LineRefusal.MALFORMED, words)
    if tuple(cells) == HEADER:
        words = "the line is the header once more: were two files joined?"
        return RefusedLine(number, "", LineRefusal.MALFORMED, words)
    return _movement(number, dict(zip(HEADER, cells, strict=True)))


def _movement(number: int, cells: Mapping[str, str]) -> MovementLine | RefusedLine:
    wrong: list[str] = []
    named = ""
    for name, parse in _FORMS.items():
        try:
            parse(cells[name])
        except ValueError as error:
            wrong.append(f"{name} {error}")
        else:
            named = cells[name] if name == "movement_id" else named
    wrong += _payment_problem(cells)
    amount: Money | None = None
    only_amount = not wrong
    if cells["currency"] in CURRENCY_DECIMALS:
        try:
            amount = read_amount(cells["amount"], cells["currency"])
        except ValueError as error:
            wrong.append(f"amount {error}")
    if amount is None or wrong:
        reason = LineRefusal.INVALID_AMOUNT if only_amount else LineRefusal.MALFORMED
        return RefusedLine(number, named, reason, "; ".join(wrong))
    payment = RefundedPayment(
        cells["payment_id"], cells["psp_account"], cells["psp_reference"], cells["order_id"]
    )
    reason_given = _reason(cells["reason"])
    return MovementLine(
        number=number,
        movement_id=cells["movement_id"],
        payment=payment,
        amount=amount,
        reason=reason_given,
        country_code=cells["country"],
        digest=_digest(payment, amount, reason_given, cells["country"]),
    )


def read_amount(text: str, currency: str) -> Money:
    """Read an amount in major units, exact to the currency's decimals.

    Whole, or with all of its decimals: one decimal of two may be what is left of two. Raises
    `ValueError`.
    """
    decimals = CURRENCY_DECIMALS[currency]
    like = "1234." + "5".ljust(decimals, "0") if decimals else "1234"
    if not text:
        raise ValueError(f"is required: write it in {currency}, like {like}")
    if "," in text:
        raise ValueError(f"has a comma: write a point, and nothing between thousands, like {like}")
    if text.startswith("-"):
        raise ValueError("is negative: what is given back is above zero")
    matched = _DECIMAL.fullmatch(text)
    if matched is None:
        raise ValueError(f"is no amount of at most 12 digits: write it like {like}")
    fraction = matched[1] or ""
    if fraction and len(fraction) != decimals:
        raise ValueError(
            f"has {len(fraction)} decimals, and {currency} has {decimals}: like {like}"
        )
    whole = text.partition(".")[0]
    minor = int(whole + (fraction or "0" * decimals))
    if minor == 0:
        raise ValueError("is zero: what is given back is above zero")
    if minor > MAX_AMOUNT_MINOR:
        raise ValueError(f"is above {Money(MAX_AMOUNT_MINOR, currency)}: no refund is so large")
    return Money(minor, currency)


def _reason(text: str) -> RefundReason:
    if not text:
        return RefundReason.REQUESTED_BY_CUSTOMER
    try:
        return RefundReason(text)
    except ValueError:
        raise ValueError(f"is none of {_REASONS}; empty is the first") from None


_FORMS: Final[Mapping[str, Callable[[str], object]]] = {
    "movement_id": values.identifier,
    "order_id": values.identifier,
    "payment_id": values.optional(values.payment_id),
    "psp_account": values.optional(values.identifier),
    "psp_reference": values.optional(values.identifier),
    "currency": values.currency_code,
    "reason": _reason,
    "country": values.country_code,
}
"""By column, in their order: who reads it. The amount is read by its currency."""


def _payment_problem(cells: Mapping[str, str]) -> Iterator[str]:
    ours = bool(cells["payment_id"])
    theirs = bool(cells["psp_account"]), bool(cells["psp_reference"])
    if ours and any(theirs):
        yield "payment_id and the PSP's reference both name a payment: leave one of them empty"
    elif not ours and not all(theirs):
        yield "payment_id is empty: without it, both psp_account and psp_reference are required"


def _digest(payment: RefundedPayment, amount: Money, reason: RefundReason, country: str) -> str:
    meaning = (
        payment.order_id,
        payment.payment_id,
        payment.psp_account,
        payment.psp_reference,
        str(amount),
        reason.value,
        country,
    )
    return hashlib.sha256("\n".join(meaning).encode()).hexdigest()[:32]


def _check_header(line: bytes | None) -> None:
    if line is None:
        raise FileRefusedError(_header_words("it is too long"))
    text = decoded(line)
    if text is None:
        raise FileRefusedError(_header_words("it is not UTF-8"))
    if "\r" in text.rstrip("\r"):
        raise FileRefusedError(
            _header_words("its lines end in CR alone: end each with a line feed")
        )
    names = values_of(text.removeprefix(BOM))
    problem = "it is no CSV" if names is None else header_problem(names)
    if problem:
        raise FileRefusedError(_header_words(problem))


def header_problem(names: Sequence[str]) -> str:
    """Say what is wrong with a header; empty if nothing is."""
    if tuple(names) == HEADER:
        return ""
    if len(names) == 1:
        for sign, called in _DELIMITERS.items():
            if sign in names[0]:
                return f"it has {called} between its names instead of commas"
    twice = [name for name, times in Counter(names).items() if times > 1]
    missing = [name for name in HEADER if name not in names]
    problems = []
    if twice:
        problems.append(f"it names {', '.join(map(values.shown, twice))} twice")
    if missing:
        problems.append(f"it lacks {', '.join(missing)}")
    unknown = sorted(set(names) - set(HEADER))
    if unknown:
        problems.append(f"it has {', '.join(map(values.shown, unknown))}, which nobody reads")
    return "; ".join(problems) or "its names stand in another order"


def _header_words(what: str) -> str:
    return f"line 1 must be the header {','.join(HEADER)} in UTF-8: {what}"
