"""A payment provider that takes no money: a tool, not a fourth service of the platform.

It speaks the part of Stripe's API that the platform uses, over real HTTP, and does what the payment method says: the
names are Stripe's test names and some of our own (`methods.py`). It keeps what it has answered for through `kill -9`,
remembers each answer by its Idempotency-Key, and sends webhooks, signed, until they are taken. Under `/sandbox` tests
and demonstrations play the customer and the provider's staff, make it slow, silent or away, and audit its books.

Nobody pays with it: no profile of the platform but the local one should name it.
"""
