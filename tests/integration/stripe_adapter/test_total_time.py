"""A whole call ends within its total time, however long one answer may take."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from psp.errors import OutcomeUnknownError
from psp.stripe.provider import StripeProvider
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.stripe.support import account_config, create_request

_HANGS_S: Final = 30.0
"""Far above the total time, and below that of one answer: only there to tell a hang."""


async def test_the_total_time_ends_an_answer_that_does_not_come(script: ScriptedServer) -> None:
    """It is not the time-out of one answer that ends it."""
    config = account_config(
        api_base=script.address, read_timeout_s=600.0, total_timeout_s=0.3, max_network_retries=0
    )
    script.will_answer(Answer(stall=True))
    provider = StripeProvider("stripe_fr", config)
    try:
        async with asyncio.timeout(_HANGS_S):
            with pytest.raises(OutcomeUnknownError):
                await provider.create_payment(create_request())
    finally:
        await provider.close()
