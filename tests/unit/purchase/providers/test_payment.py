"""The keys of payments, and their representations, which hide a hold's id and the client secret."""

from uuid import UUID

from purchase.providers import Authorisation, Notification, Payment, Status, step_key

HOLD = UUID("01a20567-f5bc-7000-a36b-1f4945c788a8")


def test_a_step_has_one_key_for_each_attempt() -> None:
    assert step_key(HOLD, 1, "authorise") == f"{HOLD}:1:authorise"
    assert step_key(HOLD, 2, "authorise") != step_key(HOLD, 1, "authorise") != step_key(HOLD, 1, "void")


def test_an_authorisation_has_the_key_of_its_step() -> None:
    wanted = Authorisation(hold_id=HOLD, attempt=3, amount_cents=100, currency="USD", method=None)
    assert wanted.key == step_key(HOLD, 3, "authorise")


def test_nothing_secret_is_shown() -> None:
    wanted = Authorisation(hold_id=HOLD, attempt=1, amount_cents=100, currency="USD", method="pm_card_visa")
    payment = Payment(
        id="pi_1",
        status=Status.AUTHORISED,
        client_secret="pi_1_secret_2",
        amount_cents=100,
        currency="USD",
        hold_id=HOLD,
        attempt=1,
        refunded_cents=0,
        code=None,
    )
    notification = Notification(id="evt_1", type="x", kind="other", payment_id="pi_1", hold_id=HOLD)
    shown = f"{wanted!r} {payment!r} {notification} {[payment]}"
    assert str(HOLD) not in shown
    assert "secret" not in shown
