"""What moved on the balance, read through the adapter from a Stripe that keeps books."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import aiohttp
import pytest

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ReportUnreadableError,
    UnavailableError,
)
from psp.money import Money
from psp.port import CapturePayment, CapturePolicy, PspPayment
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)
from psp.stripe.config import SettlementSource
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox, running_sandbox
from tests.integration.stripe_sandbox.support import ManualClock
from tests.unit.psp.stripe.support import account_config, create_request, refund_request

_C = SettlementCategory
_KEY = "sk_test_adapter"
_HOUR_S = 3600
_DAY = date(2027, 1, 15)
_ONE_DAY = SettlementPeriod(_DAY, _DAY)
_NOON = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
_PRICE = Money(1234, "EUR")
_SOURCES = tuple(SettlementSource)


@dataclass
class Shop:
    """An account at a sandbox whose time a test moves, read from either source."""

    sandbox: StripeSandbox
    clock: ManualClock
    session: aiohttp.ClientSession

    def provider(self, source: SettlementSource, **changes: object) -> StripeProvider:
        """Return a new adapter, as another process would make it."""
        values: dict[str, object] = {
            "api_base": self.sandbox.address,
            "files_base": self.sandbox.address,
            "settlement_source": source,
            "max_network_retries": 0,
            **changes,
        }
        return StripeProvider("stripe_fr", account_config(**values), self.session, clock=self.clock)

    def next_day(self) -> None:
        """Let the day end, and Stripe close it."""
        self.clock.seconds = _NOON + 24 * _HOUR_S

    async def pay(
        self,
        number: int = 1,
        amount: Money = _PRICE,
        method: str = "pm_card_visa",
        policy: CapturePolicy = CapturePolicy.AUTOMATIC,
    ) -> PspPayment:
        """Have a shopper pay."""
        provider = self.provider(SettlementSource.REPORT_RUNS)
        created = await provider.create_payment(
            create_request(
                payment_id=f"pay_{number}",
                idempotency_key=f"key-{number}",
                amount=amount,
                capture_policy=policy,
            )
        )
        assert created.next_action is not None
        self.sandbox.browser_confirm(created.next_action.client_secret, method)
        return await provider.retrieve_payment(created.psp_reference)

    async def refund(self, payment: PspPayment, minor: int, number: int = 1) -> str:
        """Give a part back; return Stripe's id of the refund."""
        request = refund_request(
            refund_id=f"ref_{number}",
            psp_reference=payment.psp_reference,
            amount=Money(minor, payment.currency),
            idempotency_key=f"refund-{number}",
        )
        provider = self.provider(SettlementSource.REPORT_RUNS)
        return (await provider.refund_payment(request)).psp_reference

    async def report(self, source: SettlementSource) -> SettlementReport:
        """Have the day reported, and wait for it."""
        provider = self.provider(source)
        started = await provider.start_settlement_report(_ONE_DAY, "report-1")
        return await provider.retrieve_settlement_report(started.reference)

    async def entries(self, source: SettlementSource) -> list[SettlementEntry]:
        """Return the day's lines, the oldest first."""
        report = await self.report(source)
        provider = self.provider(source)
        return _in_order([line async for line in provider.settlement_entries(report.reference)])


def _in_order(entries: list[SettlementEntry]) -> list[SettlementEntry]:
    return sorted(entries, key=lambda entry: (entry.occurred_time, entry.entry_id))


@pytest.fixture
async def shop(session: aiohttp.ClientSession) -> AsyncIterator[Shop]:
    """Return a shop at noon of the day."""
    clock = ManualClock(_NOON)
    async with running_sandbox(now=clock) as sandbox:
        yield Shop(sandbox, clock, session)


async def _busy_day(shop: Shop) -> None:
    """Everything that moves a balance, and three days earlier what can be paid out of it."""
    shop.clock.seconds -= 72 * _HOUR_S
    await shop.pay(9, Money(20_000, "EUR"))
    shop.clock.seconds += 72 * _HOUR_S
    paid = await shop.pay(1)
    shop.clock.seconds += 1
    held = await shop.pay(2, policy=CapturePolicy.MANUAL)
    shop.clock.seconds += 1
    provider = shop.provider(SettlementSource.REPORT_RUNS)
    await provider.capture_payment(
        CapturePayment(held.psp_reference, Money(1000, "EUR"), "capture-1")
    )
    shop.clock.seconds += 1
    await shop.refund(paid, 500)
    failing = await shop.refund(paid, 100, 2)
    shop.sandbox.force_refund(failing, "failed", "declined")
    shop.sandbox.refund_by_hand(paid.psp_reference, 200)
    shop.clock.seconds += 1
    await shop.pay(3, method="pm_card_createDispute")
    await shop.pay(4, Money(500, "JPY"))
    await shop.pay(5, Money(12_340, "KWD"))
    await shop.pay(6, Money(700, "ISK"))
    intent = paid.psp_reference
    shop.sandbox.book(_KEY, "dispute_reversal", 1234, "EUR", payment_intent=intent)
    shop.sandbox.book(_KEY, "charge_failure", -10, "EUR", payment_intent=intent)
    shop.sandbox.book(_KEY, "fee", -77, "EUR", description="Radar, 7 screened")
    shop.sandbox.book(_KEY, "payout_reversal", 40, "EUR")
    shop.sandbox.book(_KEY, "other_adjustment", -3, "EUR", description='Said "so"\nand more')
    shop.clock.seconds += 1
    shop.sandbox.pay_out(_KEY, "EUR", 5)


async def test_both_sources_tell_the_same_day(shop: Shop) -> None:
    """Whichever way the lines come, they are the same lines, to the last field."""
    await _busy_day(shop)
    shop.next_day()

    reported, listed = [await shop.entries(source) for source in _SOURCES]

    assert reported == listed
    assert Counter(entry.category for entry in reported) == {
        _C.CHARGE: 6,
        _C.RELEASE: 1,
        _C.REFUND: 3,
        _C.REFUND_FAILURE: 1,
        _C.DISPUTE: 1,
        _C.DISPUTE_REVERSAL: 1,
        _C.FEE: 1,
        _C.PAYOUT: 1,
        _C.PAYOUT_REVERSAL: 1,
        _C.ADJUSTMENT: 1,
        _C.CHARGE_FAILURE: 1,
    }


@pytest.mark.parametrize("source", _SOURCES)
async def test_a_refund_names_itself_and_its_payment(shop: Shop, source: SettlementSource) -> None:
    """By Stripe's references and by ours, and what comes back is its own line."""
    paid = await shop.pay(amount=Money(2000, "EUR"))
    shop.clock.seconds += 1
    refund = await shop.refund(paid, 500)
    shop.clock.seconds += 1
    shop.sandbox.force_refund(refund, "failed")
    shop.next_day()

    charged, given, back = await shop.entries(source)

    assert (charged.gross_minor, charged.fee_minor, charged.net_minor) == (2000, 55, 1945)
    assert (charged.payment_reference, charged.payment_id) == (paid.psp_reference, "pay_1")
    assert (charged.refund_reference, charged.refund_id) == ("", "")
    assert given == SettlementEntry(
        entry_id=given.entry_id,
        category=_C.REFUND,
        raw_category="refund",
        occurred_time=datetime.fromtimestamp(_NOON + 1, UTC),
        currency="EUR",
        gross_minor=-500,
        fee_minor=0,
        net_minor=-500,
        payment_reference=paid.psp_reference,
        refund_reference=refund,
        payment_id="pay_1",
        refund_id="ref_1",
    )
    assert (back.category, back.gross_minor) == (_C.REFUND_FAILURE, 500)
    assert (back.refund_reference, back.refund_id) == (refund, "ref_1")


@pytest.mark.parametrize("source", _SOURCES)
async def test_the_rest_of_a_partial_capture_is_no_refund(
    shop: Shop, source: SettlementSource
) -> None:
    """Stripe books the whole and reverses the rest: together what was captured."""
    held = await shop.pay(policy=CapturePolicy.MANUAL)
    await shop.provider(source).capture_payment(
        CapturePayment(held.psp_reference, Money(1000, "EUR"), "capture-1")
    )
    shop.next_day()

    entries = await shop.entries(source)

    by_category = {entry.category: entry for entry in entries}
    assert set(by_category) == {_C.CHARGE, _C.RELEASE}
    assert sum(entry.gross_minor for entry in entries) == 1000
    released = by_category[_C.RELEASE]
    assert (released.refund_reference, released.payment_reference) == ("", held.psp_reference)


async def test_the_totals_close_to_the_cent(shop: Shop) -> None:
    """Opening and what moved is closing, in each currency, over the reports."""
    await _busy_day(shop)
    shop.next_day()

    report = await shop.report(SettlementSource.REPORT_RUNS)
    entries = await shop.entries(SettlementSource.REPORT_RUNS)

    assert report.opening_minor is not None
    sums = Counter(report.opening_minor)
    for entry in entries:
        sums[entry.currency] += entry.net_minor
    assert dict(sums) == report.closing_minor
    assert report.opening_minor == {"EUR": 20_000 - 325, "ISK": 0, "JPY": 0, "KWD": 0}


async def test_the_list_tells_no_balance(shop: Shop) -> None:
    """Stripe answers only the present balance: none is better than a wrong one."""
    shop.next_day()

    report = await shop.report(SettlementSource.BALANCE_TRANSACTIONS)

    assert report.state is ReportState.READY
    assert (report.opening_minor, report.closing_minor) == (None, None)


@pytest.mark.parametrize("source", _SOURCES)
async def test_a_day_without_business_has_no_lines(shop: Shop, source: SettlementSource) -> None:
    """Nothing is an answer, too."""
    shop.next_day()

    assert await shop.entries(source) == []


@pytest.mark.parametrize("source", _SOURCES)
async def test_the_day_ends_where_the_next_begins(shop: Shop, source: SettlementSource) -> None:
    """The first second counts, and the first of the next day does not."""
    midnight = _ONE_DAY.since.timestamp()
    for number, second in enumerate((-1, 0, 86_399, 86_400)):
        shop.clock.seconds = midnight + second
        await shop.pay(number)
    shop.next_day()

    assert [entry.payment_id for entry in await shop.entries(source)] == ["pay_1", "pay_2"]


@pytest.mark.parametrize(
    "source, hour_of_next_day, state",
    [
        (SettlementSource.REPORT_RUNS, 11, ReportState.NOT_YET),
        (SettlementSource.REPORT_RUNS, 12, ReportState.PENDING),
        (SettlementSource.BALANCE_TRANSACTIONS, 0, ReportState.NOT_YET),
        (SettlementSource.BALANCE_TRANSACTIONS, 1, ReportState.READY),
    ],
)
async def test_a_day_that_is_not_closed(
    shop: Shop, source: SettlementSource, hour_of_next_day: int, state: ReportState
) -> None:
    """Is not reported yet, which is no failure, and leaves no reference to come back to."""
    shop.clock.seconds = _ONE_DAY.until.timestamp() + hour_of_next_day * _HOUR_S

    report = await shop.provider(source).start_settlement_report(_ONE_DAY, "report-1")

    assert report.state is state
    assert (report.reference == "", report.detail != "") == (
        state is ReportState.NOT_YET,
        state is not ReportState.READY,
    )


async def test_a_report_is_waited_for_and_resumed(shop: Shop) -> None:
    """Pending, then ready; its reference is all that another process needs."""
    await shop.pay()
    shop.next_day()
    shop.sandbox.set_circumstances(report_takes_s=60)
    first = shop.provider(SettlementSource.REPORT_RUNS)

    started = await first.start_settlement_report(_ONE_DAY, "report-1")
    waiting = await first.retrieve_settlement_report(started.reference)
    with pytest.raises(UnavailableError):
        await anext(first.settlement_entries(started.reference))
    shop.clock.seconds += 60
    # Told meanwhile to read from elsewhere: what was begun is seen through.
    second = shop.provider(SettlementSource.BALANCE_TRANSACTIONS)
    ready = await second.retrieve_settlement_report(started.reference)
    entries = [entry async for entry in second.settlement_entries(started.reference)]

    assert (started.state, waiting.state) == (ReportState.PENDING, ReportState.PENDING)
    assert "frr_" in waiting.detail
    assert (ready.state, ready.reference) == (ReportState.READY, started.reference)
    assert [entry.payment_id for entry in entries] == ["pay_1"]


async def test_a_report_asked_for_twice_is_one(shop: Shop) -> None:
    """Under the same key Stripe answers with the runs of the first time."""
    shop.next_day()
    provider = shop.provider(SettlementSource.REPORT_RUNS)

    first = await provider.start_settlement_report(_ONE_DAY, "report-1")
    again = await provider.start_settlement_report(_ONE_DAY, "report-1")
    other = await provider.start_settlement_report(_ONE_DAY, "report-2")

    assert first.reference == again.reference != other.reference


@pytest.mark.parametrize("position", [1, 2, 3])
async def test_one_report_that_fails_fails_the_whole(shop: Shop, position: int) -> None:
    """With Stripe's reason; a new one has to be asked for."""
    shop.next_day()
    shop.sandbox.set_circumstances(report_takes_s=60)
    provider = shop.provider(SettlementSource.REPORT_RUNS)
    started = await provider.start_settlement_report(_ONE_DAY, "report-1")
    run = started.reference.split("/")[position]

    shop.sandbox.force_report(run, "failed", "Too many rows.")

    report = await provider.retrieve_settlement_report(started.reference)
    assert (report.state, report.reference) == (ReportState.FAILED, started.reference)
    assert run in report.detail
    assert "Too many rows." in report.detail


async def test_an_account_without_reports_says_what_to_do(shop: Shop) -> None:
    """A test key is told where its lines are to be had."""
    shop.next_day()
    shop.sandbox.set_circumstances(has_reports=False)

    with pytest.raises(MisconfiguredError) as told:
        await shop.report(SettlementSource.REPORT_RUNS)

    assert "settlement_source" in told.value.detail
    assert await shop.entries(SettlementSource.BALANCE_TRANSACTIONS) == []


@pytest.mark.parametrize(
    "period, code",
    [
        (SettlementPeriod(date(2020, 1, 1), date(2020, 1, 1)), "report_too_early"),
        (SettlementPeriod(_DAY, _DAY - timedelta(days=1)), "period_invalid"),
    ],
)
async def test_an_impossible_period_is_refused(
    shop: Shop, period: SettlementPeriod, code: str
) -> None:
    """Before anything is asked of Stripe."""
    with pytest.raises(RejectedError) as refused:
        await shop.provider(SettlementSource.REPORT_RUNS).start_settlement_report(period, "key")

    assert refused.value.code == code


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "elsewhere/frr_1",
        "report_runs/frr_1",
        "report_runs/frr_1/frr_2/frr_3",
        "report_runs/../frr_2/frr_3",
        "balance_transactions/2027-01-15",
        "balance_transactions/2027-01-15/today",
    ],
)
async def test_a_reference_that_is_none(shop: Shop, reference: str) -> None:
    """Is not found, whatever it says."""
    provider = shop.provider(SettlementSource.REPORT_RUNS)

    with pytest.raises(NotFoundError):
        await provider.retrieve_settlement_report(reference)
    with pytest.raises(NotFoundError):
        await anext(provider.settlement_entries(reference))


# ---------------------------------------------------------------- books that drift

Expect = Callable[[list[SettlementEntry], list[SettlementEntry], SettlementEntry], bool]


def _without(entries: list[SettlementEntry], hit: SettlementEntry) -> list[SettlementEntry]:
    return [entry for entry in entries if entry.entry_id != hit.entry_id]


_DRIFTS: dict[str, Expect] = {
    "missing": lambda true, told, hit: told == _without(true, hit),
    "doubled": lambda true, told, hit: told == _in_order([*true, hit]),
    "doubled_effect": lambda true, told, hit: (
        len(told) == len(true) + 1
        and sum(entry.refund_reference == hit.refund_reference for entry in told) == 2
        and len({entry.entry_id for entry in told}) == len(told)
    ),
    "wrong_amount": lambda true, told, hit: (
        [entry.gross_minor for entry in told if entry.entry_id == hit.entry_id] == [-400]
        and _without(told, hit) == _without(true, hit)
    ),
    "wrong_currency": lambda true, told, hit: (
        [entry.currency for entry in told if entry.entry_id == hit.entry_id] == ["USD"]
        and _without(told, hit) == _without(true, hit)
    ),
    "late": lambda true, told, hit: told == _without(true, hit),
    "unknown_category": lambda _true, told, hit: (
        [(entry.category, entry.raw_category) for entry in told if entry.entry_id == hit.entry_id]
        == [(_C.UNKNOWN, "brand_new_category")]
    ),
}


@pytest.mark.parametrize("source", _SOURCES)
@pytest.mark.parametrize("kind", _DRIFTS)
async def test_a_line_that_drifts_is_told_as_it_comes(
    shop: Shop, source: SettlementSource, kind: str
) -> None:
    """The adapter mends nothing: whoever matches the lines must see what Stripe says."""
    refund = await shop.refund(await shop.pay(), 500)
    await shop.pay(2)
    shop.next_day()
    true = await shop.entries(source)
    hit = next(entry for entry in true if entry.refund_reference == refund)

    assert shop.sandbox.drift(kind, refund) == hit.entry_id
    told = await shop.entries(source)
    shop.sandbox.end_drift()

    assert _DRIFTS[kind](true, told, hit)
    assert await shop.entries(source) == true


async def test_a_late_line_comes_the_next_day(shop: Shop) -> None:
    """It is not lost, only elsewhere."""
    await shop.pay()
    shop.clock.seconds += 48 * _HOUR_S
    shop.sandbox.drift("late")
    next_day = SettlementPeriod(_DAY + timedelta(days=1), _DAY + timedelta(days=1))
    provider = shop.provider(SettlementSource.REPORT_RUNS)

    started = await provider.start_settlement_report(next_day, "report-2")
    entries = [entry async for entry in provider.settlement_entries(started.reference)]

    assert [entry.payment_id for entry in entries] == ["pay_1"]


@pytest.mark.parametrize(
    "kind, words",
    [
        ("extra_digits", "line 2, column gross: 12.341 has more digits than EUR, which has 2"),
        ("truncated", "was cut off"),
        ("truncated_line", "ends within line 2: it was cut off"),
        ("renamed_column", "lacks the columns gross; it has instead: gross_amount"),
    ],
)
async def test_a_bad_report_is_named(shop: Shop, kind: str, words: str) -> None:
    """With the report, the line and the column; and it is good again when it is made anew."""
    await shop.pay()
    shop.next_day()
    shop.sandbox.drift(kind)

    with pytest.raises(ReportUnreadableError) as bad:
        await shop.entries(SettlementSource.REPORT_RUNS)

    assert "balance_change_from_activity.itemized.7 frr_" in bad.value.detail
    assert words in bad.value.detail
    shop.sandbox.end_drift()
    assert len(await shop.entries(SettlementSource.REPORT_RUNS)) == 1


# ---------------------------------------------------------------- downloads


async def test_a_long_report_is_streamed(shop: Shop) -> None:
    """As many lines as there are, the first before the last was made, and they balance."""
    shop.next_day()
    shop.sandbox.set_circumstances(synthetic_rows=5000)
    report = await shop.report(SettlementSource.REPORT_RUNS)

    entries = await shop.entries(SettlementSource.REPORT_RUNS)

    assert len({entry.entry_id for entry in entries}) == 5000
    assert Counter(entry.category for entry in entries) == {_C.CHARGE: 4000, _C.REFUND: 1000}
    assert report.closing_minor == {"EUR": sum(entry.net_minor for entry in entries)}
    assert {entry.occurred_time.date() for entry in entries} == {_DAY}


async def test_a_reader_may_stop_early(shop: Shop) -> None:
    """The connection is given back, and the report can be read again."""
    shop.next_day()
    shop.sandbox.set_circumstances(synthetic_rows=50_000)
    report = await shop.report(SettlementSource.REPORT_RUNS)
    entries = shop.provider(SettlementSource.REPORT_RUNS).settlement_entries(report.reference)

    assert (await anext(entries)).entry_id == "txn_synthetic_0"
    await entries.aclose()  # type: ignore[attr-defined]  # a generator

    assert len(await shop.entries(SettlementSource.REPORT_RUNS)) == 50_000


@pytest.mark.parametrize(
    "kind, error",
    [
        ("drop_before", UnavailableError),
        ("rate_limited", RateLimitedError),
        ("error_before", UnavailableError),
        ("error_after", UnavailableError),
        ("drop_after", ReportUnreadableError),
    ],
)
async def test_a_download_that_fails(shop: Shop, kind: str, error: type[Exception]) -> None:
    """Before a byte came Stripe is not to be reached; afterwards the report is cut off."""
    await shop.pay()
    shop.next_day()
    report = await shop.report(SettlementSource.REPORT_RUNS)
    # Twice: aiohttp itself repeats a read whose connection was closed before a word came.
    count = 2 if kind == "drop_before" else 1
    shop.sandbox.inject(kind, path_prefix="/v1/files/", count=count)
    provider = shop.provider(SettlementSource.REPORT_RUNS)

    with pytest.raises(error):
        await anext(provider.settlement_entries(report.reference))

    assert (await anext(provider.settlement_entries(report.reference))).payment_id == "pay_1"


@pytest.mark.parametrize("kind", ["drop_before", "rate_limited", "error_before"])
async def test_a_download_is_begun_again(shop: Shop, kind: str) -> None:
    """A bad moment is waited for, as with every other call."""
    await shop.pay()
    shop.next_day()
    report = await shop.report(SettlementSource.REPORT_RUNS)
    shop.sandbox.inject(kind, path_prefix="/v1/files/", retry_after_s=0)
    patient = shop.provider(SettlementSource.REPORT_RUNS, max_network_retries=2)

    assert (await anext(patient.settlement_entries(report.reference))).payment_id == "pay_1"


async def test_the_key_goes_to_the_files_host_only(shop: Shop) -> None:
    """A report elsewhere is not fetched: an operator must say that elsewhere is right."""
    shop.next_day()
    report = await shop.report(SettlementSource.REPORT_RUNS)
    astray = shop.provider(SettlementSource.REPORT_RUNS, files_base="https://files.stripe.com")

    with pytest.raises(MisconfiguredError) as told:
        await anext(astray.settlement_entries(report.reference))

    assert "files_base" in told.value.detail
