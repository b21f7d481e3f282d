"""The whole platform on one machine: which stores, one-shots and services it has, and what each is told."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from infra_local import probes, servers
from infra_local.brokers import BrokerName
from infra_local.ports import PortChooser
from infra_local.servers import AWS_ENVIRONMENT, INFRA, Server

# What PROFILE=local means.
ADMIN_TOKEN = "local-admin-token"  # noqa: S105
SANDBOX_KEY = "local-sandbox-key"
WEBHOOKS = "/api/v1/payments/webhook"
PROFILE = {"PROFILE": "local", "LOGGING_CONFIG": str(INFRA / "logging.json"), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, kw_only=True)
class OneShot:
    """A command that prepares the stores, and may be repeated."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Everything that runs, in the order in which it starts: stores, one-shots, services, gateway."""

    stores: Sequence[Server]
    one_shots: Sequence[OneShot]
    services: Sequence[Server]
    gateway: Server
    drained: OneShot
    """Ends with 0 when nothing waits at the broker."""

    def servers(self) -> Iterator[Server]:
        """All that keeps running, in the order of starting."""
        yield from self.stores
        yield from self.services
        yield self.gateway


def describe(home: Path, port_for: PortChooser, broker: BrokerName) -> Platform:
    """The platform whose data lives in `home`. Raises ProgramMissing."""
    brokers, telling = _broker(broker, home, port_for)
    redis = servers.valkey(home / "redis", port_for)
    mysql = servers.mariadb(home / "mysql", port_for)
    dynamodb = servers.ministack(home / "dynamodb", port_for)

    told_at = f"http://127.0.0.1:{port_for('purchase')}{WEBHOOKS}"
    taking_payments = {**PROFILE, "DATA_DIR": str(home / "sandbox"), "WEBHOOK_URL": told_at}
    sandbox = _service("sandbox", "payment_sandbox.app", home, port_for, taking_payments)

    selling = {
        **PROFILE,
        **telling,
        "REDIS_URL": redis.url,
        "SANDBOX_URL": sandbox.url,
        "CATALOG_DIR": str(INFRA / "catalog"),
    }
    projecting = {
        **PROFILE,
        **AWS_ENVIRONMENT,
        **telling,
        "MYSQL_URL": mysql.url,
        "DYNAMODB_URL": dynamodb.url,
    }
    reading = {**PROFILE, "MYSQL_URL": servers.query_url(mysql)}

    purchase = _service("purchase", "purchase.app", home, port_for, selling)
    query = _service("query", "query.app", home, port_for, reading)
    return Platform(
        stores=[*brokers, redis, mysql, dynamodb],
        one_shots=[
            OneShot(name="setup", argv=_module("message_terminal.cli", "setup"), environment=projecting),
            OneShot(name="install", argv=_module("purchase.install"), environment=selling),
        ],
        services=[
            sandbox,
            purchase,
            _service("relay", "purchase.relay", home, port_for, selling),
            _service("terminal-write", "message_terminal.app", home, port_for, {**projecting, "MODELS": "write"}),
            _service("terminal-read", "message_terminal.app", home, port_for, {**projecting, "MODELS": "read"}),
            query,
        ],
        gateway=servers.caddy(
            home / "gateway", port_for, purchase_address=_address(purchase), query_address=_address(query)
        ),
        drained=OneShot(name="drained", argv=_module("message_terminal.cli", "drained"), environment=projecting),
    )


def _broker(name: BrokerName, home: Path, port_for: PortChooser) -> tuple[Sequence[Server], Mapping[str, str]]:
    """Its servers in the order in which they start, and what everyone is told who speaks to it."""
    match name:
        case "rabbitmq":
            rabbitmq = servers.rabbitmq(home / "rabbitmq", port_for)
            told = {"RABBITMQ_URL": rabbitmq.url}
            return [servers.erlang_port_mapper(home / "epmd", port_for), rabbitmq], {"BROKER": name, **told}
        case "kafka":
            kafka = servers.kafka(home / "kafka", port_for)
            told = {"KAFKA_BOOTSTRAP_SERVERS": kafka.url, "KAFKA_IDEMPOTENCE": "false", "KAFKA_REPLICATION": "1"}
            return [kafka], {"BROKER": name, **told}
        case _:
            assert_never(name)


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _service(name: str, module: str, home: Path, port_for: PortChooser, environment: Mapping[str, str]) -> Server:
    port = port_for(name)
    return Server(
        name=name,
        directory=home,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=_module(module),
        environment={**environment, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)},
        ready=partial(probes.http_answers, port, "/health/ready"),
        stop_seconds=20,
    )


def _address(service: Server) -> str:
    return f"127.0.0.1:{service.ports['http']}"
