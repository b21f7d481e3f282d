"""Runs the migrations on the connection that `setup` provides."""

from alembic import context

from message_terminal.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
