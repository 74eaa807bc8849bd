"""Scenarios of what an adapter refuses: wrong keys, undeclared calls; and what it never shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

from psp.conformance.bench import Bench, Silenced
from psp.conformance.expecting import expect, expect_equal, expect_error, expect_errors
from psp.conformance.steps import (
    PAYMENT_ID,
    authorised,
    cancel_of,
    capture_of,
    captured,
    charge,
    expect_given_back,
    purchase,
    refund_of,
)
from psp.errors import InvalidEventError, MisconfiguredError, PspError, RejectedError
from psp.port import Capability, CustomerProfile, PaymentMethod, PaymentServiceProvider, PspEvent
from psp.settlements import SettlementEntry, SettlementPeriod

_NOBODY: Final = "nobody"


async def _first_event(psp: PaymentServiceProvider) -> PspEvent | None:
    return await anext(psp.list_events(datetime.now(UTC)), None)


async def _first_entry(psp: PaymentServiceProvider) -> SettlementEntry | None:
    return await anext(psp.settlement_entries(_NOBODY), None)


Call = Callable[[PaymentServiceProvider], Awaitable[object]]
_PROFILE: Final = CustomerProfile(_NOBODY)
_LONG_AGO: Final = SettlementPeriod(date(2020, 1, 1), date(2020, 1, 1))
_CALLS: Final[Mapping[Capability, tuple[Call, ...]]] = MappingProxyType(
    {
        Capability.CUSTOMERS: (
            lambda psp: psp.create_customer(_PROFILE, "key-1"),
            lambda psp: psp.update_customer(_NOBODY, _PROFILE, "key-1"),
        ),
        Capability.ALIASES: (
            lambda psp: psp.list_aliases(_NOBODY),
            lambda psp: psp.start_alias_setup(_NOBODY, PaymentMethod.CARD, "", "key-1"),
            lambda psp: psp.set_default_alias(_NOBODY, _NOBODY, "key-1"),
            lambda psp: psp.delete_alias(_NOBODY, _NOBODY, "key-1"),
        ),
        Capability.REFUNDS: (
            lambda psp: psp.refund_payment(refund_of(_NOBODY)),
            lambda psp: psp.list_refunds(_NOBODY),
        ),
        Capability.LIST_EVENTS: (_first_event,),
        Capability.SETTLEMENTS: (
            lambda psp: psp.start_settlement_report(_LONG_AGO, "key-1"),
            lambda psp: psp.retrieve_settlement_report(_NOBODY),
            _first_entry,
        ),
        Capability.REVIEWS: (lambda psp: psp.retrieve_review(_NOBODY),),
    }
)
"""Calls that belong to one capability alone. The others are a matter of what a call is given (a
part, a key), or a PSP without them could not be sold with at all."""


async def wrong_credentials(bench: Bench) -> None:
    """A wrong key is an operator's concern, for reads and for changes, and nothing happens."""
    reference = (await authorised(bench)).psp_reference
    stranger = bench.wrong_credentials()

    await expect_errors(
        "an operator must act",
        MisconfiguredError,
        lambda: stranger.retrieve_payment(reference),
        lambda: stranger.create_payment(charge(bench)),
        lambda: stranger.capture_payment(capture_of(reference)),
        lambda: stranger.cancel_payment(cancel_of(reference)),
    )
    await stranger.close()

    books = bench.books(PAYMENT_ID)
    expect_equal("nothing happened", (1, 0), (books.authorizations, books.captures))


async def refund_with_wrong_credentials(bench: Bench) -> None:
    """With a wrong key nothing is given back or listed: an operator must act."""
    reference = (await captured(bench)).psp_reference
    stranger = bench.wrong_credentials()

    await expect_errors(
        "an operator must act",
        MisconfiguredError,
        lambda: stranger.refund_payment(refund_of(reference)),
        lambda: stranger.list_refunds(reference),
    )
    await stranger.close()

    expect_given_back(bench)


async def undeclared_calls(bench: Bench) -> None:
    """What an adapter does not declare it refuses, instead of doing half of it."""
    for capability in sorted(frozenset(Capability) - bench.provider.capabilities):
        for call in _CALLS.get(capability, ()):
            await expect_error(f"{capability} is refused", RejectedError, call(bench.provider))


async def declared_lifetime(bench: Bench) -> None:
    """Keys live for some time if and only if the adapter declares that they may be sent again."""
    declared = Capability.IDEMPOTENT_MUTATIONS in bench.provider.capabilities
    lifetime_s = bench.provider.idempotency_lifetime_s

    expect_equal("keys live if they are declared", declared, lifetime_s > 0)


async def no_secret_shown(bench: Bench) -> None:
    """No error, no payment and no adapter shows a secret, in itself or in what caused it."""
    created = await bench.provider.create_payment(purchase())
    shown = [repr(bench.provider), repr(created), *await _provoked(bench)]

    action = created.next_action
    own = (action.client_secret, *action.fields.values()) if action else ()
    signed = [text for text in own if len(text) > len(PAYMENT_ID)]
    for text in shown:
        for secret in (*bench.secrets, *signed):
            expect("no secret is shown", secret not in text, text.replace(secret, "***"))


async def _provoked(bench: Bench) -> list[str]:
    """Return every text of every error that can be provoked."""
    stranger = bench.wrong_credentials()
    texts: list[str] = []
    bench.silence(Silenced.CREATE)
    for call in (
        bench.provider.create_payment(charge(bench)),
        bench.provider.retrieve_payment(_NOBODY),
        stranger.retrieve_payment(_NOBODY),
        stranger.create_payment(charge(bench)),
    ):
        try:
            await call
        except PspError as error:
            texts += _texts(error)
    try:
        bench.provider.parse_event({}, b"forged")
    except InvalidEventError as error:
        texts += _texts(error)
    await stranger.close()
    return texts


def _texts(error: BaseException) -> Iterable[str]:
    link: BaseException | None = error
    while link is not None:
        yield from (str(link), repr(link))
        link = link.__cause__ or link.__context__
