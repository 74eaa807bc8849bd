"""Reading a request's body: raw, bounded in size and in time."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError


class BodyTooLargeError(Exception):
    """More bytes were announced or sent than are taken."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time."""


class BodyBrokenError(Exception):
    """The body ended early or is badly framed."""


async def read_body(request: web.Request, max_bytes: int, timeout_s: float) -> bytes:
    """Return the body as it was sent. Raises one of the three errors above.

    Not more than `max_bytes` and one piece are ever held, whatever the headers say.
    """
    if (request.content_length or 0) > max_bytes:
        raise BodyTooLargeError
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            while piece := await request.content.readany():
                body += piece
                if len(body) > max_bytes:
                    raise BodyTooLargeError
    except TimeoutError:
        raise BodyTooSlowError from None
    except (RequestPayloadError, ConnectionError) as error:
        raise BodyBrokenError from error
    return bytes(body)
