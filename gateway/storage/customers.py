"""Customer links as rows: where a shopper is known, and the change of her that is under way."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.customers import CustomerLink
from gateway.storage.database import Database, Row
from gateway.storage.tables import customer_links
from gateway.storage.writes import Write
from psp.port import CustomerProfile

_KEY: Final = ("customer_id", "psp_account")
_CHANGING: Final = tuple(column.name for column in customer_links.c if column.name not in _KEY)
_OF_CUSTOMER: Final = customer_links.c.customer_id == sa.bindparam("key_customer_id")
_AT_ACCOUNT: Final = customer_links.c.psp_account == sa.bindparam("key_psp_account")

_INSERT: Final = sa.insert(customer_links)
_UPDATE: Final = (
    sa.update(customer_links)
    .where(_OF_CUSTOMER, _AT_ACCOUNT, customer_links.c.version == sa.bindparam("read_version"))
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGING})
)
_GET: Final = sa.select(customer_links).where(_OF_CUSTOMER, _AT_ACCOUNT)
_GET_ALL: Final = (
    sa.select(customer_links).where(_OF_CUSTOMER).order_by(customer_links.c.psp_account)
)


def insert_link(link: CustomerLink) -> Write:
    """Store a new link; a second one of the same customer and account exists already."""
    return Write(_INSERT, _values(link))


def update_link(link: CustomerLink, *, read_version: int) -> Write:
    """Store a link as changed; fails as "customer_link" unless `read_version` still stands."""
    values = _values(link)
    parameters = {f"new_{name}": values[name] for name in _CHANGING}
    parameters |= {f"key_{name}": values[name] for name in _KEY}
    return Write(_UPDATE, {**parameters, "read_version": read_version}, guard="customer_link")


async def get_links(database: Database, customer_id: str) -> list[CustomerLink]:
    """Return a customer's links, by name of the account."""
    rows = await database.fetch(_GET_ALL, {"key_customer_id": customer_id})
    return [_link_of(row) for row in rows]


async def get_link(database: Database, customer_id: str, psp_account: str) -> CustomerLink | None:
    """Return a customer's link at one account, or None."""
    key = {"key_customer_id": customer_id, "key_psp_account": psp_account}
    rows = await database.fetch(_GET, key)
    return _link_of(rows[0]) if rows else None


def _values(link: CustomerLink) -> dict[str, Any]:
    profile = link.pending_profile
    return {
        "customer_id": link.customer_id,
        "psp_account": link.psp_account,
        "psp_customer": link.psp_customer,
        "fingerprint": link.fingerprint,
        "pending_key": link.pending_key,
        "pending_profile_json": json.dumps(asdict(profile)) if profile else "",
        "lease_time": link.lease_time,
        "pending_since": link.pending_since,
        "version": link.version,
    }


def _link_of(row: Row) -> CustomerLink:
    (
        customer_id,
        psp_account,
        psp_customer,
        fingerprint,
        pending_key,
        profile_json,
        lease_time,
        pending_since,
        version,
    ) = row
    return CustomerLink(
        customer_id=customer_id,
        psp_account=psp_account,
        psp_customer=psp_customer,
        fingerprint=fingerprint,
        pending_key=pending_key,
        pending_profile=CustomerProfile(**json.loads(profile_json)) if profile_json else None,
        lease_time=lease_time,
        pending_since=pending_since,
        version=version,
    )
