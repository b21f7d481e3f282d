"""The versioned messages that the services exchange, and nothing else that they share."""
