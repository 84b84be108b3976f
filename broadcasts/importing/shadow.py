"""What a dry run would write, kept in an SQLite database of its own."""

import sqlite3
from pathlib import Path
from typing import ClassVar


class Shadow:
    """The base class of stores for dry runs; `line` is the last line whose rows are stored, so that it can continue.

    Without a path the database is temporary, and deleted when it is closed.
    """

    TABLES: ClassVar[dict[str, str]]  # name -> its definition
    line: int

    def open_shadow(self, path: Path | None) -> None:
        self.shadow = sqlite3.connect(path or "", isolation_level=None)
        self.shadow.execute("PRAGMA synchronous=OFF")
        for name, definition in self.TABLES.items():
            self.shadow.execute(f"CREATE TABLE IF NOT EXISTS {name} {definition}")
        ((self.line,),) = self.shadow.execute("PRAGMA user_version")

    def begin(self) -> None:
        self.shadow.execute("BEGIN")

    def mark(self, line: int) -> None:
        """Commit all rows up to a line."""
        if self.shadow.in_transaction:
            self.shadow.execute(f"PRAGMA user_version = {line:d}")
            self.shadow.execute("COMMIT")
        self.line = line

    def forget(self) -> None:
        """Delete all rows, to start again."""
        for name in self.TABLES:
            self.shadow.execute(f"DELETE FROM {name}")  # noqa: S608
        self.shadow.execute("PRAGMA user_version = 0")
        self.line = 0

    def close(self) -> None:
        self.shadow.close()
