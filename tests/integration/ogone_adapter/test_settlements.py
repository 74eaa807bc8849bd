"""What travels between the adapter and Ogone when the books of a period are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest
from aiohttp import web

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    PspError,
    RateLimitedError,
    RejectedError,
    ReportUnreadableError,
    UnavailableError,
)
from psp.ogone.provider import OgoneProvider
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.ogone.downloads import HEAD, download_xml, row_xml
from tests.unit.psp.ogone.support import PAYID, PAYMENT_ID, account_config

_PERIOD = SettlementPeriod(date(2026, 11, 3), date(2026, 11, 24))
_REFERENCE = "2026-11-03_2026-11-24"
_OVER_S = datetime(2026, 11, 25, tzinfo=UTC).timestamp()


@pytest.fixture
async def provider(script: ScriptedServer) -> AsyncIterator[OgoneProvider]:
    """Return an adapter at the first moment after the period."""
    config = account_config(api_base=script.address, download_timeout_s=1.0)
    made = OgoneProvider("ogone_be", config, clock=lambda: _OVER_S)
    yield made
    await made.close()


async def _read(provider: OgoneProvider, reference: str = _REFERENCE) -> list[SettlementEntry]:
    return [entry async for entry in provider.settlement_entries(reference)]


async def test_a_report_is_the_period_itself(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Nothing is made at Ogone: it is ready at once, for whoever knows the reference."""
    started = await provider.start_settlement_report(_PERIOD, "key-1")
    again = await provider.start_settlement_report(_PERIOD, "key-2")

    assert started == again == SettlementReport(_REFERENCE, ReportState.READY)
    assert started == await provider.retrieve_settlement_report(_REFERENCE)
    assert (started.opening_minor, started.closing_minor) == (None, None)
    assert script.asked == []


@pytest.mark.parametrize("early_s", [0.001, 3600, 86_400])
async def test_a_day_that_is_not_over_is_not_yet(early_s: float) -> None:
    """Over in UTC, where European days end last."""
    provider = OgoneProvider("ogone_be", account_config(), clock=lambda: _OVER_S - early_s)

    report = await provider.start_settlement_report(_PERIOD, "key-1")

    assert (report.state, report.reference) == (ReportState.NOT_YET, "")
    assert report.detail == "the day 2026-11-24 is not over: it is from 2026-11-25 on"
    await provider.close()


async def test_a_period_that_ends_before_it_begins(provider: OgoneProvider) -> None:
    """It is refused, instead of being empty."""
    backwards = SettlementPeriod(_PERIOD.last_day, _PERIOD.first_day)

    with pytest.raises(RejectedError, match="before it begins"):
        await provider.start_settlement_report(backwards, "key-1")


@pytest.mark.parametrize("reference", ["", "2026-11-03", "2026-11-03_", "x_y", "2026-11-03_x"])
async def test_a_reference_that_is_none(
    script: ScriptedServer, provider: OgoneProvider, reference: str
) -> None:
    """It is not found, and nobody is asked."""
    with pytest.raises(NotFoundError):
        await provider.retrieve_settlement_report(reference)
    with pytest.raises(NotFoundError):
        await _read(provider, reference)
    assert script.asked == []


async def test_the_download_is_asked_for_as_its_description_says(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """By POST and by the day of the payment, an operation a row, unsigned."""
    script.will_answer(Answer(raw=download_xml()))

    assert await _read(provider) == []

    (asked,) = script.asked
    assert (asked.method, asked.path) == ("POST", "/payment_download_ncp.asp")
    assert asked.parameters == {
        "PSPID": "PaygateTest",
        "USERID": "paygate_api",
        "PSWD": "topsecret-password",
        "level": "HISTLEVEL",
        "afd": "3",
        "afm": "11",
        "afy": "2026",
        "atd": "24",
        "atm": "11",
        "aty": "2026",
        "format": "XML",
        "structure": "DYN",
    }


async def test_rows_that_moved_money_are_lines(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """In Ogone's order; an authorisation and what is pending are none."""
    rows = (
        row_xml("5", PAYIDSUB="0"),
        row_xml("9", PAYIDSUB="1"),
        row_xml("81", PAYIDSUB="2", TOTAL="5", PAYDATE=""),
        row_xml("8", PAYIDSUB="3", TOTAL="7.34"),
    )
    script.will_answer(Answer(raw=download_xml(*rows)))

    taken, given = await _read(provider)

    assert (taken.category, taken.gross_minor) == (SettlementCategory.CHARGE, 1234)
    assert (given.category, given.gross_minor) == (SettlementCategory.REFUND, -734)
    assert (taken.entry_id, given.entry_id) == (f"{PAYID}/1", f"{PAYID}/3")
    assert {taken.payment_reference, given.payment_reference} == {PAYMENT_ID}


@pytest.mark.parametrize(
    "answer,error,said",
    [
        (
            Answer(raw=download_xml("<SYSTEM_ERROR>No profile</SYSTEM_ERROR>")),
            MisconfiguredError,
            "No profile; check the PSPID, the user and its right to download",
        ),
        (Answer(raw=HEAD.encode() + row_xml().encode()), ReportUnreadableError, "after row 1"),
        (
            Answer(raw=HEAD.encode() + row_xml().encode(), cut=True),
            ReportUnreadableError,
            "cut off",
        ),
        (
            Answer(raw=download_xml(row_xml(), row_xml(TOTAL="1.005"))),
            ReportUnreadableError,
            "row 2",
        ),
        (Answer(raw=b"<html>Down</html>"), ReportUnreadableError, "no DOWNLOAD_REPLY, but html"),
        (Answer(raw=b""), ReportUnreadableError, "cut off"),
        (Answer(status=500), UnavailableError, "HTTP 500"),
        (Answer(status=302, headers={"Location": "/"}), UnavailableError, "HTTP 302"),
        (Answer(status=429, headers={"Retry-After": "7"}), RateLimitedError, "too many"),
        (Answer(drop=True), UnavailableError, "no answer"),
        (Answer(stall=True), UnavailableError, "no answer"),
    ],
)
async def test_what_goes_wrong_is_told(
    script: ScriptedServer,
    provider: OgoneProvider,
    answer: Answer,
    error: type[PspError],
    said: str,
) -> None:
    """As the port's errors, never as a report that is shorter; nothing is asked again."""
    script.will_answer(answer)

    with pytest.raises(error) as raised:
        await _read(provider)

    assert type(raised.value) is error
    assert said in raised.value.detail
    assert len(script.asked) == 1


async def test_lines_before_the_end_came_already(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """A download is not kept until it is whole: what was streamed is worth nothing then."""
    whole = HEAD.encode() + row_xml().encode() * 1000
    script.will_answer(Answer(raw=whole, cut=True))
    seen: list[SettlementEntry] = []

    async def read() -> None:
        async for entry in provider.settlement_entries(_REFERENCE):
            seen.append(entry)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(ReportUnreadableError):
        await read()

    assert seen != []


@asynccontextmanager
async def _falling_silent() -> AsyncIterator[str]:
    """Serve downloads that stop after their first row without an end."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write((HEAD + row_xml()).encode())
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_silence_in_the_middle() -> None:
    """Ogone is not there just now: the report may well be whole the next time."""
    async with _falling_silent() as address:
        config = account_config(api_base=address, download_timeout_s=0.2)
        provider = OgoneProvider("ogone_be", config)

        with pytest.raises(UnavailableError, match=r"stopped coming after \d+ bytes"):
            await _read(provider)
        await provider.close()


async def test_nobody_there_to_ask() -> None:
    """Nothing was sent."""
    config = account_config(api_base="http://127.0.0.1:9", connect_timeout_s=1.0)
    provider = OgoneProvider("ogone_be", config)

    with pytest.raises(NotSentError):
        await _read(provider)
    await provider.close()
