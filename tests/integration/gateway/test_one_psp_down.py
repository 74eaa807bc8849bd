"""One PSP is dead: it takes no other down, and what it was not asked to do did not happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.client import (
    AsyncPaygateClient,
    DeadlineError,
    LimitExceededError,
    UnavailableError,
)
from gateway.demo.acting import creation
from gateway.embedded import prepare_databases
from gateway.running import RunningGateway, load_checked, running_gateway
from gateway.sandboxed import Sandboxes, introduce, write_configuration
from gateway.settings import load_settings
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from paygate.v1.alias_service_pb2 import ListAliasesRequest
from paygate.v1.customer_service_pb2 import CustomerProfile, EnsureCustomerRequest
from paygate.v1.payment_service_pb2 import (
    FAILURE_CATEGORY_NEVER_CREATED,
    PAYMENT_STATE_AWAITING_CUSTOMER,
    PAYMENT_STATE_OUTCOME_UNKNOWN,
    GetPaymentRequest,
    ListPaymentsRequest,
)
from psp.money import Money
from psp.ogone import sandbox as ogone
from psp.stripe import sandbox as stripe
from tests.support.processes import eventually_seen

_ROOM: Final = 2
_HANGING: Final = 300.0
"""Seconds that Stripe is silent for: longer than any test lasts."""
_EVENING_S: Final = 0.5
"""After so long Ogone's sandbox carries out what it accepted."""
_PATIENT: Final = {"read_timeout_s = 2.0": "read_timeout_s = 60.0"}
_HURRIED: Final = {"read_timeout_s = 2.0": "read_timeout_s = 0.5"}


@pytest.fixture
async def sandboxes() -> AsyncIterator[Sandboxes]:
    """Both PSPs."""
    async with (
        stripe.running_sandbox() as playing_stripe,
        ogone.running_sandbox(processing_delay_s=_EVENING_S) as playing_ogone,
    ):
        yield Sandboxes(playing_stripe, playing_ogone)


class Moved:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@asynccontextmanager
async def _serving(
    sandboxes: Sandboxes,
    folder: Path,
    at_stripe: dict[str, str],
    clock: Moved | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[RunningGateway, AsyncPaygateClient]]:
    """Serve with Stripe's account changed so; Ogone's stays as the sandbox has it."""
    file = write_configuration(sandboxes, folder)
    before, mark, after = file.read_text(encoding="utf-8").partition("[accounts.ogone_be]")
    for old, new in at_stripe.items():
        assert old in before
        before = before.replace(old, new)
    file.write_text(before + mark + after, encoding="utf-8")
    chosen = load_settings(
        config_file=file,
        database_url=f"sqlite+aiosqlite:///{folder}/paygate.db",
        back_office_url=f"sqlite+aiosqlite:///{folder}/back_office.db",
        grpc_port=0,
        http_port=0,
        shutdown_grace_s=0.0,
        **settings,
    )
    await prepare_databases(chosen)
    configuration = load_checked(chosen)
    async with (
        running_gateway(
            chosen, configuration, clock or Moved(), with_workers=clock is None
        ) as gateway,
        AsyncPaygateClient.connect(gateway.grpc_address, caller="tests") as client,
    ):
        introduce(sandboxes, configuration, gateway.http_address)
        yield gateway, client


async def test_ogone_is_not_held_up_by_stripe(sandboxes: Sandboxes, tmp_path: Path) -> None:
    """More calls hang at Stripe than it has room for, and an order is bought at Ogone meanwhile."""
    at_stripe = {
        **_PATIENT,
        "total_timeout_s = 5.0": f"total_timeout_s = 120.0\ncalls_at_once = {_ROOM}",
    }
    sandboxes.stripe.inject("delay_before", delay_s=_HANGING, count=1000)
    async with _serving(sandboxes, tmp_path, at_stripe, operation_lease_s=600.0) as (
        gateway,
        client,
    ):
        hanging = [
            asyncio.create_task(client.create_payment(creation(f"order-{number}"), timeout_s=300))
            for number in range(_ROOM * 20)
        ]
        office = SqlBackOffice.open(f"sqlite+aiosqlite:///{tmp_path}/back_office.db")
        try:
            await office.save_draft(_draft("order-ogone"))
            created = await client.create_payment(
                creation("order-ogone", country_code="BE", return_url="https://shop.example/back"),
                timeout_s=120,
            )
            form = created.next_action.post_form
            await sandboxes.ogone.pay(dict(form.fields), url=form.url)
            await eventually_seen(lambda: _is_released(office, sandboxes))
        finally:
            await office.close()

        # As many again wait, and the client repeats what was refused; the gateway's own questions
        # take a part of the room.
        assert 0 < gateway.application.shield.running <= _ROOM * 2
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        sandboxes.stripe.clear_faults()


async def test_who_gives_up_leaves_no_room_for_more(sandboxes: Sandboxes, tmp_path: Path) -> None:
    """Impatient callers of a PSP that hangs begin as much as there is room for, and no more."""
    at_stripe = {**_PATIENT, "total_timeout_s = 5.0": "total_timeout_s = 120.0"}
    sandboxes.stripe.inject("delay_before", delay_s=_HANGING, count=1000)
    serving = _serving(
        sandboxes,
        tmp_path,
        at_stripe,
        operation_lease_s=600.0,
        max_concurrent_rpcs=_ROOM,
        min_deadline_s=0.01,
    )
    async with serving as (gateway, client):
        for number in range(_ROOM):
            with pytest.raises(DeadlineError):
                await client.create_payment(creation(f"order-{number}"), timeout_s=0.5)

        with pytest.raises(LimitExceededError):
            await client.create_payment(creation("order-more"), timeout_s=30)

        assert gateway.application.shield.running == gateway.application.shield.unheard == _ROOM
        sandboxes.stripe.clear_faults()


async def _is_released(office: SqlBackOffice, sandboxes: Sandboxes) -> bool:
    sandboxes.ogone.books()  # time passes in Ogone's books when they are looked at
    order = await office.find_order("order-ogone")
    return order is not None and order.state is OrderState.RELEASED


def _draft(order_id: str) -> DraftOrder:
    now = datetime.now(UTC)
    return DraftOrder(order_id, "shopper-1", "BE", Money(1999, "EUR"), now, now)


@pytest.mark.parametrize(
    "pause_s,state",
    [
        pytest.param(600.0, PAYMENT_STATE_OUTCOME_UNKNOWN, id="still open"),
        pytest.param(6.0, PAYMENT_STATE_AWAITING_CUSTOMER, id="probed"),
    ],
)
async def test_what_an_open_breaker_refuses_did_not_happen(
    sandboxes: Sandboxes, tmp_path: Path, pause_s: float, state: int
) -> None:
    """A creation ends as never made; what was unknown before stays so until Stripe is asked."""
    at_stripe = {
        **_HURRIED,
        "total_timeout_s = 5.0": (
            "total_timeout_s = 0.5\nmax_network_retries = 0\n"
            f"breaker_failures = 1\nbreaker_pause_s = {pause_s}"
        ),
    }
    clock = Moved()
    async with _serving(sandboxes, tmp_path, at_stripe, clock) as (gateway, client):
        sandboxes.stripe.inject("drop_after", method="POST", path_suffix="/payment_intents")
        unknown = (await client.create_payment(creation("order-1"))).payment
        assert unknown.state == PAYMENT_STATE_OUTCOME_UNKNOWN
        asked = len(_intents(sandboxes))

        with pytest.raises(UnavailableError, match="breaker open") as refused:
            await client.create_payment(creation("order-2"))

        (never,) = (await client.list_payments(ListPaymentsRequest(order_id="order-2"))).payments
        assert refused.value.reason == "PSP_UNAVAILABLE"
        assert (never.failure.category, len(_intents(sandboxes))) == (
            FAILURE_CATEGORY_NEVER_CREATED,
            asked,
        )

        async def is_as_expected() -> bool:
            clock.offset += timedelta(minutes=10)
            await gateway.application.workers.round()
            found = await client.get_payment(GetPaymentRequest(payment_id=unknown.id))
            return found.payment.state == state

        await eventually_seen(is_as_expected)


async def test_a_read_at_the_psp_ends_with_its_callers_deadline(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    """It gives back the room that it took at the account, where there is room for one."""
    at_stripe = {
        **_PATIENT,
        "total_timeout_s = 5.0": "total_timeout_s = 120.0\ncalls_at_once = 1",
    }
    query = ListAliasesRequest(customer_id="shopper-1", country_code="FR")
    # Without workers, which would ask for that room as well.
    async with _serving(
        sandboxes, tmp_path, at_stripe, Moved(), operation_lease_s=600.0, alias_psp_timeout_s=60.0
    ) as (_, client):
        await client.ensure_customer(
            EnsureCustomerRequest(
                customer_id="shopper-1",
                country_code="FR",
                profile=CustomerProfile(email="claire@example.com"),
            )
        )
        sandboxes.stripe.inject("delay_before", method="GET", delay_s=_HANGING, count=1000)

        with pytest.raises(DeadlineError):
            await client.list_aliases(query, timeout_s=0.5)

        sandboxes.stripe.clear_faults()
        listed = await client.list_aliases(query, timeout_s=30)
        assert list(listed.unavailable_sources) == []


def _intents(sandboxes: Sandboxes) -> list[Any]:
    books: list[Any] = list(sandboxes.stripe.books())
    return [intent for each in books for intent in each["payment_intents"]]
