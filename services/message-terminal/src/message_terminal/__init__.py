"""The message terminal: projects purchase's messages onto the write model and the read model."""
