"""Who sends and who receives, on whichever broker."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Part = dict[str, Any]

TOLD = "told"
REJECTED = "rejected"
"""The two kinds of batches, by the names of their components."""


class Role(NamedTuple):
    """What a service does with the batches of one kind."""

    action: str
    service: str
    batch: str
    title: str
    summary: str


class Way(NamedTuple):
    """The channel on which a role is played, and what its broker asks for."""

    channel: str
    bindings: Part


ROLES = {
    "Tell": Role(
        "send",
        "purchase",
        TOLD,
        "Tell the models",
        "The relay publishes what waits in a partition's outbox, and trims it once the broker has confirmed it.",
    ),
    "ProjectOntoWriteModel": Role(
        "receive",
        "message-terminal",
        TOLD,
        "Project onto the write model",
        "What was told is written to DynamoDB, and acknowledged after that.",
    ),
    "ProjectOntoReadModel": Role(
        "receive",
        "message-terminal",
        TOLD,
        "Project onto the read model",
        "What was told is written to MySQL, and acknowledged after that.",
    ),
    "Reject": Role(
        "send",
        "message-terminal",
        REJECTED,
        "Reject a ticket",
        "The write model refuses a ticket whose seat belongs to another.",
    ),
    "HearRejections": Role(
        "receive",
        "purchase",
        REJECTED,
        "Hear of rejected tickets",
        "The relay's process cancels a rejected ticket, and its money is given back.",
    ),
}


def operations(broker: str, ways: Mapping[str, Way]) -> Part:
    """The operations of a broker that has a way for every role."""
    return {f"{broker}{name}": _operation(role, ways[name]) for name, role in ROLES.items()}


def reference(*path: str) -> Part:
    """To another part of the document."""
    return {"$ref": "/".join(["#", *path])}


def carrying(batch: str, server: str) -> Part:
    """What every channel says: where it is, and which batches it carries."""
    return {"servers": [reference("servers", server)], "messages": {batch: reference("components", "messages", batch)}}


def _operation(role: Role, way: Way) -> Part:
    return {
        "action": role.action,
        "channel": reference("channels", way.channel),
        "title": role.title,
        "summary": role.summary,
        "tags": [{"name": role.service}],
        "bindings": way.bindings,
        "messages": [reference("channels", way.channel, "messages", role.batch)],
    }
