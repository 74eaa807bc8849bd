"""What callers ask of customers, and what they are answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from gateway.domain.requests import RequestKey, fingerprint_of
from psp.port import CustomerProfile


class EnsureOutcome(StrEnum):
    """What became of the shopper's record at one PSP account."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    """The PSP was not called."""


@dataclass(frozen=True, slots=True)
class EnsureCustomerCommand:
    """See `paygate.v1.EnsureCustomerRequest`; `profile` carries customer and country."""

    key: RequestKey
    profile: CustomerProfile

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(asdict(self.profile))


@dataclass(frozen=True, slots=True)
class EnsuredLink:
    """The shopper's record at one PSP account."""

    psp_account: str
    psp_customer: str
    outcome: EnsureOutcome
