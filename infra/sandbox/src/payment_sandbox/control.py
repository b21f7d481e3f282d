"""What only tests and demonstrations do: play the customer and the provider's staff, break things, audit the books."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import get, post
from litestar.response.base import ASGIResponse
from msgspec import Meta, Struct

from payment_sandbox.api import admitted, bank_of, desk_of
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


class GiveBack(Struct, frozen=True, forbid_unknown_fields=True):
    """All that is left of it, without an amount."""

    amount: Amount | None = None


class Dispute(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = "fraudulent"


class Misbehave(Struct, frozen=True, forbid_unknown_fields=True):
    """For how long; without a mode the outage ends."""

    mode: Mode | None = None
    seconds: Annotated[float, Meta(ge=0, le=3_600)] = 3_600


@post("/sandbox/payment_intents/{intent_id:str}/authenticate")
async def authenticate(request: Caller, intent_id: str) -> ASGIResponse:
    """The customer passes the check of their bank, or fails it."""
    wanted = await _wanted(request, Authenticate)
    return _intent(request, lambda: bank_of(request).authenticate(intent_id, succeeds=wanted.outcome == "succeeded"))


@post("/sandbox/payment_intents/{intent_id:str}/decide")
async def decide(request: Caller, intent_id: str) -> ASGIResponse:
    """The bank makes up its mind about a payment that it is processing."""
    wanted = await _wanted(request, Decide)
    return _intent(request, lambda: bank_of(request).decide(intent_id, wanted.outcome))


@post("/sandbox/payment_intents/{intent_id:str}/recover")
async def recover(request: Caller, intent_id: str) -> ASGIResponse:
    """The outage of one payment ends."""
    return _intent(request, lambda: bank_of(request).recover(intent_id))


@post("/sandbox/payment_intents/{intent_id:str}/refund")
async def give_back(request: Caller, intent_id: str) -> ASGIResponse:
    """The provider's staff refunds, of which the platform learns by webhook."""
    wanted, bank = await _wanted(request, GiveBack), bank_of(request)
    return _done(request, lambda: refund_object(bank.give_back(bank.find(intent_id), wanted.amount, {})))


@post("/sandbox/payment_intents/{intent_id:str}/dispute")
async def dispute(request: Caller, intent_id: str) -> ASGIResponse:
    """The customer disputes the payment at their bank."""
    wanted = await _wanted(request, Dispute)
    return _done(request, lambda: bank_of(request).dispute(intent_id, wanted.reason))


@post("/sandbox/outage")
async def misbehave(request: Caller) -> ASGIResponse:
    """All of Stripe's API is unavailable (503), busy (429), slow, or does what it is asked and its answers are lost."""
    wanted = await _wanted(request, Misbehave)
    desk_of(request).outage = Outage(wanted.mode, time.monotonic() + wanted.seconds)
    return _json({"mode": wanted.mode})


@get("/sandbox/books")
async def audit(request: Caller) -> ASGIResponse:
    """Every payment, and what they come to; `authorised` is what is still set aside."""
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
    """What is asked for, by whoever has the API key. Raises Refused."""
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
    return _done(request, lambda: intent_object(step()))


def _done(request: Caller, step: Callable[[], dict[str, Any]]) -> ASGIResponse:
    """Take the step in one transaction. Raises Refused."""
    desk = admitted(request)
    with store_of(request).transaction():
        body = step()
    desk.wake()
    return _json(body)


def _json(body: dict[str, Any]) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(body), media_type="application/json")


handlers = [authenticate, decide, recover, give_back, dispute, misbehave, audit, ready]
