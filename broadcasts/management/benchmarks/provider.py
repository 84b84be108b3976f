"""The providers that are spoken to by HTTP, all behind one port: what they take, and what they answer.

They read no more of a request than whom it is for and by which key, so that they take little of the machine that is
measured. The answers are those of the catcher, which documents them.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from broadcasts.catcher import cloud, gateway

from .receiver import ReceiverServer, ReceiverSession

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
QUERY = re.compile(r"[?&](\w+)=([^&]*)")


def field(name: str) -> re.Pattern[bytes]:
    return re.compile(rb'"%s": ?"([^"]+)"' % name.encode())


@dataclass(frozen=True)
class Provider:
    """How one kind of provider is spoken to."""

    path: str  # how the paths of its messages begin
    recipient: re.Pattern[bytes]
    key: re.Pattern[bytes]
    taken: Callable[[str, int], Any]  # what it answers: the recipient and a number -> JSON
    later: tuple[int, Any]  # that a message may come again: status, JSON
    refused: tuple[int, Any]  # that a recipient is none


PROVIDERS = {
    "whatsapp": Provider(
        "/cloud/",
        field("to"),
        field("biz_opaque_callback_data"),
        lambda to, n: cloud.accepted(to, f"wamid.{n}"),
        (cloud.ERRORS[131000][0], cloud.CloudError(131000).body),
        (cloud.ERRORS[131026][0], cloud.CloudError(131026).body),
    ),
    "sms": Provider(
        "/sms/",
        field("to"),
        field("key"),
        lambda to, n: {"id": f"sms-{n}"},
        (500, gateway.GatewayError(500).body),
        (400, gateway.GatewayError(400).body),
    ),
    "webhook": Provider(
        "/hook",
        field("external_id"),
        field("delivery"),
        lambda to, n: {},
        (500, {}),
        (400, {}),
    ),
}


class ProviderSession(ReceiverSession):
    """One connection of HTTP/1.1, on which requests are answered one after the other."""

    drops = ("body", "dot", "answer")
    laters = ("dot",)
    count: ClassVar[int] = 0  # of all connections

    def __init__(self, server: ReceiverServer) -> None:
        super().__init__(server)
        self.provider = PROVIDERS["whatsapp"]
        self.recipient = ""

    def go_on(self) -> None:
        while not (self.is_busy or self.is_cut or self.transport.is_closing()):
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            length = LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if not self.fate[1]:
                self.fate = self.draw()
            if self.suffers("body") or len(self.buffer) < whole:
                return
            head, body = bytes(self.buffer[:end]), bytes(self.buffer[end + 4 : whole])
            del self.buffer[:whole]
            method, target, _ = head.split(b" ", 2)
            self.take_request(method, target, body)

    def take_request(self, method: bytes, target: bytes, body: bytes) -> None:
        path = target.decode("latin-1")
        if method == b"GET":
            self.fate = ("", "")
            self.answer(200, self.read(path))
            return
        kind = next((name for name, one in PROVIDERS.items() if path.startswith(one.path)), "")
        self.provider = PROVIDERS.get(kind) or PROVIDERS["webhook"]
        found, key = self.provider.recipient.search(body), self.provider.key.search(body)
        if not kind or not found or not key:
            self.answer(404, {})
            return
        self.recipient = found[1].decode().lstrip("+")
        if f"{kind}:{self.recipient}" in self.server.behaviour.refuses:
            self.answer(*self.provider.refused)
        elif not self.suffers("dot"):
            self.take(self.recipient, key[1].decode())

    def read(self, path: str) -> Any:
        """Answer a GET: the list of templates, else what a number is."""
        if path.partition("?")[0].endswith("/message_templates"):
            return cloud.template_list(dict(QUERY.findall(path)), path.partition("?")[0])
        return cloud.number("1")

    def put_off(self) -> None:
        self.answer(*self.provider.later)

    def accepted(self) -> None:
        ProviderSession.count += 1
        self.answer(200, self.provider.taken(self.recipient, self.count))

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.write(head.encode() + body)
