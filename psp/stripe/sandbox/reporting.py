"""The Reporting API: what can be reported, runs asked for, and runs moved on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, JsonDict, invalid, missing
from psp.stripe.sandbox.balance import DAY_S
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.model import ReportRun
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.report_columns import ACTIVITY, PAYOUTS, Column, column
from psp.stripe.sandbox.report_rendering import render_report_run, render_report_type

_READY_AFTER_S: Final = 12 * 3600
"""Stripe, "Data availability": a day in UTC is ready within about twelve hours."""
_REACHES_BACK_DAYS: Final = 2 * 365
STATUSES: Final = ("pending", "succeeded", "failed")

_TEXTS: Final[Mapping[str, Column]] = {}


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One report type."""

    id: str
    name: str
    columns: Mapping[str, Column]
    """Empty for the summary, whose columns are always the same."""
    default_columns: Sequence[str]


SUMMARY: Final = ReportKind(
    "balance.summary.1",
    "Balance summary",
    _TEXTS,
    ("category", "description", "net_amount", "currency"),
)
ACTIVITY_REPORT: Final = ReportKind(
    "balance_change_from_activity.itemized.7",
    "Itemized balance change from activity",
    ACTIVITY,
    (
        "balance_transaction_id",
        "created",
        "available_on",
        "currency",
        "gross",
        "fee",
        "net",
        "reporting_category",
        "description",
    ),
)
PAYOUT_REPORT: Final = ReportKind(
    "payouts.itemized.3",
    "Itemized payouts",
    PAYOUTS,
    (
        "payout_id",
        "effective_at",
        "currency",
        "gross",
        "fee",
        "net",
        "reporting_category",
        "balance_transaction_id",
        "description",
    ),
)
KINDS: Final = {kind.id: kind for kind in (SUMMARY, ACTIVITY_REPORT, PAYOUT_REPORT)}


def retrieve_type(books: Books, type_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/reporting/report_types/{id}."""
    _require_reports(books)
    if type_id not in KINDS:
        raise missing("report_type", type_id, "report_type", in_path=True)
    kind = KINDS[type_id]
    start, end = available(books.now())
    return render_report_type(kind.id, kind.name, kind.default_columns, start, end)


def create_run(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/reporting/report_runs: it is made later, and answered as pending."""
    _require_reports(books)
    type_id = parameters.required_text("report_type")
    if type_id not in KINDS:
        raise invalid(f"Report type '{type_id}' does not exist.", "report_type")
    wanted = parameters.below("parameters")
    start, end = wanted.integer("interval_start"), wanted.integer("interval_end")
    if start is None or end is None:
        message = "Missing required report parameters: interval_start, interval_end."
        raise invalid(message, "parameters")
    _check_interval(start, end, *available(books.now()))
    columns = wanted.texts("columns") or list(KINDS[type_id].default_columns)
    _check_columns(KINDS[type_id], columns)
    now = books.now()
    run = ReportRun(
        id=books.new_id("frr"),
        created=now,
        report_type=type_id,
        parameters=wanted.plain(),
        interval_start=start,
        interval_end=end,
        columns=columns,
        file=books.new_id("file"),
        due=now + books.world.circumstances.report_takes_s,
    )
    books.report_runs[run.id] = run
    return render_report_run(run, books.world.address)


def retrieve_run(books: Books, run_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/reporting/report_runs/{id}."""
    if run_id not in books.report_runs:
        raise missing("report_run", run_id, "report_run", in_path=True)
    return render_report_run(books.report_runs[run_id], books.world.address)


def finish_due_runs(books: Books) -> None:
    """Let the runs succeed that have taken their time."""
    now = books.now()
    for run in books.report_runs.values():
        if run.due is not None and run.due <= now:
            move_run(books, run, "succeeded")


def move_run(books: Books, run: ReportRun, status: str, error: str | None = None) -> None:
    """Put a run into any of its statuses, with the event that tells it."""
    if status not in STATUSES:
        raise ApiError(400, f"status is one of {', '.join(STATUSES)}", param="status")
    run.status, run.due = status, None
    run.error = (error or "The report could not be made.") if status == "failed" else None
    run.succeeded_at = books.now() if status == "succeeded" else None
    if status != "pending":
        told = render_report_run(run, books.world.address)
        books.emit(f"reporting.report_run.{status}", told)


def available(now: int) -> tuple[int, int]:
    """Return from when until when there are reports, the end exclusive: a pure function."""
    end = (now - _READY_AFTER_S) // DAY_S * DAY_S
    return end - _REACHES_BACK_DAYS * DAY_S, end


def _require_reports(books: Books) -> None:
    if not books.world.circumstances.has_reports:
        message = "Reports of this type need a live mode API key."
        raise ApiError(400, message, before_execution=True)


def _check_interval(start: int, end: int, first: int, last: int) -> None:
    if start >= end:
        raise invalid("interval_start must be before interval_end.", "parameters[interval_start]")
    for name, moment in (("interval_start", start), ("interval_end", end)):
        if not first <= moment <= last:
            message = f"{name} must be between {first} and {last}, but was {moment}."
            raise invalid(message, f"parameters[{name}]")


def _check_columns(kind: ReportKind, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in kind.default_columns and column(kind.columns, name) is None:
            message = f"'{name}' is no column of {kind.id}."
            raise invalid(message, "parameters[columns]")
