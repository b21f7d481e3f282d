"""What the handlers translate to; made once in `app.py` and handed along with every request."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from litestar import Request

from purchase.box_office import BoxOffice
from purchase.catalogue.definitions import Definitions
from purchase.holds.desk import HoldDesk
from purchase.http.receipts import Receipts
from purchase.payments.cashier import Cashier
from purchase.payments.webhooks import Webhooks
from purchase.refusals import Forbidden, Unauthorized
from purchase.store.partitions import Partitions

Caller = Request[Any, Any, Any]


class AdminTokens:
    """Those who may define what is on sale; several, so that they can be rotated."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = [token.encode() for token in tokens]

    def admit(self, token: str | None) -> None:
        """Compare in constant time, with every token, whichever fits. Raises Unauthorized, Forbidden."""
        if token is None:
            raise Unauthorized("this call needs Authorization: Bearer <admin token>")
        fits = [hmac.compare_digest(known, token.encode()) for known in self._tokens]
        if not any(fits):
            raise Forbidden("the admin token is not valid")


@dataclass(frozen=True, slots=True)
class Services:
    box_office: BoxOffice
    hold_desk: HoldDesk
    cashier: Cashier
    webhooks: Webhooks
    definitions: Definitions
    partitions: Partitions
    receipts: Receipts
    admins: AdminTokens


def services_of(request: Caller) -> Services:
    """By hand: the framework's injection starts a task group for every request, a sixth of a sale."""
    services: Services = request.app.state["services"]
    return services
