"""What callers ask to change about aliases."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.aliases import AliasReference
from gateway.domain.requests import RequestKey, fingerprint_of
from psp.port import PaymentMethod


@dataclass(frozen=True, slots=True)
class StartAliasSetupCommand:
    """See `paygate.v1.StartAliasSetupRequest`."""

    key: RequestKey
    customer_id: str
    country_code: str
    method: PaymentMethod
    return_url: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "customer_id": self.customer_id,
                "country_code": self.country_code,
                "method": self.method.value,
                "return_url": self.return_url,
            }
        )


@dataclass(frozen=True, slots=True)
class ChangeAliasCommand:
    """See `paygate.v1.SetDefaultAliasRequest` and `DeleteAliasRequest`."""

    key: RequestKey
    customer_id: str
    alias: AliasReference

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "customer_id": self.customer_id,
                "psp_account": self.alias.psp_account,
                "psp_alias": self.alias.psp_alias,
            }
        )
