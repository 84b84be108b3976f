"""The alphabets of SMS: how many segments a text takes, and which characters make it take more.

GSM 03.38: the characters of the basic alphabet are one septet each, those of its extension two; 160 septets fit into
one SMS, 153 into each segment of a longer one. With any other character the whole text is sent as UCS-2, of which 70
and 67 units fit. Neither a pair of septets nor a surrogate pair is split between segments.
"""

from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM, UCS2 = "gsm", "ucs2"
SIZES = {GSM: (160, 153), UCS2: (70, 67)}  # units in a single SMS, and in each segment of a longer one

# Characters that word processors put in, and what they stand for.
PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`\u02bc", "'"),  # single quotes
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),  # double quotes
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),  # hyphens, dashes, minus
        **dict.fromkeys("\u2022\u00b7\u25aa\u2023", "-"),  # bullets
        **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\t", " "),
        **dict.fromkeys("\u200b\u200c\u2060\ufeff\u00ad", ""),  # nothing that can be seen
        "\u2026": "...",
        "\u2039": "<",
        "\u203a": ">",
        "\u2044": "/",
        "\u00d7": "x",
        "\u2122": "(TM)",
        "\u00a9": "(C)",
        "\u00ae": "(R)",
        "\u00bd": "1/2",
        "\u00bc": "1/4",
        "\u00be": "3/4",
        "\ufb01": "fi",
        "\ufb02": "fl",
    }
)


@dataclass(frozen=True)
class Count:
    """What a text takes as an SMS."""

    encoding: str  # gsm or ucs2
    units: int  # septets, or units of 16 bits
    segments: int
    left: int  # units until one more segment is needed
    others: str  # its characters outside the alphabet of GSM 03.38, each once


def encoding_of(text: str) -> str:
    return GSM if BASIC.issuperset(text) or (BASIC | EXTENSION).issuperset(text) else UCS2


def segments(text: str) -> int:
    """Return how many segments a text is billed as; an empty one is sent, too."""
    return _fill(_widths(text, encoding_of(text)), encoding_of(text))[0]


def count(text: str) -> Count:
    encoding = encoding_of(text)
    widths = _widths(text, encoding)
    number, left = _fill(widths, encoding)
    others = "".join(dict.fromkeys(one for one in text if one not in BASIC and one not in EXTENSION))
    return Count(encoding, sum(widths), number, left, others)


def plain(text: str) -> str:
    """Replace quotes, dashes, spaces and signs that the alphabet of SMS lacks by those that it has."""
    return text.translate(PLAIN)


def _widths(text: str, encoding: str) -> list[int]:
    """Return the units of each character."""
    if encoding == GSM:
        return [2 if one in EXTENSION else 1 for one in text]
    return [2 if ord(one) > 0xFFFF else 1 for one in text]


def _fill(widths: list[int], encoding: str) -> tuple[int, int]:
    """Return how many segments characters of these widths take, and the units left in the last one."""
    single, each = SIZES[encoding]
    total = sum(widths)
    if total <= single:
        return 1, single - total
    number, used = 1, 0
    for width in widths:
        if used + width > each:
            number, used = number + 1, 0
        used += width
    return number, each - used
