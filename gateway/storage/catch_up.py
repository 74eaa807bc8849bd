"""What catching up asks the tables: known events, and payments that were not heard of."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.payment import Payment, PaymentState
from gateway.storage.database import Database
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.payments import get_payment
from gateway.storage.tables import inbox, payments

_KNOWN: Final = sa.select(inbox.c.event_id).where(
    inbox.c.psp_account == sa.bindparam("psp_account"),
    inbox.c.event_id.in_(select_rows("event_id")),
)
_MAY_GO_ON: Final = (
    PaymentState.AWAITING_CUSTOMER,
    PaymentState.PROCESSING,
    PaymentState.AUTHORIZED,
    PaymentState.OUTCOME_UNKNOWN,
    # A page that was signed once stays payable, after a decline and after its order was given up.
    PaymentState.FAILED,
    PaymentState.CANCELED,
)
_UNHEARD: Final = (
    sa.select(payments.c.id)
    .where(
        payments.c.psp_account == sa.bindparam("psp_account"),
        payments.c.psp_reference != sa.literal_column("''"),
        payments.c.state.in_([sa.literal_column(f"'{state}'") for state in _MAY_GO_ON]),
        payments.c.create_time >= sa.bindparam("created_after"),
        payments.c.id > sa.bindparam("after_id"),
        ~sa.exists().where(
            inbox.c.psp_account == payments.c.psp_account,
            inbox.c.psp_reference == payments.c.psp_reference,
            inbox.c.receive_time >= sa.bindparam("since"),
        ),
    )
    .order_by(payments.c.id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)


async def known_events(
    database: Database, psp_account: str, event_ids: Collection[str]
) -> frozenset[str]:
    """Return those of the ids that the account's inbox has."""
    rows = rows_parameter([{"event_id": event_id} for event_id in event_ids])
    found = await database.fetch(_KNOWN, {"psp_account": psp_account, **rows})
    return frozenset(row[0] for row in found)


async def unheard_payments(
    database: Database,
    psp_account: str,
    since: datetime,
    created_after: datetime,
    after_id: str,
    limit: int,
) -> list[Payment]:
    """Return an account's payments that may go on and whose PSP sent nothing from `since` on.

    By id, which is by time of creation; a page ends at `limit`, and the next begins `after_id`.
    """
    parameters = {
        "psp_account": psp_account,
        "since": since,
        "created_after": created_after,
        "after_id": after_id,
        "limit": limit,
    }
    ids = [row[0] for row in await database.fetch(_UNHEARD, parameters)]
    found = [await get_payment(database, payment_id) for payment_id in ids]
    return [payment for payment in found if payment is not None]
