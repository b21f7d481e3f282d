"""Purchase processes without HTTP, whose commands a test interleaves, holds up or cuts off."""

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
    """An order in which processes send their commands to Redis, one command at a time."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Process, asyncio.Future[None]]] = []
        self._under_way = 0

    async def enter(self, process: "Process") -> None:
        """Wait for the turn of this process."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((process, turn))
        await turn
        self._under_way += 1

    def leave(self) -> None:
        """Record that the command of the last turn has ended."""
        self._under_way -= 1

    async def run(self, works: Sequence[tuple["Process", Work]], turns: Iterator[int]) -> list[Any]:
        """Run the work of each process, and return its result or its exception.

        `turns` chooses the next one among the waiting processes.
        """
        tasks = {process: asyncio.create_task(work) for process, work in works}
        while await self._is_waiting(tasks):
            _, turn = self._waiting.pop(next(turns, 0) % len(self._waiting))
            turn.set_result(None)
            await asyncio.sleep(0)
        return await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _is_waiting(self, tasks: dict["Process", asyncio.Task[Any]]) -> bool:
        """Wait until no command is under way; return whether a process waits for its turn.

        Each process then waits, or has ended.
        """
        while True:
            self._waiting = [(process, turn) for process, turn in self._waiting if not turn.done()]
            unfinished = {process for process, task in tasks.items() if not task.done()}
            if not self._under_way and unfinished <= {process for process, _ in self._waiting}:
                return bool(unfinished)
            await asyncio.sleep(0)


class Barrier:
    """A barrier that lets so many commands pass, and stops the next one until it is opened."""

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
        """Do nothing, because no process waits for the end of a command."""

    async def holds(self, task: asyncio.Task[Any]) -> bool:
        """Wait until the barrier stops the task or the task ends; return whether it is stopped."""
        reached = asyncio.create_task(self._reached.wait())
        await asyncio.wait({task, reached}, return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        return self._reached.is_set()

    def open(self) -> None:
        self._open.set()


class Process:
    """A purchase process without HTTP.

    It waits for its turns in `interleaving`, and raises Killed in place of the command after
    `commands_max` commands.
    """

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
        self._interleaving = interleaving

    async def send(self, command: Callable[[], Work]) -> Any:
        """Send one command when it is this process's turn. Raises Killed."""
        if self.commands == self._commands_max:
            raise Killed
        self.commands += 1
        if self._interleaving is None:
            return await command()
        await self._interleaving.enter(self)
        try:
            return await command()
        finally:
            self._interleaving.leave()


async def _nothing(_: UUID) -> None:
    pass


class _Connection(Redis):
    """A Redis client whose commands all pass through its process."""

    process: Process

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        return await self.process.send(partial(super().execute_command, *arguments, **options))
