"""The HTTP API: handlers that translate requests into commands, and results into answers."""
