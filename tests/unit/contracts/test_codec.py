"""Messages are encoded and decoded; malformed and unknown ones are distinguished, for any bytes."""

import json
from typing import Any, get_args

import msgspec
import pytest
from contracts.codec import (
    AnyMessage,
    Header,
    MalformedMessage,
    UnknownMessage,
    decode,
    encode,
    encode_batch,
    read_header,
    split_batch,
    type_name,
    with_position,
)
from contracts.message import Message
from contracts.position import Position
from hypothesis import given, strategies as st

from tests.stage.samples import (
    EVENT_SCHEDULED,
    HOLD_EXPIRED,
    HOLD_RELEASED,
    PAYMENT_CAPTURED,
    PAYMENT_REFUNDED,
    SEATS_HELD,
    TICKET_CANCELLED,
    TICKET_PURCHASED,
    TICKET_REJECTED,
    VENUE_DEFINED,
)

MESSAGES: tuple[Message, ...] = (
    VENUE_DEFINED,
    EVENT_SCHEDULED,
    TICKET_PURCHASED,
    TICKET_CANCELLED,
    TICKET_REJECTED,
    SEATS_HELD,
    HOLD_RELEASED,
    HOLD_EXPIRED,
    PAYMENT_CAPTURED,
    PAYMENT_REFUNDED,
)
PURCHASED = encode(TICKET_PURCHASED)
UNKNOWN = PURCHASED.replace(type_name(type(TICKET_PURCHASED)).encode(), b"seat.painted.v1")
TOO_DEEP = b"[" * 100_000 + b"]" * 100_000


def test_these_tests_have_a_message_of_every_kind() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(AnyMessage))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_decoded_message_equals_the_encoded_one(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_the_attributes_that_cloudevents_requires_are_always_encoded(message: Message) -> None:
    written = json.loads(encode(message))

    assert written["specversion"] == "1.0"
    assert all(written[attribute] for attribute in ("id", "source", "type", "subject", "time", "data"))
    assert written["partition"] == message.partition


def test_absent_attributes_are_not_encoded() -> None:
    untraced = msgspec.structs.replace(TICKET_PURCHASED, traceparent=None)

    assert {"position", "generation", "traceparent"}.isdisjoint(json.loads(encode(untraced)))


def test_optional_fields_of_later_releases_are_ignored() -> None:
    sent = json.loads(PURCHASED)
    later = sent | {"tracestate": "vendor=1", "data": sent["data"] | {"laterField": {"name": "app"}}}

    assert decode(json.dumps(later).encode()) == TICKET_PURCHASED


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "2.0"},
        {"id": ""},
        {"id": None},
        {"source": ""},
        {"subject": 1},
        {"time": "2029-11-22T10:00:00Z"},
        {"time": None},
        {"partition": -1},
        {"partition": 4096},
        {"partition": "58"},
        {"partition": True},
        {"position": "1"},
        {"position": ""},
        {"generation": 0},
        {"generation": 2**32},
        {"generation": 10**400},
        {"data": None},
        {"data": []},
        {"data": {}},
    ],
    ids=json.dumps,
)
def test_a_message_with_malformed_attributes_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage) as refusal:
        decode(json.dumps(json.loads(PURCHASED) | changes).encode())

    assert type(refusal.value) is MalformedMessage


@pytest.mark.parametrize(
    "changes",
    [
        {"ticketId": "1"},
        {"venueId": "Venue 1"},
        {"venueId": "Venue1\n"},
        {"eventId": "E" * 65},
        {"zoneId": 0},
        {"zoneId": 2**31},
        {"row": "0"},
        {"column": "A"},
        {"priceCents": -1},
        {"priceCents": 100_000_000},
        {"priceCents": 50.5},
        {"currency": "usd"},
        {"currency": "USD\n"},
        {"createdOn": "2029-11-22"},
        {"revision": 2},
    ],
    ids=json.dumps,
)
def test_a_sale_with_malformed_fields_is_malformed(changes: dict[str, Any]) -> None:
    sent = json.loads(PURCHASED)

    with pytest.raises(MalformedMessage):
        decode(json.dumps(sent | {"data": sent["data"] | changes}).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"hold": "7D3F0A9C51E84B26C0DE19F85B7A4E63"},
        {"hold": "7d3f0a9c51e84b26c0de19f85b7a4e6"},
        {"hold": None},
        {"eventId": ""},
        {"seats": []},
        {"seats": [{"zoneId": 1, "row": "1", "column": "a", "priceCents": 1}] * 11},
        {"seats": [{"zoneId": 1, "row": "1", "column": "a"}]},
        {"expiresAt": None},
    ],
    ids=str,
)
def test_a_hold_with_malformed_fields_is_malformed(changes: dict[str, Any]) -> None:
    sent = json.loads(encode(SEATS_HELD))

    with pytest.raises(MalformedMessage):
        decode(json.dumps(sent | {"data": sent["data"] | changes}).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"payment": ""},
        {"payment": "p" * 256},
        {"payment": "pi 1"},
        {"provider": "Stripe"},
        {"provider": "s" * 33},
        {"ticketIds": []},
        {"ticketIds": ["01b80eec-a57b-703a-8d41-6f0a2b7c9e15"] * 11},
        {"amountCents": -1},
        {"amountCents": 999_999_991},
        {"currency": "usd"},
        {"capturedOn": "2029-11-22"},
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_a_capture_with_malformed_fields_is_malformed(changes: dict[str, Any]) -> None:
    sent = json.loads(encode(PAYMENT_CAPTURED))

    with pytest.raises(MalformedMessage):
        decode(json.dumps(sent | {"data": sent["data"] | changes}).encode())


def test_a_refund_may_have_neither_hold_nor_event_nor_ticket() -> None:
    sent = json.loads(encode(PAYMENT_REFUNDED))
    bare = {name: value for name, value in sent["data"].items() if name not in ("hold", "eventId", "ticketId")}

    refund = decode(json.dumps(sent | {"data": bare}).encode()).data

    assert refund == msgspec.structs.replace(PAYMENT_REFUNDED.data, hold=None, event_id=None, ticket_id=None)


def test_a_type_of_a_newer_release_is_unknown() -> None:
    with pytest.raises(UnknownMessage, match=r"unknown type seat\.painted\.v1"):
        decode(UNKNOWN)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nope",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"type":1}',
        b'{"type":null}',
        b'{"type":"ticket.purchased.v1"}',
        b'{"type":"' + b"x" * 65 + b'"}',
        b'{"type":"\xff"}',
        b'{"type":"ticket.purchased.v1","id":"\xc3("}',
        b'{"type":"ticket.purchased.v1","id":"\\ud800"}',
        b'{"type":"ticket.purchased.v1","id":' + TOO_DEEP + b"}",
        b'{"type":"ticket.purchased.v1","later":' + TOO_DEEP + b"}",
        b'{"type":"ticket.purchased.v1","partition":' + b"9" * 5000 + b"}",
        PURCHASED + b"x",
        PURCHASED[:-1],
        PURCHASED.decode().encode("utf-16"),
    ],
    ids=lambda raw: raw[:40],
)
def test_bytes_that_are_not_a_message_are_malformed_and_not_unknown(raw: bytes) -> None:
    with pytest.raises(MalformedMessage) as refusal:
        decode(raw)

    assert type(refusal.value) is MalformedMessage


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_any_other_bytes_are_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(raw)
    assert isinstance(read_header(raw), Header)


def test_a_position_is_prepended_and_no_other_byte_changes() -> None:
    raw = b'{"type":"ticket.purchased.v1", "data":{"a" : 1.50}}'

    assert with_position(raw, Position(1, 42), None) == b'{"position":"1-42",' + raw[1:]
    assert with_position(raw, Position(1, 42), 3) == b'{"position":"1-42","generation":3,' + raw[1:]


@pytest.mark.parametrize("generation", [None, 1, 2**32 - 1])
def test_a_prepended_position_and_generation_are_decoded(generation: int | None) -> None:
    message = decode(with_position(PURCHASED, Position(7, 0), generation))

    assert message == msgspec.structs.replace(TICKET_PURCHASED, position="7-0", generation=generation)


def test_the_header_of_an_unknown_message_can_be_read() -> None:
    raw = with_position(UNKNOWN, Position(1, 42), 3)

    assert read_header(raw) == Header(
        type="seat.painted.v1", partition=58, position="1-42", traceparent=TICKET_PURCHASED.traceparent
    )


@pytest.mark.parametrize(
    ("raw", "header"),
    [
        (b'{"type":"a.v1","partition":"0","position":"1-2"}', Header(type="a.v1", position="1-2")),
        (b'{"type":"a.v1","partition":99999999999999999999,"position":"1-2"}', Header(type="a.v1", position="1-2")),
        (b'{"type":1,"partition":3,"position":"first"}', Header(partition=3)),
        (b'{"type":"' + b"x" * 65 + b'","partition":3}', Header(partition=3)),
        (b'{"type":"\xff","partition":3}', Header(partition=3)),
        (b'{"type":"a.v1","traceparent":"' + b"0" * 65 + b'"}', Header(type="a.v1")),
        (b'{"type":"a.v1","later":"\xff"}', Header(type="a.v1")),
        (b'{"type":"a.v1","type":"b.v1"}', Header(type="b.v1")),
        (b'{"type":"a.v1"', Header()),
        (b'{"later":' + TOO_DEEP + b"}", Header()),
        (b'["type"]', Header()),
        (b"", Header()),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else None,
)
def test_the_well_formed_attributes_of_a_header_are_read(raw: bytes, header: Header) -> None:
    assert read_header(raw) == header


def test_a_batch_is_an_array_of_the_unchanged_messages() -> None:
    assert encode_batch([b'{"a": 1}', b"{}"]) == b'[{"a": 1},{}]'
    assert encode_batch([]) == b"[]"


def test_a_malformed_message_does_not_affect_the_rest_of_its_batch() -> None:
    bad = [b'{"type":"seat.painted.v1"}', b'{"type":"\xff"}', b'"text"', b"null", b"[[]]"]
    batch = split_batch(encode_batch([PURCHASED, *bad, encode(TICKET_CANCELLED)]))

    assert [bytes(raw) for raw in batch[1:-1]] == bad
    assert decode(batch[0]) == TICKET_PURCHASED
    assert decode(batch[-1]) == TICKET_CANCELLED
    for raw in batch[1:-1]:
        with pytest.raises(MalformedMessage):
            decode(raw)
        assert read_header(raw).position is None


def test_a_batch_may_be_empty_and_may_contain_white_space() -> None:
    assert split_batch(b" [ ] ") == []
    assert [bytes(raw) for raw in split_batch(b'[\n {"a": 1} ,\n {} ]')] == [b'{"a": 1}', b"{}"]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[{}", b"[{},]", b"[{}] x", b"[NaN]", b"\xff", TOO_DEEP])
def test_a_batch_must_be_an_array(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        split_batch(body)
