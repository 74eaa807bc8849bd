"""Report types and runs as Stripe's JSON."""

from __future__ import annotations

from collections.abc import Sequence

from psp.stripe.sandbox.api_errors import JsonDict
from psp.stripe.sandbox.model import ReportRun


def render_report_type(
    type_id: str, name: str, columns: Sequence[str], start: int, end: int
) -> JsonDict:
    """Return a ReportType."""
    return {
        "id": type_id,
        "object": "reporting.report_type",
        "data_available_end": end,
        "data_available_start": start,
        "default_columns": list(columns),
        "livemode": False,
        "name": name,
        "updated": end,
        "version": int(type_id.rpartition(".")[2]),
    }


def render_report_run(run: ReportRun, address: str) -> JsonDict:
    """Return a ReportRun; its file can be had once it succeeded."""
    return {
        "id": run.id,
        "object": "reporting.report_run",
        "created": run.created,
        "error": run.error,
        "livemode": False,
        "parameters": run.parameters,
        "report_type": run.report_type,
        "result": _file(run, address) if run.status == "succeeded" else None,
        "status": run.status,
        "succeeded_at": run.succeeded_at,
    }


def _file(run: ReportRun, address: str) -> JsonDict:
    return {
        "id": run.file,
        "object": "file",
        "created": run.succeeded_at,
        "expires_at": None,
        "filename": f"{run.id}.csv",
        "links": {"object": "list", "data": [], "has_more": False},
        "purpose": "finance_report_run",
        "title": f"FileUpload {run.file}",
        "type": "csv",
        "url": f"{address}/v1/files/{run.file}/contents",
    }
