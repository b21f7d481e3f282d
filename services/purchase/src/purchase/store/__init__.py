"""The store: Redis in partitions, with its keys, scripts, clock and ids."""
