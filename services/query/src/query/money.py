"""Money leaves the service as a JSON number with one or two decimals, made from whole cents without binary floats."""

from decimal import Decimal


def from_cents(cents: int) -> Decimal:
    """32000 is 320.0, 1999 is 19.99."""
    if cents % 10 == 0:
        return Decimal(cents // 10).scaleb(-1)
    return Decimal(cents).scaleb(-2)
