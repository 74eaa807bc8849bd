"""Aliases as rows: what imports moved, and the shoppers' chosen defaults."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.aliases import AliasLink, AliasReference
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.tables import UtcDateTime, alias_defaults, alias_links, customer_links
from gateway.storage.writes import Write

_LINK_TEXTS: Final = (
    "legacy_alias",
    "legacy_account",
    "customer_id",
    "psp_account",
    "psp_customer",
    "psp_alias",
    "line_digest",
)
_LINKS: Final = sa.select(*(alias_links.c[name] for name in _LINK_TEXTS))
_AT_ACCOUNT: Final = sa.bindparam("at_account", type_=sa.Text)
_NOW: Final = sa.bindparam("now", type_=UtcDateTime)

_OF_CUSTOMER: Final = _LINKS.where(alias_links.c.customer_id == sa.bindparam("of_customer"))
_OF_NAMES: Final = _LINKS.where(alias_links.c.legacy_alias.in_(select_rows("wanted")))
_OF_MOVED: Final = _LINKS.where(
    alias_links.c.psp_account == _AT_ACCOUNT, alias_links.c.psp_alias.in_(select_rows("wanted"))
)
_INSERT_LINKS: Final = sa.insert(alias_links).from_select(
    [*_LINK_TEXTS, "create_time"], select_rows(*_LINK_TEXTS, create_time=_NOW)
)

_CUSTOMERS: Final = sa.select(customer_links.c.customer_id, customer_links.c.psp_customer)
_CUSTOMERS_BY_ID: Final = _CUSTOMERS.where(
    customer_links.c.psp_account == _AT_ACCOUNT,
    customer_links.c.customer_id.in_(select_rows("wanted")),
)
_CUSTOMERS_BY_PSP: Final = _CUSTOMERS.where(
    customer_links.c.psp_account == _AT_ACCOUNT,
    customer_links.c.psp_customer.in_(select_rows("wanted")),
)
# An import knows of a shopper only what she is called: without a fingerprint, the next
# EnsureCustomer brings her record up to date.
_EMPTY: Final = sa.literal("", sa.Text)
_INSERT_CUSTOMERS: Final = sa.insert(customer_links).from_select(
    [
        "customer_id",
        "psp_customer",
        "psp_account",
        "fingerprint",
        "pending_key",
        "pending_profile_json",
        "version",
    ],
    select_rows(
        "customer_id",
        "psp_customer",
        psp_account=_AT_ACCOUNT,
        fingerprint=_EMPTY,
        pending_key=_EMPTY,
        pending_profile_json=_EMPTY,
        version=sa.literal(1, sa.BigInteger),
    ),
)

_DEFAULT: Final = sa.select(alias_defaults.c.psp_account, alias_defaults.c.psp_alias).where(
    alias_defaults.c.customer_id == sa.bindparam("of_customer")
)
_FORGET_DEFAULT: Final = sa.delete(alias_defaults).where(
    alias_defaults.c.customer_id == sa.bindparam("of_customer"),
    alias_defaults.c.psp_account == sa.bindparam("at_account"),
    alias_defaults.c.psp_alias == sa.bindparam("of_alias"),
)
_CHANGE_DEFAULT: Final = (
    sa.update(alias_defaults)
    .where(alias_defaults.c.customer_id == sa.bindparam("of_customer"))
    .values(
        psp_account=sa.bindparam("new_psp_account"),
        psp_alias=sa.bindparam("new_psp_alias"),
        update_time=sa.bindparam("new_update_time", type_=UtcDateTime),
    )
)
_INSERT_DEFAULT: Final = sa.insert(alias_defaults)


def insert_alias_links(links: Sequence[AliasLink], now: datetime) -> Write:
    """Store what was moved; an alias that was moved before exists already."""
    return Write(_INSERT_LINKS, {**rows_parameter([_texts(link) for link in links]), "now": now})


def insert_customers(psp_account: str, psp_customers: Sequence[tuple[str, str]]) -> Write:
    """Store which customers of an account are ours, as (our id, the PSP's).

    One that has a link already exists already.
    """
    rows = [{"customer_id": ours, "psp_customer": theirs} for ours, theirs in psp_customers]
    return Write(_INSERT_CUSTOMERS, {**rows_parameter(rows), "at_account": psp_account})


def put_default(
    customer_id: str, chosen: AliasReference, now: datetime, *, replaces: bool
) -> Write:
    """Store a shopper's choice; `replaces` says whether she had made one before.

    Fails as "alias_default", or exists already, if that has changed meanwhile.
    """
    if replaces:
        parameters = {
            "of_customer": customer_id,
            "new_psp_account": chosen.psp_account,
            "new_psp_alias": chosen.psp_alias,
            "new_update_time": now,
        }
        return Write(_CHANGE_DEFAULT, parameters, guard="alias_default")
    values = {
        "customer_id": customer_id,
        "psp_account": chosen.psp_account,
        "psp_alias": chosen.psp_alias,
        "update_time": now,
    }
    return Write(_INSERT_DEFAULT, values)


def forget_default(customer_id: str, gone: AliasReference) -> Write:
    """Forget a choice that can be chosen no more; nothing happens if it is not the choice."""
    return Write(
        _FORGET_DEFAULT,
        {
            "of_customer": customer_id,
            "at_account": gone.psp_account,
            "of_alias": gone.psp_alias,
        },
    )


async def get_default(database: Database, customer_id: str) -> AliasReference | None:
    """Return the shopper's choice; None if she made none."""
    rows = await database.fetch(_DEFAULT, {"of_customer": customer_id})
    return AliasReference(*rows[0]) if rows else None


async def links_of_customer(database: Database, customer_id: str) -> list[AliasLink]:
    """Return what was moved for a shopper."""
    return [
        _link_of(row) for row in await database.fetch(_OF_CUSTOMER, {"of_customer": customer_id})
    ]


async def links_of_names(database: Database, names: Collection[str]) -> list[AliasLink]:
    """Return what was moved of legacy aliases of these names, at any account."""
    return [_link_of(row) for row in await database.fetch(_OF_NAMES, _wanted(names))]


async def links_of_moved(
    database: Database, psp_account: str, psp_aliases: Collection[str]
) -> list[AliasLink]:
    """Return what these aliases of an account stand for."""
    parameters = {**_wanted(psp_aliases), "at_account": psp_account}
    return [_link_of(row) for row in await database.fetch(_OF_MOVED, parameters)]


async def customers_by_id(
    database: Database, psp_account: str, customer_ids: Collection[str]
) -> dict[str, str]:
    """Return what the PSP calls these customers of ours; "" while it is being told of one."""
    parameters = {**_wanted(customer_ids), "at_account": psp_account}
    return {row[0]: row[1] for row in await database.fetch(_CUSTOMERS_BY_ID, parameters)}


async def customers_by_psp(
    database: Database, psp_account: str, psp_customers: Collection[str]
) -> dict[str, str]:
    """Return whose these customers of a PSP are: our ids by the PSP's."""
    parameters = {**_wanted(psp_customers), "at_account": psp_account}
    return {row[1]: row[0] for row in await database.fetch(_CUSTOMERS_BY_PSP, parameters)}


def _wanted(values: Collection[str]) -> dict[str, str]:
    return dict(rows_parameter([{"wanted": value} for value in values]))


def _texts(link: AliasLink) -> dict[str, str]:
    return {
        "legacy_alias": link.legacy.psp_alias,
        "legacy_account": link.legacy.psp_account,
        "customer_id": link.customer_id,
        "psp_account": link.moved_to.psp_account,
        "psp_customer": link.psp_customer,
        "psp_alias": link.moved_to.psp_alias,
        "line_digest": link.line_digest,
    }


def _link_of(row: Row) -> AliasLink:
    legacy_alias, legacy_account, customer_id, psp_account, psp_customer, psp_alias, digest = row
    return AliasLink(
        legacy=AliasReference(legacy_account, legacy_alias),
        moved_to=AliasReference(psp_account, psp_alias),
        customer_id=customer_id,
        psp_customer=psp_customer,
        line_digest=digest,
    )
