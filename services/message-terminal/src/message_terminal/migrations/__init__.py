"""The history of the read model's shape; never changed once released, only added to."""
