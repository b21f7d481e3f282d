"""Reading a delivery: each message is readable, or refused with a reason."""

from contracts.codec import AnyMessage, encode
from message_terminal.delivery import Arrived, Readable, read_batch, read_message
from message_terminal.parking import Refused

from tests.stage.messages import (
    batch,
    hold_expired,
    hold_released,
    payment_captured,
    payment_refunded,
    purchased,
    seats_held,
    venue_defined,
)

UNKNOWN = b'{"specversion":"1.0","type":"seat.upgraded.v9","id":"1","partition":3,"position":"1-9","data":{}}'


def refusal(arrived: Arrived) -> str:
    """Return the reason why a message is refused."""
    assert isinstance(arrived, Refused)
    return arrived.reason


def test_each_message_of_a_batch_is_read_by_itself() -> None:
    first, last = purchased(), venue_defined()
    arrived = read_batch(batch([first, UNKNOWN, b'{"type":"venue.defined.v1"}', last]), 64)
    assert [isinstance(one, Readable) for one in arrived] == [True, False, False, True]
    assert arrived[0] == Readable(encode(first), first)
    assert refusal(arrived[1]) == "UnknownMessage: unknown type seat.upgraded.v9"
    assert refusal(arrived[2]).startswith("MalformedMessage: Object missing required field")


def test_the_position_of_an_unknown_message_is_read() -> None:
    (arrived,) = read_batch(batch([UNKNOWN]), 64)
    assert isinstance(arrived, Refused)
    assert (arrived.header.partition, str(arrived.position)) == (3, "1-9")


def test_a_body_that_is_no_batch_is_refused_as_one_message() -> None:
    for body in (b"", b"{}", b"\xff\xfe", b"[1,", encode(purchased())):
        (arrived,) = read_batch(body, 64)
        assert isinstance(arrived, Refused)
        assert arrived.raw == body
        assert arrived.reason.startswith("no batch")


def test_an_empty_batch_holds_nothing() -> None:
    assert read_batch(b"[]", 64) == []


def test_a_message_without_a_valid_partition_position_or_generation_is_refused() -> None:
    assert refusal(read_message(encode(purchased(partition=64)), 64)) == "partition 64 is not one of 64"
    for message in (venue_defined(position=None), seats_held(position=None), payment_captured(position=None)):
        assert refusal(read_message(encode(message), 64)) == "it has no position"
    for ticket in (purchased(position=None), purchased(generation=None)):
        assert refusal(read_message(encode(ticket), 64)) == "it has no position or no generation"


def test_holds_and_payments_need_no_generation() -> None:
    held = seats_held()
    messages: list[AnyMessage] = [held, hold_released(held), hold_expired(held), payment_captured(), payment_refunded()]
    arrived = read_batch(batch(messages), 64)
    assert arrived == [Readable(encode(message), message) for message in messages]
