"""`paygate reconcile`: hold PSPs' books of some days against the gateway's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli_calling import own_gateway
from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line, print_table

if TYPE_CHECKING:
    from gateway.client import PaygateClient
    from gateway.reconciliation.documents.values import CountryReport, Report, RunReport

_DAY: Final = "%Y-%m-%d"


def reconcile(  # noqa: PLR0913, PLR0917 - one parameter an option
    account: Annotated[
        list[str] | None, typer.Option(help="A PSP account; may be given more than once.")
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=[_DAY], help="First day, in UTC.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=[_DAY], help="Last day, included.")
    ] = None,
    country: Annotated[
        str, typer.Option(help="Show this country's day beside, over all its accounts.")
    ] = "",
    day: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="One day, instead of --from and --to.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the report to this CSV file too.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page to this file too.")] = None,
    target: Annotated[
        str, typer.Option(help="The gateway's host:port, instead of PAYGATE_GRPC_HOST and _PORT.")
    ] = "",
    json_output: JsonFlag = False,
) -> int:
    """Reconcile accounts; exit code 1 if somebody has to look, or a report is not ready.

    Without days it is yesterday. The same days again go on where they were left.
    """
    first_day, last_day = _days(first, last, day)
    if country and first_day != last_day:
        raise typer.BadParameter("--country takes one day: use --day")
    with own_gateway(target) as client:
        accounts = _accounts(client, account or [], country)
        report = _reconcile(client, accounts, (first_day, last_day), country)
    _write_files(report, csv, html)
    if json_output:
        print_json(report.document())
    else:
        _print(report)
    return 0 if report.is_clean else NEGATIVE


def _days(first: datetime | None, last: datetime | None, day: datetime | None) -> tuple[date, date]:
    if day is not None and (first or last):
        raise typer.BadParameter("give --day, or --from and --to")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    first_day = (first or day or last or yesterday).date()
    last_day = (last or day or first or yesterday).date()
    if last_day < first_day:
        raise typer.BadParameter(f"--to {last_day} is before --from {first_day}")
    return first_day, last_day


def _accounts(client: PaygateClient, given: Sequence[str], country: str) -> list[str]:
    """Return the accounts given, and those that the country's policy names today.

    On the day that a country moves, its old account may stand in no policy any more.
    """
    from gateway.client.reconciling import accounts_of_country  # noqa: PLC0415 - --help does without

    accounts = [*given, *(accounts_of_country(client, country) if country else [])]
    if not accounts:
        raise typer.BadParameter("name what to reconcile: --account, or --country with --day")
    return list(dict.fromkeys(accounts))


def _reconcile(
    client: PaygateClient, accounts: Sequence[str], days: tuple[date, date], country: str
) -> Report:
    from gateway.client.reconciling import (  # noqa: PLC0415 - --help does without
        read_country,
        reconcile_account,
    )
    from gateway.reconciliation.documents.values import Report  # noqa: PLC0415 - as above

    first_day, last_day = (each.isoformat() for each in days)
    runs = []
    for account in accounts:
        with _progress(account, shown=sys.stderr.isatty()) as progress:
            runs.append(reconcile_account(client, account, first_day, last_day, progress))
    both = read_country(client, country, first_day, accounts) if country else None
    return Report(runs, both)


@contextmanager
def _progress(account: str, *, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Give what is told of a run's steps; on a terminal, one line moves with them."""
    if not shown:
        yield lambda _state, _read, _matched: None
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals pay for loading it

    with Console(stderr=True).status(f"{account}: asking for the report") as status:

        def tell(state: str, read: int, matched: int) -> None:
            status.update(f"{account}: {state}, {read:,} lines read, {matched:,} matched")

        yield tell


def _write_files(report: Report, csv: Path | None, html: Path | None) -> None:
    if csv is not None:
        from gateway.reconciliation.documents.as_csv import write_csv  # noqa: PLC0415 - as above

        with csv.open("w", encoding="utf-8", newline="") as file:
            write_csv(report, file)
    if html is not None:
        from gateway.reconciliation.documents.as_html import page  # noqa: PLC0415 - as above

        html.write_text(page(report), encoding="utf-8")


def _print(report: Report) -> None:
    for run in report.runs:
        _print_run(run)
    if report.country is not None:
        _print_country(report.country)


def _print_run(run: RunReport) -> None:
    from gateway.reconciliation.documents.values import shown_amount  # noqa: PLC0415 - as above

    print_line(f"{run.psp_account} {run.first_day} to {run.last_day}: {run.state} {run.id}")
    if run.detail:
        print_line(f"  {run.detail}")
    if not run.is_done:
        return
    print_table(
        ("currency", "category", "lines", "gross", "fee", "net"),
        [
            (
                row.currency,
                row.category,
                str(row.lines),
                shown_amount(row.gross_minor, row.currency),
                shown_amount(row.fee_minor, row.currency),
                shown_amount(row.net_minor, row.currency),
            )
            for row in run.totals
        ],
    )
    for balance in run.balances:
        sums = (balance.opening_minor, balance.activity_minor, balance.closing_minor)
        opening, activity, closing = (shown_amount(each, balance.currency) for each in sums)
        print_line(f"  opening {opening} + activity {activity} = closing {closing}")
    for each in run.shortcomings:
        print_line(f"  {each}")
    for found in run.discrepancies:
        difference = shown_amount(found.difference_minor, found.currency)
        print_line(
            f"  {found.id} {found.type} {found.reference} {difference}, {found.age_days} days: "
            f"{found.description}"
        )
    print_line(
        f"  {run.line_count} lines, {len(run.discrepancies)} open, {run.new} new, "
        f"{run.healed} closed themselves, {run.settled_refunds} refunds settled"
    )


def _print_country(country: CountryReport) -> None:
    print_line(f"{country.country_code} on {country.day}")
    for side in country.sides:
        told = "" if side.reconciled else " (no report of that day was read)"
        captured = sum(each.count for each in side.captures)
        charged = sum(each.lines for each in side.totals if each.category == "charge")
        refunded = sum(each.count for each in side.refunds)
        given = sum(each.lines for each in side.totals if each.category == "refund")
        print_line(
            f"  {side.psp_account}{told}: {captured} captured here, {charged} charged at the PSP; "
            f"{refunded} refunded here, {given} at the PSP"
        )
