"""The sandbox's state, in SQLite. A commit is on disk before the caller is answered."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from payment_sandbox.intents import Intent, Refund

_SCHEMA = """
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
    """The answer to the first call with an Idempotency-Key."""

    fingerprint: bytes
    status: int
    body: bytes


class Delivery(Struct, frozen=True):
    """A webhook that has not been accepted yet."""

    number: int
    intent: str
    body: bytes
    tries: int


class Store:
    """The database: one file, one connection, one thread."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the body in a transaction: all of it is on disk at the end, or none of it."""
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
        """Return all payments, oldest first."""
        rows = self._database.execute("SELECT kept FROM intent ORDER BY rowid")
        return [_intents.decode(text) for (text,) in rows]

    def save_intent(self, intent: Intent) -> None:
        text = msgspec.json.encode(intent).decode()
        self._database.execute(
            "INSERT INTO intent (id, kept) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET kept = excluded.kept",
            (intent.id, text),
        )

    def refunds(self, intent_id: str) -> list[Refund]:
        """Return all refunds of one payment, newest first."""
        rows = self._database.execute("SELECT kept FROM refund WHERE intent = ? ORDER BY rowid DESC", (intent_id,))
        return [_refunds.decode(text) for (text,) in rows]

    def save_refund(self, refund: Refund) -> None:
        text = msgspec.json.encode(refund).decode()
        self._database.execute("INSERT INTO refund VALUES (?, ?, ?)", (refund.id, refund.intent, text))

    def answer(self, key: str) -> Answer | None:
        row = self._database.execute("SELECT fingerprint, status, body FROM answer WHERE key = ?", (key,)).fetchone()
        return Answer(*row) if row else None

    def save_answer(self, key: str, answer: Answer) -> None:
        self._database.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", (key, *msgspec.structs.astuple(answer)))

    def queue(self, intent_id: str, body: bytes, due: int) -> None:
        """Queue a webhook for delivery at `due`, in nanoseconds since 1970."""
        self._database.execute(
            "INSERT INTO delivery (intent, body, due, tries) VALUES (?, ?, ?, 0)", (intent_id, body, due)
        )

    def due(self, moment: int, limit: int) -> list[Delivery]:
        """Return the webhooks that are due at `moment`, in nanoseconds since 1970."""
        rows = self._database.execute(
            "SELECT number, intent, body, tries FROM delivery WHERE due <= ? ORDER BY due, number LIMIT ?",
            (moment, limit),
        )
        return [Delivery(*row) for row in rows]

    def next_due(self) -> int | None:
        """Return when the next webhook is due; None if none is waiting."""
        (due,) = self._database.execute("SELECT min(due) FROM delivery").fetchone()
        return None if due is None else int(due)

    def finish_deliveries(self, accepted: Sequence[int], failed: Sequence[tuple[int, int | None]]) -> None:
        """Delete the accepted webhooks; store when the failed ones are due again (None: never)."""
        with self.transaction():
            self._database.executemany("DELETE FROM delivery WHERE number = ?", [(number,) for number in accepted])
            self._database.executemany(
                "UPDATE delivery SET due = ?, tries = tries + 1 WHERE number = ?",
                [(due, number) for number, due in failed],
            )

    def webhooks(self) -> tuple[int, int]:
        """Count the webhooks that are waiting, and those that were given up."""
        waiting, total = self._database.execute("SELECT count(due), count(*) FROM delivery").fetchone()
        return waiting, total - waiting


_intents = msgspec.json.Decoder(Intent)
_refunds = msgspec.json.Decoder(Refund)
