"""A till for every test."""

from __future__ import annotations

import pytest

from gateway.storage.database import Database
from tests.integration.reconciliation.till import Till


@pytest.fixture
def till(database: Database) -> Till:
    """A gateway and its PSPs, with nothing in their books."""
    return Till(database)
