"""The items of the write model, built from messages."""

from typing import Any

import msgspec
from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import type_name
from contracts.position import Position
from contracts.ticket import TicketCancelled, TicketPurchased

Item = dict[str, Any]
TicketMessage = TicketPurchased | TicketCancelled
CatalogueMessage = VenueDefined | EventScheduled


def ticket_item(message: TicketMessage) -> Item:
    """Build a ticket's item; its attribute names are those the project began with."""
    data = message.data
    item = {
        "ticketId": text(str(data.ticket_id)),
        "venueId": text(data.venue_id),
        "eventId": text(data.event_id),
        "zoneId": number(data.zone_id),
        "row": text(data.row),
        "column": text(data.column),
        "status": text("PAID"),
        "createdOn": text(data.created_on),
        "priceCents": number(data.price_cents),
        "currency": text(data.currency),
        "revision": number(data.revision),
        "generation": number(generation_of(message)),
        "position": text(message.position or ""),
    }
    if isinstance(message, TicketCancelled):
        item |= {"status": text("CANCELLED"), "cancelledOn": text(message.data.cancelled_on)}
    return item


def seat_item(message: TicketMessage) -> Item:
    """Build a seat's item: its generation, and its ticket unless that was cancelled."""
    event_and_zone, row_and_column = seat_key(message)
    item = {
        "eventId#zoneId": text(event_and_zone),
        "row#column": text(row_and_column),
        "generation": number(generation_of(message)),
    }
    if isinstance(message, TicketPurchased):
        item["ticketId"] = text(str(message.data.ticket_id))
    return item


def catalogue_item(message: CatalogueMessage) -> Item:
    """Build the item of a venue or event.

    It contains the whole message, so that the read model can be rebuilt from it, and its position.
    """
    kind, name = catalogue_key(message)
    position = position_of(message)
    return {
        "kind": text(kind),
        "id": text(name),
        "type": text(type_name(type(message))),
        "time": text(message.time),
        "partition": number(message.partition),
        "epoch": number(position.epoch),
        "sequence": number(position.sequence),
        "data": text(msgspec.json.encode(message.data).decode()),
    }


def seat_key(message: TicketMessage) -> tuple[str, str]:
    """Return the hash and range key of the ticket's seat."""
    data = message.data
    return f"{data.event_id}#{data.zone_id}", f"{data.row}#{data.column}"


def catalogue_key(message: CatalogueMessage) -> tuple[str, str]:
    """Return the hash and range key of the venue or event."""
    if isinstance(message, VenueDefined):
        return "venue", message.data.venue_id
    return "event", message.data.event_id


def position_of(message: CatalogueMessage) -> Position:
    """Return the message's position in its partition."""
    assert message.position is not None
    return Position.parse(message.position)


def generation_of(message: TicketMessage) -> int:
    """Return which sale of its seat this ticket is, counted from 1."""
    assert message.generation is not None
    return message.generation


def text(value: str) -> dict[str, str]:
    """Return a DynamoDB string value."""
    return {"S": value}


def number(value: int) -> dict[str, str]:
    """Return a DynamoDB number value."""
    return {"N": str(value)}
