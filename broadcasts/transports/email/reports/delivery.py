"""Delivery reports by their standard (RFC 3464): what became of a copy, in the words of the server that tells it."""

import re
from collections.abc import Iterator
from typing import Any

from ...bounces import BounceClass, bounce_class, enhanced_code
from ...callbacks import Event
from . import tokens
from .parts import Headers, Mail, Part, first, read_headers
from .words import failure_words

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
MOST_RECIPIENTS = 50
LONGEST_WORDS = 500
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
TYPE = re.compile(r"^\s*[\w-]{1,30}\s*;\s*")  # such as “smtp;”, of a Diagnostic-Code
COMMENT = re.compile(r"\(([^()]{3,200})\)")  # as in “5.2.2 (Over quota)”
MILDEST: tuple[BounceClass, ...] = ("soft", "policy", "hard")
SOURCE = "delivery report"


def is_report(mail: Mail) -> bool:
    return mail.part(*STATUS_TYPES) is not None


def event_in(mail: Mail) -> Event | None:
    """Return what a delivery report tells about one of our copies; None if it is only late, or none of ours."""
    part = mail.part(*STATUS_TYPES)
    assert part is not None
    report, *others = list(_groups(part)) or [{}]
    recipients = [one for one in (report, *others) if {"action", "status", "final-recipient"} & set(one)]
    key = tokens.of_envelope_id(first(report, "original-envelope-id")) or tokens.anywhere(mail)
    if not key or not recipients:
        return None
    meant = _about_ours(recipients, mail.returned)
    actions = [_action(one) for one in meant]
    reporter = server(first(report, "reporting-mta"))
    if "delivered" in actions:
        return Event(key, "delivered", detail={"source": SOURCE, "reporter": reporter}, key=key)
    bounces = [_bounce(one, mail) for one, action in zip(meant, actions, strict=True) if action == "failed"]
    if not bounces:
        return None
    detail = min(bounces, key=lambda one: MILDEST.index(one["class"]))
    if len(bounces) < len(meant) and detail["hard"]:  # a server still tries another address of the same person
        detail |= {"hard": False, "class": "soft"}
    return Event(key, "bounced", detail={**detail, "reporter": reporter, "source": SOURCE}, key=key)


def server(value: str) -> str:
    """Return the name of a server, without its type and comments."""
    return "".join(TYPE.sub("", value).split()[:1])[:253]


def _groups(part: Part) -> Iterator[Headers]:
    """Yield the groups of fields: the report's own, and one for each recipient."""
    text = part.text.strip().replace("\r", "\n")
    for group in BLANK_LINES.split(text, MOST_RECIPIENTS)[: MOST_RECIPIENTS + 1]:
        yield read_headers(group.encode("utf-8", "replace"))


def _about_ours(recipients: list[Headers], returned: Headers) -> list[Headers]:
    """Return the recipients that the copy was addressed to; all, where none can be told by its address.

    A copy has one recipient, so several are the addresses that the mail was forwarded to.
    """
    to = first(returned, "to").lower()
    named = [one for one in recipients if (address := _address(one)) and to and address in to]
    return named or recipients


def _address(recipient: Headers) -> str:
    value = first(recipient, "original-recipient") or first(recipient, "final-recipient")
    return TYPE.sub("", value).strip().strip("<>").lower()


def _action(recipient: Headers) -> str:
    """Return what the server did: failed, delivered, delayed, relayed or expanded."""
    words = first(recipient, "action").lower().split()
    by_status = {"5": "failed", "2": "delivered"}.get(first(recipient, "status").strip()[:1], "delayed")
    return words[0].strip(";(,.") if words else by_status


def _bounce(recipient: Headers, mail: Mail) -> dict[str, Any]:
    diagnosis = " ".join(TYPE.sub("", first(recipient, "diagnostic-code")).split())
    told = first(recipient, "status")
    words = diagnosis or "".join(COMMENT.findall(told)[:1]) or failure_words(mail.text)
    status = enhanced_code(told)
    if not status or status.endswith(".0.0"):  # the server's own words are more exact
        status = enhanced_code(diagnosis) or status
    kind = bounce_class(status, words)
    return {"hard": kind == "hard", "class": kind, "code": status, "text": words[:LONGEST_WORDS]}
