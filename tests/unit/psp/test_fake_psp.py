"""The PSP in memory that other tests rely on: it keeps the port's promises."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from psp.errors import InvalidEventError, NotFoundError, OutcomeUnknownError, RejectedError
from psp.money import Money
from psp.port import (
    CancelPayment,
    CapturePayment,
    CapturePolicy,
    CreatePayment,
    CustomerProfile,
    NextActionKind,
    PaymentMethod,
    PaymentServiceProvider,
    PspPayment,
    PspStatus,
    RefundPayment,
    RefundStatus,
    ReviewStatus,
)
from tests.support.fake_psp import DECLINED, REFUND_FAILED, FakePsp
from tests.support.payments import NOW, TOTAL

_PROFILE = CustomerProfile("shopper-1", email="zoe@example.org")
_REQUEST = CreatePayment(
    payment_id="pay_1",
    order_id="order-1",
    amount=TOTAL,
    method=PaymentMethod.CARD,
    country_code="FR",
    capture_policy=CapturePolicy.AT_ORDER,
    idempotency_key="key-1",
)
_FULL = TOTAL.amount_minor


def _capture(amount: Money = TOTAL, key: str = "key-2") -> CapturePayment:
    return CapturePayment("pi_stripe_eu_1", amount, key)


async def _captured(psp: FakePsp) -> PspPayment:
    await psp.create_payment(_REQUEST)
    psp.confirm("pi_stripe_eu_1")
    return await psp.capture_payment(_capture())


def _refund(minor: int, key: str = "key-3", known: frozenset[str] = frozenset()) -> RefundPayment:
    """Return a refund whose id follows its key."""
    amount = Money(minor, "EUR")
    return RefundPayment(f"ref-{key}", "pi_stripe_eu_1", amount, key, known_references=known)


def test_it_is_a_psp() -> None:
    """It has the port's whole surface, which the type checker holds it to."""
    psp: PaymentServiceProvider = FakePsp()

    assert psp.account == "stripe_eu"


async def test_a_payment_goes_its_way() -> None:
    """Created, confirmed by the shopper, captured in part; each answer is kept."""
    psp = FakePsp()

    created = await psp.create_payment(_REQUEST)
    confirmed = psp.confirm(created.psp_reference)
    captured = await psp.capture_payment(_capture(Money(5, "EUR")))

    assert created.next_action is not None
    assert created.next_action.kind is NextActionKind.CONFIRM
    assert (created.status, confirmed.status, captured.status) == (
        PspStatus.AWAITING_CUSTOMER,
        PspStatus.AUTHORIZED,
        PspStatus.CAPTURED,
    )
    assert (captured.authorized_minor, captured.captured_minor) == (_FULL, 5)
    assert await psp.retrieve_payment(created.psp_reference) == captured


async def test_the_same_key_acts_once() -> None:
    """The stored answer comes again; with other parameters the key is refused."""
    psp = FakePsp()
    first = await psp.create_payment(_REQUEST)

    assert await psp.create_payment(_REQUEST) == first
    assert list(psp.payments) == [first.psp_reference]
    with pytest.raises(RejectedError):
        await psp.create_customer(_PROFILE, _REQUEST.idempotency_key)


async def test_an_error_after_acting_is_made_good_by_the_same_key() -> None:
    """The work was done; whoever sends the same again hears of it."""
    psp = FakePsp()
    psp.fail("create_customer", OutcomeUnknownError("stripe_eu", "no answer"), acted=True)
    with pytest.raises(OutcomeUnknownError):
        await psp.create_customer(_PROFILE, "key-1")

    assert await psp.create_customer(_PROFILE, "key-1") == "cus_stripe_eu_1"
    assert len(psp.customers) == 1
    assert [call.key for call in psp.calls_of("create_customer")] == ["key-1", "key-1"]


async def test_a_held_call_acts_when_its_gate_is_opened() -> None:
    """Not before, so a test can look at what is true meanwhile."""
    psp = FakePsp()
    gate = psp.hold("create_customer")
    running = asyncio.create_task(psp.create_customer(_PROFILE, "key-1"))
    await gate.reached()
    before = dict(psp.customers)

    gate.open()

    assert before == {}
    assert await running == "cus_stripe_eu_1"


async def test_what_it_does_not_know_is_not_found() -> None:
    """Customers and payments alike."""
    psp = FakePsp()

    with pytest.raises(NotFoundError):
        await psp.retrieve_payment("pi_1")
    with pytest.raises(NotFoundError):
        await psp.list_aliases("cus_1")


async def test_what_the_state_does_not_allow_is_refused() -> None:
    """No capture before the authorisation, none above it, no cancel after it."""
    psp = FakePsp()
    created = await psp.create_payment(_REQUEST)
    with pytest.raises(RejectedError):
        await psp.capture_payment(_capture(key="early"))
    psp.confirm(created.psp_reference)
    with pytest.raises(RejectedError):
        await psp.capture_payment(_capture(Money(_FULL + 1, "EUR"), key="much"))
    await psp.capture_payment(_capture())

    with pytest.raises(RejectedError):
        await psp.cancel_payment(CancelPayment(created.psp_reference, "late"))


async def test_a_payment_is_found_by_our_reference_inside_the_window() -> None:
    """Outside of it the list does not hold it."""
    psp = FakePsp(clock=lambda: NOW)
    created = await psp.create_payment(_REQUEST)
    second = timedelta(seconds=1)

    assert await psp.find_payment("pay_1", NOW - second, NOW + second) == created
    assert await psp.find_payment("pay_1", NOW + second, NOW + 2 * second) is None
    assert await psp.find_payment("pay_2", NOW - second, NOW + second) is None


async def test_a_webhook_is_read_only_if_it_is_signed() -> None:
    """It names the payment by the PSP's reference and by ours."""
    psp = FakePsp(clock=lambda: NOW)
    created = await psp.create_payment(_REQUEST)
    headers, body = psp.webhook(created.psp_reference, event_id="evt_7")

    event = psp.parse_event(headers, body)

    assert (event.event_id, event.psp_reference, event.payment_id, event.occurred_time) == (
        "evt_7",
        created.psp_reference,
        "pay_1",
        NOW,
    )
    with pytest.raises(InvalidEventError):
        psp.parse_event({}, body)


async def test_declines_and_reviews_come_by_the_tests_word() -> None:
    """A decline leaves the shopper another try, a review is a dimension of its own."""
    psp = FakePsp()
    created = await psp.create_payment(_REQUEST)

    declined = psp.decline(created.psp_reference)
    reviewed = psp.review(created.psp_reference, ReviewStatus.OPEN)

    assert (declined.status, declined.failure) == (PspStatus.AWAITING_CUSTOMER, DECLINED)
    assert reviewed.review is ReviewStatus.OPEN


async def test_an_alias_is_made_default_and_deleted() -> None:
    """One default a customer; deleting what is gone is done; another's alias is refused."""
    psp = FakePsp()
    customer = await psp.create_customer(_PROFILE, "key-1")
    psp.add_alias(customer, "pm_1", is_default=True)
    psp.add_alias(customer, "pm_2")

    await psp.set_default_alias(customer, "pm_2", "key-2")
    assert [each.is_default for each in await psp.list_aliases(customer)] == [False, True]
    for key in ("key-3", "key-4"):
        await psp.delete_alias(customer, "pm_2", key)

    assert [each.psp_alias for each in await psp.list_aliases(customer)] == ["pm_1"]
    with pytest.raises(RejectedError):
        await psp.set_default_alias(customer, "pm_2", "key-5")


async def test_a_setup_is_one_for_its_key() -> None:
    """Sent again it is the same; nobody can save for an unknown customer."""
    psp = FakePsp()
    customer = await psp.create_customer(_PROFILE, "key-1")

    first = await psp.start_alias_setup(customer, PaymentMethod.CARD, "", "key-2")

    assert await psp.start_alias_setup(customer, PaymentMethod.CARD, "", "key-2") == first
    with pytest.raises(NotFoundError):
        await psp.start_alias_setup("cus_x", PaymentMethod.CARD, "", "key-3")


async def test_refunds_add_up_to_the_capture_and_no_further() -> None:
    """The payment's sum follows, the list is in order, and what is refused moves nothing."""
    psp = FakePsp()
    captured = await _captured(psp)

    first = await psp.refund_payment(_refund(5))
    second = await psp.refund_payment(_refund(_FULL - 5, "key-4"))
    with pytest.raises(RejectedError):
        await psp.refund_payment(_refund(1, "key-5"))

    assert (first.status, first.refund_id) == (RefundStatus.SUCCEEDED, "ref-key-3")
    assert await psp.list_refunds(captured.psp_reference) == (first, second)
    refunded = await psp.retrieve_payment(captured.psp_reference)
    assert (refunded.status, refunded.refunded_minor) == (PspStatus.CAPTURED, _FULL)


async def test_only_a_captured_payment_is_refunded() -> None:
    """An authorisation is canceled instead; an unknown payment is not found."""
    psp = FakePsp()
    created = await psp.create_payment(_REQUEST)
    psp.confirm(created.psp_reference)

    with pytest.raises(RejectedError):
        await psp.refund_payment(_refund(5))
    with pytest.raises(NotFoundError):
        await psp.list_refunds("pi_9")


async def test_the_same_refund_under_its_key_happens_once() -> None:
    """Also where the first answer was lost."""
    psp = FakePsp()
    captured = await _captured(psp)
    psp.fail("refund_payment", OutcomeUnknownError("stripe_eu", "no answer"), acted=True)
    with pytest.raises(OutcomeUnknownError):
        await psp.refund_payment(_refund(5))

    again = await psp.refund_payment(_refund(5))

    assert await psp.list_refunds(captured.psp_reference) == (again,)


async def test_without_references_the_known_refunds_tell_a_new_one_from_a_repeated_one() -> None:
    """An equal refund that is not known is the same one; one that is known is another."""
    psp = FakePsp(keeps_refund_ids=False, idempotency_lifetime_s=0)
    captured = await _captured(psp)

    first = await psp.refund_payment(_refund(5))
    again = await psp.refund_payment(_refund(5, "key-4"))
    other = await psp.refund_payment(_refund(5, "key-5", frozenset({first.psp_reference})))

    assert again == first
    assert other.psp_reference != first.psp_reference
    assert {each.refund_id for each in await psp.list_refunds(captured.psp_reference)} == {""}


async def test_a_refund_settles_or_fails_by_the_tests_word() -> None:
    """Pending, then succeeded, then failed after all: the payment counts it until it fails."""
    psp = FakePsp(refund_status=RefundStatus.PENDING)
    captured = await _captured(psp)

    async def refunded_minor() -> int:
        return (await psp.retrieve_payment(captured.psp_reference)).refunded_minor

    pending = await psp.refund_payment(_refund(5))
    assert (pending.status, await refunded_minor()) == (RefundStatus.PENDING, 5)
    settled = psp.settle_refund(pending.psp_reference)
    assert (settled.status, await refunded_minor()) == (RefundStatus.SUCCEEDED, 5)
    failed = psp.fail_refund(pending.psp_reference)
    assert (failed.failure, await refunded_minor()) == (REFUND_FAILED, 0)
    assert await psp.list_refunds(captured.psp_reference) == (failed,)


async def test_a_refund_can_fail_at_once() -> None:
    """It is listed with its reason, and the payment never counted it."""
    psp = FakePsp(refund_status=RefundStatus.FAILED)
    captured = await _captured(psp)

    refund = await psp.refund_payment(_refund(5))

    assert (refund.status, refund.failure) == (RefundStatus.FAILED, REFUND_FAILED)
    assert (await psp.retrieve_payment(captured.psp_reference)).refunded_minor == 0


async def test_a_review_is_read_when_the_payment_names_it_no_more() -> None:
    """By its own reference, which stays the same when it closes."""
    psp = FakePsp()
    created = await psp.create_payment(_REQUEST)
    opened = psp.review(created.psp_reference, ReviewStatus.OPEN)
    closed = psp.review(created.psp_reference, ReviewStatus.APPROVED)
    psp.change(created.psp_reference, review=ReviewStatus.NONE, review_reference="")

    assert opened.review_reference == closed.review_reference != ""
    assert await psp.retrieve_review(opened.review_reference) is ReviewStatus.APPROVED
    with pytest.raises(NotFoundError):
        await psp.retrieve_review("prv_9")


async def test_events_are_listed_from_a_moment_on() -> None:
    """The oldest first, each as its webhook says it, whether that was delivered or not."""
    moments = [NOW + timedelta(seconds=1), NOW, NOW - timedelta(seconds=1)]
    psp = FakePsp(clock=lambda: moments[0])
    created = await psp.create_payment(_REQUEST)
    told = {}
    for event_id in ("evt_late", "evt_on_time", "evt_early"):
        told[event_id] = psp.parse_event(*psp.webhook(created.psp_reference, event_id=event_id))
        del moments[0]

    listed = [event async for event in psp.list_events(NOW)]

    assert listed == [told["evt_on_time"], told["evt_late"]]
