"""Renders the AsyncAPI document as a page: plain HTML without scripts or external resources."""

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from tests.contract.asyncapi.roles import Part, reference

TEMPLATE = Template(Path(__file__).with_name("page.html").read_text())

_OF_EACH = ("type", "data")
"""The attributes that differ between messages, shown with each message."""

_WHOLE = re.compile(r"\^\(\?:(?P<pattern>.*)\)\$\(\?!\\n\)")
_QUOTED = re.compile("`([^`]+)`")


class Field(NamedTuple):
    """A field of an object or of a nested object, with its path."""

    path: str
    schema: Part
    is_optional: bool


def page(document: Part) -> str:
    """Render the whole page."""
    schemas = document["components"]["schemas"]
    any_message = next(iter(schemas.values()))
    shared = {name: inner for name, inner in any_message["properties"].items() if name not in _OF_EACH}
    return TEMPLATE.substitute(
        title=escape(document["info"]["title"]),
        introduction=_paragraphs(document["info"]["description"]),
        contents=_lines(f'<li><a href="#{name}"><code>{name}</code></a></li>' for name in schemas),
        brokers=_lines(_broker(document, name) for name in document["servers"]),
        envelope=_table(fields({**any_message, "properties": shared})),
        messages=_lines(_message(document, name) for name in schemas),
    )


def fields(schema: Part, within: str = "") -> Iterator[Field]:
    """Yield an object's fields; an object or list of objects is followed by its own fields."""
    for name, promised in schema["properties"].items():
        sent = _sent(promised)
        yield Field(within + name, sent, name not in schema["required"])
        if "properties" in sent:
            yield from fields(sent, f"{within}{name}.")
        elif "properties" in sent.get("items", {}):
            yield from fields(sent["items"], f"{within}{name}[].")


def kind(schema: Part) -> str:
    """Describe a field's type and bounds, as HTML."""
    match schema:
        case {"enum": values}:
            return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
        case {"type": "array", "items": items}:
            return f"list of {kind(items)}{_bounds(schema, 'minItems', 'maxItems')}"
        case {"type": "integer"}:
            return f"integer{_bounds(schema, 'minimum', 'maximum')}"
        case {"format": str(form)}:
            return escape(form)
        case {"pattern": str(pattern)}:
            return f"string <code>{escape(_WHOLE.sub(lambda match: match['pattern'], pattern))}</code>"
    return escape(str(schema["type"]))


def _broker(document: Part, name: str) -> str:
    server = document["servers"][name]
    here = {key: one for key, one in document["channels"].items() if reference("servers", name) in one["servers"]}
    return _lines(
        [
            f"<article><h3>{escape(server['title'])}{_chip(server['protocol'])}</h3>",
            _paragraphs(server["description"]),
            *(_channel(document, identifier, channel) for identifier, channel in here.items()),
            "</article>",
        ]
    )


def _channel(document: Part, identifier: str, channel: Part) -> str:
    there = reference("channels", identifier)
    return _lines(
        [
            f"<section><h4><code>{escape(channel['address'])}</code></h4>",
            f"<p>{escape(channel['title'])}. {_prose(channel['description'])}</p>",
            "<dl>",
            *(_operation(operation) for operation in document["operations"].values() if operation["channel"] == there),
            "</dl>",
            _details("Bindings", channel["bindings"]),
            "</section>",
        ]
    )


def _operation(operation: Part) -> str:
    (service,) = (tag["name"] for tag in operation["tags"])
    groups = [
        group for binding in operation["bindings"].values() for group in binding.get("groupId", {}).get("enum", ())
    ]
    as_group = "".join(f", as <code>{escape(group)}</code>" for group in groups)
    return f"<dt>{escape(service)} {operation['action']}s{as_group}</dt><dd>{_prose(operation['summary'])}</dd>"


def _message(document: Part, name: str) -> str:
    schema = document["components"]["schemas"][name]
    data = schema["properties"]["data"]
    (batch,) = (
        batch
        for batch in document["components"]["messages"].values()
        if reference("components", "schemas", name) in batch["payload"]["items"]["oneOf"]
    )
    (sample,) = (message for example in batch["examples"] if example["name"] == name for message in example["payload"])
    return _lines(
        [
            f'<article id="{name}"><h3><code>{name}</code>{_chip(batch["title"])}</h3>',
            f"<p>{_prose(schema['description'])}</p>",
            f"<p>Its <code>data</code>: {_prose(data['description'])}</p>",
            _table(fields(data)),
            _details("Example", sample),
            "</article>",
        ]
    )


def _table(shown: Iterable[Field]) -> str:
    rows = [
        f"<tr><td>{_name(field)}</td><td>{kind(field.schema)}</td>"
        f"<td>{_prose(field.schema.get('description', ''))}</td></tr>"
        for field in shown
    ]
    return _lines(
        ["<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>", *rows, "</tbody></table>"]
    )


def _name(field: Field) -> str:
    return f"<code>{escape(field.path)}</code>" + ("<small>optional</small>" if field.is_optional else "")


def _sent(promised: Part) -> Part:
    """Return the schema of an optional field that is present."""
    alternatives = [one for one in promised.get("anyOf", ()) if one != {"type": "null"}]
    assert len(alternatives) <= 1, "a field of several types does not fit into one line of the table"
    return {**promised, **alternatives[0]} if alternatives else promised


def _bounds(schema: Part, lowest: str, highest: str) -> str:
    match schema.get(lowest), schema.get(highest):
        case None, None:
            return ""
        case least, None:
            return f", {least:,} or more"
        case None, most:
            return f", at most {most:,}"
        case least, most:
            return f", {least:,} … {most:,}"


def _details(summary: str, value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"<details><summary>{summary}</summary><pre>{escape(text, quote=False)}</pre></details>"


def _chip(text: str) -> str:
    return f'<span class="chip">{escape(text)}</span>'


def _paragraphs(text: str) -> str:
    return _lines(f"<p>{_prose(paragraph)}</p>" for paragraph in text.split("\n\n"))


def _prose(text: str) -> str:
    """Render the part of CommonMark that the descriptions use: code in backticks."""
    return _QUOTED.sub(r"<code>\1</code>", escape(text, quote=False))


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)
