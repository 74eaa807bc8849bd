"""What librdkafka logs."""

from __future__ import annotations

import logging

from gateway.events.kafka.library_log import NowAndThen, library_log


def _line(text: str) -> logging.LogRecord:
    return logging.LogRecord("librdkafka", logging.ERROR, "", 0, text, None, None)


def test_a_line_is_not_repeated_at_once() -> None:
    """Nor with other numbers in it; another line is told."""
    log = NowAndThen(quiet_s=3600)

    told = [
        log.filter(_line(text))
        for text in ("refused (after 3ms)", "refused (after 14ms)", "timed out (after 3ms)")
    ]

    assert told == [True, False, True]


def test_it_is_repeated_later() -> None:
    """What lasts is not forgotten."""
    log = NowAndThen(quiet_s=0)

    assert [log.filter(_line("refused")) for _ in range(2)] == [True, True]


def test_all_clients_share_one_filter() -> None:
    """However many are made."""
    assert library_log() is library_log()
    assert sum(isinstance(each, NowAndThen) for each in library_log().filters) == 1
