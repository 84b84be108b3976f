"""A conversation with an IMAP server: sign in, list mails, read them in part, remove them."""

import base64
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string

from ..callbacks import LONGEST_MAIL
from .account import ImapAccount, Question
from .client import ImapClient

UID = re.compile(rb"\bUID (\d{1,10})\b")
SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")
FLAGS = re.compile(rb"\bFLAGS \(([^()]*)\)")
BEYOND_ASCII = re.compile(r"[^\x20-\x7e]+")

Renew = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A mail in the folder: its UID, and how many of its bytes are read."""

    uid: int
    size: int


class Session:
    """A folder that is open; its methods raise TransportError."""

    def __init__(self, account: ImapAccount, deadline: float, renew: Renew) -> None:
        self.began = time.monotonic()
        self.account, self.deadline = account, deadline
        self.client: ImapClient | None = None
        if account.sign_in == "oauth2":
            token, renewed = import_string("broadcasts.transports.imap.tokens.access_token")(account)
            if renewed:
                renew(renewed)
            self.account = account.with_token(token)
        self._open()

    def _open(self) -> None:
        client = self._guarded(Question.CONNECTION, lambda: ImapClient(self.account, self.deadline, LONGEST_MAIL))
        self.client = client
        try:
            if self.account.security == "starttls":
                self._guarded(Question.TLS, client.encrypt)
            self._sign_in(self._guarded(Question.SIGN_IN, client.offers))
            self.offers = self._guarded(Question.SIGN_IN, client.offers)
            if self.account.kept_in:
                kept_in = quoted(self.account.kept_in)
                self._ask(Question.KEPT_IN, lambda: client.status(kept_in, "(MESSAGES)"))
            self.count()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.client:
            self.client.leave()

    def _sign_in(self, offers: set[str]) -> None:
        account, client = self.account, self._client
        username = account.username
        if account.sign_in == "oauth2":
            told = f"user={username}\1auth=Bearer {account.secrets['access_token']}\1\1".encode()
            # A refusal comes as a challenge, which has to be answered by nothing (Google's and Microsoft's XOAUTH2).
            answers = iter([told])
            self._ask(Question.SIGN_IN, lambda: client.authenticate("XOAUTH2", lambda challenge: next(answers, b"")))
            return
        password = account.secrets.get("password", "")
        if "AUTH=PLAIN" in offers:
            plain = f"\0{username}\0{password}".encode()
            self._ask(Question.SIGN_IN, lambda: client.authenticate("PLAIN", lambda challenge: plain))
        elif "LOGINDISABLED" in offers:
            raise account.refused(Question.SIGN_IN, "it takes no password on this connection. Choose TLS")
        else:
            self._ask(Question.SIGN_IN, lambda: client.login(quoted(username, encode=False), password))

    def count(self) -> int:
        """Open the folder (again) and return how many mails are in it.

        Sequence numbers and their count are those of this moment.
        """
        data = self._ask(Question.FOLDER, lambda: self._client.select(quoted(self.account.folder)))
        return int(data[-1] or 0)

    def listed(self, first: int, last: int) -> list[ListedMail]:
        """Return the mails between two sequence numbers, less those that somebody has marked to be deleted."""
        fetch = lambda: self._client.fetch(f"{first}:{last}", "(UID FLAGS RFC822.SIZE)")  # noqa: E731
        found = []
        for line in self._ask(Question.LIST, fetch):
            if not isinstance(line, bytes) or not (uid := UID.search(line)):
                continue
            flags, size = FLAGS.search(line), SIZE.search(line)
            if not (flags and rb"\deleted" in flags[1].lower().split()):
                found.append(ListedMail(int(uid[1]), min(int(size[1]), LONGEST_MAIL) if size else LONGEST_MAIL))
        return found

    def mails(self, uids: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return the first LONGEST_MAIL bytes of mails by their UIDs, without those that are gone."""
        items = f"(UID BODY.PEEK[]<0.{LONGEST_MAIL}>)"
        data = self._ask(Question.MAIL, lambda: self._client.uid("FETCH", uid_set(uids), items))
        wanted, found = set(uids), []
        for place, part in enumerate(data):
            if isinstance(part, tuple):
                tail = data[place + 1] if place + 1 < len(data) else b""
                uid = UID.search(part[0]) or (UID.search(tail) if isinstance(tail, bytes) else None)
                if uid and int(uid[1]) in wanted:
                    wanted.discard(int(uid[1]))
                    found.append((int(uid[1]), part[1]))
        return found

    def remove(self, uids: Sequence[int]) -> None:
        """Move mails to the folder `kept_in`, or delete them if there is none.

        Only these are removed, by UID: what other programs have marked to be deleted stays. A server without UIDPLUS
        (RFC 4315) keeps them, marked to be deleted, until somebody has it expunge the folder; `listed` passes them.
        """
        which, client = uid_set(uids), self._client
        if self.account.kept_in:
            kept_in = quoted(self.account.kept_in)
            if "MOVE" in self.offers:
                self._ask(Question.KEPT_IN, lambda: client.uid("MOVE", which, kept_in))
                return
            self._ask(Question.KEPT_IN, lambda: client.uid("COPY", which, kept_in))
        self._ask(Question.REMOVAL, lambda: client.uid("STORE", which, "+FLAGS.SILENT", r"(\Deleted)"))
        if "UIDPLUS" in self.offers:
            self._ask(Question.REMOVAL, lambda: client.uid("EXPUNGE", which))

    @property
    def _client(self) -> ImapClient:
        assert self.client is not None
        return self.client

    def _ask(self, question: Question, command: Callable[[], Any]) -> list[Any]:
        """Return the data of a command's answer."""
        self._client.begin()
        status, data = self._guarded(question, command)
        if status != "OK":
            words = b" ".join(part for part in data if isinstance(part, bytes))
            raise self.account.refused(question, words.decode("utf-8", "replace"))
        return data

    def _guarded(self, question: Question, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Exception as error:
            # "from None": what a server says may repeat the password.
            raise self.account.failed(error, question, time.monotonic() - self.began) from None


@contextmanager
def opened(account: ImapAccount, seconds: float, renew: Renew = lambda token: None) -> Iterator[Session]:
    """Sign in, open the folder of an account, and close the connection in the end; all of it within some seconds.

    renew: is given a refresh token that replaces the present one.
    Raises TransportError, whose words tell what to do and no secret.
    """
    session = Session(account, time.monotonic() + seconds, renew)
    try:
        yield session
    finally:
        session.close()


def quoted(name: str, encode: bool = True) -> str:
    """Return a name as a quoted string of IMAP; that of a folder is encoded by modified UTF-7 (RFC 3501, 5.1.3)."""
    if encode:
        name = BEYOND_ASCII.sub(_utf7, name.replace("&", "&-"))
    return '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'


def _utf7(found: re.Match[str]) -> str:
    coded = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
    return f"&{coded}-"


def uid_set(uids: Sequence[int]) -> str:
    """Return UIDs as IMAP lists them, with ranges of those that follow one another: 4:7,9."""
    ranges: list[list[int]] = []
    for uid in sorted(uids):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in ranges)
