"""Buying and cancelling tickets over HTTP: handlers translate, they do not decide."""

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
from purchase.http.openapi import (
    CONSISTENCY_TOKEN,
    IDEMPOTENCY_KEY,
    IDEMPOTENT_REPLAYED,
    LOCATION,
    RECEIPT,
    declare_request,
    declare_responses,
)
from purchase.http.problems import answer
from purchase.http.requests import HttpRequest, read_bearer, read_body, read_key, read_trace, read_uuid
from purchase.http.services import services_of
from purchase.refusals import Forbidden, Refusal

TicketId = Annotated[str, PathParameter(name="ticketId", description="A UUID.", schema_extra={"format": "uuid"})]


@post(
    "/api/v1/tickets",
    tags=["Tickets"],
    operation_id="purchaseTicket",
    summary="Buy a ticket",
    operation_class=declare_request(
        PurchaseTicketBody,
        examples.PURCHASE_TICKET,
        [IDEMPOTENCY_KEY],
        response_headers={**CONSISTENCY_TOKEN, **LOCATION, **IDEMPOTENT_REPLAYED},
    ),
    responses=declare_responses(
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
async def purchase_ticket(request: HttpRequest) -> ASGIResponse:
    """Sell one seat without a payment step.

    An installation can switch such direct sales off; tickets are then sold through holds only.
    """
    services = services_of(request)
    command = await read_body(request, _purchase_decoder)
    purchase = await services.box_office.purchase(
        command, await read_key(request, "POST /api/v1/tickets"), read_trace(request)
    )
    if isinstance(purchase, Refusal):
        return answer(purchase, "/api/v1/tickets")
    ticket = purchase.ticket
    headers = {
        "Location": f"/api/v1/tickets/{ticket.ticket_id}",
        "Consistency-Token": consistency_token({ticket.partition: purchase.position}),
    }
    if purchase.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    body = ticket_answer(ticket, "PAID", services.receipts.sign(ticket.ticket_id))
    return ASGIResponse(body=msgspec.json.encode(body), status_code=201, headers=headers)


@delete(
    "/api/v1/tickets/{ticketId:str}",
    status_code=200,
    tags=["Tickets"],
    operation_id="cancelTicket",
    summary="Cancel a ticket",
    operation_class=declare_request(headers=[RECEIPT]),
    security=[{}, {"admin": []}],
    responses=declare_responses(
        {200: examples.CANCELLED_TICKET},
        refusals.TicketNotFound,
        refusals.Unauthorized,
        refusals.Forbidden,
        with_body=False,
    ),
)
async def cancel_ticket(request: HttpRequest, ticket_id: TicketId) -> ASGIResponse:
    """Free the seat and refund the ticket if it was paid for through a hold.

    The call needs the receipt of the ticket or an admin token. Repeating it gives the same answer.
    """
    services = services_of(request)
    cancelled_id = read_uuid(ticket_id, "ticketId")
    _admit_to_cancel(request, cancelled_id)
    ticket, position = await services.box_office.cancel(cancelled_id, read_trace(request))
    token = consistency_token({ticket.partition: position})
    body = ticket_answer(ticket, "CANCELLED", receipt=None)
    return ASGIResponse(body=msgspec.json.encode(body), headers={"Consistency-Token": token})


def _admit_to_cancel(request: HttpRequest, ticket_id: UUID) -> None:
    """Accept a valid receipt or a valid admin token. Raises Unauthorized, Forbidden."""
    services, receipt, token = services_of(request), request.headers.get("receipt"), read_bearer(request)
    if receipt is not None and services.receipts.verify(receipt, ticket_id):
        return
    if receipt is not None and token is None:
        raise Forbidden("The receipt is not the one of this ticket.")
    services.admins.admit(token)


_purchase_decoder = msgspec.json.Decoder(PurchaseTicketBody)

handlers = [purchase_ticket, cancel_ticket]
