"""Writing answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.aliases.values import ShopperAlias, UnavailableSource
from gateway.api.order_service import order_message
from gateway.api.payment_messages import event_message, next_action_message, payment_message
from gateway.api.proposal_service import proposal_message
from gateway.api.routing_messages import decision_message, policy_message
from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import PaymentState
from gateway.domain.routing import (
    AmountLimits,
    MethodOffer,
    RouteDecision,
    RouteRefusal,
    RouteStep,
)
from gateway.orders.view import OrderView
from gateway.proposals.proposal import Proposal
from legacy_bridge.port import OrderState
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1 import proposal_service_pb2 as proposal_pb
from paygate.v1 import routing_service_pb2 as routing_pb
from paygate.v1.money_pb2 import Money
from psp.methods import Presentation
from psp.port import (
    CapturePolicy,
    FailureCategory,
    NextAction,
    NextActionKind,
    PaymentMethod,
    PspAlias,
    PspFailure,
    ReviewStatus,
)
from tests.support.payments import NOW, draft, payment
from tests.support.tables import ROUTING_TABLE, STRIPE_EU

_TIME = Timestamp(seconds=int(NOW.timestamp()))
_EUR = "EUR"


def _money(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency_code=_EUR)


def test_a_payment_is_written_whole() -> None:
    """No field of the contract is forgotten."""
    lapses = datetime(2026, 5, 11, 10, 0, 0, 500_000, tzinfo=UTC)
    stored = payment(
        PaymentState.AUTHORIZED,
        review=ReviewStatus.OPEN,
        failure=PspFailure(FailureCategory.DECLINED, "generic", "Declined.", retryable=True),
        capture_before=lapses,
        captured_minor=7,
        refunded_minor=5,
        version=3,
    )
    message = payment_message(stored)
    assert message == pb.Payment(
        id="pay_00000000000000000000000001",
        order_id="order-1",
        customer_id="shopper-1",
        country_code="FR",
        method=pb.PAYMENT_METHOD_CARD,
        amount=_money(1999),
        authorized=_money(1999),
        captured=_money(7),
        refunded=_money(5),
        state=pb.PAYMENT_STATE_AUTHORIZED,
        review=pb.REVIEW_STATE_OPEN,
        capture_policy=pb.CAPTURE_POLICY_AT_ORDER,
        psp_account="stripe_eu",
        psp_reference="pi_1",
        failure=pb.PaymentFailure(
            category=pb.FAILURE_CATEGORY_DECLINED,
            psp_code="generic",
            message="Declined.",
            retryable=True,
        ),
        capture_before_time=Timestamp(seconds=int(lapses.timestamp()), nanos=500_000_000),
        config_digest="digest",
        create_time=_TIME,
        update_time=_TIME,
        version=3,
    )
    assert len(message.ListFields()) == len(pb.Payment.DESCRIPTOR.fields)


def test_a_payment_without_a_failure_says_nothing_of_one() -> None:
    """What does not exist is unset, not empty."""
    message = payment_message(payment())
    assert not message.HasField("failure")
    assert not message.HasField("capture_before_time")


def test_a_journal_line_is_written_whole() -> None:
    """With the sums in the payment's currency."""
    entry = JournalEntry(
        id="evt_1",
        payment_id="pay_1",
        order_id="order-1",
        sequence=2,
        type=EventType.STATE_CHANGED,
        state=PaymentState.CAPTURED,
        review=ReviewStatus.NONE,
        currency=_EUR,
        captured_minor=1999,
        refunded_minor=1,
        create_time=NOW,
        details={"psp_status": "succeeded"},
    )
    message = event_message(entry)
    assert message == pb.PaymentEvent(
        id="evt_1",
        payment_id="pay_1",
        sequence=2,
        type="state_changed",
        state=pb.PAYMENT_STATE_CAPTURED,
        review=pb.REVIEW_STATE_NONE,
        captured=_money(1999),
        refunded=_money(1),
        details={"psp_status": "succeeded"},
        create_time=_TIME,
    )
    assert len(message.ListFields()) == len(pb.PaymentEvent.DESCRIPTOR.fields)


_FORM = pb.NextAction.PostForm(url="https://psp.example", fields={"SHASIGN": "AB"})


@pytest.mark.parametrize(
    "action, message",
    [
        (
            NextAction(NextActionKind.CONFIRM, client_secret="s"),
            pb.NextAction(confirm=pb.NextAction.Confirm(client_secret="s")),
        ),
        (
            NextAction(NextActionKind.AUTHENTICATE, client_secret="s"),
            pb.NextAction(authenticate=pb.NextAction.Authenticate(client_secret="s")),
        ),
        (
            NextAction(NextActionKind.REDIRECT, url="https://psp.example"),
            pb.NextAction(redirect=pb.NextAction.Redirect(url="https://psp.example")),
        ),
        (
            NextAction(
                NextActionKind.POST_FORM, url="https://psp.example", fields={"SHASIGN": "AB"}
            ),
            pb.NextAction(post_form=_FORM),
        ),
    ],
)
def test_each_next_action_is_written_as_its_kind(
    action: NextAction, message: pb.NextAction
) -> None:
    """The page finds what it needs, and nothing else."""
    assert next_action_message(action) == message


def test_an_order_is_written_whole() -> None:
    """With its payments."""
    message = order_message(OrderView(draft(OrderState.HELD), [payment()], "a review"))
    assert message == order_pb.Order(
        order_id="order-1",
        customer_id="shopper-1",
        country_code="FR",
        total=_money(1999),
        state=order_pb.ORDER_STATE_HELD,
        waiting_for="a review",
        payments=[payment_message(payment())],
        create_time=_TIME,
        update_time=_TIME,
    )


def test_a_proposal_is_written_whole() -> None:
    """Limits stand in the asked currency; one that does not exist is unset."""
    card = MethodOffer(
        PaymentMethod.CARD, STRIPE_EU, Presentation.EMBEDDED, AmountLimits(50, 99_999)
    )
    paypal = MethodOffer(PaymentMethod.PAYPAL, STRIPE_EU, Presentation.REDIRECT, AmountLimits())
    saved = PspAlias("pm_1", PaymentMethod.CARD, "visa", "4242", 12, 2030, is_default=True)
    proposal = Proposal(
        methods=[card, paypal],
        aliases=[ShopperAlias("als_1", "stripe_eu", saved)],
        unavailable_sources=[UnavailableSource("back_office", "timed out")],
        capture_policy=CapturePolicy.MANUAL,
    )
    fields = proposal_pb.Presentation.EmbeddedFields(publishable_key="pk_test_1")
    assert proposal_message(proposal, _EUR) == proposal_pb.GetPaymentProposalResponse(
        methods=[
            proposal_pb.OfferedMethod(
                method=pb.PAYMENT_METHOD_CARD,
                psp_account="stripe_eu",
                psp="stripe",
                presentation=proposal_pb.Presentation(embedded_fields=fields),
                minimum=_money(50),
                maximum=_money(99_999),
            ),
            proposal_pb.OfferedMethod(
                method=pb.PAYMENT_METHOD_PAYPAL,
                psp_account="stripe_eu",
                psp="stripe",
                presentation=proposal_pb.Presentation(redirect=proposal_pb.Presentation.Redirect()),
            ),
        ],
        aliases=[
            proposal_pb.Alias(
                id="als_1",
                method=pb.PAYMENT_METHOD_CARD,
                psp_account="stripe_eu",
                brand="visa",
                last4="4242",
                expiry_month=12,
                expiry_year=2030,
                is_default=True,
            )
        ],
        unavailable_sources=[
            proposal_pb.UnavailableSource(source="back_office", reason="timed out")
        ],
        capture_policy=pb.CAPTURE_POLICY_MANUAL,
    )


def test_a_refused_route_names_the_first_refusal_and_every_step() -> None:
    """The refusal is the reason that CreatePayment would give."""
    decision = RouteDecision(
        None,
        (RouteRefusal.AMOUNT_ABOVE_MAXIMUM, RouteRefusal.ACCOUNT_RETIRED),
        (
            RouteStep("country_served", passed=True, explanation="FR is served"),
            RouteStep(
                "amount_within_limits",
                passed=False,
                explanation="too much",
                refusal=RouteRefusal.AMOUNT_ABOVE_MAXIMUM,
            ),
        ),
    )
    assert decision_message(decision, "digest") == routing_pb.ExplainRouteResponse(
        refusal="AMOUNT_OUT_OF_RANGE",
        steps=[
            routing_pb.RouteStep(rule="country_served", passed=True, explanation="FR is served"),
            routing_pb.RouteStep(rule="amount_within_limits", passed=False, explanation="too much"),
        ],
        config_digest="digest",
    )


def test_a_route_names_its_account() -> None:
    """And no refusal."""
    assert decision_message(RouteDecision("stripe_eu"), "digest") == (
        routing_pb.ExplainRouteResponse(psp_account="stripe_eu", config_digest="digest")
    )


def test_a_policy_lists_the_limits_that_exist() -> None:
    """By currency; a method without a limit has none."""
    policy = ROUTING_TABLE.countries["FR"]
    assert policy_message(policy, ROUTING_TABLE) == routing_pb.CountryPolicy(
        country_code="FR",
        currency_codes=["EUR", "USD"],
        capture_policy=pb.CAPTURE_POLICY_AT_ORDER,
        methods=[
            routing_pb.MethodPolicy(
                method=pb.PAYMENT_METHOD_CARD,
                psp_account="stripe_eu",
                psp="stripe",
                minimums=[_money(50)],
                maximums=[
                    _money(500_000),
                    Money(amount_minor=600_000, currency_code="USD"),
                ],
            )
        ],
    )
