"""The account of a mailbox, and the errors about it."""

import base64
import imaplib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Self

from broadcasts.outgoing import ClosedAddress

from ..base import SettingsRefused, TransportError
from ..unreachable import unreachable

log = logging.getLogger(__name__)

PORTS = {"tls": 993, "starttls": 143, "none": 143}
LONGEST_WORDS = 300  # of a server, that are told


class Question(Enum):
    """What was asked of the server, as error messages name it."""

    CONNECTION = "the connection"
    TLS = "STARTTLS"
    SIGN_IN = "the sign-in"
    FOLDER = "to open the folder “{folder}”"
    KEPT_IN = "the folder “{kept_in}”"
    LIST = "to list the mails"
    MAIL = "the text of mails"
    REMOVAL = "to remove mails"


# What to do about a refusal.
HINTS = {
    Question.SIGN_IN: "Check the username and the password. Gmail and Microsoft 365 take no plain password: use an app "
    "password or OAuth 2.",
    Question.FOLDER: "Give the folder's name as the server writes it, such as INBOX or INBOX/Bounces.",
    Question.KEPT_IN: "Make this folder on the server, or leave the field blank to delete what was read.",
    Question.REMOVAL: "Give this account the right to delete mails in the folder.",
}
OAUTH_HINT = "Check the username and the scope, and that IMAP is allowed for this mailbox."


class Unreadable(Exception):
    """The server sent what no IMAP server sends, or more than was asked for; str() tells what."""


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """Where a mailbox is and how to sign in."""

    host: str
    port: int
    security: str
    username: str
    sign_in: str
    folder: str
    kept_in: str
    settings: Mapping[str, Any] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, row: Any) -> Self:
        """Read the row of a mailbox."""
        names = ("host", "security", "username", "sign_in", "folder", "kept_in", "settings")
        values = {name: getattr(row, name) for name in names}
        return cls(port=row.port or PORTS[row.security], secrets=row.secrets or {}, **values)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def with_token(self, token: str) -> Self:
        """Return the account with an access token among its secrets."""
        return replace(self, secrets={**self.secrets, "access_token": token})

    def refused(self, question: Question, words: str) -> TransportError:
        """Return the error for a refusal, with the server's words and what to do."""
        what = question.value.format(folder=self.folder, kept_in=self.kept_in)
        told = self.without_secrets(_tidy(words))
        hint = OAUTH_HINT if question is Question.SIGN_IN and self.sign_in == "oauth2" else HINTS.get(question, "")
        told = f": {told.rstrip('.')}." if told else "."
        return TransportError(f"The server {self} refused {what}{told} {hint}".strip(), account=True)

    def failed(self, error: Exception, question: Question, seconds: float) -> TransportError:
        """Return the error for an exception; seconds: how long the server was waited for."""
        match error:
            case TransportError():
                return error
            case ClosedAddress():
                return SettingsRefused(str(error))
            case Unreadable():
                words = f"The server {self} {error}."
            case imaplib.IMAP4.readonly():
                words = f"The folder “{self.folder}” of the server {self} cannot be changed, so mails could not be "
                words += "removed from it. Give this account the right to delete mails there."
            case imaplib.IMAP4.abort():
                words = f"The server {self} closed the connection, or did not answer in IMAP."
            case imaplib.IMAP4.error() if question is Question.CONNECTION:
                # A mailbox may be pointed at any service, so its first words could be anybody's: they are not shown.
                log.warning("The server %s has not proven to speak IMAP. It said: %.500s", self, error)
                words = f"The server {self} did not answer like an IMAP server."
            case imaplib.IMAP4.error():
                return self.refused(question, _said(error))
            case OSError() | UnicodeError():
                return unreachable(error, self, self.host, seconds)
            case _:
                log.exception("What the server %s answered could not be understood", self, exc_info=error)
                words = f"The server {self} answered what could not be understood; the log of the workers says why."
        return TransportError(words, account=True)

    def without_secrets(self, words: str) -> str:
        """Remove secrets, also as SASL encodes them, from text in which the server repeats them."""
        for secret in filter(None, self.secrets.values()):
            forms = (secret, f"\0{self.username}\0{secret}", f"user={self.username}\1auth=Bearer {secret}\1\1")
            for told in forms:
                words = words.replace(base64.b64encode(told.encode()).decode(), "***")
            words = words.replace(secret, "***")
        return words


def _said(error: imaplib.IMAP4.error) -> str:
    """Return the server's words in an error of imaplib, which quotes them as Python writes bytes."""
    told = error.args[0] if error.args else ""
    words = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return re.sub(r"^[A-Z]+ command error: BAD \[b(['\"])(.*)\1\]$", r"\2", words)


def _tidy(words: str) -> str:
    """Return the words of a server on one line, without response codes such as [AUTHENTICATIONFAILED]."""
    words = " ".join(re.sub(r"^\s*\[[A-Z-]+\]", "", words).split())
    return "".join(char for char in words if char.isprintable())[:LONGEST_WORDS]
