"""The aliases part of the `BackOffice` port over SQL tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from legacy_bridge.errors import AliasConflictError, KeyReusedError
from legacy_bridge.port import MOST_NAMES, LegacyAlias
from legacy_bridge.sql.database import Database
from legacy_bridge.sql.rows import alias_of, alias_values
from legacy_bridge.sql.tables import alias_actions, aliases

_KEY: Final = ("alias", "psp_account")
_LOAD_ROWS: Final = 1000


class SqlAliases:
    """Aliases as rows: every change is one transaction and one log line."""

    def __init__(
        self,
        database: Database,
        dialect_insert: Callable[[Table], sqlite.Insert | postgresql.Insert],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._insert = dialect_insert
        self._now = now

    async def of_customer(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        """See `BackOffice.list_aliases`."""
        statement = (
            select(aliases)
            .where(aliases.c.customer_id == customer_id)
            .order_by(aliases.c.is_default.desc(), aliases.c.psp_account, aliases.c.alias)
        )
        async with self._database.reading("list aliases") as connection:
            return tuple(alias_of(row) for row in await connection.execute(statement))

    async def of_names(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        """See `BackOffice.find_aliases`."""
        if len(names) > MOST_NAMES:
            raise ValueError(f"{len(names)} names at once: ask for at most {MOST_NAMES}")
        statement = select(aliases).where(aliases.c.alias.in_(names))
        async with self._database.reading("find aliases") as connection:
            return tuple(alias_of(row) for row in await connection.execute(statement))

    async def save(self, alias: LegacyAlias, key: str) -> LegacyAlias:
        """See `BackOffice.save_alias`."""
        values = alias_values(alias)
        changes = {name: value for name, value in values.items() if name not in _KEY}
        async with self._database.writing("save alias") as connection:
            if not await self._begins(connection, key, "save", values):
                return alias
            owner = await connection.scalar(
                select(aliases.c.customer_id).where(_is(alias.psp_account, alias.alias))
            )
            if owner not in {None, alias.customer_id}:
                raise AliasConflictError(alias.psp_account, alias.alias)
            if alias.is_default:
                before = aliases.c.customer_id == alias.customer_id, aliases.c.is_default
                await connection.execute(update(aliases).where(*before).values(is_default=False))
            saved = self._insert(aliases).values(values)
            await connection.execute(
                saved.on_conflict_do_update(index_elements=list(_KEY), set_=changes)
            )
        return alias

    async def delete(self, psp_account: str, alias: str, key: str) -> None:
        """See `BackOffice.delete_alias`."""
        asked = {"psp_account": psp_account, "alias": alias}
        async with self._database.writing("delete alias") as connection:
            if await self._begins(connection, key, "delete", asked):
                await connection.execute(delete(aliases).where(_is(psp_account, alias)))

    async def load(self, loaded: Iterable[LegacyAlias]) -> None:
        """See `SqlBackOffice.load_aliases`."""
        left = iter(loaded)
        async with self._database.writing("load aliases") as connection:
            while rows := [alias_values(each) for each in islice(left, _LOAD_ROWS)]:
                await connection.execute(insert(aliases), rows)

    async def _begins(
        self, connection: AsyncConnection, key: str, action: str, asked: Mapping[str, object]
    ) -> bool:
        """Log a change; False if this very change was made under the key before."""
        asked_json = json.dumps(asked, sort_keys=True)
        # Of two callers with one key the second waits here for the first one's commit.
        logged = await connection.execute(
            self._insert(alias_actions)
            .values(
                key=key,
                action=action,
                psp_account=asked["psp_account"],
                alias=asked["alias"],
                asked_json=asked_json,
                action_time=self._now(),
            )
            .on_conflict_do_nothing(index_elements=["key"])
        )
        if logged.rowcount == 1:
            return True
        before = (
            await connection.execute(
                select(alias_actions.c.action, alias_actions.c.asked_json).where(
                    alias_actions.c.key == key
                )
            )
        ).one()
        if (before.action, before.asked_json) != (action, asked_json):
            raise KeyReusedError(key)
        return False


def _is(psp_account: str, alias: str) -> ColumnElement[bool]:
    return (aliases.c.psp_account == psp_account) & (aliases.c.alias == alias)
