"""What DynamoDB's reasons for cancelling a transaction say about each ticket in it."""

from enum import Enum, auto
from typing import Any

from contracts.ticket import TicketCancelled

from message_terminal.write_model.items import TicketMessage, generation_of

_AGAIN = frozenset({"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class Verdict(Enum):
    """What has become of a ticket."""

    WRITTEN = auto()
    SEAT_NOT_ITS_OWN = auto()
    SOLD_TO_ANOTHER = auto()
    AGAIN = auto()


def judge(message: TicketMessage, ticket: Any, seat: Any) -> Verdict:
    """Tell from the reasons given for a ticket's two items what has become of it.

    Raises ValueError when DynamoDB will never take them.
    """
    if ticket["Code"] == "ConditionalCheckFailed":
        return Verdict.WRITTEN
    if seat["Code"] == "ConditionalCheckFailed":
        moved_on = int(seat["Item"]["generation"]["N"]) > generation_of(message)
        # A cancelled ticket of the seat's own generation is one that was rejected: it never had the seat.
        if moved_on or isinstance(message, TicketCancelled):
            return Verdict.SEAT_NOT_ITS_OWN
        return Verdict.SOLD_TO_ANOTHER
    if {ticket["Code"], seat["Code"]} <= _AGAIN:
        return Verdict.AGAIN
    raise ValueError(f"DynamoDB refuses ticket {message.data.ticket_id}: {ticket} {seat}")
