"""Holds: seats that are kept for a customer until a deadline or until they are paid for."""
