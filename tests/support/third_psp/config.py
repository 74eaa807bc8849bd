"""The configuration of one account."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from psp.secrets import SecretReference


class ThirdAccountConfig(BaseModel):
    """One account. Secrets are given by reference only."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    psp: Literal["third"]
    api_key: SecretReference
    webhook_secret: SecretReference
    api_base: str
    timeout_s: float = 10.0

    @property
    def public_key(self) -> str:
        """Nothing: shoppers are sent to the PSP's page."""
        return ""
