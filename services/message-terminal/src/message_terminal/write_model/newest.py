"""Selects a batch's newest message of each ticket, venue and event; older ones have no effect."""

import uuid
from collections.abc import Iterable
from typing import assert_never

from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import AnyMessage
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.ticket import TicketCancelled, TicketPurchased, TicketRejected

from message_terminal.write_model.items import CatalogueMessage, TicketMessage, catalogue_key, position_of


class Newest:
    """The newest messages of a batch."""

    def __init__(self, messages: Iterable[AnyMessage]) -> None:
        self._tickets: dict[uuid.UUID, TicketMessage] = {}
        self._catalogue: dict[tuple[str, str], CatalogueMessage] = {}
        for message in messages:
            match message:
                case TicketPurchased() | TicketCancelled():
                    self._keep_ticket(message)
                case VenueDefined() | EventScheduled():
                    self._keep_catalogue(message)
                case SeatsHeld() | HoldReleased() | HoldExpired():
                    pass
                case TicketRejected() | PaymentCaptured() | PaymentRefunded():
                    pass
                case _:
                    assert_never(message)

    @property
    def tickets(self) -> list[TicketMessage]:
        """The newest message of each ticket, in order of arrival."""
        return list(self._tickets.values())

    @property
    def catalogue(self) -> list[CatalogueMessage]:
        """The newest message of each venue and event."""
        return list(self._catalogue.values())

    def _keep_ticket(self, message: TicketMessage) -> None:
        known = self._tickets.get(message.data.ticket_id)
        if known is None or known.data.revision < message.data.revision:
            self._tickets[message.data.ticket_id] = message

    def _keep_catalogue(self, message: CatalogueMessage) -> None:
        key = catalogue_key(message)
        known = self._catalogue.get(key)
        if known is None or position_of(known) < position_of(message):
            self._catalogue[key] = message
