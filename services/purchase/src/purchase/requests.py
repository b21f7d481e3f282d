"""What callers send: read strictly, so that whatever passes means exactly one thing."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from contracts.catalogue import Currency, Identifier, Zone, ZoneId
from contracts.text import whole
from litestar import Request
from msgspec import Meta, Struct

from purchase.catalog import Event, Venue
from purchase.hold_desk import HoldBest, HoldSeats
from purchase.idempotency import IdempotencyKey
from purchase.problems import InvalidIdempotencyKey, InvalidRequest, UnsupportedMediaType

SEATS_MAX = 1_000_000
"""Seats of an event, all zones together."""

PRICE_MAX = Decimal("999999.99")

_OTHER_DECIMALS = (
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BHD IQD JOD KWD LYD OMR TND CLF UYW"
)
"""Currencies whose minor unit is not a hundredth (ISO 4217): prices here are written with two decimals."""

IDENTIFIER = "^[A-Za-z0-9._~-]{1,64}$"
IDENTIFIER_SHAPE = "1 to 64 characters of A-Z a-z 0-9 . _ ~ -"

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
# As it was written: msgspec would take a Decimal from a text too, and a float would round.
Price = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "number", "minimum": 0, "maximum": float(PRICE_MAX)})]
T = TypeVar("T")


class DefineZone(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A block of seats at one price, which is in units of the currency with at most two decimals."""

    zone_id: ZoneId
    ticket_price: Price
    row_count: Annotated[int, Meta(ge=1, le=1_000)]
    col_count: Annotated[int, Meta(ge=1, le=702)]


class DefineVenue(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A venue, whole."""

    zones: Annotated[list[DefineZone], Meta(min_length=1)]
    name: Name | None = None
    city: Name | None = None
    currency: Currency = "USD"

    def venue(self, venue_id: str) -> Venue:
        """The venue with this id. Raises InvalidRequest."""
        if self.currency in _OTHER_DECIMALS.split():
            raise InvalidRequest(f"{self.currency} does not have two decimals", field="currency")
        if len({zone.zone_id for zone in self.zones}) < len(self.zones):
            raise InvalidRequest("zone ids must be distinct", field="zones")
        if sum(zone.row_count * zone.col_count for zone in self.zones) > SEATS_MAX:
            raise InvalidRequest(f"an event has at most {SEATS_MAX} seats", field="zones")
        zones = tuple(
            Zone(
                zone_id=zone.zone_id,
                price_cents=_cents(zone.ticket_price, f"zones[{place}].ticketPrice"),
                row_count=zone.row_count,
                col_count=zone.col_count,
            )
            for place, zone in enumerate(self.zones)
        )
        return Venue(venue_id=venue_id, name=self.name, city=self.city, currency=self.currency, zones=zones)


class BeginPayment(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Begins to pay for a hold, by a method of the provider's that is tried at once, or without one by the customer."""

    payment_method: Annotated[str, Meta(pattern=whole("[A-Za-z0-9_-]{1,255}"))] | None = None


class ConfirmHold(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing else is asked for."""


class ScheduleEvent(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An event, whole; it is sold with the zones of its venue."""

    venue_id: Identifier
    name: Name
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    date: date
    sales_open_at: Moment | None = None
    sales_close_at: Moment | None = None
    max_seats_per_customer: Annotated[int, Meta(ge=1, le=SEATS_MAX)] | None = None

    def event(self, event_id: str) -> Event:
        """The event with this id, still without zones. Raises InvalidRequest."""
        if self.sales_open_at and self.sales_close_at and self.sales_close_at <= self.sales_open_at:
            raise InvalidRequest("sales must close after they open", field="salesCloseAt")
        return Event(
            event_id=event_id,
            venue_id=self.venue_id,
            name=self.name,
            type=self.type,
            date=self.date,
            currency="",
            zones=(),
            sales_open_at=_utc(self.sales_open_at, "salesOpenAt"),
            sales_close_at=_utc(self.sales_close_at, "salesCloseAt"),
            max_seats_per_customer=self.max_seats_per_customer,
        )


async def read_body(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[T]) -> T:
    """The body, decoded; one that is too large is told first. Raises UnsupportedMediaType, InvalidRequest."""
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("the body must be application/json", contentType=media_type)
    return decode_body(body, decoder)


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """A JSON text, decoded; what does not fit is named by its field. Raises InvalidRequest."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field=_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}", field="$") from None


async def read_hold(request: Request[Any, Any, Any]) -> HoldSeats | HoldBest:
    """Seats by their names, or, where a zone or a quantity is asked for, the best. Raises what `read_body` raises."""
    if await _asked_for(request) & {"zoneId", "quantity"}:
        return await read_body(request, _best_decoder)
    return await read_body(request, _seats_decoder)


async def _asked_for(request: Request[Any, Any, Any]) -> set[str]:
    """The names of the body's fields; none where it is no object."""
    try:
        return set(_fields_decoder.decode(await request.body()))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return set()


async def read_optional_body(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[T]) -> T:
    """The body, decoded; none is as good as an empty object. Raises UnsupportedMediaType, InvalidRequest."""
    return await read_body(request, decoder) if await request.body() else decode_body(b"{}", decoder)


async def read_key(request: Request[Any, Any, Any], call: str) -> IdempotencyKey | None:
    """The Idempotency-Key that came with this call and body, if one came. Raises InvalidIdempotencyKey."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        raise InvalidIdempotencyKey("an Idempotency-Key has 1 to 255 visible ASCII characters")
    digest = blake2b(f"{call} {key}".encode(), digest_size=16).hexdigest()
    return IdempotencyKey(digest, blake2b(await request.body(), digest_size=16).digest())


def read_identifier(text: str, field: str) -> str:
    """The id of a venue or an event in a path. Raises InvalidRequest."""
    if not _IDENTIFIER.fullmatch(text):
        raise InvalidRequest(f"{field} has {IDENTIFIER_SHAPE}", field=field)
    return text


def read_ticket_id(text: str) -> UUID:
    """The id of a ticket in a path. Raises InvalidRequest."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest("ticketId is a UUID", field="ticketId")
    return UUID(text)


def read_hold_id(text: str) -> UUID:
    """The id of a hold in a path. Raises InvalidRequest."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest("holdId is a UUID", field="holdId")
    return UUID(text)


def read_bearer(request: Request[Any, Any, Any]) -> str | None:
    """The token of `Authorization: Bearer <token>`, if there is one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def read_trace(request: Request[Any, Any, Any]) -> str | None:
    """The trace that the request is part of (W3C `traceparent`); one that is malformed is none."""
    traceparent = request.headers.get("traceparent")
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


_seats_decoder = msgspec.json.Decoder(HoldSeats)
_best_decoder = msgspec.json.Decoder(HoldBest)
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_VISIBLE = re.compile("[!-~]{1,255}", re.ASCII)
_IDENTIFIER = re.compile(IDENTIFIER, re.ASCII)
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_AT_PATH = re.compile(r" - at `\$\.?(.*)`$")
_NAMED = re.compile(r"field `(.+?)`")


def _field(error: str) -> str:
    """The field that msgspec complains of, as a path such as `zones[0].rowCount`."""
    path = _AT_PATH.search(error)
    named = _NAMED.search(error)
    parts: Sequence[str] = [path[1] if path else "", named[1] if named else ""]
    return ".".join(part for part in parts if part) or "$"


def _utc(moment: datetime | None, field: str) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest(f"{field} is out of range", field=field) from None


def _cents(price: msgspec.Raw, field: str) -> int:
    text = bytes(price).decode()
    amount = Decimal(text) if text[0] in "-0123456789" else Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= PRICE_MAX or amount != round(amount, 2):
        raise InvalidRequest(f"a price is a number from 0.00 to {PRICE_MAX}, with at most two decimals", field=field)
    return int(amount * 100)
