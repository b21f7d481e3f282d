"""Several purchase processes whose commands reach Redis one at a time, in whatever order a test says."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from purchase.box_office import BoxOffice
from purchase.cases.ledger import Cases
from purchase.catalogue.definitions import Definitions
from purchase.catalogue.ledger import CatalogueLedger
from purchase.catalogue.offers import Offers
from purchase.payments.refund_ledger import RefundLedger
from purchase.payments.refunds import Refunds
from purchase.providers.chosen import Nobody
from purchase.seats.inventory import Inventory
from purchase.store.partitions import Partitions
from redis.asyncio import Redis

from tests.stage.builders import PARTITIONS
from tests.stage.sellers import OUTBOX_MAX

Work = Coroutine[Any, Any, Any]


class Killed(Exception):
    """The process ended before its next command."""


class Interleaving:
    """Where processes wait to be let through."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Process, asyncio.Future[None]]] = []
        self._under_way = 0

    async def enter(self, process: "Process") -> None:
        """Wait for one's turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((process, turn))
        await turn
        self._under_way += 1

    def leave(self) -> None:
        """The command was answered, or given up."""
        self._under_way -= 1

    async def run(self, works: Sequence[tuple["Process", Work]], turns: Iterator[int]) -> list[Any]:
        """Do the work of each process; `turns` says which of those that wait is next. What each returned or raised."""
        tasks = {process: asyncio.create_task(work) for process, work in works}
        while await self._somebody_waits(tasks):
            _, turn = self._waiting.pop(next(turns, 0) % len(self._waiting))
            turn.set_result(None)
            await asyncio.sleep(0)
        return await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _somebody_waits(self, tasks: dict["Process", asyncio.Task[Any]]) -> bool:
        """Wait until no command is under way and every process waits for its turn or has ended."""
        while True:
            self._waiting = [(process, turn) for process, turn in self._waiting if not turn.done()]
            unfinished = {process for process, task in tasks.items() if not task.done()}
            if not self._under_way and unfinished <= {process for process, _ in self._waiting}:
                return bool(unfinished)
            await asyncio.sleep(0)


class Barrier:
    """Holds a process up before the command after so many, until it is opened."""

    def __init__(self, commands: int) -> None:
        self._free = commands
        self._reached = asyncio.Event()
        self._open = asyncio.Event()

    async def enter(self, _: "Process") -> None:
        self._free -= 1
        if self._free < 0:
            self._reached.set()
            await self._open.wait()

    def leave(self) -> None:
        """Nobody waits for that."""

    async def holds(self, task: asyncio.Task[Any]) -> bool:
        """Wait until the task is held up, or has ended before; which of both."""
        reached = asyncio.create_task(self._reached.wait())
        await asyncio.wait({task, reached}, return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        return self._reached.is_set()

    def open(self) -> None:
        self._open.set()


class Process:
    """A purchase process without its HTTP; it may wait for its turns, and be killed before its next command."""

    def __init__(
        self, redis: Redis, *, interleaving: Interleaving | Barrier | None = None, commands_max: int | None = None
    ) -> None:
        self.connection = _Connection(connection_pool=redis.connection_pool)
        self.connection.process = self
        self.partitions = Partitions(self.connection, count=PARTITIONS, outbox_max=OUTBOX_MAX)
        catalogue = CatalogueLedger(self.connection, self.partitions)
        self.offers = Offers(catalogue)
        self.inventory = Inventory(self.connection, self.partitions)
        self.definitions = Definitions(catalogue, self.inventory)
        self.cases = Cases(self.partitions)
        refund_ledger = RefundLedger(self.connection, self.partitions)
        refunds = Refunds(refund_ledger, self.inventory, Nobody(), self.cases, finish_hold=_nothing)
        self.box_office = BoxOffice(self.offers, self.inventory, refunds, direct_sales=True)
        self.commands = 0
        self._commands_max = commands_max
        self._turnstile = interleaving

    async def send(self, command: Callable[[], Work]) -> Any:
        """Carry out one command when it is this process's turn. Raises Killed."""
        if self.commands == self._commands_max:
            raise Killed
        self.commands += 1
        if self._turnstile is None:
            return await command()
        await self._turnstile.enter(self)
        try:
            return await command()
        finally:
            self._turnstile.leave()


async def _nothing(_: UUID) -> None:
    pass


class _Connection(Redis):
    """A client that asks its process before each command."""

    process: Process

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        return await self.process.send(partial(super().execute_command, *arguments, **options))
