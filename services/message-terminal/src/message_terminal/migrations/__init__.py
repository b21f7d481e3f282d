"""Alembic migrations of the read model; add new ones, and never change a released one."""
