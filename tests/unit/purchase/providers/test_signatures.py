"""A notification is accepted when one of our secrets has signed its bytes within five minutes."""

import hmac
import json
import time
from hashlib import sha256
from uuid import UUID

import pytest
import stripe
from purchase.providers import InvalidSignature, Notification
from purchase.providers.signatures import Signatures

SECRET = "a-webhook-secret"
HOLD = UUID("01a20567-f5bc-7000-a36b-1f4945c788a8")
ABOUT = {"id": "pi_1", "object": "payment_intent", "metadata": {"hold": str(HOLD)}}


def event(event_type: str = "payment_intent.succeeded", **about: object) -> bytes:
    """Return the body of a notification about this object."""
    return json.dumps({"id": "evt_1", "type": event_type, "data": {"object": about or ABOUT}}).encode()


def sign(body: bytes, secret: str = SECRET, *, age_seconds: int = 0) -> str:
    moment = int(time.time()) - age_seconds
    return f"t={moment},v1={hmac.new(secret.encode(), b'%d.%s' % (moment, body), sha256).hexdigest()}"


def read(body: bytes, header: str) -> Notification:
    return Signatures([SECRET]).read(body, header)


def test_a_signed_notification_is_decoded() -> None:
    body = event()
    assert read(body, sign(body)) == Notification(
        id="evt_1", type="payment_intent.succeeded", kind="payment", payment_id="pi_1", hold_id=HOLD
    )


def test_a_notification_signed_by_stripe_s_library_is_decoded() -> None:
    body = event()
    assert read(body, stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)).id == "evt_1"


def test_each_of_several_secrets_is_accepted() -> None:
    body, signatures = event(), Signatures(["the-new-secret", "the-old-secret"])
    for secret in ("the-new-secret", "the-old-secret"):
        assert signatures.read(body, sign(body, secret)).id == "evt_1"
    with pytest.raises(InvalidSignature):
        signatures.read(body, sign(body, "a-third-secret"))


def test_each_of_several_signatures_is_accepted() -> None:
    body = event()
    header = sign(body)
    moment, _, signature = header.partition(",v1=")
    assert read(body, f"{moment},v0=x,v1={'0' * 64},v1={signature}").id == "evt_1"


@pytest.mark.parametrize("age_seconds", [-290, 0, 290])
def test_a_signature_is_valid_for_five_minutes(age_seconds: int) -> None:
    body = event()
    assert read(body, sign(body, age_seconds=age_seconds)).id == "evt_1"


@pytest.mark.parametrize("age_seconds", [-310, 310, 1_000_000])
def test_a_signature_of_another_time_is_refused(age_seconds: int) -> None:
    body = event()
    with pytest.raises(InvalidSignature, match="timestamp"):
        read(body, sign(body, age_seconds=age_seconds))


def test_a_body_that_was_changed_is_refused() -> None:
    body = event()
    with pytest.raises(InvalidSignature):
        read(body + b" ", sign(body))


def test_a_timestamp_that_was_changed_is_refused() -> None:
    body = event()
    header = sign(body, age_seconds=10)
    moment, _, signature = header.partition(",")
    with pytest.raises(InvalidSignature):
        read(body, f"t={int(moment[2:]) + 5},{signature}")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1=abc",
        "t=now,v1=abc",
        "t=1,t=2,v1=abc",
        "nothing",
        "t=1 ,v1=é",
        f"t={'9' * 400},v1=abc",
        "t=¹,v1=a",
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(InvalidSignature):
        read(event(), header)


def test_a_header_without_a_signature_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        read(event(), sign(event()).partition(",")[0])


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"id":"evt_1","type":"x"}', b'{"id":1}'])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidSignature):
        read(body, sign(body))


def test_without_a_secret_nothing_is_accepted() -> None:
    body = event()
    with pytest.raises(InvalidSignature):
        Signatures([]).read(body, sign(body, ""))


@pytest.mark.parametrize(
    ("event_type", "about", "kind", "payment_id"),
    [
        ("payment_intent.canceled", {"id": "pi_1"}, "payment", "pi_1"),
        ("payment_intent.created", {"id": "pi_1"}, "other", None),
        ("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1"}, "other", "pi_1"),
        ("refund.created", {"id": "re_1", "payment_intent": "pi_1", "metadata": {}}, "refund", "pi_1"),
        ("refund.created", {"id": "re_1", "payment_intent": "pi_1", "metadata": {"key": "x:refund"}}, "other", "pi_1"),
        ("refund.failed", {"id": "re_1", "payment_intent": "pi_1", "metadata": {"key": "x:refund"}}, "refund", "pi_1"),
        ("charge.dispute.created", {"id": "du_1", "payment_intent": "pi_1", "metadata": {}}, "dispute", "pi_1"),
        ("charge.dispute.created", {"id": "du_1", "payment_intent": {"id": "pi_1"}}, "dispute", None),
        ("charge.succeeded", {"id": "ch_1", "payment_intent": "pi_1"}, "other", "pi_1"),
        ("balance.available", {"object": "balance"}, "other", None),
    ],
)
def test_a_notification_names_its_subject(
    event_type: str, about: dict[str, object], kind: str, payment_id: str | None
) -> None:
    body = event(event_type, **about)
    notification = read(body, sign(body))
    assert (notification.kind, notification.payment_id, notification.hold_id) == (kind, payment_id, None)


@pytest.mark.parametrize("metadata", [None, {}, {"hold": ""}, {"hold": "of-others"}, {"hold": 7}, {"order": str(HOLD)}])
def test_metadata_that_are_not_ours_name_no_hold(metadata: object) -> None:
    body = event(id="pi_1", metadata=metadata)
    assert read(body, sign(body)).hold_id is None
