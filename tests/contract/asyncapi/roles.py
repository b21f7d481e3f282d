"""The services' roles, the same on either broker: which batches each sends and receives."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Part = dict[str, Any]

MESSAGES = "messages"
REJECTIONS = "rejections"
"""The component names of the two kinds of batches."""


class Role(NamedTuple):
    """An operation that a service performs with one kind of batch."""

    action: str
    service: str
    batch: str
    title: str
    summary: str


class Route(NamedTuple):
    """The channel of a role on one broker, and the operation's bindings for that broker."""

    channel: str
    bindings: Part


ROLES = {
    "PublishMessages": Role(
        "send",
        "purchase",
        MESSAGES,
        "Publish to the models",
        "The relay publishes the messages in a partition's outbox and trims them once the broker has confirmed them.",
    ),
    "ProjectOntoWriteModel": Role(
        "receive",
        "message-terminal",
        MESSAGES,
        "Project onto the write model",
        "Writes the messages to DynamoDB, then acknowledges them.",
    ),
    "ProjectOntoReadModel": Role(
        "receive",
        "message-terminal",
        MESSAGES,
        "Project onto the read model",
        "Writes the messages to MySQL, then acknowledges them.",
    ),
    "PublishRejections": Role(
        "send",
        "message-terminal",
        REJECTIONS,
        "Reject a ticket",
        "The write model rejects a ticket whose seat belongs to another ticket.",
    ),
    "ConsumeRejections": Role(
        "receive",
        "purchase",
        REJECTIONS,
        "Receive rejected tickets",
        "The relay's process cancels the rejected ticket; its payment is refunded.",
    ),
}


def operations(broker: str, routes: Mapping[str, Route]) -> Part:
    """Describe the operations of a broker, which has a route for every role."""
    return {f"{broker}{name}": _operation(role, routes[name]) for name, role in ROLES.items()}


def reference(*path: str) -> Part:
    """Refer to another part of the document."""
    return {"$ref": "/".join(["#", *path])}


def carrying(batch: str, server: str) -> Part:
    """Describe a channel's server and the kind of batches it carries."""
    return {"servers": [reference("servers", server)], "messages": {batch: reference("components", "messages", batch)}}


def _operation(role: Role, route: Route) -> Part:
    return {
        "action": role.action,
        "channel": reference("channels", route.channel),
        "title": role.title,
        "summary": role.summary,
        "tags": [{"name": role.service}],
        "bindings": route.bindings,
        "messages": [reference("channels", route.channel, "messages", role.batch)],
    }
