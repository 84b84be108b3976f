"""The content of a message in one language: its templates, rendered whole for one recipient.

This is the reference for the compiled way; the package's docstring says why both exist.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from broadcasts.models import Contact, Message, MessageTranslation, UseCase

from .budget import Budget
from .footers import FOOTER_LINKS, SHORT, footer_links, html_footer, says_stop, short_footer, text_footer
from .mime import clean_body, one_line
from .names import ContactSnapshot
from .templates import CompiledTemplate, compile_template
from .tracked_copies import MarkedSource, Tracking, clicked_field

TEMPLATED = ("subject", "preheader", "text", "html")  # the fields that are templates
_BODY = re.compile(r"<body\b", re.IGNORECASE)
BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(slots=True)
class Recipient:
    """The recipient of one copy."""

    key: str  # the delivery's public token
    address: str
    language: str
    contact: Contact | ContactSnapshot | None  # None if the contact was erased


@dataclass(frozen=True, slots=True)
class Rendered:
    """The fields of one copy, rendered."""

    subject: str
    preheader: str
    text: str
    html: str
    language: str
    address: str


class ContentTemplate:
    """The parsed templates of one translation."""

    def __init__(self, message: Message, translation: MessageTranslation, tracking: Tracking | None = None) -> None:
        broadcast = message.broadcast
        self.organization = broadcast.organization
        self.language = translation.language
        self.default_subject = self.organization.default_subject or broadcast.name
        sources = {field: getattr(translation, field) for field in TEMPLATED}
        self.marks: MarkedSource | None = None  # of the links that are measured, and None if nothing is
        if tracking is not None:
            field = clicked_field(translation)
            marks = MarkedSource(sources[field], message.syntax, tracking, html=field == "html")
            if marks.links or (tracking.opens and field == "html"):
                self.marks, sources[field] = marks, marks.source
        self.subject, self.preheader, self.text, self.html = (
            compile_template(
                f"translations.{translation.language}.{field}",
                source,
                message.syntax,
                html=field == "html",
                longer=len(source) - len(getattr(translation, field)),
            )
            for field, source in sources.items()
        )
        marketing = broadcast.use_case == UseCase.MARKETING
        self.html_footer = marketing and not self.html.uses("unsubscribe_url")
        carries_link = self.text if self.text.source.strip() else self.html
        has_way_out = carries_link.uses("unsubscribe_url") or says_stop(message, self.text.source)
        self.text_footer = marketing and not has_way_out
        self.is_short = message.medium in SHORT
        self.footer_links = footer_links(message)  # of the text

    def templates(self) -> tuple[CompiledTemplate, ...]:
        return self.subject, self.preheader, self.text, self.html

    def text_of_html(self, html: str, budget: Budget) -> str:
        """Return the text part for rendered HTML; it shows the addresses as they were written."""
        return self.html.text_of(self.marks.original(html) if self.marks else html, budget)

    def render(self, values: Mapping[str, object], recipient: Recipient, budget: Budget) -> Rendered:
        """Render all fields for one recipient within one budget; raises RenderError or OverBudget."""
        html = self._filled_html(values, budget)
        if self.text.source.strip():
            text = clean_body(self.text.render(values, budget))
        else:
            text = self.text_of_html(html, budget)
        if self.marks is not None:
            text = self.marks.tracked(text, self.marks.tracking.copy_key(recipient.key))
        if self.text_footer:
            text = text.rstrip() + self.footer_of_text(*(str(values[name]) for name in self.footer_links))
        preheader = one_line(self.preheader.render(values, budget))
        html = self._finished_html(html, preheader, values, recipient)
        subject = one_line(self.subject.render(values, budget)) or one_line(self.default_subject)
        return Rendered(subject, preheader, text, html, self.language, recipient.address)

    def render_html(self, values: Mapping[str, object], recipient: Recipient, budget: Budget) -> str:
        """Render the HTML alone, as `render` does."""
        html = self._filled_html(values, budget)
        return self._finished_html(html, one_line(self.preheader.render(values, budget)), values, recipient)

    def _filled_html(self, values: Mapping[str, object], budget: Budget) -> str:
        return clean_body(self.html.render(values, budget)) if self.html.source.strip() else ""

    def _finished_html(self, html: str, preheader: str, values: Mapping[str, object], recipient: Recipient) -> str:
        """Return rendered HTML with what measures, its footer and its preheader."""
        measuring = ""
        if self.marks is not None:
            html = self.marks.tracked(html, self.marks.tracking.copy_key(recipient.key))
            measuring = self.marks.measuring_html(recipient.key)
        if html and (self.html_footer or measuring):
            at = footer_place(html)
            urls = [str(values[name]) for name in FOOTER_LINKS]
            footer = html_footer(self.organization, self.language, *urls) if self.html_footer else ""
            html = html[:at] + footer + measuring + html[at:]
        if html and preheader:
            at = preheader_place(html)
            html = html[:at] + hidden(preheader) + html[at:]
        return html

    def footer_of_text(self, *urls: str) -> str:
        """Return the footer of the text with the URLs of `footer_links`."""
        footer = short_footer if self.is_short else text_footer
        return footer(self.organization, self.language, *urls)


def footer_place(html: str) -> int:
    """Return the index in HTML where a footer is inserted: before the last </body>, or at the end."""
    found = list(BODY_END.finditer(html))
    return found[-1].start() if found else len(html)


def preheader_place(html: str) -> int:
    """Return the index in HTML where a preheader is inserted: after the <body> tag, or 0."""
    return max(0, body_start(html)[1])


def body_start(html: str) -> tuple[int, int]:
    """Return the start and end index of the <body> tag; (-1, -1) if there is none."""
    found = _BODY.search(html)
    end = html.find(">", found.end()) if found else -1
    return (found.start(), end + 1) if found and end >= 0 else (-1, -1)


def hidden(preheader: str) -> str:
    """Return a preheader as a hidden element: mailboxes show it in their lists, the open message does not."""
    return f'<div style="display:none;max-height:0">{escape(preheader)}</div>'
