"""The server itself ends a statement that takes too long: its locks do not outlive the caller."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gateway.storage.postgresql import PostgresqlDatabase

_SETTING = sa.select(sa.func.current_setting("statement_timeout"))


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_the_server_knows_the_limit(migrated_url: str) -> None:
    """As set for the database, in the server's own words."""
    database = PostgresqlDatabase(migrated_url, timeout_s=2.5)
    try:
        ((limit,),) = await database.fetch(_SETTING, {})
    finally:
        await database.close()

    assert limit == "2500ms"
