"""Insert the rows of several threads by one statement: one round trip and one commit for all of them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, models

from .outages import outage
from .statements import Statement, parameter

MOST = 16  # rows of a statement
GATHER_SECONDS = 0.003  # for rows of others, while many come


@dataclass(eq=False)
class SharedRow:
    """A row that a thread waits for."""

    values: Sequence[Any]
    is_stored: bool = False
    is_done: bool = False
    error: BaseException | None = None


class SharedInsert:
    """Inserts rows of a table, each of which is committed once `insert` returns.

    One thread at a time inserts. The rows that others bring meanwhile wait, and share the next statement; so the more
    there is to do, the less each row costs, and a row that comes alone waits for nobody. While rows come together, each
    statement waits a moment for more of them, as PostgreSQL does by its `commit_delay`. Not to be called in a
    transaction, whose rollback would take the rows of other threads with it.

    A row may be stored twice where the connection breaks as it is committed.
    """

    def __init__(self, model: type[models.Model], *columns: str) -> None:
        self.model, self.columns = model, columns
        self.inserting, self.changing = threading.Lock(), threading.Lock()
        self.waiting: list[SharedRow] = []
        self.is_crowded = False  # the last statement had rows of several threads

    def insert(self, **values: Any) -> None:
        """Insert a row of these columns; raises DatabaseError if it was not stored."""
        mine = SharedRow([values[name] for name in self.columns])
        with self.changing:
            self.waiting.append(mine)
        while not mine.is_done:
            with self.inserting:
                if not mine.is_done:
                    if self.is_crowded:
                        time.sleep(GATHER_SECONDS)
                    self._insert_next()
        if mine.error:
            raise mine.error

    def _insert_next(self) -> None:
        with self.changing:
            rows, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
        self.is_crowded = len(rows) > 1
        try:
            self._run(rows)
            self._stored(rows)
        except BaseException as error:
            if len(rows) == 1 or outage(error) or not isinstance(error, Exception):
                self._fail(rows, error)
                return
            for row in rows:  # so that a faulty one fails alone
                try:
                    self._run([row])
                    self._stored([row])
                except Exception as fault:
                    self._fail([row], fault)
        finally:
            for row in rows:
                if not row.is_stored and row.error is None:  # the process is told to stop
                    row.error = OperationalError("The row was not stored.")
                row.is_done = True

    def _run(self, rows: Sequence[SharedRow]) -> None:
        statement = _statement(connection.vendor, self.model, self.columns, len(rows))
        values = {str(place): value for place, value in enumerate(value for row in rows for value in row.values)}
        # Django would ask at each request whether the connection works, which costs as much as the statement.
        link: Any = connection
        is_unchecked = link.health_check_enabled and not link.health_check_done
        link.health_check_done = True
        try:
            statement.run(**values)
        except (DatabaseError, InterfaceError):
            if not is_unchecked or connection.is_usable():
                raise
            connection.close()
            statement.run(**values)

    def _stored(self, rows: Sequence[SharedRow]) -> None:
        for row in rows:
            row.is_stored = True

    def _fail(self, rows: Sequence[SharedRow], error: BaseException) -> None:
        for row in rows:
            row.error = error


@cache
def _statement(vendor: str, model: type[models.Model], columns: Sequence[str], rows: int) -> Statement:
    names = [[str(row * len(columns) + place) for place in range(len(columns))] for row in range(rows)]
    return Statement.insert(
        model, columns, [{column: parameter(name) for column, name in zip(columns, of, strict=True)} for of in names]
    )
