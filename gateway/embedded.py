"""Making the databases ready before a process serves from them."""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.settings import Settings, SettingsError
from gateway.storage.database import open_database
from gateway.storage.sqlite import sqlite_file
from gateway.storage.upgrade import current_revision, head_revision, upgrade
from legacy_bridge.sql import SqlBackOffice

_SQLITE: Final = "sqlite+"


async def prepare_databases(settings: Settings) -> None:
    """Bring embedded databases up to date; check that others are.

    A SQLite file belongs to this one process and is migrated here, and so is an embedded back
    office. A server is shared: replicas of two releases meet there, so `paygate db upgrade` does
    it once. Raises `SettingsError` if that is still to be done.
    """
    try:
        await _prepare_own(settings.database_url)
    except ValueError as error:
        raise SettingsError([f"PAYGATE_DATABASE_URL: {error}"]) from error
    if _is_embedded(settings.back_office_url):
        await _prepare_back_office(settings.back_office_url)


async def _prepare_own(url: str) -> None:
    if _is_embedded(url):
        await asyncio.to_thread(upgrade, url)
    else:
        await _require_head(url)


async def _require_head(url: str) -> None:
    database = open_database(url)
    try:
        found = await current_revision(database)
    finally:
        await database.close()
    if found != head_revision():
        problem = f"the database is at revision {found or 'none'}, not at {head_revision()}"
        cure = "run `paygate db upgrade` once, then start again"
        raise SettingsError([f"PAYGATE_DATABASE_URL: {problem}: {cure}"])


async def _prepare_back_office(url: str) -> None:
    sqlite_file(url).parent.mkdir(parents=True, exist_ok=True)
    back_office = SqlBackOffice.open(url)
    try:
        await back_office.create_schema()
    finally:
        await back_office.close()


def _is_embedded(url: str) -> bool:
    return url.startswith(_SQLITE)
