"""What bounds the calls of any account, as its configuration says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class AccountLimits(BaseModel):
    """The part of an account's configuration that is the same for every PSP."""

    calls_at_once: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Calls under way at the same time, of one process; more wait a while for their turn."""
    breaker_failures: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Calls in a row that found no PSP, after which none is made for a while."""
    breaker_pause_s: Annotated[float, Field(ge=0.05, le=600)] = 5.0
    """How long that while is; it doubles with each probe that fails, up to a minute."""
