"""RabbitMQ's half of the document: an exchange, and the queues that are bound to it."""

from contracts import routing
from message_terminal.brokers.rabbitmq_topology import QUEUES, lane

from tests.contract.asyncapi.roles import REJECTED, TOLD, Part, Way, carrying

_BINDING = "0.3.0"

SERVER: Part = {
    "title": "RabbitMQ",
    "description": "The broker unless another is chosen; `RABBITMQ_URL` says where it is.",
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
        "description": f"The exchange `{routing.EXCHANGE}`, with the batch's partition in the routing key.",
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
                    "x-arguments": lane(largest_bytes),
                },
                "bindingVersion": _BINDING,
            }
        },
    }


CHANNELS: Part = {
    "rabbitmqMessages": _exchange(TOLD, "{partition}", "What purchase tells the models"),
    "rabbitmqWriteModel": _queue(TOLD, routing.WRITE_MODEL, "What waits for the write model"),
    "rabbitmqReadModel": _queue(TOLD, routing.READ_MODEL, "What waits for the read model"),
    "rabbitmqRejections": _exchange(REJECTED, "purchase.{partition}", "What the message-terminal tells purchase"),
    "rabbitmqPurchase": _queue(REJECTED, routing.PURCHASE, "What waits for purchase"),
}

_PUBLISHED = {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}}
_CONSUMED = {"amqp": {"ack": True, "bindingVersion": _BINDING}}

WAYS = {
    "Tell": Way("rabbitmqMessages", _PUBLISHED),
    "ProjectOntoWriteModel": Way("rabbitmqWriteModel", _CONSUMED),
    "ProjectOntoReadModel": Way("rabbitmqReadModel", _CONSUMED),
    "Reject": Way("rabbitmqRejections", _PUBLISHED),
    "HearRejections": Way("rabbitmqPurchase", _CONSUMED),
}
