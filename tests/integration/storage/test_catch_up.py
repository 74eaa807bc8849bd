"""What catching up without a list of events asks the tables."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.payment import PaymentState
from gateway.storage.catch_up import unheard_payments
from gateway.storage.database import Database
from gateway.storage.payments import insert_payment
from tests.support.payments import NOW, payment


@pytest.mark.parametrize("state", PaymentState)
async def test_whatever_may_go_on_is_asked_about(database: Database, state: PaymentState) -> None:
    """Money may come after a decline and after a cancel; of captured money reports tell."""
    paid = payment(state=state, psp_reference="3000000001")
    await database.commit([insert_payment(paid)])
    since = NOW + timedelta(minutes=1)

    found = await unheard_payments(
        database, paid.psp_account, since, NOW - timedelta(days=30), "", 10
    )

    may_go_on = state is not PaymentState.CAPTURED
    assert [each.id for each in found] == ([paid.id] if may_go_on else [])
