"""The PSPs' ids of shoppers who paid lately: bounded in number and in age."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import Clock

_MOST_CUSTOMERS: Final = 10_000
_LONGEST: Final = timedelta(minutes=5)
"""An id changes only when its customer is created anew; other replicas see that so much later."""

_Key = tuple[str, str]


class CustomerCache:
    """Remembers ids by customer and account; the one that was used longest ago goes first."""

    def __init__(
        self, clock: Clock, most: int = _MOST_CUSTOMERS, longest: timedelta = _LONGEST
    ) -> None:
        self._clock = clock
        self._most = most
        self._longest = longest
        self._known: OrderedDict[_Key, tuple[str, datetime]] = OrderedDict()

    def get(self, customer_id: str, psp_account: str) -> str | None:
        """Return the id if it is remembered and not too old."""
        key = (customer_id, psp_account)
        known = self._known.get(key)
        if known is None:
            return None
        psp_customer, until = known
        if self._clock() >= until:
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return psp_customer

    def put(self, customer_id: str, psp_account: str, psp_customer: str) -> None:
        """Remember an id; an empty one is forgotten."""
        key = (customer_id, psp_account)
        self._known.pop(key, None)
        if not psp_customer:
            return
        self._known[key] = (psp_customer, self._clock() + self._longest)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
