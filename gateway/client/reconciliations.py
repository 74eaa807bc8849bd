"""What a reconciliation came to, in words and sums: for those who print or file it."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import EnumDescriptor

from gateway.reconciliation.documents.values import (
    BalanceRow,
    CountryReport,
    DiscrepancyRow,
    OwnRow,
    RunReport,
    SideRow,
    TotalRow,
)
from paygate.v1 import reconciliation_service_pb2 as pb


def run_report(run: pb.Reconciliation, discrepancies: Iterable[pb.Discrepancy]) -> RunReport:
    """Read a run and what is open at its account."""
    return RunReport(
        id=run.id,
        psp_account=run.psp_account,
        first_day=run.first_day,
        last_day=run.last_day,
        state=_word(pb.ReconciliationState.DESCRIPTOR, run.state, "RECONCILIATION_STATE_"),
        detail=run.detail,
        line_count=run.line_count,
        found=run.found_count,
        new=run.new_count,
        healed=run.healed_count,
        settled_refunds=run.settled_refund_count,
        totals=_totals(run.totals),
        balances=[_balance(each) for each in run.balances],
        shortcomings=list(run.shortcomings),
        discrepancies=[_discrepancy(each) for each in discrepancies],
    )


def country_report(country_day: pb.CountryDay) -> CountryReport:
    """Read a country's day."""
    return CountryReport(
        country_code=country_day.country_code,
        day=country_day.day,
        sides=[
            SideRow(
                psp_account=side.psp_account,
                reconciled=side.reconciled,
                totals=_totals(side.totals),
                captures=_own(side.captures),
                refunds=_own(side.refunds),
            )
            for side in country_day.sides
        ],
    )


def progress_words(progress: pb.ReconciliationProgress) -> str:
    """Say in a few words how far a run is."""
    state = _word(pb.ReconciliationState.DESCRIPTOR, progress.state, "RECONCILIATION_STATE_")
    return state.replace("_", " ")


def _totals(totals: Iterable[pb.SettlementTotal]) -> list[TotalRow]:
    return [
        TotalRow(
            currency=each.currency_code,
            category=_word(pb.SettlementCategory.DESCRIPTOR, each.category, "SETTLEMENT_CATEGORY_"),
            lines=each.lines,
            gross_minor=each.gross_minor,
            fee_minor=each.fee_minor,
            net_minor=each.net_minor,
        )
        for each in totals
    ]


def _balance(balance: pb.SettlementBalance) -> BalanceRow:
    known = balance.HasField("difference_minor")
    return BalanceRow(
        currency=balance.currency_code,
        opening_minor=balance.opening_minor if balance.HasField("opening_minor") else None,
        activity_minor=balance.activity_minor,
        closing_minor=balance.closing_minor if balance.HasField("closing_minor") else None,
        difference_minor=balance.difference_minor if known else None,
    )


def _discrepancy(each: pb.Discrepancy) -> DiscrepancyRow:
    has_resolution = each.resolution != pb.DISCREPANCY_RESOLUTION_UNSPECIFIED
    resolution = _word(
        pb.DiscrepancyResolution.DESCRIPTOR, each.resolution, "DISCREPANCY_RESOLUTION_"
    )
    return DiscrepancyRow(
        id=each.id,
        type=_word(pb.DiscrepancyType.DESCRIPTOR, each.type, "DISCREPANCY_TYPE_"),
        state=_word(pb.DiscrepancyState.DESCRIPTOR, each.state, "DISCREPANCY_STATE_"),
        subject=_word(pb.DiscrepancySubject.DESCRIPTOR, each.subject, "DISCREPANCY_SUBJECT_"),
        reference=each.reference,
        description=each.description,
        currency=each.currency_code,
        ours_minor=each.ours_minor if each.HasField("ours_minor") else None,
        psp_minor=each.psp_minor if each.HasField("psp_minor") else None,
        difference_minor=each.difference_minor,
        payment_id=each.payment_id,
        order_id=each.order_id,
        occurred_time=each.occurred_time.ToJsonString(),
        age_days=each.age_days,
        owner=each.owner,
        note=each.note,
        resolution=resolution if has_resolution else "",
        healed_reason=each.healed_reason,
        first_run_id=each.first_run_id,
        last_run_id=each.last_run_id,
        ours=dict(each.ours),
        psp=dict(each.psp),
    )


def _own(totals: Iterable[pb.OwnTotal]) -> list[OwnRow]:
    return [OwnRow(each.currency_code, each.count, each.amount_minor) for each in totals]


def _word(kind: EnumDescriptor, number: int, prefix: str) -> str:
    known = kind.values_by_number.get(number)
    # A newer gateway may know values that this client does not.
    return str(number) if known is None else known.name.removeprefix(prefix).lower()
