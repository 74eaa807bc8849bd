"""What a drift makes of the rows that are told, and which row it hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.download_rows import Line
from psp.ogone.sandbox.drifting import Drift, DriftKind
from psp.ogone.sandbox.model import Operation, Payment
from psp.ogone.sandbox.transitions import Family

_K = DriftKind
_WRONG_BY: Final = 100  # hundredths: a whole unit even where there are no decimals
_DAY: Final = timedelta(days=1)
_NEVER_HEARD_OF: Final = "777"
_FAR_ON: Final = 50
_MOVES_MONEY: Final = frozenset({Family.CAPTURE, Family.REFUND})


def operation_hit(all_books: Sequence[Books], subject: str) -> str:
    """Return the PAYID/PAYIDSUB that is named; raises `LookupError` if there is none.

    `subject` is that itself, or a PAYID or an ORDERID, of which the newest operation that took or
    gave back money is meant; without it, the newest of all.
    """
    done = [
        (step.changed, f"{payment.payid}/{step.payidsub}")
        for payment, step in _operations(all_books)
        if step.family in _MOVES_MONEY
        and step.is_done
        and subject in {"", payment.payid, payment.order_id, f"{payment.payid}/{step.payidsub}"}
    ]
    if not done:
        raise LookupError(f"no capture or refund of {subject!r} is done")
    # Of those of one moment the last.
    newest = max(moment for moment, _ in done)
    return [name for moment, name in done if moment == newest][-1]


def told(line: Line, drift: Drift | None) -> tuple[Line, ...]:
    """Return what is told of a row: itself, unless it is the one that is hit."""
    if drift is None or line.operation != drift.operation or drift.kind not in _CHANGES:
        return (line,)
    return _CHANGES[drift.kind](line)


_CHANGES: Final[Mapping[DriftKind, Callable[[Line], tuple[Line, ...]]]] = {
    _K.MISSING: lambda _line: (),
    _K.DOUBLED: lambda line: (line, line),
    _K.DOUBLED_EFFECT: lambda line: (line, replace(line, payidsub=line.payidsub + _FAR_ON)),
    _K.WRONG_AMOUNT: lambda line: (replace(line, amount=line.amount + _WRONG_BY),),
    _K.WRONG_CURRENCY: lambda line: (
        replace(line, currency="USD" if line.currency != "USD" else "EUR"),
    ),
    _K.LATE: lambda line: (replace(line, paid=line.paid + _DAY if line.paid else None),),
    _K.UNKNOWN_STATUS: lambda line: (
        replace(line, status=_NEVER_HEARD_OF, meaning="Brand new status"),
    ),
    _K.EXTRA_DIGITS: lambda line: (replace(line, finer=True),),
}


def _operations(all_books: Sequence[Books]) -> Iterator[tuple[Payment, Operation]]:
    for books in all_books:
        for payment in books.payments.values():
            for step in payment.history:
                yield payment, step
