"""Two processes that work on the same few seats while Redis fails, compared with a model."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import pytest
import redis
from contracts.codec import decode
from contracts.position import Position
from contracts.ticket import TicketCancelled, TicketPurchased
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from purchase.seats.inventory import Order, Outcome
from purchase.store import keys
from purchase.store.connection import Recovering, connect
from purchase.store.idempotency import IdempotencyKey

from tests.stage.builders import (
    PARTITIONS,
    cancelled,
    idempotency_key,
    order,
    zone,
)
from tests.stage.explorations import exploration
from tests.stage.models.holds import HoldModel, places_of
from tests.stage.models.seats import seat_of
from tests.stage.partition_state import Stored, StoredMessage, read
from tests.stage.redis_state import RedisState
from tests.stage.sellers import Seller, prepare, selling

# Both events have their home in this partition, so that one call may sell seats of both.
EVENTS = ("Gala", "Circus")
PARTITION = keys.partition_of("Gala", PARTITIONS)
ZONES = (zone(zone_id=1, row_count=1, col_count=2), zone(zone_id=2, row_count=1, col_count=1))
SEATS = [(1, 1), (1, 2), (2, 1)]
CAPACITIES = {event_id: {"1": 2, "2": 1, "all": 3} for event_id in EVENTS}

PROCESSES = st.integers(0, 1)
KEYS = st.builds(idempotency_key, st.sampled_from(["one key", "another key"]), st.sampled_from(["a body", "another"]))
CUSTOMERS = st.sampled_from([(None, None), ("ada", None), ("ada", 1), ("ada", 2), ("bob", 1)])

Wish = tuple[str, tuple[int, int], tuple[str | None, int | None], IdempotencyKey | None]
"""Event, zone and column, customer and how many seats a customer may have, idempotency key."""

WISHES: st.SearchStrategy[Wish] = st.tuples(
    st.sampled_from(EVENTS), st.sampled_from(SEATS), CUSTOMERS, st.none() | KEYS
)

T = TypeVar("T")


class Lifecycle(RuleBasedStateMachine):
    """Two processes, a relay that trims the outbox, and a Redis that fails.

    Each machine adds the commands that it explores.
    """

    url: str
    on_sale: Mapping[bytes, bytes]

    @initialize()
    def put_on_sale(self) -> None:
        self.runner = asyncio.Runner()
        self.client: Any = redis.Redis.from_url(self.url)
        self.redis: Any = connect(self.url)
        self.processes = [Seller(self.redis), Seller(self.redis)]
        RedisState(self.client).restore(self.on_sale)
        stored = read(self.client, PARTITION)
        assert stored.last == Position(1, 1)
        self.model = HoldModel(
            versions=dict.fromkeys(EVENTS, 1), capacities=CAPACITIES, last=stored.last, messages=stored.messages
        )
        self.known_epochs: list[int | None] = [None, None]
        self.seen = [Position(0, 0), Position(0, 0)]

    @rule(incident=st.sampled_from(["publish", "change an event", "forget the scripts", "restart", "begin an epoch"]))
    def meet_incident(self, incident: str) -> None:
        match incident:
            case "publish":
                self.publish_one()
            case "change an event":
                self.client.hincrby(keys.event(PARTITION, "Gala"), "version", 1)
                self.model.versions["Gala"] += 1
            case "forget the scripts":
                self.client.script_flush()
            case "restart":
                self.processes[0] = self.processes[0].another()
                self.known_epochs[0] = None
                self.seen[0] = Position(0, 0)
            case "begin an epoch":
                self.model.epoch += 1
                self.client.set(keys.epoch(PARTITION), self.model.epoch)

    @invariant()
    def redis_keeps_what_the_model_says(self) -> None:
        stored = read(self.client, PARTITION)
        assert stored == self.model.stored()
        self.assert_each_seat_has_one_owner_at_most(stored)
        self.assert_each_held_seat_belongs_to_a_hold_that_has_not_ended(stored)
        self.assert_each_sale_and_cancellation_was_sent_once(stored)
        self.assert_positions_have_no_gap()

    # The model may be wrong, too: these assertions check the most important rules without it.

    @staticmethod
    def assert_each_seat_has_one_owner_at_most(stored: Stored) -> None:
        paid = [kept.ticket for kept in stored.tickets.values() if not kept.is_cancelled]
        owners = {
            seat: kept.owner for seat, kept in stored.seats.items() if kept.owner is not None and kept.until_ms is None
        }
        assert owners == {seat_of(ticket): ticket.ticket_id for ticket in paid}
        assert len(owners) == len(paid)

    @staticmethod
    def assert_each_held_seat_belongs_to_a_hold_that_has_not_ended(stored: Stored) -> None:
        held = {(seat, kept.owner) for seat, kept in stored.seats.items() if kept.until_ms is not None}
        holds = [hold for hold in stored.holds.values() if hold.state == "HELD"]
        assert held <= {(place, hold.hold_id) for hold in holds for place in places_of(hold)}

    def assert_each_sale_and_cancellation_was_sent_once(self, stored: Stored) -> None:
        decoded = [decode(message.message) for message in self.model.messages]
        sent = [
            (type(message), message.data.ticket_id)
            for message in decoded
            if isinstance(message, TicketPurchased | TicketCancelled)
        ]
        cancelled = [ticket_id for ticket_id, kept in stored.tickets.items() if kept.is_cancelled]
        assert Counter(sent) == Counter(
            [(TicketPurchased, ticket_id) for ticket_id in stored.tickets]
            + [(TicketCancelled, ticket_id) for ticket_id in cancelled]
        )

    def assert_positions_have_no_gap(self) -> None:
        for before, after in itertools.pairwise(message.position for message in self.model.messages):
            assert before < after
            assert after in (Position(before.epoch, before.sequence + 1), Position(after.epoch, 0))

    @property
    def waiting(self) -> list[StoredMessage]:
        return self.model.messages[self.model.trimmed :]

    def publish_one(self) -> None:
        for published in self.waiting[:1]:
            self.client.xdel(keys.outbox(PARTITION), str(published.position))
            self.model.trimmed += 1

    def judged(self, wish: Wish) -> Order:
        """Return an order that is judged by the current version of its event."""
        event_id, (zone_id, column), (customer_id, limit), key = wish
        version = self.model.versions[event_id]
        seat = {"event_id": event_id, "zone_id": zone_id, "column": column}
        return order(version=version, limit=limit, key=key, customer_id=customer_id, **seat)

    def sell_and_compare(self, process: int, wanted: list[Order]) -> None:
        outcomes = self.sell_through(self.processes[process], wanted)
        if self.must_recover(process):
            self.assert_all_refused(Recovering, outcomes)
        else:
            assert outcomes == self.model.sell(wanted)
            self.seen[process] = self.model.last

    def cancel_and_compare(self, process: int, number: int) -> None:
        """Cancel one of the tickets that were ever sold, cancelled or not."""
        tickets = list(self.model.tickets.values())
        ticket = tickets[number % len(tickets)].ticket
        inventory = self.processes[process].inventory
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(inventory.cancel(ticket, cancelled(ticket)))
            return
        assert self.run(inventory.cancel(ticket, cancelled(ticket))).position == self.model.cancel(ticket)
        self.seen[process] = self.model.last

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.redis.aclose())
            self.runner.close()
            self.client.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def must_recover(self, process: int) -> bool:
        """Return whether the epoch is new to this process, and record it as known."""
        known, self.known_epochs[process] = self.known_epochs[process], self.model.epoch
        if known in (None, self.model.epoch):
            return False
        self.known_epochs[process] = None
        return True

    def sell_through(self, seller: Seller, wanted: Sequence[Order]) -> list[Outcome | BaseException]:
        async def sell() -> list[Outcome | BaseException]:
            return await asyncio.gather(*(seller.inventory.sell(one) for one in wanted), return_exceptions=True)

        return self.run(sell())

    @staticmethod
    def assert_all_refused(kind: type[Exception], outcomes: Sequence[object]) -> None:
        assert [type(outcome) for outcome in outcomes] == [kind] * len(outcomes)


def explore(machine: type[Lifecycle], url: str, *, examples: int) -> None:
    """Run the machine with hypothesis: each example begins with both events on sale, none sold."""
    on_this_redis = type("OnThisRedis", (machine,), {"url": url, "on_sale": asyncio.run(_put_on_sale(url))})
    run_state_machine_as_test(on_this_redis, settings=exploration(examples, stateful_step_count=30))


async def _put_on_sale(url: str) -> dict[bytes, bytes]:
    """Put both events on sale, and return the dump of every key."""
    await prepare(url)
    async with selling(url) as seller:
        await seller.put_on_sale(*EVENTS, zones=ZONES)
    with redis.Redis.from_url(url) as client:
        return RedisState(client).everything()
