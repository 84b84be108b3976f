"""What a person wrote in a reply by mail, without the message that they quote."""

import re
from html import unescape

LONGEST = 100_000  # characters of a text that are looked at
MOST_IDS = 20  # of the messages that a reply names
MESSAGE_ID = re.compile(r"<([^<>\s]{1,500})>")
# Where the quoted message begins, unless by ">": the frames of Outlook, and the attribution of other programs.
QUOTE = re.compile(
    r"^\s*(>|-{3,} ?\w[\w ]*-{3,}\s*$|_{20,}\s*$|(On|El|Le|Am|Em|Il)\b.{5,200}"
    r"\b(wrote|escribió|a écrit|schrieb.*|escreveu|ha scritto)\s?:\s*$)"
)
# None of these looks further than the next angle bracket, so that tags without an end cost no time.
HIDDEN = re.compile(r"(?i)<(/?)(style|script|blockquote)\b[^<>]*>?")
LINE_END = re.compile(r"(?i)<(br|/p|/div)\b[^<>]*>")
TAG = re.compile(r"<[^<>]*>")


def own_words(text: str) -> str:
    """Return what a person wrote, without the message that they quote, above or below their words."""
    lines = text[:LONGEST].replace("\r\n", "\n").split("\n")
    start = next((n for n, line in enumerate(lines) if QUOTE.match(line)), len(lines))
    above = "\n".join(lines[:start]).strip()
    if start < len(lines) and lines[start].lstrip().startswith(">"):
        above = _without_attribution(above)
    return above or "\n".join(line for line in lines if not QUOTE.match(line)).strip()


def _without_attribution(text: str) -> str:
    """Return a text without its last lines if these introduce a quote, as “On Monday Ana <…> wrote:” does."""
    paragraphs = re.split(r"\n\s*\n", text)
    is_short = paragraphs[-1].count("\n") < 3
    return "\n\n".join(paragraphs[:-1]) if is_short and paragraphs[-1].rstrip().endswith(":") else text


def text_of_html(html: str) -> str:
    """Return the words of HTML, without its quotes."""
    lines = LINE_END.sub("\n", _shown(html[:LONGEST]))
    return unescape(TAG.sub("", lines)).strip()


def _shown(html: str) -> str:
    """Return HTML without styles, scripts and quotes, in one pass: anybody may write it, and as long as is taken."""
    kept, place, inside = [], 0, ""
    for tag in HIDDEN.finditer(html):
        name = tag[2].lower()
        if not inside and not tag[1]:
            kept.append(html[place : tag.start()])
            inside, place = name, tag.start()
        elif tag[1] and name == inside:
            inside, place = "", tag.end()
    return "".join([*kept, html[place:]])


def ids_named(in_reply_to: str, references: str) -> list[str]:
    """Return the ids of the messages that a reply answers, the nearest first, without the angle brackets."""
    earlier = MESSAGE_ID.findall(references)
    return list(dict.fromkeys([*MESSAGE_ID.findall(in_reply_to), *reversed(earlier)]))[:MOST_IDS]
