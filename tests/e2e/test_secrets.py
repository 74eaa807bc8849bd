"""No secret and no card number in a log, a row or an event."""

from __future__ import annotations

import io
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from gateway.demo.stage import open_stage
from gateway.demo.steps import STEPS
from gateway.demo.telling import Telling
from gateway.logs import configure_logging

_SECRETS = ("_secret_", "sk_test_", "whsec_", "4242424242424242", "4000002500003155")
"""What client secrets, keys, webhook secrets and the sandbox's card numbers hold."""


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Return all that is logged, at the chattiest level there is."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("json", "debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_the_whole_demo_leaves_no_secret_behind(tmp_path: Path, logged: io.StringIO) -> None:
    """Every step is played, with 3-D Secure, declines and faults; nothing secret is kept."""
    telling = Telling(None)
    async with open_stage(tmp_path) as stage:
        for number, step in enumerate(STEPS, start=1):
            telling.begin(number, step.title)
            await step.play(stage, telling)

    with closing(sqlite3.connect(tmp_path / "paygate.db")) as connection:
        rows = "\n".join(connection.iterdump())
    lines = logged.getvalue()
    assert "pay_" in rows
    assert "psp_call" in lines
    for place, text in (("database", rows), ("log", lines)):
        found = [secret for secret in _SECRETS if secret in text]
        assert not found, f"{place} holds {found}"
