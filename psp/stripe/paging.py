"""Reading a list of Stripe's to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from psp.errors import UnavailableError
from psp.stripe.client import Parameters, StripeCaller
from psp.stripe.fields import (
    JsonObject,
    UnreadableAnswerError,
    items,
    require_object,
    required_text,
)

PAGE_ITEMS: Final = 100  # Stripe API, pagination: the most it gives at once


@dataclass(frozen=True, slots=True)
class _Page:
    entries: Sequence[JsonObject]
    last_id: str
    """Where the next page starts; empty on the last page."""


async def read_all(
    caller: StripeCaller, path: str, parameters: Parameters, max_pages: int
) -> AsyncIterator[JsonObject]:
    """Yield every object of a list, newest first, page after page.

    Raises `UnavailableError` once `max_pages` are read and more remain: a list that was not read
    to its end must not look like one that was.
    """
    last_id = ""
    for _ in range(max_pages):
        after = {"starting_after": last_id} if last_id else {}
        page = await caller.read(path, {**parameters, "limit": PAGE_ITEMS, **after}, _page)
        for entry in page.entries:
            yield entry
        last_id = page.last_id
        if not last_id:
            return
    detail = f"the list is longer than {max_pages * PAGE_ITEMS}: ask for a narrower window"
    raise UnavailableError(caller.account, detail, "list_too_long")


def _page(answer: JsonObject) -> _Page:
    listing = require_object(answer, "list")
    data, has_more = listing.get("data"), listing.get("has_more")
    entries = items(listing, "data")
    if not isinstance(data, list) or len(entries) != len(data) or not isinstance(has_more, bool):
        raise UnreadableAnswerError("the answer is no complete list")
    if has_more and not entries:
        raise UnreadableAnswerError("an empty page claims that more follow")
    return _Page(entries, required_text(entries[-1], "id") if has_more else "")
