"""What goes wrong with a worker, and when: after any one of its steps, counted, with no clock involved.

A step is what leaves a trace: a statement that writes, or a copy that is handed over. To die between two steps is the
same as to die right after the first, so a test that goes through all of them has gone through every moment. Where tests
differ only in what surrounds the same steps, one goes through all of them, and the others through every third:
`EXAMPLES=1 pytest tests/sending` has all tests go through all.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection

from tests.recorder import Recorder

WRITES = ("INSERT", "UPDATE", "DELETE", "RELEASE")
EVERY_THIRD = 1 if os.environ.get("EXAMPLES") else 3


class Killed(BaseException):
    """Stands for a worker that dies at this very moment."""


class Fate:
    """Counts the steps of the block it is held over, and has something happen right after the nth."""

    def __init__(self, server: Recorder, nth: int, happen: Callable[[], None], amid_transactions: bool = True) -> None:
        self.server = server
        self.left = nth
        self.happen = happen
        self.amid_transactions = amid_transactions
        self.is_dead = False

    @property
    def came(self) -> bool:
        return self.left <= 0

    def step(self) -> None:
        if not self.amid_transactions and len(connection.savepoint_ids) > self.depth:
            return
        self.left -= 1
        if self.left == 0:
            try:
                self.happen()
            except Killed:
                self.is_dead = True
                raise

    def execute(self, execute, sql, params, many, context):
        if self.is_dead and not sql.startswith("ROLLBACK"):
            raise Killed  # the dead write nothing more
        answer = execute(sql, params, many, context)
        if sql.startswith(WRITES):
            if " RETURNING " in sql:
                keep_rows(context["cursor"])
            self.step()
        return answer

    @contextmanager
    def over(self) -> Iterator["Fate"]:
        self.depth = len(connection.savepoint_ids)
        deliver = self.server.deliver

        def hand_over(envelope):
            receipt = deliver(envelope)
            self.step()
            return receipt

        self.server.deliver = hand_over
        try:
            with connection.execute_wrapper(self.execute):
                yield self
        except Killed:
            pass
        finally:
            self.server.deliver = deliver


def keep_rows(cursor: Any) -> None:
    """Read the rows that a change returns, for whoever asks next: SQLite is done with it no sooner."""
    rows = iter(cursor.fetchall())
    cursor.fetchone, cursor.fetchall = lambda: next(rows, None), lambda: list(rows)


def die() -> None:
    raise Killed


class Loss:
    """Loses the database over the nth thing it is told to write: before it did so, or before it could say so."""

    def __init__(self, nth: int, is_done: bool) -> None:
        self.left = nth
        self.is_done = is_done

    @property
    def came(self) -> bool:
        return self.left <= 0

    def tell(self, act, *args):
        self.left -= 1
        if self.left:
            return act(*args)
        if self.is_done:
            act(*args)
        connection.connection.rollback()  # what a database does when it loses a client
        raise OperationalError("the connection is lost")

    def execute(self, execute, sql, *args):
        return execute(sql, *args) if sql.startswith("SELECT") else self.tell(execute, sql, *args)

    @contextmanager
    def over(self) -> Iterator["Loss"]:
        """Hold it over a block outside of any transaction; what the block does not survive ends it, like a task."""
        commit = connection.commit
        connection.commit = lambda: self.tell(commit)
        try:
            with connection.execute_wrapper(self.execute):
                yield self
        except OperationalError:
            pass
        finally:
            connection.commit = commit
