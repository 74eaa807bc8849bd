"""The adapter reads the sandbox's books: as they are, and told wrongly in each way there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import aiohttp
import pytest

from psp.errors import MisconfiguredError, PspError, ReportUnreadableError
from psp.money import Money
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import DriftKind, OgoneSandbox
from psp.ogone.sandbox.synthetic import synthetic_balance, synthetic_row
from psp.port import CapturePolicy, RefundPayment
from psp.settlements import SettlementCategory, SettlementEntry, SettlementPeriod
from tests.integration.ogone_adapter.sandboxed import DAY_S, HOUR_S, paid, sandbox_config
from tests.unit.psp.ogone.support import PAYMENT_ID, create_request

_C = SettlementCategory


@pytest.fixture
def provider(sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> OgoneProvider:
    """Return an adapter that lives in the sandbox's time."""
    return OgoneProvider("ogone_be", sandbox_config(sandbox), session, clock=sandbox.now)


async def _business(provider: OgoneProvider, sandbox: OgoneSandbox) -> date:
    """Sell for 12.34 EUR and give 5.00 back, on one day that ends; return it."""
    to_midnight_s = 86_400 - sandbox.now() % 86_400
    sandbox.advance_clock(to_midnight_s + HOUR_S)
    day = datetime.fromtimestamp(sandbox.now(), UTC).date()
    request = create_request(
        capture_policy=CapturePolicy.AUTOMATIC, return_url="https://shop.example/back"
    )
    await paid(provider, sandbox, request=request)
    await provider.refund_payment(
        RefundPayment("ref_1", PAYMENT_ID, Money(500, "EUR"), idempotency_key="key-1")
    )
    sandbox.advance_clock(HOUR_S)
    sandbox.advance_clock(2 * DAY_S)
    return day


def _entries(provider: OgoneProvider, first: date, last: date) -> AsyncIterator[SettlementEntry]:
    return provider.settlement_entries(f"{first}_{last}")


async def _read(provider: OgoneProvider, day: date) -> list[SettlementEntry]:
    report = await provider.start_settlement_report(SettlementPeriod(day, day), "key-1")
    return [entry async for entry in provider.settlement_entries(report.reference)]


def _told(entries: list[SettlementEntry]) -> list[tuple[str, SettlementCategory, int, str]]:
    return [
        (each.entry_id.partition("/")[2], each.category, each.gross_minor, each.currency)
        for each in entries
    ]


_TAKEN = ("0", _C.CHARGE, 1234, "EUR")
_GIVEN = ("1", _C.REFUND, -500, "EUR")
_AS_TOLD: Final[Sequence[tuple[DriftKind, list[object], list[object]]]] = [
    (DriftKind.MISSING, [_TAKEN], []),
    (DriftKind.DOUBLED, [_TAKEN, _GIVEN, _GIVEN], []),
    (DriftKind.DOUBLED_EFFECT, [_TAKEN, _GIVEN, ("51", _C.REFUND, -500, "EUR")], []),
    (DriftKind.WRONG_AMOUNT, [_TAKEN, ("1", _C.REFUND, -600, "EUR")], []),
    (DriftKind.WRONG_CURRENCY, [_TAKEN, ("1", _C.REFUND, -500, "USD")], []),
    (DriftKind.LATE, [_TAKEN], [_GIVEN]),
    (DriftKind.UNKNOWN_STATUS, [_TAKEN, ("1", _C.UNKNOWN, 500, "EUR")], []),
]
_REFUSED: Final[Sequence[tuple[DriftKind, type[PspError], str]]] = [
    (DriftKind.EXTRA_DIGITS, ReportUnreadableError, "row 2: TOTAL '5.001' 'EUR'"),
    (DriftKind.RENAMED_ATTRIBUTE, ReportUnreadableError, "row 1: it has no TOTAL"),
    (DriftKind.TRUNCATED, ReportUnreadableError, "cut off"),
    (DriftKind.TRUNCATED_ROW, ReportUnreadableError, "after row 1, before its end"),
    (DriftKind.SYSTEM_ERROR, MisconfiguredError, "Ogone refuses the download"),
]


async def test_a_day_is_told_as_it_was(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """With the references that payment and refund bear, and on no other day."""
    day = await _business(provider, sandbox)
    (refund,) = await provider.list_refunds(PAYMENT_ID)

    taken, given = await _read(provider, day)

    assert _told([taken, given]) == [_TAKEN, _GIVEN]
    assert given.refund_reference == given.entry_id == refund.psp_reference
    assert {taken.payment_reference, given.payment_reference} == {PAYMENT_ID}
    assert taken.occurred_time.date() == day
    assert await _read(provider, day - timedelta(1)) == []
    assert await _read(provider, day + timedelta(1)) == []


@pytest.mark.parametrize("kind,expected,next_day", _AS_TOLD)
async def test_a_row_told_wrongly_is_a_line_as_told(
    provider: OgoneProvider,
    sandbox: OgoneSandbox,
    kind: DriftKind,
    expected: list[object],
    next_day: list[object],
) -> None:
    """The adapter judges nothing: the two sides are compared elsewhere."""
    day = await _business(provider, sandbox)
    sandbox.drift(kind)

    told, later = await _read(provider, day), await _read(provider, day + timedelta(1))
    sandbox.end_drift()

    assert (_told(told), _told(later)) == (expected, next_day)
    assert _told(await _read(provider, day)) == [_TAKEN, _GIVEN]


@pytest.mark.parametrize("kind,error,said", _REFUSED)
async def test_a_download_told_wrongly_is_refused(
    provider: OgoneProvider,
    sandbox: OgoneSandbox,
    kind: DriftKind,
    error: type[PspError],
    said: str,
) -> None:
    """With the row and what is wrong with it."""
    day = await _business(provider, sandbox)
    sandbox.drift(kind)

    with pytest.raises(error) as raised:
        await _read(provider, day)

    assert type(raised.value) is error
    assert said in raised.value.detail


def test_every_kind_of_drift_is_played() -> None:
    """In one of the two tables."""
    assert {case[0] for case in (*_AS_TOLD, *_REFUSED)} == set(DriftKind)


async def test_money_that_comes_back_is_another_line(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """On the day on which it came back."""
    day = await _business(provider, sandbox)
    (given,) = [each for each in await _read(provider, day) if each.category is _C.REFUND]
    payid, _, number = given.refund_reference.partition("/")
    came_back = datetime.fromtimestamp(sandbox.now(), UTC).date()
    sandbox.force_status(payid, 96, int(number))
    sandbox.advance_clock(DAY_S)

    (returned,) = await _read(provider, came_back)

    assert (returned.category, returned.gross_minor) == (_C.REFUND_FAILURE, 500)
    assert returned.refund_reference == given.refund_reference
    assert returned.entry_id == f"{given.entry_id}/returned"


async def test_a_big_download_is_read_to_the_cent(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Invented rows over several days, the last of each being as it was invented."""
    sandbox.set_synthetic_rows(5000)
    first, last = date(2026, 11, 1), date(2026, 11, 3)
    count = balance = 0
    days: set[date] = set()
    newest: SettlementEntry | None = None

    async for entry in _entries(provider, first, last):
        count, balance = count + 1, balance + entry.net_minor
        days.add(entry.occurred_time.date())
        newest = entry

    assert (count, balance) == (5000, synthetic_balance(5000))
    assert days == {first, first + timedelta(1), last}
    assert newest is not None
    assert newest.refund_reference == synthetic_row(4999).refund
