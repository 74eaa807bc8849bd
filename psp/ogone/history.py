"""What became of an order: its state, and every operation on it, read before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from psp.errors import NotFoundError, UnavailableError
from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.client import OgoneCaller
from psp.ogone.money import AmountError
from psp.ogone.operations import taken_minor
from psp.ogone.payment_reading import read_payment
from psp.ogone.statuses import STATUSES
from psp.port import PspPayment

MAX_OPERATIONS: Final = 100
"""Of one order, each read by a query of its own: one refunded item by item has many."""
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,30}", re.ASCII)
_LATER_OPERATIONS: Final = tuple("6789")
"""How the statuses begin that something after the first operation may have led to."""


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """An order as the queries showed it."""

    payid: str
    """Ogone's own reference, which maintenance needs."""
    operations: tuple[Answer, ...]
    payment: PspPayment
    taken_minor: int
    """What a capture took, or was accepted and will take."""


def fits_order_id(reference: str) -> bool:
    """Whether Ogone keeps this ORDERID as it is: DirectLink guide, new order."""
    return _ORDER_ID.fullmatch(reference) is not None


async def read_history(caller: OgoneCaller, order_id: str, deadline_s: float) -> OrderHistory:
    """Ask what became of an order. Raises `NotFoundError` if Ogone has none with this ORDERID.

    An answer that cannot be read proves nothing: `UnavailableError`.
    """
    if not fits_order_id(order_id):
        raise NotFoundError(caller.account, "this is no ORDERID that Ogone takes", "50001130")
    order = await caller.query({"ORDERID": order_id}, deadline_s)
    operations = await _read_operations(caller, order, deadline_s)
    try:
        return OrderHistory(
            payid=order.text("PAYID"),
            operations=operations,
            payment=read_payment(order_id, order, operations),
            taken_minor=taken_minor(operations),
        )
    except (UnreadableAnswerError, AmountError) as error:
        detail = f"the order's history cannot be read: {error}"
        raise UnavailableError(caller.account, detail, order.error_code) from error


async def _read_operations(
    caller: OgoneCaller, order: Answer, deadline_s: float
) -> tuple[Answer, ...]:
    """Return the operations from the first to the last.

    The last one stands where the order stands: between the queries it may have gone on.
    """
    if not _has_later_operations(order):
        return (order,)
    last = order.text("PAYIDSUB")
    operations: list[Answer] = []
    for number in range(MAX_OPERATIONS):
        read = await _read_operation(caller, order, number, deadline_s)
        if read is not None:
            operations.append(read)
        # Where the order does not say which operation is its last, the first missing one does.
        is_end = str(number) == last if read is not None else operations and not last
        if is_end:
            *earlier, newest = operations
            return (*earlier, _standing_as(newest, order))
        if read is None:
            break
    detail = "Ogone does not show every operation of the order"
    raise UnavailableError(caller.account, detail, "50001131")


def _has_later_operations(order: Answer) -> bool:
    last = order.text("PAYIDSUB")
    if last:
        return last != "0"
    return order.status in STATUSES and order.status.startswith(_LATER_OPERATIONS)


async def _read_operation(
    caller: OgoneCaller, order: Answer, number: int, deadline_s: float
) -> Answer | None:
    """Return one operation, or None where Ogone shows none with this number."""
    wanted = {"PAYID": order.text("PAYID"), "PAYIDSUB": str(number)}
    try:
        read = await caller.query(wanted, deadline_s)
    except NotFoundError:
        return None
    if read.text("PAYID") != wanted["PAYID"] or read.text("PAYIDSUB") not in {"", str(number)}:
        detail = "Ogone answered with another operation than was asked for"
        raise UnavailableError(caller.account, detail)
    return read


def _standing_as(operation: Answer, order: Answer) -> Answer:
    attributes = {**operation.attributes, "STATUS": order.status}
    return replace(operation, attributes=MappingProxyType(attributes))
