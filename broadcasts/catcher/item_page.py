"""The page of one message."""

import json
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from html import escape
from typing import Any

from django.conf import settings

from . import cloud
from .page import CatcherResponse, back_form, codes, history, note, page
from .smtp import part, readable
from .store import Sort

MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: {}"  # and where ours are served


def message_answer(caught: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], view: str) -> CatcherResponse | None:
    """Return the page of a message, or with a `view` its source or its HTML, if it has any."""
    if view == "raw":
        return CatcherResponse(caught["source"], "text/plain")
    if caught["sort"] != Sort.MAIL:
        return None if view else CatcherResponse(page(_title(caught), _request(caught, calls)))
    message = message_from_bytes(caught["source"])
    text, html = part(message, "text/plain"), part(message, "text/html")
    if view == "html":
        return CatcherResponse(html, policy=MAIL_POLICY.format(settings.BASE_URL)) if html is not None else None
    items = [(name, readable(str(value))) for name, value in message.raw_items()]
    shown = _sent(caught) + _headers(items)
    if text is not None:
        shown += f"<h2>Text</h2><pre>{escape(text)}</pre>"
    if html is not None:
        shown += '<h2>HTML</h2><p><a href="html">Open it alone</a>, where its links work</p>'
        shown += '<iframe sandbox src="html" title="HTML of the message"></iframe>'
    return CatcherResponse(page(caught["subject"] or "(no subject)", shown))


def _title(caught: Mapping[str, Any]) -> str:
    return f"{Sort(caught['sort']).label} to {', '.join(caught['to']) or 'nobody'}"


def _sent(caught: Mapping[str, Any]) -> str:
    to = escape(", ".join(caught["to"]))
    return f'<p>Sent to {to} at {caught["received"][:19]} UTC. <a href="raw">Source</a>'


def _headers(items: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f'<tr><th scope="row">{escape(name)}<td>{escape(value)}' for name, value in items)
    return f"<h2>Headers</h2><table>{rows}</table>"


def _request(caught: Mapping[str, Any], calls: Sequence[Mapping[str, Any]]) -> str:
    sort = Sort(caught["sort"])
    headers, body = split(caught["source"])
    shown = _sent(caught) + note(caught)
    if sort is Sort.WHATSAPP:
        shown += bubble(caught, body)
    elif caught["subject"]:
        shown += f'<div class="bubble sms">{escape(caught["subject"])}</div>'
    if sort.calls_back:
        shown += history(calls) + back_form(caught, f"/messages/{caught['id']}/") + codes()
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        text = body.decode(errors="replace")
    return f"{shown}<h2>Request</h2><pre>{escape(text)}</pre>{_headers(headers)}"


def bubble(caught: Mapping[str, Any], body: bytes) -> str:
    """Return a WhatsApp message as the person sees it, with its picture."""
    try:
        told = cloud.read(json.loads(body))[1]
    except (cloud.CloudError, ValueError, KeyError, TypeError, AttributeError):
        return f'<div class="bubble">{escape(caught["subject"])}</div>'
    header = escape(told.header)
    if told.link:
        header = f'<a href="{escape(told.link)}">{header}</a>' if told.link.startswith("http") else header
        if "(image)" in told.header:
            header = '<img src="picture" alt="The picture of the message">'
    buttons = "".join(f"<span>{escape(button)}</span>" for button in told.buttons)
    footer = f"<small>{escape(told.footer)}</small>" if told.footer else ""
    parts = "\n".join(filter(None, (header, escape(told.text), footer)))
    return f'<div class="bubble">{parts}{buttons}</div>'


def picture_link(caught: Mapping[str, Any]) -> str:
    """Return the link of a message's picture; "" if it has none."""
    try:
        return cloud.read(json.loads(split(caught["source"])[1]))[1].link
    except (cloud.CloudError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def split(source: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body of a kept request."""
    head, _, body = source.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)], body
