"""A shopper's account: the back office's movements in order, with the balance after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping

from gateway.accounts.commands import Statement, StatementLine
from gateway.storage.account_postings import open_postings_of_customer
from gateway.storage.database import Database
from legacy_bridge.port import BackOffice


class AccountReading:
    """Reads accounts. Changes nothing anywhere."""

    def __init__(self, database: Database, back_office: BackOffice) -> None:
        self._database = database
        self._back_office = back_office

    async def statement(self, customer_id: str) -> Statement:
        """Return the account; its lines are streamed and raise `BackOfficeUnavailableError`."""
        waiting = await open_postings_of_customer(self._database, customer_id)
        return Statement(self._lines(customer_id), waiting)

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        """Return the balance by currency, as the back office sums it."""
        return await self._back_office.balance(customer_id)

    async def _lines(self, customer_id: str) -> AsyncIterator[StatementLine]:
        balances: Counter[str] = Counter()
        async for movement in self._back_office.list_movements(customer_id):
            currency = movement.amount.currency
            balances[currency] += movement.signed_minor
            yield StatementLine(movement, balances[currency])
