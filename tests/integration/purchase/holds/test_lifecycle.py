"""After any sequence of holds, ends of holds and sales Redis equals a small model, to the byte."""

from typing import Any

import pytest
from contracts.catalogue import Zone
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    multiple,
    precondition,
    rule,
)
from purchase.holds.hold import Hold
from purchase.holds.ledger import NewHold
from purchase.store.connection import Recovering
from purchase.store.idempotency import IdempotencyKey

from tests.stage.builders import (
    CREATED_US,
    HOLD_MS,
    best_hold,
    held_seat,
    idempotency_key,
    new_hold,
)
from tests.stage.clock import pass_time
from tests.stage.models.lifecycle import (
    EVENTS,
    PARTITION,
    PROCESSES,
    SEATS,
    WISHES,
    ZONES,
    Lifecycle,
    Wish,
    explore,
)

HOLD_KEYS = st.builds(
    idempotency_key, st.sampled_from(["a hold's", "another's"]), st.sampled_from(["a body", "another"])
)

HoldWish = tuple[str, list[tuple[int, int]] | tuple[Zone, int], tuple[str | None, int | None], IdempotencyKey | None]
"""Event; seats by zone and column, or how many of a zone; customer and seat limit; key."""

NAMED = st.lists(st.sampled_from(SEATS), min_size=1, max_size=2, unique=True)
BEST = st.tuples(st.sampled_from(ZONES), st.sampled_from([1, 1, 1, 2, 2, 3]))
IMPOSSIBLE = st.sampled_from([SEATS * 4, SEATS[:1] * 2, (ZONES[0], 11)])
HOLDERS = st.sampled_from([(None, None), (None, None), ("ada", None), ("ada", None), ("ada", 2), ("bob", 1)])

HOLD_WISHES: st.SearchStrategy[HoldWish] = st.tuples(
    st.sampled_from(EVENTS), NAMED | NAMED | BEST | BEST | BEST | IMPOSSIBLE, HOLDERS, st.none() | HOLD_KEYS
)


class Holding(Lifecycle):
    """Two processes that hold named and best seats, end holds and sell seats, while time passes."""

    holds: Bundle[NewHold] = Bundle("holds")

    @rule(target=holds, process=PROCESSES, wishes=st.lists(HOLD_WISHES, min_size=1, max_size=6))
    def hold(self, process: int, wishes: list[HoldWish]) -> MultipleResults[NewHold]:
        """Hold named seats, perhaps one of them twice, or the best of a zone."""
        wanted = [self.judged_hold(wish) for wish in wishes]
        for one in wanted:
            self.hold_and_compare(process, one)
        return multiple(*wanted)

    @rule(process=PROCESSES, wanted=st.lists(holds, min_size=1, max_size=3))
    def hold_again(self, process: int, wanted: list[NewHold]) -> None:
        """Repeat holds whose answers were lost: refused, or made and perhaps ended."""
        for one in wanted:
            self.hold_and_compare(process, one)

    @precondition(lambda self: self.model.holds)
    @rule(process=PROCESSES, numbers=st.lists(st.integers(0, 99), min_size=1, max_size=3), is_given_up=st.booleans())
    def end_holds(self, process: int, numbers: list[int], is_given_up: bool) -> None:
        """End any holds that were ever made: by a release, or as if they had expired."""
        for number in numbers:
            holds = list(self.model.holds.values())
            self.end_and_compare(process, holds[number % len(holds)], is_given_up)

    @precondition(lambda self: self.model.holds)
    @rule(ms=st.sampled_from([HOLD_MS // 2, HOLD_MS, HOLD_MS]))
    def wait(self, ms: int) -> None:
        pass_time(self.client, PARTITION, ms=ms)
        self.model.pass_time(ms)

    @rule(process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell(self, process: int, wishes: list[Wish]) -> None:
        self.sell_and_compare(process, [self.judged(wish) for wish in wishes])

    @precondition(lambda self: self.model.tickets)
    @rule(process=PROCESSES, number=st.integers(0, 99))
    def cancel(self, process: int, number: int) -> None:
        self.cancel_and_compare(process, number)

    def judged_hold(self, wish: HoldWish) -> NewHold:
        """Return a hold as checked against the present offer."""
        event_id, seats, (customer_id, limit), key = wish
        terms: dict[str, Any] = {"event_id": event_id, "customer_id": customer_id, "limit": limit, "key": key}
        terms["version"] = self.model.versions[event_id]
        if isinstance(seats, tuple):
            return best_hold(*seats, **terms)
        return new_hold(*(held_seat(zone_id=zone_id, column=column) for zone_id, column in seats), **terms)

    def hold_and_compare(self, process: int, wanted: NewHold) -> None:
        ledger = self.processes[process].holds
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(ledger.hold(wanted))
        else:
            assert self.run(ledger.hold(wanted)) == self.model.hold(wanted)
            self.seen[process] = self.model.last

    def end_and_compare(self, process: int, hold: Hold, is_given_up: bool) -> None:
        ledger = self.processes[process].holds
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(ledger.end(hold, is_given_up=is_given_up))
        else:
            assert self.run(ledger.end(hold, is_given_up=is_given_up)) == self.model.end(hold, is_given_up=is_given_up)
            self.seen[process] = self.model.last


def test_any_sequence_of_holds_agrees_with_the_model(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purchase.holds.messages.now_us", lambda: CREATED_US)
    explore(Holding, redis_url, examples=80)
