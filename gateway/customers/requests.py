"""EnsureCustomer requests as remembered: answered before, begun, answered, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.answers import require_same, still_running
from gateway.customers.answers import answered_links, links_answer
from gateway.customers.commands import EnsureCustomerCommand, EnsuredLink
from gateway.customers.links import RETRY_AFTER_S
from gateway.domain.requests import StoredRequest
from gateway.storage.requests import answer_request, insert_request, takeover_request
from gateway.storage.writes import Write


def stored_answer(
    stored: StoredRequest | None, command: EnsureCustomerCommand, now: datetime, lease: timedelta
) -> tuple[EnsuredLink, ...] | None:
    """Return what this very request was answered; None if it is to be carried out.

    Raises `PaygateError` if the id belongs to another request or the first sending still runs.
    One that has run longer than `lease` was left behind, and is taken over.
    """
    if stored is None:
        return None
    require_same(stored, command.fingerprint)
    if stored.answer is not None:
        return answered_links(stored.answer)
    if now < stored.create_time + lease:
        raise still_running(stored, now, RETRY_AFTER_S)
    return None


def begin_request(
    stored: StoredRequest | None, command: EnsureCustomerCommand, now: datetime
) -> Write:
    """Store a request that begins, or take it over from whoever left it behind."""
    if stored is None:
        return insert_request(_request(command, now))
    return takeover_request(stored, now=now)


def answer_at_once(
    stored: StoredRequest | None,
    command: EnsureCustomerCommand,
    links: Sequence[EnsuredLink],
    now: datetime,
) -> Write:
    """Store a request together with its answer."""
    answer = links_answer(links)
    if stored is None:
        return insert_request(replace(_request(command, now), answer=answer))
    return answer_request(command.key, answer)


def _request(command: EnsureCustomerCommand, now: datetime) -> StoredRequest:
    return StoredRequest(
        key=command.key,
        fingerprint=command.fingerprint,
        resource_id=command.profile.customer_id,
        create_time=now,
    )
