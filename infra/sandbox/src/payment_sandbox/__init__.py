"""A payment provider that moves no money. It is a tool, not a fourth service of the platform.

It implements the part of Stripe's API that the platform uses, over real HTTP. The payment method
decides the outcome; the names are Stripe's test names and some of our own (`methods.py`). State
survives `kill -9`, each answer is stored under its Idempotency-Key, and signed webhooks are retried
until they are accepted. Under `/sandbox` tests and demonstrations act as the customer or the
provider's staff, make the sandbox slow, silent or unavailable, and audit its books.

For local use only: use it in the `local` profile and in no other.
"""
