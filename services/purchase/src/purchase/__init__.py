"""The purchase service: sells tickets, owns the seats in Redis and the outbox."""

SOURCE = "/purchase"
"""The `source` of every message of this service."""
