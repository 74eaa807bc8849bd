"""The stored answer of EnsureCustomer."""

from __future__ import annotations

import json

from gateway.customers.answers import answered_links, links_answer
from gateway.customers.commands import EnsuredLink, EnsureOutcome


def test_an_answer_is_read_as_it_was_given() -> None:
    """Every outcome survives its way through JSON, in order."""
    links = tuple(
        EnsuredLink(f"account_{number}", f"cus_{number}", outcome)
        for number, outcome in enumerate(EnsureOutcome)
    )

    stored = json.loads(json.dumps(links_answer(links)))

    assert answered_links(stored) == links
    assert answered_links(links_answer(())) == ()
