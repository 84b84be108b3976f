"""Words that people are found by: without case, accents and punctuation, so that “garcia” finds García."""

import re
import unicodedata
from typing import Any

from django.db.models import Lookup, TextField

WORD = re.compile(r"[^\W_]+")
LONGEST = 200  # characters of a word; PostgreSQL indexes words of up to 2,046 bytes
# Bytes of a word that the index is asked for: shorter ones begin so many names that reading all is no slower.
SHORTEST = 4
# Letters that Unicode does not take apart into a plain letter and its marks.
PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ł": "l", "þ": "th"}
)


def search_words(text: str) -> list[str]:
    """Return the words of a text, each once, in small letters without marks, cut at LONGEST."""
    words = WORD.findall(text.lower() if text.isascii() else _plain(text))
    return list(dict.fromkeys(word[:LONGEST] for word in words))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(PLAIN)


def search_text(*texts: str) -> str:
    """Return what a search looks through: a blank before each word, so that LIKE '% word%' finds how one begins."""
    return "".join(f" {word}" for word in search_words(" ".join(texts)))


@TextField.register_lookup
class WordBegins(Lookup):
    """A word of a search text begins with this one, which comes from `search_words`.

    PostgreSQL answers it by the index of migration 0039. LIKE stays beside it: it is cheaper for rows read anyway.
    """

    lookup_name = "word_begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.lhs)
        return f"{column} LIKE %s", (*params, f"% {self.rhs}%")

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        sql, params = self.as_sql(compiler, connection)
        if len(self.rhs.encode()) < SHORTEST:
            return sql, params
        column, more = compiler.compile(self.lhs)
        return f"({sql} AND {words_vector(column)} @@ %s::tsquery)", (*params, *more, f"'{self.rhs}':*")


def words_vector(column: str) -> str:
    """Return the words of a search text as PostgreSQL's index has them: as they are, without its own parser."""
    return f"array_to_tsvector(string_to_array(ltrim({column}), ' '))"
