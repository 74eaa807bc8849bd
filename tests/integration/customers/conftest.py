"""A small shop on each database."""

from __future__ import annotations

import pytest

from gateway.storage.database import Database
from tests.support.shop import Shop


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop that no shopper has visited."""
    return Shop(database)
