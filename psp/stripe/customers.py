"""Shoppers at Stripe."""

from __future__ import annotations

from typing import Final

from psp.port import CustomerProfile
from psp.stripe.client import StripeCaller
from psp.stripe.fields import JsonObject, require_object, required_text
from psp.stripe.paths import CUSTOMERS, object_path

CUSTOMER_ID: Final = "paygate_customer_id"
"""Metadata that names the shopper by our id."""

_EMPTIED: Final[dict[str, object]] = {"email": "", "name": "", "phone": ""}
"""Stripe API: an empty string unsets what an update names, and what it does not name stays."""


class StripeCustomers:
    """Customers of one account. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: StripeCaller) -> None:
        self._caller = caller

    async def create(self, profile: CustomerProfile, idempotency_key: str) -> str:
        """Create a Customer and return its id."""
        parameters = customer_parameters(profile)
        return await self._caller.change(CUSTOMERS, parameters, idempotency_key, _customer_id)

    async def update(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        """Bring a Customer up to date; e-mail, name and telephone not given are emptied."""
        path = object_path(self._caller.account, CUSTOMERS, psp_customer)
        parameters = _EMPTIED | customer_parameters(profile)
        await self._caller.change(path, parameters, idempotency_key, _customer_id)


def customer_parameters(profile: CustomerProfile) -> dict[str, object]:
    """Return the parameters that describe a shopper."""
    given: dict[str, object] = {
        "email": profile.email,
        "name": profile.name,
        "phone": profile.phone,
    }
    parameters = {name: value for name, value in given.items() if value}
    if profile.country_code:
        parameters["address"] = {"country": profile.country_code}
    if profile.preferred_locale:
        parameters["preferred_locales"] = [profile.preferred_locale]
    return parameters | {"metadata": {CUSTOMER_ID: profile.customer_id}}


def _customer_id(answer: JsonObject) -> str:
    return required_text(require_object(answer, "customer"), "id")
