"""Money as a JSON number with one or two decimals, made from whole cents without binary floats."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

Money = Annotated[Decimal, Meta(extra_json_schema={"extra": {"type": "number"}})]


def from_cents(cents: int) -> Money:
    """Convert cents to the amount: 32000 is 320.0, 1999 is 19.99."""
    if cents % 10 == 0:
        return Decimal(cents // 10).scaleb(-1)
    return Decimal(cents).scaleb(-2)
