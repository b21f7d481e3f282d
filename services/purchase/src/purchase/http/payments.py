"""The commands about paying for holds over HTTP: handlers translate, they do not decide."""

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.http import examples
from purchase.http.answers import confirmation_answer, consistency_token, hold_answer, payment_answer, ticket_answer
from purchase.http.bodies import BeginPaymentBody, ConfirmHoldBody
from purchase.http.openapi import IDEMPOTENCY_KEY, HoldId, declare, takes
from purchase.http.requests import read_hold_id, read_key, read_optional_body, read_trace
from purchase.http.services import Caller, services_of
from purchase.payments.cashier import Confirmed
from purchase.providers import ProviderAway, deadline
from purchase.store.ids import partition_bits


@post(
    "/api/v1/holds/{holdId:str}/payment",
    tags=["Payments"],
    operation_id="beginPayment",
    summary="Begin to pay for a hold",
    operation_class=takes(BeginPaymentBody, examples.BEGIN_PAYMENT, [IDEMPOTENCY_KEY], required=False),
    responses=declare(
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
async def begin_payment(request: Caller, hold_id: HoldId) -> ASGIResponse:
    """Its seats are kept until the payment is decided, at most 15 minutes; declined, another attempt may follow.

    With a `paymentMethod` the provider tries it at once. Without one the customer confirms the payment there, with the
    `clientSecret`. Asked again, the payment under way is told; another method replaces one that waits for its customer.
    Where the seats cost nothing there is nothing to pay (402, code `nothing_to_pay`): the hold is confirmed without it.
    """
    services = services_of(request)
    wanted = read_hold_id(hold_id)
    body = await read_optional_body(request, _payment_decoder)
    key = await read_key(request, f"POST /api/v1/holds/{wanted}/payment")
    with deadline.shared():
        noted = await services.cashier.pay(wanted, body.payment_method, key, read_trace(request))
    headers = {"Consistency-Token": consistency_token({partition_bits(wanted): noted.position})}
    if noted.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return ASGIResponse(body=msgspec.json.encode(payment_answer(noted.begun)), status_code=201, headers=headers)


@post(
    "/api/v1/holds/{holdId:str}/confirm",
    tags=["Payments"],
    operation_id="confirmHold",
    summary="Turn a hold whose payment is authorised into tickets",
    operation_class=takes(ConfirmHoldBody, {}, [IDEMPOTENCY_KEY], required=False),
    responses=declare(
        {201: examples.CONFIRMATION, 202: examples.UNDECIDED_HOLD},
        refusals.InvalidIdempotencyKey,
        refusals.HoldNotFound,
        refusals.HoldExpired,
        refusals.PaymentRequired,
        refusals.PaymentDeclined,
        ProviderAway,
    ),
)
async def confirm_hold(request: Caller, hold_id: HoldId) -> ASGIResponse:
    """The seats are sold and then the money is taken; the same tickets again when repeated.

    A hold whose amount is 0.00 is confirmed without a payment.

    202 while the provider has not decided, or has not said yet that the money is taken: repeat it.
    """
    services = services_of(request)
    wanted = read_hold_id(hold_id)
    await read_optional_body(request, _confirm_decoder)
    # Only its shape is judged: repeated, with a key or without, the call answers the same by nature.
    await read_key(request, f"POST /api/v1/holds/{wanted}/confirm")
    with deadline.shared():
        outcome = await services.cashier.confirm(wanted, read_trace(request))
    headers = {"Consistency-Token": consistency_token({partition_bits(wanted): outcome.position})}
    if isinstance(outcome, Confirmed):
        tickets = [ticket_answer(t, "PAID", services.receipts.sign(t.ticket_id)) for t in outcome.tickets]
        told = confirmation_answer(outcome.hold, tickets)
        return ASGIResponse(body=msgspec.json.encode(told), status_code=201, headers=headers)
    undecided = hold_answer(outcome.hold, outcome.hold.state)
    return ASGIResponse(body=msgspec.json.encode(undecided), status_code=202, headers=headers)


_payment_decoder = msgspec.json.Decoder(BeginPaymentBody)
_confirm_decoder = msgspec.json.Decoder(ConfirmHoldBody)

handlers = [begin_payment, confirm_hold]
