"""The part of Stripe's API that the platform uses."""

import hmac
from collections.abc import Callable

from litestar import get, post
from litestar.response.base import ASGIResponse

from payment_sandbox import refusals
from payment_sandbox.bank import Bank
from payment_sandbox.desk import Caller, Desk, Done
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
from payment_sandbox.shapes import intent_object, list_object, refund_object


@post("/v1/payment_intents")
async def create_intent(request: Caller) -> ASGIResponse:
    desk = admitted(request)
    wanted = read_form(await text_of(request), CreateIntent)
    return await desk.serve(request, lambda: _told(bank_of(request).create(wanted), wanted.expand))


@get("/v1/payment_intents/{intent_id:str}")
async def retrieve_intent(request: Caller, intent_id: str) -> ASGIResponse:
    desk = admitted(request)
    wanted = read_form(await text_of(request), ChangeIntent)
    return await desk.serve(
        request, lambda: Done(intent_object(bank_of(request).retrieve(intent_id), expand=wanted.expand))
    )


@post("/v1/payment_intents/{intent_id:str}/confirm")
async def confirm_intent(request: Caller, intent_id: str) -> ASGIResponse:
    """Also for the customer, who has the payment's `client_secret` instead of the API key."""
    wanted = read_form(await text_of(request), ConfirmIntent)
    desk = desk_of(request)
    if wanted.client_secret is None:
        desk.admit(request)
    elif not _is_secret_of(wanted.client_secret, bank_of(request).find(intent_id)):
        raise refusals.unauthorised()
    return await desk.serve(
        request, lambda: _told(bank_of(request).confirm(intent_id, wanted.payment_method), wanted.expand)
    )


@post("/v1/payment_intents/{intent_id:str}/capture")
async def capture_intent(request: Caller, intent_id: str) -> ASGIResponse:
    return await _change(request, lambda: bank_of(request).capture(intent_id))


@post("/v1/payment_intents/{intent_id:str}/cancel")
async def cancel_intent(request: Caller, intent_id: str) -> ASGIResponse:
    return await _change(request, lambda: bank_of(request).cancel(intent_id))


@post("/v1/refunds")
async def create_refund(request: Caller) -> ASGIResponse:
    desk, bank = admitted(request), bank_of(request)
    wanted = read_form(await text_of(request), CreateRefund)

    def refund() -> Done:
        given = bank.refund(wanted)
        return Done(refund_object(given), bank.find(given.intent).behaviour)

    return await desk.serve(request, refund)


@get("/v1/refunds")
async def list_refunds(request: Caller) -> ASGIResponse:
    """Of one payment, the newest first."""
    desk, bank = admitted(request), bank_of(request)
    wanted = read_form(await text_of(request), ListRefunds)

    def find() -> Done:
        found = bank.refunds(wanted.payment_intent)
        shown = [refund_object(refund) for refund in found[: wanted.limit]]
        return Done(list_object("/v1/refunds", shown, has_more=len(found) > wanted.limit))

    return await desk.serve(request, find)


async def text_of(request: Caller) -> str:
    """The form: the body of a POST, else the query."""
    if request.method == "POST":
        return (await request.body()).decode(errors="replace")
    query: bytes = request.scope["query_string"]
    return query.decode(errors="replace")


def bank_of(request: Caller) -> Bank:
    bank: Bank = request.app.state["bank"]
    return bank


def desk_of(request: Caller) -> Desk:
    desk: Desk = request.app.state["desk"]
    return desk


def admitted(request: Caller) -> Desk:
    """The desk, for whoever has the API key. Raises Refused."""
    desk = desk_of(request)
    desk.admit(request)
    return desk


async def _change(request: Caller, step: Callable[[], Intent]) -> ASGIResponse:
    desk = admitted(request)
    wanted = read_form(await text_of(request), ChangeIntent)
    return await desk.serve(request, lambda: _told(step(), wanted.expand))


def _is_secret_of(secret: str, intent: Intent) -> bool:
    return hmac.compare_digest(secret.encode(), intent.client_secret.encode())


def _told(intent: Intent, expand: Expand) -> Done:
    return Done(intent_object(intent, expand=expand), intent.behaviour)


handlers = [
    create_intent,
    retrieve_intent,
    confirm_intent,
    capture_intent,
    cancel_intent,
    create_refund,
    list_refunds,
]
