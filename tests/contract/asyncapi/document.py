"""The AsyncAPI document: every released message, and the brokers by which it may travel.

It describes both ends, so each operation is tagged with the service that does it.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from contracts.codec import RELEASED, type_name
from contracts.message import Message
from contracts.routing import BATCH_CONTENT_TYPE
from contracts.ticket import TicketRejected

from tests.contract.asyncapi import kafka, rabbitmq
from tests.contract.asyncapi.roles import REJECTED, TOLD, Part, operations, reference
from tests.contract.samples import samples
from tests.contract.schemas import schemas

VERSION = "3.1.0"

TO_PURCHASE: frozenset[type[Message]] = frozenset({TicketRejected})
"""Everything else is for the models."""

INFO: Part = {
    "title": "Ticketing: messages",
    "version": "1",
    "description": (
        "What the services tell each other: facts, each a CloudEvent whose type names its version.\n\n"
        "They travel in batches. A batch is a JSON array of messages, one or many, of several types, all of one "
        "partition and in its order. It is the body of one AMQP message or the value of one Kafka record, whichever "
        "broker the platform runs on; AMQP's property or Kafka's header `content-type` says "
        f"`{BATCH_CONTENT_TYPE}`.\n\n"
        "A receiver is given each message at least once: it expects repetitions, and messages that come late. One of a "
        "type that it does not know is parked, and the rest of its batch goes through."
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "tags": [
        {"name": "purchase", "description": "Sells, and tells what it has sold."},
        {
            "name": "message-terminal",
            "description": "Projects what it is told onto the write model and the read model.",
        },
    ],
}


def document() -> Part:
    """All of it, with the released schemas and samples inside, so that it can be read alone."""
    return {
        "asyncapi": VERSION,
        "info": INFO,
        "defaultContentType": BATCH_CONTENT_TYPE,
        "servers": {"rabbitmq": rabbitmq.SERVER, "kafka": kafka.SERVER},
        "channels": rabbitmq.CHANNELS | kafka.CHANNELS,
        "operations": operations("rabbitmq", rabbitmq.WAYS) | operations("kafka", kafka.WAYS),
        "components": {
            "messages": {
                TOLD: _batch("What purchase tells the models", set(RELEASED) - TO_PURCHASE),
                REJECTED: _batch("What the message-terminal tells purchase", TO_PURCHASE),
            },
            "schemas": {name: _embedded(schema) for name, schema in schemas().items()},
        },
    }


def _batch(title: str, versions: Collection[type[Message]]) -> Part:
    """What travels at once, with a batch of each type's sample alone for an example."""
    names = [type_name(version) for version in RELEASED if version in versions]
    examples = samples()
    return {
        "name": "batch",
        "title": title,
        "summary": "A batch of messages of one partition, in its order.",
        "contentType": BATCH_CONTENT_TYPE,
        "payload": {
            "type": "array",
            "minItems": 1,
            "items": {"oneOf": [reference("components", "schemas", name) for name in names]},
        },
        "bindings": {"kafka": kafka.RECORD},
        "examples": [{"name": name, "payload": [msgspec.json.decode(examples[name])]} for name in names],
    }


def _embedded(schema: Mapping[str, Any]) -> Part:
    """As it is released, in the document's own dialect of JSON Schema, which has all that it uses."""
    return {keyword: value for keyword, value in schema.items() if keyword != "$schema"}
