"""Runs, discrepancies and countries' days written as messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.api.enums import (
    DISCREPANCY_RESOLUTIONS,
    DISCREPANCY_STATES,
    DISCREPANCY_SUBJECTS,
    DISCREPANCY_TYPES,
    RECONCILIATION_STATES,
    SETTLEMENT_CATEGORIES,
)
from gateway.api.money import timestamp_message
from gateway.domain.discrepancy import Discrepancy
from gateway.domain.reconciliation import (
    Balance,
    CategoryTotal,
    CountryDay,
    CountrySide,
    OwnTotal,
    Reconciliation,
    shortcomings,
)
from gateway.reconciliation.commands import RunProgress
from paygate.v1 import reconciliation_service_pb2 as pb


def progress_message(progress: RunProgress) -> pb.ReconciliationProgress:
    """Write how far a run is."""
    return pb.ReconciliationProgress(
        reconciliation_id=progress.run_id,
        state=RECONCILIATION_STATES.to_wire[progress.state],
        lines_read=progress.lines_read,
        lines_matched=progress.lines_matched,
    )


def reconciliation_message(run: Reconciliation) -> pb.Reconciliation:
    """Write a run."""
    return pb.Reconciliation(
        id=run.id,
        psp_account=run.psp_account,
        first_day=run.period.first_day.isoformat(),
        last_day=run.period.last_day.isoformat(),
        state=RECONCILIATION_STATES.to_wire[run.state],
        detail=run.detail,
        line_count=run.line_count,
        totals=_total_messages(run.totals),
        balances=[_balance_message(balance) for balance in run.balances],
        shortcomings=shortcomings(run),
        found_count=run.counts.found,
        new_count=run.counts.new,
        healed_count=run.counts.healed,
        settled_refund_count=run.counts.settled,
        create_time=timestamp_message(run.create_time),
        update_time=timestamp_message(run.update_time),
    )


def discrepancy_message(discrepancy: Discrepancy, now: datetime) -> pb.Discrepancy:
    """Write a discrepancy."""
    finding = discrepancy.finding
    resolution = discrepancy.resolution
    return pb.Discrepancy(
        id=discrepancy.id,
        psp_account=discrepancy.psp_account,
        type=DISCREPANCY_TYPES.to_wire[finding.type],
        subject=DISCREPANCY_SUBJECTS.to_wire[finding.subject.kind],
        reference=finding.subject.reference,
        state=DISCREPANCY_STATES.to_wire[discrepancy.state],
        description=finding.description,
        currency_code=finding.currency,
        ours_minor=finding.ours_minor,
        psp_minor=finding.psp_minor,
        difference_minor=discrepancy.difference_minor,
        ours=finding.ours,
        psp=finding.psp,
        payment_id=finding.payment_id,
        order_id=finding.order_id,
        occurred_time=timestamp_message(finding.occurred_time),
        first_run_id=discrepancy.first_run_id,
        last_run_id=discrepancy.last_run_id,
        first_seen_time=timestamp_message(discrepancy.first_seen_time),
        last_seen_time=timestamp_message(discrepancy.last_seen_time),
        age_days=discrepancy.age_days(now),
        owner=discrepancy.owner,
        note=discrepancy.note,
        resolution=pb.DISCREPANCY_RESOLUTION_UNSPECIFIED
        if resolution is None
        else DISCREPANCY_RESOLUTIONS.to_wire[resolution],
        healed_reason=discrepancy.healed_reason,
        version=discrepancy.version,
    )


def country_day_message(country_day: CountryDay) -> pb.CountryDay:
    """Write a country's day."""
    return pb.CountryDay(
        country_code=country_day.country_code,
        day=country_day.day.isoformat(),
        sides=[_side_message(side) for side in country_day.sides],
    )


def _side_message(side: CountrySide) -> pb.CountryDaySide:
    return pb.CountryDaySide(
        psp_account=side.psp_account,
        reconciled=side.is_reconciled,
        totals=_total_messages(side.totals),
        captures=_own_messages(side.captures),
        refunds=_own_messages(side.refunds),
    )


def _total_messages(totals: Iterable[CategoryTotal]) -> list[pb.SettlementTotal]:
    return [
        pb.SettlementTotal(
            currency_code=total.currency,
            category=SETTLEMENT_CATEGORIES.to_wire[total.category],
            lines=total.lines,
            gross_minor=total.gross_minor,
            fee_minor=total.fee_minor,
            net_minor=total.net_minor,
        )
        for total in totals
    ]


def _balance_message(balance: Balance) -> pb.SettlementBalance:
    return pb.SettlementBalance(
        currency_code=balance.currency,
        opening_minor=balance.opening_minor,
        activity_minor=balance.activity_minor,
        closing_minor=balance.closing_minor,
        difference_minor=balance.difference_minor,
    )


def _own_messages(totals: Iterable[OwnTotal]) -> list[pb.OwnTotal]:
    return [
        pb.OwnTotal(
            currency_code=total.currency, count=total.count, amount_minor=total.amount_minor
        )
        for total in totals
    ]
