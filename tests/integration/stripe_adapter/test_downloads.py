"""Reports as they come over the wire: packed, cut off, refused, silent."""

from __future__ import annotations

import gzip
from datetime import date

import pytest

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    PspError,
    RejectedError,
    ReportUnreadableError,
    UnavailableError,
)
from psp.settlements import SettlementPeriod
from psp.stripe.provider import StripeProvider
from psp.stripe.report_reading import ACTIVITY_COLUMNS
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.stripe.support import JsonDict, account_config

_REFERENCE = "report_runs/frr_1/frr_2/frr_3"
_ROW = "{0},2027-01-15 12:00:00,eur,5.00,0.10,4.90,charge,,ch_1,ch_1,pi_1,pay_1,,\n"
_REPORT = (",".join(ACTIVITY_COLUMNS) + "\n" + _ROW.format("txn_1") + _ROW.format("txn_2")).encode()


def _run(script: ScriptedServer, number: int, **changes: object) -> Answer:
    file = {"id": "file_1", "object": "file", "url": f"{script.address}/v1/files/file_1/contents"}
    run: JsonDict = {
        "id": f"frr_{number}",
        "object": "reporting.report_run",
        "error": None,
        "result": file,
        "status": "succeeded",
    }
    return Answer({**run, **changes})


async def _ids(script: ScriptedServer, *answers: Answer, **changes: object) -> list[str]:
    """Read the activity of three runs that succeeded, as the script answers the download."""
    script.will_answer(*(_run(script, number) for number in (1, 2, 3)), *answers)
    script.will_answer(Answer(raw=b"nothing more is asked for"))
    config = account_config(
        api_base=script.address, files_base=script.address, max_network_retries=0, **changes
    )
    provider = StripeProvider("stripe_fr", config)
    found: list[str] = []
    try:
        async for entry in provider.settlement_entries(_REFERENCE):
            found.append(entry.entry_id)
            if len(found) == 2:
                break
    finally:
        await provider.close()
    return found


async def test_the_download_bears_the_key(script: ScriptedServer) -> None:
    """And asks for packed bytes, which are taken unpacked too."""
    assert await _ids(script, Answer(raw=_REPORT)) == ["txn_1", "txn_2"]

    asked = script.asked[3]
    assert (asked.method, asked.path) == ("GET", "/v1/files/file_1/contents")
    assert asked.headers["Authorization"] == "Bearer sk_test_adapter"
    assert asked.headers["Accept-Encoding"] == "gzip"


async def test_a_packed_report_is_unpacked(script: ScriptedServer) -> None:
    """A piece at a time."""
    packed = Answer(raw=gzip.compress(_REPORT), headers={"Content-Encoding": "gzip"})

    assert await _ids(script, packed) == ["txn_1", "txn_2"]


_GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    "answer, words",
    [
        (Answer(raw=b""), "it is empty: not even a header came"),
        (Answer(raw=_REPORT[:-1]), "it ends within line 3"),
        (Answer(raw=_REPORT[: -len(_ROW.format("txn_2"))], cut=True), "it was cut off after"),
        (Answer(raw=gzip.compress(_REPORT)[:-9], headers=_GZIP), "its gzip ends too early"),
        (Answer(raw=b"", headers=_GZIP), "its gzip ends too early"),
        (Answer(raw=_REPORT, headers=_GZIP), "it is no gzip"),
        (Answer(raw=b"<html>Sorry</html>\n"), "it lacks the columns balance_transaction_id"),
    ],
)
async def test_a_report_that_is_not_whole(
    script: ScriptedServer, answer: Answer, words: str
) -> None:
    """However it was cut, and wherever: it never passes for a shorter day."""
    with pytest.raises(ReportUnreadableError) as bad:
        # One more than there is, so that the end is reached.
        await _all(script, answer)

    assert "balance_change_from_activity.itemized.7 frr_1" in bad.value.detail
    assert words in bad.value.detail


async def _all(script: ScriptedServer, answer: Answer) -> None:
    script.will_answer(*(_run(script, number) for number in (1, 2, 3)), answer)
    config = account_config(
        api_base=script.address, files_base=script.address, max_network_retries=0
    )
    provider = StripeProvider("stripe_fr", config)
    try:
        async for _ in provider.settlement_entries(_REFERENCE):
            pass
    finally:
        await provider.close()


@pytest.mark.parametrize(
    "answer, error",
    [
        (Answer(status=401), MisconfiguredError),
        (Answer(status=403), MisconfiguredError),
        (Answer({"error": {"code": "resource_missing"}}, status=404), NotFoundError),
        (Answer({"error": {"message": "no"}}, status=400), RejectedError),
        (Answer(status=503), UnavailableError),
        (Answer(raw=b"<html>", status=502), UnavailableError),
        (Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}), UnavailableError),
    ],
)
async def test_a_refused_download(
    script: ScriptedServer, answer: Answer, error: type[PspError]
) -> None:
    """In the port's words, and never followed to another place with our key."""
    with pytest.raises(error) as refused:
        await _ids(script, answer)

    assert type(refused.value) is error


async def test_a_download_that_falls_silent(script: ScriptedServer) -> None:
    """Is given up, and can be begun again."""
    with pytest.raises(UnavailableError):
        await _ids(script, Answer(stall=True), read_timeout_s=0.05, total_timeout_s=0.1)


async def test_what_is_asked_of_stripe(script: ScriptedServer) -> None:
    """Three reports of whole days, each under its own key, with the columns that are read."""
    report_type = Answer(
        {
            "object": "reporting.report_type",
            "data_available_start": 0,
            "data_available_end": 1_900_000_000,
        }
    )
    script.will_answer(*[report_type] * 3)
    script.will_answer(*(_run(script, number, status="pending") for number in (1, 2, 3)))
    provider = StripeProvider(
        "stripe_fr", account_config(api_base=script.address, settlement_source="report_runs")
    )
    period = SettlementPeriod(date(2027, 1, 15), date(2027, 1, 16))

    report = await provider.start_settlement_report(period, "report-1")
    await provider.close()

    assert report.reference == _REFERENCE
    asked = [one for one in script.asked if one.method == "POST"]
    assert [(one.parameters["report_type"], one.idempotency_key) for one in asked] == [
        ("balance_change_from_activity.itemized.7", "report-1:activity"),
        ("payouts.itemized.3", "report-1:payouts"),
        ("balance.summary.1", "report-1:summary"),
    ]
    for one in asked:
        assert one.parameters["parameters[interval_start]"] == "1799971200"
        assert one.parameters["parameters[interval_end]"] == "1800144000"
    columns = {
        value
        for name, value in asked[0].parameters.items()
        if name.startswith("parameters[columns]")
    }
    assert columns == set(ACTIVITY_COLUMNS)
    assert {
        "source_id",
        "payment_metadata[paygate_payment_id]",
        "refund_metadata[paygate_refund_id]",
    } <= columns


@pytest.mark.parametrize("status", ["brand_new", None])
async def test_an_unknown_state_is_waited_for(script: ScriptedServer, status: str | None) -> None:
    """It may still become a report; only Stripe's own word makes it a failure."""
    script.will_answer(*(_run(script, number, status=status) for number in (1, 2, 3)))
    provider = StripeProvider("stripe_fr", account_config(api_base=script.address))

    report = await provider.retrieve_settlement_report(_REFERENCE)
    await provider.close()

    assert report.state == "pending"
