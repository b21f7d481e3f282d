"""The terminal as a process, and functions to publish to RabbitMQ and to take from its queues."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import aio_pika
import aio_pika.abc
import httpx
from contracts import routing
from infra_local.ports import free_port

from tests.stage.brokers import channel

Environment = dict[str, str]
Respond = Callable[[aio_pika.abc.AbstractIncomingMessage], Awaitable[None]]

POLL_SECONDS = 0.1


class RunningTerminal:
    """A terminal process, with its HTTP answers and its exit."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self._log = log
        self._url = f"http://127.0.0.1:{port}"

    async def answer(self, path: str) -> httpx.Response | None:
        """Return its answer over HTTP; None while it does not answer."""
        async with httpx.AsyncClient(base_url=self._url, timeout=5) as client:
            try:
                return await client.get(path)
            except httpx.TransportError:
                return None

    async def is_ready(self) -> bool:
        """Return whether it is ready. Fails the test if the process has ended."""
        assert self.process.poll() is None, self._log.read_text()[-3_000:]
        answer = await self.answer("/health/ready")
        return answer is not None and answer.status_code == 200

    async def metric(self, line: str) -> float:
        """Return the value of one metric."""
        answer = await self.answer("/metrics")
        assert answer is not None
        (value,) = [one.split()[-1] for one in answer.text.splitlines() if one.startswith(line + " ")]
        return float(value)

    async def ended(self, seconds: float = 15) -> int:
        """Wait for its end, up to `seconds`; return the exit status."""
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait, seconds), seconds)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.process.kill()
        self.process.wait()


@contextmanager
def terminal(environment: Environment, log: Path) -> Iterator[RunningTerminal]:
    """A terminal process, which is killed at the end if it still runs."""
    port = free_port("terminal")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "message_terminal.app"],
            env={**os.environ, **environment, "HTTP_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield RunningTerminal(process, port, log)
    finally:
        process.kill()
        process.wait()


async def started(stack: AsyncExitStack, environment: Environment, log: Path) -> RunningTerminal:
    """A terminal that is ready, until the stack ends."""
    running = stack.enter_context(terminal(environment, log))
    await until(running.is_ready)
    return running


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Poll until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(POLL_SECONDS)


async def publish(url: str, key: str, bodies: Sequence[bytes]) -> None:
    """Publish bodies with this routing key."""
    async with channel(url) as open_channel:
        exchange = await open_channel.get_exchange(routing.EXCHANGE)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body), key, timeout=10)


async def take(url: str, queue_name: str, count: int = 1, *, respond: Respond | None = None) -> list[Any]:
    """Wait for `count` messages of a queue; acknowledge each unless `respond` is given."""
    taken: list[Any] = []
    async with channel(url) as open_channel:
        queue = await open_channel.get_queue(queue_name)
        async with queue.iterator(timeout=20) as messages:
            async for message in messages:
                taken.append(message)
                await (respond(message) if respond is not None else message.ack())
                if len(taken) == count:
                    break
    return taken
