"""Addresses of Stripe's objects."""

from __future__ import annotations

import re
from typing import Final

from psp.errors import NotFoundError

BALANCE_TRANSACTIONS: Final = "/v1/balance_transactions"
CUSTOMERS: Final = "/v1/customers"
EVENTS: Final = "/v1/events"
PAYMENT_INTENTS: Final = "/v1/payment_intents"
PAYMENT_METHODS: Final = "/v1/payment_methods"
REFUNDS: Final = "/v1/refunds"
REPORT_RUNS: Final = "/v1/reporting/report_runs"
REPORT_TYPES: Final = "/v1/reporting/report_types"
REVIEWS: Final = "/v1/reviews"
SETUP_INTENTS: Final = "/v1/setup_intents"

_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)


def object_path(account: str, collection: str, object_id: str, *more: str) -> str:
    """Return the address of one object or of something beneath it.

    Raises `NotFoundError` for an id that no object of Stripe can have: an empty one would address
    the whole list, and one with slashes or dots something else.
    """
    if not _ID.fullmatch(object_id):
        raise NotFoundError(account, "this is no id of Stripe's", "resource_missing")
    return "/".join((collection, object_id, *more))
