"""Both sides of payments and refunds: what the PSP's books have beside what we have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.discrepancy import DiscrepancyState, SubjectKind
from gateway.domain.journal import EventType
from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundCause, RefundState
from gateway.domain.settlement_rules import OurPayment, OurRefund, PspLines
from gateway.storage.account_tables import account_postings
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.reconciliation_tables import (
    discrepancies,
    settlement_days,
    settlement_lines,
)
from gateway.storage.refunds import refund_of_row
from gateway.storage.settlement_lines import BY_INDEX, OF_ACCOUNT, time_of
from gateway.storage.tables import UtcDateTime, journal, payments, refunds
from legacy_bridge.port import MovementKind
from psp.settlements import SettlementCategory

CHUNK_EVENTS: Final = 50_000
"""How many journal lines one statement looks at."""


@dataclass(frozen=True, slots=True)
class PaymentPair:
    """One payment on both sides."""

    reference: str
    lines: PspLines | None
    ours: OurPayment | None
    payment_id: str = ""
    """Our id as the PSP's books have it."""


@dataclass(frozen=True, slots=True)
class RefundPair:
    """One refund on both sides."""

    reference: str
    lines: PspLines | None
    ours: OurRefund | None
    refund_id: str = ""
    payment_reference: str = ""
    """The refunded payment, as the PSP's books have it."""


_AFTER: Final = sa.bindparam("after_time", type_=UtcDateTime)
_UNTIL: Final = sa.bindparam("until_time", type_=UtcDateTime)
# Written out, so that the partial indexes of references serve.
_NOTHING: Final[sa.ColumnElement[str]] = sa.literal_column("''", sa.Text)


_given: Final = select_rows("reference").subquery("given_references")


def _books(kind: SubjectKind, counted: SettlementCategory) -> sa.Subquery:
    """Add up all lines that count of what the given references are, over all periods."""
    lines, days = settlement_lines.alias("lines"), settlement_days.alias("days")
    is_counted = sa.case((lines.c.category == counted.value, 1), else_=0)
    is_failure = sa.case((lines.c.category.like("%_failure"), 1), else_=0)
    return (
        sa.select(
            _given.c.reference,
            sa.cast(sa.func.sum(is_counted), sa.BigInteger).label("n_lines"),
            sa.cast(sa.func.sum(is_failure), sa.BigInteger).label("n_failures"),
            sa.cast(sa.func.sum(lines.c.gross_minor), sa.BigInteger).label("gross_minor"),
            sa.func.min(lines.c.currency).label("lowest_currency"),
            sa.func.max(lines.c.currency).label("highest_currency"),
            sa.func.min(lines.c.entry_id).label("first_entry"),
            sa.func.max(lines.c.entry_id).label("last_entry"),
            sa.func.min(lines.c.occurred_us).label("first_us"),
            sa.func.max(lines.c.occurred_us).label("last_us"),
            sa.func.max(lines.c.payment_id).label("payment_id"),
            sa.func.max(lines.c.refund_id).label("refund_id"),
            sa.func.max(lines.c.payment_reference).label("payment_reference"),
        )
        .select_from(_given)
        .join(
            lines,
            sa.and_(
                lines.c.subject_reference == _given.c.reference,
                lines.c.psp_account == OF_ACCOUNT,
                lines.c.subject_kind == kind.value,
            ),
        )
        .join(
            days,
            sa.and_(
                days.c.psp_account == lines.c.psp_account,
                days.c.day == lines.c.day,
                days.c.run_id == lines.c.run_id,
            ),
        )
        .group_by(_given.c.reference)
        .subquery("books")
    )


_PAYMENT: Final = (
    payments.c.id,
    payments.c.order_id,
    payments.c.psp_reference,
    payments.c.state,
    payments.c.currency,
    payments.c.captured_minor,
    payments.c.update_time,
)
# As `refund_rules.is_of_before` has it.
_OF_BEFORE: Final = sa.and_(
    payments.c.config_digest == _NOTHING,
    refunds.c.cause == RefundCause.PSP.value,
    refunds.c.create_time == payments.c.create_time,
)
_REFUND: Final = (
    payments.c.customer_id,
    sa.case((_OF_BEFORE, 0), else_=1).label("moves_account"),
    *refunds.c,
)
_N_BOOKS: Final = 13
"""Columns of `_books`."""


def _payment_pairs() -> sa.Select[Any]:
    books = _books(SubjectKind.PAYMENT, SettlementCategory.CHARGE)
    known = sa.and_(
        payments.c.psp_account == OF_ACCOUNT,
        payments.c.psp_reference == _given.c.reference,
        payments.c.psp_reference != _NOTHING,
    )
    joined = _given.join(books, books.c.reference == _given.c.reference, isouter=True)
    joined = joined.join(payments, known, isouter=True)
    return sa.select(_given.c.reference, *list(books.c)[1:], *_PAYMENT).select_from(joined)


def _refund_pairs() -> sa.Select[Any]:
    books = _books(SubjectKind.REFUND, SettlementCategory.REFUND)
    known = sa.and_(
        refunds.c.psp_account == OF_ACCOUNT,
        refunds.c.psp_reference == _given.c.reference,
        refunds.c.psp_reference != _NOTHING,
    )
    joined = _given.join(books, books.c.reference == _given.c.reference, isouter=True)
    joined = joined.join(refunds, known, isouter=True)
    joined = joined.join(payments, payments.c.id == refunds.c.payment_id, isouter=True)
    return sa.select(_given.c.reference, *list(books.c)[1:], *_REFUND).select_from(joined)


_PAYMENTS_OF: Final = _payment_pairs()
_REFUNDS_OF: Final = _refund_pairs()
_PAYMENT_OF_ID: Final = sa.select(*_PAYMENT).where(
    payments.c.id == sa.bindparam("of_id"), payments.c.psp_account == OF_ACCOUNT
)
_REFUND_OF_ID: Final = (
    sa.select(*_REFUND)
    .join(payments, payments.c.id == refunds.c.payment_id)
    .where(refunds.c.id == sa.bindparam("of_id"), refunds.c.psp_account == OF_ACCOUNT)
)


def _has_line(reference: sa.ColumnElement[str], kind: SubjectKind) -> sa.Exists:
    lines, days = settlement_lines.alias("lines"), settlement_days.alias("days")
    return (
        sa.select(lines.c.line_number)
        .where(
            lines.c.subject_reference == reference,
            lines.c.psp_account == OF_ACCOUNT,
            lines.c.subject_kind == kind.value,
            days.c.psp_account == lines.c.psp_account,
            days.c.day == lines.c.day,
            days.c.run_id == lines.c.run_id,
        )
        .offset(BY_INDEX)
        .correlate(payments, refunds)
        .exists()
    )


_happened: Final = journal.alias("happened")
_earlier: Final = journal.alias("earlier")
_IN_WINDOW: Final = sa.and_(_happened.c.create_time > _AFTER, _happened.c.create_time <= _UNTIL)
_UNCHARGED: Final = (
    sa.select(*_PAYMENT, _happened.c.create_time)
    .join(_happened, _happened.c.payment_id == payments.c.id)
    .where(
        _IN_WINDOW,
        _happened.c.captured_minor > 0,
        payments.c.psp_account == OF_ACCOUNT,
        payments.c.captured_minor > 0,
        payments.c.psp_reference != _NOTHING,
        # One that was made before the gateway was captured when nobody here wrote it down.
        payments.c.config_digest != _NOTHING,
        # The line that tells of the capture, not a later one. Asked of the payment, and so only of
        # those few that have no line.
        ~sa.select(_earlier.c.sequence)
        .where(
            _earlier.c.payment_id == payments.c.id,
            _earlier.c.sequence < _happened.c.sequence,
            _earlier.c.captured_minor > 0,
        )
        .offset(BY_INDEX)
        .correlate(_happened, payments)
        .exists(),
        ~_has_line(payments.c.psp_reference, SubjectKind.PAYMENT),
    )
)
_MOVED: Final = sa.and_(
    refunds.c.payment_id.in_(
        sa.select(_happened.c.payment_id).where(
            _IN_WINDOW, _happened.c.type == EventType.REFUND_CHANGED.value
        )
    ),
    refunds.c.psp_account == OF_ACCOUNT,
    refunds.c.psp_reference != _NOTHING,
    refunds.c.update_time > sa.bindparam("since_time", type_=UtcDateTime),
)
_UNREFUNDED: Final = (
    sa.select(*_REFUND)
    .join(payments, payments.c.id == refunds.c.payment_id)
    .where(
        _MOVED,
        refunds.c.state == RefundState.SUCCEEDED.value,
        refunds.c.create_time >= sa.bindparam("covered_time", type_=UtcDateTime),
        ~_OF_BEFORE,
        ~_has_line(refunds.c.psp_reference, SubjectKind.REFUND),
    )
)
# The books say that its money was given: they must say as well that it came back.
_FAILED: Final = sa.select(refunds.c.psp_reference).where(
    _MOVED,
    refunds.c.state == RefundState.FAILED.value,
    _has_line(refunds.c.psp_reference, SubjectKind.REFUND),
)
_UNPOSTED: Final = (
    sa.select(discrepancies.c.subject_reference)
    .distinct()
    .join(
        refunds,
        sa.and_(
            refunds.c.psp_account == discrepancies.c.psp_account,
            refunds.c.psp_reference == discrepancies.c.subject_reference,
            refunds.c.psp_reference != _NOTHING,
        ),
    )
    .where(
        discrepancies.c.psp_account == OF_ACCOUNT,
        discrepancies.c.state == DiscrepancyState.RESOLVED.value,
        discrepancies.c.subject_kind == SubjectKind.REFUND.value,
        discrepancies.c.subject_reference > sa.bindparam("after_reference", type_=sa.Text),
        ~sa.select(account_postings.c.key)
        .where(
            account_postings.c.order_id == refunds.c.order_id,
            account_postings.c.kind == MovementKind.REFUND_DEBIT.value,
            account_postings.c.reference == refunds.c.id,
        )
        .correlate(refunds)
        .exists(),
    )
    .order_by(discrepancies.c.subject_reference)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_CHUNK_END: Final = (
    sa.select(_happened.c.create_time)
    .where(_IN_WINDOW)
    .order_by(_happened.c.create_time)
    .offset(sa.bindparam("skipped", type_=sa.BigInteger))
    .limit(sa.literal(1))
)


async def payment_pairs(
    database: Database, psp_account: str, references: Sequence[str]
) -> list[PaymentPair]:
    """Return payments by the PSP's references, in any order; each once."""
    rows = await database.fetch(_PAYMENTS_OF, _of(psp_account, references))
    return [_payment_pair(row) for row in rows]


async def refund_pairs(
    database: Database, psp_account: str, references: Sequence[str]
) -> list[RefundPair]:
    """Return refunds by the PSP's references, in any order; each once."""
    rows = await database.fetch(_REFUNDS_OF, _of(psp_account, references))
    return [_refund_pair(row) for row in rows]


async def payment_of_id(database: Database, psp_account: str, payment_id: str) -> OurPayment | None:
    """Return a payment of the account by our id."""
    rows = await database.fetch(_PAYMENT_OF_ID, {"of_id": payment_id, "at_account": psp_account})
    return _payment(rows[0]) if rows else None


async def refund_of_id(database: Database, psp_account: str, refund_id: str) -> OurRefund | None:
    """Return a refund of the account by our id."""
    rows = await database.fetch(_REFUND_OF_ID, {"of_id": refund_id, "at_account": psp_account})
    return _refund(rows[0]) if rows else None


async def window_end(database: Database, after: datetime, until: datetime) -> datetime:
    """Return until when a statement may look at the journal: so many lines, or to the end."""
    parameters = {"after_time": after, "until_time": until, "skipped": CHUNK_EVENTS}
    rows = await database.fetch(_CHUNK_END, parameters)
    return rows[0][0] if rows else until


async def uncharged_payments(
    database: Database, psp_account: str, after: datetime, until: datetime
) -> list[tuple[OurPayment, datetime]]:
    """Return payments captured in (after, until] that no line charges, and when they were."""
    parameters = {"at_account": psp_account, "after_time": after, "until_time": until}
    rows = await database.fetch(_UNCHARGED, parameters)
    return [(_payment(row[:-1]), row[-1]) for row in rows]


async def unrefunded_refunds(
    database: Database,
    psp_account: str,
    after: datetime,
    until: datetime,
    *,
    since: datetime,
    covered_since: datetime,
) -> list[OurRefund]:
    """Return refunds that something happened to in (after, until] and that no line has.

    Only those that changed last after `since`, and that were made while reports are read at all.
    """
    parameters = {
        "at_account": psp_account,
        "after_time": after,
        "until_time": until,
        "since_time": since,
        "covered_time": covered_since,
    }
    return [_refund(row) for row in await database.fetch(_UNREFUNDED, parameters)]


async def failed_refunds(
    database: Database, psp_account: str, after: datetime, until: datetime, *, since: datetime
) -> list[str]:
    """Return refunds that failed in (after, until] and that any line has, by the PSP's references.

    Only those that changed last after `since`.
    """
    parameters = {
        "at_account": psp_account,
        "after_time": after,
        "until_time": until,
        "since_time": since,
    }
    return [row[0] for row in await database.fetch(_FAILED, parameters)]


async def resolved_unposted(
    database: Database, psp_account: str, after_reference: str, limit: int
) -> list[str]:
    """Return refunds that nothing was posted of, and whose difference somebody resolved, in order.

    By the PSP's references, after `after_reference`.
    """
    parameters = {"at_account": psp_account, "after_reference": after_reference, "limit": limit}
    return [row[0] for row in await database.fetch(_UNPOSTED, parameters)]


def _payment_pair(row: Row) -> PaymentPair:
    ours = row[_N_BOOKS:]
    return PaymentPair(
        reference=row[0],
        lines=_lines(row),
        ours=None if ours[0] is None else _payment(ours),
        payment_id=row[10] or "",
    )


def _refund_pair(row: Row) -> RefundPair:
    ours = row[_N_BOOKS:]
    return RefundPair(
        reference=row[0],
        lines=_lines(row),
        ours=None if ours[2] is None else _refund(ours),
        refund_id=row[11] or "",
        payment_reference=row[12] or "",
    )


def _lines(row: Row) -> PspLines | None:
    if row[1] is None:
        return None
    return PspLines(
        count=row[1],
        failures=row[2],
        gross_minor=row[3],
        lowest_currency=row[4],
        highest_currency=row[5],
        first_entry=row[6],
        last_entry=row[7],
        first_time=time_of(row[8]),
        last_time=time_of(row[9]),
    )


def _payment(row: Row) -> OurPayment:
    payment_id, order_id, psp_reference, state, currency, captured_minor, update_time = row
    return OurPayment(
        payment_id=payment_id,
        order_id=order_id,
        psp_reference=psp_reference,
        state=PaymentState(state),
        currency=currency,
        captured_minor=captured_minor,
        moved_time=update_time,
    )


def _refund(row: Row) -> OurRefund:
    customer_id, moves_account, *refund = row
    return OurRefund(refund_of_row(refund), customer_id, bool(moves_account))


def _of(psp_account: str, references: Sequence[str]) -> dict[str, Any]:
    rows = rows_parameter([{"reference": reference} for reference in references])
    return {**rows, "at_account": psp_account}
