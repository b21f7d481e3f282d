"""The parameters of Stripe's calls: forms with names such as `metadata[hold]` and `expand[0]`.

A GET has them in its URL.
"""

from typing import Annotated, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from payment_sandbox import refusals

_LISTS = ("expand", "payment_method_types")

Amount = Annotated[int, Meta(ge=0, le=99_999_999)]
Expand = list[Literal["latest_charge"]]
Metadata = Annotated[dict[str, str], Meta(max_length=50)]
T = TypeVar("T")


class CreateIntent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount: Amount
    currency: Annotated[str, Meta(pattern="^[a-z]{3}$")]
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    confirm: bool = False
    payment_method: str | None = None
    metadata: Metadata = {}
    payment_method_types: list[str] | None = None
    automatic_payment_methods: dict[str, str] | None = None
    return_url: str | None = None
    expand: Expand = []


class ConfirmIntent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A confirmation, by the platform or by the customer, who sends the `client_secret`."""

    payment_method: str | None = None
    client_secret: str | None = None
    return_url: str | None = None
    expand: Expand = []


class ChangeIntent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of capture and cancel, always of the whole amount, and of retrieve."""

    cancellation_reason: str | None = None
    expand: Expand = []


class CreateRefund(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment_intent: str
    amount: Annotated[int, Meta(ge=1)] | None = None
    reason: str | None = None
    metadata: Metadata = {}


class ListRefunds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment_intent: str
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


def read_form(text: str, kind: type[T]) -> T:
    """Parse a form. Raises Refused."""
    fields: dict[str, str] = {}
    groups: dict[str, dict[str, str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        outer, bracket, inner = name.replace("]", "").partition("[")
        if bracket:
            group = groups.setdefault(outer, {})
            group[inner or str(len(group))] = value
        else:
            fields[name] = value
    lists = {name: list(groups[name].values()) for name in _LISTS if name in groups}
    return read_object({**fields, **groups, **lists}, kind)


def read_json(body: bytes, kind: type[T]) -> T:
    """Parse the body of one of the sandbox's own calls; empty means `{}`. Raises Refused."""
    try:
        return read_object(msgspec.json.decode(body or b"{}"), kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise refusals.invalid("The body is not JSON.") from None


def read_object(given: object, kind: type[T]) -> T:
    """Convert parsed parameters. Raises Refused."""
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise refusals.invalid(str(error), code="parameter_invalid") from None
