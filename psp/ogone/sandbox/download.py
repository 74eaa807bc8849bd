"""payment_download_ncp.asp: the report of payments, as XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final

from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.download_rows import Line, line_of, row
from psp.ogone.sandbox.drifted import told
from psp.ogone.sandbox.drifting import DriftKind
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.replies import declaration, element, encoded
from psp.ogone.sandbox.synthetic import synthetic_blocks

_ROOT: Final = "DOWNLOAD_REPLY"
_PER_OPERATION: Final = "HISTLEVEL"
_LEVELS: Final = ("ORDERLEVEL", _PER_OPERATION)
_ANY: Final = (date.min, date.max)


@dataclass(frozen=True, slots=True)
class Download:
    """What is answered, a block at a time."""

    blocks: Iterator[bytes]
    is_cut: bool = False
    """Whether the connection closes instead of ending."""


def download(books: Books, parameters: Parameters) -> Download:
    """Return the rows between the dates asked for; what is wrong arrives as SYSTEM_ERROR."""
    try:
        _check(books, parameters)
        ordered = _dates(parameters, "o")
        paid = _dates(parameters, "a")
    except ValueError as error:
        return no_download(str(error), parameters)
    drift = books.world.drift
    kind = drift.kind if drift else None
    total = "AMOUNT" if kind is DriftKind.RENAMED_ATTRIBUTE else "TOTAL"
    # Made at once, as the books may change while it is sent; only what is invented is not.
    rows = [row(line, total) for line in _lines(books, parameters, ordered, paid)]
    if kind in {DriftKind.TRUNCATED, DriftKind.TRUNCATED_ROW}:
        whole = f"{declaration(parameters.encoding)}<{_ROOT}>{''.join(rows)}"
        last = len(rows[-1]) if rows else 0
        cut = iter([encoded(whole[: len(whole) - last // 2], parameters.encoding)])
        return Download(cut, is_cut=kind is DriftKind.TRUNCATED)
    invented = books.world.synthetic_rows if _ANY[0] not in paid and _ANY[1] not in paid else 0
    texts = chain(
        [f"{declaration(parameters.encoding)}<{_ROOT}>{''.join(rows)}"],
        synthetic_blocks(invented, *paid),
        [f"</{_ROOT}>\n"],
    )
    return Download(encoded(text, parameters.encoding) for text in texts)


def no_download(text: str, parameters: Parameters) -> Download:
    """Return the reply of a download that is none."""
    root = element(_ROOT, {}, element("SYSTEM_ERROR", {}, text))
    return Download(
        iter([encoded(f"{declaration(parameters.encoding)}{root}\n", parameters.encoding)])
    )


def _lines(
    books: Books,
    parameters: Parameters,
    ordered: tuple[date, date],
    paid: tuple[date, date],
) -> Iterator[Line]:
    per_operation = parameters.text("LEVEL").upper() == _PER_OPERATION
    for payment in books.payments.values():
        for step in payment.history if per_operation else [payment.latest]:
            for line in told(line_of(payment, step), books.world.drift):
                if _is_between(line.ordered, ordered) and (
                    paid == _ANY or (line.paid is not None and _is_between(line.paid, paid))
                ):
                    yield line


def _check(books: Books, parameters: Parameters) -> None:
    drift = books.world.drift
    if drift is not None and drift.kind is DriftKind.SYSTEM_ERROR:
        raise ValueError("an error has occurred, contact the administrator")
    if not books.account.download_profile:
        raise ValueError("the profile of this user does not allow downloads")
    if parameters.text("LEVEL").upper() not in _LEVELS:
        raise ValueError("level is ORDERLEVEL or HISTLEVEL")
    if parameters.text("FORMAT").upper() != "XML":
        raise ValueError("format is XML")


def _dates(parameters: Parameters, kind: str) -> tuple[date, date]:
    """Return the bounds `{kind}fd {kind}fm {kind}fy` to `{kind}td {kind}tm {kind}ty`."""
    return (
        _date(parameters, f"{kind}F", _ANY[0]),
        _date(parameters, f"{kind}T", _ANY[1]),
    )


def _date(parameters: Parameters, prefix: str, missing: date) -> date:
    names = [f"{prefix}{part}".upper() for part in "ymd"]
    given = [parameters.text(name) for name in names]
    if not any(given):
        return missing
    try:
        return date(*(int(part) for part in given))
    except ValueError as error:
        raise ValueError(f"{', '.join(names)} are no date") from error


def _is_between(day: date, bounds: tuple[date, date]) -> bool:
    return bounds[0] <= day <= bounds[1]
