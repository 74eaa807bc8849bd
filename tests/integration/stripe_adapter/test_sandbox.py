"""The adapter against the sandbox: what the port promises, over a Stripe that keeps books."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from pydantic import SecretStr

from psp.errors import (
    InvalidEventError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
)
from psp.money import Money
from psp.port import (
    CancelPayment,
    CapturePayment,
    CapturePolicy,
    CustomerProfile,
    FailureCategory,
    NextActionKind,
    PaymentMethod,
    PspPayment,
    PspStatus,
    ReviewStatus,
)
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox, running_sandbox
from tests.integration.stripe_sandbox.support import Receiver, running_receiver
from tests.unit.psp.stripe.support import account_config, create_request

_EUR = "EUR"
_SECRET = "whsec_one"  # the first of account_config's


@pytest.fixture
def provider(hasty: StripeProvider) -> StripeProvider:
    """Return an adapter that gives up at the first failure: what follows is the test's."""
    return hasty


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return somebody who takes webhooks."""
    async with running_receiver() as running:
        yield running


def _secret(payment: PspPayment) -> str:
    assert payment.next_action is not None
    return payment.next_action.client_secret


async def _authorised(
    provider: StripeProvider, sandbox: StripeSandbox, method: str = "pm_card_visa"
) -> PspPayment:
    created = await provider.create_payment(create_request())
    sandbox.browser_confirm(_secret(created), method)
    return await provider.retrieve_payment(created.psp_reference)


def _capture(payment: PspPayment, amount_minor: int, key: str = "capture-1") -> CapturePayment:
    return CapturePayment(payment.psp_reference, Money(amount_minor, _EUR), key)


def _taken(sandbox: StripeSandbox) -> object:
    return sandbox.books()[0]["taken"]


async def test_a_payment_waits_for_its_shopper(provider: StripeProvider) -> None:
    """A created payment is to be confirmed by the page, with nothing authorised."""
    payment = await provider.create_payment(create_request())

    assert payment.next_action is not None
    assert (payment.status, payment.next_action.kind, payment.authorized_minor) == (
        PspStatus.AWAITING_CUSTOMER,
        NextActionKind.CONFIRM,
        0,
    )
    assert payment.payment_id == "pay_1"


@pytest.mark.parametrize("captured", [1234, 1000])
async def test_authorise_and_capture(
    provider: StripeProvider, sandbox: StripeSandbox, captured: int
) -> None:
    """What is captured is taken; the released rest is no refund."""
    payment = await _authorised(provider, sandbox)
    assert (payment.status, payment.authorized_minor) == (PspStatus.AUTHORIZED, 1234)
    assert payment.capture_before is not None
    assert payment.capture_before - datetime.now(UTC) > timedelta(days=6, hours=23)

    done = await provider.capture_payment(_capture(payment, captured))

    assert (done.status, done.authorized_minor, done.captured_minor, done.refunded_minor) == (
        PspStatus.CAPTURED,
        1234,
        captured,
        0,
    )
    assert _taken(sandbox) == {"eur": captured}


async def test_automatic_capture(provider: StripeProvider, sandbox: StripeSandbox) -> None:
    """With the automatic policy confirming takes the money."""
    created = await provider.create_payment(create_request(capture_policy=CapturePolicy.AUTOMATIC))
    sandbox.browser_confirm(_secret(created), "pm_card_visa")

    payment = await provider.retrieve_payment(created.psp_reference)

    assert (payment.status, payment.captured_minor) == (PspStatus.CAPTURED, 1234)


async def test_a_capture_above_the_rest_is_refused(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """And takes nothing."""
    payment = await _authorised(provider, sandbox)

    with pytest.raises(RejectedError) as refused:
        await provider.capture_payment(_capture(payment, 1235))

    assert (refused.value.code, _taken(sandbox)) == ("amount_too_large", {"eur": 0})


async def test_the_same_capture_again_is_done(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """Under a lapsed key the refusal of the second is the echo of the first; another sum is not."""
    payment = await _authorised(provider, sandbox)
    await provider.capture_payment(_capture(payment, 1000))

    again = await provider.capture_payment(_capture(payment, 1000, "capture-2"))
    with pytest.raises(RejectedError):
        await provider.capture_payment(_capture(payment, 234, "capture-3"))

    assert (again.captured_minor, _taken(sandbox)) == (1000, {"eur": 1000})


async def test_cancel_releases(provider: StripeProvider, sandbox: StripeSandbox) -> None:
    """A canceled authorisation took nothing and refunded nothing; canceling again is done."""
    payment = await _authorised(provider, sandbox)

    canceled = await provider.cancel_payment(CancelPayment(payment.psp_reference, "cancel-1"))
    again = await provider.cancel_payment(CancelPayment(payment.psp_reference, "cancel-2"))

    assert canceled == again
    assert (canceled.status, canceled.captured_minor, canceled.refunded_minor) == (
        PspStatus.CANCELED,
        0,
        0,
    )
    with pytest.raises(RejectedError):
        await provider.capture_payment(_capture(payment, 1234))


async def test_an_expired_authorisation_is_canceled(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """Stripe cancels by itself, which is told as expiry."""
    payment = await _authorised(provider, sandbox)
    sandbox.advance_clock(7 * 86_400)

    lapsed = await provider.retrieve_payment(payment.psp_reference)

    assert lapsed.failure is not None
    assert (lapsed.status, lapsed.failure.category) == (
        PspStatus.CANCELED,
        FailureCategory.EXPIRED,
    )


@pytest.mark.parametrize(
    "outcome, status, category",
    [
        ("succeed", PspStatus.AUTHORIZED, None),
        ("fail", PspStatus.AWAITING_CUSTOMER, FailureCategory.AUTHENTICATION_FAILED),
    ],
)
async def test_three_d_secure(
    provider: StripeProvider,
    sandbox: StripeSandbox,
    outcome: str,
    status: PspStatus,
    category: FailureCategory | None,
) -> None:
    """The page authenticates; how that ends is told."""
    asked = await _authorised(provider, sandbox, "pm_card_authenticationRequired")
    assert asked.next_action is not None
    assert asked.next_action.kind is NextActionKind.AUTHENTICATE

    sandbox.browser_authenticate(_secret(asked), outcome)

    payment = await provider.retrieve_payment(asked.psp_reference)
    assert payment.status is status
    assert (payment.failure.category if payment.failure else None) is category


@pytest.mark.parametrize(
    "method, category",
    [
        ("pm_card_visa_chargeDeclined", FailureCategory.DECLINED),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", FailureCategory.INSUFFICIENT_FUNDS),
        ("pm_card_chargeDeclinedExpiredCard", FailureCategory.EXPIRED_CARD),
        ("pm_card_chargeDeclinedIncorrectCvc", FailureCategory.INCORRECT_DATA),
        ("pm_card_chargeDeclinedProcessingError", FailureCategory.PROCESSING_ERROR),
        ("pm_card_radarBlock", FailureCategory.FRAUD_SUSPECTED),
        ("pm_card_authenticationRequired", FailureCategory.AUTHENTICATION_FAILED),
    ],
)
async def test_a_declined_alias_is_a_result(
    provider: StripeProvider, method: str, category: FailureCategory
) -> None:
    """A charge without the shopper that fails says why, and the same key says so again."""
    request = create_request(psp_alias=method, shopper_present=False)

    payment = await provider.create_payment(request)

    assert payment.failure is not None
    assert (payment.status, payment.failure.category, payment.captured_minor) == (
        PspStatus.AWAITING_CUSTOMER,
        category,
        0,
    )
    assert (await provider.create_payment(request)) == payment


async def test_what_a_profile_leaves_empty_is_emptied(
    sandbox: StripeSandbox, provider: StripeProvider, session: aiohttp.ClientSession
) -> None:
    """A telephone that the shopper took away does not stay at Stripe."""
    full = CustomerProfile("shopper-1", "ada@example.com", "Ada", "+331234", "FR", "fr-FR")
    customer = await provider.create_customer(full, "customer-1")

    await provider.update_customer(customer, CustomerProfile("shopper-1", name="Ada"), "customer-2")

    headers = {"Authorization": "Bearer sk_test_adapter"}
    async with session.get(f"{sandbox.address}/v1/customers/{customer}", headers=headers) as told:
        kept = await told.json()
    assert (kept["name"], kept["email"], kept["phone"]) == ("Ada", None, None)


async def test_aliases_are_saved_listed_and_charged(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """What a shopper saves with a payment can be shown and charged, for that shopper only."""
    profile = CustomerProfile("shopper-1", "ada@example.com", "Ada", "+331234", "FR", "fr-FR")
    customer = await provider.create_customer(profile, "customer-1")
    await provider.update_customer(customer, profile, "customer-2")
    stranger = await provider.create_customer(CustomerProfile("shopper-2"), "customer-3")
    created = await provider.create_payment(create_request(psp_customer=customer, save_alias=True))
    sandbox.browser_confirm(_secret(created), "pm_card_visa")

    (alias,) = await provider.list_aliases(customer)
    charged = await provider.create_payment(
        create_request(
            payment_id="pay_2",
            idempotency_key="key-2",
            psp_customer=customer,
            psp_alias=alias.psp_alias,
            shopper_present=False,
        )
    )

    assert (alias.method, alias.brand, alias.last4, alias.is_default) == (
        PaymentMethod.CARD,
        "visa",
        "4242",
        False,
    )
    assert (charged.status, charged.authorized_minor) == (PspStatus.AUTHORIZED, 1234)
    assert await provider.list_aliases(stranger) == ()
    with pytest.raises(RejectedError):
        await provider.create_payment(
            create_request(
                idempotency_key="key-3", psp_customer=stranger, psp_alias=alias.psp_alias
            )
        )


@pytest.mark.parametrize("decision", ["approve", "cancel"])
async def test_paypal(provider: StripeProvider, sandbox: StripeSandbox, decision: str) -> None:
    """The shopper is redirected, decides, and may be remembered."""
    customer = await provider.create_customer(CustomerProfile("shopper-1"), "customer-1")
    created = await provider.create_payment(
        create_request(
            method=PaymentMethod.PAYPAL,
            return_url="https://shop.example/return",
            psp_customer=customer,
            save_alias=True,
        )
    )
    assert created.next_action is not None
    assert (created.next_action.kind, created.next_action.url) == (
        NextActionKind.REDIRECT,
        f"{sandbox.address}/_sandbox/paypal/{created.psp_reference}",
    )

    sandbox.paypal(created.psp_reference, decision)

    payment = await provider.retrieve_payment(created.psp_reference)
    aliases = await provider.list_aliases(customer)
    if decision == "cancel":
        assert payment.failure is not None
        assert payment.failure.category is FailureCategory.ABANDONED
        assert aliases == ()
        return
    assert payment.status is PspStatus.AUTHORIZED
    assert payment.capture_before is not None
    assert payment.capture_before - datetime.now(UTC) > timedelta(days=9, hours=23)
    assert [(alias.method, alias.label) for alias in aliases] == [
        (PaymentMethod.PAYPAL, "s***@example.com")
    ]


async def test_a_review_holds_and_lets_go(provider: StripeProvider, sandbox: StripeSandbox) -> None:
    """Open until somebody decides."""
    reviewed = await _authorised(provider, sandbox, "pm_card_riskLevelElevated")
    assert reviewed.review is ReviewStatus.OPEN

    (books,) = sandbox.books()
    assert isinstance(books["open_reviews"], list)
    sandbox.close_review(books["open_reviews"][0], "approved")
    assert (await provider.retrieve_payment(reviewed.psp_reference)).review is (
        ReviewStatus.APPROVED
    )

    sandbox.close_review(sandbox.open_review(reviewed.psp_reference), "refunded_as_fraud")
    assert (await provider.retrieve_payment(reviewed.psp_reference)).review is (
        ReviewStatus.REJECTED
    )


async def test_a_payment_is_found_by_our_reference(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """Over more than one page, inside the window only, and none is none."""
    now = datetime.now(UTC)
    for number in range(103):
        await provider.create_payment(
            create_request(payment_id=f"pay_{number}", idempotency_key=f"key-{number}")
        )
    around = (now - timedelta(minutes=1), now + timedelta(minutes=5))

    oldest = await provider.find_payment("pay_0", *around)

    assert oldest is not None
    assert oldest.payment_id == "pay_0"
    assert await provider.find_payment("pay_unknown", *around) is None
    day = timedelta(days=1)
    assert await provider.find_payment("pay_0", around[0] - day, around[1] - day) is None


async def test_an_unknown_status_stays_unknown(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """It is told as it is spelt, and decides nothing."""
    payment = await _authorised(provider, sandbox)
    sandbox.force_status(payment.psp_reference, "requires_reauthorization")

    read = await provider.retrieve_payment(payment.psp_reference)

    assert (read.status, read.raw_status) == (PspStatus.UNKNOWN, "requires_reauthorization")


async def test_an_unknown_payment_is_not_found(provider: StripeProvider) -> None:
    """404 is its own error."""
    with pytest.raises(NotFoundError):
        await provider.retrieve_payment("pi_unknown")


Mutation = Callable[[StripeProvider, PspPayment], Awaitable[PspPayment]]
_MUTATIONS: dict[str, Mutation] = {
    "create": lambda provider, _payment: provider.create_payment(
        create_request(psp_alias="pm_card_visa", idempotency_key="key-2")
    ),
    "capture": lambda provider, payment: provider.capture_payment(_capture(payment, 1000)),
    "cancel": lambda provider, payment: provider.cancel_payment(
        CancelPayment(payment.psp_reference, "cancel-1")
    ),
}


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "error_forgotten", "error_before"])
@pytest.mark.parametrize("mutation", sorted(_MUTATIONS))
async def test_no_answer_then_the_same_key(
    provider: StripeProvider, sandbox: StripeSandbox, mutation: str, fault: str
) -> None:
    """Without an answer the outcome is unknown; the same key tells it, and acts at most once."""
    payment = await _authorised(provider, sandbox)
    mutate = _MUTATIONS[mutation]
    sandbox.inject(fault, method="POST")
    with pytest.raises(OutcomeUnknownError):
        await mutate(provider, payment)
    before = sandbox.books()[0]["events"]

    settled = await mutate(provider, payment)
    again = await mutate(provider, payment)

    assert settled == again
    if fault in {"drop_after", "error_forgotten"}:
        assert sandbox.books()[0]["events"] == before
    payments = sandbox.books()[0]["payment_intents"]
    assert isinstance(payments, list)
    assert len(payments) == (2 if mutation == "create" else 1)
    assert payments[0]["captures"] == (1 if mutation == "capture" else 0)


async def test_a_500_kept_for_ever_is_settled_by_asking(
    provider: StripeProvider, sandbox: StripeSandbox
) -> None:
    """The key may hold a 500 although Stripe acted: then our reference finds the payment."""
    sandbox.inject("error_after")
    request = create_request()
    for _ in range(2):
        with pytest.raises(OutcomeUnknownError):
            await provider.create_payment(request)

    now = datetime.now(UTC)
    minute = timedelta(minutes=1)
    found = await provider.find_payment(request.payment_id, now - minute, now + minute)

    assert found is not None
    assert found.status is PspStatus.AWAITING_CUSTOMER


@pytest.mark.parametrize(
    "fault", ["drop_after", "drop_before", "error_before", "key_in_use", "rate_limited"]
)
async def test_the_adapter_repeats_by_itself(
    patient: StripeProvider, sandbox: StripeSandbox, fault: str
) -> None:
    """A passing fault is not even noticed, and one payment is made."""
    sandbox.inject(fault, retry_after_s=0)

    await patient.create_payment(create_request())

    payments = sandbox.books()[0]["payment_intents"]
    assert isinstance(payments, list)
    assert len(payments) == 1


@pytest.mark.parametrize(
    "fault, error",
    [
        ("rate_limited", RateLimitedError),
        ("lock_timeout", RateLimitedError),
        ("key_in_use", OutcomeUnknownError),
    ],
)
async def test_refusals_for_now(
    provider: StripeProvider, sandbox: StripeSandbox, fault: str, error: type[PspError]
) -> None:
    """Limits are told with their pause; a key in use leaves the outcome open."""
    sandbox.inject(fault, retry_after_s=7)

    with pytest.raises(error) as refused:
        await provider.create_payment(create_request())

    if fault == "rate_limited":
        assert isinstance(refused.value, RateLimitedError)
        assert refused.value.retry_after_s == 7


async def test_a_sandbox_that_is_gone_was_not_reached(session: aiohttp.ClientSession) -> None:
    """Nothing was sent where nobody listens."""
    async with running_sandbox() as stopped:
        address = stopped.address
    config = account_config(api_base=address, max_network_retries=0)

    with pytest.raises(NotSentError):
        await StripeProvider("stripe_fr", config, session).create_payment(create_request())


async def test_a_timeout_leaves_the_outcome_open(
    sandbox: StripeSandbox, session: aiohttp.ClientSession
) -> None:
    """Stripe acts while we have given up; the same key then answers with what it did."""
    config = account_config(
        api_base=sandbox.address, max_network_retries=0, read_timeout_s=0.1, total_timeout_s=0.2
    )
    hasty = StripeProvider("stripe_fr", config, session)
    sandbox.inject("delay_after", delay_s=0.3)
    request = create_request()
    with pytest.raises(OutcomeUnknownError):
        await hasty.create_payment(request)

    patient = StripeProvider(
        "stripe_fr", account_config(api_base=sandbox.address, max_network_retries=5), session
    )
    payment = await patient.create_payment(request)

    (books,) = sandbox.books()
    assert isinstance(books["payment_intents"], list)
    assert [entry["id"] for entry in books["payment_intents"]] == [payment.psp_reference]


async def test_webhooks_are_verified_and_reduced(
    provider: StripeProvider, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """Each event names its payment and our reference; a forged one is refused."""
    sandbox.register_webhook(receiver.url, _SECRET)
    payment = await _authorised(provider, sandbox, "pm_card_riskLevelElevated")
    await sandbox.settle()

    events = [
        provider.parse_event({"Stripe-Signature": header}, body)
        for body, header in receiver.requests
    ]

    assert [event.event_type for event in events] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "review.opened",
    ]
    assert {event.psp_reference for event in events} == {payment.psp_reference}
    assert [event.payment_id for event in events] == ["pay_1", "pay_1", "pay_1", ""]
    body, header = receiver.requests[0]
    with pytest.raises(InvalidEventError):
        provider.parse_event({"Stripe-Signature": header}, body.replace(b"1234", b"9234"))


async def test_webhooks_of_a_rolled_secret_pass(
    sandbox: StripeSandbox, session: aiohttp.ClientSession, receiver: Receiver
) -> None:
    """An adapter that knows only the new secret accepts what both signed."""
    endpoint = sandbox.register_webhook(receiver.url, "whsec_old")
    sandbox.roll_secret(endpoint, "whsec_new")
    config = account_config(api_base=sandbox.address, webhook_secrets=(SecretStr("whsec_new"),))
    provider = StripeProvider("stripe_fr", config, session)

    await provider.create_payment(create_request())
    await sandbox.settle()

    ((body, header),) = receiver.requests
    event = provider.parse_event({"Stripe-Signature": header}, body)
    assert event.event_type == "payment_intent.created"
