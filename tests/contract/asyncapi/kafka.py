"""Kafka's half of the document: two topics and their consumer groups."""

from contracts import routing
from contracts.text import whole
from message_terminal.brokers.kafka_topology import topic_settings
from message_terminal.settings import Settings
from msgspec.structs import fields

from tests.contract.asyncapi.roles import MESSAGES, REJECTIONS, Part, Route, carrying

_DEFAULTS = {setting.name: setting.default for setting in fields(Settings)}
_SETTINGS = {name: int(value) for name, value in topic_settings(_DEFAULTS["kafka_replication"]).items()}
_BINDING = "0.5.0"

SERVER: Part = {
    "title": "Kafka",
    "description": "The broker if `BROKER=kafka`. `KAFKA_BOOTSTRAP_SERVERS` is its address.",
    "host": "{address}",
    "protocol": "kafka",
    "variables": {
        "address": {"description": "Host and port of any broker of the cluster.", "default": "kafka.example.org:9092"}
    },
}

RECORD: Part = {
    "key": {
        "type": "string",
        "pattern": whole("[0-9]{1,4}"),
        "description": "The platform's partition. The topic's partition has the same number.",
    },
    "bindingVersion": _BINDING,
}


def _topic(batch: str, name: str, title: str) -> Part:
    return {
        "address": name,
        "title": title,
        "description": "A topic with one partition for each partition of the platform. Bindings: its settings.",
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
    "kafkaMessages": _topic(MESSAGES, routing.MESSAGES, "From purchase to the models"),
    "kafkaPurchase": _topic(REJECTIONS, routing.PURCHASE, "From message-terminal to purchase"),
}

_PRODUCED: Part = {"kafka": {"bindingVersion": _BINDING}}

ROUTES = {
    "PublishMessages": Route("kafkaMessages", _PRODUCED),
    "ProjectOntoWriteModel": Route("kafkaMessages", _consumed_by(routing.WRITE_MODEL)),
    "ProjectOntoReadModel": Route("kafkaMessages", _consumed_by(routing.READ_MODEL)),
    "PublishRejections": Route("kafkaPurchase", _PRODUCED),
    "ConsumeRejections": Route("kafkaPurchase", _consumed_by(routing.PURCHASE)),
}
