"""Run by alembic for each command; `gateway.storage.upgrade` hands over an open transaction."""

from __future__ import annotations

from alembic import context

import gateway.storage.account_tables
import gateway.storage.reconciliation_tables
import gateway.storage.refund_file_tables  # noqa: F401 - their tables join the others
from gateway.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
with context.begin_transaction():
    context.run_migrations()
