"""What the sandbox keeps, in SQLite: a commit is on disk before anyone is answered."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from payment_sandbox.intents import Intent, Refund

_SHAPE = """
CREATE TABLE IF NOT EXISTS intent (id TEXT PRIMARY KEY, kept TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (id TEXT PRIMARY KEY, intent TEXT NOT NULL, kept TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refund_intent ON refund (intent);
CREATE TABLE IF NOT EXISTS answer (
  key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
  number INTEGER PRIMARY KEY AUTOINCREMENT, intent TEXT NOT NULL, body BLOB NOT NULL, due INTEGER,
  tries INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due, number);
"""


class Answer(Struct, frozen=True):
    """What was answered to the first call with a key."""

    fingerprint: bytes
    status: int
    body: bytes


class Delivery(Struct, frozen=True):
    """A webhook that is still to be taken; `due` in nanoseconds since 1970."""

    number: int
    intent: str
    body: bytes
    tries: int


class Store:
    """One file, one connection, one thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SHAPE)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it is on disk when this ends, or none of it."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise

    def intent(self, intent_id: str) -> Intent | None:
        row = self._database.execute("SELECT kept FROM intent WHERE id = ?", (intent_id,)).fetchone()
        return _intents.decode(row[0]) if row else None

    def intents(self) -> list[Intent]:
        """All, the oldest first."""
        return [_intents.decode(kept) for (kept,) in self._database.execute("SELECT kept FROM intent ORDER BY rowid")]

    def keep_intent(self, intent: Intent) -> None:
        kept = msgspec.json.encode(intent).decode()
        self._database.execute(
            "INSERT INTO intent (id, kept) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET kept = excluded.kept",
            (intent.id, kept),
        )

    def refunds(self, intent_id: str) -> list[Refund]:
        """All of one payment, the newest first."""
        found = self._database.execute("SELECT kept FROM refund WHERE intent = ? ORDER BY rowid DESC", (intent_id,))
        return [_refunds.decode(kept) for (kept,) in found]

    def keep_refund(self, refund: Refund) -> None:
        kept = msgspec.json.encode(refund).decode()
        self._database.execute("INSERT INTO refund VALUES (?, ?, ?)", (refund.id, refund.intent, kept))

    def answer(self, key: str) -> Answer | None:
        row = self._database.execute("SELECT fingerprint, status, body FROM answer WHERE key = ?", (key,)).fetchone()
        return Answer(*row) if row else None

    def keep_answer(self, key: str, answer: Answer) -> None:
        self._database.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", (key, *msgspec.structs.astuple(answer)))

    def queue(self, intent_id: str, body: bytes, due: int) -> None:
        """Keep a webhook to be delivered from `due` on, in nanoseconds since 1970."""
        self._database.execute(
            "INSERT INTO delivery (intent, body, due, tries) VALUES (?, ?, ?, 0)", (intent_id, body, due)
        )

    def due(self, moment: int, limit: int) -> list[Delivery]:
        found = self._database.execute(
            "SELECT number, intent, body, tries FROM delivery WHERE due <= ? ORDER BY due, number LIMIT ?",
            (moment, limit),
        )
        return [Delivery(*row) for row in found]

    def next_due(self) -> int | None:
        """When the next webhook is due; None when none waits."""
        (due,) = self._database.execute("SELECT min(due) FROM delivery").fetchone()
        return None if due is None else int(due)

    def settle_deliveries(self, taken: Sequence[int], postponed: Sequence[tuple[int, int | None]]) -> None:
        """Forget the webhooks that were taken, and keep the others until they are due again; None: given up."""
        with self.transaction():
            self._database.executemany("DELETE FROM delivery WHERE number = ?", [(number,) for number in taken])
            self._database.executemany(
                "UPDATE delivery SET due = ?, tries = tries + 1 WHERE number = ?",
                [(due, number) for number, due in postponed],
            )

    def webhooks(self) -> tuple[int, int]:
        """How many wait, and how many were given up."""
        waiting, all_of_them = self._database.execute("SELECT count(due), count(*) FROM delivery").fetchone()
        return waiting, all_of_them - waiting


_intents = msgspec.json.Decoder(Intent)
_refunds = msgspec.json.Decoder(Refund)
