"""The read model: the MySQL rows that the query service answers from."""
