"""The page about the messages shows all of them, and needs nothing but itself."""

from collections import Counter
from html.parser import HTMLParser

import pytest
from contracts.codec import RELEASED, type_name
from contracts.message import Message

from tests.contract.asyncapi.document import document
from tests.contract.asyncapi.page import fields, kind
from tests.contract.compatibility import ROOT
from tests.contract.release import PAGE

WITHOUT_END = {"meta", "link"}


class Read(HTMLParser):
    """The page as a browser takes it: its elements with their addresses, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: Counter[str] = Counter()
        self.addresses: set[str] = set()
        self.places: set[str] = set()
        self.text = ""
        self.feed((ROOT / PAGE).read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.elements[tag] += 1
        self.addresses |= {given[name] for name in ("href", "src") if name in given}
        self.places |= {f"#{given['id']}"} if "id" in given else set()
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_is_opened_is_closed() -> None:
    assert Read().open == []


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    page = Read()

    assert page.elements.keys().isdisjoint({"script", "img", "iframe"})
    assert {address for address in page.addresses if not address.startswith("#")} == {
        "data:,",
        "/docs/messages/asyncapi.json",
        "/docs/purchase",
        "/docs/query",
    }


def test_every_link_within_it_leads_somewhere() -> None:
    page = Read()

    assert {address for address in page.addresses if address.startswith("#")} <= page.places


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_every_version_has_its_place_with_what_it_means_and_its_sample(version: type[Message]) -> None:
    page = Read()
    schema = document()["components"]["schemas"][type_name(version)]

    assert f"#{type_name(version)}" in page.places
    assert version.__doc__ is not None
    assert version.__doc__ in page.text
    assert f'"type": "{type_name(version)}"' in page.text
    assert all(field.path in page.text for field in fields(schema["properties"]["data"]))


def test_every_channel_and_both_brokers_are_on_it() -> None:
    page, whole = Read(), document()

    assert all(server["title"] in page.text for server in whole["servers"].values())
    assert all(channel["address"] in page.text for channel in whole["channels"].values())


def test_an_object_and_a_list_of_objects_are_followed_by_their_fields() -> None:
    seat = {"type": "object", "properties": {"row": {"type": "string"}}, "required": ["row"]}
    optional_seat = {"anyOf": [seat, {"type": "null"}]}
    schema = {"properties": {"best": optional_seat, "all": {"type": "array", "items": seat}}, "required": ["all"]}

    assert [(field.path, field.is_optional) for field in fields(schema)] == [
        ("best", True),
        ("best.row", False),
        ("all", False),
        ("all[].row", False),
    ]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"enum": [1]}, "<code>1</code>"),
        ({"enum": ["A", "B"]}, "<code>&quot;A&quot;</code> or <code>&quot;B&quot;</code>"),
        ({"type": "integer", "minimum": 1, "maximum": 1_000}, "integer, 1 … 1,000"),
        ({"type": "integer", "maximum": 5}, "integer, at most 5"),
        ({"type": "integer"}, "integer"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "list of string, 1 or more"),
        ({"type": "string", "pattern": "^(?:[a-z]{1,2})$(?!\\n)"}, "string <code>[a-z]{1,2}</code>"),
        ({"type": "string", "format": "uuid"}, "uuid"),
        ({"type": "string"}, "string"),
    ],
)
def test_a_kind_of_value_is_told_in_a_few_words(schema: dict[str, object], told: str) -> None:
    assert kind(schema) == told
