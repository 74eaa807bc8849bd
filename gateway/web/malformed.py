"""The log of what is no HTTP: that it came, not what was in it."""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError


class _WithoutItsWords(logging.Filter):
    """Turns aiohttp's errors about malformed requests into a plain line without a traceback.

    They are the sender's mistake, not ours, and the traceback quotes its bytes: headers, body.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


HTTP_LOGGER: Final = logging.getLogger("gateway.web.http")
"""For aiohttp's own words about connections."""
HTTP_LOGGER.addFilter(_WithoutItsWords())
