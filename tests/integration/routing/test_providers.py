"""Adapters are added and exchanged, never lost, and closed when nobody can hold them any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.routing.configuration import load_configuration
from tests.integration.routing.conftest import ClosablePsp, Followed
from tests.unit.routing.files import with_canary


def _rotated(path: Path) -> None:
    path.write_text(with_canary("30").replace("pk_test_1", "pk_test_9"), encoding="utf-8")


async def test_an_exchanged_adapter_is_closed_after_a_grace(followed: Followed) -> None:
    """Calls in flight end with the adapter they began with."""
    old = followed.providers["stripe_eu"]
    assert isinstance(old, ClosablePsp)
    _rotated(followed.path)

    change = followed.providers.replace(load_configuration(followed.path).accounts)
    await asyncio.sleep(0)
    closed_at_once = old.closed
    followed.grace.over.set()
    while not old.closed:  # noqa: ASYNC110 - nothing tells when a background task has ended
        await asyncio.sleep(0)

    assert change.changed == ("stripe_eu",)
    assert closed_at_once is False
    assert followed.providers["stripe_eu"] is not old


async def test_everything_is_closed_at_the_end(followed: Followed) -> None:
    """Also what was exchanged and is in its grace."""
    _rotated(followed.path)
    followed.providers.replace(load_configuration(followed.path).accounts)

    await followed.providers.close()

    assert len(followed.builder.built) == 4
    assert all(adapter.closed for adapter in followed.builder.built)


async def test_providers_are_a_mapping(followed: Followed) -> None:
    """Who only looks accounts up needs to know nothing else."""
    providers = followed.providers

    assert list(providers) == ["stripe_eu", "stripe_old", "stripe_two"]
    assert len(providers) == 3
    assert providers.get("gone") is None
    assert providers.configs["stripe_two"].psp == "stripe"


async def test_who_looks_through_them_is_not_disturbed(followed: Followed) -> None:
    """A configuration may come between two steps of a loop."""
    accounts = {**load_configuration(followed.path).accounts}
    seen = []
    for name in followed.providers:
        seen.append(name)
        followed.providers.replace({**accounts, f"new_{name}": accounts["stripe_two"]})

    assert seen == ["stripe_eu", "stripe_old", "stripe_two"]
    assert {"new_stripe_eu", "new_stripe_two"} <= set(followed.providers)
