"""What the catcher received, in an SQLite file."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

COMMIT_EVERY = 0.2  # seconds
PER_PAGE = 50
CHUNK = 500  # messages read at once to be called back

# The sources lie apart, so that a search does not read through them.
SCHEMA = """PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, "to" TEXT, subject TEXT, size INTEGER, received TEXT);
CREATE TABLE IF NOT EXISTS sources (id INTEGER PRIMARY KEY, source BLOB);
CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, message INTEGER, at TEXT, said TEXT, answer TEXT);
CREATE INDEX IF NOT EXISTS calls_message ON calls (message, said);  -- what a message's row shows of its callbacks"""
# Columns that files of earlier versions lack.
ADDED = {"sort": "'mail'", "key": "''", "account": "''", "note": "''", "reference": "''"}


class Sort(StrEnum):
    MAIL = "mail"
    WHATSAPP = "whatsapp"
    SMS = "sms"
    WEBHOOK = "webhook"

    @property
    def label(self) -> str:
        return {"mail": "E-mail", "whatsapp": "WhatsApp", "sms": "SMS", "webhook": "Webhook"}[self]

    @property
    def calls_back(self) -> bool:
        return self in (Sort.WHATSAPP, Sort.SMS)


class Store:
    """Messages in a file. They are only ever appended, so the last id is also their number."""

    def __init__(self, path: Path) -> None:
        self._address = f"{path.absolute().as_uri()}?mode=ro"
        self._lock = Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript(SCHEMA)
        present = {column[1] for column in self._db.execute("PRAGMA table_info(messages)")}
        for name in ADDED.keys() - present:
            self._db.execute(f"ALTER TABLE messages ADD COLUMN {name} TEXT NOT NULL DEFAULT {ADDED[name]}")
        self.count: int = self._db.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0]
        self._changed, self._is_closed = Event(), Event()
        self._committing = Thread(target=self._commit_soon, daemon=True)
        self._committing.start()

    def close(self) -> None:
        self._is_closed.set()
        self._changed.set()
        self._committing.join()
        self.commit()
        self._db.close()

    def _commit_soon(self) -> None:
        while self._changed.wait() and not self._is_closed.wait(COMMIT_EVERY):
            self._changed.clear()
            self.commit()

    def add(
        self,
        sort: Sort,
        recipients: list[str],
        subject: str,
        source: bytes,
        key: str = "",
        account: str = "",
        note: str = "",
        reference: str = "",
    ) -> None:
        """Keep a message.

        subject: what a list shows, which is the whole text of anything but a mail.
        key: the id that the provider gave it.
        account: the number it was sent from, or the URL that its gateway calls back.
        reference: what its sender calls it, which callbacks give back.
        """
        texts = "\n".join(recipients), subject, now(), sort, key, account, note, reference
        # SQLite takes no halves of surrogate pairs, which a broken message can hold.
        to, subject, *others = (text.encode(errors="replace").decode() for text in texts)
        with self._lock:
            number = self.count + 1
            # The source first: without its message it is not seen, and the next one replaces it.
            self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (number, source))
            self._db.execute(
                'INSERT INTO messages (id, "to", subject, size, received, sort, key, account, note, reference) '
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, to, subject, len(source), *others),
            )
            self.count = number
        self._changed.set()

    def note_calls(self, numbers: list[int], said: str, answer: str) -> None:
        """Keep what was called back about some messages, and what the called server answered."""
        said, answer = (text.encode(errors="replace").decode() for text in (said, answer))
        rows = [(number, now(), said, answer) for number in numbers]
        with self._lock:
            self._db.executemany("INSERT INTO calls (message, at, said, answer) VALUES (?, ?, ?, ?)", rows)
        self._changed.set()

    def commit(self) -> None:
        with self._lock:
            self._db.commit()

    def find(self, search: str, page: int, sort: str = "") -> list[dict[str, Any]]:
        """Return a page of messages, newest first, and one more when there is a next page."""
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", search) + "%"
        query = r"""SELECT * FROM messages WHERE (?1 = '%%' OR "to" LIKE ?1 ESCAPE '\' OR subject LIKE ?1 ESCAPE '\')
            AND (?2 = '' OR sort = ?2) ORDER BY id DESC LIMIT ?3 OFFSET ?4"""
        return self._messages(query, (pattern, sort, PER_PAGE + 1, (page - 1) * PER_PAGE))

    def recipients(self, after: int, sort: Sort = Sort.MAIL) -> Counter[str]:
        """Count the accepted messages per address."""
        query = """SELECT "to" FROM messages WHERE id > ? AND sort = ? AND note NOT LIKE 'Refused%'"""
        return Counter(address for row in self._messages(query, (after, sort)) for address in row["to"])

    def get(self, number: int) -> dict[str, Any] | None:
        query = "SELECT * FROM messages JOIN sources USING (id) WHERE id = ?"
        return next(iter(self._messages(query, (number,))), None)

    def calls(self, numbers: list[int]) -> dict[int, list[dict[str, Any]]]:
        """Return what was called back about each of some messages, oldest first."""
        marks = ",".join("?" * len(numbers))
        query = f"SELECT * FROM calls WHERE message IN ({marks}) ORDER BY id"  # noqa: S608
        found: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
        for row in self._read(query, tuple(numbers)):
            found[row["message"]].append(row)
        return found

    def silent(self) -> Iterator[list[dict[str, Any]]]:
        """Yield in chunks the accepted messages that nothing was told about yet to a server that took it."""
        after = 0
        while True:
            query = """SELECT * FROM messages WHERE id > ? AND sort IN ('whatsapp', 'sms') AND note = ''
                AND NOT EXISTS (SELECT 1 FROM calls WHERE message = messages.id AND answer LIKE 'answered 2%')
                ORDER BY id LIMIT ?"""
            if not (found := self._messages(query, (after, CHUNK))):
                return
            yield found
            after = found[-1]["id"]

    def _messages(self, query: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        return [{**row, "to": row["to"].split("\n")} for row in self._read(query, values)]

    def _read(self, query: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        self.commit()
        # On a connection of its own, so that a slow search does not keep messages waiting.
        with closing(sqlite3.connect(self._address, uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values)]


def now() -> str:
    return datetime.now(UTC).isoformat(" ", "seconds")
