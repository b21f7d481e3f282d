"""The real stores that tests run against, each found in one of three ways and never skipped.

1. A URL in the environment: TEST_REDIS_URL; TEST_RABBITMQ_URL with TEST_RABBITMQ_MANAGEMENT_URL
   (both with user and password); TEST_KAFKA_BOOTSTRAP_SERVERS; TEST_MYSQL_URL (of a user who may
   create databases and users); TEST_DYNAMODB_URL. Tests destroy its data.
2. A container: when TEST_STORES=containers says so, or when this machine lacks the store's
   programs, may not install them, and a Docker engine answers.
3. A private instance (infra/local): otherwise. The programs of that store are installed if they are
   missing, or the tests fail and say what to do. Redis, Kafka and DynamoDB come from PyPI and need
   nothing.
"""

import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra_local import debian, servers
from infra_local.ports import PortBook, PortChooser
from infra_local.programs import MARIADB_PACKAGES, RABBITMQ_PACKAGES
from infra_local.running import RunningServer
from infra_local.servers import Server

from tests.stage.stores import containers

Urls = tuple[str, ...]

ADMIN_SQL = (
    "CREATE USER IF NOT EXISTS 'tests'@'%' IDENTIFIED BY 'tests';\nGRANT ALL ON *.* TO 'tests'@'%' WITH GRANT OPTION;\n"
)
INSTALLING = Path(tempfile.gettempdir()) / "ticketing-installing.lock"
# Survives a kill of the server, if not of the machine.
RELAXED = ("--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=OFF")


def _mariadb(directory: Path, port_for: PortChooser) -> Server:
    return servers.mariadb(directory, port_for, more_sql=ADMIN_SQL, more_options=RELAXED)


@dataclass(frozen=True, kw_only=True)
class Store:
    """One kind of store.

    `urls` says where clients find a private instance, `packages` which Debian packages it needs,
    named by their programs, and `needs` which servers start before it.
    """

    variables: tuple[str, ...]
    container: Callable[[], AbstractContextManager[Urls]]
    private: Callable[[Path, PortChooser], Server]
    urls: Callable[[Server], Urls]
    packages: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Callable[[Path, PortChooser], Server], ...] = ()


REDIS = Store(
    variables=("TEST_REDIS_URL",),
    container=containers.redis,
    private=servers.valkey,
    urls=lambda server: (server.url,),
)
RABBITMQ = Store(
    variables=("TEST_RABBITMQ_URL", "TEST_RABBITMQ_MANAGEMENT_URL"),
    container=containers.rabbitmq,
    private=servers.rabbitmq,
    urls=lambda server: (server.url, servers.management_url(server)),
    packages=RABBITMQ_PACKAGES,
    needs=(servers.erlang_port_mapper,),
)
KAFKA = Store(
    variables=("TEST_KAFKA_BOOTSTRAP_SERVERS",),
    container=containers.kafka,
    private=servers.kafka,
    urls=lambda server: (server.url,),
)
MYSQL = Store(
    variables=("TEST_MYSQL_URL",),
    container=containers.mysql,
    private=_mariadb,
    urls=lambda server: (f"mysql://tests:tests@127.0.0.1:{server.ports['mysql']}",),
    packages=MARIADB_PACKAGES,
)
DYNAMODB = Store(
    variables=("TEST_DYNAMODB_URL",),
    container=containers.dynamodb,
    private=servers.ministack,
    urls=lambda server: (server.url,),
)


@contextmanager
def found(store: Store) -> Iterator[Urls]:
    """The URLs of a store: the environment's, a container's or a private instance's."""
    if store.variables[0] in os.environ:
        yield tuple(os.environ[variable] for variable in store.variables)
    elif _is_container(store):
        with store.container() as urls:
            yield urls
    else:
        with private_instance(store) as running:
            yield store.urls(running.server)


def is_private(store: Store) -> bool:
    """Return whether a store of this kind is found as a private instance."""
    return store.variables[0] not in os.environ and not _is_container(store)


def _is_container(store: Store) -> bool:
    """Return whether a store without a URL runs in a container.

    Raises ValueError when TEST_STORES is not a choice.
    """
    match os.environ.get("TEST_STORES", ""):
        case "containers":
            return True
        case "private":
            return False
        case "":
            return bool(debian.missing_packages(store.packages)) and not debian.can_install() and _engine_answers()
        case other:
            raise ValueError(f"TEST_STORES is {other!r}: it must be containers or private")


@functools.cache
def _engine_answers() -> bool:
    return containers.engine_answers()


@contextmanager
def private_instance(store: Store) -> Iterator[RunningServer]:
    """A server of its own, to be killed, paused and restarted; its data is deleted afterwards."""
    _install(store.packages)
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    port_for = PortBook(directory / "ports.json")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        for describe in store.needs:
            _start(describe(directory / describe.__name__, port_for), stack)
        yield _start(store.private(directory / "server", port_for), stack)


def _install(packages: Mapping[str, str]) -> None:
    """Install what is missing, one process at a time. Raises ServersMissing."""
    if debian.missing_packages(packages):
        with INSTALLING.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            debian.install_missing(packages)


def _start(server: Server, stack: ExitStack) -> RunningServer:
    running = RunningServer(server)
    stack.callback(running.kill)
    running.start()
    return running
