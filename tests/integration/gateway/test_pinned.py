"""A payment stays with the account that created it, whatever routing says today."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey
from gateway.domain.routing import RoutingTable
from gateway.errors import PaygateError, Reason
from gateway.payments.commands import CancelPaymentCommand, CapturePaymentCommand
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from gateway.routing.source import RoutingSource
from gateway.storage.payments import update_payment
from legacy_bridge.port import OrderState
from tests.support.payments import payment
from tests.support.rig import ACCOUNT, Rig, creation


def _retired(table: RoutingTable) -> RoutingTable:
    account = replace(table.accounts[ACCOUNT], retired=True)
    return replace(table, accounts={ACCOUNT: account}, digest="another")


async def test_a_retired_account_sees_its_payments_through(rig: Rig) -> None:
    """Its webhook, capture and cancel go on; a new payment is refused."""
    await rig.draft()
    captured = await rig.create(country_code="ES")
    await rig.draft("order-2")
    canceled = await rig.create(request_id="request-2", order_id="order-2", country_code="ES")
    rig.routing = RoutingSource(_retired(rig.routing.table))
    rig.restart()

    await rig.confirm(captured)
    await rig.settle()
    after_capture = await rig.application.payments.capture(
        CapturePaymentCommand(RequestKey("tests", "CapturePayment", "c"), captured.payment.id), None
    )
    after_cancel = await rig.application.payments.cancel(
        CancelPaymentCommand(RequestKey("tests", "CancelPayment", "x"), canceled.payment.id), None
    )
    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.create(creation("request-3"), None)

    assert after_capture.state is PaymentState.CAPTURED
    assert after_cancel.state is PaymentState.CANCELED
    assert await rig.order_state() is OrderState.RELEASED
    assert refused.value.reason is Reason.ACCOUNT_RETIRED
    assert {after_capture.psp_account, after_cancel.psp_account} == {ACCOUNT}


class _Untouched:
    """The account that serves the country today; whoever asks it of an old payment is wrong."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} went to today's account")


def _moved(table: RoutingTable) -> RoutingTable:
    spain = table.countries["ES"]
    (card,) = spain.methods
    policy = replace(spain, methods=(replace(card, account="stripe_new"),))
    new = replace(table.accounts[ACCOUNT], name="stripe_new")
    return replace(
        table,
        accounts={"stripe_new": new, **table.accounts},
        countries={**table.countries, "ES": policy},
    )


async def test_a_country_that_moved_leaves_its_payments_where_they_are(rig: Rig) -> None:
    """Webhook, capture, cancel, the resolver and a replay all go where the payment was created."""
    await rig.draft()
    captured = await rig.create(country_code="ES")
    await rig.draft("order-2")
    canceled = await rig.create(request_id="request-2", order_id="order-2", country_code="ES")
    rig.sandbox.inject("drop_after", method="POST", path_prefix="/v1/payment_intents", count=3)
    unknown = await rig.create(request_id="request-3", order_id="order-3", country_code="ES")
    rig.routing = RoutingSource(_moved(rig.routing.table))
    rig.restart()
    providers: dict[str, object] = rig.application.doors.providers  # type: ignore[assignment]
    providers |= {"stripe_new": _Untouched(), ACCOUNT: providers.pop(ACCOUNT)}

    assert await rig.create(country_code="ES") == captured
    await rig.confirm(captured)
    await rig.recover()
    payments = rig.application.payments
    after_capture = await payments.capture(
        CapturePaymentCommand(RequestKey("tests", "CapturePayment", "c"), captured.payment.id), None
    )
    after_cancel = await payments.cancel(
        CancelPaymentCommand(RequestKey("tests", "CancelPayment", "x"), canceled.payment.id), None
    )
    resolved = await payments.get(unknown.payment.id)

    assert after_capture.state is PaymentState.CAPTURED
    assert after_cancel.state is PaymentState.CANCELED
    assert resolved.state is PaymentState.AWAITING_CUSTOMER
    assert {after_capture.psp_account, after_cancel.psp_account, resolved.psp_account} == {ACCOUNT}


async def test_what_follows_a_purchase_stays_where_it_was_made(rig: Rig) -> None:
    """Refund, review, sweep and catching up ask the account of the payment, not today's."""
    rig.without -= {"sweeper"}
    orders = ("refunded", "reviewed", "lost", "abandoned")
    created = {}
    for order_id in orders:
        await rig.draft(order_id)
        created[order_id] = await rig.create(
            request_id=order_id, order_id=order_id, country_code="ES"
        )
    rig.routing = RoutingSource(_moved(rig.routing.table))
    rig.restart()
    providers: dict[str, object] = rig.application.doors.providers  # type: ignore[assignment]
    providers |= {"stripe_new": _Untouched(), ACCOUNT: providers.pop(ACCOUNT)}

    await rig.confirm(created["refunded"])
    await rig.confirm(created["reviewed"], "pm_card_riskLevelElevated")
    await rig.settle()
    (reviewed,) = rig.intents("reviewed")
    assert await rig.order_state("reviewed") is OrderState.HELD
    rig.sandbox.close_review(
        (await rig.psp.retrieve_payment(reviewed["id"])).review_reference, "approved"
    )
    refunded = created["refunded"].payment.id
    await rig.application.payments.capture(
        CapturePaymentCommand(RequestKey("tests", "CapturePayment", "c"), refunded, None), None
    )
    refund = await rig.application.refunds.create(
        CreateRefundCommand(
            RequestKey("tests", "CreateRefund", "r"), RefundedPayment(payment_id=refunded)
        ),
        None,
    )
    rig.sandbox.webhooks.hold()
    await rig.confirm(created["lost"])
    missed = await rig.application.catch_up.catch_up(
        ACCOUNT, rig.now() - timedelta(hours=1), lambda _: None
    )
    await rig.settle()
    rig.pass_time(hours=25)
    await rig.settle()

    assert missed.new > 0
    assert refund.psp_account == ACCOUNT
    assert [await rig.order_state(order_id) for order_id in orders] == [
        *[OrderState.RELEASED] * 3,
        OrderState.CANCELED,
    ]
    payments = [await rig.application.payments.get(each.payment.id) for each in created.values()]
    assert {payment.psp_account for payment in payments} == {ACCOUNT}
    assert rig.intents("abandoned")[0]["status"] == "canceled"


async def test_a_replay_is_answered_although_the_rules_have_changed(rig: Rig) -> None:
    """What was answered once stays answered."""
    first = await rig.create()
    rig.routing = RoutingSource(_retired(rig.routing.table))
    rig.restart()

    assert await rig.create() == first


async def test_an_account_that_left_the_configuration_is_named(rig: Rig) -> None:
    """Nothing is sent anywhere else: an operator has to bring the account back."""
    await rig.draft()
    created = await rig.create(country_code="ES")
    elsewhere = rig.application.doors.providers
    elsewhere.pop(ACCOUNT)  # type: ignore[attr-defined]  # the rig gives a dict

    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.cancel(
            CancelPaymentCommand(RequestKey("tests", "CancelPayment", "x"), created.payment.id),
            None,
        )

    assert refused.value.reason is Reason.PSP_MISCONFIGURED
    assert ACCOUNT in refused.value.message


def test_no_update_names_the_account() -> None:
    """The statement that stores a change cannot move a payment to another account."""
    write = update_payment(payment(), read_version=1)

    assert isinstance(write.statement, sa.Update)
    assert "psp_account" not in str(write.statement)
