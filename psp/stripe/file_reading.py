"""The body of a downloaded file, as it comes, to its very end."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import aiohttp

from psp.errors import UnavailableError
from psp.stripe.client import StripeCaller
from psp.stripe.report_tables import ReportError

_CHUNK_BYTES: Final = 65_536
_GZIP: Final = 16 + zlib.MAX_WBITS


async def file_chunks(caller: StripeCaller, url: str) -> AsyncGenerator[bytes, None]:
    """Yield a file's bytes, unpacked if it comes as gzip.

    Raises `ReportError` if less came than was announced, `UnavailableError` on a long silence, and
    what `StripeCaller.open_file` raises.
    """
    response = await caller.open_file(url)
    packed = response.headers.get("Content-Encoding", "").lower() == "gzip"
    came = _raw_chunks(caller.account, response)
    try:
        async for chunk in _unpacked(came) if packed else came:
            yield chunk
    finally:
        # Whatever is left of the body is not worth reading for the sake of the connection.
        response.close()


async def _raw_chunks(account: str, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    read = 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            read += len(chunk)
            yield chunk
    except TimeoutError as error:
        detail = f"a report stopped coming after {read} bytes"
        raise UnavailableError(account, detail) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ReportError(f"it was cut off after {read} bytes") from error


async def _unpacked(packed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        async for chunk in packed:
            left = chunk
            # A few bytes can stand for gigabytes: they are unpacked a piece at a time.
            while left:
                yield unpacking.decompress(left, _CHUNK_BYTES)
                left = unpacking.unconsumed_tail
        yield unpacking.flush()
    except zlib.error as error:
        raise ReportError(f"it is no gzip: {error}") from error
    if not unpacking.eof:
        raise ReportError("its gzip ends too early: it was cut off")
