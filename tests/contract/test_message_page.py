"""The page about the messages shows all of them, and needs no other resource."""

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


class Page(HTMLParser):
    """The parsed page: its elements, links, anchors and text."""

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


def test_every_opened_element_is_closed() -> None:
    assert Page().open == []


def test_the_page_has_no_scripts_and_no_external_resources() -> None:
    page = Page()

    assert page.elements.keys().isdisjoint({"script", "img", "iframe"})
    assert {address for address in page.addresses if not address.startswith("#")} == {
        "data:,",
        "/docs/messages/asyncapi.json",
        "/docs/purchase",
        "/docs/query",
    }


def test_every_link_within_the_page_has_a_target() -> None:
    page = Page()

    assert {address for address in page.addresses if address.startswith("#")} <= page.places


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_every_version_is_shown_with_its_description_fields_and_sample(version: type[Message]) -> None:
    page = Page()
    schema = document()["components"]["schemas"][type_name(version)]

    assert f"#{type_name(version)}" in page.places
    assert version.__doc__ is not None
    assert version.__doc__ in page.text
    assert f'"type": "{type_name(version)}"' in page.text
    assert all(field.path in page.text for field in fields(schema["properties"]["data"]))


def test_every_channel_and_both_brokers_are_shown() -> None:
    page, whole = Page(), document()

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
    ("schema", "text"),
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
def test_the_type_of_a_field_is_described_in_a_few_words(schema: dict[str, object], text: str) -> None:
    assert kind(schema) == text
