"""Which links a broadcast has, and what is wrong with them: without asking anybody, and by what `answers` found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from broadcasts import formats
from broadcasts.models import LinkCheck
from broadcasts.rendering.tracked_links import find_links

from .draft import Copy, Draft, told
from .hosts import is_reserved
from .lines import Level, Line, ok, warning

MOST = 100  # links of a broadcast that are asked
LONGEST = 2000  # characters; readers and servers cut longer addresses
# What mail programs open beside web addresses; an address without a scheme leads nowhere in mail.
SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms", "whatsapp"})


@dataclass
class Links:
    """The links of a broadcast, {address: the first copy that has it}.

    asked: those that `answers` asks for. Personal links, and those to this server, are not asked.
    """

    asked: dict[str, Copy] = field(default_factory=dict)
    examples: dict[str, Copy] = field(default_factory=dict)
    long: dict[str, Copy] = field(default_factory=dict)
    beyond: int = 0  # how many were too many to be asked
    personal: int = 0


def links_of(draft: Draft) -> Links:
    """Return the links of all copies, as rendering finds them in what is sent, in the HTML and in the text."""
    found = Links()
    for copy in draft.copies:
        for name in ("html", "text"):
            source = getattr(copy.content, name)
            for link in find_links(source, copy.message.syntax, html=name == "html"):
                if link.is_personal:
                    found.personal += 1
                else:
                    _sort(found, link.url, copy)
    return found


def _sort(found: Links, address: str, copy: Copy) -> None:
    if address.startswith(f"{settings.BASE_URL}/") or address in found.asked:
        return
    if is_example(address):
        found.examples.setdefault(address, copy)
    elif len(address) > LONGEST:
        found.long.setdefault(address, copy)
    elif len(found.asked) < MOST:
        found.asked[address] = copy
    else:
        found.beyond += 1


def is_example(address: str) -> bool:
    """Tell whether an address is on a domain that is reserved for examples."""
    try:
        host = (urlsplit(address).hostname or "").removesuffix(".")
    except ValueError:
        return False
    return is_reserved(host)


def examples(draft: Draft, found: Links) -> Line | None:
    """Ask whether links still lead where the shipped designs lead."""
    if not found.examples:
        return None
    return told(
        "example_links",
        [draft.detail(copy, _short(address)) for address, copy in found.examples.items()],
        fine="",
        bad="Links lead to an example address, such as those of a design. Give them addresses of your own.",
    )


def addresses(draft: Draft, found: Links) -> Line | None:
    """Ask whether mail programs can open every link at all."""
    if not any(copy.page.links for copy in draft.html_mail) and not found.long:
        return None
    faults = [draft.detail(copy, f"{_short(address)} is too long") for address, copy in found.long.items()]
    for copy in draft.html_mail:
        for words, address in copy.page.links:
            if fault := address_fault(address):
                faults.append(draft.detail(copy, f"“{words or 'a picture'}” {fault}"))
    return told(
        "link_addresses",
        faults,
        fine="Every link has an address that mail programs open.",
        bad=f"Mail programs do not open these links. Give each a whole address, such as https://club.org, of at most "
        f"{formats.number(LONGEST)} characters.",
    )


def address_fault(address: str) -> str:
    """Return why mail programs do not open the address of a link; "" if they do."""
    address = "".join(address.split())
    if address in ("", "#"):
        return "has no address"
    if address.startswith("#"):
        return ""  # a place in the same mail
    scheme, colon, _ = address.partition(":")
    if not colon or not scheme.isalnum():
        return f"leads to “{_short(address)}”, which is no whole address"
    return "" if scheme.lower() in SCHEMES else f"leads to an address with {scheme.lower()[:40]}:"


def answering(draft: Draft, found: Links, known: Mapping[str, LinkCheck]) -> Line | None:
    """Ask whether the links answer, of what is known lately: {address: its row}."""
    if not found.asked:
        return _not_asked(found)
    faults, refusing, waiting = [], [], 0
    for address, copy in found.asked.items():
        row = known.get(address)
        if row is None:
            waiting += 1
        elif row.fault:
            faults.append(draft.detail(copy, f"{_short(address)}: {row.fault}"))
        elif row.status_code and row.status_code >= 300:
            refusing.append(draft.detail(copy, f"{_short(address)} turns programs away, so look at it yourself"))
    total = formats.number(len(found.asked))
    if waiting:
        done = formats.number(len(found.asked) - waiting)
        words = f"Links are being checked: {done} of {total} so far."
        return warning("links", words, step="what", detail=tuple(faults), stable="pending", is_pending=True)
    do = "does" if len(faults) == 1 else "do"
    bad = f"Of {total} links, {formats.number(len(faults))} {do} not answer as hoped. Mend or remove what fails."
    line = told("links", faults, fine=_fine(found), bad=bad)
    return line if line.level == Level.WARNING else ok("links", line.words, step="what", detail=tuple(refusing))


def _fine(found: Links) -> str:
    n = len(found.asked)
    words = "The link answers." if n == 1 else f"All {formats.number(n)} links answer."
    if found.beyond:
        words = f"The first {formats.number(n)} links answer; {formats.number(found.beyond)} more were not checked."
    return f"{words}{_personal(found)}"


def _not_asked(found: Links) -> Line | None:
    if found.examples or found.long:
        return None  # which lines of their own tell
    return ok("links", f"There are no links to check.{_personal(found)}", step="what")


def _personal(found: Links) -> str:
    return " Personal links are not followed." if found.personal else ""


def _short(address: str) -> str:
    return address if len(address) <= 80 else f"{address[:77]}…"
