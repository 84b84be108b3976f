"""An end for calls that might never come back, such as looking up a name or reading what a server trickles."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Answer = TypeVar("Answer")


def with_deadline(
    seconds: float, act: Callable[[], Answer], undo: Callable[[Answer], object] = lambda answer: None
) -> Answer:
    """Do something in a thread of its own; TimeoutError when it takes longer, and its answer is undone if it comes."""
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
    """Begin something in a thread of its own, which keeps no process from ending."""
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
