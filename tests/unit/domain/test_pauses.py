"""How long to wait before another try."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.pauses import Pauses


def test_pauses_double_and_end() -> None:
    """What is down is not flooded, and not forgotten."""
    pauses = Pauses(first=timedelta(seconds=1), longest=timedelta(minutes=5))

    taken = [pauses.after(attempts).total_seconds() for attempts in (0, 1, 2, 8, 9, 1000)]

    assert taken == [1, 2, 4, 256, 300, 300]
