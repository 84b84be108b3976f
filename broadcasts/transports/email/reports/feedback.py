"""Complaints: feedback reports (ARF, RFC 5965), and the form of Outlook.com before it."""

from typing import Any

from ...callbacks import Event
from . import tokens
from .delivery import LONGEST_WORDS, server
from .parts import Headers, Mail, decoded, first, read_headers

REPORT_TYPE = "message/feedback-report"
# What a person means by a report's Feedback-Type. Other types (not-spam, dmarc, other) change nothing.
TYPES = {
    "abuse": "complained",
    "fraud": "complained",
    "virus": "complained",
    "miscategorized": "complained",
    "opt-out": "unsubscribed",
    "opt-out-list": "unsubscribed",
}
SOURCE = "feedback report"
OF_OUTLOOK = "x-hmxmroriginalrecipient"


def is_report(mail: Mail) -> bool:
    return mail.part(REPORT_TYPE) is not None or _is_of_outlook(mail)


def event_in(mail: Mail) -> Event | None:
    """Return the complaint in a report about one of our copies; None if it is about none."""
    part = mail.part(REPORT_TYPE)
    fields = read_headers(part.text.replace("\r", "").strip().encode("utf-8", "replace")) if part else {}
    kind = first(fields, "feedback-type").strip().lower() if part else "abuse"
    type = TYPES.get(kind)
    key = type and _key(mail, fields)
    if not (type and key):
        return None
    reporter = server(first(fields, "reporting-mta")) or first(fields, "user-agent") or _sender_domain(mail)
    detail: dict[str, Any] = {"source": SOURCE, "feedback": kind, "reporter": reporter[:253]}
    if words := decoded(mail.header("subject")):
        detail["text"] = words[:LONGEST_WORDS]
    return Event(key, type, detail=detail, key=key)


def _key(mail: Mail, fields: Headers) -> str:
    return (
        tokens.of_envelope_id(first(fields, "original-envelope-id"))
        or tokens.of_return_path(fields.get("original-mail-from", ()))
        or tokens.anywhere(mail)
    )


def _is_of_outlook(mail: Mail) -> bool:
    """Tell whether a mail is a complaint of Outlook.com's junk mail reporting program without a report's part."""
    return OF_OUTLOOK in mail.returned or OF_OUTLOOK in mail.headers


def _sender_domain(mail: Mail) -> str:
    return mail.header("from").rpartition("@")[2].strip("> ")
