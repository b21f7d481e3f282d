"""The terminal's process: a worker per model, the broker's consumers, health and metrics.

A process that can no longer work exits with status 1; its supervisor starts it again.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from faststream.asgi import AsgiFastStream
from prometheus_client import make_asgi_app

from message_terminal import health, models
from message_terminal.brokers import connect_with_retries
from message_terminal.brokers.chosen import choose
from message_terminal.process import configure_logging, server
from message_terminal.readiness import Check, NotReady
from message_terminal.settings import Settings
from message_terminal.tracing import Tracing
from message_terminal.worker import Worker

log = logging.getLogger(__name__)

FINISH_SECONDS = 6.0
FORCED_EXIT_SECONDS = 12.0
PING_SECONDS = 1.0


class Terminal:
    """Everything that runs in this process, from start to shutdown."""

    def __init__(self, settings: Settings, stop: Callable[[], None]) -> None:
        self.failure: str | None = None
        self._settings = settings
        self._stop = stop
        self._broker = choose(settings)
        endpoint = settings.otel_exporter_otlp_endpoint
        self._tracing = Tracing(endpoint) if endpoint is not None else None
        self._workers: list[Worker] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._checks: dict[str, Check] = {"consumers": self._check_consumers, "workers": self._check_workers}
        self._stopping = False
        self._forced_exit: asyncio.TimerHandle | None = None
        self.app = AsgiFastStream(
            self._broker.application,
            logger=None,
            lifespan=self._lifespan,
            on_startup=[self._connect],
            after_startup=[self._supervise],
            on_shutdown=[self._shut_down],
            asgi_routes=[
                ("/health/live", health.live),
                ("/health/ready", health.ready(self._checks)),
                ("/metrics", make_asgi_app()),
            ],
        )

    def fail(self, reason: str) -> None:
        """End the process, unless it is ending already."""
        if not self._stopping and self.failure is None:
            self._end(reason)

    def closed(self) -> None:
        """Cancel the forced exit, once everything is closed."""
        if self._forced_exit is not None:
            self._forced_exit.cancel()

    def _end(self, reason: str) -> None:
        log.error("ending: %s", reason)
        self.failure = reason
        self._stop()

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        try:
            async with models.opened(self._settings, self._settings.model_names, self._broker.reject) as opened:
                self._checks |= opened.checks
                for projector in opened.projectors.values():
                    self._start(Worker(projector, self._settings.partitions, self._tracing))
                yield
        except BaseException as error:
            self._end(f"{type(error).__name__}: {error}")
            raise

    def _start(self, worker: Worker) -> None:
        self._workers.append(worker)
        self._broker.subscribe(worker)
        task = asyncio.create_task(worker.run(), name=f"worker of the {worker.model} model")
        task.add_done_callback(self._worker_ended)
        self._tasks.append(task)

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a worker failed", exc_info=task.exception())
        self.fail(f"the {task.get_name()} ended")

    async def _connect(self) -> None:
        await connect_with_retries(self._broker)

    async def _supervise(self) -> None:
        await self._broker.supervise(self.fail)
        log.info("projecting", extra={"models": self._settings.models})

    async def _shut_down(self) -> None:
        """Stop consuming and finish the current batches, within FORCED_EXIT_SECONDS at most."""
        self._stopping = True
        self._forced_exit = asyncio.get_running_loop().call_later(FORCED_EXIT_SECONDS, os._exit, 1)
        await self._broker.stop_consuming()
        for worker in self._workers:
            worker.stop()
        _, unfinished = await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
        for task in unfinished:
            task.cancel()
        if self._tracing is not None:
            await self._tracing.close()

    async def _check_consumers(self) -> None:
        if not self._tasks or not self._broker.is_consuming:
            raise NotReady("not consuming")
        if not await self._broker.application.ping(PING_SECONDS):
            raise NotReady(f"{self._broker.name} does not answer")

    async def _check_workers(self) -> None:
        for worker in self._workers:
            if worker.waiting_for is not None:
                raise NotReady(f"the {worker.model} model is waiting for {worker.waiting_for}")


async def serve(settings: Settings) -> int:
    """Serve until the process is stopped; return its exit status."""

    def stop() -> None:
        serving.should_exit = True

    terminal = Terminal(settings, stop)
    serving = server(terminal.app, settings)
    await serving.serve()
    terminal.closed()
    return 0 if terminal.failure is None else 1


def main() -> int:
    """Read the settings and serve."""
    settings = Settings.read()
    configure_logging(settings.logging_config)
    return asyncio.run(serve(settings))


if __name__ == "__main__":
    sys.exit(main())
