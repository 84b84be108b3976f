"""Write the address that a link leads to as the header Location takes it, which is ASCII."""

import re
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote, unquote

import idna

IGNORED = re.compile(r"[\t\n\r]")  # by browsers, wherever they stand in an address
EDGES = "".join(map(chr, range(0x21)))
WEB = re.compile(r"(https?)://([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)
HOST = re.compile(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]")
KEPT = "!#$%&'()*+,/:;=?@[\\]^_`{|}~-."  # browsers encode what else must be


@lru_cache(10_000)
def location(url: str) -> str | None:
    """Return an address of the web in ASCII: its host in punycode, the rest percent-encoded where it must be.

    What is encoded already stays as it is. None for what is no address of http or https.
    """
    beginning, mark, rest = IGNORED.sub("", url.strip(EDGES)).partition("?")
    # As browsers read it, which take \\ for / there.
    found = WEB.fullmatch(_slashes(beginning) + mark + rest)
    if found is None:
        return None
    scheme, place, rest = found.groups()
    login, at, host = place.rpartition("@")
    name, port = _divided(host)
    ascii_name = _ascii(name)
    if ascii_name is None or not re.fullmatch(r"(:[0-9]{0,5})?", port, re.ASCII):
        return None
    return f"{scheme.lower()}://{_encoded(login)}{at}{ascii_name}{port}{_encoded(rest)}"


def _slashes(beginning: str) -> str:
    before, mark, fragment = beginning.partition("#")
    return before.replace("\\", "/") + mark + fragment


def _divided(host: str) -> tuple[str, str]:
    """Return the name and the port, with its colon."""
    if host.startswith("["):
        name, bracket, port = host.partition("]")
        return name + bracket, port
    name, colon, port = host.partition(":")
    return name, colon + port


def _ascii(name: str) -> str | None:
    name = unquote(name)
    if name.isascii():
        return name.lower() if HOST.fullmatch(name) else None
    with suppress(idna.IDNAError, UnicodeError):
        return idna.encode(name, uts46=True).decode()
    with suppress(UnicodeError):  # by the older rules, which know names such as ☃.net
        return name.encode("idna").decode()
    return None


def _encoded(text: str) -> str:
    return text if text.isascii() and text.isprintable() and not set(text) & set(' "<>') else _quoted(text)


def _quoted(text: str) -> str:
    return quote(text, safe=KEPT, errors="replace")
