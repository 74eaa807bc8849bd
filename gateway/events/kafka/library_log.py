"""What librdkafka logs: where every library's lines go, and the same line now and then only."""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from confluent_kafka import KafkaError

_NUMBER: Final = re.compile(r"\d+")
_QUIET_S: Final = 30.0
_MOST_REMEMBERED: Final = 1000


class NowAndThen(logging.Filter):
    """Lets a line through once in a while, whatever numbers are in it.

    The library repeats a failed connection many times a second, as long as it fails.
    """

    def __init__(self, quiet_s: float = _QUIET_S) -> None:
        super().__init__()
        self._quiet_s = quiet_s
        self._told_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line was not told for a while."""
        line, now_s = _NUMBER.sub("#", record.getMessage()), time.monotonic()
        told_s = self._told_s.get(line)
        if told_s is not None and now_s - told_s < self._quiet_s:
            return False
        if len(self._told_s) >= _MOST_REMEMBERED:
            self._told_s.clear()
        self._told_s[line] = now_s
        return True


def log_error(client: str, error: KafkaError) -> None:
    """Log what the library reports to its client, now and then only too."""
    library_log().warning("%s of a %s: %s", error.name(), client, error.str())


def library_log() -> logging.Logger:
    """Return the logger of librdkafka's clients."""
    logger = logging.getLogger("librdkafka")
    if not any(isinstance(each, NowAndThen) for each in logger.filters):
        logger.addFilter(NowAndThen())
    return logger
