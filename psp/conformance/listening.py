"""Scenarios of webhooks: named, repeated, in disorder, forged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from psp.conformance.bench import Bench, Webhook
from psp.conformance.expecting import ConformanceError, expect, expect_equal
from psp.conformance.steps import (
    AMOUNT,
    PART,
    PAYMENT_ID,
    UNKNOWN_ID,
    authorised,
    capture_of,
    captured,
    expect_captured,
    paid,
    refund_of,
    settled,
)
from psp.errors import InvalidEventError
from psp.port import CapturePolicy, PaymentServiceProvider, PspEvent, PspEventSubject

_COPIES: Final = 3
_MOMENT: Final = timedelta(minutes=1)


async def event_names_its_payment(bench: Bench) -> None:
    """A webhook names its payment by the PSP's reference, and by ours if it holds it."""
    payment = await authorised(bench)

    about = _about_payments(bench, await bench.events())

    expect("there is an event about a payment", bool(about))
    expect_equal("it is ours", {payment.psp_reference}, {event.psp_reference for event in about})
    named = {event.payment_id for event in about}
    expect("it bears our reference or none", named <= {PAYMENT_ID, ""}, named)


async def event_claims_no_other_amount(bench: Bench) -> None:
    """An event that names an amount names the payment's own, in its currency."""
    await paid(bench, policy=CapturePolicy.AUTOMATIC)

    for event in _about_payments(bench, await bench.events()):
        if event.claimed_minor is not None:
            claimed = (event.claimed_minor, event.claimed_currency)
            expect_equal("the claim is true", (AMOUNT.amount_minor, AMOUNT.currency), claimed)


async def repeated_event_is_one(bench: Bench) -> None:
    """A webhook that comes again has the same id, and no two steps share one."""
    reference = (await authorised(bench)).psp_reference
    before = _parsed(bench, await bench.events(copies=_COPIES))
    await bench.provider.capture_payment(capture_of(reference))
    await bench.settle_offline()
    after = _parsed(bench, await bench.events(copies=_COPIES))

    times = Counter(event.event_id for event in (*before, *after))
    expect_equal("each came so often", {_COPIES}, set(times.values()))
    shared = {event.event_id for event in before} & {event.event_id for event in after}
    expect_equal("the capture is told by events of its own", set(), shared)
    expect("there are some before and after", bool(before) and bool(after))


async def events_in_disorder(bench: Bench) -> None:
    """Whichever event comes first, asking about its payment gives the same truth."""
    reference = (await authorised(bench)).psp_reference
    await bench.provider.capture_payment(capture_of(reference))
    truth = await settled(bench, reference)

    about = _about_payments(bench, await bench.events(backwards=True))

    expect("more than one came", len(about) > 1, about)
    for event in about:
        asked = await bench.provider.retrieve_payment(event.psp_reference)
        expect_equal("the truth is the same", truth, asked)
    expect_captured(truth, AMOUNT.amount_minor)


async def forged_event(bench: Bench) -> None:
    """A webhook that was changed, cut, emptied or signed by another account is refused."""
    await authorised(bench)
    stranger = bench.wrong_credentials()

    for webhook in await bench.events():
        _require_refusal(stranger, webhook, "another account's event is refused")
        for body in _forgeries(webhook.body):
            forged = Webhook(webhook.headers, body)
            _require_refusal(bench.provider, forged, "a forged event is refused")
    await stranger.close()


async def refund_event_names_its_payment(bench: Bench) -> None:
    """A webhook about a refund names the refunded payment, and claims no more than it is worth."""
    payment = await captured(bench)
    await bench.events()
    refund = await bench.provider.refund_payment(refund_of(payment.psp_reference, PART))
    await bench.settle_offline()
    done = _about_payments(bench, await bench.events())
    await bench.fail_refund(refund)
    failed = _about_payments(bench, await bench.events())

    for what, about in (("of the refund", done), ("that it failed", failed)):
        expect(f"an event tells {what}", bool(about))
        references = {event.psp_reference for event in about}
        expect_equal("it names the payment", {payment.psp_reference}, references)
        claims = [event.claimed_minor for event in about if event.claimed_minor is not None]
        expect("no more is claimed", max(claims, default=0) <= AMOUNT.amount_minor, claims)


async def listed_events(bench: Bench) -> None:
    """The PSP's list holds every event that a webhook brought, the oldest first, as it was told."""
    start = datetime.now(UTC) - _MOMENT
    reference = (await authorised(bench)).psp_reference
    await bench.settle_offline()
    await bench.provider.capture_payment(capture_of(reference))
    await bench.settle_offline()
    told = _parsed(bench, await bench.events())

    listed = [event async for event in bench.provider.list_events(start)]

    expect("there are webhooks", bool(told))
    by_id = {event.event_id: event for event in listed}
    expect_equal("each is listed once", len(by_id), len(listed))
    for event in told:
        expect_equal("it is listed as it was told", event, by_id.get(event.event_id))
    times = [event.occurred_time for event in listed]
    expect("they did not all occur at once", len(set(times)) > 1, times)
    expect_equal("the oldest comes first", sorted(times), times)
    later = [event async for event in bench.provider.list_events(max(times) + _MOMENT)]
    expect_equal("what is older is left out", [], later)


def _forgeries(body: bytes) -> Iterable[bytes]:
    """Return bodies that say something else than the PSP said."""
    renamed = body.replace(PAYMENT_ID.encode(), UNKNOWN_ID.encode())
    recounted = body.replace(b"12", b"92", 1)
    return (each for each in (b"", body[:-1], renamed, recounted) if each != body)


def _require_refusal(provider: PaymentServiceProvider, webhook: Webhook, what: str) -> None:
    try:
        event = provider.parse_event(webhook.headers, webhook.body)
    except InvalidEventError:
        return
    raise ConformanceError(f"expected that {what}; it was read as {event!r}")


def _parsed(bench: Bench, webhooks: Iterable[Webhook]) -> list[PspEvent]:
    return [bench.provider.parse_event(each.headers, each.body) for each in webhooks]


def _about_payments(bench: Bench, webhooks: Iterable[Webhook]) -> list[PspEvent]:
    events = _parsed(bench, webhooks)
    return [event for event in events if event.subject is PspEventSubject.PAYMENT]
