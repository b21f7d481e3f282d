"""A seat of an event, as numbers and as labels."""

from typing import Any

from contracts.seat import column_label
from msgspec import Struct


class Seat(Struct, frozen=True, gc=False):
    """A place in a zone; rows and columns are counted from 1."""

    zone_id: int
    row: int
    column: int

    @property
    def row_label(self) -> str:
        return str(self.row)

    @property
    def column_label(self) -> str:
        return column_label(self.column)

    @property
    def facts(self) -> dict[str, Any]:
        """The seat as a refusal lists it, under its names on the wire."""
        return {"zoneId": self.zone_id, "row": self.row_label, "column": self.column_label}
