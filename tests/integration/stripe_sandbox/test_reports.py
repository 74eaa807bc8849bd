"""The sandbox's reports: when there are any, how they are made, and what is in the files."""

from __future__ import annotations

import csv
import io

import aiohttp
import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.drifting import OF_A_FILE, DriftKind
from psp.stripe.sandbox.synthetic import synthetic_balance, synthetic_line
from tests.integration.stripe_sandbox.support import API_KEY, ManualClock, Shop

JsonDict = dict[str, object]

_ACTIVITY = "balance_change_from_activity.itemized.7"
_MIDNIGHT = 1_800_057_600  # 2027-01-16T00:00:00Z, after the shop's 2027-01-15T08:00:00Z
_DAY_S = 86_400
_CLOSED = _MIDNIGHT + 12 * 3600
_DAY: JsonDict = {"interval_start": _MIDNIGHT - _DAY_S, "interval_end": _MIDNIGHT}


async def _ask(
    shop: Shop, report_type: str = _ACTIVITY, **parameters: object
) -> stripe.reporting.ReportRun:
    wanted = {"report_type": report_type, "parameters": {**_DAY, **parameters}}
    return await shop.client.v1.reporting.report_runs.create_async(wanted)  # type: ignore[arg-type]  # fields by name


async def _finished(shop: Shop, run_id: str) -> stripe.reporting.ReportRun:
    return await shop.client.v1.reporting.report_runs.retrieve_async(run_id)


async def _file(
    session: aiohttp.ClientSession, run: stripe.reporting.ReportRun, key: str = API_KEY
) -> tuple[int, list[dict[str, str]]]:
    assert run.result is not None
    assert run.result.url is not None
    headers = {"Authorization": f"Bearer {key}"}
    async with session.get(run.result.url, headers=headers) as answer:
        rows = list(csv.DictReader(io.StringIO(await answer.text(), newline="")))
        return answer.status, rows


async def _rows(
    shop: Shop, session: aiohttp.ClientSession, report_type: str = _ACTIVITY, **parameters: object
) -> list[dict[str, str]]:
    run = await _ask(shop, report_type, **parameters)
    return (await _file(session, await _finished(shop, run.id)))[1]


@pytest.mark.parametrize("hour, days", [(11, 0), (12, 1), (35, 1), (36, 2)])
async def test_a_day_is_ready_after_twelve_hours(
    shop: Shop, clock: ManualClock, hour: int, days: int
) -> None:
    """Whole days in UTC only."""
    clock.seconds = _MIDNIGHT + hour * 3600

    told = await shop.client.v1.reporting.report_types.retrieve_async(_ACTIVITY)

    assert told.data_available_end == _MIDNIGHT + (days - 1) * _DAY_S
    assert told.default_columns is not None
    assert "net" in told.default_columns


async def test_a_run_is_made_and_told(
    shop: Shop, sandbox: StripeSandbox, clock: ManualClock
) -> None:
    """Pending at first, for as long as the test says; its end is an event."""
    clock.seconds = _CLOSED
    sandbox.set_circumstances(report_takes_s=60)
    run = await _ask(shop)
    waiting = await _finished(shop, run.id)
    clock.seconds += 60
    done = await _finished(shop, run.id)

    assert (run.status, waiting.status, done.status) == ("pending", "pending", "succeeded")
    assert (run.result, waiting.result) == (None, None)
    assert done.succeeded_at == clock.seconds
    assert await shop.event_types() == ["reporting.report_run.succeeded"]


async def test_a_run_fails_on_demand(
    shop: Shop, sandbox: StripeSandbox, clock: ManualClock
) -> None:
    """And has no file then."""
    clock.seconds = _CLOSED
    run = await _ask(shop)

    sandbox.force_report(run.id, "failed", "Too many rows.")

    failed = await _finished(shop, run.id)
    assert (failed.status, failed.error, failed.result) == ("failed", "Too many rows.", None)
    assert await shop.event_types() == ["reporting.report_run.failed"]
    with pytest.raises(ApiError):
        sandbox.force_report(run.id, "lost")
    with pytest.raises(ApiError):
        sandbox.force_report("frr_unknown", "failed")


@pytest.mark.parametrize(
    "report_type, parameters",
    [
        ("balance_change_from_activity.itemized.99", {}),
        (_ACTIVITY, {"interval_end": _MIDNIGHT + _DAY_S}),
        (_ACTIVITY, {"interval_start": 0}),
        (_ACTIVITY, {"interval_start": _MIDNIGHT}),
        (_ACTIVITY, {"columns": ["net", "weather"]}),
        (_ACTIVITY, {"columns": ["weather[key]"]}),
        ("payouts.itemized.3", {"columns": ["payment_metadata[key]"]}),
        (_ACTIVITY, {"timezone": "Europe/Paris"}),
    ],
)
async def test_what_cannot_be_reported_is_refused(
    shop: Shop, clock: ManualClock, report_type: str, parameters: JsonDict
) -> None:
    """400, as documented."""
    clock.seconds = _CLOSED

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await _ask(shop, report_type, **parameters)

    assert refused.value.http_status == 400


async def test_an_account_may_have_no_reports(
    shop: Shop, sandbox: StripeSandbox, clock: ManualClock
) -> None:
    """As a test key has none at Stripe; its balance transactions are listed all the same."""
    clock.seconds = _CLOSED
    sandbox.set_circumstances(has_reports=False)

    with pytest.raises(stripe.InvalidRequestError):
        await shop.client.v1.reporting.report_types.retrieve_async(_ACTIVITY)
    with pytest.raises(stripe.InvalidRequestError):
        await _ask(shop)
    assert (await shop.client.v1.balance_transactions.list_async()).data == []


async def test_amounts_are_in_major_units(
    shop: Shop, sandbox: StripeSandbox, session: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """Unlike the API's, and with as many decimals as the currency has."""
    intent = await shop.confirmed(metadata={"ours": "1"})
    await shop.client.v1.refunds.create_async(
        {"payment_intent": intent.id, "amount": 500, "metadata": {"back": "2"}}
    )
    await shop.confirmed(currency="jpy", amount=500)
    await shop.confirmed(currency="kwd", amount=12_340)
    await shop.confirmed(currency="isk", amount=70_000)
    clock.seconds = _CLOSED

    columns = ["gross", "fee", "currency", "payment_metadata[ours]", "refund_metadata[back]"]
    rows = await _rows(shop, session, columns=columns)

    assert [list(row.values()) for row in rows] == [
        ["20.00", "0.55", "eur", "1", ""],
        ["-5.00", "0.00", "eur", "1", "2"],
        ["500", "32", "jpy", "", ""],
        ["12.340", "0.210", "kwd", "", ""],
        ["700.00", "10.00", "isk", "", ""],
    ]


async def test_default_columns(
    shop: Shop, session: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """Those that Stripe gives to who does not ask."""
    intent = await shop.confirmed(description="Socks, grey")
    clock.seconds = _CLOSED

    (row,) = await _rows(shop, session)

    assert intent.latest_charge
    assert {**row, "balance_transaction_id": ""} == {
        "balance_transaction_id": "",
        "created": "2027-01-15 08:00:00",
        "available_on": "2027-01-17 00:00:00",
        "currency": "eur",
        "gross": "20.00",
        "fee": "0.55",
        "net": "19.45",
        "reporting_category": "charge",
        "description": "Socks, grey",
    }


async def test_payouts_are_a_report_of_their_own(
    shop: Shop, sandbox: StripeSandbox, session: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """The activity leaves them out, and the summary closes over both."""
    sandbox.book(API_KEY, "other_adjustment", 5000, "eur")
    payout = sandbox.pay_out(API_KEY, "eur", 3000)
    clock.seconds = _CLOSED

    activity = await _rows(shop, session)
    payouts = await _rows(shop, session, "payouts.itemized.3")
    summary = await _rows(shop, session, "balance.summary.1")

    assert [row["reporting_category"] for row in activity] == ["other_adjustment"]
    assert [(row["payout_id"], row["gross"]) for row in payouts] == [(payout, "-30.00")]
    assert [(row["category"], row["net_amount"]) for row in summary] == [
        ("starting_balance", "0.00"),
        ("activity", "50.00"),
        ("payouts", "-30.00"),
        ("ending_balance", "20.00"),
    ]


async def test_files_are_for_their_account_only(
    shop: Shop, session: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """Without its key there is nothing to see."""
    clock.seconds = _CLOSED
    run = await _ask(shop)
    done = await _finished(shop, run.id)

    statuses = [(await _file(session, done, key))[0] for key in (API_KEY, "sk_test_other", "wrong")]

    assert statuses == [200, 404, 401]


async def test_invented_lines_balance(
    shop: Shop, sandbox: StripeSandbox, session: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """As many as wanted; every fifth refunds the one before it, and the summary knows them."""
    clock.seconds = _CLOSED
    sandbox.set_circumstances(synthetic_rows=2500)

    columns = ["balance_transaction_id", "net", "reporting_category", "source_id"]
    rows = await _rows(shop, session, columns=columns)
    summary = await _rows(shop, session, "balance.summary.1")

    assert len(rows) == 2500
    assert (rows[4]["source_id"], rows[4]["reporting_category"]) == ("re_synthetic_4", "refund")
    assert synthetic_line(4).payment_intent == synthetic_line(3).payment_intent
    cents = sum(int(row["net"].replace(".", "")) for row in rows)
    assert cents == synthetic_balance(2500)
    assert summary[-1]["net_amount"].replace(".", "") == str(cents)


# ---------------------------------------------------------------- drift


async def test_a_drift_hits_what_it_is_told_to(shop: Shop, sandbox: StripeSandbox) -> None:
    """A line, by its own id or by what moved it; the newest without a word; whole files."""
    intent = await shop.confirmed()
    refund = sandbox.refund_by_hand(intent.id, 500)
    refunded, charged = (await shop.client.v1.balance_transactions.list_async()).data

    assert sandbox.drift("missing") == refunded.id
    assert sandbox.drift("missing", refund) == refunded.id
    assert sandbox.drift("missing", charged.id) == charged.id
    assert sandbox.drift("missing", str(intent.latest_charge)) == charged.id
    assert sandbox.drift("missing", intent.id) == charged.id
    assert {sandbox.drift(kind) for kind in OF_A_FILE} == {""}
    with pytest.raises(ApiError):
        sandbox.drift("missing", "re_unknown")
    with pytest.raises(ValueError, match="earthquake"):
        sandbox.drift("earthquake")


@pytest.mark.parametrize("kind", sorted(set(DriftKind) - OF_A_FILE))
async def test_a_drift_spoils_one_line_of_a_report(
    shop: Shop,
    sandbox: StripeSandbox,
    session: aiohttp.ClientSession,
    clock: ManualClock,
    kind: DriftKind,
) -> None:
    """Every other line stays as it is, the summary tells the truth, and it can be taken back."""
    intent = await shop.confirmed()
    await shop.confirmed()
    clock.seconds = _CLOSED
    run = await _finished(shop, (await _ask(shop)).id)
    summary = await _finished(shop, (await _ask(shop, "balance.summary.1")).id)
    true, truth = (await _file(session, run))[1], (await _file(session, summary))[1]

    hit = sandbox.drift(kind, intent.id)
    told = (await _file(session, run))[1]
    assert (await _file(session, summary))[1] == truth
    sandbox.end_drift()

    other = [row for row in true if row["balance_transaction_id"] != hit]
    assert [row for row in told if not row["balance_transaction_id"].startswith(hit)] == other
    assert told != true
    assert (await _file(session, run))[1] == true


async def test_books_are_directed_over_http(
    shop: Shop, sandbox: StripeSandbox, session: aiohttp.ClientSession, clock: ManualClock
) -> None:
    """What another process can do about the balance; a reset makes all well again."""

    async def call(method: str, path: str, **body: object) -> tuple[int, JsonDict]:
        url = f"{sandbox.address}/_sandbox/{path}"
        async with session.request(method, url, json=body or None) as answer:
            told: JsonDict = await answer.json()
            return answer.status, told

    booked = {"api_key": API_KEY, "category": "other_adjustment", "currency": "eur"}
    status, line = await call("POST", "balance_transactions", amount=5000, **booked)
    assert status == 200
    assert (await call("POST", "payouts", api_key=API_KEY, currency="eur"))[0] == 200
    assert await call("POST", "drift", kind="missing", subject=line["id"]) == (200, line)
    listed = await shop.client.v1.balance_transactions.list_async()
    assert [found.type for found in listed.data] == ["payout"]
    assert await call("DELETE", "drift") == (200, {})
    assert await call("POST", "circumstances", report_takes_s=5, synthetic_rows=3) == (200, {})
    clock.seconds = _CLOSED
    run = await _ask(shop)
    assert await call("POST", f"report_runs/{run.id}/status", status="succeeded") == (200, {})
    assert len((await _file(session, await _finished(shop, run.id)))[1]) == 4

    wrong: list[tuple[str, JsonDict]] = [
        ("drift", {"kind": "earthquake"}),
        ("circumstances", {"has_reports": 1}),
        ("circumstances", {"report_takes_s": True}),
        ("payouts", {"api_key": API_KEY, "currency": "eur"}),
        ("balance_transactions", {**booked, "amount": "5"}),
        (f"report_runs/{run.id}/status", {"status": "lost"}),
    ]
    for path, body in wrong:
        assert (await call("POST", path, **body))[0] == 400, path
    await call("POST", "reset")
    assert (await shop.client.v1.balance_transactions.list_async()).data == []
