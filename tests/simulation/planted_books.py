"""Bugs of refund files, the financial account and reconciliation, to be planted like the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

import gateway.domain.settlement_rules
import gateway.refund_files.reading
import gateway.refunds.sending
from gateway.accounts.posting_work import PostingWork
from gateway.domain import refund_postings
from gateway.domain.posting import Posting, PostingState
from gateway.domain.refund import RefundCause
from gateway.domain.refund_outcome import RefundUnknown
from gateway.ids import new_id
from gateway.reconciliation.correcting import Corrections
from gateway.reconciliation.settling import Settling
from gateway.refund_files import rules
from gateway.refund_files.rules import Duplicate, Known
from gateway.storage.account_postings import end_posting
from gateway.storage.refund_movements import give_movement_back
from gateway.storage.settled_postings import insert_postings
from gateway.storage.tables import payments
from legacy_bridge.port import MovementKind
from psp.money import Money

Patch = tuple[Any, str, Any]
"""See `planted.Patch`."""
_p: Final = payments.c


def _forget_movements() -> list[Patch]:
    """Take a movement that comes in another file for another one."""
    judge = rules.judge

    def forgetful(line: Any, batch_id: str, known: Known, now: datetime) -> Any:
        verdict = judge(line, batch_id, known, now)
        if (
            isinstance(verdict, Duplicate)
            and known.movements[line.movement_id].batch_id != batch_id
        ):
            anew = replace(line, movement_id=f"{line.movement_id}-{new_id('mov')}")
            return judge(anew, batch_id, known, now)
        return verdict

    return [(gateway.refund_files.reading, "judge", forgetful)]


def _send_unanswered_again() -> list[Patch]:
    """Have a movement sent anew whose refund nobody answered."""
    usual = gateway.refunds.sending._movement_writes  # noqa: SLF001 - a bug is planted where the code is

    def impatient(judged: Any, outcome: Any, now: datetime) -> Any:
        if judged.refund.cause is RefundCause.FILE and isinstance(outcome, RefundUnknown):
            later = now + timedelta(minutes=1)
            return [give_movement_back(judged.refund.id, later, "nobody answered")]
        return usual(judged, outcome, now)

    return [(gateway.refunds.sending, "_movement_writes", impatient)]


def _post_under_new_key() -> list[Patch]:
    """Post a movement under a key of its own at each attempt."""

    def anew(posting: Posting) -> Any:
        movement = posted(posting)
        return replace(movement, key=f"{posting.key}:{posting.attempts}")

    posted: Callable[[Posting], Any] = Posting.__dict__["movement"].fget
    return [(Posting, "movement", property(anew))]


def _drop_postings() -> list[Patch]:
    """Take what the back office did not answer for posted."""

    async def drop(self: Any, posting: Posting, why: str) -> None:
        await self._database.commit([end_posting(posting, PostingState.POSTED, why)])

    return [(PostingWork, "_put_off", drop)]


def _settle_in_each_run() -> list[Patch]:
    """Post the debit of a refund in every run that reads it."""
    settled = refund_postings.posting_for_settled_refund

    def anew(*given: Any) -> Posting:
        posting = settled(*given)
        return replace(posting, key=f"{posting.key}:{new_id('rec')}")

    return [(gateway.domain.settlement_rules, "posting_for_settled_refund", anew)]


def _post_captures_again() -> list[Patch]:
    """Post captures as well when their day is reconciled: they were invoiced when they shipped."""
    settle = Settling.settle

    async def greedy(self: Any, run: Any, keep: Any) -> int:
        captured = sa.select(_p.id, _p.order_id, _p.captured_minor, _p.currency).where(
            _p.psp_account == run.psp_account, _p.captured_minor > 0
        )
        found = await self._database.fetch(captured, {})
        again = [
            Posting(
                key=f"captured:{payment_id}",
                customer_id="",
                order_id=order_id,
                kind=MovementKind.INVOICE_CREDIT,
                amount=Money(minor, currency),
                reference=payment_id,
                booking_time=run.create_time,
            )
            for payment_id, order_id, minor, currency in found
        ]
        if again:
            await self._database.commit([insert_postings(again)])
        return int(await settle(self, run, keep))

    return [(Settling, "settle", greedy)]


def _never_ask() -> list[Patch]:
    """Name what differs, and take nothing over: what no webhook told stays unknown here."""

    async def silent(*_: Any) -> None:
        return None

    return [(Corrections, "ask", silent)]


PLANTED: Final[Mapping[str, tuple[str, Callable[[], list[Patch]]]]] = {
    "forget-movements": ("a movement of a second file is another one", _forget_movements),
    "send-unanswered-again": (
        "a movement is sent anew while its refund is unanswered",
        _send_unanswered_again,
    ),
    "post-under-new-key": ("each attempt to post has a key of its own", _post_under_new_key),
    "drop-postings": ("a posting that fails is taken for posted", _drop_postings),
    "settle-in-each-run": ("each run posts the debit of a refund anew", _settle_in_each_run),
    "post-captures-again": ("reconciliation posts captures as well", _post_captures_again),
    "never-ask": ("reconciliation takes nothing over from the PSP", _never_ask),
}
"""By name: what is wrong, and what is replaced."""
