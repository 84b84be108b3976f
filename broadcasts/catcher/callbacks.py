"""Calling back: what the page's buttons make the providers tell the server that sent."""

import random
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from . import cloud, gateway
from .store import Sort, Store

TIMEOUT = 20  # seconds
AT_ONCE = 4  # calls under way, as our own server runs on the same machine
TOGETHER = 50  # statuses in one call of the Cloud API
READ_EVERY = 3  # of “call all back”, so many are read too
TWICE_EVERY = 20  # and so many calls come twice
FACTS = ("delivered", "read")


@dataclass(frozen=True)
class WhatsAppAccount:
    """A number of the Cloud API, and where its calls go.

    An empty token accepts any; an empty secret calls back unsigned.
    """

    phone_id: str
    business_id: str = ""
    callback_url: str = ""
    app_secret: str = ""
    token: str = ""


@dataclass(frozen=True)
class GatewayAccount:
    """The SMS gateway's login (an empty one accepts any), and what its calls are signed with."""

    token: str = ""
    signing_secret: str = ""


@dataclass
class Accounts:
    """What the demo, or a test, tells the catcher about the channels that use it."""

    whatsapp: dict[str, WhatsAppAccount] = field(default_factory=dict)
    sms: GatewayAccount = GatewayAccount()
    hook_secrets: tuple[str, ...] = ()

    def number(self, phone_id: str) -> WhatsAppAccount:
        return self.whatsapp.get(phone_id) or WhatsAppAccount(phone_id)


@dataclass(frozen=True)
class ProviderCall:
    url: str
    data: bytes
    headers: Mapping[str, str]


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


# Providers come from outside: without a proxy of this machine.
opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))


def post(call: ProviderCall) -> str:
    """Make a call and return in words what was answered."""
    if urlsplit(call.url).scheme not in ("http", "https"):
        return "not called: no callback URL is known"
    request = urllib.request.Request(call.url, call.data, dict(call.headers), method="POST")  # noqa: S310
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            return f"answered {response.status}"
    except urllib.error.HTTPError as error:
        error.close()
        return f"answered {error.code}"
    except (OSError, ValueError) as error:
        return f"no answer: {getattr(error, 'reason', None) or error}"


class Callbacks:
    """Calls back about messages in a store; one round of calls about all of them may be under way."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self.store, self.accounts = store, accounts
        self.progress = Progress()
        self._lock = Lock()

    def about(self, message: Mapping[str, Any], fact: str, words: str = "") -> str:
        """Tell one fact (sent, delivered, read, failed or reply) about a message; return what was answered."""
        answer = post(self._call(message, fact, words))
        self.store.note_calls([message["id"]], f"{fact} {words}".strip(), answer)
        return answer

    def about_all(self, mixed: bool = False) -> bool:
        """Begin to tell of every message that it was delivered, and of some that they were read.

        mixed: in random order, and some calls twice. Returns False while an earlier round is under way.
        """
        with self._lock:
            if self.progress.is_running:
                return False
            self.progress = Progress(is_running=True)
        Thread(target=self._run, args=(mixed,), daemon=True).start()
        return True

    def _run(self, mixed: bool) -> None:
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                # In chunks of the store, so that nothing large is held.
                for messages in self.store.silent():
                    list(pool.map(self._one, self._tasks(messages, mixed)))
        finally:
            self.progress.is_running = False

    def _one(self, task: tuple[ProviderCall, list[int], str]) -> None:
        call, numbers, said = task
        answer = post(call)
        self.store.note_calls(numbers, said, answer)
        self.progress.note(len(numbers), answer)

    def _tasks(self, messages: list[dict[str, Any]], mixed: bool) -> list[tuple[ProviderCall, list[int], str]]:
        tasks = []
        for fact in FACTS:
            told = [one for one in messages if fact == "delivered" or _is_read(one)]
            tasks += [(call, [one["id"] for one in some], fact) for call, some in self._calls(told, fact)]
        if mixed:
            tasks += random.sample(tasks, -(-len(tasks) // TWICE_EVERY))
            random.shuffle(tasks)
        return tasks

    def _calls(self, messages: list[dict[str, Any]], fact: str) -> Iterator[tuple[ProviderCall, list[dict[str, Any]]]]:
        """Yield the calls that tell a fact: of a number of WhatsApp many messages in one, as the provider does."""
        by_number: dict[str, list[dict[str, Any]]] = {}
        for message in messages:
            if message["sort"] == Sort.WHATSAPP:
                by_number.setdefault(message["account"], []).append(message)
            elif fact == "delivered":
                yield self._call(message, fact), [message]
        for phone_id, some in by_number.items():
            for start in range(0, len(some), TOGETHER):
                part = some[start : start + TOGETHER]
                told = [(one["key"], one["to"][0], one["reference"]) for one in part]
                business_id = self.accounts.number(phone_id).business_id
                yield self._signed(phone_id, cloud.statuses(phone_id, business_id, told, fact)), part

    def _call(self, message: Mapping[str, Any], fact: str, words: str = "") -> ProviderCall:
        key, to, account, reference = message["key"], message["to"][0], message["account"], message["reference"]
        if message["sort"] == Sort.WHATSAPP:
            ids = account, self.accounts.number(account).business_id
            if fact == "reply":
                return self._signed(account, cloud.reply(*ids, to, words, key))
            code = int(words) if words.isdecimal() else 131026
            return self._signed(account, cloud.statuses(*ids, [(key, to, reference)], fact, code))
        told = gateway.status(key, to, fact, words, reference)
        body = gateway.reply(to, words, key) if fact == "reply" else told
        return ProviderCall(account, *gateway.signed(body, self.accounts.sms.signing_secret))

    def _signed(self, phone_id: str, body: Mapping[str, Any]) -> ProviderCall:
        number = self.accounts.number(phone_id)
        return ProviderCall(number.callback_url, *cloud.signed(body, number.app_secret))


class Progress:
    """How far a round of calls is."""

    def __init__(self, is_running: bool = False) -> None:
        self.is_running, self.done, self.refused, self.last = is_running, 0, 0, ""
        self._lock = Lock()

    def note(self, n: int, answer: str) -> None:
        with self._lock:
            self.done += n
            if not answer.startswith("answered 2"):
                self.refused, self.last = self.refused + n, answer


def _is_read(message: Mapping[str, Any]) -> bool:
    return message["sort"] == Sort.WHATSAPP and message["id"] % READ_EVERY == 0
