"""What is remembered of PSPs' ids, and for how long."""

from __future__ import annotations

from datetime import timedelta

from gateway.customers.cache import CustomerCache
from tests.support.shop import StandingClock

_LONGEST = timedelta(minutes=1)


def test_an_id_is_remembered_by_customer_and_account() -> None:
    """Another customer, or the same one elsewhere, is another id."""
    cache = CustomerCache(StandingClock())

    cache.put("C-1", "eu", "cus_1")
    cache.put("C-1", "us", "cus_2")

    assert (cache.get("C-1", "eu"), cache.get("C-1", "us")) == ("cus_1", "cus_2")
    assert cache.get("C-2", "eu") is None


def test_an_empty_id_is_forgotten() -> None:
    """A customer that is gone at the PSP is not found here either."""
    cache = CustomerCache(StandingClock())
    cache.put("C-1", "eu", "cus_1")

    cache.put("C-1", "eu", "")

    assert cache.get("C-1", "eu") is None


def test_an_id_is_not_believed_for_ever() -> None:
    """Another replica may have changed it."""
    clock = StandingClock()
    cache = CustomerCache(clock, longest=_LONGEST)
    cache.put("C-1", "eu", "cus_1")

    clock.advance(_LONGEST - timedelta(microseconds=1))
    before = cache.get("C-1", "eu")
    clock.advance(timedelta(microseconds=1))

    assert (before, cache.get("C-1", "eu")) == ("cus_1", None)


def test_the_one_used_longest_ago_makes_room() -> None:
    """The cache is bounded, and a shopper who keeps buying stays in it."""
    cache = CustomerCache(StandingClock(), most=2)
    cache.put("C-1", "eu", "cus_1")
    cache.put("C-2", "eu", "cus_2")
    cache.get("C-1", "eu")

    cache.put("C-3", "eu", "cus_3")

    kept = {name: cache.get(name, "eu") for name in ("C-1", "C-2", "C-3")}
    assert kept == {"C-1": "cus_1", "C-2": None, "C-3": "cus_3"}
