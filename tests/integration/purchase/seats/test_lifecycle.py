"""Any sequence of sales, cancellations, retries and losses agrees with a model to the byte."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from contracts.position import Position
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    multiple,
    precondition,
    rule,
)
from purchase.seats.inventory import Order
from purchase.store import keys
from purchase.store.connection import Overloaded, Recovering
from purchase.store.idempotency import IdempotencyKey

from tests.stage.models.lifecycle import KEYS, PARTITION, PROCESSES, WISHES, Lifecycle, Wish, explore


class Selling(Lifecycle):
    """Both processes sell, cancel, and retry calls whose answers may have been lost."""

    orders: Bundle[Order] = Bundle("orders")

    @rule(target=orders, process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=6))
    def sell(self, process: int, wishes: list[Wish]) -> MultipleResults[Order]:
        """Send new orders in one call, some of them for the same seat."""
        wanted = [self.judged(wish) for wish in wishes]
        self.sell_and_compare(process, wanted)
        return multiple(*wanted)

    @rule(process=PROCESSES, wanted=st.lists(orders, min_size=1, max_size=4))
    def repeat(self, process: int, wanted: list[Order]) -> None:
        """Retry orders whose answers were lost, in one call; some were sold, refused or stale."""
        self.sell_and_compare(process, wanted)

    @precondition(lambda self: self.model.tickets)
    @rule(process=PROCESSES, number=st.integers(0, 99))
    def cancel(self, process: int, number: int) -> None:
        self.cancel_and_compare(process, number)

    @rule(process=PROCESSES, key=KEYS)
    def recall(self, process: int, key: IdempotencyKey) -> None:
        inventory = self.processes[process].inventory
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(inventory.recall(PARTITION, key))
            return
        assert self.run(inventory.recall(PARTITION, key)) == self.model.recall(key)
        self.seen[process] = self.model.last

    @rule(process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell_without_a_stream(self, process: int, wishes: list[Wish]) -> None:
        with self.outbox_replaced():
            self.client.delete(keys.outbox(PARTITION))
            self.assert_recovering(process, wishes)
            assert not self.client.exists(keys.outbox(PARTITION))

    @precondition(lambda self: self.seen[1].sequence)
    @rule(wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell_on_a_stream_that_was_rolled_back(self, wishes: list[Wish]) -> None:
        before = Position(self.seen[1].epoch, self.seen[1].sequence - 1)
        with self.outbox_replaced():
            self.client.delete(keys.outbox(PARTITION))
            self.client.xgroup_create(keys.outbox(PARTITION), "rolled back", mkstream=True)
            self.client.execute_command("XSETID", keys.outbox(PARTITION), str(before))
            self.assert_recovering(1, wishes)
            assert self.client.xlen(keys.outbox(PARTITION)) == 0

    @precondition(lambda self: self.waiting)
    @rule(process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell_into_a_full_outbox(self, process: int, wishes: list[Wish]) -> None:
        bounded = self.processes[process].another(outbox_max=len(self.waiting))
        self.assert_all_refused(Overloaded, self.sell_through(bounded, [self.judged(wish) for wish in wishes]))

    @contextmanager
    def outbox_replaced(self) -> Iterator[None]:
        """Restore the outbox afterwards."""
        outbox = keys.outbox(PARTITION)
        before = self.client.dump(outbox)
        yield
        self.client.restore(outbox, 0, before, replace=True)

    def assert_recovering(self, process: int, wishes: list[Wish]) -> None:
        wanted = [self.judged(wish) for wish in wishes]
        self.assert_all_refused(Recovering, self.sell_through(self.processes[process], wanted))
        self.known_epochs[process] = None


def test_any_sequence_of_commands_agrees_with_the_model(redis_url: str) -> None:
    explore(Selling, redis_url, examples=100)
