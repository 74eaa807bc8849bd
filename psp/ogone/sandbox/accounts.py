"""Accounts by PSPID: books are kept apart, and an account nobody registered is unknown."""

from __future__ import annotations

from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.model import Account, Operation, Payment
from psp.ogone.sandbox.refusals import UNKNOWN_PSPID, Refusal
from psp.ogone.sandbox.world import World


class Accounts:
    """Every account's books."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books: dict[str, Books] = {}

    def all(self) -> list[Books]:
        """Return all books, in the order of registration."""
        return list(self._books.values())

    def register(self, account: Account) -> None:
        """Add an account, or give one that exists new settings; its books stay."""
        books = self._books.setdefault(account.pspid, Books(account, self._world))
        books.account = account

    def of(self, pspid: str) -> Books:
        """Return an account's books; raises `Refusal`."""
        if pspid not in self._books:
            raise Refusal(UNKNOWN_PSPID, f"PSPID {pspid} is unknown or not active")
        return self._books[pspid]

    def find(self, payid: str, payidsub: int | None) -> tuple[Books, Payment, Operation]:
        """Return an operation of any account, the latest by default; raises `LookupError`."""
        for books in self._books.values():
            payment = books.payments.get(payid)
            if payment is not None:
                step = payment.latest if payidsub is None else payment.history[payidsub]
                return books, payment, step
        raise LookupError(f"no payment {payid!r}")

    def process(self) -> None:
        """Let everything whose time has come show its truth."""
        for books in self._books.values():
            books.process()

    def forget(self) -> None:
        """Burn the books; the accounts stay."""
        for pspid, books in self._books.items():
            self._books[pspid] = Books(books.account, self._world)
