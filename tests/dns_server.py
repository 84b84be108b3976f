"""A DNS server of this machine, by UDP and TCP, that answers as a test says."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

LONGEST = 512  # bytes of an answer by UDP; longer ones are asked for again by TCP
SILENT = "silent"
BROKEN = "broken"  # SERVFAIL
GARBAGE = "garbage"

Records = dict[tuple[str, str], list[str] | str]


def text(*strings: str) -> str:
    """A TXT record of these strings, each cut to what one may hold."""
    cut = [one[start : start + 255] for one in strings for start in range(0, max(len(one), 1), 255)]
    return " ".join('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in cut)


class DnsServer:
    """Answers from `records`, {(name, type): its records, or SILENT, BROKEN or GARBAGE}; counts what it was asked."""

    def __init__(self) -> None:
        self.records: Records = {}
        self.asked: list[tuple[str, str]] = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self._serve(self._answer_udp)
        self._serve(self._answer_tcp)

    def _serve(self, work: Callable[[], None]) -> None:
        def forever() -> None:
            with suppress(OSError):
                while True:
                    work()

        threading.Thread(target=forever, daemon=True).start()

    def close(self) -> None:
        for one in (self.udp, self.tcp):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def txt(self, name: str, *records: str) -> None:
        self.records[name, "TXT"] = [text(one) for one in records]

    def _answer_udp(self) -> None:
        wire, client = self.udp.recvfrom(4096)
        if not wire:
            raise OSError("It was closed.")
        if answer := self._answer(wire, LONGEST):
            self.udp.sendto(answer, client)

    def _answer_tcp(self) -> None:
        connection, _ = self.tcp.accept()
        with connection:
            connection.settimeout(2)
            size = int.from_bytes(connection.recv(2), "big")
            if answer := self._answer(connection.recv(size), 65535):
                connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, wire: bytes, longest: int) -> bytes:
        asked = dns.message.from_wire(wire)
        [question] = asked.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), question.rdtype.name
        self.asked.append((name, kind))
        found = self.records.get((name, kind), [])
        if found == SILENT:
            return b""
        if found == GARBAGE:
            return wire[:2] + b"\xff" * 40
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        if found == BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif not any(one == name for one, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        whole = answer.to_wire(max_size=65535)
        if len(whole) <= longest:
            return whole
        short = dns.message.make_response(asked)
        short.flags |= dns.flags.TC
        return short.to_wire()
