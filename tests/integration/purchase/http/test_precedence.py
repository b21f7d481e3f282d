"""A purchase with two faults is refused for the one that comes earlier in `FAULTS`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import httpx
import pytest
from msgspec import Struct

from tests.stage.http_client import EventOnSale, PurchaseClient
from tests.stage.problems import assert_problem

BODY_BYTES_MAX = 64 * 1024
GOOD_TYPE = "application/json"
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
IN_AN_HOUR = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with the request, with its order, or with the event."""

    status: int
    slug: str
    size: int = 0
    media_type: str = GOOD_TYPE
    order: Mapping[str, Any] = {}
    event_changes: Mapping[str, Any] = {}
    sold_before: Mapping[str, Any] | None = None


# In the order in which they are checked.
FAULTS = [
    Fault(status=413, slug="too-large", size=BODY_BYTES_MAX + 1),
    Fault(status=415, slug="unsupported-media-type", media_type="text/plain"),
    Fault(status=400, slug="invalid-request", order={"price": 1}),
    Fault(status=422, slug="invalid-seat-label", order={"row": "0"}),
    Fault(status=404, slug="event-not-found", order={"eventId": "nowhere"}),
    Fault(status=409, slug="venue-mismatch", order={"venueId": "elsewhere"}),
    Fault(status=404, slug="zone-not-found", order={"zoneId": 99}),
    Fault(status=422, slug="seat-out-of-range", order={"column": "zz"}),
    Fault(status=403, slug="sales-not-open", event_changes={"salesOpenAt": IN_AN_HOUR}),
    Fault(
        status=409,
        slug="customer-limit",
        event_changes={"maxSeatsPerCustomer": 1},
        sold_before={"row": "2", "customerId": "Ada"},
    ),
    Fault(status=409, slug="seat-taken", sold_before={"customerId": "Bob"}),
]
CLOSED = Fault(status=403, slug="sales-closed", event_changes={"salesCloseAt": HOUR_AGO})
UNNAMED = Fault(
    status=400, slug="invalid-request", event_changes={"maxSeatsPerCustomer": 1}, order={"customerId": None}
)


async def attempt(client: PurchaseClient, event: EventOnSale, *faults: Fault) -> httpx.Response:
    """Prepare the event, then send one order with all these faults."""
    for fault in faults:
        if fault.sold_before is not None:
            await client.bought(event.seat(**fault.sold_before))
    event_changes = {name: value for fault in faults for name, value in fault.event_changes.items()}
    assert (await client.schedule(event, **event_changes)).status_code == 200
    wrong = {name: value for fault in faults for name, value in fault.order.items()}
    order = event.seat(**{"customerId": "Ada", **wrong})
    content = json.dumps(order).ljust(max(fault.size for fault in faults))
    media_type = min((fault.media_type for fault in faults), key=GOOD_TYPE.__eq__)
    return await client.http.post("/api/v1/tickets", content=content, headers={"Content-Type": media_type})


@pytest.mark.parametrize("fault", [*FAULTS, CLOSED, UNNAMED], ids=lambda fault: fault.slug)
async def test_each_fault_alone_is_refused(client: PurchaseClient, fault: Fault) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, fault), fault.status, fault.slug)


@pytest.mark.parametrize(("earlier", "later"), list(combinations(FAULTS, 2)), ids=lambda fault: fault.slug)
async def test_of_two_faults_the_earlier_one_is_refused(client: PurchaseClient, earlier: Fault, later: Fault) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, earlier, later), earlier.status, earlier.slug)


@pytest.mark.parametrize("earlier", FAULTS[:8], ids=lambda fault: fault.slug)
@pytest.mark.parametrize("later", [CLOSED, UNNAMED], ids=["sales-closed", "customer missing"])
async def test_the_conditions_of_the_event_are_checked_after_the_order(
    client: PurchaseClient, earlier: Fault, later: Fault
) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, earlier, later), earlier.status, earlier.slug)


async def test_closed_sales_are_refused_before_a_missing_customer(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    assert_problem(await attempt(client, event, CLOSED, UNNAMED), 403, "sales-closed")


async def test_a_missing_customer_is_refused_before_a_taken_seat(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    answer = await attempt(client, event, UNNAMED, FAULTS[-1])

    assert_problem(answer, 400, "invalid-request", field="customerId")
