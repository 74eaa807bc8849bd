"""A shop whose shopper is known at both accounts of France, on each database."""

from __future__ import annotations

import pytest

from gateway.storage.database import Database
from tests.support.shop import Shop


@pytest.fixture
async def shop(database: Database) -> Shop:
    """Her customers are `cus_cards_1` and `cus_wallets_1`."""
    shop = Shop(database)
    await shop.ensure()
    return shop
