"""What each error code of the Cloud API means: the only place that says so.

Codes are decided on, never titles, which Meta changes. Sources: Meta's page of error codes, and what its callbacks say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base import TransportError
from ..http import Answer

DAY = 86_400
LONGEST = 300  # characters of the provider's details


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What an error concerns: a person (by default), with `content` the broadcast, with `account` the channel."""

    words: str
    permanent: bool = True
    account: bool = False
    content: bool = False
    withdrawn: bool = False
    retry_after: int | None = None


def _person(words: str, **more: Any) -> CodeMeaning:
    return CodeMeaning(words, **more)


def _later(words: str, seconds: int | None = None) -> CodeMeaning:
    return CodeMeaning(words, permanent=False, retry_after=seconds)


def _busy(words: str, seconds: int | None = None) -> CodeMeaning:
    return CodeMeaning(words, permanent=False, account=True, retry_after=seconds)


def _content(words: str) -> CodeMeaning:
    return CodeMeaning(words, account=True, content=True)


def _account(words: str) -> CodeMeaning:
    return CodeMeaning(words, account=True)


NO_RIGHT = _account("The access token lacks a permission; it needs whatsapp_business_messaging.")
MEANINGS: dict[int, CodeMeaning] = {
    # The account.
    0: _account("WhatsApp does not accept the access token."),
    190: _account("The access token is wrong, has expired or was withdrawn; give the channel a new one."),
    3: NO_RIGHT,
    10: NO_RIGHT,
    33: _account("The phone number id is not known, or the access token may not use it."),
    131005: NO_RIGHT,
    131031: _account("WhatsApp has locked the account."),
    368: _account("WhatsApp has blocked the account for a violation of its policies."),
    131042: _account("WhatsApp wants a payment method, or a payment, for the account."),
    131045: _account("The phone number is not registered for the Cloud API."),
    133010: _account("The phone number is not registered for the Cloud API."),
    # Busy.
    2: _busy("WhatsApp is not available at the moment."),
    4: _busy("The app has made too many calls."),
    80007: _busy("The business account has made too many calls."),
    130429: _busy("The number has reached its messages per second."),
    131016: _busy("WhatsApp is overloaded at the moment."),
    131048: _busy("WhatsApp limits the number, since many messages were blocked or reported as spam.", 600),
    131057: _busy("The account is under maintenance.", 60),
    133004: _busy("WhatsApp is not available at the moment."),
    # The person, later.
    1: _later("WhatsApp reported an unknown error."),
    131000: _later("WhatsApp reported an unknown error."),
    131056: _later("Too many messages to this person within a short time.", 6),
    131049: _later("WhatsApp chose not to deliver it, to keep this person's use of WhatsApp healthy.", DAY),
    # The person, for good.
    131008: _person("A value that the message needs is missing."),
    131009: _person("A value of the message is not valid."),
    131021: _person("The recipient is the sender."),
    131026: _person("It cannot be delivered: this person may not use WhatsApp."),
    131030: _person("The number is not on the list of numbers that a test account may send to."),
    131047: _person("This person has not written within 24 hours, so only a template may be sent."),
    131050: _person("This person has stopped marketing messages of yours.", withdrawn=True),
    131051: _person("WhatsApp does not support this type of message."),
    131052: _person("WhatsApp could not fetch the file."),
    131053: _person("WhatsApp could not use the file."),
    130472: _person("This person is part of an experiment of WhatsApp and gets no marketing."),
    130497: _person("WhatsApp does not deliver such messages in this person's country."),
    # The content.
    100: _content("WhatsApp refuses the request as not valid."),
    132000: _content("The number of parameters is not that of the template."),
    132001: _content("The template does not exist in this language, or is not approved."),
    132005: _content("The template with its parameters is too long."),
    132007: _content("The template violates a policy of WhatsApp."),
    132012: _content("The parameters do not have the format that the template wants."),
    132015: _content("WhatsApp has paused the template because of its low quality."),
    132016: _content("WhatsApp has disabled the template for good because of its low quality."),
    132068: _content("WhatsApp has blocked the flow of the template."),
    132069: _content("WhatsApp limits the flow of the template."),
}


def meaning(code: int) -> CodeMeaning | None:
    return NO_RIGHT if 200 <= code <= 299 else MEANINGS.get(code)


def refused(answer: Answer) -> TransportError | None:
    """Return the error that a refusal names by its code; None if it names none that is known."""
    try:
        error = answer.json["error"]
        code = int(error["code"])
    except (ValueError, TypeError, KeyError):
        return None
    if code == 100 and error.get("error_subcode") == 33:
        code = 33
    known = meaning(code)
    return _error(known, str(code), details(error), answer.retry_after) if known else None


def stopped(code: int) -> TransportError:
    """Return the error of a code that was not told as an error."""
    return _error(MEANINGS[code], str(code))


def details(error: Mapping[str, Any]) -> str:
    """Return the provider's own words on one line, such as which parameter is wrong; "" without any."""
    data = error.get("error_data")
    told = data.get("details") if isinstance(data, Mapping) else ""
    return " ".join(str(told or "").split())[:LONGEST]


def _error(known: CodeMeaning, code: str, more: str = "", retry_after: float | None = None) -> TransportError:
    asked = [seconds for seconds in (known.retry_after, retry_after) if seconds is not None]
    return TransportError(
        f"{known.words} WhatsApp says: {more}" if more else known.words,
        permanent=known.permanent,
        account=known.account,
        content=known.content,
        withdrawn=known.withdrawn,
        code=code,
        retry_after=max(asked) if asked and not known.permanent else None,
    )
