"""Runs the migrations on the connection that ``database.migrate`` gives."""

from __future__ import annotations

from alembic import context

from pipeline_server.database.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    user_module_prefix="types.",
)
with context.begin_transaction():
    context.run_migrations()
