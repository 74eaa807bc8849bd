"""`paygate account`: what a shopper's financial account holds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line
from gateway.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.accounts.commands import StatementLine
    from gateway.domain.posting import Posting
    from gateway.settings import Settings

account_app = typer.Typer(help="Look at financial accounts.", rich_markup_mode=None)


@account_app.callback()
def _account_group() -> None:
    """Look at financial accounts."""


@account_app.command()
def show(
    customer: Annotated[str, typer.Argument(help="The shopper's customer id.")],
    json_output: JsonFlag = False,
) -> int:
    """Print a shopper's movements, the balance after each, and what is not posted yet."""
    asyncio.run(_show(load_settings(), customer, _JsonReport() if json_output else _LineReport()))
    return 0


@account_app.command()
def retry(
    movement: Annotated[str, typer.Argument(help="The key of a movement that was refused.")],
    json_output: JsonFlag = False,
) -> int:
    """Have a refused movement posted again; exit code 1 if none of this key is refused."""
    done = asyncio.run(_retry(load_settings(), movement))
    if json_output:
        print_json({"key": movement, "retried": done})
    else:
        print_line(f"{movement} {'is posted again soon' if done else 'is no refused movement'}")
    return 0 if done else NEGATIVE


async def _retry(settings: Settings, movement: str) -> bool:
    from gateway.commanding import commanded_application  # noqa: PLC0415 - --help does without

    async with commanded_application(settings) as application:
        return await application.accounts.retry(movement)


async def _show(settings: Settings, customer: str, report: _LineReport | _JsonReport) -> None:
    from gateway.commanding import commanded_application  # noqa: PLC0415 - --help does without

    async with commanded_application(settings) as application:
        reading = application.accounts.reading
        statement = await reading.statement(customer)
        report.begin(customer)
        async for line in statement.lines:
            report.tell(line)
        for posting in statement.open_postings:
            report.tell_open(posting)
        report.end(await reading.balance(customer))


def _cells(line: StatementLine) -> dict[str, str | int]:
    movement = line.movement
    return {
        "booking_time": movement.booking_time.isoformat(),
        "key": movement.key,
        "order_id": movement.order_id,
        "kind": movement.kind.value,
        "direction": movement.direction.value,
        "amount_minor": movement.amount.amount_minor,
        "currency": movement.amount.currency,
        "balance_minor": line.balance_minor,
        "reference": movement.reference,
    }


def _open_cells(posting: Posting) -> dict[str, str | int]:
    return {
        "booking_time": posting.booking_time.isoformat(),
        "key": posting.key,
        "order_id": posting.order_id,
        "kind": posting.kind.value,
        "amount_minor": posting.amount.amount_minor,
        "currency": posting.amount.currency,
        "state": posting.state.value,
        "last_error": posting.last_error,
    }


def _signed(minor: int, currency: str) -> str:
    from psp.money import Money  # noqa: PLC0415 - --help does without

    return f"{'-' if minor < 0 else ''}{Money(abs(minor), currency)}"


class _LineReport:
    """Prints one line a movement, at once: an account may be long."""

    def begin(self, customer: str) -> None:
        """Print whose account it is."""
        print_line(f"account of {customer}: booked, movement, order, kind, amount, balance")

    def tell(self, line: StatementLine) -> None:
        """Print a movement."""
        movement = line.movement
        currency = movement.amount.currency
        cells = (
            f"{movement.booking_time:%Y-%m-%d %H:%M:%S}",
            movement.key,
            movement.order_id,
            movement.kind.value,
            _signed(movement.signed_minor, currency),
            _signed(line.balance_minor, currency),
        )
        print_line("\t".join(cells))

    def tell_open(self, posting: Posting) -> None:
        """Print a movement that the back office does not have."""
        why = f": {posting.last_error}" if posting.last_error else ""
        print_line(f"not posted\t{posting.key}\t{posting.amount}\t{posting.state}{why}")

    def end(self, balance: Mapping[str, int]) -> None:
        """Print the balances."""
        for currency, minor in balance.items():
            print_line(f"balance\t{_signed(minor, currency)}")
        if not balance:
            print_line("no movements")


class _JsonReport:
    """Prints one JSON document, movement by movement, without ever holding all of them."""

    def __init__(self) -> None:
        self._told = 0
        self._open: list[dict[str, str | int]] = []

    def begin(self, customer: str) -> None:
        """Open the document."""
        print_line(f'{{"customer_id": {json.dumps(customer)}, "movements": [')

    def tell(self, line: StatementLine) -> None:
        """Print a movement as an element of the document's list."""
        print_line(("," if self._told else "") + json.dumps(_cells(line)))
        self._told += 1

    def tell_open(self, posting: Posting) -> None:
        """Keep a movement that the back office does not have: these are few."""
        self._open.append(_open_cells(posting))

    def end(self, balance: Mapping[str, int]) -> None:
        """Close the document."""
        print_line(
            f'], "not_posted": {json.dumps(self._open)}, '
            f'"balance_minor": {json.dumps(dict(balance))}}}'
        )
