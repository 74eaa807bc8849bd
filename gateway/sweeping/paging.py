"""Going through a table page by page: what is found may be changed meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
Page = Callable[[str], Awaitable[Sequence[T]]]
"""Reads so many rows after a key, in its order."""


async def paged(read: Page[T], key: Callable[[T], str], size: int) -> AsyncIterator[T]:
    """Yield every row; a page of less than `size` is the last."""
    after = ""
    while True:
        page = await read(after)
        for each in page:
            yield each
        if len(page) < size:
            return
        after = key(page[-1])
