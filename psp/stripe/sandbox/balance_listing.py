"""Balance transactions as they are told: listed, filtered, looked up."""

from __future__ import annotations

from operator import attrgetter

from psp.stripe.sandbox.api_errors import JsonDict, missing
from psp.stripe.sandbox.balance_rendering import render_balance_transaction
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.drifting import told
from psp.stripe.sandbox.listing import inside, page
from psp.stripe.sandbox.model import BalanceTransaction
from psp.stripe.sandbox.parameters import Parameters


def reported(books: Books) -> list[BalanceTransaction]:
    """Return the lines as they are told, the oldest first."""
    drift = books.world.drift
    lines = [seen for line in books.balance.values() for seen in told(line, drift)]
    return sorted(lines, key=attrgetter("created"))


def list_transactions(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/balance_transactions."""
    wanted = {
        name: value
        for name in ("currency", "source", "type")
        if (value := parameters.text(name)) is not None
    }
    found = [
        line
        for line in reported(books)
        if inside(line, parameters)
        and all(getattr(line, name) == value for name, value in wanted.items())
    ]
    now = books.now()
    return page(
        "/v1/balance_transactions",
        found,
        lambda line: render_balance_transaction(line, now),
        parameters,
    )


def retrieve_transaction(books: Books, line_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/balance_transactions/{id}."""
    for line in reported(books):
        if line.id == line_id:
            return render_balance_transaction(line, books.now())
    raise missing("balance transaction", line_id, "id", in_path=True)
