"""Writing down what a refund's new state moves on the shopper's account."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.refund import Refund, RefundState
from gateway.domain.refund_postings import postings_of_change
from gateway.storage.account_postings import insert_posting, insert_posting_again
from gateway.storage.writes import Write


def posting_writes(
    before: Refund | None, after: Refund, customer_id: str, now: datetime
) -> list[Write]:
    """Store the movements of a change, each once.

    A refund that failed can go through after all (people at Ogone look at one that the acquirer
    refused): it is due again then, under a key of its own, and may lapse once more.
    """
    postings = postings_of_change(before, after, customer_id, now)
    writes = [insert_posting(each) for each in postings]
    if before is not None and RefundState.FAILED in {before.state, after.state}:
        writes += [
            insert_posting_again(replace(each, key=f"{each.key}:{after.version}"))
            for each in postings
        ]
    return writes
