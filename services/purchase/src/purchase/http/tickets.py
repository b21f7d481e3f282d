"""Buying a ticket and undoing it over HTTP: handlers translate, they do not decide."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, post
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.http import examples
from purchase.http.answers import consistency_token, ticket_answer
from purchase.http.bodies import PurchaseTicketBody
from purchase.http.openapi import IDEMPOTENCY_KEY, RECEIPT, declare, takes
from purchase.http.problems import answer
from purchase.http.requests import (
    read_bearer,
    read_body,
    read_key,
    read_ticket_id,
    read_trace,
)
from purchase.http.services import Caller, services_of
from purchase.refusals import Forbidden, Refusal

TicketId = Annotated[str, PathParameter(name="ticketId", description="A UUID.", schema_extra={"format": "uuid"})]


@post(
    "/api/v1/tickets",
    tags=["Tickets"],
    operation_id="purchaseTicket",
    summary="Buy one seat at once",
    operation_class=takes(PurchaseTicketBody, examples.PURCHASE_TICKET, [IDEMPOTENCY_KEY]),
    responses=declare(
        {201: examples.TICKET},
        refusals.InvalidIdempotencyKey,
        refusals.InvalidSeatLabel,
        refusals.EventNotFound,
        refusals.VenueMismatch,
        refusals.ZoneNotFound,
        refusals.SeatOutOfRange,
        refusals.DirectSalesOff,
        refusals.SalesNotOpen,
        refusals.SalesClosed,
        refusals.CustomerLimit,
        refusals.SeatTaken,
        refusals.ZoneFull,
        refusals.EventFull,
        refusals.KeyReused,
    ),
)
async def purchase_ticket(request: Caller) -> ASGIResponse:
    """Sell one seat without a payment step."""
    services = services_of(request)
    wanted = await read_body(request, _purchase_decoder)
    bought = await services.box_office.purchase(
        wanted, await read_key(request, "POST /api/v1/tickets"), read_trace(request)
    )
    if isinstance(bought, Refusal):
        return answer(bought, "/api/v1/tickets")
    ticket = bought.ticket
    headers = {
        "Location": f"/api/v1/tickets/{ticket.ticket_id}",
        "Consistency-Token": consistency_token({ticket.partition: bought.position}),
    }
    if bought.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    told = ticket_answer(ticket, "PAID", services.receipts.sign(ticket.ticket_id))
    return ASGIResponse(body=msgspec.json.encode(told), status_code=201, headers=headers)


@delete(
    "/api/v1/tickets/{ticketId:str}",
    status_code=200,
    tags=["Tickets"],
    operation_id="cancelTicket",
    summary="Undo a purchase",
    operation_class=takes(None, headers=[RECEIPT]),
    security=[{}, {"admin": []}],
    responses=declare(
        {200: examples.CANCELLED_TICKET},
        refusals.TicketNotFound,
        refusals.Unauthorized,
        refusals.Forbidden,
        with_body=False,
    ),
)
async def cancel_ticket(request: Caller, ticket_id: TicketId) -> ASGIResponse:
    """Free the seat again, for whoever holds the receipt or an admin token; the same again when repeated."""
    services = services_of(request)
    wanted = read_ticket_id(ticket_id)
    _admit_to_cancel(request, wanted)
    ticket, position = await services.box_office.cancel(wanted, read_trace(request))
    token = consistency_token({ticket.partition: position})
    told = ticket_answer(ticket, "CANCELLED", receipt=None)
    return ASGIResponse(body=msgspec.json.encode(told), headers={"Consistency-Token": token})


def _admit_to_cancel(request: Caller, ticket_id: UUID) -> None:
    """The receipt or an admin token: either will do, whatever the other is. Raises Unauthorized, Forbidden."""
    services, receipt, token = services_of(request), request.headers.get("receipt"), read_bearer(request)
    if receipt is not None and services.receipts.verify(receipt, ticket_id):
        return
    if receipt is not None and token is None:
        raise Forbidden("the receipt is not this ticket's")
    services.admins.admit(token)


_purchase_decoder = msgspec.json.Decoder(PurchaseTicketBody)

handlers = [purchase_ticket, cancel_ticket]
