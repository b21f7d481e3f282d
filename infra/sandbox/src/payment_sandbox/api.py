"""The part of Stripe's API that the platform uses."""

import hmac
from collections.abc import Callable

from litestar import get, post
from litestar.response.base import ASGIResponse

from payment_sandbox import refusals
from payment_sandbox.desk import Caller, Desk, Result
from payment_sandbox.forms import (
    ChangeIntent,
    ConfirmIntent,
    CreateIntent,
    CreateRefund,
    Expand,
    ListRefunds,
    read_form,
)
from payment_sandbox.intents import Intent
from payment_sandbox.payments import Payments
from payment_sandbox.shapes import intent_object, list_object, refund_object


@post("/v1/payment_intents")
async def create_intent(request: Caller) -> ASGIResponse:
    desk = admitted(request)
    wanted = read_form(await text_of(request), CreateIntent)
    return await desk.serve(request, lambda: _intent_result(payments_of(request).create(wanted), wanted.expand))


@get("/v1/payment_intents/{intent_id:str}")
async def retrieve_intent(request: Caller, intent_id: str) -> ASGIResponse:
    desk = admitted(request)
    wanted = read_form(await text_of(request), ChangeIntent)
    return await desk.serve(
        request, lambda: Result(intent_object(payments_of(request).retrieve(intent_id), expand=wanted.expand))
    )


@post("/v1/payment_intents/{intent_id:str}/confirm")
async def confirm_intent(request: Caller, intent_id: str) -> ASGIResponse:
    """Confirm a payment, with the API key or with the customer's `client_secret`."""
    wanted = read_form(await text_of(request), ConfirmIntent)
    desk = desk_of(request)
    if wanted.client_secret is None:
        desk.admit(request)
    elif not _is_secret_of(wanted.client_secret, payments_of(request).find(intent_id)):
        raise refusals.unauthorised()
    return await desk.serve(
        request, lambda: _intent_result(payments_of(request).confirm(intent_id, wanted.payment_method), wanted.expand)
    )


@post("/v1/payment_intents/{intent_id:str}/capture")
async def capture_intent(request: Caller, intent_id: str) -> ASGIResponse:
    return await _change(request, lambda: payments_of(request).capture(intent_id))


@post("/v1/payment_intents/{intent_id:str}/cancel")
async def cancel_intent(request: Caller, intent_id: str) -> ASGIResponse:
    return await _change(request, lambda: payments_of(request).cancel(intent_id))


@post("/v1/refunds")
async def create_refund(request: Caller) -> ASGIResponse:
    desk, payments = admitted(request), payments_of(request)
    wanted = read_form(await text_of(request), CreateRefund)

    def refund() -> Result:
        created = payments.refund(wanted)
        return Result(refund_object(created), payments.find(created.intent).behaviour)

    return await desk.serve(request, refund)


@get("/v1/refunds")
async def list_refunds(request: Caller) -> ASGIResponse:
    """List the refunds of one payment, newest first."""
    desk, payments = admitted(request), payments_of(request)
    wanted = read_form(await text_of(request), ListRefunds)

    def list_page() -> Result:
        refunds = payments.refunds(wanted.payment_intent)
        page = [refund_object(refund) for refund in refunds[: wanted.limit]]
        return Result(list_object("/v1/refunds", page, has_more=len(refunds) > wanted.limit))

    return await desk.serve(request, list_page)


async def text_of(request: Caller) -> str:
    """Return the form: the body of a POST, otherwise the query string."""
    if request.method == "POST":
        return (await request.body()).decode(errors="replace")
    query: bytes = request.scope["query_string"]
    return query.decode(errors="replace")


def payments_of(request: Caller) -> Payments:
    payments: Payments = request.app.state["payments"]
    return payments


def desk_of(request: Caller) -> Desk:
    desk: Desk = request.app.state["desk"]
    return desk


def admitted(request: Caller) -> Desk:
    """Return the desk if the caller has the API key. Raises Refused."""
    desk = desk_of(request)
    desk.admit(request)
    return desk


async def _change(request: Caller, step: Callable[[], Intent]) -> ASGIResponse:
    desk = admitted(request)
    wanted = read_form(await text_of(request), ChangeIntent)
    return await desk.serve(request, lambda: _intent_result(step(), wanted.expand))


def _is_secret_of(secret: str, intent: Intent) -> bool:
    return hmac.compare_digest(secret.encode(), intent.client_secret.encode())


def _intent_result(intent: Intent, expand: Expand) -> Result:
    return Result(intent_object(intent, expand=expand), intent.behaviour)


handlers = [
    create_intent,
    retrieve_intent,
    confirm_intent,
    capture_intent,
    cancel_intent,
    create_refund,
    list_refunds,
]
