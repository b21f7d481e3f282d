"""Calls for tests and demonstrations: act as customer, bank or staff, cause outages, read books."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse
from msgspec import Meta, Struct

from payment_sandbox.api import admitted, desk_of, payments_of
from payment_sandbox.desk import Caller, Mode, Outage
from payment_sandbox.forms import Amount, read_json
from payment_sandbox.intents import Intent
from payment_sandbox.readiness import readiness
from payment_sandbox.shapes import intent_object, refund_object
from payment_sandbox.store import Store

T = TypeVar("T")


class Authenticate(Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["succeeded", "failed"]


class Decide(Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["authorised", "captured", "declined"]


class RefundByStaff(Struct, frozen=True, forbid_unknown_fields=True):
    """A refund by the provider's staff; without an amount, of all that is left."""

    amount: Amount | None = None


class Dispute(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = "fraudulent"


class StartOutage(Struct, frozen=True, forbid_unknown_fields=True):
    """The kind of outage and its duration; without a mode the current outage ends."""

    mode: Mode | None = None
    seconds: Annotated[float, Meta(ge=0, le=3_600)] = 3_600


@post("/sandbox/payment_intents/{intent_id:str}/authenticate")
async def authenticate(request: Caller, intent_id: str) -> ASGIResponse:
    """Pass or fail the customer's authentication."""
    wanted = await _wanted(request, Authenticate)
    return _intent(
        request, lambda: payments_of(request).authenticate(intent_id, succeeds=wanted.outcome == "succeeded")
    )


@post("/sandbox/payment_intents/{intent_id:str}/decide")
async def decide(request: Caller, intent_id: str) -> ASGIResponse:
    """Decide, as the bank, on a payment that is processing."""
    wanted = await _wanted(request, Decide)
    return _intent(request, lambda: payments_of(request).decide(intent_id, wanted.outcome))


@post("/sandbox/payment_intents/{intent_id:str}/recover")
async def recover(request: Caller, intent_id: str) -> ASGIResponse:
    """End the outage of one payment."""
    return _intent(request, lambda: payments_of(request).recover(intent_id))


@post("/sandbox/payment_intents/{intent_id:str}/refund")
async def refund_by_staff(request: Caller, intent_id: str) -> ASGIResponse:
    """Refund as the provider's staff; the platform learns of it by webhook."""
    wanted, payments = await _wanted(request, RefundByStaff), payments_of(request)
    return _step(request, lambda: refund_object(payments.refund_intent(payments.find(intent_id), wanted.amount, {})))


@post("/sandbox/payment_intents/{intent_id:str}/dispute")
async def dispute(request: Caller, intent_id: str) -> ASGIResponse:
    """Dispute the payment, as the customer's bank."""
    wanted = await _wanted(request, Dispute)
    return _step(request, lambda: payments_of(request).dispute(intent_id, wanted.reason))


@post("/sandbox/outage")
async def start_outage(request: Caller) -> ASGIResponse:
    """Make Stripe's API unavailable (503), busy (429) or slow, or lose its answers.

    A lost answer is lost after the work is done.
    """
    wanted = await _wanted(request, StartOutage)
    desk_of(request).outage = Outage(wanted.mode, time.monotonic() + wanted.seconds)
    return _json({"mode": wanted.mode})


@get("/sandbox/books")
async def books(request: Caller) -> ASGIResponse:
    """List every payment, with totals; `authorised` counts authorisations not yet captured."""
    admitted(request)
    store = store_of(request)
    intents = store.intents()
    waiting, given_up = store.webhooks()
    return _json(
        {
            "authorised": sum(intent.authorised for intent in intents),
            "captured": sum(intent.captured for intent in intents),
            "refunded": sum(intent.refunded for intent in intents),
            "refunds": sum(intent.refunds for intent in intents),
            "open_authorisations": sum(intent.status == "requires_capture" for intent in intents),
            "webhooks_waiting": waiting,
            "webhooks_given_up": given_up,
            "payment_intents": [_entry(intent) for intent in intents],
        }
    )


@get("/health/ready")
async def ready(request: Caller) -> ASGIResponse:
    """Answer 200 when the store can be read, else 503."""
    store = store_of(request)

    async def check_store() -> None:
        store.webhooks()

    status, body = await readiness({"store": check_store})
    return ASGIResponse(body=body, status_code=status, media_type="application/json")


def store_of(request: Caller) -> Store:
    store: Store = request.app.state["store"]
    return store


async def _wanted(request: Caller, kind: type[T]) -> T:
    """Parse the body of a caller that has the API key. Raises Refused."""
    admitted(request)
    return read_json(await request.body(), kind)


def _entry(intent: Intent) -> dict[str, Any]:
    return {
        "id": intent.id,
        "status": intent.status,
        "amount": intent.amount,
        "currency": intent.currency,
        "authorised": intent.authorised,
        "captured": intent.captured,
        "refunded": intent.refunded,
        "refunds": intent.refunds,
        "disputed": intent.is_disputed,
        "payment_method": intent.method,
        "metadata": intent.metadata,
    }


def _intent(request: Caller, step: Callable[[], Intent]) -> ASGIResponse:
    return _step(request, lambda: intent_object(step()))


def _step(request: Caller, step: Callable[[], dict[str, Any]]) -> ASGIResponse:
    """Run the step in one transaction. Raises Refused."""
    desk = admitted(request)
    with store_of(request).transaction():
        body = step()
    desk.wake()
    return _json(body)


def _json(body: dict[str, Any]) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(body), media_type="application/json")


handlers = [authenticate, decide, recover, refund_by_staff, dispute, start_outage, books, ready]
