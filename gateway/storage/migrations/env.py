"""Run by alembic for each command; `gateway.storage.upgrade` hands over an open transaction."""

from __future__ import annotations

from alembic import context

from gateway.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table: alembic then copies it.
    render_as_batch=True,
    # Alembic assumes that SQLite cannot undo DDL. It can, once transactions are begun by hand.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
