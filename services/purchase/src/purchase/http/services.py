"""The services that handlers call; `app.py` makes them once, in the application's state."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from purchase.box_office import BoxOffice
from purchase.catalogue.definitions import Definitions
from purchase.holds.desk import HoldDesk
from purchase.http.receipts import Receipts
from purchase.http.requests import HttpRequest
from purchase.payments.cashier import Cashier
from purchase.payments.webhooks import Webhooks
from purchase.refusals import Forbidden, Unauthorized
from purchase.store.partitions import Partitions


class AdminTokens:
    """The tokens that admit to admin calls; several can be valid, so that they can be rotated."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = [token.encode() for token in tokens]

    def admit(self, token: str | None) -> None:
        """Check a token against all valid ones in constant time. Raises Unauthorized, Forbidden."""
        if token is None:
            raise Unauthorized("This call needs the header `Authorization: Bearer <admin token>`.")
        fits = [hmac.compare_digest(known, token.encode()) for known in self._tokens]
        if not any(fits):
            raise Forbidden("The admin token is not valid.")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that handlers call."""

    box_office: BoxOffice
    hold_desk: HoldDesk
    cashier: Cashier
    webhooks: Webhooks
    definitions: Definitions
    partitions: Partitions
    receipts: Receipts
    admins: AdminTokens


def services_of(request: HttpRequest) -> Services:
    """Return the services from the application's state.

    The framework's dependency injection starts a task group for every request: a sixth of a sale.
    """
    services: Services = request.app.state["services"]
    return services
