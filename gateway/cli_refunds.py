"""`paygate refunds`: send a refund file and follow it; list what nobody has confirmed."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli_calling import own_gateway
from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line, print_table
from gateway.cli_progress import counting_bar, pieces, sending_bar
from gateway.settings import Settings, load_settings

if TYPE_CHECKING:
    from gateway.client import PaygateClient
    from gateway.client.refund_files import BatchView, RefusedFileLine
    from gateway.domain.refund_movement import OverdueMovement

_LOOK_EVERY_S: Final = 0.5
_HOUR: Final = timedelta(hours=1)

refunds_app = typer.Typer(help="Look after refunds.", rich_markup_mode=None)


@refunds_app.callback()
def _group() -> None:
    """Look after refunds."""


@refunds_app.command("submit")
def submit(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="The refund file."),
    ],
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Only send the file; do not follow its refunds.")
    ] = False,
    target: Annotated[
        str, typer.Option(help="The gateway's host:port, instead of PAYGATE_GRPC_HOST and _PORT.")
    ] = "",
    json_output: JsonFlag = False,
) -> int:
    """Refund what a file says, line by line; exit code 1 if any is refused or fails."""
    from gateway.client.refund_files import refused_line, view_of  # noqa: PLC0415 - --help does without

    shows_bar = sys.stderr.isatty() and not json_output
    started_s = time.monotonic()
    with own_gateway(target) as client:
        with (
            file.open("rb") as opened,
            sending_bar(file.stat().st_size, shown=shows_bar) as progress,
        ):
            answer = client.submit_refund_batch(pieces(opened, progress), file_name=file.name)
        view = view_of(answer.batch)
        if not no_wait:
            view = _followed(client, view, shown=shows_bar)
    refusals = [refused_line(each) for each in answer.refusals]
    seconds = time.monotonic() - started_s
    if json_output:
        _print_document(view, refusals, seconds)
    else:
        _print(view, refusals, seconds)
    return NEGATIVE if view.went_wrong else 0


def _followed(client: PaygateClient, view: BatchView, *, shown: bool) -> BatchView:
    """Look again and again until every movement has its answer."""
    from gateway.client.refund_files import batch_request, view_of  # noqa: PLC0415 - --help does without

    with counting_bar(view.accepted, shown=shown) as progress:
        while not view.is_done:
            time.sleep(_LOOK_EVERY_S)
            view = view_of(client.get_refund_batch(batch_request(view.id)).batch)
            progress(view.accepted - view.open, view.words())
    return view


def _print_document(view: BatchView, refusals: Sequence[RefusedFileLine], seconds: float) -> None:
    print_json(
        {
            **view.document(),
            "seconds": round(seconds, 3),
            "refusals": [
                {
                    "line": each.line,
                    "movement_id": each.movement_id,
                    "reason": each.reason,
                    "message": each.message,
                }
                for each in refusals
            ],
        }
    )


def _print(view: BatchView, refusals: Sequence[RefusedFileLine], seconds: float) -> None:
    if refusals:
        print_table(
            ("line", "movement", "reason", "why"),
            [(str(each.line), each.movement_id, each.reason, each.message) for each in refusals],
        )
    untold = view.refused - len(refusals)
    if untold:
        print_line(f"and {untold} more refused lines")
    rate = view.lines / seconds if seconds > 0 else 0.0
    print_line(
        f"{view.id}: {view.lines} lines: {view.accepted} accepted, {view.duplicates} duplicates, "
        f"{view.refused} refused; {rate:.0f} lines/s"
    )
    print_line(f"{view.words()}{'' if view.is_done else '; not done yet'}")


@refunds_app.command("overdue")
def overdue(json_output: JsonFlag = False) -> int:
    """List refunds that nobody confirmed in time, oldest first; exit code 1 if there are any."""
    settings = load_settings()
    now = datetime.now(UTC)
    found = asyncio.run(_overdue(settings, now))
    rows = [_cells(each, now) for each in found]
    if json_output:
        print_json({"overdue": rows})
    else:
        print_table(tuple(_TITLES), [tuple(row.values()) for row in rows])
        print_line(f"{len(rows)} refunds are overdue")
    return NEGATIVE if rows else 0


_TITLES: Final = (
    "movement_id",
    "refund_id",
    "order_id",
    "psp_account",
    "psp_reference",
    "amount",
    "state",
    "since",
    "hours",
)


def _cells(movement: OverdueMovement, now: datetime) -> dict[str, str]:
    values = (
        movement.movement_id,
        movement.refund_id,
        movement.order_id,
        movement.psp_account,
        movement.psp_reference,
        str(movement.amount),
        movement.standing.value,
        movement.since.isoformat(timespec="seconds"),
        str(movement.age(now) // _HOUR),
    )
    return dict(zip(_TITLES, values, strict=True))


async def _overdue(settings: Settings, now: datetime) -> list[OverdueMovement]:
    from gateway.refund_files.confirming import overdue_movements  # noqa: PLC0415 - --help does without
    from gateway.storage.database import open_database  # noqa: PLC0415 - as above

    database = open_database(settings.database_url)
    try:
        before = now - timedelta(seconds=settings.refund_overdue_after_s)
        return [each async for each in overdue_movements(database, before)]
    finally:
        await database.close()
