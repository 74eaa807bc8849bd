"""What our own books say of a country's captures and refunds at an account, by currency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.journal import EventType
from gateway.domain.reconciliation import OwnTotal
from gateway.domain.refund import RefundState
from gateway.storage.database import Database, Row
from gateway.storage.tables import UtcDateTime, journal, payments, refunds

_happened: Final = journal.alias("happened")
_earlier: Final = journal.alias("earlier")
_IN_WINDOW: Final = sa.and_(
    _happened.c.create_time > sa.bindparam("after_time", type_=UtcDateTime),
    _happened.c.create_time <= sa.bindparam("until_time", type_=UtcDateTime),
)
_PLACE: Final = sa.and_(
    payments.c.psp_account == sa.bindparam("at_account", type_=sa.Text),
    payments.c.country_code == sa.bindparam("in_country", type_=sa.Text),
)
_CAPTURES: Final = (
    sa.select(
        payments.c.currency,
        sa.func.count(),
        sa.cast(sa.func.sum(payments.c.captured_minor), sa.BigInteger),
    )
    .join(_happened, _happened.c.payment_id == payments.c.id)
    .where(
        _IN_WINDOW,
        _PLACE,
        _happened.c.captured_minor > 0,
        # The line that tells of the capture, not a later one.
        ~sa.exists()
        .where(
            _earlier.c.payment_id == _happened.c.payment_id,
            _earlier.c.sequence < _happened.c.sequence,
            _earlier.c.captured_minor > 0,
        )
        .correlate(_happened),
    )
    .group_by(payments.c.currency)
)
_REFUNDS: Final = (
    sa.select(
        refunds.c.currency,
        sa.func.count(),
        sa.cast(sa.func.sum(refunds.c.amount_minor), sa.BigInteger),
    )
    .join(payments, payments.c.id == refunds.c.payment_id)
    .where(
        refunds.c.payment_id.in_(
            sa.select(_happened.c.payment_id).where(
                _IN_WINDOW, _happened.c.type == EventType.REFUND_CHANGED.value
            )
        ),
        _PLACE,
        refunds.c.state == RefundState.SUCCEEDED.value,
        refunds.c.update_time > sa.bindparam("after_time", type_=UtcDateTime),
        refunds.c.update_time <= sa.bindparam("until_time", type_=UtcDateTime),
    )
    .group_by(refunds.c.currency)
)


async def captures_of_country(
    database: Database, psp_account: str, country_code: str, after: datetime, until: datetime
) -> list[OwnTotal]:
    """Add up what was captured in (after, until]."""
    return await _read(database, _CAPTURES, psp_account, country_code, after, until)


async def refunds_of_country(
    database: Database, psp_account: str, country_code: str, after: datetime, until: datetime
) -> list[OwnTotal]:
    """Add up the refunds that succeeded in (after, until]."""
    return await _read(database, _REFUNDS, psp_account, country_code, after, until)


async def _read(
    database: Database,
    statement: sa.Select[Any],
    psp_account: str,
    country_code: str,
    after: datetime,
    until: datetime,
) -> list[OwnTotal]:
    parameters = {
        "at_account": psp_account,
        "in_country": country_code,
        "after_time": after,
        "until_time": until,
    }
    rows: Sequence[Row] = await database.fetch(statement, parameters)
    return [OwnTotal(currency, count, amount) for currency, count, amount in rows]
