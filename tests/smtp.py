"""An SMTP server inside the test's process, that fails where it is told to.

    with SmtpServer() as server:
        server.refuse("rcpt", "550 5.1.1 no such user", address="gone@example.org")
        server.drop("content", times=1)
        Email(server.settings).deliver(envelope)
        assert server.received[0].rcpt == "ana@example.org"

Phases: connect, ehlo, starttls, auth, mail, rcpt, data (the command), bdat (the command, which it does not know then),
body (amid the message), chunk (after one), content (after the final dot or the last chunk), rset, noop, quit.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
_kept = TemporaryDirectory(prefix="broadcasts-smtp-")  # for as long as the process lives

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the faults are ours


class Received(NamedTuple):
    mail_from: str
    rcpt: str
    data: bytes


@dataclass
class Fault:
    """What is to go wrong at a phase: a reply, or none for `drop` and `hang`."""

    phase: str
    action: str
    reply: str = ""
    address: str = ""  # at rcpt: this one only
    times: int | None = None  # None: always
    seconds: float = 0.0

    def applies(self, phase: str, argument: str) -> bool:
        return self.phase == phase and self.times != 0 and self.address.lower() in argument.lower()


class SmtpServer(Controller):
    """Listens on a free port of this machine; `settings` are those of an e-mail channel that uses it."""

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,  # required of the client when given
        starttls: bool = False,
        tls: bool = False,
        smtputf8: bool = True,
        pipelining: bool = False,
        chunking: bool = False,  # and pipelining
        dsn: bool = False,
        connections: int = 1,  # what a channel that uses it is set to
        in_flight: int = 1,  # that too
        room: int = 1000,  # for so many connections at a time; the next is told 421
        farewell: str | None = None,  # after one message it closes the connection, with these words if any
        takes_data_for_nobody: bool = False,  # 354 to DATA, 250 to BDAT also where every recipient was refused
        trickles: bool = False,  # its replies come byte by byte
    ) -> None:
        self.login = login
        self.security = "tls" if tls else "starttls" if starttls else "none"
        self.pipelining = pipelining or chunking
        self.chunking = chunking
        self.dsn = dsn
        self.wanted = {"connections": connections, "in_flight": in_flight}
        self.room = room
        self.farewell = farewell
        self.takes_data_for_nobody = takes_data_for_nobody
        self.trickles = trickles
        self.received: list[Received] = []
        self.commands: list[str] = []  # of all connections, as they came
        self.connections = 0  # ever made
        self.sessions: set[_Session] = set()
        self.turned_away = 0
        self.faults: list[Fault] = []
        super().__init__(
            self,
            HOST,
            port=0,
            ssl_context=server_context() if tls else None,
            enable_SMTPUTF8=smtputf8,
            tls_context=server_context() if starttls else None,
            auth_require_tls=False,
            auth_exclude_mechanism=() if login else ("LOGIN", "PLAIN"),
            authenticator=self._authenticate,
            server_hostname="mail.test",
            data_size_limit=None,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def settings(self) -> dict[str, Any]:
        username, password = self.login or ("", "")
        return {
            "host": HOST,
            "port": self.port,
            "security": self.security,
            "username": username,
            "password": password,
            "timeout": 20,
            "verify_certificates": False,
            **self.wanted,
        }

    @property
    def content_phase(self) -> str:
        """The command that comes before content."""
        return "bdat" if self.chunking else "data"

    @property
    def recipients(self) -> list[str]:
        return [received.rcpt for received in self.received]

    def refuse(self, phase: str, reply: str, *, address: str = "", times: int | None = None) -> None:
        """Answer so; a message refused at `content` is not kept, and 421 closes the connection."""
        self.faults.append(Fault(phase, "reply", reply, address, times))

    def drop(self, phase: str, *, address: str = "", times: int | None = None) -> None:
        """Close the connection without an answer; a message dropped at `content` is kept: it had arrived."""
        self.faults.append(Fault(phase, "drop", "", address, times))

    def hang(self, phase: str, *, address: str = "", times: int | None = None) -> None:
        """Never answer; a message that hangs at `content` is kept."""
        self.faults.append(Fault(phase, "hang", "", address, times))

    def drip(self, phase: str, *, address: str = "") -> None:
        """Answer with line after line of a reply that never ends, as a tarpit does."""
        self.faults.append(Fault(phase, "drip", "", address))

    def linger(self, phase: str, seconds: float) -> None:
        """Answer as usual, but late."""
        self.faults.append(Fault(phase, "linger", seconds=seconds))

    def await_more(self, phase: str, *, address: str = "") -> None:
        """At `content`: answer only when the client has sent more, without an answer, behind the message."""
        self.faults.append(Fault(phase, "await", "", address))

    def say(self, words: bytes) -> None:
        """Say what nobody asked for, on every connection."""

        async def say() -> None:
            for session in self.sessions:
                session.transport.write(words)

        asyncio.run_coroutine_threadsafe(say(), self.loop).result()

    def hang_up(self, words: bytes = b"") -> None:
        """Close every connection, as a server does that restarts or finds them idle for too long."""

        async def close() -> None:
            for session in list(self.sessions):
                session.transport.write(words)
                session.transport.close()
            while self.sessions:
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close(), self.loop).result()

    def heal(self) -> None:
        self.faults.clear()

    def next_fault(self, phase: str, argument: str = "") -> Fault | None:
        for fault in self.faults:
            if fault.applies(phase, argument):
                if fault.times:
                    fault.times -= 1
                return fault
        return None

    def factory(self) -> SMTP:
        return _Session(self, loop=self.loop, **self.SMTP_kwargs)

    def _trigger_server(self) -> None:
        # The real one opens a connection, which tests that count connections would see.
        self.port = self.server.sockets[0].getsockname()[1]
        self._factory_invoker()

    def _authenticate(self, server, session, envelope, mechanism, auth_data) -> AuthResult:
        given = (auth_data.login.decode(), auth_data.password.decode())
        return AuthResult(success=given == self.login, handled=False)

    async def handle_EHLO(self, server, session, envelope, hostname, responses) -> list[str]:
        session.host_name = hostname
        extra = ["250-ENHANCEDSTATUSCODES"] + ["250-PIPELINING"] * self.pipelining + ["250-DSN"] * self.dsn
        extra += ["250-CHUNKING"] * self.chunking
        kept = [line for line in responses if line.strip() != "250-AUTH"]
        return [kept[0], *extra, *kept[1:]]

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        fault = self.next_fault("content", " ".join(envelope.rcpt_tos))
        if not fault or fault.action != "reply":
            self.received += [Received(envelope.mail_from, rcpt, envelope.content) for rcpt in envelope.rcpt_tos]
        if fault and fault.action == "await":
            await server.more()
        elif fault:
            await server.suffer(fault)
            return fault.reply
        return f"250 2.0.0 OK queued as {len(self.received)}"


class _Session(SMTP):
    """One connection; every command first asks for a fault."""

    def __init__(self, test_server: SmtpServer, **kwargs: Any) -> None:
        super().__init__(test_server, **kwargs)
        self.test_server = test_server
        self._smtp_methods = {verb: self._wary(verb, method) for verb, method in self._smtp_methods.items()}

    async def _handle_client(self) -> None:
        self.test_server.connections += 1
        if fault := self.test_server.next_fault("connect"):
            await self.suffer(fault)
            await self.push(fault.reply)
            self.transport.close()
            return
        if len(self.test_server.sessions) >= self.test_server.room:
            self.test_server.turned_away += 1
            await self.push("421 4.7.0 too many connections")
            self.transport.close()
            return
        self.test_server.sessions.add(self)
        await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        self.test_server.sessions.discard(self)
        super().connection_lost(error)

    async def push(self, status: str | bytes) -> None:
        if not self.test_server.trickles:
            return await super().push(status)
        for byte in (status.encode() if isinstance(status, str) else status) + b"\r\n":
            self._writer.write(bytes([byte]))
            await asyncio.sleep(0)
        return await self._writer.drain()

    async def smtp_MAIL(self, arg: str | None) -> None:
        if self.test_server.dsn and arg:
            arg = re.sub(r" (RET|ENVID)=\S*", "", arg)
        await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        if fault := self.test_server.next_fault("body", " ".join(self.envelope.rcpt_tos)):
            await super().push("354 go on")
            await self._reader.readline()
            await self.suffer(fault)
            await super().push(fault.reply)
        elif self.test_server.takes_data_for_nobody and not self.envelope.rcpt_tos:
            await super().push("354 go on")
            self.test_server.commands.append((await self._reader.readuntil(b".\r\n")).decode().strip())
            self._set_post_data_state()
            await super().push("554 5.5.1 no valid recipients")
        else:
            await super().smtp_DATA(arg)
            await self.part()

    async def smtp_BDAT(self, arg: str | None) -> None:
        size, _, last = (arg or "").partition(" ")
        server, envelope = self.test_server, self.envelope
        to = " ".join(envelope.rcpt_tos)
        if fault := server.next_fault("body", to):
            await self._reader.readexactly(1)
            await self.suffer(fault)
            await self.push(fault.reply)
            return
        chunk = await self._reader.readexactly(int(size))
        if fault := server.next_fault("chunk", to):
            await self.suffer(fault)
            await self.push(fault.reply)
        elif not envelope.rcpt_tos:  # the transaction stays open until RSET
            await self.push("250 2.0.0 OK" if server.takes_data_for_nobody else "554 5.5.1 no valid recipients")
        else:
            envelope.content = (envelope.content or b"") + chunk
            if not last:
                await self.push(f"250 2.0.0 {size} bytes")
                return
            status = await server.handle_DATA(self, self.session, envelope)
            self._set_post_data_state()
            await self.push(status)
            await self.part()

    def _wary(self, verb: str, method: Callable[[str | None], Awaitable[None]]):
        async def command(arg: str | None) -> None:
            self.test_server.commands.append(f"{verb} {arg or ''}".strip())
            fault = self.test_server.next_fault(verb.lower(), arg or "")
            if fault and fault.action == "linger":
                await asyncio.sleep(fault.seconds)
                await method(arg)
            elif fault:
                await self.suffer(fault)
                await self.push(fault.reply)
            else:
                await method(arg)

        return command

    async def more(self) -> None:
        while not self._reader._buffer:
            await asyncio.sleep(0)

    async def part(self) -> None:
        """Close after a message, where that is the server's way."""
        if self.test_server.farewell is not None:
            if self.test_server.farewell:
                await self.push(self.test_server.farewell)
            self.transport.close()
            raise asyncio.CancelledError

    async def suffer(self, fault: Fault) -> None:
        """Hang or drop for good, or return when the fault is but a reply."""
        if fault.action == "hang":
            await self.loop.create_future()
        while fault.action == "drip":
            await super().push("250-wait")
            await asyncio.sleep(0.01)
        if fault.reply.startswith("421"):
            await self.push(fault.reply)
            self.transport.close()
            raise asyncio.CancelledError
        if fault.action == "drop":
            self.transport.abort()
            raise asyncio.CancelledError


@contextmanager
def refusing_port() -> Iterator[int]:
    """Hold a port where nobody listens, so that connections are refused and nobody else gets it."""
    with socket(AF_INET, SOCK_STREAM) as held:
        held.bind((HOST, 0))
        yield held.getsockname()[1]


@cache
def certificate() -> Path:
    """Make a self-signed certificate with its key, for localhost and 127.0.0.1, once a process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address(HOST))])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = Path(_kept.name) / "certificate.pem"
    path.write_bytes(
        key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + signed.public_bytes(pem),
    )
    return path


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate())
    return context
