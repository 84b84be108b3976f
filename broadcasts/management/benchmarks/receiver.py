"""The receiver of a bench: a server in a process of its own that behaves as badly as it is told.

What it accepts it writes to a file before it says so: one line each, recipient and key (of mail the Message-ID). That
file is the truth that the log is compared with. `SmtpSession` receives mail, `provider.ProviderSession` the rest.
"""

import asyncio
import multiprocessing
import os
import re
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any, ClassVar, cast

from django.conf import settings

from . import HOST

GREETING = "250-chaos\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES"
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Behaviour:
    """How the receiver misbehaves."""

    pace: float = 0.0  # seconds from one message to the next, all connections together
    latency: float = 0.0  # seconds that each message takes, however many come at once
    drops: float = 0.0  # the share of messages over which it drops the connection
    laters: float = 0.0  # the share of messages, and of connections, that it puts off with 4xx
    refuses: frozenset[str] = frozenset()  # the addresses that it refuses for good
    hangs: bool = False  # takes everything, answers nothing
    is_down: bool = False


@dataclass
class ReceiverCounts:
    """The counts of the receiver, beside the file of accepted messages."""

    accepted: int = 0
    connections: int = 0  # open now
    waiting: int = 0  # messages that wait to be accepted
    drops: int = 0
    drops_late: int = 0  # of them: after the message was sent, so that its sender cannot know whether it was accepted
    laters: int = 0


@dataclass
class ReceiverServer:
    """The server with its connections."""

    truth: int  # the file's descriptor
    random: Random
    session: type["ReceiverSession"]
    port: int = 0  # the system chooses
    behaviour: Behaviour = Behaviour()
    tally: ReceiverCounts = field(default_factory=ReceiverCounts)
    sessions: set["ReceiverSession"] = field(default_factory=set)
    held: list[Callable[[], None]] = field(default_factory=list)  # until it hangs no more
    slot: float = 0.0  # when the next message is accepted
    listener: asyncio.Server | None = None

    async def serve(self, control: Connection) -> None:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        orders: asyncio.Queue[Behaviour | None] = asyncio.Queue()

        def listen() -> None:
            try:
                orders.put_nowait(control.recv())
            except (EOFError, OSError):  # the parent process has ended
                loop.remove_reader(control.fileno())
                over.set_result(None)

        self.hold_port()
        await self.open()
        loop.add_reader(control.fileno(), listen)
        control.send(self.port)
        while not over.done():
            order = asyncio.ensure_future(orders.get())
            await asyncio.wait({order, over}, return_when=asyncio.FIRST_COMPLETED)
            if order.done():
                told = self.tell()
                if behaviour := order.result():
                    await self.behave(behaviour)
                control.send(told)

    def tell(self) -> ReceiverCounts:
        return replace(self.tally, connections=len(self.sessions))

    def hold_port(self) -> None:
        """Bind the port without listening: connections are refused, and no other process can take it."""
        self.held_port = socket.socket()
        self.held_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.held_port.bind((HOST, self.port))
        self.port = self.held_port.getsockname()[1]

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(lambda: self.session(self), sock=self.held_port, backlog=256)

    async def behave(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        if not behaviour.hangs:
            held, self.held = self.held, []
            for act in held:
                act()
        if behaviour.is_down and self.listener:
            self.listener.close()
            self.listener = None
            self.hold_port()
            for session in list(self.sessions):
                session.cut()
        elif not behaviour.is_down and self.listener is None:
            await self.open()

    def accept(self, recipient: str, key: str) -> None:
        self.tally.accepted += 1
        os.write(self.truth, f"{recipient}\t{key}\n".encode())


class ReceiverSession(asyncio.Protocol):
    """One connection: what is said on it is taken in order, the next thing when the last one was answered.

    Subclasses define `go_on`, which reads from the buffer, `put_off`, which answers that a message may come later, and
    `accepted`, which answers that it was taken. In `drops` and `laters` they name where a message can go wrong.
    """

    drops: ClassVar[Sequence[str]]
    laters: ClassVar[Sequence[str]]
    late: ClassVar[Collection[str]] = ("body", "dot", "answer")  # of the drops: its sender cannot know how far it came

    def __init__(self, server: ReceiverServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.is_busy = False  # a message waits to be accepted
        self.is_cut = False  # by us
        self.fate = ("", "")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.sessions.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.go_on()

    def go_on(self) -> None:
        raise NotImplementedError

    def put_off(self) -> None:
        raise NotImplementedError

    def accepted(self) -> None:
        raise NotImplementedError

    def draw(self) -> tuple[str, str]:
        """Draw what goes wrong with a message, and where."""
        random, behaviour = self.server.random, self.server.behaviour
        fate = random.random()
        if fate < behaviour.drops:
            return "drop", random.choice(self.drops)
        if fate < behaviour.drops + behaviour.laters:
            return "later", random.choice(self.laters)
        return "", ""

    def take(self, recipient: str, key: str) -> None:
        """Accept a message when it is its turn."""
        server, loop = self.server, asyncio.get_running_loop()
        self.is_busy = True
        server.tally.waiting += 1
        server.slot = max(loop.time(), server.slot) + server.behaviour.pace
        loop.call_at(max(server.slot, loop.time() + server.behaviour.latency), self.decide, recipient, key)

    def decide(self, recipient: str, key: str, was_held: bool = False) -> None:
        """Accept a message; also one whose sender died since, as servers do that have it whole."""
        server = self.server
        if server.behaviour.hangs and server.random.random() < 0.5:
            server.held.append(partial(self.decide, recipient, key, was_held=True))
            return
        server.tally.waiting -= 1
        self.is_busy = False
        if self.is_cut or (was_held and self.transport.is_closing()):
            return
        server.accept(recipient, key)
        if not self.suffers("answer"):
            self.accepted()
            self.go_on()

    def suffers(self, phase: str) -> bool:
        """Let a message's fate come about if this is its phase."""
        if self.fate[1] != phase:
            return False
        action, self.fate = self.fate[0], ("", "")
        tally = self.server.tally
        if action == "drop":
            tally.drops += 1
            tally.drops_late += phase in self.late
            self.cut()
        else:
            tally.laters += 1
            self.put_off()
        return True

    def cut(self) -> None:
        self.is_cut = True
        self.transport.abort()

    def write(self, data: bytes) -> None:
        if self.server.behaviour.hangs:
            self.server.held.append(partial(self.transport.write, data))
        elif not self.transport.is_closing():
            self.transport.write(data)


class SmtpSession(ReceiverSession):
    # At a command, amid the text, after the final dot before or after the message was accepted.
    drops = ("mail", "rcpt", "data", "body", "dot", "answer")
    laters = ("mail", "rcpt", "data", "dot")

    def __init__(self, server: ReceiverServer) -> None:
        super().__init__(server)
        self.is_message = False  # what comes now is one
        self.sender = False
        self.recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.server.random.random() < self.server.behaviour.laters:
            self.server.tally.laters += 1
            self.say("421 4.3.2 not now")
            self.transport.close()
        else:
            self.say("220 chaos ESMTP")

    def go_on(self) -> None:
        while not (self.is_busy or self.is_cut or self.transport.is_closing()):
            if self.is_message and self.buffer and self.suffers("body"):
                return
            end = b"\r\n.\r\n" if self.is_message and not self.buffer.startswith(b".\r\n") else b"\r\n"
            at = self.buffer.find(end)
            if at < 0:
                return
            piece = bytes(self.buffer[:at])
            del self.buffer[: at + len(end)]
            if self.is_message:
                self.take_message(piece)
            else:
                self.take_command(piece.decode("utf-8", "replace"))

    def take_command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "MAIL":
            self.fate = self.draw()
            self.sender, self.recipient = False, ""
            if not self.suffers("mail"):
                self.sender = True
                self.say("250 2.1.0 ok")
        elif verb == "RCPT":
            self.take_recipient(line.partition("<")[2].partition(">")[0].lower())
        elif verb == "DATA":
            if not self.recipient:
                self.say("503 5.5.1 no valid recipients")
            elif not self.suffers("data"):
                self.is_message = True
                self.say("354 go on")
        elif verb == "QUIT":
            self.say("221 2.0.0 bye")
            self.transport.close()
        else:
            self.say({"EHLO": GREETING, "HELO": "250 chaos", "RSET": "250 ok", "NOOP": "250 ok"}.get(verb, "502 no"))

    def take_recipient(self, address: str) -> None:
        if not self.sender:
            self.say("503 5.5.1 no sender")
        elif address in self.server.behaviour.refuses:
            self.say("550 5.1.1 no such user")
        elif not self.suffers("rcpt"):
            self.recipient = address
            self.say("250 2.1.5 ok")

    def take_message(self, message: bytes) -> None:
        self.is_message = False
        if not self.suffers("dot"):
            found = MESSAGE_ID.search(message[:8_192])
            self.take(self.recipient, found[1].decode() if found else "")

    def put_off(self) -> None:
        self.say("451 4.3.0 try again")

    def accepted(self) -> None:
        self.say("250 2.0.0 ok")

    def say(self, words: str) -> None:
        self.write(f"{words}\r\n".encode())


@dataclass
class Receiver:
    """The handle of the server in the process that started it."""

    port: int
    path: Path
    process: BaseProcess
    control: Connection
    behaviour: Behaviour = Behaviour()

    def behave(self, **changes: Any) -> ReceiverCounts:
        """Change its behaviour; return the counts from before the change."""
        self.behaviour = replace(self.behaviour, **changes)
        return self._ask(self.behaviour)

    def tell(self) -> ReceiverCounts:
        return self._ask(None)

    def _ask(self, order: Behaviour | None) -> ReceiverCounts:
        self.control.send(order)
        return self.control.recv()

    def received(self) -> int:
        """Return how many messages it has accepted."""
        return self.path.read_bytes().count(b"\n")

    def truth(self) -> Iterator[tuple[str, str]]:
        """Yield recipient and key of every message that it accepted."""
        with self.path.open() as lines:
            for line in lines:
                recipient, _, key = line.rstrip("\n").partition("\t")
                yield recipient, key


@contextmanager
def receiver(seed: int, session: type[ReceiverSession] = SmtpSession, **behaviour: Any) -> Iterator[Receiver]:
    """Run a receiver on this machine while the block runs."""
    path = Path(settings.DATA_DIR) / "received.txt"
    path.write_bytes(b"")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(path, seed, session, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        running = Receiver(ours.recv(), path, process, ours)
        running.behave(**behaviour)
        yield running
    finally:
        process.kill()
        process.join()
        ours.close()


def _run(path: Path, seed: int, session: type[ReceiverSession], ours: Connection, theirs: Connection) -> None:
    ours.close()  # so that the end of whoever started this is heard
    truth = os.open(path, os.O_WRONLY | os.O_APPEND)
    asyncio.run(ReceiverServer(truth, Random(seed), session).serve(theirs))  # noqa: S311  (chance, not secrecy)
