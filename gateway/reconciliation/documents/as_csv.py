"""A reconciliation as one CSV table: totals, balances and discrepancies, told apart by `record`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final, TextIO

from gateway.reconciliation.documents.values import Report, RunReport

COLUMNS: Final = (
    "record",
    "psp_account",
    "first_day",
    "last_day",
    "currency",
    "name",
    "reference",
    "lines",
    "gross_minor",
    "fee_minor",
    "net_minor",
    "opening_minor",
    "activity_minor",
    "closing_minor",
    "ours_minor",
    "psp_minor",
    "difference_minor",
    "state",
    "age_days",
    "payment_id",
    "order_id",
    "owner",
    "note",
    "description",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write_csv(report: Report, file: TextIO) -> None:
    """Write it, header first."""
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for run in report.runs:
        place = {
            "psp_account": run.psp_account,
            "first_day": run.first_day,
            "last_day": run.last_day,
        }
        for record in _records(run):
            writer.writerow({name: _cell(value) for name, value in {**place, **record}.items()})


def _records(run: RunReport) -> Iterator[dict[str, object]]:
    yield {"record": "run", "name": run.id, "state": run.state, "description": run.detail}
    for total in run.totals:
        yield {
            "record": "total",
            "currency": total.currency,
            "name": total.category,
            "lines": total.lines,
            "gross_minor": total.gross_minor,
            "fee_minor": total.fee_minor,
            "net_minor": total.net_minor,
        }
    for balance in run.balances:
        yield {
            "record": "balance",
            "currency": balance.currency,
            "opening_minor": balance.opening_minor,
            "activity_minor": balance.activity_minor,
            "closing_minor": balance.closing_minor,
            "difference_minor": balance.difference_minor,
        }
    for each in run.discrepancies:
        yield {
            "record": "discrepancy",
            "currency": each.currency,
            "name": each.type,
            "reference": each.reference,
            "ours_minor": each.ours_minor,
            "psp_minor": each.psp_minor,
            "difference_minor": each.difference_minor,
            "state": each.state,
            "age_days": each.age_days,
            "payment_id": each.payment_id,
            "order_id": each.order_id,
            "owner": each.owner,
            "note": each.note,
            "description": each.description,
        }


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: a PSP's texts may begin like one."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
