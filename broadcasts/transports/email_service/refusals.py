"""What the answers of e-mail services mean when they did not take a message."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ..base import TransportError
from ..http import Answer
from ..http import refusal as by_status
from .services import RefusalCause, Service

LONGEST_WORDS = 400
CODES = ("ErrorCode", "code", "Code", "name", "field", "type")
WORDS = ("ErrorMessage", "description", "Message", "message", "error", "detail", "title")


def refusal(service: Service, answer: Answer, host: str) -> TransportError:
    """Return the error for an answer without success, with the service's own words and by its own code."""
    error = by_status(answer, host)
    code, words = own_code(service, answer), own_words(service, answer)
    meaning = service.meanings.get(code) or service.meanings.get(str(answer.status)) or _by_status(answer)
    if service.no_such_address and re.search(service.no_such_address, words):
        meaning = RefusalCause.NO_SUCH_ADDRESS
    if words:
        error.args = (f"{service.label} answered {answer}: {words}",)
    if code and code != str(answer.status):
        error.code = f"{answer.status} {code}"[:100]
    if error.account and error.permanent and answer.status in (401, 403):
        return error  # whatever the code is: the credentials are wrong
    if meaning is not None:
        for flag in ("permanent", "account", "bounced", "handed_over"):
            setattr(error, flag, meaning.value.get(flag, False))
    if error.retry_after is None and not error.permanent:
        error.retry_after = _reset(answer)
    return error


def _by_status(answer: Answer) -> RefusalCause | None:
    """Return what a status says of a service's API: the account owes money, or there is no such endpoint or domain."""
    if answer.status in (402, 404, 405):
        return RefusalCause.ACCOUNT
    return RefusalCause.RECIPIENT if answer.is_success else None  # Postal refuses with status 200


def _reset(answer: Answer) -> float | None:
    """Return the seconds until a limit ends, told as seconds or as a moment in seconds or milliseconds since 1970."""
    for name in ("X-RateLimit-Reset", "x-sib-ratelimit-reset", "ratelimit-reset"):
        with suppress(ValueError):
            told = float(answer.headers.get(name, ""))
            told = told / 1000 if told > 1e11 else told
            return max(0.0, told - time.time() if told > 1e9 else told)
    return None


def own_code(service: Service, answer: Answer) -> str:
    """Return the service's code of an error, such as Postmark's 406; "" without one."""
    if typed := answer.headers.get("x-amzn-ErrorType", ""):
        return typed.partition(":")[0]
    codes = [_printable(code) for code in _found(_json(answer), CODES)]
    return next((code for code in codes if code in service.meanings), codes[0] if codes else "")


def own_words(service: Service, answer: Answer) -> str:
    """Return what the service says in its answer; "" if it is not known whose server that is."""
    if service.is_self_hosted:
        return ""
    words = " ".join(next(_found(_json(answer), WORDS), "").split())
    return _printable(words)[:LONGEST_WORDS]


def _printable(words: str) -> str:
    """Remove what no database takes and nobody can read."""
    return "".join(char for char in words if char.isprintable())


def _json(answer: Answer) -> Any:
    with suppress(ValueError, RecursionError):
        return answer.json
    return None


def _is_plain(value: Any) -> bool:
    return bool(value) and isinstance(value, str | int) and not isinstance(value, bool)


def _found(told: Any, names: tuple[str, ...], depth: int = 0) -> Iterator[str]:
    """Yield the plain values under these names, innermost first: the outer ones only sum up."""
    if depth > 5:
        return
    if isinstance(told, dict):
        for value in told.values():
            if isinstance(value, dict | list):
                yield from _found(value, names, depth + 1)
        yield from (str(told[name]) for name in names if _is_plain(told.get(name)))
    elif isinstance(told, list):
        for one in told[:5]:
            if isinstance(one, str) and names is WORDS:
                yield one
            yield from _found(one, names, depth + 1)
