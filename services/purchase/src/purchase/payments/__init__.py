"""Payments: how holds are paid for, and how their money is captured or refunded."""
