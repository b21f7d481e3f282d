"""A receipt is valid for its ticket only, whichever of the keys signed it."""

import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from purchase.http.receipts import Receipts

TICKET = UUID("0190e1d2-0000-7001-8000-000000000001")
ANOTHER = UUID("0190e1d2-0000-7001-8000-000000000002")
OLD, NEW = "the-old-key", "the-new-key"


def test_a_receipt_is_the_unpadded_base64url_hmac_of_the_ticket_id() -> None:
    digest = hmac.digest(OLD.encode(), str(TICKET).encode(), "sha256")
    assert Receipts([OLD]).sign(TICKET) == urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_receipt_fits_its_ticket() -> None:
    receipts = Receipts([OLD])
    assert receipts.verify(receipts.sign(TICKET), TICKET)


def test_a_receipt_fits_no_other_ticket() -> None:
    receipts = Receipts([OLD])
    assert not receipts.verify(receipts.sign(ANOTHER), TICKET)


def test_a_receipt_of_another_key_does_not_fit() -> None:
    assert not Receipts([NEW]).verify(Receipts([OLD]).sign(TICKET), TICKET)


def test_the_first_key_signs_and_every_key_verifies() -> None:
    rotated = Receipts([NEW, OLD])
    assert rotated.sign(TICKET) == Receipts([NEW]).sign(TICKET)
    assert rotated.verify(Receipts([OLD]).sign(TICKET), TICKET)
    assert rotated.verify(Receipts([NEW]).sign(TICKET), TICKET)


def test_a_receipt_may_have_padding() -> None:
    receipts = Receipts([OLD])
    assert receipts.verify(receipts.sign(TICKET) + "=", TICKET)


@pytest.mark.parametrize("receipt", ["", "=", "é", "x" * 60_000, "a\0"])
def test_other_text_does_not_fit(receipt: str) -> None:
    assert not Receipts([OLD, NEW]).verify(receipt, TICKET)


@given(st.integers(0, 42), st.characters(codec="latin-1"))
def test_a_receipt_with_one_character_changed_does_not_fit(place: int, character: str) -> None:
    receipts = Receipts([OLD])
    receipt = receipts.sign(TICKET)
    changed = receipt[:place] + character + receipt[place + 1 :]
    assert receipts.verify(changed, TICKET) == (changed.rstrip("=") == receipt)
