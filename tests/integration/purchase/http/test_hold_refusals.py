"""Each refusal of a hold names its real cause; of two faults, the first in `FAULTS` is answered."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import httpx
import pytest
from msgspec import Struct
from purchase.store.ids import mint_id

from tests.stage.builders import PARTITIONS
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, unique, zone_body
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState

BODY_BYTES_MAX = 64 * 1024
GOOD_TYPE = "application/json"
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
IN_AN_HOUR = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
HOLDS_PER_CUSTOMER = 3


def seat(row: str = "1", column: str = "a", zone_id: int = 1) -> Json:
    return {"zoneId": zone_id, "row": row, "column": column}


ELEVEN = [seat(str(row), column) for row in (1, 2) for column in "abcdefgh"][:11]


class Fault(Struct, frozen=True, kw_only=True):
    """A fault of the request, of a seat that it names, or of its event."""

    status: int
    slug: str
    size: int = 0
    media_type: str = GOOD_TYPE
    order: Mapping[str, Any] = {}
    seats: tuple[Json, ...] = ()
    event_changes: Mapping[str, Any] = {}
    sold_before: Mapping[str, Any] | None = None


FAULTS = [
    Fault(status=413, slug="too-large", size=BODY_BYTES_MAX + 1),
    Fault(status=415, slug="unsupported-media-type", media_type="text/plain"),
    Fault(status=400, slug="invalid-request", order={"price": 1}),
    Fault(status=422, slug="invalid-seat-label", seats=(seat("0"),)),
    Fault(status=404, slug="event-not-found", order={"eventId": "nowhere"}),
    Fault(status=404, slug="zone-not-found", seats=(seat(zone_id=99),)),
    Fault(status=422, slug="seat-out-of-range", seats=(seat(column="zz"),)),
    Fault(status=403, slug="sales-not-open", event_changes={"salesOpenAt": IN_AN_HOUR}),
    Fault(
        status=409,
        slug="customer-limit",
        event_changes={"maxSeatsPerCustomer": 1},
        sold_before={"row": "5", "customerId": "Ada"},
    ),
    Fault(status=422, slug="too-many-seats", seats=tuple(ELEVEN)),
    Fault(status=422, slug="duplicate-seat", seats=(seat("3"), seat("3"))),
    Fault(status=409, slug="seat-taken", sold_before={"customerId": "Bob"}),
]
CLOSED = Fault(status=403, slug="sales-closed", event_changes={"salesCloseAt": HOUR_AGO})
UNNAMED = Fault(
    status=400, slug="invalid-request", event_changes={"maxSeatsPerCustomer": 1}, order={"customerId": None}
)


async def attempt(client: PurchaseClient, event: EventOnSale, *faults: Fault) -> httpx.Response:
    """Prepare the event, then send one request that has all these faults."""
    for fault in faults:
        if fault.sold_before is not None:
            await client.bought(event.seat(**fault.sold_before))
    event_changes = {name: value for fault in faults for name, value in fault.event_changes.items()}
    assert (await client.schedule(event, **event_changes)).status_code == 200
    wrong = {name: value for fault in faults for name, value in fault.order.items()}
    seats = [seat(), *(one for fault in faults for one in fault.seats)]
    order = event.hold(**{"customerId": "Ada", "seats": seats, **wrong})
    content = json.dumps(order).ljust(max(fault.size for fault in faults))
    media_type = min((fault.media_type for fault in faults), key=GOOD_TYPE.__eq__)
    return await client.http.post("/api/v1/holds", content=content, headers={"Content-Type": media_type})


@pytest.mark.parametrize("fault", [*FAULTS, CLOSED, UNNAMED], ids=lambda fault: fault.slug)
async def test_each_fault_alone_is_answered(client: PurchaseClient, fault: Fault) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, fault), fault.status, fault.slug)


@pytest.mark.parametrize(("earlier", "later"), list(combinations(FAULTS, 2)), ids=lambda fault: fault.slug)
async def test_of_two_faults_the_one_of_higher_precedence_is_answered(
    client: PurchaseClient, earlier: Fault, later: Fault
) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, earlier, later), earlier.status, earlier.slug)


@pytest.mark.parametrize("earlier", FAULTS[:7], ids=lambda fault: fault.slug)
@pytest.mark.parametrize("later", [CLOSED, UNNAMED], ids=["sales-closed", "customer missing"])
async def test_a_fault_of_the_event_is_answered_after_one_of_the_request(
    client: PurchaseClient, earlier: Fault, later: Fault
) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, earlier, later), earlier.status, earlier.slug)


@pytest.mark.parametrize("later", FAULTS[9:], ids=lambda fault: fault.slug)
async def test_a_missing_customer_is_answered_before_a_refusal_of_the_seats(
    client: PurchaseClient, later: Fault
) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, UNNAMED, later), 400, "invalid-request", field="customerId")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seats": None}, "seats"),
        ({"seats": []}, "seats"),
        ({"seats": [{"zoneId": 1, "row": "1"}]}, "seats[0].column"),
        ({"seats": [{"zoneId": 1, "row": "1", "column": "a", "price": 1}]}, "seats[0].price"),
        ({"seats": [{"zoneId": 1, "row": 1, "column": "a"}]}, "seats[0].row"),
        ({"seats": "1a"}, "seats"),
        ({"quantity": 2}, "seats"),
        ({"zoneId": 1}, "seats"),
        ({"zoneId": 1, "quantity": 1}, "seats"),
        ({"seats": None, "zoneId": 1}, "quantity"),
        ({"seats": None, "quantity": 1}, "zoneId"),
        ({"seats": None, "zoneId": 1, "quantity": 0}, "quantity"),
        ({"seats": None, "zoneId": 1, "quantity": -1}, "quantity"),
        ({"seats": None, "zoneId": 1, "quantity": 1.5}, "quantity"),
        ({"seats": None, "zoneId": 1, "quantity": "1"}, "quantity"),
        ({"seats": None, "zoneId": 0, "quantity": 1}, "zoneId"),
        ({"eventId": "a b"}, "eventId"),
        ({"eventId": None}, "eventId"),
        ({"venueId": "Venue1"}, "venueId"),
        ({"customerId": ""}, "customerId"),
    ],
    ids=str,
)
async def test_a_body_of_neither_shape_is_refused_by_its_field(
    client: PurchaseClient, redis_state: RedisState, changes: Json, field: str
) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.hold(event.hold(**changes))

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"1", b"{", b'"\xff"', b"[" * 60_000], ids=lambda it: repr(it[:8])
)
async def test_a_body_that_is_no_json_object_is_an_invalid_request(client: PurchaseClient, content: bytes) -> None:
    answer = await client.http.post("/api/v1/holds", content=content, headers={"Content-Type": GOOD_TYPE})

    assert_problem(answer, 400, "invalid-request", field="$")


async def test_the_refusal_lists_every_taken_seat(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(2))
    await client.bought(event.seat("1", "b"))
    await client.held(event.hold(seats=[seat("1", "c", 2)]))

    with redis_state.unchanged():
        answer = await client.hold(event.hold(seats=[seat(), seat("1", "b"), seat("1", "c", 2)]))

    assert_problem(answer, 409, "seat-taken", seats=[seat("1", "b"), seat("1", "c", 2)])


async def test_seats_of_sold_out_zones_are_refused_as_such(client: PurchaseClient, redis_state: RedisState) -> None:
    tiny = {"rowCount": 1, "colCount": 1}
    event = await client.put_on_sale(zone_body(1, **tiny), zone_body(2, **tiny), zone_body(3, **tiny))
    for zone_id in (1, 2):
        await client.bought(event.seat(zoneId=zone_id))

    both = [seat(zone_id=1), seat(zone_id=2)]
    assert_problem(await client.hold(event.hold(seats=[*both, seat(zone_id=3)])), 409, "zone-full", seats=both)
    assert_problem(await client.hold(event.best(1)), 409, "zone-full", zoneId=1, available=0)
    hold = await client.held(event.best(1, zoneId=3))
    with redis_state.unchanged():
        third = [seat(zone_id=3), seat(zone_id=1)]
        assert_problem(await client.hold(event.hold(seats=third)), 409, "seat-taken", seats=third)
        assert_problem(await client.hold(event.best(1, zoneId=3)), 409, "seat-taken", zoneId=3, available=0)
    await client.release(hold)
    await client.bought(event.seat(zoneId=3))
    assert_problem(await client.hold(event.hold(seats=both)), 409, "event-full", seats=both)


async def test_the_refusal_counts_the_free_seats_when_they_are_too_few(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = await client.put_on_sale(zone_body(rowCount=2, colCount=2))
    await client.bought(event.seat("2", "a"))

    with redis_state.unchanged():
        answer = await client.hold(event.best(4))

    assert_problem(answer, 409, "seat-taken", zoneId=1, available=3)
    assert len((await client.held(event.best(3)))["seats"]) == 3


async def test_a_hold_has_at_most_ten_seats(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        assert_problem(await client.hold(event.hold(seats=ELEVEN)), 422, "too-many-seats", maxSeats=10)
        assert_problem(await client.hold(event.best(11)), 422, "too-many-seats", maxSeats=10)
        assert_problem(await client.hold(event.best(10**18)), 422, "too-many-seats", maxSeats=10)
    assert len((await client.held(event.hold(seats=ELEVEN[:10])))["seats"]) == 10
    assert len((await client.held(event.best(10)))["seats"]) == 10


async def test_a_hold_has_each_seat_once_however_it_is_spelled(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.hold(event.hold(seats=[seat("1", "a"), seat("2", "a"), seat("A", "1")]))

    assert_problem(answer, 422, "duplicate-seat", seats=[seat("1", "a")])


async def test_the_refusal_names_the_invalid_label(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    answer = await client.hold(event.hold(seats=[seat("1"), seat("01")]))

    assert_problem(answer, 422, "invalid-seat-label", row="01", column="a")


@pytest.mark.parametrize("how", ["by name", "as the best"])
async def test_the_seats_that_a_customer_has_and_holds_are_limited(
    client: PurchaseClient, redis_state: RedisState, how: str
) -> None:
    event = await client.put_on_sale(maxSeatsPerCustomer=4)
    await client.bought(event.seat("5", "h", customerId="Ada"))
    await client.held(event.hold("5f", "5g", customerId="Ada"))

    def order(quantity: int) -> Json:
        labels = [f"1{column}" for column in "abcdefgh"[:quantity]]
        return event.hold(*labels, customerId="Ada") if how == "by name" else event.best(quantity, customerId="Ada")

    with redis_state.unchanged():
        assert_problem(await client.hold(order(2)), 409, "customer-limit", maxSeatsPerCustomer=4)
    last = await client.held(order(1))
    assert_problem(await client.buy(event.seat("4", customerId="Ada")), 409, "customer-limit", maxSeatsPerCustomer=4)
    await client.release(last)
    await client.bought(event.seat("4", customerId="Ada"))


async def test_the_holds_of_a_customer_are_limited(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    holds = [await client.held(event.best(1, customerId="Ada")) for _ in range(HOLDS_PER_CUSTOMER)]

    with redis_state.unchanged():
        answer = await client.hold(event.best(1, customerId="Ada"))

    assert_problem(answer, 409, "customer-limit", maxHoldsPerCustomer=HOLDS_PER_CUSTOMER)
    await client.held(event.best(1, customerId="Bob"))
    await client.held(event.best(1))
    await client.release(holds[0])
    await client.held(event.best(1, customerId="Ada"))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_hold_that_was_never_made_is_not_found(client: PurchaseClient, method: str) -> None:
    for hold_id in (mint_id(0), mint_id(PARTITIONS), mint_id(4_095), "00000000-0000-0000-0000-000000000000"):
        assert_problem(await client.http.request(method, f"/api/v1/holds/{hold_id}"), 404, "hold-not-found")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("hold_id", ["1", "x" * 36, "{0198c5d2-7a31-7b2c-8f4e-000000000001}"])
async def test_an_id_that_is_no_uuid_is_an_invalid_request(client: PurchaseClient, method: str, hold_id: str) -> None:
    answer = await client.http.request(method, f"/api/v1/holds/{hold_id}")

    assert_problem(answer, 400, "invalid-request", field="holdId")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", ""), ("POST", "/1"), ("PUT", "/1")])
async def test_another_method_is_not_allowed(client: PurchaseClient, method: str, path: str) -> None:
    assert_problem(await client.http.request(method, f"/api/v1/holds{path}"), 405, "method-not-allowed")


async def test_a_malformed_key_is_refused(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    with redis_state.unchanged():
        answer = await client.hold(event.hold(), key=unique("a key with blanks "))

    assert_problem(answer, 400, "invalid-idempotency-key")
