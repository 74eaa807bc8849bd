"""GetOrder: the back office's word beside our payments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundCause, RefundState
from gateway.errors import PaygateError, Reason
from gateway.orders.service import Orders
from gateway.storage.database import Database
from gateway.storage.payments import insert_payment
from gateway.storage.refunds import insert_refund
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import DraftOrder, OrderState
from tests.support.payments import draft, payment, refund


@dataclass
class _Office:
    """A back office that is only read."""

    orders: dict[str, DraftOrder] = field(default_factory=dict)
    is_down: bool = False

    async def find_order(self, order_id: str) -> DraftOrder | None:
        if self.is_down:
            raise BackOfficeUnavailableError("find_order", "no answer")
        return self.orders.get(order_id)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not for readers")


@pytest.fixture
def dialect() -> str:
    """One kind of database will do: payments are read on each elsewhere."""
    return "sqlite"


def _orders(database: Database, office: _Office) -> Orders:
    return Orders(database, office)


async def test_an_order_comes_with_its_payments_newest_first(database: Database) -> None:
    """Its state is the back office's, and it says what it waits for."""
    failed = payment(PaymentState.FAILED)
    newer = payment(
        PaymentState.PROCESSING, id="pay_00000000000000000000000002", psp_reference="pi_2"
    )
    other = payment(id="pay_00000000000000000000000003", order_id="order-2", psp_reference="pi_3")
    await database.commit([insert_payment(each) for each in (failed, newer, other)])

    view = await _orders(database, _Office({"order-1": draft()})).get("order-1")

    assert view.order == draft()
    assert view.payments == [newer, failed]
    assert view.waiting_for == (
        "waiting for the PSP to finish pay_00000000000000000000000002, which is processing"
    )


async def test_money_that_came_back_is_told(database: Database) -> None:
    """The gateway gave it back, the bank returned it: somebody else has to."""
    late = payment(PaymentState.CAPTURED)
    returned = refund(RefundState.FAILED, cause=RefundCause.ORDER)
    await database.commit([insert_payment(late), insert_refund(returned)])
    office = _Office({"order-1": draft(OrderState.CANCELED)})

    view = await _orders(database, office).get("order-1")

    assert view.waiting_for.startswith("waiting for somebody to look at")


async def test_a_payment_made_before_the_gateway_decides_nothing(database: Database) -> None:
    """The order was decided then, whatever the payment's money does now."""
    await database.commit([insert_payment(payment(PaymentState.CAPTURED, config_digest=""))])

    view = await _orders(database, _Office({"order-1": draft()})).get("order-1")

    assert (view.payments, view.waiting_for) == ([], "waiting for the shopper to pay")


async def test_an_order_that_nobody_stored_is_not_found(database: Database) -> None:
    """Also if we hold payments of it: the order is the back office's."""
    await database.commit([insert_payment(payment())])

    with pytest.raises(PaygateError, match="order-1") as refused:
        await _orders(database, _Office()).get("order-1")

    assert refused.value.reason is Reason.ORDER_NOT_FOUND
    assert refused.value.metadata == {"order_id": "order-1"}


async def test_a_silent_back_office_is_told_as_it_is(database: Database) -> None:
    """The edge has its own answer to that."""
    with pytest.raises(BackOfficeUnavailableError):
        await _orders(database, _Office(is_down=True)).get("order-1")
