"""The configuration of one Stripe account."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from psp.account_limits import AccountLimits
from psp.secrets import SecretReference

_STRIPES_API: Final = "https://api.stripe.com"


class SettlementSource(StrEnum):
    """Where the lines of our balance are read from."""

    REPORT_RUNS = "report_runs"
    """Reports that Stripe makes and we download: for live keys, and quick for many lines."""
    BALANCE_TRANSACTIONS = "balance_transactions"
    """The API's list, a hundred lines a call: works with test keys too."""


class StripeAccountConfig(AccountLimits):
    """One Stripe account; times are seconds. Secrets are given by reference only."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    psp: Literal["stripe"]
    api_key: SecretReference
    """Secret or restricted key: sk_... or rk_..."""
    publishable_key: Annotated[str, Field(max_length=255)]
    """The key that shoppers' pages may see: pk_..."""
    webhook_secrets: Annotated[tuple[SecretReference, ...], Field(min_length=1, max_length=16)]
    """One for each endpoint, and two for an endpoint whose secret is being rolled."""
    api_base: str = _STRIPES_API
    files_base: str = "https://files.stripe.com"
    """Where finished reports are downloaded, with the API key: no other address gets it."""
    settlement_source: SettlementSource | None = None
    """None: reports for a live key, the list of balance transactions for others."""
    connect_timeout_s: Annotated[float, Field(ge=0.1, le=30)] = 5.0
    read_timeout_s: Annotated[float, Field(ge=0.5, le=80)] = 25.0
    """For one attempt, from sending to the last byte of the answer."""
    total_timeout_s: Annotated[float, Field(ge=0.5, le=120)] = 40.0
    """For all attempts of one call and the pauses between them."""
    max_network_retries: Annotated[int, Field(ge=0, le=5)] = 2

    @property
    def public_key(self) -> str:
        """What a page needs to show embedded fields."""
        return self.publishable_key

    @property
    def live_mode(self) -> bool | None:
        """Whether the key moves real money; None if the key does not say."""
        words = self.api_key.get_secret_value().split("_")
        return {"live": True, "test": False}.get(words[1] if len(words) > 1 else "")

    @property
    def settlements_from(self) -> SettlementSource:
        """Where settlements are read from, by the key where the configuration leaves it open."""
        if self.settlement_source is not None:
            return self.settlement_source
        if self.live_mode:
            return SettlementSource.REPORT_RUNS
        return SettlementSource.BALANCE_TRANSACTIONS

    @field_validator("api_key")
    @classmethod
    def _secret_key(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value().startswith(("sk_", "rk_")):
            raise ValueError("refer to a secret or restricted key (sk_... or rk_...)")
        return key

    @field_validator("publishable_key")
    @classmethod
    def _publishable_key(cls, key: str) -> str:
        if key.startswith(("sk_", "rk_")):
            raise ValueError("this is a secret key: revoke it at Stripe, then write the pk_... key")
        if not key.startswith("pk_"):
            raise ValueError("write the publishable key (pk_...) of this account")
        return key

    @field_validator("api_base", "files_base")
    @classmethod
    def _base_address(cls, address: str) -> str:
        parts = urlsplit(address)
        if not parts.hostname or address != f"{parts.scheme}://{parts.netloc}" or parts.username:
            raise ValueError("write scheme and host only, such as https://api.stripe.com")
        if parts.scheme != "https" and not (
            parts.scheme == "http" and _is_loopback(parts.hostname)
        ):
            raise ValueError("use https; plain http is for a sandbox on a loopback address only")
        return address

    @model_validator(mode="after")
    def _one_attempt_fits(self) -> Self:
        if self.total_timeout_s < self.read_timeout_s:
            raise ValueError("total_timeout_s must be at least read_timeout_s")
        return self

    @model_validator(mode="after")
    def _reports_are_to_be_had(self) -> Self:
        # Stripe, Reporting API: these report types need a live key. A sandbox of ours has them.
        if (
            self.settlement_source is SettlementSource.REPORT_RUNS
            and self.live_mode is False
            and self.api_base == _STRIPES_API
        ):
            raise ValueError(
                "a test key has no reports at Stripe: write balance_transactions for "
                "settlement_source, or leave it out"
            )
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
