"""Streams: ended by their callers' word alone, and closed at once when nobody reads on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

T = TypeVar("T")
_CANCELED_WITHIN_S: Final = 0.05
"""gRPC's core tells of both ends at once; its Python layer hears of them one after the other."""


async def until_closed(requests: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield what a caller sends until the caller itself says that this was all.

    For grpc.aio the requests of a call that was broken off (canceled, its connection lost, a
    message too large) just end, as a whole file does, and the call is canceled a moment later. So
    the end is believed only after that moment.
    """
    async for request in requests:
        yield request
    await asyncio.sleep(_CANCELED_WITHIN_S)


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close the stream at the end, if it is a generator: what it waits with is given back."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
