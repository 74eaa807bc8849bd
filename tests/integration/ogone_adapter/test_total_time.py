"""A whole call ends within its total time, however long one answer may take."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from psp.errors import UnavailableError
from psp.ogone.provider import OgoneProvider
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.ogone.support import PAYMENT_ID, account_config

_HANGS_S: Final = 30.0
"""Far above the total time, and below that of one answer: only there to tell a hang."""


async def test_the_total_time_ends_an_answer_that_does_not_come(script: ScriptedServer) -> None:
    """It is not the time-out of one answer that ends it."""
    config = account_config(
        api_base=script.address, query_timeout_s=600.0, total_timeout_s=0.3, max_query_retries=0
    )
    script.will_answer(Answer(stall=True))
    provider = OgoneProvider("ogone_be", config)
    try:
        async with asyncio.timeout(_HANGS_S):
            with pytest.raises(UnavailableError):
                await provider.retrieve_payment(PAYMENT_ID)
    finally:
        await provider.close()
