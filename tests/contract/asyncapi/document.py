"""The AsyncAPI document: every released message, and the brokers that carry it.

It describes both senders and receivers: each operation is tagged with its service.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from contracts.codec import RELEASED, type_name
from contracts.message import Message
from contracts.routing import BATCH_CONTENT_TYPE
from contracts.ticket import TicketRejected

from tests.contract.asyncapi import kafka, rabbitmq
from tests.contract.asyncapi.roles import MESSAGES, REJECTIONS, Part, operations, reference
from tests.contract.schemas import schemas
from tests.stage.samples import samples

VERSION = "3.1.0"

TO_PURCHASE: frozenset[type[Message]] = frozenset({TicketRejected})
"""The messages for purchase. All others are for the models."""

INFO: Part = {
    "title": "Ticketing: messages",
    "version": "1",
    "description": (
        "The messages that the services exchange. Each is a fact, in the form of a CloudEvent whose type names its "
        "version.\n\n"
        "Messages are sent in batches. A batch is a JSON array of one or more messages of one partition, in sequence; "
        "their types may differ. On RabbitMQ a batch is the body of an AMQP message, on Kafka the value of a record. "
        f"The AMQP property or Kafka header `content-type` is `{BATCH_CONTENT_TYPE}`.\n\n"
        "Delivery is at least once: receivers must handle duplicates and late messages. A message whose type the "
        "receiver does not know is parked; the rest of its batch is processed."
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "tags": [
        {"name": "purchase", "description": "Sells tickets and publishes messages about them."},
        {"name": "message-terminal", "description": "Projects messages onto the write model and the read model."},
    ],
}


def document() -> Part:
    """Build the document. It contains the released schemas and samples, so it can be read alone."""
    return {
        "asyncapi": VERSION,
        "info": INFO,
        "defaultContentType": BATCH_CONTENT_TYPE,
        "servers": {"rabbitmq": rabbitmq.SERVER, "kafka": kafka.SERVER},
        "channels": rabbitmq.CHANNELS | kafka.CHANNELS,
        "operations": operations("rabbitmq", rabbitmq.ROUTES) | operations("kafka", kafka.ROUTES),
        "components": {
            "messages": {
                MESSAGES: _batch("From purchase to the models", set(RELEASED) - TO_PURCHASE),
                REJECTIONS: _batch("From message-terminal to purchase", TO_PURCHASE),
            },
            "schemas": {name: _embedded(schema) for name, schema in schemas().items()},
        },
    }


def _batch(title: str, versions: Collection[type[Message]]) -> Part:
    """Describe one kind of batch, with each type's sample, in a batch of one, as an example."""
    names = [type_name(version) for version in RELEASED if version in versions]
    examples = samples()
    return {
        "name": "batch",
        "title": title,
        "summary": "A batch of messages of one partition, in sequence.",
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
    """Return the released schema without `$schema`; the document's dialect has all that it uses."""
    return {keyword: value for keyword, value in schema.items() if keyword != "$schema"}
