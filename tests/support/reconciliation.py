"""A run and a discrepancy that tests start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.domain.discrepancy import (
    Discrepancy,
    DiscrepancyType,
    Finding,
    Subject,
    SubjectKind,
    seen,
)
from gateway.domain.reconciliation import CategoryTotal, Reconciliation, RunCounts, RunState
from psp.settlements import SettlementCategory, SettlementPeriod
from tests.support.payments import NOW

RUN_ID = "rec_00000000000000000000000001"
DISCREPANCY_ID = "dis_00000000000000000000000001"


def reconciliation(**changes: Any) -> Reconciliation:
    """Return a run of one day that closes to the cent."""
    base = Reconciliation(
        id=RUN_ID,
        psp_account="stripe_eu",
        period=SettlementPeriod(NOW.date(), NOW.date()),
        state=RunState.DONE,
        detail="",
        create_time=NOW,
        update_time=NOW,
        line_count=1,
        opening_minor={"EUR": 5},
        closing_minor={"EUR": 1975},
        totals=(CategoryTotal("EUR", SettlementCategory.CHARGE, 1, 1999, 29, 1970),),
        counts=RunCounts(found=1, new=1, healed=2, settled=3),
    )
    return replace(base, **changes)


def discrepancy(**changes: Any) -> Discrepancy:
    """Return an open difference: charged at the PSP, and not known here."""
    finding = Finding(
        DiscrepancyType.MISSING_HERE,
        Subject(SubjectKind.PAYMENT, "pi_1"),
        "EUR",
        None,
        1999,
        "the PSP's books charge a payment not known here",
        NOW,
        psp={"first_entry": "txn_1"},
    )
    found = seen(None, finding, "stripe_eu", RUN_ID, NOW)
    return replace(found, **{"id": DISCREPANCY_ID, **changes})
