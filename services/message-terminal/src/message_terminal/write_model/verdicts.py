"""Interprets DynamoDB's reasons for cancelling a transaction, for each ticket in it."""

from enum import Enum, auto
from typing import Any

from contracts.ticket import TicketCancelled

from message_terminal.write_model.items import TicketMessage, generation_of

_RETRYABLE = frozenset({"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class Verdict(Enum):
    """The outcome of a ticket's write.

    WRITTEN: this revision or a newer one is stored. WRITE_WITHOUT_SEAT: the seat has a newer
    generation, or was never the ticket's. DOUBLE_SALE: the same generation of the seat was sold to
    another ticket. RETRY: the cause is elsewhere, as in a conflict.
    """

    WRITTEN = auto()
    WRITE_WITHOUT_SEAT = auto()
    DOUBLE_SALE = auto()
    RETRY = auto()


def judge(message: TicketMessage, ticket: Any, seat: Any) -> Verdict:
    """Return the outcome from the cancellation reasons of a ticket's item and its seat's item.

    Raises ValueError if DynamoDB will never accept them.
    """
    if ticket["Code"] == "ConditionalCheckFailed":
        return Verdict.WRITTEN
    if seat["Code"] == "ConditionalCheckFailed":
        moved_on = int(seat["Item"]["generation"]["N"]) > generation_of(message)
        # A cancelled ticket of the same generation was rejected before: it never had the seat.
        if moved_on or isinstance(message, TicketCancelled):
            return Verdict.WRITE_WITHOUT_SEAT
        return Verdict.DOUBLE_SALE
    if {ticket["Code"], seat["Code"]} <= _RETRYABLE:
        return Verdict.RETRY
    raise ValueError(f"DynamoDB refuses ticket {message.data.ticket_id}: {ticket} {seat}")
