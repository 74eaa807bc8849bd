"""Scripts of DirectLink's answers."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.scripted_http import Answer, Asked
from tests.unit.psp.ogone.support import reply, unknown_order

UNKNOWN = Answer(raw=unknown_order())


def said(status: str = "5", **changes: str) -> Answer:
    """Return one reply about the order of 12.34 EUR."""
    return Answer(raw=reply(status, **changes))


def history(*operations: tuple[str, str]) -> list[Answer]:
    """Return the replies that show an order with these statuses and amounts, first to last."""
    last = len(operations) - 1
    if last == 0:
        status, amount = operations[0]
        return [said(status, amount=amount, PAYIDSUB="0")]
    order = said(operations[last][0], PAYIDSUB=str(last))
    return [
        order,
        *(
            said(status, amount=amount, PAYIDSUB=str(number))
            for number, (status, amount) in enumerate(operations)
        ),
    ]


def pages(asked: Sequence[Asked]) -> list[str]:
    """Return which pages were asked, in order."""
    return [each.path.rpartition("/")[2].removesuffix("_utf8.asp") for each in asked]


def sent_changes(asked: Sequence[Asked]) -> list[Asked]:
    """Return what was not a query."""
    return [each for each in asked if not each.path.endswith("/querydirect_utf8.asp")]
