"""Words that people are found by: without case, accents and punctuation, so that “garcia” finds García."""

import re
import unicodedata

WORD = re.compile(r"[^\W_]+")
# Letters that Unicode does not take apart into a plain letter and its marks.
PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ł": "l", "þ": "th"}
)


def search_words(text: str) -> list[str]:
    """Return the words of a text, each once, in small letters without marks."""
    return list(dict.fromkeys(WORD.findall(text.lower() if text.isascii() else _plain(text))))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(PLAIN)


def search_text(*texts: str) -> str:
    """Return what a search looks through: a blank before each word, so that LIKE '% word%' finds how one begins."""
    return "".join(f" {word}" for word in search_words(" ".join(texts)))
