"""Whatever is written, both databases refuse it with the same words or hold the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.operation import OperationKind, OperationState
from gateway.domain.payment import Payment, PaymentFilter
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.storage.database import Database, open_database
from gateway.storage.operations import (
    get_open_operation,
    get_operation_of_request,
    insert_operation,
    postpone_operation,
    settle_operation,
)
from gateway.storage.payments import insert_payment, list_payments, update_payment
from gateway.storage.requests import (
    answer_request,
    delete_request,
    get_request,
    insert_request,
    takeover_request,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from psp.port import FailureCategory, PspFailure
from tests.support.databases import INTEGRITY_ERRORS, PostgresqlDatabases, SqliteDatabases
from tests.support.payments import NOW, operation, payment

# Few of each, so that writes meet.
NUMBERS = st.integers(0, 1)
TIMES = st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000)).map(NOW.__add__)
# What no text column takes: PostgreSQL refuses zero bytes, and no encoding has lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
FAILURES = st.none() | st.builds(
    PspFailure, st.sampled_from(FailureCategory), TEXTS, TEXTS, st.booleans()
)


@dataclass(frozen=True)
class Step:
    """One write to be, before it is known which rows of the example it is about."""

    kind: str
    number: int
    other: int
    text: str
    time: datetime
    failure: PspFailure | None
    state: OperationState

    def write(self, run: str) -> tuple[tuple[str, ...], Write]:
        """Return the write with the row that it is about, on rows that belong to this run."""
        key = RequestKey(run, "CreatePayment", f"r{self.number}")
        request = StoredRequest(key, "fingerprint", f"{run}-{self.other}", self.time)
        about = payment(
            id=f"{run}-{self.number}",
            order_id=run,
            customer_id=self.text,
            version=self.other + 1,
            failure=self.failure,
            capture_before=self.time,
            create_time=self.time,
            update_time=self.time,
        )
        asked = operation(
            OperationKind.CAPTURE,
            id=f"{run}-{self.number}-{self.other}",
            payment_id=about.id,
            idempotency_key=f"{run}-{self.number}-{self.other}",
            parameters={"text": self.text},
            state=self.state,
            attempts=self.other,
            request=key,
            create_time=self.time,
            next_check_time=self.time,
        )
        row, write = {
            "insert payment": (about.id, insert_payment(about)),
            "update payment": (about.id, update_payment(about, read_version=self.other)),
            "insert operation": (asked.id, insert_operation(asked)),
            "settle operation": (asked.id, settle_operation(asked.id, self.state, self.text)),
            "postpone operation": (
                asked.id,
                postpone_operation(
                    asked, state=self.state, error=self.text, next_check_time=self.time
                ),
            ),
            "insert request": (key.request_id, insert_request(request)),
            "answer request": (key.request_id, answer_request(key, {"text": self.text})),
            "delete request": (key.request_id, delete_request(key)),
            "take over request": (key.request_id, takeover_request(request, now=self.later)),
        }[self.kind]
        return (self.kind.rpartition(" ")[2], row), write

    @property
    def later(self) -> datetime:
        """The next moment that a database can tell from `time`."""
        return self.time + timedelta(microseconds=1)


KINDS = (
    "insert payment",
    "update payment",
    "insert operation",
    "settle operation",
    "postpone operation",
    "insert request",
    "answer request",
    "delete request",
    "take over request",
)
# Twice as often: rows that exist already are what the order of a unit's writes shows in.
INSERTS = ("insert payment", "insert request")
STEPS = st.builds(
    Step,
    st.sampled_from(KINDS) | st.sampled_from(INSERTS),
    NUMBERS,
    NUMBERS,
    TEXTS,
    TIMES,
    FAILURES,
    st.sampled_from(OperationState),
)
UNITS = st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=6)


def unit_of(steps: Sequence[Step], run: str) -> list[Write]:
    """Return the writes of a unit, of which no two are about the same row."""
    return list(dict(step.write(run) for step in reversed(steps)).values())[::-1]


async def outcome(database: Database, unit: Sequence[Write]) -> str:
    """Commit a unit and say how that ended, in words that belong to no dialect."""
    try:
        await database.commit(unit)
    except GuardFailedError as failed:
        return f"guard {failed.guard}"
    except AlreadyExistsError as exists:
        return f"exists {exists.table}"
    except INTEGRITY_ERRORS:
        return "broken rule"
    return "written"


async def contents(database: Database, run: str) -> list[Any]:
    """Return all that a run left behind."""
    payments: list[Payment] = await list_payments(database, PaymentFilter(order_id=run), "", 10)
    keys = [RequestKey(run, "CreatePayment", f"r{number}") for number in range(2)]
    return [
        payments,
        [await get_open_operation(database, one.id) for one in payments],
        [await get_operation_of_request(database, key) for key in keys],
        [await get_request(database, key) for key in keys],
    ]


@asynccontextmanager
async def both(urls: Sequence[str]) -> AsyncIterator[list[Database]]:
    """Open the databases."""
    opened = [open_database(url) for url in urls]
    try:
        yield opened
    finally:
        for database in opened:
            await database.close()


@pytest.fixture
def urls(
    sqlite_databases: SqliteDatabases, postgresql_databases: PostgresqlDatabases, tmp_path: Path
) -> list[str]:
    """One database of each kind; examples share them, and each writes rows of its own."""
    return [
        made.fresh(tmp_path, migrated=True) for made in (sqlite_databases, postgresql_databases)
    ]


@given(units=UNITS)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_both_databases_answer_alike(urls: list[str], units: list[list[Step]]) -> None:
    """The same units end the same way, one after the other, and leave the same rows."""
    run = uuid4().hex

    async def compare() -> None:
        async with both(urls) as (sqlite, postgresql):
            for steps in units:
                unit = unit_of(steps, run)
                assert await outcome(sqlite, unit) == await outcome(postgresql, unit)
                assert await contents(sqlite, run) == await contents(postgresql, run)

    asyncio.run(compare())
