"""Paying for holds over HTTP: handlers translate, they do not decide."""

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.http import examples
from purchase.http.answers import confirmation_answer, consistency_token, hold_answer, payment_answer, ticket_answer
from purchase.http.bodies import BeginPaymentBody, ConfirmHoldBody
from purchase.http.openapi import (
    CONSISTENCY_TOKEN,
    IDEMPOTENCY_KEY,
    IDEMPOTENT_REPLAYED,
    HoldId,
    declare_request,
    declare_responses,
)
from purchase.http.requests import HttpRequest, read_key, read_optional_body, read_trace, read_uuid
from purchase.http.services import services_of
from purchase.payments.cashier import Confirmed
from purchase.providers import ProviderAway, deadline
from purchase.store.ids import partition_bits


@post(
    "/api/v1/holds/{holdId:str}/payment",
    tags=["Payments"],
    operation_id="beginPayment",
    summary="Begin a payment",
    operation_class=declare_request(
        BeginPaymentBody,
        examples.BEGIN_PAYMENT,
        [IDEMPOTENCY_KEY],
        required=False,
        response_headers={**CONSISTENCY_TOKEN, **IDEMPOTENT_REPLAYED},
    ),
    responses=declare_responses(
        {201: examples.PAYMENT},
        refusals.InvalidIdempotencyKey,
        refusals.HoldNotFound,
        refusals.HoldExpired,
        refusals.HoldPaid,
        refusals.KeyReused,
        refusals.PaymentDeclined,
        ProviderAway,
    ),
)
async def begin_payment(request: HttpRequest, hold_id: HoldId) -> ASGIResponse:
    """Begin to pay for a hold. Its seats are kept until the payment is decided, at most 15 minutes.

    With a `paymentMethod` the provider tries the payment at once. Without one the customer confirms
    the payment at the provider, with the `clientSecret`. After a decline the hold can be paid for
    again.

    Repeating the call returns the payment in progress. Another `paymentMethod` replaces a payment
    that still waits for its customer.

    A hold whose amount is 0.00 needs no payment: the answer is 402 with code `nothing_to_pay`.
    Confirm the hold instead.
    """
    services = services_of(request)
    paid_id = read_uuid(hold_id, "holdId")
    body = await read_optional_body(request, _payment_decoder)
    key = await read_key(request, f"POST /api/v1/holds/{paid_id}/payment")
    with deadline.shared():
        recorded = await services.cashier.pay(paid_id, body.payment_method, key, read_trace(request))
    headers = {"Consistency-Token": consistency_token({partition_bits(paid_id): recorded.position})}
    if recorded.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return ASGIResponse(body=msgspec.json.encode(payment_answer(recorded.payment)), status_code=201, headers=headers)


@post(
    "/api/v1/holds/{holdId:str}/confirm",
    tags=["Payments"],
    operation_id="confirmHold",
    summary="Confirm a hold",
    operation_class=declare_request(ConfirmHoldBody, {}, [IDEMPOTENCY_KEY], required=False),
    responses=declare_responses(
        {201: examples.CONFIRMATION, 202: examples.PAYING_HOLD},
        refusals.InvalidIdempotencyKey,
        refusals.HoldNotFound,
        refusals.HoldExpired,
        refusals.PaymentRequired,
        refusals.PaymentDeclined,
        ProviderAway,
    ),
)
async def confirm_hold(request: HttpRequest, hold_id: HoldId) -> ASGIResponse:
    """Sell the seats of a hold whose payment is authorised, then capture the money.

    The answer is 202 while the provider has not decided, or has not yet confirmed the capture:
    retry the call. Repeating a confirmation returns the same tickets.

    A hold whose amount is 0.00 is confirmed without a payment.
    """
    services = services_of(request)
    confirmed_id = read_uuid(hold_id, "holdId")
    await read_optional_body(request, _confirm_decoder)
    # The key is only validated: this call is idempotent by nature, with a key or without.
    await read_key(request, f"POST /api/v1/holds/{confirmed_id}/confirm")
    with deadline.shared():
        outcome = await services.cashier.confirm(confirmed_id, read_trace(request))
    headers = {"Consistency-Token": consistency_token({partition_bits(confirmed_id): outcome.position})}
    if isinstance(outcome, Confirmed):
        tickets = [ticket_answer(t, "PAID", services.receipts.sign(t.ticket_id)) for t in outcome.tickets]
        confirmation = confirmation_answer(outcome.hold, tickets)
        return ASGIResponse(body=msgspec.json.encode(confirmation), status_code=201, headers=headers)
    undecided = hold_answer(outcome.hold, outcome.hold.state)
    return ASGIResponse(body=msgspec.json.encode(undecided), status_code=202, headers=headers)


_payment_decoder = msgspec.json.Decoder(BeginPaymentBody)
_confirm_decoder = msgspec.json.Decoder(ConfirmHoldBody)

handlers = [begin_payment, confirm_hold]
