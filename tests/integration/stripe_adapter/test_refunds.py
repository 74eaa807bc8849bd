"""Refunds through the adapter, over a Stripe that keeps books."""

from __future__ import annotations

import pytest

from psp.errors import NotFoundError, OutcomeUnknownError, RejectedError, UnavailableError
from psp.money import Money
from psp.port import (
    CapturePayment,
    CapturePolicy,
    FailureCategory,
    PspPayment,
    PspRefund,
    RefundPayment,
    RefundStatus,
)
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.stripe.support import JsonDict, create_request, refund, refund_request

_DAY_S = 86_400


async def _paid(
    provider: StripeProvider,
    sandbox: StripeSandbox,
    method: str = "pm_card_visa",
    policy: CapturePolicy = CapturePolicy.AUTOMATIC,
) -> PspPayment:
    created = await provider.create_payment(create_request(capture_policy=policy))
    assert created.next_action is not None
    sandbox.browser_confirm(created.next_action.client_secret, method)
    return await provider.retrieve_payment(created.psp_reference)


def _wish(payment: PspPayment, amount_minor: int = 500, number: int = 1) -> RefundPayment:
    return refund_request(
        refund_id=f"ref_{number}",
        psp_reference=payment.psp_reference,
        amount=Money(amount_minor, "EUR"),
        idempotency_key=f"refund-{number}",
    )


async def _refunded(provider: StripeProvider, payment: PspPayment) -> int:
    return (await provider.retrieve_payment(payment.psp_reference)).refunded_minor


def _booked(sandbox: StripeSandbox) -> JsonDict:
    payments = sandbox.books()[0]["payment_intents"]
    assert isinstance(payments, list)
    booked: JsonDict = payments[0]
    return booked


async def test_a_card_is_refunded_at_once(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """The answer, the list and the payment's sum agree, and the list knows our reference."""
    payment = await _paid(hasty, sandbox)

    made = await hasty.refund_payment(_wish(payment))

    assert made == PspRefund(
        psp_reference=made.psp_reference,
        payment_reference=payment.psp_reference,
        status=RefundStatus.SUCCEEDED,
        raw_status="succeeded",
        currency="EUR",
        amount_minor=500,
        refund_id="ref_1",
    )
    assert await hasty.list_refunds(payment.psp_reference) == (made,)
    assert (await _refunded(hasty, payment), _booked(sandbox)["refunded"]) == (500, 500)


async def test_parts_up_to_the_whole(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """Several refunds, listed the oldest first; one more is refused and changes nothing."""
    payment = await _paid(hasty, sandbox)
    for number, amount in enumerate((500, 700, 34)):
        await hasty.refund_payment(_wish(payment, amount, number))

    with pytest.raises(RejectedError) as refused:
        await hasty.refund_payment(_wish(payment, 1, 9))

    listed = await hasty.list_refunds(payment.psp_reference)
    assert [(made.refund_id, made.amount_minor) for made in listed] == [
        ("ref_0", 500),
        ("ref_1", 700),
        ("ref_2", 34),
    ]
    assert refused.value.code == "charge_already_refunded"
    assert await _refunded(hasty, payment) == 1234


async def test_more_than_is_left_is_refused(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """Over-refund is told as a wrong amount, and what was released counts as not there."""
    payment = await _paid(hasty, sandbox)
    await hasty.refund_payment(_wish(payment, 1000))

    with pytest.raises(RejectedError) as refused:
        await hasty.refund_payment(_wish(payment, 235, 2))

    assert (refused.value.code, await _refunded(hasty, payment)) == ("amount_invalid", 1000)


@pytest.mark.parametrize(
    "method, policy, code",
    [
        ("pm_card_visa", CapturePolicy.AT_ORDER, "not_refundable"),
        ("pm_card_createDispute", CapturePolicy.AUTOMATIC, "charge_disputed"),
    ],
)
async def test_what_cannot_be_refunded_is_refused(
    hasty: StripeProvider, sandbox: StripeSandbox, method: str, policy: CapturePolicy, code: str
) -> None:
    """What was not captured is canceled instead; what is disputed is fought over elsewhere."""
    payment = await _paid(hasty, sandbox, method, policy)

    with pytest.raises(RejectedError) as refused:
        await hasty.refund_payment(_wish(payment))

    assert refused.value.code == code
    assert await hasty.list_refunds(payment.psp_reference) == ()


async def test_a_payment_nobody_paid_is_not_refunded(hasty: StripeProvider) -> None:
    """Nor one that does not exist; neither is a refund to be found of it."""
    created = await hasty.create_payment(create_request())

    with pytest.raises(RejectedError) as refused:
        await hasty.refund_payment(_wish(created))
    with pytest.raises(NotFoundError):
        await hasty.refund_payment(refund_request(psp_reference="pi_unknown", idempotency_key="k"))
    with pytest.raises(NotFoundError):
        await hasty.list_refunds("pi_unknown")

    assert refused.value.code == "not_refundable"


async def test_a_pending_refund_succeeds_later(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """Pending without an obstacle, on its way already in the payment's sum."""
    payment = await _paid(hasty, sandbox, "pm_card_pendingRefund")

    made = await hasty.refund_payment(_wish(payment))
    on_its_way = await _refunded(hasty, payment)
    sandbox.advance_clock(_DAY_S)

    (later,) = await hasty.list_refunds(payment.psp_reference)
    assert (made.status, made.failure, on_its_way) == (RefundStatus.PENDING, None, 500)
    assert (later.status, later.psp_reference) == (RefundStatus.SUCCEEDED, made.psp_reference)


async def test_a_refund_fails_later(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """Succeeded is not the end: the reason is told, and the money is there to refund again."""
    payment = await _paid(hasty, sandbox, "pm_card_refundFail")
    made = await hasty.refund_payment(_wish(payment, 1234))

    sandbox.advance_clock(_DAY_S)

    (failed,) = await hasty.list_refunds(payment.psp_reference)
    assert failed.failure is not None
    assert (made.status, failed.status) == (RefundStatus.SUCCEEDED, RefundStatus.FAILED)
    assert failed.failure.category is FailureCategory.EXPIRED_CARD
    assert await _refunded(hasty, payment) == 0
    again = await hasty.refund_payment(_wish(payment, 1234, 2))
    assert again.status is RefundStatus.SUCCEEDED


async def test_a_balance_too_low_keeps_a_refund(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """It waits, says for what, and goes on by itself."""
    payment = await _paid(hasty, sandbox)
    sandbox.set_circumstances(balance_too_low=True)

    made = await hasty.refund_payment(_wish(payment))
    sandbox.set_circumstances(balance_too_low=False)

    (later,) = await hasty.list_refunds(payment.psp_reference)
    assert made.failure is not None
    assert (made.status, made.failure.code) == (RefundStatus.PENDING, "insufficient_funds")
    assert (later.status, later.failure) == (RefundStatus.SUCCEEDED, None)


@pytest.mark.parametrize(
    "status, expected, refunded",
    [
        ("requires_action", RefundStatus.REQUIRES_ACTION, 500),
        ("canceled", RefundStatus.FAILED, 0),
        ("brand_new", RefundStatus.UNKNOWN, 500),
    ],
)
async def test_other_statuses(
    hasty: StripeProvider,
    sandbox: StripeSandbox,
    status: str,
    expected: RefundStatus,
    refunded: int,
) -> None:
    """A canceled refund came back; one in a status yet to come is unknown, and not failed."""
    payment = await _paid(hasty, sandbox)
    made = await hasty.refund_payment(_wish(payment))

    sandbox.force_refund(made.psp_reference, status)

    (later,) = await hasty.list_refunds(payment.psp_reference)
    assert (later.status, later.raw_status) == (expected, status)
    assert await _refunded(hasty, payment) == refunded


async def test_a_part_of_a_partly_captured_payment(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """What was released is neither refunded nor refundable."""
    payment = await _paid(hasty, sandbox, policy=CapturePolicy.MANUAL)
    await hasty.capture_payment(
        CapturePayment(payment.psp_reference, Money(1000, "EUR"), "capture-1")
    )

    with pytest.raises(RejectedError):
        await hasty.refund_payment(_wish(payment, 1001))
    await hasty.refund_payment(_wish(payment, 1000, 2))

    assert await _refunded(hasty, payment) == 1000
    assert sandbox.books()[0]["taken"] == {"eur": 0}


async def test_the_same_key_refunds_once(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """Sent again it is the same refund; for another sum the key decides nothing."""
    payment = await _paid(hasty, sandbox)

    first = await hasty.refund_payment(_wish(payment))
    again = await hasty.refund_payment(_wish(payment))
    with pytest.raises(OutcomeUnknownError):
        await hasty.refund_payment(_wish(payment, 501))

    assert first == again
    assert await _refunded(hasty, payment) == 500


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "error_forgotten"])
async def test_an_answer_that_was_lost_is_found(
    hasty: StripeProvider, sandbox: StripeSandbox, kind: str
) -> None:
    """Stripe acted and nobody heard: the list shows it under our reference."""
    payment = await _paid(hasty, sandbox)
    sandbox.inject(kind, method="POST", path_prefix="/v1/refunds")

    with pytest.raises(OutcomeUnknownError):
        await hasty.refund_payment(_wish(payment))

    (found,) = await hasty.list_refunds(payment.psp_reference)
    assert (found.refund_id, found.status) == ("ref_1", RefundStatus.SUCCEEDED)


@pytest.mark.parametrize("kind", ["drop_before", "error_before"])
async def test_what_never_happened_is_not_found(
    hasty: StripeProvider, sandbox: StripeSandbox, kind: str
) -> None:
    """An empty list proves that nothing was accepted; the same key then does it."""
    payment = await _paid(hasty, sandbox)
    sandbox.inject(kind, method="POST", path_prefix="/v1/refunds")

    with pytest.raises(OutcomeUnknownError):
        await hasty.refund_payment(_wish(payment))

    assert await hasty.list_refunds(payment.psp_reference) == ()
    assert (await hasty.refund_payment(_wish(payment))).refund_id == "ref_1"
    assert await _refunded(hasty, payment) == 500


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_forgotten", "key_in_use"])
async def test_the_adapter_repeats_by_itself(
    patient: StripeProvider, sandbox: StripeSandbox, kind: str
) -> None:
    """One bad moment is repaired under the same key, and refunds once."""
    payment = await _paid(patient, sandbox)
    sandbox.inject(kind, path_prefix="/v1/refunds")

    assert (await patient.refund_payment(_wish(payment))).status is RefundStatus.SUCCEEDED
    assert await _refunded(patient, payment) == 500


async def test_the_echo_of_a_lapsed_key_is_done(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """Refused because it was done before: the refund that was made is the answer."""
    payment = await _paid(hasty, sandbox)
    first = await hasty.refund_payment(_wish(payment, 1234))
    sandbox.advance_clock(2 * _DAY_S)

    again = await hasty.refund_payment(_wish(payment, 1234))

    assert first == again
    assert len(await hasty.list_refunds(payment.psp_reference)) == 1


async def test_a_refusal_that_cannot_be_checked_is_open(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """While the list cannot be read, nobody knows whose echo the refusal is."""
    payment = await _paid(hasty, sandbox)
    sandbox.inject("error_before", method="GET", path_prefix="/v1/refunds")

    with pytest.raises(OutcomeUnknownError) as unknown:
        await hasty.refund_payment(_wish(payment, 1235))

    assert unknown.value.code == "amount_invalid"


async def test_refunds_of_others_are_shown(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """A refund by hand, or by a reviewer, has no reference of ours and counts all the same."""
    payment = await _paid(hasty, sandbox)
    sandbox.refund_by_hand(payment.psp_reference, 200)
    await hasty.refund_payment(_wish(payment, 300))
    sandbox.close_review(sandbox.open_review(payment.psp_reference), "refunded_as_fraud")

    listed = await hasty.list_refunds(payment.psp_reference)

    assert [(made.refund_id, made.amount_minor) for made in listed] == [
        ("", 200),
        ("ref_1", 300),
        ("", 734),
    ]
    assert await _refunded(hasty, payment) == 1234


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"amount": Money(0, "EUR")}, "amount_invalid"),
        ({"amount": Money(12_345, "KWD")}, "amount_invalid"),
        ({"reason": "because"}, "refund_reason_invalid"),
        ({"refund_id": ""}, "metadata_invalid"),
        ({"refund_id": "r" * 501}, "metadata_invalid"),
        ({"idempotency_key": ""}, "idempotency_key_invalid"),
        ({"psp_reference": ""}, "resource_missing"),
        ({"psp_reference": "pi_1/../pi_2"}, "resource_missing"),
    ],
)
async def test_an_impossible_refund_is_not_made(
    script: ScriptedServer, provider: StripeProvider, changes: JsonDict, code: str
) -> None:
    """A refund of nothing must not become a refund of everything."""
    script.will_answer(Answer({"object": "list", "data": [], "has_more": False}))

    with pytest.raises(RejectedError) as refused:
        await provider.refund_payment(refund_request(**changes))

    assert refused.value.code == code
    assert [asked for asked in script.asked if asked.method == "POST"] == []


async def test_what_a_refund_says_and_bears(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Payment, sum, reason and our reference, under the caller's key."""
    script.will_answer(Answer(refund()))

    await provider.refund_payment(refund_request(reason="duplicate"))

    (asked,) = script.asked
    assert (asked.method, asked.path, asked.idempotency_key) == ("POST", "/v1/refunds", "refund-1")
    assert asked.parameters == {
        "payment_intent": "pi_1",
        "amount": "500",
        "reason": "duplicate",
        "metadata[paygate_refund_id]": "ref_1",
    }


async def test_every_page_is_read_and_turned_round(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """The oldest is last at Stripe; what was never taken is left out."""
    lapsed = refund(id="re_2", reason="expired_uncaptured_charge")
    script.will_answer(
        Answer({"object": "list", "data": [refund(id="re_3"), lapsed], "has_more": True}),
        Answer({"object": "list", "data": [refund(id="re_1")], "has_more": False}),
    )

    listed = await provider.list_refunds("pi_1")

    assert [made.psp_reference for made in listed] == ["re_1", "re_3"]
    assert [asked.parameters for asked in script.asked] == [
        {"payment_intent": "pi_1", "limit": "100"},
        {"payment_intent": "pi_1", "limit": "100", "starting_after": "re_2"},
    ]


async def test_a_list_that_cannot_be_read_proves_nothing(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A refund that cannot be read is not left out: the sum would be wrong."""
    broken = refund(id="re_2", amount=None)
    script.will_answer(Answer({"object": "list", "data": [broken, refund()], "has_more": False}))

    with pytest.raises(UnavailableError):
        await provider.list_refunds("pi_1")
    with pytest.raises(NotFoundError):
        await provider.list_refunds("")

    assert len(script.asked) == 1
