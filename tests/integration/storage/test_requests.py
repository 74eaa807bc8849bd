"""Requests as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.requests import RequestKey, StoredRequest
from gateway.storage.database import Database
from gateway.storage.requests import (
    answer_request,
    delete_request,
    get_request,
    insert_request,
    takeover_request,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from tests.support.payments import NOW

KEY = RequestKey("spiffe://shop/checkout", "CreatePayment", "3f0c")
REQUEST = StoredRequest(KEY, "fingerprint", "pay_1", NOW)
ANSWER = {"payment": {"id": "pay_1", "amount_minor": 1999, "name": "Zoë"}, "refusal": None}
LATER = NOW + timedelta(minutes=1)


async def test_a_request_is_remembered_with_its_answer(database: Database) -> None:
    """Begun without an answer, then answered for good."""
    await database.commit([insert_request(REQUEST)])
    assert await get_request(database, KEY) == REQUEST

    await database.commit([answer_request(KEY, ANSWER)])
    assert await get_request(database, KEY) == replace(REQUEST, answer=ANSWER)


async def test_a_request_can_be_stored_with_its_answer(database: Database) -> None:
    """What needs no PSP is begun and answered in one write."""
    answered = replace(REQUEST, answer=ANSWER)

    await database.commit([insert_request(answered)])

    assert await get_request(database, KEY) == answered


@pytest.mark.parametrize("changed", ["caller", "method", "request_id"])
async def test_each_part_of_the_key_counts(database: Database, changed: str) -> None:
    """The same id of another caller, or for another method, is another request."""
    other = replace(KEY, **{changed: "other"})
    await database.commit([insert_request(REQUEST)])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_request(replace(REQUEST, fingerprint="another"))])
    await database.commit([insert_request(replace(REQUEST, key=other)), answer_request(KEY, {})])

    assert exists.value.table == "requests"
    assert await get_request(database, other) == replace(REQUEST, key=other)


async def test_a_forgotten_request_can_be_made_again(database: Database) -> None:
    """What surely did not happen leaves no trace of its request."""
    await database.commit([insert_request(REQUEST)])

    await database.commit([delete_request(KEY)])

    assert await get_request(database, KEY) is None
    await database.commit([insert_request(REQUEST)])


async def test_a_request_is_taken_over_by_one_of_two(database: Database) -> None:
    """Of two that find a caller dead, one goes on."""
    await database.commit([insert_request(REQUEST)])

    await database.commit([takeover_request(REQUEST, now=LATER)])
    with pytest.raises(GuardFailedError) as failed:
        await database.commit([takeover_request(REQUEST, now=LATER)])

    assert failed.value.guard == "request_claim"
    assert await get_request(database, KEY) == replace(REQUEST, create_time=LATER)


async def test_an_answered_request_is_not_taken_over(database: Database) -> None:
    """Its caller was not dead after all."""
    await database.commit([insert_request(REQUEST)])
    await database.commit([answer_request(KEY, ANSWER)])

    with pytest.raises(GuardFailedError):
        await database.commit([takeover_request(REQUEST, now=LATER)])

    assert await get_request(database, KEY) == replace(REQUEST, answer=ANSWER)
