"""The parameters of queries: ids, and the cursor that continues a list where the last page ended.

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
    """The request is invalid; `field` names the parameter."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def write_cursor(last_id: str) -> str:
    """Return the cursor of the page after the item with this id."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, id_pattern: str) -> str:
    """Return the id after which the page begins, "" for the first page. Raises InvalidRequest."""
    if cursor is None:
        return ""
    try:
        last_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise InvalidRequest("cursor", "This is not a nextCursor of this list.") from None
    if re.search(id_pattern, last_id) is None or write_cursor(last_id) != cursor:
        raise InvalidRequest("cursor", "This is not a nextCursor of this list.")
    return last_id


def cut_page(rows: Sequence[Any], limit: int, id_column: str) -> tuple[Sequence[Any], str | None]:
    """Split up to `limit` + 1 rows into the page and the cursor of the next, None on the last."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], write_cursor(getattr(rows[limit - 1], id_column))
