"""RabbitMQ's half of the document: an exchange and the queues bound to it."""

from contracts import routing
from message_terminal.brokers.rabbitmq_topology import QUEUES, queue_arguments

from tests.contract.asyncapi.roles import MESSAGES, REJECTIONS, Part, Route, carrying

_BINDING = "0.3.0"

SERVER: Part = {
    "title": "RabbitMQ",
    "description": "The broker by default. `RABBITMQ_URL` is its address.",
    "host": "{address}",
    "protocol": "amqp",
    "protocolVersion": "0.9.1",
    "variables": {"address": {"description": "Host and port.", "default": "rabbitmq.example.org:5672"}},
    "security": [{"type": "userPassword"}],
}

_PARTITION: Part = {
    "partition": {
        "description": "The partition of every message in the batch.",
        "location": "$message.payload#/0/partition",
    }
}


def _exchange(batch: str, routing_key: str, title: str) -> Part:
    return {
        "address": routing_key,
        "title": title,
        "description": f"The exchange `{routing.EXCHANGE}`. The routing key contains the batch's partition.",
        "parameters": _PARTITION,
        **carrying(batch, "rabbitmq"),
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": routing.EXCHANGE, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": _BINDING,
            }
        },
    }


def _queue(batch: str, name: str, title: str) -> Part:
    routing_keys, largest_bytes = QUEUES[name]
    return {
        "address": name,
        "title": title,
        "description": f"A quorum queue with one active consumer, bound to `{routing.EXCHANGE}` by `{routing_keys}`.",
        **carrying(batch, "rabbitmq"),
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {
                    "name": name,
                    "durable": True,
                    "exclusive": False,
                    "autoDelete": False,
                    "x-arguments": queue_arguments(largest_bytes),
                },
                "bindingVersion": _BINDING,
            }
        },
    }


CHANNELS: Part = {
    "rabbitmqMessages": _exchange(MESSAGES, "{partition}", "From purchase to the models"),
    "rabbitmqWriteModel": _queue(MESSAGES, routing.WRITE_MODEL, "Queue of the write model"),
    "rabbitmqReadModel": _queue(MESSAGES, routing.READ_MODEL, "Queue of the read model"),
    "rabbitmqRejections": _exchange(REJECTIONS, "purchase.{partition}", "From message-terminal to purchase"),
    "rabbitmqPurchase": _queue(REJECTIONS, routing.PURCHASE, "Queue of purchase"),
}

_PUBLISHED = {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}}
_CONSUMED = {"amqp": {"ack": True, "bindingVersion": _BINDING}}

ROUTES = {
    "PublishMessages": Route("rabbitmqMessages", _PUBLISHED),
    "ProjectOntoWriteModel": Route("rabbitmqWriteModel", _CONSUMED),
    "ProjectOntoReadModel": Route("rabbitmqReadModel", _CONSUMED),
    "PublishRejections": Route("rabbitmqRejections", _PUBLISHED),
    "ConsumeRejections": Route("rabbitmqPurchase", _CONSUMED),
}
