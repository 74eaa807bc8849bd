"""Job leases as rows: work that one replica at a time does, and how far it came.

A holder is any name that no other process has, see `gateway.leases.new_holder`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.storage.database import Database
from gateway.storage.tables import job_leases
from gateway.storage.writes import AlreadyExistsError, Write

_THIS: Final = job_leases.c.name == sa.bindparam("key_name")
_MINE: Final = job_leases.c.holder == sa.bindparam("key_holder")

_INSERT: Final = sa.insert(job_leases)
_TAKE: Final = (
    sa.update(job_leases)
    .where(_THIS, sa.or_(job_leases.c.lease_time <= sa.bindparam("now"), _MINE))
    .values(holder=sa.bindparam("key_holder"), lease_time=sa.bindparam("until"))
    .returning(job_leases.c.name)
)
_RENEW: Final = (
    sa.update(job_leases)
    .where(_THIS, _MINE)
    .values(lease_time=sa.bindparam("until"))
    .returning(job_leases.c.name)
)
_RELEASE: Final = (
    sa.update(job_leases)
    .where(_THIS, _MINE)
    .values(holder=sa.literal_column("''"), lease_time=sa.bindparam("now"))
)
_SAVE_CURSOR: Final = (
    sa.update(job_leases).where(_THIS, _MINE).values(cursor=sa.bindparam("new_cursor"))
)
_READ_CURSOR: Final = sa.select(job_leases.c.cursor).where(_THIS)


async def try_lease(
    database: Database, name: str, holder: str, now: datetime, until: datetime
) -> bool:
    """Take a job until then; False if somebody else has it. Who has it already may take it on."""
    taken = await database.claim(
        _TAKE, {"key_name": name, "key_holder": holder, "now": now, "until": until}
    )
    if taken:
        return True
    first = {"name": name, "holder": holder, "lease_time": until, "cursor": ""}
    try:
        await database.commit([Write(_INSERT, first)])
    except AlreadyExistsError:
        return False
    return True


async def renew(database: Database, name: str, holder: str, until: datetime) -> bool:
    """Move the end of a lease; False if somebody else took the job since."""
    return bool(
        await database.claim(_RENEW, {"key_name": name, "key_holder": holder, "until": until})
    )


async def release(database: Database, name: str, holder: str, now: datetime) -> None:
    """Give a job up, so that another may take it at once; if it was lost, that is as well."""
    parameters = {"key_name": name, "key_holder": holder, "now": now}
    await database.commit([Write(_RELEASE, parameters)])


async def read_cursor(database: Database, name: str) -> str:
    """Return how far a job came, whoever did it; empty if it was never done."""
    rows = await database.fetch(_READ_CURSOR, {"key_name": name})
    return str(rows[0][0]) if rows else ""


def save_cursor(name: str, holder: str, cursor: str) -> Write:
    """Store how far a job came; fails as "job_lease" if somebody else has it by now."""
    parameters = {"key_name": name, "key_holder": holder, "new_cursor": cursor}
    return Write(_SAVE_CURSOR, parameters, guard="job_lease")
