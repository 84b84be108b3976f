"""Deadlines for calls that may block for ever, such as name lookups and slow servers."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Answer = TypeVar("Answer")


def with_deadline(
    seconds: float, act: Callable[[], Answer], undo: Callable[[Answer], object] = lambda answer: None
) -> Answer:
    """Call `act` in its own thread and return its result; raises TimeoutError after `seconds`.

    `undo` is called with a result that comes later.
    """
    future = begun(act)

    def discard(late: Future[Answer]) -> None:
        if late.exception() is None:
            undo(late.result())

    try:
        return future.result(max(seconds, 0.0))
    except TimeoutError:
        future.add_done_callback(discard)
        raise


def begun(act: Callable[[], Answer]) -> Future[Answer]:
    """Call `act` in its own daemon thread, and return the future of its result."""
    future: Future[Answer] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            answer = act()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(answer)

    threading.Thread(target=run, daemon=True, name="deadline").start()
    return future
