"""Postings in bulk are the postings that one by one would be."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.refund_postings import posting_for_settled_refund
from gateway.storage.account_postings import get_posting, insert_posting
from gateway.storage.database import Database
from gateway.storage.settled_postings import insert_postings
from psp.money import Money
from tests.support.payments import NOW, refund

_TIME = NOW + timedelta(microseconds=1)
_FIRST = posting_for_settled_refund(refund(), 'shopper "1"', _TIME)
_SECOND = posting_for_settled_refund(refund(psp_reference="re_2"), "", NOW)
_OTHER = posting_for_settled_refund(refund(amount=Money(1, "EUR")), "shopper-2", NOW)


async def test_each_is_stored_to_the_microsecond(database: Database) -> None:
    """And due from its booking time on."""
    await database.commit([insert_postings([_FIRST, _SECOND])])

    assert await get_posting(database, _FIRST.key) == _FIRST
    assert await get_posting(database, _SECOND.key) == _SECOND


async def test_what_is_there_stays(database: Database) -> None:
    """Whichever way it came, also twice in one batch."""
    await database.commit([insert_posting(_FIRST)])

    await database.commit([insert_postings([_OTHER, _SECOND, _SECOND])])

    assert await get_posting(database, _FIRST.key) == _FIRST
    assert await get_posting(database, _SECOND.key) == _SECOND
