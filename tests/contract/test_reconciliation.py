"""ReconciliationService over a real connection."""

from __future__ import annotations

from datetime import date
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest

from gateway.domain.discrepancy import (
    DiscrepancyFilter,
    DiscrepancyState,
    DiscrepancyType,
    Resolution,
    resolved,
)
from gateway.domain.reconciliation import RunState
from gateway.domain.requests import RequestKey
from gateway.reconciliation.commands import ResolveCommand, RunCommand, RunProgress
from paygate.v1 import reconciliation_service_pb2 as pb
from paygate.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub
from psp.settlements import SettlementPeriod
from tests.contract.edge import RunningEdge, detail, rich_status
from tests.support.payments import NOW
from tests.support.reconciliation import DISCREPANCY_ID, RUN_ID, discrepancy, reconciliation
from tests.unit.api.requests import REQUEST_ID

_DAY = date(2026, 5, 4)


def _run(**changes: Any) -> pb.RunReconciliationRequest:
    fields: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "psp_account": "stripe_eu",
        "first_day": "2026-05-04",
        "last_day": "2026-05-05",
    }
    return pb.RunReconciliationRequest(**{**fields, **changes})


async def test_a_run_streams_progress_and_then_itself(running: RunningEdge) -> None:
    """Its totals, how each currency closes, and what it counted."""
    fake = running.use_cases.reconciliations
    fake.steps = [RunProgress(RUN_ID, RunState.STAGING, 1000, 0)]

    answers = [
        each async for each in ReconciliationServiceStub(running.channel).RunReconciliation(_run())
    ]

    assert fake.seen == [
        RunCommand(
            RequestKey("anonymous", "RunReconciliation", REQUEST_ID),
            "stripe_eu",
            SettlementPeriod(_DAY, date(2026, 5, 5)),
        )
    ]
    progress, last = answers
    assert progress.progress == pb.ReconciliationProgress(
        reconciliation_id=RUN_ID, state=pb.RECONCILIATION_STATE_STAGING, lines_read=1000
    )
    run = last.reconciliation
    assert (run.id, run.state, run.first_day) == (
        RUN_ID,
        pb.RECONCILIATION_STATE_DONE,
        "2026-05-04",
    )
    assert list(run.totals) == [
        pb.SettlementTotal(
            currency_code="EUR",
            category=pb.SETTLEMENT_CATEGORY_CHARGE,
            lines=1,
            gross_minor=1999,
            fee_minor=29,
            net_minor=1970,
        )
    ]
    assert list(run.balances) == [
        pb.SettlementBalance(
            currency_code="EUR",
            opening_minor=5,
            activity_minor=1970,
            closing_minor=1975,
            difference_minor=0,
        )
    ]
    assert (run.found_count, run.new_count, run.healed_count, run.settled_refund_count) == (
        1,
        1,
        2,
        3,
    )


async def test_a_run_that_waits_is_an_answer(running: RunningEdge) -> None:
    """Not an error: its state and why."""
    running.use_cases.reconciliations.reconciliation = reconciliation(
        state=RunState.WAITING_FOR_REPORT, detail="not before noon", totals=(), opening_minor=None
    )

    (answer,) = [
        each async for each in ReconciliationServiceStub(running.channel).RunReconciliation(_run())
    ]

    run = answer.reconciliation
    assert (run.state, run.detail) == (
        pb.RECONCILIATION_STATE_WAITING_FOR_REPORT,
        "not before noon",
    )
    assert not run.balances[0].HasField("opening_minor")
    assert not run.balances[0].HasField("difference_minor")


@pytest.mark.parametrize(
    "changes, fields",
    [
        ({"first_day": "4.5.2026", "last_day": ""}, ["first_day", "last_day"]),
        ({"first_day": "2026-02-30"}, ["first_day"]),
        ({"last_day": "2026-05-03"}, ["last_day"]),
        ({"last_day": "2027-05-05"}, ["last_day"]),
        ({"request_id": "", "psp_account": "a b"}, ["request_id", "psp_account"]),
    ],
)
async def test_a_malformed_run_is_refused(
    running: RunningEdge, changes: dict[str, str], fields: list[str]
) -> None:
    """With every violation at once, and nothing is begun."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ReconciliationServiceStub(running.channel).RunReconciliation(_run(**changes)).read()

    bad = detail(rich_status(caught.value), BadRequest)
    assert [each.field for each in bad.field_violations] == fields
    assert running.use_cases.reconciliations.seen == []


async def test_a_run_and_a_country_s_day_are_found(running: RunningEdge) -> None:
    """By id, or by country, day and accounts."""
    stub = ReconciliationServiceStub(running.channel)
    selector = pb.CountryDaySelector(
        country_code="BE", day="2026-05-04", psp_accounts=["stripe_eu", "ogone_be"]
    )

    run = await stub.GetReconciliation(pb.GetReconciliationRequest(reconciliation_id=RUN_ID))
    day = await stub.GetReconciliation(pb.GetReconciliationRequest(country_day=selector))

    assert run.reconciliation.id == RUN_ID
    assert [side.psp_account for side in day.country_day.sides] == ["stripe_eu", "ogone_be"]
    assert running.use_cases.reconciliations.seen == [
        RUN_ID,
        ("BE", _DAY, ("stripe_eu", "ogone_be")),
    ]


@pytest.mark.parametrize(
    "request_message, fields",
    [
        (pb.GetReconciliationRequest(), ["reconciliation_id"]),
        (
            pb.GetReconciliationRequest(country_day=pb.CountryDaySelector(country_code="be")),
            ["country_day.country_code", "country_day.day", "country_day.psp_accounts"],
        ),
    ],
)
async def test_what_names_nothing_is_refused(
    running: RunningEdge, request_message: pb.GetReconciliationRequest, fields: list[str]
) -> None:
    """With every violation at once."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ReconciliationServiceStub(running.channel).GetReconciliation(request_message)

    bad = detail(rich_status(caught.value), BadRequest)
    assert [each.field for each in bad.field_violations] == fields


async def test_discrepancies_are_listed_by_page(running: RunningEdge) -> None:
    """Narrowed by every filter; a side that has nothing has no amount."""
    fake = running.use_cases.reconciliations
    fake.discrepancies = [discrepancy(), discrepancy()]
    request = pb.ListDiscrepanciesRequest(
        psp_account="stripe_eu",
        state=pb.DISCREPANCY_STATE_OPEN,
        type=pb.DISCREPANCY_TYPE_MISSING_HERE,
        reconciliation_id=RUN_ID,
        page_size=1,
    )
    stub = ReconciliationServiceStub(running.channel)

    first = await stub.ListDiscrepancies(request)
    request.page_token = first.next_page_token
    await stub.ListDiscrepancies(request)

    (told,) = first.discrepancies
    assert (told.id, told.subject, told.reference) == (
        DISCREPANCY_ID,
        pb.DISCREPANCY_SUBJECT_PAYMENT,
        "pi_1",
    )
    assert not told.HasField("ours_minor")
    assert (told.psp_minor, told.difference_minor, told.age_days) == (1999, 1999, 2)
    assert told.psp == {"first_entry": "txn_1"}
    wanted = DiscrepancyFilter(
        "stripe_eu", DiscrepancyState.OPEN, DiscrepancyType.MISSING_HERE, RUN_ID
    )
    assert fake.seen == [(wanted, "", 1), (wanted, DISCREPANCY_ID, 1)]


async def test_a_discrepancy_is_resolved(running: RunningEdge) -> None:
    """With owner, note and resolution."""
    fake = running.use_cases.reconciliations
    fake.discrepancies = [resolved(discrepancy(), "ana", "a loss", Resolution.WRITTEN_OFF, NOW)]
    request = pb.ResolveDiscrepancyRequest(
        request_id=REQUEST_ID,
        discrepancy_id=DISCREPANCY_ID,
        owner="ana",
        note="a loss",
        resolution=pb.DISCREPANCY_RESOLUTION_WRITTEN_OFF,
    )

    answer = await ReconciliationServiceStub(running.channel).ResolveDiscrepancy(request)

    assert answer.discrepancy.state == pb.DISCREPANCY_STATE_RESOLVED
    assert answer.discrepancy.resolution == pb.DISCREPANCY_RESOLUTION_WRITTEN_OFF
    assert fake.seen == [
        ResolveCommand(
            RequestKey("anonymous", "ResolveDiscrepancy", REQUEST_ID),
            DISCREPANCY_ID,
            "ana",
            "a loss",
            Resolution.WRITTEN_OFF,
        )
    ]


@pytest.mark.parametrize(
    "changes, field",
    [
        ({}, "resolution"),
        ({"note": "4242 4242 4242 4242"}, "note"),
        ({"note": "x" * 1001}, "note"),
        ({"owner": "ana", "discrepancy_id": "pay_1"}, "discrepancy_id"),
        ({"resolution": 99}, "resolution"),
    ],
)
async def test_a_malformed_resolution_is_refused(
    running: RunningEdge, changes: dict[str, Any], field: str
) -> None:
    """Also one that says nothing, and one with a card number in it."""
    fields = {"request_id": REQUEST_ID, "discrepancy_id": DISCREPANCY_ID, **changes}

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ReconciliationServiceStub(running.channel).ResolveDiscrepancy(
            pb.ResolveDiscrepancyRequest(**fields)
        )

    bad = detail(rich_status(caught.value), BadRequest)
    assert [each.field for each in bad.field_violations] == [field]
