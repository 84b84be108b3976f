"""What makes mail look like spam to filters, or like a trick to people; modest, and each threshold with its source."""

import re
from urllib.parse import urlsplit

from broadcasts.mediums import ascii_domain

from .draft import Copy, Draft, told
from .hosts import SHORTENERS
from .lines import Line

# SpamAssassin (SUBJ_ALL_CAPS): several words, at least ten characters, and no small letter.
SHORTEST_SHOUT = 10
# SpamAssassin counted two marks (PLING_PLING); three leave a cheerful subject alone.
MOST_MARKS = 2
# Gmail's sender guidelines: no Re: or Fwd: unless it is a reply. The prefixes are those that SpamAssassin knows.
REPLIES = re.compile(r"\s*(?:re|fwd?|aw|antwort|wg|sv|vb|vs|vl|rv|tr)\s*:", re.IGNORECASE)
# SpamAssassin (HTML_IMAGE_ONLY_04): pictures with at most 400 bytes of words; half of that, for short notices.
FEWEST_WORDS = 200
# SpamAssassin (MPART_ALT_DIFF) compares the words of both parts; with less than a quarter of them it is another text.
LEAST_SHARED = 0.25
COMPARED_ABOVE = 20  # different words of the HTML; in fewer, chance decides
_WORDS = re.compile(r"\w{3,}")
_ADDRESS = re.compile(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:[/?#:]\S*)?", re.IGNORECASE)
_WEB = re.compile(r"https?://\S+")
_MARKS = re.compile("[!\uff01]")
_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def subject_style(draft: Draft) -> Line | None:
    """Ask whether a subject shouts, or pretends to be a reply."""
    if not any(copy.subject for copy in draft.mail):
        return None
    faults = [draft.detail(copy, words) for copy in draft.mail for words in subject_faults(copy.subject)]
    return told(
        "subject_style",
        faults,
        fine="The subject neither shouts nor pretends to be a reply.",
        bad="The subject looks like spam. Write it in plain words.",
    )


def subject_faults(subject: str) -> list[str]:
    """Return what is wrong with the style of a subject."""
    found = []
    bare = REPLIES.sub("", subject).strip()
    letters = [letter for letter in bare if letter.isalpha()]
    has_cases = any(letter.lower() != letter.upper() for letter in letters)
    if has_cases and len(bare) >= SHORTEST_SHOUT and " " in bare and "".join(letters).isupper():
        found.append("all capital letters")
    if len(_MARKS.findall(subject)) > MOST_MARKS:
        found.append("many exclamation marks")
    if REPLIES.match(subject):
        found.append("it begins like a reply or a forwarded mail, and is neither")
    return found


def few_words(draft: Draft) -> Line | None:
    """Ask whether a mail is little more than a picture."""
    shown = [copy for copy in draft.html_mail if copy.page.pictures]
    if not shown:
        return None
    return told(
        "few_words",
        [draft.detail(copy, "a picture with few words") for copy in shown if _letters(copy) < FEWEST_WORDS],
        fine="There are enough words beside the pictures.",
        bad="The mail is little more than a picture. Write in words what it says: filters and people without pictures "
        "read nothing else.",
    )


def _letters(copy: Copy) -> int:
    """Return the bytes of words that were written, without tags, alternative texts, addresses and our footer."""
    words = _WEB.sub("", _TAGS.sub("", copy.written.words))
    return len(words.encode()) - sum(len(alt.encode()) for alt in copy.written.pictures)


def text_part(draft: Draft) -> Line | None:
    """Ask whether the text part says what the HTML says; without one it is made from the HTML."""
    if not draft.html_mail:
        return None
    faults = [draft.detail(copy, words) for copy in draft.html_mail if (words := _text_fault(copy))]
    return told(
        "text_part",
        faults,
        fine="The text part says the same as the HTML.",
        bad="The text part does not say what the HTML says. Write it anew, or empty it: then it is made from the HTML.",
    )


def _text_fault(copy: Copy) -> str:
    if copy.rendered is None:
        return ""
    told_in_text, told_in_html = _words(copy.rendered.text), _words(copy.page.words)
    if not told_in_text:
        return "the text part is empty" if told_in_html or copy.page.pictures else ""
    if len(told_in_html) < COMPARED_ABOVE or not copy.content.text.strip():
        return ""
    shared = len(told_in_html & told_in_text) / len(told_in_html)
    return "the text part has few of the HTML's words" if shared < LEAST_SHARED else ""


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORDS.findall(_WEB.sub("", text))}


def shorteners(draft: Draft) -> Line | None:
    """Ask whether links hide behind a public shortener."""
    links = [(copy, address) for copy in draft.mail for address in addresses_in(copy)]
    if not links:
        return None
    found = [(copy, host) for copy, address in links if (host := host_of(address)) in SHORTENERS]
    return told(
        "shorteners",
        [draft.detail(copy, host) for copy, host in found],
        fine="No link hides behind a link shortener.",
        bad="Links hide behind a public link shortener, as spam does. Give the address that they lead to.",
    )


def deceptive_links(draft: Draft) -> Line | None:
    """Ask whether the words of a link show another domain than its address."""
    if not any(copy.page.links for copy in draft.html_mail):
        return None
    faults = [
        draft.detail(copy, f"“{words}” leads to {host_of(address)}")
        for copy in draft.html_mail
        for words, address in copy.page.links
        if shows_another(words, address)
    ]
    return told(
        "deceptive_links",
        faults,
        fine="Every link leads where its words say.",
        bad="The words of a link show another domain than it leads to, as in phishing. Write words, or that domain.",
    )


def shows_another(words: str, address: str) -> bool:
    """Tell whether the words of a link are an address on another domain than the link's own."""
    shown, host = _ADDRESS.fullmatch(words.strip()), host_of(address)
    if shown is None or not host:
        return False
    named = ascii_domain(shown[1].lower()).removeprefix("www.")
    host = host.removeprefix("www.")
    return bool(named) and named != host and not host.endswith(f".{named}") and not named.endswith(f".{host}")


def addresses_in(copy: Copy) -> list[str]:
    """Return the web addresses that a copy shows, in its HTML and its text."""
    in_text = _WEB.findall(copy.rendered.text if copy.rendered else copy.content.text)
    return list(dict.fromkeys([*(address for _, address in copy.page.links), *in_text]))


def host_of(address: str) -> str:
    """Return the host of a web address in lower case; "" for what is none."""
    try:
        return (urlsplit(address.strip()).hostname or "") if _WEB.match(address.strip()) else ""
    except ValueError:
        return ""
