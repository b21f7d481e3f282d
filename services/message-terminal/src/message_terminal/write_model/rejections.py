"""The rejection that purchase receives for a ticket that the write model refused."""

import uuid
from datetime import UTC, datetime

from contracts.ticket import Rejection, TicketRejected
from contracts.timestamp import encode_timestamp

from message_terminal.write_model.items import TicketMessage

_REJECTIONS = uuid.uuid5(uuid.NAMESPACE_URL, "message-terminal/ticket.rejected")


def rejection(message: TicketMessage, owner: str | None) -> TicketRejected:
    """Build a rejection. `owner` is the ticket that has the seat, if any.

    The id depends on the ticket alone, so repeated rejections are duplicates.
    """
    data = message.data
    return TicketRejected(
        id=str(uuid.uuid5(_REJECTIONS, str(data.ticket_id))),
        source="/message-terminal",
        subject=str(data.ticket_id),
        time=encode_timestamp(datetime.now(UTC)),
        partition=message.partition,
        generation=message.generation,
        traceparent=message.traceparent,
        data=Rejection(
            ticket_id=data.ticket_id,
            event_id=data.event_id,
            zone_id=data.zone_id,
            row=data.row,
            column=data.column,
            owner_ticket_id=uuid.UUID(owner) if owner is not None else None,
        ),
    )
