"""What waits for the jobs beside payments: movements, refund files, aliases, differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain.aliases import AliasOperation, AliasOperationKind, AliasOperationState
from gateway.domain.backlog import Waiting
from gateway.domain.discrepancy import Discrepancy, DiscrepancyState
from gateway.domain.posting import Posting, PostingState
from gateway.domain.refund_movement import Movement
from gateway.domain.requests import RequestKey
from gateway.storage.account_postings import end_posting, insert_posting
from gateway.storage.alias_operations import insert_alias_operation
from gateway.storage.backlog import read_backlog
from gateway.storage.database import Database
from gateway.storage.discrepancies import insert_discrepancy
from gateway.storage.refund_movements import insert_movements, refuse_movement
from legacy_bridge.port import MovementKind
from psp.money import Money
from tests.support.payments import NOW, payment
from tests.support.reconciliation import discrepancy

_EARLY: Final = NOW - timedelta(hours=30)
_LATE: Final = NOW - timedelta(minutes=1)


async def test_movements_of_the_account_wait_until_they_are_posted_or_refused(
    database: Database,
) -> None:
    """The oldest of those that wait says its age; a refused one counts apart."""
    postings = [
        _posting("posted", _EARLY - timedelta(days=1)),
        _posting("refused", _EARLY - timedelta(days=1)),
        _posting("old", _EARLY),
        _posting("young", _LATE),
    ]
    await database.commit([insert_posting(each) for each in postings])
    await database.commit(
        [
            end_posting(postings[0], PostingState.POSTED),
            end_posting(postings[1], PostingState.REFUSED, "another movement has its key"),
        ]
    )

    backlog = await read_backlog(database, ["stripe_eu"], NOW)

    assert backlog.queues["account"] == Waiting(2, _EARLY)
    assert backlog.postings_refused == 1


async def test_lines_of_refund_files_wait_until_they_are_sent_or_refused(
    database: Database,
) -> None:
    """Counted from when their file was read."""
    for movement_id, time in (("refused", _EARLY - timedelta(days=1)), ("old", _EARLY)):
        await database.commit([insert_movements("rbt_1", [_movement(movement_id)], time)])
    await database.commit([refuse_movement("refused", "unknown_payment", "nobody has it")])

    backlog = await read_backlog(database, ["stripe_eu"], NOW)

    assert backlog.queues["refund_files"] == Waiting(1, _EARLY)


async def test_changes_of_aliases_wait_until_they_are_settled(database: Database) -> None:
    """Pending and unknown alike."""
    operations = [
        _alias_operation(1, AliasOperationState.DONE, _EARLY - timedelta(days=1)),
        _alias_operation(2, AliasOperationState.UNKNOWN, _EARLY),
        _alias_operation(3, AliasOperationState.PENDING, _LATE),
    ]
    await database.commit([insert_alias_operation(each) for each in operations])

    backlog = await read_backlog(database, ["stripe_eu"], NOW)

    assert backlog.queues["aliases"] == Waiting(2, _EARLY)


async def test_differences_are_open_until_somebody_dealt_with_them(database: Database) -> None:
    """By account and type; those of accounts that nobody asked for are not counted."""
    found = discrepancy()
    others = [
        _about("pi_2", id="dis_2"),
        _about("pi_3", id="dis_3", state=DiscrepancyState.RESOLVED),
        discrepancy(id="dis_4", psp_account="nobody_asked"),
    ]
    await database.commit([insert_discrepancy(each) for each in (found, *others)])

    backlog = await read_backlog(database, [found.psp_account], NOW)

    assert backlog.discrepancies == {(found.psp_account, found.finding.type): 2}


def _about(reference: str, **changes: Any) -> Discrepancy:
    finding = discrepancy().finding
    subject = replace(finding.subject, reference=reference)
    return discrepancy(finding=replace(finding, subject=subject), **changes)


def _posting(key: str, time: datetime) -> Posting:
    return Posting(
        key,
        "shopper-1",
        "order-1",
        MovementKind.INVOICE_CREDIT,
        Money(100, "EUR"),
        payment().id,
        time,
    )


def _movement(movement_id: str) -> Movement:
    return Movement(
        movement_id=movement_id,
        batch_id="rbt_1",
        line_number=2,
        order_id="order-1",
        payment_id=payment().id,
        psp_account="stripe_eu",
        psp_reference="",
        amount=Money(100, "EUR"),
        reason="duplicate",
        country_code="FR",
        digest="d1",
        create_time=NOW,
    )


def _alias_operation(number: int, state: AliasOperationState, time: datetime) -> AliasOperation:
    settled = state is AliasOperationState.DONE
    return AliasOperation(
        id=f"aop_{number}",
        kind=AliasOperationKind.DELETE,
        customer_id="shopper-1",
        psp_account="stripe_eu",
        idempotency_key=f"k{number}",
        parameters={},
        key=RequestKey("shop", "DeleteAlias", f"request-{number}"),
        create_time=time,
        state=state,
        next_check_time=None if settled else NOW,
    )
