"""`paygate sweep`: one pass of the sweeper, or what it would do."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line
from gateway.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.settings import Settings
    from gateway.sweeping.counts import PassCounts
    from gateway.sweeping.orders import Swept

_BUSY = "another process is sweeping: try again in a few minutes"


def sweep(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done and why, and change nothing."),
    ] = False,
    json_output: JsonFlag = False,
) -> int:
    """Decide about every old draft now, order by order; exit code 1 if another process is at it."""
    report = _JsonReport() if json_output else _LineReport()
    counts = asyncio.run(_sweep(load_settings(), report.tell, dry_run=dry_run))
    report.end(counts)
    return NEGATIVE if counts is None else 0


async def _sweep(
    settings: Settings, tell: Callable[[Swept], None], *, dry_run: bool
) -> PassCounts | None:
    from gateway.commanding import commanded_application  # noqa: PLC0415 - --help does without

    async with commanded_application(settings) as application:
        return await application.sweeper.sweep_now(tell, dry_run=dry_run)


def _cells(swept: Swept) -> dict[str, str | bool]:
    order, decision = swept.order, swept.decision
    return {
        "order_id": order.order_id,
        "state": order.state,
        "create_time": order.create_time.isoformat(),
        "action": decision.told_as,
        "payment_id": decision.payment.id if decision.payment else "",
        "reason": decision.reason,
        "put_off": swept.put_off,
    }


class _LineReport:
    """Prints one line an order, at once: there may be very many."""

    def tell(self, swept: Swept) -> None:
        """Print an order."""
        cells = _cells(swept)
        names = ("order_id", "state", "action", "payment_id", "reason")
        print_line("\t".join(str(cells[name]) for name in names))

    def end(self, counts: PassCounts | None) -> None:
        """Print the sum."""
        if counts is None:
            print_line(_BUSY)
            return
        done = ", ".join(f"{name} {number}" for name, number in sorted(counts.actions.items()))
        print_line(
            f"{counts.orders} orders: {done or 'nothing to do'}; {counts.put_off} put off, "
            f"{counts.skipped} skipped, {counts.unclaimed} new alarms about missing orders"
        )


class _JsonReport:
    """Prints one JSON document, order by order, without ever holding all of them."""

    def __init__(self) -> None:
        self._begun = False

    def tell(self, swept: Swept) -> None:
        """Print an order as an element of the document's list."""
        print_line(("," if self._begun else '{"orders": [') + json.dumps(_cells(swept)))
        self._begun = True

    def end(self, counts: PassCounts | None) -> None:
        """Print the sum, and close the document."""
        if counts is None:
            print_json({"errors": [_BUSY]})
            return
        begun = "" if self._begun else '{"orders": ['
        print_line(f'{begun}], "counts": {json.dumps(counts.document())}}}')
