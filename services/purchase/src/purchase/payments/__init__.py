"""Payments for holds: begun, confirmed, captured, refunded, and finished when a customer or a process stops."""
