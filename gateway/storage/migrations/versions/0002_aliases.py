"""Make the tables of aliases: what an import moved, chosen defaults, changes under way.

Customer links are found by the PSP's id of a customer too: an import asks whose it is. Webhooks
keep what they claim of a payment's amount.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None

_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    """Make them."""
    op.create_index("ix_customer_links_psp", "customer_links", ["psp_account", "psp_customer"])
    op.add_column("inbox", sa.Column("claimed_minor", sa.BigInteger))
    op.add_column(
        "inbox", sa.Column("claimed_currency", sa.Text, nullable=False, server_default="")
    )
    _alias_links()
    _alias_defaults()
    _alias_operations()


def _alias_links() -> None:
    op.create_table(
        "alias_links",
        _text("legacy_alias"),
        _text("legacy_account"),
        _text("customer_id"),
        _text("psp_account"),
        _text("psp_customer"),
        _text("psp_alias"),
        _text("line_digest"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("legacy_alias", "legacy_account", name="pk_alias_links"),
    )
    op.create_index("ix_alias_links_customer_id", "alias_links", ["customer_id"])
    op.create_index("ix_alias_links_psp", "alias_links", ["psp_account", "psp_alias"])


def _alias_defaults() -> None:
    op.create_table(
        "alias_defaults",
        _text("customer_id"),
        _text("psp_account"),
        _text("psp_alias"),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_alias_defaults"),
    )


def _alias_operations() -> None:
    op.create_table(
        "alias_operations",
        _text("id"),
        _text("kind"),
        _text("customer_id"),
        _text("psp_account"),
        _text("idempotency_key"),
        _text("parameters_json"),
        _text("state"),
        _text("error"),
        _text("request_caller"),
        _text("request_method"),
        _text("request_id"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alias_operations"),
        sa.UniqueConstraint("idempotency_key", name="uq_alias_operations_idempotency_key"),
    )
    op.create_index(
        "ix_alias_operations_request",
        "alias_operations",
        ["request_id", "request_caller", "request_method"],
    )
