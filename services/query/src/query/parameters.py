"""What a query may ask for: ids, filters and pages, and the cursor that continues a page where the last one ended.

InvalidRequest      a parameter is malformed, out of range, missing, unknown or given twice
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from contracts.text import whole

LIMIT_DEFAULT = 100
LIMIT_MAX = 500

IDENTIFIER = whole("[A-Za-z0-9._~-]{1,64}")
TICKET_ID = whole("[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")


class InvalidRequest(ValueError):
    """The request cannot be understood because of this field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def write_cursor(last_id: str) -> str:
    """A cursor that continues behind the item with this id."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, id_pattern: str) -> str:
    """The id behind which the page begins, empty for the first page. Raises InvalidRequest."""
    if cursor is None:
        return ""
    try:
        last_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise InvalidRequest("cursor", "not a cursor that this service gave out") from None
    if re.search(id_pattern, last_id) is None or write_cursor(last_id) != cursor:
        raise InvalidRequest("cursor", "not a cursor that this service gave out")
    return last_id


def cut_page(rows: Sequence[Any], limit: int, id_column: str) -> tuple[Sequence[Any], str | None]:
    """Of up to `limit` + 1 rows the page's, and the cursor of the next page if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], write_cursor(getattr(rows[limit - 1], id_column))
