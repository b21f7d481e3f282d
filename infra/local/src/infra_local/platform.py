"""The whole platform on one machine: its stores, one-shots and services, and their settings."""

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

# The defaults of PROFILE=local.
ADMIN_TOKEN = "local-admin-token"  # noqa: S105
SANDBOX_KEY = "local-sandbox-key"
WEBHOOKS = "/api/v1/payments/webhook"
PROFILE = {"PROFILE": "local", "LOGGING_CONFIG": str(INFRA / "logging.json"), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, kw_only=True)
class OneShot:
    """A command that prepares or checks the stores; it may be repeated."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """All parts in the order of starting: stores, one-shots, services, gateway."""

    stores: Sequence[Server]
    one_shots: Sequence[OneShot]
    services: Sequence[Server]
    gateway: Server
    drained: OneShot
    """Exits with 0 if the broker has no messages left."""

    def servers(self) -> Iterator[Server]:
        """Yield the parts that keep running, in the order of starting."""
        yield from self.stores
        yield from self.services
        yield self.gateway


def describe(home: Path, port_for: PortChooser, broker: BrokerName) -> Platform:
    """Describe the platform whose data is in `home`. Raises ProgramMissing."""
    brokers, broker_settings = _broker(broker, home, port_for)
    redis = servers.valkey(home / "redis", port_for)
    mysql = servers.mariadb(home / "mysql", port_for)
    dynamodb = servers.ministack(home / "dynamodb", port_for)

    webhook_url = f"http://127.0.0.1:{port_for('purchase')}{WEBHOOKS}"
    sandbox_settings = {**PROFILE, "DATA_DIR": str(home / "sandbox"), "WEBHOOK_URL": webhook_url}
    sandbox = _service("sandbox", "payment_sandbox.app", home, port_for, sandbox_settings)

    purchase_settings = {
        **PROFILE,
        **broker_settings,
        "REDIS_URL": redis.url,
        "SANDBOX_URL": sandbox.url,
        "CATALOG_DIR": str(INFRA / "catalog"),
    }
    terminal_settings = {
        **PROFILE,
        **AWS_ENVIRONMENT,
        **broker_settings,
        "MYSQL_URL": mysql.url,
        "DYNAMODB_URL": dynamodb.url,
    }
    query_settings = {**PROFILE, "MYSQL_URL": servers.query_url(mysql)}

    purchase = _service("purchase", "purchase.app", home, port_for, purchase_settings)
    query = _service("query", "query.app", home, port_for, query_settings)
    return Platform(
        stores=[*brokers, redis, mysql, dynamodb],
        one_shots=[
            OneShot(name="setup", argv=_module("message_terminal.cli", "setup"), environment=terminal_settings),
            OneShot(name="install", argv=_module("purchase.install"), environment=purchase_settings),
        ],
        services=[
            sandbox,
            purchase,
            _service("relay", "purchase.relay", home, port_for, purchase_settings),
            _service(
                "terminal-write", "message_terminal.app", home, port_for, {**terminal_settings, "MODELS": "write"}
            ),
            _service("terminal-read", "message_terminal.app", home, port_for, {**terminal_settings, "MODELS": "read"}),
            query,
        ],
        gateway=servers.caddy(
            home / "gateway", port_for, purchase_address=_address(purchase), query_address=_address(query)
        ),
        drained=OneShot(name="drained", argv=_module("message_terminal.cli", "drained"), environment=terminal_settings),
    )


def _broker(name: BrokerName, home: Path, port_for: PortChooser) -> tuple[Sequence[Server], Mapping[str, str]]:
    """Return the broker's servers in the order of starting, and the settings of its clients."""
    match name:
        case "rabbitmq":
            rabbitmq = servers.rabbitmq(home / "rabbitmq", port_for)
            settings = {"BROKER": name, "RABBITMQ_URL": rabbitmq.url}
            return [servers.erlang_port_mapper(home / "epmd", port_for), rabbitmq], settings
        case "kafka":
            kafka = servers.kafka(home / "kafka", port_for)
            settings = {"BROKER": name, "KAFKA_BOOTSTRAP_SERVERS": kafka.url}
            return [kafka], {**settings, "KAFKA_IDEMPOTENCE": "false", "KAFKA_REPLICATION": "1"}
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
