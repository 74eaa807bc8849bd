"""What time alone does to an account's books."""

from __future__ import annotations

from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.refunding import settle_due_refunds
from psp.stripe.sandbox.reporting import finish_due_runs
from psp.stripe.sandbox.settling import expire_authorisations


def catch_up(books: Books) -> None:
    """Do what has become due since somebody last looked."""
    expire_authorisations(books)
    settle_due_refunds(books)
    finish_due_runs(books)
