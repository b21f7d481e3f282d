"""Starts the platform (stores, one-shots, services, gateway) and stops it."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from infra_local import leftovers, probes
from infra_local.brokers import BrokerName
from infra_local.platform import OneShot, Platform, describe
from infra_local.ports import PortChooser
from infra_local.running import ProgramFailed, prepare
from infra_local.servers import Server
from infra_local.supervision import Supervisor

Say = Callable[[str], None]

POLL_SECONDS = 0.1
ONE_SHOT_SECONDS = 120
ANSWER_SECONDS = 30
LIVES = 3
STOP_SECONDS = 120
SOME_QUERY = "/api/v1/events"
# The processes that create messages, in the order in which they must stop. The relay stops later,
# because it also receives the terminals' messages to purchase.
SOURCES = (("gateway", "purchase"), ("relay",))
DRAIN_SECONDS = 60


def bring_up(home: Path, port_for: PortChooser, broker: BrokerName, say: Say) -> Platform:
    """Start every part of the platform in `home` that does not run, and wait until all are ready.

    Raises ProgramFailed, ProgramMissing. Then, and on Ctrl-C, the started parts are stopped again.
    """
    platform, supervisor = describe(home, port_for, broker), Supervisor(home)
    if supervisor.is_running():
        Startup(platform, supervisor, say).run()
        return platform
    try:
        supervisor.launch(platform.servers())
        Startup(platform, supervisor, say).run()
    except BaseException:
        shut_down(home)
        raise
    return platform


def drain(platform: Platform, supervisor: Supervisor) -> bool:
    """Stop the sources of messages and wait until the broker has none left.

    Returns False if some are left after DRAIN_SECONDS.
    """
    deadline = time.monotonic() + DRAIN_SECONDS
    for names in SOURCES:
        for name in names:
            if name in supervisor.running():
                supervisor.stop(name)
        while not _is_drained(platform.drained, supervisor):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
    return True


def _is_drained(command: OneShot, supervisor: Supervisor) -> bool:
    with supervisor.log_file(command.name).open("ab") as log, suppress(subprocess.TimeoutExpired):
        return _run(command, log, DRAIN_SECONDS).returncode == 0
    return False


def shut_down(home: Path) -> None:
    """Stop everything, including processes that have lost their supervisor."""
    supervisor = Supervisor(home)
    if supervisor.is_running():
        supervisor.shut_down()
        leftovers.wait_until_gone(home, STOP_SECONDS)
    leftovers.end(home, STOP_SECONDS)


def _run(command: OneShot, log: BinaryIO, seconds: int) -> subprocess.CompletedProcess[bytes]:
    """Run the command until it ends. Raises TimeoutExpired."""
    return subprocess.run(
        command.argv,
        env={**os.environ, **command.environment},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        timeout=seconds,
        check=False,
    )


class Startup:
    """One attempt to start the platform. Parts that already run are left alone."""

    def __init__(self, platform: Platform, supervisor: Supervisor, say: Say) -> None:
        self._platform = platform
        self._supervisor = supervisor
        self._say = say
        self._started: list[Server] = []

    def run(self) -> None:
        """Start everything, and return when all is ready.

        Raises ProgramFailed. Then, and on Ctrl-C, the parts that were started here are stopped.
        """
        try:
            self._start(self._platform.stores)
            for command in self._platform.one_shots:
                self._run_once(command)
            self._start(self._platform.services)
            self._start([self._platform.gateway])
            self._wait_for_an_answer(self._platform.gateway)
        except BaseException:
            self._say("stopping the started programs")
            for server in reversed(self._started):
                self._supervisor.stop(server.name)
            raise

    def _start(self, servers: Sequence[Server]) -> None:
        """Start these servers in parallel, and wait until each is ready."""
        running = self._supervisor.running()
        for server in servers:
            if server.name not in running:
                prepare(server)
                self._started.append(server)
                self._supervisor.start(server.name)
        for server in servers:
            self._say(f"waiting for {server.name}")
            self._wait_until_ready(server)

    def _wait_until_ready(self, server: Server) -> None:
        deadline = time.monotonic() + server.start_seconds
        lives: set[int] = set()
        while not server.ready():
            lives.add(self._supervisor.running().get(server.name, 0))
            if len(lives - {0}) > LIVES:
                raise self._failed(server.name, "keeps ending")
            if time.monotonic() > deadline:
                raise self._failed(server.name, f"was not ready within {server.start_seconds} s")
            time.sleep(POLL_SECONDS)

    def _run_once(self, command: OneShot) -> None:
        self._say(f"running {command.name}")
        with self._supervisor.log_file(command.name).open("ab") as log:
            try:
                result = _run(command, log, ONE_SHOT_SECONDS)
            except subprocess.TimeoutExpired:
                raise self._failed(command.name, f"did not end within {ONE_SHOT_SECONDS} s") from None
        if result.returncode != 0:
            raise self._failed(command.name, f"ended with code {result.returncode}")

    def _wait_for_an_answer(self, gateway: Server) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not probes.http_answers(gateway.ports["http"], SOME_QUERY):
            if time.monotonic() > deadline:
                raise self._failed(gateway.name, f"did not answer GET {SOME_QUERY} within {ANSWER_SECONDS} s")
            time.sleep(POLL_SECONDS)

    def _failed(self, name: str, why: str) -> ProgramFailed:
        return ProgramFailed(name, why, self._supervisor.log_file(name))
