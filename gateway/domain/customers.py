"""Customers: where a shopper is known, and how we tell that her record changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from psp.port import CustomerProfile


@dataclass(frozen=True, slots=True)
class CustomerLink:
    """A shopper at one PSP account.

    The row is committed before the PSP is asked to create her, with the very profile and key that
    are sent: whoever finds it without a `psp_customer` sends the same again under the same key,
    and one shopper stays one customer.
    """

    customer_id: str
    psp_account: str
    psp_customer: str
    """The PSP's id of her; empty until the PSP answered."""
    fingerprint: str
    """Of the profile that the PSP has; empty until the PSP answered."""
    pending_key: str = ""
    """Idempotency key of the change that is under way; empty if none is."""
    pending_profile: CustomerProfile | None = None
    """What that change sends."""
    lease_time: datetime | None = None
    """Until then the caller who began the change is left alone with it."""
    pending_since: datetime | None = None
    """When `pending_key` was made: a PSP forgets keys."""
    version: int = 1


def profile_fingerprint(profile: CustomerProfile) -> str:
    """Return a digest that is equal for equal profiles."""
    return hashlib.sha256(json.dumps(asdict(profile), sort_keys=True).encode()).hexdigest()
