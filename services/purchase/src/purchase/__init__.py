SOURCE = "/purchase"
"""Who tells the messages of this service."""
