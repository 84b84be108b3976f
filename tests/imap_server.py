"""An IMAP server of this process that says whatever a test wants, such as what no server should.

    with ImapServer({"SELECT": hang}) as server: ...

An act is called with the connection, the tag and the command's arguments. LOGIN, SELECT and the like are answered
properly where no act is given.
"""

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Act = Callable[["Conversation", str, str], None]


class Conversation:
    def __init__(self, server: "ImapServer", link: socket.socket) -> None:
        self.server, self.link, self.file = server, link, link.makefile("rb")

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.link.sendall((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def serve(self) -> None:
        self.server.greet(self)
        while line := self.file.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            command, _, arguments = rest.partition(" ")
            self.server.heard.append(rest)
            if command == "UID":
                command, _, arguments = arguments.partition(" ")
                command = f"UID {command}"
            act = self.server.acts.get(command)
            if act:
                act(self, tag, arguments)
            else:
                self.answer(command, tag)

    def answer(self, command: str, tag: str) -> None:
        if command == "CAPABILITY":
            self.say(f"* CAPABILITY IMAP4rev1 {self.server.capability}")
        elif command == "SELECT":
            self.say(f"* {self.server.mails} EXISTS", "* OK [UIDVALIDITY 1]")
        self.say(f"{tag} OK done")

    def read_base64(self) -> str:
        """Ask for what SASL says, and return it."""
        self.say("+ ")
        return base64.b64decode(self.file.readline()).decode()


def greet(conversation: Conversation) -> None:
    conversation.say("* OK ready")


class ImapServer:
    def __init__(
        self,
        acts: dict[str, Act] | None = None,
        *,
        capability: str = "UIDPLUS MOVE",
        mails: int = 1,
        greet: Callable[[Conversation], None] = greet,
    ) -> None:
        self.acts, self.capability, self.mails, self.greet = acts or {}, capability, mails, greet
        self.heard: list[str] = []
        self.released = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.released.set()
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with suppress(OSError, ValueError), link:
            Conversation(self, link).serve()

    @property
    def columns(self) -> dict[str, object]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "username": "bounces@club.example",
            "secrets": {"password": "sword-fish"},
        }


def hang(conversation: Conversation, tag: str = "", arguments: str = "") -> None:
    conversation.server.released.wait(30)


def close(conversation: Conversation, tag: str = "", arguments: str = "") -> None:
    conversation.link.shutdown(socket.SHUT_RDWR)


def endless_line(conversation: Conversation, tag: str = "", arguments: str = "") -> None:
    while not conversation.server.released.is_set():
        conversation.link.sendall(b"x" * 65_536)


def endless_lines(conversation: Conversation, tag: str = "", arguments: str = "") -> None:
    while not conversation.server.released.is_set():
        conversation.link.sendall(b"* 1 EXISTS\r\n" * 5000)


def drip(conversation: Conversation, tag: str = "", arguments: str = "") -> None:
    """Send a line so slowly that it never comes to its end, though something always comes."""
    while not conversation.server.released.wait(0.05):
        conversation.link.sendall(b"*")


def huge_literal(conversation: Conversation, tag: str = "", arguments: str = "") -> None:
    conversation.say("* 1 FETCH (UID 1 BODY[] {99999999999}")
    endless_line(conversation)


def refuse(words: str) -> Act:
    return lambda conversation, tag, arguments: conversation.say(f"{tag} NO {words}")


def answer(*lines: str | bytes) -> Act:
    """Say untagged lines before the answer."""

    def act(conversation: Conversation, tag: str, arguments: str) -> None:
        conversation.say(*lines, f"{tag} OK done")

    return act
