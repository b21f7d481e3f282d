"""All keys of one script are in one slot: each carries the partition as its hash tag."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from purchase.store import keys
from purchase.store.ids import mint_id

PARTITIONS = st.integers(0, 4_095)
NAMES = st.from_regex(r"[A-Za-z0-9._~-]{1,64}", fullmatch=True)

KEYS: list[Callable[[int], str]] = [
    keys.epoch,
    keys.outbox,
    keys.lease,
    keys.venues,
    lambda partition: keys.venue(partition, "Arena"),
    lambda partition: keys.venue_events(partition, "Arena"),
    lambda partition: keys.event(partition, "Gala"),
    lambda partition: keys.sold(partition, "Gala"),
    lambda partition: keys.customers(partition, "Gala"),
    lambda partition: keys.row(partition, "Gala", 2**31 - 1, 1_000),
    lambda partition: keys.tickets(partition, mint_id(partition).bytes),
    lambda partition: keys.idempotency(partition, "0123"),
    lambda partition: keys.hold(partition, mint_id(partition).bytes),
    lambda partition: keys.held(partition, "Gala", "{ada}"),
    keys.due,
    lambda partition: keys.late_refund(partition, "pi_1"),
    keys.webhooks,
    lambda partition: keys.webhook(partition, "0123"),
    keys.cases,
]


@given(PARTITIONS)
def test_every_key_of_a_partition_has_the_partition_as_its_hash_tag(partition: int) -> None:
    assert {re.findall(r"\{(.*?)\}", name(partition))[0] for name in KEYS} == {str(partition)}


@given(PARTITIONS)
def test_no_two_kinds_share_a_key(partition: int) -> None:
    assert len({name(partition) for name in KEYS}) == len(KEYS)


@given(
    st.tuples(NAMES, st.integers(1, 999), st.integers(1, 999)),
    st.tuples(NAMES, st.integers(1, 999), st.integers(1, 999)),
)
def test_two_rows_never_share_a_key(one: tuple[str, int, int], other: tuple[str, int, int]) -> None:
    assert (keys.row(1, *one) == keys.row(1, *other)) == (one == other)


@pytest.mark.parametrize(
    ("event_id", "partition"),
    [("Event1", 0), ("Event2", 58), ("123456789", 0xCBF43926 % 64)],
)
def test_the_partition_of_an_event_never_changes(event_id: str, partition: int) -> None:
    assert keys.partition_of(event_id, 64) == partition


@given(NAMES, st.integers(1, 4_096))
def test_every_name_belongs_to_one_of_the_partitions(name: str, partitions: int) -> None:
    assert 0 <= keys.partition_of(name, partitions) < partitions


def test_tickets_spread_over_4096_buckets() -> None:
    buckets = {keys.tickets(0, UUID(int=number).bytes) for number in range(10_000)}
    assert len(buckets) == 4_096
