"""Kafka's half of the document: two topics, and the groups that consume them."""

from contracts import routing
from contracts.text import whole
from message_terminal.brokers.kafka_topology import settings
from message_terminal.settings import Settings
from msgspec.structs import fields

from tests.contract.asyncapi.roles import REJECTED, TOLD, Part, Way, carrying

_DEFAULTS = {setting.name: setting.default for setting in fields(Settings)}
_SETTINGS = {name: int(value) for name, value in settings(_DEFAULTS["kafka_replication"]).items()}
_BINDING = "0.5.0"

SERVER: Part = {
    "title": "Kafka",
    "description": "The broker with `BROKER=kafka`; `KAFKA_BOOTSTRAP_SERVERS` says where it is.",
    "host": "{address}",
    "protocol": "kafka",
    "variables": {"address": {"description": "Host and port of any.", "default": "kafka.example.org:9092"}},
}

RECORD: Part = {
    "key": {
        "type": "string",
        "pattern": whole("[0-9]{1,4}"),
        "description": "The platform's partition, which is also the number of the topic's.",
    },
    "bindingVersion": _BINDING,
}


def _topic(batch: str, name: str, title: str) -> Part:
    return {
        "address": name,
        "title": title,
        "description": "A topic with a partition for each of the platform's, and the settings in its bindings.",
        **carrying(batch, "kafka"),
        "bindings": {
            "kafka": {
                "topic": name,
                "partitions": _DEFAULTS["partitions"],
                "replicas": _DEFAULTS["kafka_replication"],
                "topicConfiguration": _SETTINGS,
                "bindingVersion": _BINDING,
            }
        },
    }


def _consumed_by(group: str) -> Part:
    return {"kafka": {"groupId": {"type": "string", "enum": [group]}, "bindingVersion": _BINDING}}


CHANNELS: Part = {
    "kafkaMessages": _topic(TOLD, routing.MESSAGES, "What purchase tells the models"),
    "kafkaPurchase": _topic(REJECTED, routing.PURCHASE, "What the message-terminal tells purchase"),
}

_PRODUCED: Part = {"kafka": {"bindingVersion": _BINDING}}

WAYS = {
    "Tell": Way("kafkaMessages", _PRODUCED),
    "ProjectOntoWriteModel": Way("kafkaMessages", _consumed_by(routing.WRITE_MODEL)),
    "ProjectOntoReadModel": Way("kafkaMessages", _consumed_by(routing.READ_MODEL)),
    "Reject": Way("kafkaPurchase", _PRODUCED),
    "HearRejections": Way("kafkaPurchase", _consumed_by(routing.PURCHASE)),
}
